"""Freeze rules that nengo_lr did not build, on Nengo's own simulator.

Nengo runs one function per operator in each step. A rule stands still when the function
that computes its weight change is left out, and the one that adds the change to the
weights adds nothing.
"""

import numpy as np
from nengo.builder.optimizer import OpMerger


def frozen_operators(sim, rule):
    """The operators of a rule that must not do what they do while it is frozen.

    Parameters
    ----------
    sim : nengo.Simulator
    rule : nengo.connection.LearningRule

    Returns
    -------
    compute : list of int
        The places, in ``sim.step_order``, of operators that compute the weight change.
    add : list of int
        The places of those that add it to weights or encoders.

    Or None where the rule is of an unknown kind, or shares the operator that computes
    with other parts of the model.
    """
    delta = sim.model.sig[rule].get("delta")
    compute, add = [], []
    for i, op in enumerate(sim.step_order if delta is not None else ()):
        if writes(op, delta):
            compute.append(i)
        elif op.incs and any(overlap(delta, read) for read in op.reads):
            add.append(i)
    shared = any(type(sim.step_order[i]) in OpMerger.mergers for i in compute)
    return (compute, add) if compute and add and not shared else None


def writes(op, signal):
    """Whether an operator changes a Signal."""
    return any(overlap(signal, other) for other in (*op.sets, *op.incs, *op.updates))


def overlap(signal, other):
    """Whether two Signals have elements in common."""
    return signal.base is other.base and signal.may_share_memory(other)


def freeze_operators(sim, rule):
    """Freeze a rule by its operators; returns what `.Host.freeze` returns."""
    compute, add = frozen_operators(sim, rule)
    delta = sim.signals[sim.model.sig[rule]["delta"]]
    waits = np.empty_like(delta)
    before = {i: sim._steps[i] for i in (*compute, *add)}

    def without_change(step):
        def step_frozen():
            waits[...] = delta
            delta.fill(-0.0)  # to add 0.0 would change the bits of -0.0
            step()
            delta[...] = waits

        return step_frozen

    now = {i: lambda: None for i in compute}
    now.update((i, without_change(before[i])) for i in add)
    for i, step in now.items():
        sim._steps[i] = step

    def end():
        # a reset makes all steps anew
        lasted = all(sim._steps[i] is step for i, step in now.items())
        if lasted:
            for i, step in before.items():
                sim._steps[i] = step
        return lasted

    return end
