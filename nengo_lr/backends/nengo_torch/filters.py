"""What happens to activities before a rule sees them, on PyTorch's tensors."""

import math

import torch

from nengo_lr.backends.nengo_torch.base import TorchOperator, constant, registered
from nengo_lr.builder import SimActivityFilter, SimDamp


@registered(SimActivityFilter)
class TorchActivityFilter(TorchOperator):
    """Filter activities with one state element each."""

    def prefers_numpy(self, n_items):
        return False  # where all else runs on tensors, numpy's steps are cold

    def make_step(self, signals):
        op, a, b = self.op, float(self.op.a), float(self.op.b)
        input, output, x = signals[op.input], signals[op.output], signals[op.x][:, 0]

        def step_lowpass():
            x.lerp_(input, b)
            output.copy_(x)

        def step_filter():
            x.mul_(a).add_(input, alpha=b)
            output.copy_(x)

        is_mean = math.isclose(a + b, 1, rel_tol=1e-15)
        return step_lowpass if is_mean else step_filter


@registered(SimDamp)
class TorchDamp(TorchOperator):
    """Damp the leading directions of activities."""

    def make_step(self, signals):
        op, activities = self.op, signals[self.op.activities]
        coordinates, damped = signals[op.coordinates], signals[op.damped]
        matrix = constant(op.directions.matrix, activities)
        back = constant(
            -op.directions.powers[:, None] * op.directions.matrix, activities
        )

        def step_damp():
            torch.mm(activities, matrix.T, out=coordinates)
            torch.addmm(activities, coordinates, back, out=damped)

        return step_damp
