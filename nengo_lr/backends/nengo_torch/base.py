"""What our operators share on PyTorch's tensors.

Signals have a leading axis for the items of a minibatch. On the CPU, numpy's arrays can
share the memory of tensors, so that the operators' own steps do what they do in Nengo,
at a speed which PyTorch often does not reach for one item or for an optimizer. Steps on
tensors are for all else.

A device other than the CPU runs behind the program, which must not wait for it in every
step: schedules are evaluated on the host, and numbers go to the device with the
operation that uses them.
"""

import copy

import torch
from nengo.exceptions import BuildError, SimulationError
from nengo_torch.builder import TorchBuilder

from nengo_lr.builder.control import FROZEN
from nengo_lr.builder.guard import PERIOD, stop
from nengo_lr.builder.merging import Group


def registered(op_type):
    """Let a class build all operators of a type, as nengo-torch expects it."""

    def register(cls):
        TorchBuilder.register(op_type, cls)
        return cls

    return register


class Built:
    """What nengo-torch asks of every operator."""

    compile_safe = False
    compile_reason = "the learning rules of nengo_lr can be changed while they run"


@registered(Group)
class TorchGroup(Built):
    """Operators that Nengo's optimizer has merged, one after the other."""

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
        self.reset()

    def __call__(self, signals):
        for operator in self.operators:
            operator(signals)


class TorchOperator(Built):
    """An operator that chooses at its start what it does in every step.

    Parameters
    ----------
    op : Operator
        The operator that is built.
    dt : float
        The step's length in seconds.
    rng : numpy.random.RandomState
    """

    step = None

    def __init__(self, op, dt, rng):
        self.op = op
        self.dt = dt
        self.rng = rng
        # nengo-torch replaces all tensors of floats at once, so one of them tells
        self.watched = op.reads[-1].base
        self.tensor = None

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
        self.tensor = None

    def sync_state_from_signals(self, signals):
        """Start anew; nengo-torch calls this when signals have been written."""
        self.reset()

    def __call__(self, signals):
        if signals._signals[self.watched] is not self.tensor:
            self.start(signals)
        self.step()

    def start(self, signals):
        """Choose what happens in every step from now on."""
        tensors = {signal: signals[signal] for signal in self.op.all_signals}
        self.tensor = signals[self.watched]
        # trainable parameters are among the signals; others replace tensors in a step
        if any(tensor.requires_grad for tensor in signals._signals.values()):
            raise SimulationError(
                f"{self.op} passes no gradients on to trainable parameters. Train "
                "first and learn then, or use nengo_lr.to_error_scaling"
            )
        n_items = signals.minibatch_size
        if self.runs_behind(self.tensor) or not self.prefers_numpy(n_items):
            self.step = self.make_step(signals)
            return
        steps = [self.make_numpy_step(i, n_items, tensors) for i in range(n_items)]
        self.step = steps[0] if n_items == 1 else lambda: [step() for step in steps]

    @staticmethod
    def runs_behind(tensor):
        """Whether a tensor's values can only be had by waiting for its device."""
        return not tensor.is_cpu

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
        if not self.runs_behind(tensor):
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


class TorchLearner(TorchOperator):
    """An operator that does nothing while its rule is frozen."""

    def start(self, signals):
        super().start(signals)
        if self.control(signals)[FROZEN]:
            self.step = nothing


def nothing():
    """The step of a rule that is frozen."""


def name_of(op, item, n_items):
    """What has the weights, and in which item of a minibatch."""
    owner = getattr(op, "owner", "")
    return owner if n_items == 1 else f"{owner} (item {item} of the minibatch)"


def items(*tensors):
    """The arrays of one item of a minibatch after the other, with its number."""
    return enumerate(zip(*(tensor.cpu().numpy() for tensor in tensors)))


def constant(values, tensor):
    """A constant of the type of a tensor, where the tensor is."""
    return torch.as_tensor(values, dtype=tensor.dtype, device=tensor.device)
