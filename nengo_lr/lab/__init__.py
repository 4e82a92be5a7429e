"""Experiments on learning rates: trials, and the questions that are asked of them."""

from importlib import import_module

__all__ = ["plot"]


def __getattr__(name):
    if name == "plot":  # only figures need matplotlib
        return import_module("nengo_lr.lab.plot")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
