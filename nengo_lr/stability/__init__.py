"""The learning rates at which PES is stable, from the model alone."""

from nengo_lr.stability.rates import (
    Stability,
    error_left,
    rate_for,
    stable_rate,
    warn_if_unstable,
)

__all__ = ["Stability", "error_left", "rate_for", "stable_rate", "warn_if_unstable"]
