"""Subnetworks that scale an error where only plain PES can learn from it."""

from nengo_lr.networks.error_scaler import ErrorScaler
from nengo_lr.networks.error_scaling import to_error_scaling

__all__ = ["ErrorScaler", "to_error_scaling"]
