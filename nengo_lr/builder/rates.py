"""Operators and build functions for learning rates that change over time."""

import math

import numpy as np
from nengo.builder import Operator, Signal
from nengo.exceptions import BuildError, SimulationError, ValidationError

from nengo_lr.schedules import Constant

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
        if not math.isfinite(rate):
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
            # a sum is finite only if every element is, and costs less than to test all
            if not math.isfinite(output.sum()):
                check_rate(output, self.owner, step.item(), dt)
            rate[...] = output

        return step_node_rate


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
