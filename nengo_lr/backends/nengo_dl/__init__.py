"""Build the learning rules' operators into NengoDL's TensorFlow graph."""

from nengo_lr.backends.nengo_dl import pes, rates

__all__ = ["pes", "rates"]
