"""Learning rates of every kind: schedules, Nodes, laws, and those set later."""

import math

import numpy as np
from nengo.builder import Signal
from nengo.exceptions import BuildError, SimulationError, ValidationError
from nengo.node import Node

from nengo_lr.builder.control import CHOICE, FROZEN, NUMBER, VALUE, switch
from nengo_lr.builder.merging import Mergeable, add_op
from nengo_lr.builder.slots import Slot
from nengo_lr.feedback import FeedbackLaw
from nengo_lr.schedules import Constant

CHUNK = 256
"""How many steps of a schedule are evaluated at once."""


def check_rate(rate, owner, step, dt):
    """Raise a SimulationError if a learning rate is NaN or infinite.

    Parameters
    ----------
    rate : float or array
        The learning rate of this step.
    owner : object
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


def rate_at(schedule, owner, step, dt):
    """The checked rate of a schedule at one step of length ``dt`` in seconds."""
    try:
        rate = schedule.rate_at(step * dt)
    except ValidationError as error:
        raise SimulationError(f"The learning rate of {owner}: {error}") from error
    if not math.isfinite(rate):
        check_rate(rate, owner, step, dt)
    return rate


def rate_setter(schedule, owner, step, rate, dt):
    """Make a function that sets a rate to its schedule's value at the current step.

    Parameters
    ----------
    schedule : Schedule
    owner : object
        What has this rate, for error messages.
    step : array ()
        The simulator's integer step.
    rate : array (1,)
        What is set.
    dt : float
        The step's length in seconds.

    Returns
    -------
    set_rate : callable
    """
    if not schedule.traceable:

        def set_from_function():
            rate[0] = rate_at(schedule, owner, step.item(), dt)

        return set_from_function

    first, rates = 0, []

    def set_from_chunk():
        nonlocal first, rates
        now = step.item()
        if not first <= now < first + len(rates):
            first, steps = now, np.arange(now, now + CHUNK)
            rates = schedule(steps * dt).tolist()
        value = rates[now - first]
        if not math.isfinite(value):
            check_rate(value, owner, now, dt)
        rate[0] = value

    return set_from_chunk


class SimRate(Mergeable):
    """What the operators that set a learning rate share: their choice can be overruled.

    Parameters
    ----------
    step : Signal ()
        The simulator's integer step.
    control : Signal (3,)
        The rule's control, which may choose another rate.
    rate : Signal (1,) or (m,)
        The learning rate.
    owner : object
        What has this rate, for error messages.
    tag : str, optional
        A label associated with the operator, for debugging purposes.

    Attributes
    ----------
    given : Schedule or None
        What the control can choose in place of the rate that was built.

    Notes
    -----
    1. sets ``[rate]``
    2. incs ``[]``
    3. reads ``[step, control]``
    4. updates ``[]``
    """

    step = Slot("reads", 0)
    control = Slot("reads", 1)
    rate = Slot("sets", 0)

    def __init__(self, step, control, rate, owner, tag=None):
        super().__init__(tag=tag)
        self.owner = owner
        self.given = None
        self.sets = [rate]
        self.incs = []
        self.reads = [step, control]
        self.updates = []

    def make_built_step(self, signals, dt):
        """Make the function that sets the rate as it was built."""
        raise NotImplementedError("subclasses must implement this method")

    def make_step(self, signals, dt, rng):
        choice = switch(signals, self.control, CHOICE)
        value = switch(signals, self.control, VALUE)
        step, rate = signals[self.step], signals[self.rate]
        set_built = self.make_built_step(signals, dt)
        given = set_given = None

        def set_chosen():
            nonlocal given, set_given
            if choice == NUMBER:
                rate[...] = value
                return
            if given is not self.given:
                given = self.given
                set_given = rate_setter(given, self.owner, step, rate, dt)
            set_given()
            rate.fill(rate[0])

        def step_rate():
            if choice:
                set_chosen()
            else:
                set_built()

        return step_rate


class SimScheduledRate(SimRate):
    """Set a learning rate to its schedule's value at the current step.

    Implements ``rate[...] = schedule(step * dt)``, in float64 whatever the simulator's
    own time is.

    Parameters
    ----------
    step, control, rate, owner, tag
        As in `SimRate`; ``rate`` is a Signal (1,).
    schedule : Schedule
        The rate as a function of time in seconds.

    Notes
    -----
    1. sets ``[rate]``
    2. incs ``[]``
    3. reads ``[step, control]``
    4. updates ``[]``
    """

    def __init__(self, step, control, rate, schedule, owner, tag=None):
        super().__init__(step, control, rate, owner, tag=tag)
        self.schedule = schedule

    @property
    def _descstr(self):
        return f"{self.schedule} -> {self.rate}"

    def rate_at(self, step, dt):
        """The checked rate at one integer step of length ``dt`` in seconds."""
        return rate_at(self.schedule, self.owner, step, dt)

    def make_built_step(self, signals, dt):
        step, rate = signals[self.step], signals[self.rate]
        if isinstance(self.schedule, Constant):
            value = self.schedule.value

            def set_constant():
                rate[0] = value

            return set_constant
        return rate_setter(self.schedule, self.owner, step, rate, dt)


class SimNodeRate(SimRate):
    """Set a learning rate to the output of a Node.

    Implements ``rate[...] = output``.

    Parameters
    ----------
    step, control, rate, owner, tag
        As in `SimRate`; ``rate`` has as many elements as the Node has outputs.
    node : nengo.Node
        The Node that drives the rate.
    model : nengo.builder.Model
        Where the Node's output is found. It is looked up only once the whole model is
        built, because a Node in another subnetwork may be built later than the rule.

    Notes
    -----
    1. sets ``[rate]``
    2. incs ``[]``
    3. reads ``[step, control, output]``
    4. updates ``[]``
    """

    output = Slot("reads", 2)

    def __init__(self, step, control, rate, node, model, owner, tag=None):
        self._node, self._model = node, model
        super().__init__(step, control, rate, owner, tag=tag)

    @property
    def reads(self):
        """The step, the control, and the Node's output once the model is built."""
        if len(self._reads) == 2:
            self._reads = [*self._reads, self._model.sig[self._node]["out"]]
        return self._reads

    @reads.setter
    def reads(self, reads):
        self._reads = reads

    @property
    def _descstr(self):
        return f"{self.output} -> {self.rate}"

    def make_built_step(self, signals, dt):
        step, rate = signals[self.step], signals[self.rate]
        output = signals[self.output]

        def set_from_node():
            # a sum is finite only if every element is, and costs less than to test all
            if not math.isfinite(output.sum()):
                check_rate(output, self.owner, step.item(), dt)
            rate[...] = output

        return set_from_node


class SimFeedbackRate(SimRate):
    """Compute a learning rate from the error of the same step.

    Implements ``state, rate[...] = law.update(state, step, dt, error)``. While the rule
    is frozen or has another rate, the state stays as it is.

    Parameters
    ----------
    step, control, rate, owner, tag
        As in `SimRate`; ``rate`` is a Signal (1,).
    error : Signal (d,)
        The error in its own dimensions.
    state : Signal (k,)
        All that the law remembers.
    law : FeedbackLaw
        The law that makes one of the other.

    Notes
    -----
    1. sets ``[rate]``
    2. incs ``[]``
    3. reads ``[step, control, error]``
    4. updates ``[state]``
    """

    error = Slot("reads", 2)
    state = Slot("updates", 0)

    def __init__(self, step, control, error, rate, state, law, owner, tag=None):
        super().__init__(step, control, rate, owner, tag=tag)
        self.law = law
        self.reads = [step, control, error]
        self.updates = [state]

    @property
    def _descstr(self):
        return f"{self.law}, {self.error} -> {self.rate}"

    def make_built_step(self, signals, dt):
        frozen = switch(signals, self.control, FROZEN)
        step, error = signals[self.step], signals[self.error]
        rate, state = signals[self.rate], signals[self.state]
        update = self.law.update

        def set_from_law():
            if frozen:
                rate[...] = state[:1]
                return
            try:
                state[...], rate[...] = update(state, step.item(), dt, error, np)
            except FloatingPointError as failure:  # Nengo lets numpy raise it
                raise SimulationError(
                    f"The learning rate of {self.owner}: {self.law} fails with an "
                    f"error of up to {np.max(np.abs(error)):g} at "
                    f"t={step * dt:g} s ({failure})"
                ) from failure
            if not math.isfinite(rate.item()):
                check_rate(rate, self.owner, step.item(), dt)

        return set_from_law


def build_rate(model, scheduled, rule, control, per_neuron_error):
    """Build a rule's learning rate, and let it be probed; returns its Signal.

    Parameters
    ----------
    model : Model
        The model to build into.
    scheduled : ScheduledRuleType
        Learning rule type with the rate.
    rule : LearningRule
        The learning rule object corresponding to the connection.
    control : Signal (3,)
        By which the rate can be changed while the simulation runs.
    per_neuron_error : bool
        Whether the rows of the weights have no error dimension of their own, so that a
        Node must have one output.

    Returns
    -------
    rate : Signal (1,) or (m,)
    """
    if isinstance(scheduled.learning_rate, Node):
        rate = build_node_rate(
            model, scheduled.learning_rate, rule, control, per_neuron_error
        )
    elif isinstance(scheduled.learning_rate, FeedbackLaw):
        rate = build_feedback_rate(model, scheduled.learning_rate, rule, control)
    else:
        rate = build_schedule_rate(model, scheduled.schedule, rule, control)
    model.sig[rule]["learning_rate"] = rate
    return rate


def build_schedule_rate(model, schedule, rule, control):
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
    owner = rule.connection
    add_op(model, SimScheduledRate(model.step, control, rate, schedule, owner))
    return rate


def build_node_rate(model, node, rule, control, per_neuron_error):
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
    owner = rule.connection
    model.operators.append(SimNodeRate(model.step, control, rate, node, model, owner))
    return rate


def build_feedback_rate(model, law, rule, control):
    """Build a learning rate that follows from the error; returns its Signal."""
    state = Signal(law.initial_state, name="FeedbackLaw:state")
    rate = Signal(shape=(1,), name="FeedbackLaw:learning_rate")
    error = model.sig[rule]["in"]
    owner = rule.connection
    model.add_op(SimFeedbackRate(model.step, control, error, rate, state, law, owner))
    return rate
