"""Subnetworks that scale an error where only plain PES can learn from it."""

from nengo_lr.networks.error_scaler import ErrorScaler

__all__ = ["ErrorScaler"]
