"""Build the learning rules' operators into NengoDL's TensorFlow graph."""

from nengo_lr.backends.nengo_dl.host import NengoDL

HOST = NengoDL
