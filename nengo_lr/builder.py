"""Operators and build functions that put the learning rules into Nengo."""

import importlib
import math
import sys

import nengo
import numpy as np
from nengo.builder import Builder, Operator, Signal
from nengo.builder.learning_rules import SimPES
from nengo.builder.operator import Copy
from nengo.exceptions import BuildError, SimulationError, ValidationError
from nengo.node import Node

from nengo_lr.kernels import outer_adder
from nengo_lr.learning_rules import ScheduledPES
from nengo_lr.schedules import Constant
from nengo_lr.version import version

CHUNK = 256
"""How many steps of a schedule are evaluated at once."""


def check_rate(rate, owner, step, dt):
    """Raise a SimulationError if a learning rate is NaN or infinite.

    Parameters
    ----------
    rate : float or array
        The learning rate of this step.
    owner : str
        What has this rate, for the message.
    step : int
        The simulator's step.
    dt : float
        The step's length in seconds.
    """
    if not np.all(np.isfinite(rate)):
        raise SimulationError(
            f"The learning rate of {owner} is {rate} at t={step * dt:g} s; "
            "it must be finite"
        )


class SimScheduledRate(Operator):
    """Set a learning rate to its schedule's value at the current step.

    Implements ``rate[...] = schedule(step * dt)``, in float64 whatever the simulator's
    own time is.

    Parameters
    ----------
    step : Signal ()
        The simulator's integer step.
    rate : Signal (1,)
        The learning rate.
    schedule : Schedule
        The rate as a function of time in seconds.
    owner : str
        What has this rate, for error messages.
    tag : str, optional
        A label associated with the operator, for debugging purposes.

    Notes
    -----
    1. sets ``[rate]``
    2. incs ``[]``
    3. reads ``[step]``
    4. updates ``[]``
    """

    def __init__(self, step, rate, schedule, owner, tag=None):
        super().__init__(tag=tag)
        self.schedule = schedule
        self.owner = owner
        self.sets = [rate]
        self.incs = []
        self.reads = [step]
        self.updates = []

    @property
    def step(self):
        return self.reads[0]

    @property
    def rate(self):
        return self.sets[0]

    @property
    def _descstr(self):
        return f"{self.schedule} -> {self.rate}"

    def rate_at(self, step, dt):
        """The checked rate at one integer step of length ``dt`` in seconds."""
        try:
            rate = self.schedule.rate_at(step * dt)
        except ValidationError as error:
            raise SimulationError(
                f"The learning rate of {self.owner}: {error}"
            ) from error
        check_rate(rate, self.owner, step, dt)
        return rate

    def make_step(self, signals, dt, rng):
        step, rate = signals[self.step], signals[self.rate]

        if not self.schedule.traceable:

            def step_function():
                rate[0] = self.rate_at(step.item(), dt)

            return step_function

        first, rates = 0, []

        def step_schedule():
            nonlocal first, rates
            now = step.item()
            if not first <= now < first + len(rates):
                first, steps = now, np.arange(now, now + CHUNK)
                rates = self.schedule(steps * dt).tolist()
            value = rates[now - first]
            if not math.isfinite(value):
                check_rate(value, self.owner, now, dt)
            rate[0] = value

        return step_schedule


class SimNodeRate(Operator):
    """Set a learning rate to the output of a Node.

    Implements ``rate[...] = output``.

    Parameters
    ----------
    step : Signal ()
        The simulator's integer step.
    rate : Signal (k,)
        The learning rate, with as many elements as the Node has outputs.
    node : nengo.Node
        The Node that drives the rate.
    model : nengo.builder.Model
        Where the Node's output is found. It is looked up only once the whole model is
        built, because a Node in another subnetwork may be built later than the rule.
    owner : str
        What has this rate, for error messages.
    tag : str, optional
        A label associated with the operator, for debugging purposes.

    Notes
    -----
    1. sets ``[rate]``
    2. incs ``[]``
    3. reads ``[step, output]``
    4. updates ``[]``
    """

    def __init__(self, step, rate, node, model, owner, tag=None):
        super().__init__(tag=tag)
        self.owner = owner
        self._step, self._node, self._model = step, node, model
        self.sets = [rate]
        self.incs = []
        self.updates = []

    @property
    def reads(self):
        """The step, and the Node's output once the model is built."""
        if self._reads is None:
            self._reads = [self._step, self._model.sig[self._node]["out"]]
        return self._reads

    @reads.setter
    def reads(self, reads):
        self._reads = reads

    @property
    def step(self):
        return self.reads[0]

    @property
    def output(self):
        return self.reads[1]

    @property
    def rate(self):
        return self.sets[0]

    @property
    def _descstr(self):
        return f"{self.output} -> {self.rate}"

    def make_step(self, signals, dt, rng):
        step, rate = signals[self.step], signals[self.rate]
        output = signals[self.output]

        def step_node_rate():
            check_rate(output, self.owner, step.item(), dt)
            rate[...] = output

        return step_node_rate


class SimPESFactors(Operator):
    r"""Store the two factors of the weight change of a scheduled PES rule.

    Implements ``left[...] = -rate * dt / n * error`` and ``right[...] = activities``,
    where ``n`` is the number of presynaptic neurons.

    Parameters
    ----------
    rate : Signal (1,) or (m,)
        The learning rate, or one for each error dimension.
    error : Signal (m,)
        The error, as the rows of the weights see it.
    activities : Signal (n,)
        The filtered presynaptic activities in Hz.
    left : Signal (m,)
    right : Signal (n,)
        The factors.
    tag : str, optional
        A label associated with the operator, for debugging purposes.

    Notes
    -----
    1. sets ``[]``
    2. incs ``[]``
    3. reads ``[rate, error, activities]``
    4. updates ``[left, right]``
    """

    def __init__(self, rate, error, activities, left, right, tag=None):
        super().__init__(tag=tag)
        self.sets = []
        self.incs = []
        self.reads = [rate, error, activities]
        self.updates = [left, right]

    @property
    def rate(self):
        return self.reads[0]

    @property
    def error(self):
        return self.reads[1]

    @property
    def activities(self):
        return self.reads[2]

    @property
    def left(self):
        return self.updates[0]

    @property
    def right(self):
        return self.updates[1]

    @property
    def _descstr(self):
        return f"{self.error}, {self.activities} -> {self.left}, {self.right}"

    def make_step(self, signals, dt, rng):
        rate, error = signals[self.rate], signals[self.error]
        activities = signals[self.activities]
        left, right = signals[self.left], signals[self.right]
        n = activities.size

        # the order of the operations is that of SimPES, so that the bits are the same
        if rate.size == 1:

            def step_factors():
                np.multiply(error, -rate.item() * dt / n, out=left)
                right[...] = activities

        else:

            def step_factors():
                np.multiply(error, -rate * dt / n, out=left)
                right[...] = activities

        return step_factors


class SimOuterProduct(Operator):
    """Set a signal to the outer product of two others, or add the product to it.

    Implements ``target[...] = outer(left, right)``, or with ``inc``
    ``target[...] += outer(left, right)``, which is skipped where ``left`` is 0.

    Parameters
    ----------
    left : Signal (m,)
    right : Signal (n,)
        The factors.
    target : Signal (m, n)
        The product, or what it is added to.
    inc : bool
        Whether the product is added.
    tag : str, optional
        A label associated with the operator, for debugging purposes.

    Notes
    -----
    1. sets ``[]`` if inc else ``[target]``
    2. incs ``[target]`` if inc else ``[]``
    3. reads ``[left, right]``
    4. updates ``[]``
    """

    def __init__(self, left, right, target, inc, tag=None):
        super().__init__(tag=tag)
        self.inc = inc
        self.sets = [] if inc else [target]
        self.incs = [target] if inc else []
        self.reads = [left, right]
        self.updates = []

    @property
    def left(self):
        return self.reads[0]

    @property
    def right(self):
        return self.reads[1]

    @property
    def target(self):
        return self.incs[0] if self.inc else self.sets[0]

    @property
    def _descstr(self):
        return f"{self.left}, {self.right} -> {self.target}, inc={self.inc}"

    def make_step(self, signals, dt, rng):
        left, right = signals[self.left], signals[self.right]
        target = signals[self.target]

        if not self.inc:

            def step_set_outer():
                np.outer(left, right, out=target)

            return step_set_outer

        add_outer = outer_adder(target, left, right)

        def step_add_outer():
            if np.count_nonzero(left):
                add_outer()

        return step_add_outer


def register_backends():
    """Register our operators with every simulator that is loaded and that we know."""
    for simulator in ("nengo_dl",):
        if simulator in sys.modules:
            importlib.import_module(f"nengo_lr.backends.{simulator}")


def take_over_pes(model, scheduled, rule):
    """Let the simulator build plain PES, and take the operators that learn out again.

    The wiring (the error's input, its encoding for neurons, the filtered activities)
    stays as the simulator built it.

    Returns
    -------
    add_delta : Copy
        The operator that would add plain PES's delta to the weights.
    pes : SimPES
        The operator that would compute plain PES's delta.
    """
    n_before = len(model.operators)
    # the rate is never used; it only has to be one that PES accepts without a warning
    model.build(nengo.PES(1e-4, pre_synapse=scheduled.pre_synapse), rule)
    delta = model.sig[rule]["delta"]
    add_delta, pes = model.operators[n_before - 1], model.operators[-1]
    if not (
        type(add_delta) is Copy
        and add_delta.inc
        and add_delta.src is delta
        and type(pes) is SimPES
        and pes.delta is delta
        and not any(delta in op.all_signals for op in model.operators[n_before:-1])
    ):
        raise BuildError(
            f"nengo_lr {version} does not know how Nengo {nengo.__version__} builds "
            f"PES (found {add_delta} and {pes} for {rule}); "
            "please report this with both versions"
        )
    del model.operators[-1], model.operators[n_before - 1]
    return add_delta, pes


def build_node_rate(model, node, rule, per_neuron_error):
    """Build a learning rate that a Node drives; returns its Signal."""
    if model.toplevel is None or not any(n is node for n in model.toplevel.all_nodes):
        raise BuildError(
            f"{node}, the learning rate of {rule.connection}, is not in the model that "
            "is being built. Create the Node in the same model"
        )
    sizes = [1] if per_neuron_error or rule.size_in == 1 else [1, rule.size_in]
    if node.size_out not in sizes:
        raise BuildError(
            f"{node}, the learning rate of {rule.connection}, has {node.size_out} "
            f"outputs; here it must have {' or '.join(map(str, sizes))}"
            + (
                ", because this connection multiplies the error by encoders"
                if per_neuron_error and node.size_out == rule.size_in
                else ""
            )
        )
    rate = Signal(shape=(node.size_out,), name="ScheduledPES:learning_rate")
    # not add_op, which would read the Node's signal before it may have been built
    model.operators.append(
        SimNodeRate(model.step, rate, node, model, owner=str(rule.connection))
    )
    return rate


def build_schedule_rate(model, schedule, rule):
    """Build a learning rate that is a function of time; returns its Signal."""
    initial = schedule.rate_at(0.0)
    if not math.isfinite(initial):
        raise ValidationError(
            f"the learning rate of {rule.connection} is {initial} at t=0 s; "
            "it must be finite",
            "learning_rate",
            schedule,
        )
    rate = Signal(np.array([initial]), name="ScheduledPES:learning_rate")
    if not isinstance(schedule, Constant):
        model.add_op(
            SimScheduledRate(model.step, rate, schedule, owner=str(rule.connection))
        )
    return rate


def is_probed(model, rule, attribute):
    """Whether a Probe of the model reads an attribute of a learning rule."""
    return model.toplevel is None or any(
        probe.attr == attribute and probe.obj == rule
        for probe in model.toplevel.all_probes
    )


@Builder.register(ScheduledPES)
def build_scheduled_pes(model, scheduled, rule):
    """Build a `.ScheduledPES` rule into a model.

    The simulator in use builds the wiring of plain PES. In place of its operators that
    learn, the rate gets an operator of its own, the factors of the weight change are
    stored at the end of a step, and their product is added to the weights at the start
    of the next, or first to ``delta`` where that is probed.

    Parameters
    ----------
    model : Model
        The model to build into.
    scheduled : ScheduledPES
        Learning rule type to build.
    rule : LearningRule
        The learning rule object corresponding to the connection.

    Notes
    -----
    Does not modify ``model.params[]`` and can therefore be called more than once with
    the same `.ScheduledPES` instance.
    """
    register_backends()
    add_delta, pes = take_over_pes(model, scheduled, rule)

    if isinstance(scheduled.learning_rate, Node):
        encoded = pes.error is not model.sig[rule]["in"]
        rate = build_node_rate(model, scheduled.learning_rate, rule, encoded)
    else:
        rate = build_schedule_rate(model, scheduled.schedule, rule)
    model.sig[rule]["learning_rate"] = rate

    left = Signal(shape=pes.error.shape, name="ScheduledPES:left")
    right = Signal(shape=pes.pre_filtered.shape, name="ScheduledPES:right")
    model.add_op(SimPESFactors(rate, pes.error, pes.pre_filtered, left, right))

    if is_probed(model, rule, "delta"):
        model.add_op(SimOuterProduct(left, right, add_delta.src, inc=False))
        model.add_op(add_delta)
    else:
        model.add_op(SimOuterProduct(left, right, add_delta.dst, inc=True))
