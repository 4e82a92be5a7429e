"""PyTorch's functions under numpy's names, for the formulas of laws and optimizers.

What is not here has the same name and arguments in both.
"""
# ruff: noqa: D103

import numpy as np
import torch


def dtype_of(dtype):
    """PyTorch's name for a type of numpy's; others as they are."""
    if dtype is None or isinstance(dtype, torch.dtype):
        return dtype
    return getattr(torch, np.dtype(dtype).name)


def like(number, other):
    """A number as a tensor that goes with another, and tensors as they are."""
    if isinstance(number, torch.Tensor) or not isinstance(other, torch.Tensor):
        return torch.as_tensor(number)
    return torch.as_tensor(number, dtype=other.dtype, device=other.device)


def asarray(a, dtype=None):
    return torch.as_tensor(a, dtype=dtype_of(dtype))


def clip(a, low, high):
    return torch.clamp(a, low, high)


def concatenate(arrays, axis=0):
    return torch.cat(tuple(arrays), dim=axis)


def maximum(a, b):
    return torch.maximum(like(a, b), like(b, a))


def mean(a, axis=None, keepdims=False):
    return torch.mean(a, dim=axis, keepdim=keepdims)


def minimum(a, b):
    return torch.minimum(like(a, b), like(b, a))


def sum(a, axis=None, keepdims=False):
    return torch.sum(a, dim=axis, keepdim=keepdims)


def __getattr__(name):
    try:
        return getattr(torch, name)
    except AttributeError:
        raise AttributeError(
            f"nengo_lr knows no function of PyTorch that is numpy's {name}: a law or "
            "optimizer can use it on one item on a CPU, or on other simulators"
        ) from None
