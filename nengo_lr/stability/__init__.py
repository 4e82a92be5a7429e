"""The learning rates at which PES is stable, from the model alone."""

from nengo_lr.stability.rates import (
    error_left,
    rate_for,
    stable_rate,
    warn_if_unstable,
)

__all__ = ["error_left", "rate_for", "stable_rate", "warn_if_unstable"]
