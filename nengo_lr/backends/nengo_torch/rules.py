"""Weight changes on PyTorch's tensors: those of PES, of optimizers and other rules."""

import torch
from nengo_torch.builder import TorchBuilder

from nengo_lr.backends.nengo_torch import namespace
from nengo_lr.backends.nengo_torch.base import TorchLearner, registered
from nengo_lr.backends.nengo_torch.guard import TorchChangeGuard, TorchMatrixGuard
from nengo_lr.builder import (
    SimAddDelta,
    SimAddOuter,
    SimOptimizedPES,
    SimPESFactors,
    SimScaledRule,
    SimScheduledPES,
)
from nengo_lr.builder.kernels import SMALL


class TorchPESGradient(TorchLearner, TorchChangeGuard):
    """Compute the weight change of a PES rule."""

    def make_step(self, signals):
        op = self.op
        reads = [signals[signal] for signal in (op.rate, op.error, op.activities)]
        change = self.make_change(signals, *reads, -self.dt / op.activities.size)
        if not op.guarded:
            return change
        check = self.make_guard(signals, *reads)

        def step_guarded():
            check()
            change()

        return step_guarded

    def make_change(self, signals, rate, error, activities, scale):
        """Make the function that sets what the operator updates.

        Parameters
        ----------
        signals : TorchSignalDict
        rate : tensor (items, 1 or m)
        error : tensor (items, m)
        activities : tensor (items, n)
        scale : float
            What the rate is multiplied by: ``-dt / n``.
        """
        raise NotImplementedError("subclasses must implement this method")


@registered(SimPESFactors)
class TorchPESFactors(TorchPESGradient):
    """Store the two factors of the weight change."""

    def make_change(self, signals, rate, error, activities, scale):
        left, right = signals[self.op.left][:, :, 0], signals[self.op.right][:, 0]

        def set_factors():
            torch.mul(error, rate * scale, out=left)
            right.copy_(activities)

        return set_factors


@registered(SimScheduledPES)
class TorchScheduledPES(TorchPESGradient):
    """Compute the weight change as a matrix."""

    def make_change(self, signals, rate, error, activities, scale):
        delta, right = signals[self.op.delta], activities[:, None]
        return lambda: torch.mul((error * (rate * scale))[..., None], right, out=delta)


@registered(SimOptimizedPES)
class TorchOptimizedPES(TorchPESGradient):
    """Compute the weight change with an optimizer."""

    def prefers_numpy(self, n_items):
        return n_items == 1 or self.op.delta.size > SMALL

    def make_change(self, signals, rate, error, activities, scale):
        step, delta = signals[self.op.step], signals[self.op.delta]
        update, dt = self.op.optimizer.update, self.dt
        state = {name: signals[signal] for name, signal in self.op.state.items()}

        def set_change():
            new, change = update(state, error, activities, step, dt, namespace)
            torch.mul(change, (rate * scale)[..., None], out=delta)
            for name, tensor in state.items():
                tensor.copy_(new[name])

        return set_change


class TorchAdder(TorchLearner):
    """An operator that adds to the weights, which PyTorch does in one pass."""

    def prefers_numpy(self, n_items):
        return False


@registered(SimAddOuter)
class TorchAddOuter(TorchAdder):
    """Add an outer product to the weights."""

    def make_step(self, signals):
        op = self.op
        target, left, right = (signals[s] for s in (op.target, op.left, op.right))
        # faster than a product of matrices, and with all bits of float32 on any device
        return lambda: target.addcmul_(left, right)


@registered(SimAddDelta)
class TorchAddDelta(TorchAdder):
    """Add a weight change to the weights."""

    def make_step(self, signals):
        target, delta = signals[self.op.target], signals[self.op.delta]
        return lambda: target.add_(delta)


@registered(SimScaledRule)
class TorchScaledRule(TorchLearner, TorchMatrixGuard):
    """Run a rule's own operator and scale the weight change that it computes."""

    def make_step(self, signals):
        op, rate, delta = self.op, signals[self.op.rate], signals[self.op.delta]
        rule = TorchBuilder.build(op.rule_op, dt=self.dt, mode="exact", rng=self.rng)
        check = self.looker(lambda: self.look(signals, delta), delta)
        zero = torch.zeros((), dtype=delta.dtype, device=delta.device)

        def step_rule():
            rule(signals)
            factor = (rate / op.own_rate)[..., None]
            # a change that is not finite would survive a rate of 0
            torch.where(factor == 0, zero, delta * factor, out=delta)
            if op.guarded:
                check()

        return step_rule
