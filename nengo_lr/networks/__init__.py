"""Subnetworks that scale an error where only plain PES can learn from it."""

from nengo_lr.networks.error_scaler import ErrorScaler
from nengo_lr.networks.error_scaling import to_error_scaling
from nengo_lr.networks.sizing import expected_error, neurons_needed

__all__ = ["ErrorScaler", "expected_error", "neurons_needed", "to_error_scaling"]
