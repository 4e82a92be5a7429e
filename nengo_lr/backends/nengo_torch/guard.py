"""Stop a simulation on PyTorch's tensors before learned weights overflow."""

import numpy as np
import torch

from nengo_lr.backends.nengo_torch.base import TorchOperator, items, registered
from nengo_lr.builder import SimWeightsGuard
from nengo_lr.builder.guard import PERIOD, limit_of, overflowing, too_large
from nengo_lr.builder.kernels import squared_norm


def limit_in(tensor):
    """The largest size that an element of a tensor may have."""
    return limit_of(np.dtype(str(tensor.dtype).partition(".")[2]))


class TorchChangeGuard(TorchOperator):
    """What the operators share that compute the weight change of a PES rule."""

    def make_guard(self, signals, rate, error, activities):
        """Make the function that stops before the change of any item is too large."""
        reads, gradient = (rate, error, activities), self.op.guards_gradient
        squares = [self.square(tensor) for tensor in reads]
        most, share = limit_in(error) ** 2, (self.dt / self.op.activities.size) ** 2

        def look():
            # the norm of all items together is not below that of any
            rates, errors, powers = (square() for square in squares)
            if max(share * rates, 1.0) * errors * powers <= most:
                return
            weights = signals[self.op.weights]
            for i, (rate, error, activities, matrix) in items(*reads, weights):
                name = overflowing(rate, error, activities, self.dt, gradient)
                if name:
                    self.stop(signals, i, rate, matrix, error, name)

        return self.looker(look, error)

    def square(self, tensor):
        """Make the function that returns the squared norm of a tensor."""
        if tensor.is_contiguous() and not self.runs_behind(tensor):
            return squared_norm(tensor.numpy().reshape(-1))

        def square():
            norm = torch.linalg.vector_norm(tensor).item()
            return norm * norm  # as infinite as it may be, unlike a power

        return square


class TorchMatrixGuard(TorchOperator):
    """What the operators share that look at matrices of the weights' size."""

    def look(self, signals, matrices):
        """Stop the simulation if an element is too large in any item."""
        if matrices.abs().max().item() <= limit_in(matrices):
            return
        rate, weights = signals[self.op.rate], signals[self.op.weights]
        for i, (values, rates, matrix) in items(matrices, rate, weights):
            if too_large(values):
                self.stop(signals, i, rates, matrix)


@registered(SimWeightsGuard)
class TorchWeightsGuard(TorchMatrixGuard):
    """Look at a rule's weights in every tenth step."""

    def make_step(self, signals):
        weights, step = signals[self.op.weights], signals[self.op.step].item() - 1

        def step_guard():
            nonlocal step
            step += 1
            if step % PERIOD == 0:
                self.look(signals, weights)

        return step_guard
