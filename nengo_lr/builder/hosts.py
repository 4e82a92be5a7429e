"""What differs between the simulators that a model is built for."""

import importlib
import sys


def register_backends():
    """Register our operators with every simulator that is loaded and that we know."""
    for simulator in ("nengo_dl",):
        if simulator in sys.modules:
            importlib.import_module(f"nengo_lr.backends.{simulator}")
