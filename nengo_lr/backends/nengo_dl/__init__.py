"""Build the learning rules' operators into NengoDL's TensorFlow graph."""

from nengo_lr.backends.nengo_dl import guard, pes, rates, scaled

__all__ = ["guard", "pes", "rates", "scaled"]
