"""Operators and the build function of `.ScheduledPES`."""

from functools import lru_cache, partial

import numpy as np
from nengo.builder import Builder, Signal
from nengo.builder.learning_rules import SimPES
from nengo.learning_rules import PES
from nengo.rc import rc

from nengo_lr.auto import Auto
from nengo_lr.builder.auto import build_auto_rate, build_damping
from nengo_lr.builder.control import FROZEN, SimAddDelta, build_control, switch
from nengo_lr.builder.guard import is_guarded, pes_guard
from nengo_lr.builder.hosts import host_for
from nengo_lr.builder.kernels import outer_adder
from nengo_lr.builder.merging import Mergeable, add_op
from nengo_lr.builder.rates import build_rate
from nengo_lr.builder.slots import Slot
from nengo_lr.builder.steppers import make_stepper
from nengo_lr.builder.wiring import take_over_rule
from nengo_lr.learning_rules import ScheduledPES


class SimPESGradient(Mergeable):
    r"""Compute the weight change of a PES rule, unless the rule is frozen.

    A guarded operator raises a SimulationError before the weights overflow: in the step
    in which the norm of their change, :math:`|\kappa e||a|\,dt/n`, is NaN or above the
    root of the largest number of the simulation's float type: 1.3e154 for float64,
    1.8e19 for float32. The weights are then still finite. With an optimizer, which
    keeps squares of the gradient, its norm :math:`|e||a|` must not be larger either.

    Parameters
    ----------
    step : Signal ()
        The simulator's integer step.
    control : Signal (3,)
        The rule's control. While it is frozen, what the operator updates stays as it
        is.
    rate : Signal (1,) or (m,)
        The learning rate, or one for each error dimension.
    error : Signal (m,)
        The error, as the rows of the weights see it.
    activities : Signal (n,)
        The filtered presynaptic activities in Hz.
    weights : Signal (m, n)
        The weights, for the guard's message.
    updates : list of Signal
        The weight change, and all that the operator keeps from step to step.
    owner : object
        What has these weights, for the guard's message.
    guarded : bool
        Whether the operator stops the simulation before the weights overflow.
    tag : str, optional
        A label associated with the operator, for debugging purposes.

    Notes
    -----
    1. sets ``[]``
    2. incs ``[]``
    3. reads ``[step, control, rate, error, activities, weights]``
    4. updates ``updates``
    """

    step = Slot("reads", 0)
    control = Slot("reads", 1)
    rate = Slot("reads", 2)
    error = Slot("reads", 3)
    activities = Slot("reads", 4)
    weights = Slot("reads", 5)
    guards_gradient = False

    def __init__(
        self,
        step,
        control,
        rate,
        error,
        activities,
        weights,
        updates,
        owner,
        guarded,
        tag=None,
    ):
        super().__init__(tag=tag)
        self.owner = owner
        self.guarded = guarded
        self.sets = []
        self.incs = []
        self.reads = [step, control, rate, error, activities, weights]
        self.updates = updates

    @property
    def _descstr(self):
        return f"{self.error}, {self.activities} -> {', '.join(map(str, self.updates))}"

    def make_change(self, signals, dt):
        """Make the function that computes the weight change of a step."""
        raise NotImplementedError("subclasses must implement this method")

    def make_step(self, signals, dt, rng):
        frozen = switch(signals, self.control, FROZEN)
        change = self.make_change(signals, dt)
        if not self.guarded:

            def step_unguarded():
                if not frozen:
                    change()

            return step_unguarded

        reads = self.step, self.rate, self.error, self.activities, self.weights
        check = pes_guard(
            *(signals[read] for read in reads), self.owner, dt, self.guards_gradient
        )

        def step_guarded():
            if not frozen:
                check()
                change()

        return step_guarded


class SimPESFactors(SimPESGradient):
    r"""Store the two factors of the weight change of a scheduled PES rule.

    Implements ``left[...] = -rate * dt / n * error`` and ``right[...] = activities``,
    where ``n`` is the number of presynaptic neurons.

    Parameters
    ----------
    *reads : Signal
        What a `.SimPESGradient` reads, in its order.
    left : Signal (m, 1)
    right : Signal (1, n)
        The factors.
    **kwargs
        The other parameters of a `.SimPESGradient`.
    """

    left = Slot("updates", 0)
    right = Slot("updates", 1)

    def __init__(self, *reads, left, right, **kwargs):
        super().__init__(*reads, [left, right], **kwargs)

    def make_change(self, signals, dt):
        rate, error = signals[self.rate], signals[self.error]
        activities = signals[self.activities]
        left, right = signals[self.left][:, 0], signals[self.right][0]
        n = activities.size

        # the order of the operations is that of SimPES, so that the bits are the same
        if error.size == 1 and error.dtype == np.float64:

            def set_factors():
                # Python's floats are faster than an array of one element
                left[0] = -rate.item() * dt / n * error.item()
                right[...] = activities

        elif rate.size == 1:

            def set_factors():
                np.multiply(error, -rate.item() * dt / n, left)
                right[...] = activities

        else:

            def set_factors():
                np.multiply(error, -rate * dt / n, out=left)
                right[...] = activities

        return set_factors


class SimAddOuter(Mergeable):
    """Add the outer product of two signals to a third.

    Implements ``target[...] += left * right``, skipped where ``left`` is 0, and while
    the rule is frozen.

    Parameters
    ----------
    control : Signal (3,)
        The rule's control.
    left : Signal (m, 1)
    right : Signal (1, n)
        The factors.
    target : Signal (m, n)
        What the product is added to.
    tag : str, optional
        A label associated with the operator, for debugging purposes.

    Notes
    -----
    1. sets ``[]``
    2. incs ``[target]``
    3. reads ``[control, left, right]``
    4. updates ``[]``
    """

    control = Slot("reads", 0)
    left = Slot("reads", 1)
    right = Slot("reads", 2)
    target = Slot("incs", 0)

    def __init__(self, control, left, right, target, tag=None):
        super().__init__(tag=tag)
        self.sets = []
        self.incs = [target]
        self.reads = [control, left, right]
        self.updates = []

    @property
    def _descstr(self):
        return f"{self.left}, {self.right} -> {self.target}"

    def make_step(self, signals, dt, rng):
        left, right = signals[self.left][:, 0], signals[self.right][0]
        frozen = switch(signals, self.control, FROZEN)
        add_outer = outer_adder(signals[self.target], left, right)
        moves = left.item if left.size == 1 else partial(np.count_nonzero, left)

        def step_add_outer():
            if not frozen and moves():
                add_outer()

        return step_add_outer


class SimScheduledPES(SimPESGradient):
    r"""Compute the weight change of a scheduled PES rule as a matrix.

    Implements ``delta[...] = outer(-rate * dt / n * error, activities)``, where ``n``
    is the number of presynaptic neurons. Used instead of the factors where something
    reads ``delta``.

    Parameters
    ----------
    *reads : Signal
        What a `.SimPESGradient` reads, in its order.
    delta : Signal (m, n)
        The weight change.
    **kwargs
        The other parameters of a `.SimPESGradient`.
    """

    delta = Slot("updates", 0)

    def __init__(self, *reads, delta, **kwargs):
        super().__init__(*reads, [delta], **kwargs)

    def make_change(self, signals, dt):
        rate, error = signals[self.rate], signals[self.error]
        activities, delta = signals[self.activities], signals[self.delta]
        n = activities.size
        return lambda: np.outer(-rate * dt / n * error, activities, out=delta)


class SimOptimizedPES(SimPESGradient):
    r"""Compute the weight change of a scheduled PES rule with an optimizer.

    Implements ``state, change = optimizer.update(state, error, activities, step, dt)``
    and ``delta[...] = -rate * dt / n * change``, where ``n`` is the number of
    presynaptic neurons.

    Parameters
    ----------
    *reads : Signal
        What a `.SimPESGradient` reads, in its order.
    delta : Signal (m, n)
        The weight change.
    state : dict of str to Signal (m, n)
        The optimizer's state.
    optimizer : Optimizer
        What turns the gradient into the change.
    **kwargs
        The other parameters of a `.SimPESGradient`.
    """

    delta = Slot("updates", 0)
    guards_gradient = True

    def __init__(self, *reads, delta, state, optimizer, **kwargs):
        super().__init__(*reads, [delta, *state.values()], **kwargs)
        self.optimizer = optimizer
        self.names = tuple(state)

    @property
    def state(self):
        return dict(zip(self.names, self.updates[1:]))

    def make_change(self, signals, dt):
        step, rate = signals[self.step], signals[self.rate]
        error, activities = signals[self.error], signals[self.activities]
        state = {name: signals[signal] for name, signal in self.state.items()}
        rates, share = rate[:, None], np.array(-dt / activities.size, rate.dtype)
        scale = np.empty_like(rates)
        advance = make_stepper(
            self.optimizer, state, error, activities, signals[self.delta], dt
        )

        def set_change():
            np.multiply(rates, share, out=scale)
            advance(step.item(), scale)

        return set_change


def is_probed(model, rule, attribute):
    """Whether a Probe of the model reads an attribute of a learning rule."""
    return model.toplevel is None or any(
        probe.attr == attribute and probe.obj == rule
        for probe in model.toplevel.all_probes
    )


@lru_cache(maxsize=64)
def plain_pes(pre_synapse):
    """The rule whose wiring a `.ScheduledPES` has; to make it takes long.

    The rate is never used; it only has to be one that PES accepts without a warning.
    """
    return PES(1e-4, pre_synapse=pre_synapse)


@Builder.register(ScheduledPES)
def build_scheduled_pes(model, scheduled, rule):
    """Build a `.ScheduledPES` rule into a model.

    The simulator in use builds the wiring of plain PES. In place of its operators that
    learn, the rate gets an operator of its own, the factors of the weight change are
    stored at the end of a step, and their product is added to the weights at the start
    of the next. The product itself is stored instead where it is probed, where an
    optimizer makes it, and on simulators to which factors are of no use.

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
    plain = plain_pes(scheduled.pre_synapse)
    add_delta, pes = take_over_rule(model, plain, rule, SimPES)
    encoded = pes.error is not model.sig[rule]["in"]
    control = build_control(model, rule)
    activities, automatic = pes.pre_filtered, isinstance(scheduled.learning_rate, Auto)
    if automatic or scheduled.precondition is not None:
        damp = build_damping(model, scheduled, rule, activities)
        activities = damp.damped
    if automatic:
        rate = build_auto_rate(model, scheduled.learning_rate, rule, control, damp)
    else:
        rate = build_rate(model, scheduled, rule, control, per_neuron_error=encoded)

    weights = add_delta.dst
    reads = model.step, control, rate, pes.error, activities, weights
    guard = {"owner": rule.connection, "guarded": is_guarded(model.toplevel)}
    in_place = host_for(model).works_in_place
    if scheduled.optimizer is not None:
        optimizer = scheduled.optimizer
        state = build_optimizer_state(model, optimizer, rule, pes.delta.shape)
        optimized = {"delta": pes.delta, "state": state, "optimizer": optimizer}
        compute = SimOptimizedPES(*reads, **optimized, **guard)
        add = SimAddDelta(control, pes.delta, weights)
    elif is_probed(model, rule, "delta") or not in_place:
        compute = SimScheduledPES(*reads, delta=pes.delta, **guard)
        add = SimAddDelta(control, pes.delta, weights)
    else:
        left = Signal(shape=(pes.error.size, 1), name="ScheduledPES:left")
        right = Signal(shape=(1, pes.pre_filtered.size), name="ScheduledPES:right")
        model.sig[rule].update(left=left, right=right)
        compute = SimPESFactors(*reads, left=left, right=right, **guard)
        add = SimAddOuter(control, left, right, weights)
    if not in_place:
        hide_weights(compute)
    add_op(model, compute)
    add_op(model, add)


def hide_weights(op):
    """Leave the weights, which only a message needs, out of what an operator reads.

    NengoDL orders its parameters by the operators that read them. So they have the
    places that `nengo.PES` gives them, and files of parameters fit both.
    """
    op.weights = op.weights
    op.reads = [signal for signal in op.reads if signal is not op.weights]


def build_optimizer_state(model, optimizer, rule, shape):
    """Make the Signals of an optimizer's state, which can be found by rule and name.

    Returns
    -------
    state : dict of str to Signal (m, n)
    """
    state = {
        name: Signal(initial.astype(rc.float_dtype), name=f"ScheduledPES:{name}")
        for name, initial in optimizer.initial_state(shape).items()
    }
    model.sig[rule].update(state)
    return state
