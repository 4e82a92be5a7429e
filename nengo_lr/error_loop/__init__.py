"""The error loop of a learned connection, read from a network."""

from nengo_lr.error_loop.system import ErrorLoop, LoopTiming, loop_timing

__all__ = ["ErrorLoop", "LoopTiming", "loop_timing"]
