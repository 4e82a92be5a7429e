"""Our operators on PyTorch's tensors; to import this module is to register them.

Signals have a leading axis for the items of a minibatch. On the CPU, numpy's arrays can
share the memory of tensors, so that the operators' own steps do what they do in Nengo,
at the same speed, which PyTorch does not reach for one item or for an optimizer. The
steps of this module are for all else.

A device other than the CPU runs behind the program, which must not wait for it in every
step: schedules are evaluated on the host, and numbers go to the device with the
operation that uses them.
"""

import copy
from operator import is_not

import numpy as np
import torch
from nengo.exceptions import BuildError, SimulationError
from nengo_torch.builder import TorchBuilder

from nengo_lr.auto import Surroundings
from nengo_lr.backends.nengo_torch import namespace
from nengo_lr.builder import (
    SimActivityFilter,
    SimAddDelta,
    SimAddOuter,
    SimAutoRate,
    SimDamp,
    SimFeedbackRate,
    SimNodeRate,
    SimOptimizedPES,
    SimPESFactors,
    SimScaledRule,
    SimScheduledPES,
    SimScheduledRate,
    SimWeightsGuard,
    check_rate,
)
from nengo_lr.builder.control import BUILT, CHOICE, FROZEN
from nengo_lr.builder.guard import PERIOD, limit_of, overflowing, stop, too_large
from nengo_lr.builder.kernels import SMALL
from nengo_lr.builder.merging import Group


def registered(op_type):
    """Let a class build all operators of a type, as nengo-torch expects it."""

    def register(cls):
        TorchBuilder.register(op_type, cls)
        return cls

    return register


@registered(Group)
class TorchGroup:
    """Operators that Nengo's optimizer has merged, one after the other."""

    compile_safe = False
    compile_reason = "the learning rules of nengo_lr can be changed while they run"

    def __init__(self, operators):
        self.operators = operators

    @classmethod
    def from_nengo(cls, op, **context):
        """Build an operator, as nengo-torch calls it."""
        return cls([TorchBuilder.build(member, **context) for member in op.ops])

    def reset(self, rng=None):
        """Start anew; nengo-torch calls this when it is reset."""
        for operator in self.operators:
            operator.reset(rng=rng)

    def sync_state_from_signals(self, signals):
        """Start anew; nengo-torch calls this when signals have been written."""
        for operator in self.operators:
            operator.sync_state_from_signals(signals)

    def __call__(self, signals):
        for operator in self.operators:
            operator(signals)


def nothing():
    """The step of a rule that is frozen."""


def runs_behind(tensor):
    """Whether a tensor's values can only be had by waiting for its device."""
    return not tensor.is_cpu


class TorchOperator:
    """What our operators share.

    Parameters
    ----------
    op : Operator
        The operator that is built.
    dt : float
        The step's length in seconds.
    rng : numpy.random.RandomState
    """

    # nengo-torch asks for these
    compile_safe = False
    compile_reason = "the learning rules of nengo_lr can be changed while they run"

    def __init__(self, op, dt, rng):
        self.op = op
        self.dt = dt
        self.rng = rng
        self.bases = list({signal.base for signal in op.reads})
        self.tensors = self.step = None

    @classmethod
    def from_nengo(cls, op, *, dt, mode, rng, **_):
        """Build an operator, as nengo-torch calls it."""
        if mode != "exact":
            raise BuildError(
                f"{op} runs in nengo-torch's mode 'exact', not in {mode!r}: learning "
                "rules pass no gradients on. Train first and learn then, or use "
                "nengo_lr.to_error_scaling"
            )
        return cls(op, dt, rng)

    def reset(self, rng=None):
        """Start anew; nengo-torch calls this when it is reset."""
        self.tensors = None

    def sync_state_from_signals(self, signals):
        """Start anew; nengo-torch calls this when signals have been written."""
        self.tensors = None

    def __call__(self, signals):
        # tensors are replaced when they move to another device or carry gradients
        if self.tensors is None or any(
            map(is_not, map(signals._signals.__getitem__, self.bases), self.tensors)
        ):
            self.start(signals)
        self.step()

    def start(self, signals):
        """Choose what happens in every step from now on."""
        tensors = {signal: signals[signal] for signal in self.op.all_signals}
        self.tensors = [signals[base] for base in self.bases]
        # trainable parameters are among the signals; others replace tensors in a step
        if any(tensor.requires_grad for tensor in signals._signals.values()):
            raise SimulationError(
                f"{self.op} passes no gradients on to trainable parameters. Train "
                "first and learn then, or use nengo_lr.to_error_scaling"
            )
        n_items = signals.minibatch_size
        if runs_behind(self.tensors[0]) or not self.prefers_numpy(n_items):
            self.step = self.make_step(signals)
            return
        steps = [self.make_numpy_step(i, n_items, tensors) for i in range(n_items)]
        self.step = steps[0] if n_items == 1 else lambda: [step() for step in steps]

    def prefers_numpy(self, n_items):
        """Whether the operator's own step is the faster one on a CPU."""
        return n_items == 1

    def make_numpy_step(self, item, n_items, tensors):
        """Make the operator's own step for one item of a minibatch."""
        op = copy.copy(self.op)
        op.owner = name_of(op, item, n_items)
        arrays = {
            signal: (tensor[item] if tensor.ndim else tensor).numpy()
            for signal, tensor in tensors.items()
        }
        return op.make_step(arrays, self.dt, self.rng)

    def make_step(self, signals):
        """Make the function that does one step on tensors."""
        raise NotImplementedError("subclasses must implement this method")

    def control(self, signals):
        """The control of the rule on the host: a list of three numbers."""
        return signals[self.op.control][0].tolist()

    def looker(self, look, tensor):
        """Make a function of a tensor that looks at its device, but not too often."""
        if not runs_behind(tensor):
            return look
        calls = 0

        def look_sometimes():
            nonlocal calls
            calls += 1
            if calls % PERIOD == 0:
                look()

        return look_sometimes

    def stop(self, signals, item, *sizes):
        """Stop the simulation because of the weights of an item."""
        name = name_of(self.op, item, signals.minibatch_size)
        stop(name, signals[self.op.step].item() * self.dt, *sizes)


def name_of(op, item, n_items):
    """What has the weights, and in which item of a minibatch."""
    owner = getattr(op, "owner", "")
    return owner if n_items == 1 else f"{owner} (item {item} of the minibatch)"


def items(*tensors):
    """The arrays of one item of a minibatch after the other, with its number."""
    return enumerate(zip(*(tensor.cpu().numpy() for tensor in tensors)))


class TorchLearner(TorchOperator):
    """An operator that does nothing while its rule is frozen."""

    def start(self, signals):
        super().start(signals)
        if self.control(signals)[FROZEN]:
            self.step = nothing


class TorchRate(TorchOperator):
    """What the operators share that set a rate."""

    def make_step(self, signals):
        if self.control(signals)[CHOICE] == BUILT:
            return self.make_built_step(signals)
        return self.make_host_step(signals)

    def make_built_step(self, signals):
        """Make the function that sets the rate as it was built."""
        raise NotImplementedError("subclasses must implement this method")

    def make_host_step(self, signals):
        """Make the function that sets the rate as the operator's own step does."""
        op, step, rate = self.op, signals[self.op.step], signals[self.op.rate]
        arrays = {signal: np.array(signal.initial_value) for signal in op.all_signals}
        arrays[op.control][...] = self.control(signals)
        host_step, host_rate = arrays[op.step], arrays[op.rate]
        host_step[...] = step.item() - 1
        set_rate, last = op.make_step(arrays, self.dt, self.rng), None
        counts = runs_behind(step)

        def set_on_host():
            nonlocal last
            host_step[...] = host_step + 1 if counts else step.item()
            set_rate()
            value = host_rate.item(0)
            if value != last:
                rate.fill_(value)
                last = value

        return set_on_host

    def check(self, signals, rate):
        """Raise a SimulationError if a rate is not finite in any item."""
        if not rate.sum().isfinite():
            now = signals[self.op.step].item()
            for _, (values,) in items(rate):
                check_rate(values, self.op.owner, now, self.dt)


@registered(SimScheduledRate)
class TorchScheduledRate(TorchRate):
    """Set a rate to its schedule's value."""

    def make_built_step(self, signals):
        return self.make_host_step(signals)


@registered(SimNodeRate)
class TorchNodeRate(TorchRate):
    """Set a rate to the output of a Node."""

    def make_built_step(self, signals):
        output, rate = signals[self.op.output], signals[self.op.rate]
        check = self.looker(lambda: self.check(signals, output), output)

        def set_from_node():
            check()
            rate.copy_(output)

        return set_from_node


class TorchStateRate(TorchRate):
    """What the operators share that compute a rate and remember something."""

    def make_built_step(self, signals):
        rate, updates = signals[self.op.rate], [signals[s] for s in self.op.updates]
        if self.control(signals)[FROZEN]:
            return lambda: rate.copy_(updates[0][:, :1])
        update = self.make_update(signals, updates[0])
        check = self.looker(lambda: self.check(signals, rate), rate)

        def set_from_state():
            state, now, *others = update()
            rate.copy_(now)
            for tensor, values in zip(updates, (state, *others)):
                tensor.copy_(values)
            check()

        return set_from_state

    def make_update(self, signals, state):
        """Make the function that returns the state, the rate and all other updates."""
        raise NotImplementedError("subclasses must implement this method")


@registered(SimFeedbackRate)
class TorchFeedbackRate(TorchStateRate):
    """Compute a rate from the error."""

    def make_update(self, signals, state):
        update = self.op.law.update
        step, error = signals[self.op.step], signals[self.op.error]
        return lambda: update(state, step, self.dt, error, namespace)


@registered(SimAutoRate)
class TorchAutoRate(TorchStateRate):
    """Compute a rate that needs no number."""

    def make_update(self, signals, state):
        op, dt, update, noise = self.op, self.dt, self.op.auto.update, self.op.noise
        reads = op.error, op.activities, op.coordinates, op.damped
        error, activities, coordinates, damped = (signals[s] for s in reads)
        loop = Surroundings(*(constant(value, error) for value in op.surroundings))

        def set_from_auto():
            power = (activities * damped).sum(-1, keepdim=True) / noise
            return update(state, coordinates, power, error, dt, loop, namespace)

        return set_from_auto


@registered(SimActivityFilter)
class TorchActivityFilter(TorchOperator):
    """Filter activities with one state element each."""

    def make_step(self, signals):
        op, a, b = self.op, float(self.op.a), float(self.op.b)
        input, output, x = signals[op.input], signals[op.output], signals[op.x][:, 0]

        def step_filter():
            x.mul_(a).add_(input, alpha=b)
            output.copy_(x)

        return step_filter


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


def constant(values, tensor):
    """A constant of the type of a tensor, where the tensor is."""
    return torch.as_tensor(values, dtype=tensor.dtype, device=tensor.device)


def limit_in(tensor):
    """The largest size that an element of a tensor may have."""
    return limit_of(np.dtype(str(tensor.dtype).partition(".")[2]))


class TorchPESGradient(TorchLearner):
    """Compute the weight change of a PES rule."""

    def make_step(self, signals):
        op = self.op
        reads = op.step, op.rate, op.error, op.activities
        step, *tensors = (signals[signal] for signal in reads)
        change = self.make_change(
            signals, step, *tensors, -self.dt / op.activities.size
        )
        if not op.guarded:
            return change
        check = self.looker(lambda: self.look(signals, *tensors), tensors[0])

        def step_guarded():
            check()
            change()

        return step_guarded

    def look(self, signals, *tensors):
        """Stop the simulation if the change of any item is too large."""
        # the norm of all items together is not below that of any
        rate, *sizes = (torch.linalg.vector_norm(tensor).item() for tensor in tensors)
        scale = max(1.0, rate * self.dt / self.op.activities.size)
        if scale * sizes[0] * sizes[1] <= limit_in(tensors[1]):
            return
        gradient, weights = self.op.guards_gradient, signals[self.op.weights]
        for i, (rate, error, activities, matrix) in items(*tensors, weights):
            name = overflowing(rate, error, activities, self.dt, gradient)
            if name:
                self.stop(signals, i, rate, matrix, error, name)

    def make_change(self, signals, step, rate, error, activities, scale):
        """Make the function that sets what the operator updates.

        Parameters
        ----------
        signals : TorchSignalDict
        step : tensor ()
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

    def make_change(self, signals, step, rate, error, activities, scale):
        left, right = signals[self.op.left][:, :, 0], signals[self.op.right][:, 0]

        def set_factors():
            torch.mul(error, rate * scale, out=left)
            right.copy_(activities)

        return set_factors


@registered(SimScheduledPES)
class TorchScheduledPES(TorchPESGradient):
    """Compute the weight change as a matrix."""

    def make_change(self, signals, step, rate, error, activities, scale):
        delta, right = signals[self.op.delta], activities[:, None]
        return lambda: torch.mul((error * (rate * scale))[..., None], right, out=delta)


@registered(SimOptimizedPES)
class TorchOptimizedPES(TorchPESGradient):
    """Compute the weight change with an optimizer."""

    def prefers_numpy(self, n_items):
        return n_items == 1 or self.op.delta.size > SMALL

    def make_change(self, signals, step, rate, error, activities, scale):
        delta, update, dt = signals[self.op.delta], self.op.optimizer.update, self.dt
        state = {name: signals[signal] for name, signal in self.op.state.items()}

        def set_change():
            new, change = update(state, error, activities, step, dt, namespace)
            torch.mul(change, (rate * scale)[..., None], out=delta)
            for name, tensor in state.items():
                tensor.copy_(new[name])

        return set_change


@registered(SimAddOuter)
class TorchAddOuter(TorchLearner):
    """Add an outer product to the weights."""

    def prefers_numpy(self, n_items):
        return False

    def make_step(self, signals):
        op = self.op
        target, left, right = (signals[s] for s in (op.target, op.left, op.right))
        # faster than a product of matrices, and with all bits of float32 on any device
        return lambda: target.addcmul_(left, right)


@registered(SimAddDelta)
class TorchAddDelta(TorchLearner):
    """Add a weight change to the weights."""

    def prefers_numpy(self, n_items):
        return False

    def make_step(self, signals):
        target, delta = signals[self.op.target], signals[self.op.delta]
        return lambda: target.add_(delta)


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


@registered(SimScaledRule)
class TorchScaledRule(TorchMatrixGuard, TorchLearner):
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
