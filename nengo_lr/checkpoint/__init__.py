"""Save a learning run to a file, and resume it."""

from nengo_lr.checkpoint.save import load, save

__all__ = ["load", "save"]
