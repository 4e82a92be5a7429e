"""The operator and the build function of `.Scheduled`."""

import copy

import numpy as np
from nengo.builder import Builder, Operator, Signal
from nengo.builder.operator import Reset
from nengo.ensemble import Neurons
from nengo.exceptions import BuildError

from nengo_lr.builder.control import FROZEN, SimAddDelta, build_control, switch
from nengo_lr.builder.guard import SimWeightsGuard, change_guard, is_guarded, stop
from nengo_lr.builder.merging import add_op
from nengo_lr.builder.rates import build_rate
from nengo_lr.builder.slots import Slot
from nengo_lr.builder.wiring import take_over_rule
from nengo_lr.learning_rules import Scheduled


class SimScaledRule(Operator):
    """Run a learning rule's operator and scale the weight change that it computes.

    Implements the rule's operator, and then ``delta *= rate / own_rate``. A guarded
    operator raises a SimulationError in the step in which an element of ``delta`` is
    NaN or above the root of the largest number of the simulation's float type.

    Parameters
    ----------
    step : Signal ()
        The simulator's integer step.
    rule_op : Operator
        The rule's own operator, which updates ``delta``.
    control : Signal (3,)
        The rule's control. While it is frozen, the rule's operator does not run.
    delta : Signal (m, n)
        The weight change.
    rate : Signal (1,)
        The learning rate.
    weights : Signal (m, n)
        The weights or encoders, for the guard's message.
    own_rate : float
        The learning rate that the rule's operator has.
    owner : object
        What has these weights, for the guard's message.
    guarded : bool
        Whether the operator stops the simulation before the weights overflow.
    tag : str, optional
        A label associated with the operator, for debugging purposes.

    Notes
    -----
    1. sets what the rule's operator sets
    2. incs what it incs
    3. reads what it reads, ``step``, ``control``, ``rate`` and ``weights``
    4. updates what it updates
    """

    step = Slot("reads", -4)
    control = Slot("reads", -3)
    rate = Slot("reads", -2)
    weights = Slot("reads", -1)

    def __init__(
        self,
        step,
        rule_op,
        control,
        delta,
        rate,
        weights,
        own_rate,
        owner,
        guarded,
        tag=None,
    ):
        super().__init__(tag=tag)
        self.owner = owner
        self.guarded = guarded
        self._rule_op = rule_op
        self._delta_index = rule_op.updates.index(delta)
        self.own_rate = own_rate
        self.sets = list(rule_op.sets)
        self.incs = list(rule_op.incs)
        self.reads = [*rule_op.reads, step, control, rate, weights]
        self.updates = list(rule_op.updates)

    @property
    def rule_op(self):
        """The rule's operator, on the signals that this one has now.

        Nengo's optimizer gives operators other signals than they were built with.
        """
        rule_op = copy.copy(self._rule_op)
        rule_op.sets, rule_op.incs = self.sets, self.incs
        rule_op.reads, rule_op.updates = self.reads[:-4], self.updates
        return rule_op

    @property
    def delta(self):
        return self.updates[self._delta_index]

    @property
    def _descstr(self):
        return f"{self._rule_op}, {self.rate} -> {self.delta}"

    def make_step(self, signals, dt, rng):
        step_rule = self.rule_op.make_step(signals, dt, rng)
        rate, delta, own_rate = signals[self.rate], signals[self.delta], self.own_rate
        frozen = switch(signals, self.control, FROZEN)

        def scale():
            factor = rate.item() / own_rate
            if factor == 0:
                delta.fill(0.0)
            elif factor != 1:
                np.multiply(delta, factor, out=delta)

        def step_unguarded():
            if not frozen:
                step_rule()
                scale()

        if not self.guarded:
            return step_unguarded

        step, weights = signals[self.step], signals[self.weights]
        vectors = [signals[read] for read in self.rule_op.reads if read.ndim == 1]
        suspicious, overflows = change_guard(vectors, delta)

        def step_guarded():
            if not frozen and suspicious():
                with np.errstate(all="ignore"):
                    step_unguarded()
                if overflows():
                    stop(self.owner, step.item() * dt, rate, weights)
            else:
                step_unguarded()

        return step_guarded


@Builder.register(Scheduled)
def build_scheduled(model, scheduled, rule):
    """Build a `.Scheduled` rule into a model.

    The simulator in use builds the rule, and its operator gets wrapped in one that
    scales what it computes.

    Parameters
    ----------
    model : Model
        The model to build into.
    scheduled : Scheduled
        Learning rule type to build.
    rule : LearningRule
        The learning rule object corresponding to the connection.

    Notes
    -----
    Does not modify ``model.params[]`` and can therefore be called more than once with
    the same `.Scheduled` instance.
    """
    add_delta, rule_op = take_over_rule(model, scheduled.rule, rule)
    check_slices(scheduled.rule, rule, rule_op)
    if rule.size_in and "in" not in model.sig[rule]:
        error = Signal(shape=(rule.size_in,), name="Scheduled:error")
        model.add_op(Reset(error))
        model.sig[rule]["in"] = error

    control = build_control(model, rule)
    rate = build_rate(model, scheduled, rule, control, per_neuron_error=True)
    weights, delta, owner = add_delta.dst, add_delta.src, rule.connection
    guarded = is_guarded(model.toplevel)
    model.add_op(
        SimScaledRule(
            model.step,
            rule_op,
            control,
            delta,
            rate,
            weights,
            scheduled.rule.learning_rate,
            owner,
            guarded,
        )
    )
    add_op(model, SimAddDelta(control, delta, weights))
    if guarded:
        add_op(model, SimWeightsGuard(model.step, rate, weights, owner))


def check_slices(rule_type, rule, rule_op):
    """Refuse slices of neurons where Nengo's rule looks at all of the ensemble's."""
    for end in ("pre", "post"):
        obj = getattr(rule.connection, f"{end}_obj")
        part = getattr(rule.connection, f"{end}_slice")
        if not isinstance(obj, Neurons) or not hasattr(rule_op, f"{end}_filtered"):
            continue
        everyone = np.arange(obj.size_in)
        if not np.array_equal(everyone[part], everyone):
            raise BuildError(
                f"{rule_type} on {rule.connection} learns with a slice of {obj}, "
                f"[{part}], but Nengo's rule takes the activities of all "
                f"{obj.size_in} neurons. Connect all of them, or make an ensemble of "
                "those that should learn"
            )
