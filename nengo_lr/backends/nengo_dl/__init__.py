"""Build the learning rules' operators into NengoDL's TensorFlow graph."""

from nengo_lr.backends.nengo_dl import guard, pes, rates

__all__ = ["guard", "pes", "rates"]
