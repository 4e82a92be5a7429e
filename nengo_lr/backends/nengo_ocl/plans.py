"""Plans of nengo-ocl's simulator for our operators.

A plan is called once per step for all operators of its type that are ready, and waits
for nothing: a rate that is known on the host is sent behind the kernels in the queue.
Numbers have nengo-ocl's type float32 on the device.
"""

from functools import partial

import numpy as np
import pyopencl as cl
from nengo.exceptions import BuildError
from nengo_ocl.clra_nonlinearities import plan_copy, plan_elementwise_inc
from nengo_ocl.plan import BasePlan

from nengo_lr.builder import (
    SimAutoRate,
    SimDamp,
    SimFeedbackRate,
    SimNodeRate,
    SimOptimizedPES,
    SimScaledRule,
    SimScheduledRate,
    SimWeightsGuard,
)
from nengo_lr.builder.control import FROZEN
from nengo_lr.builder.guard import PERIOD, overflowing, stop

UNKNOWN = {
    SimAutoRate: "a rate that needs no number",
    SimDamp: "preconditioned activities",
    SimOptimizedPES: "an optimizer",
    SimScaledRule: "another rule than PES",
    SimWeightsGuard: "another rule than PES",
}
"""Operators that have no plan here, and what they are for."""


def add_to(simulator):
    """Add a planning method for each of our operators to nengo-ocl's simulator."""
    for op_type in (SimFeedbackRate, SimNodeRate, SimScheduledRate):
        setattr(simulator, f"_plan_{op_type.__name__}", plan_rates)
    simulator._plan_SimScheduledPES = plan_pes
    simulator._plan_SimAddDelta = plan_add_delta
    for op_type, name in UNKNOWN.items():
        setattr(simulator, f"_plan_{op_type.__name__}", partial(refuse, name))


def refuse(name, ops):
    """Refuse operators that are not planned."""
    owner = getattr(ops[0], "owner", ops[0].reads[0].name)
    raise BuildError(
        f"nengo-ocl cannot run {name} (found for {owner}). Use Nengo's simulator or "
        "nengo-torch, or give ScheduledPES a rate alone; nengo_lr.to_error_scaling "
        "makes plain PES of that"
    )


class ControlledPlan(BasePlan):
    """A plan for one operator of a rule that can be frozen or given another rate.

    Parameters
    ----------
    sim : nengo_ocl.Simulator
    op : Operator
    """

    def __init__(self, sim, op):
        super().__init__(name=type(op).__name__)
        self.sim = sim
        self.op = op
        self.step = 0
        self.control = None
        # what nengo-ocl does with random numbers when it is reset
        sim._python_rngs[self] = None

    def set_state(self, state):
        """Start anew; nengo-ocl calls this when it is reset."""
        self.step = 0
        self.forget_control()

    def forget_control(self):
        """Read the control again before the next step."""
        self.control = None

    def read(self, signal):
        """The values of a signal, for which the device has to be waited for."""
        return np.array(self.sim.signals[signal]).reshape(signal.shape)

    def enqueue(self, profiling=False):
        """Send what a step needs to the device; nengo-ocl calls this."""
        if self.control is None:
            self.control = self.read(self.op.control)
        self.step += 1
        return self.send(profiling)

    def send(self, profiling):
        """Send what a step needs, and return the last event or None."""
        raise NotImplementedError("subclasses must implement this method")


class RatePlan(ControlledPlan):
    """Compute a rate on the host, by the operator's own step."""

    def __init__(self, sim, op):
        super().__init__(sim, op)
        self.inputs = [s for s in op.reads if s is not op.step and s is not op.control]
        self.start()

    def start(self):
        """Make the arrays of a run, and the operator's step on them."""
        op = self.op
        self.arrays = {s: np.array(s.initial_value) for s in op.all_signals}
        self.set_rate = op.make_step(self.arrays, self.sim.dt, None)
        self.last = None

    def set_state(self, state):
        super().set_state(state)
        self.start()

    def send(self, profiling):
        arrays, op = self.arrays, self.op
        arrays[op.step][...] = self.step
        arrays[op.control][...] = self.control
        for signal in self.inputs:
            arrays[signal][...] = self.read(signal)
        self.set_rate()
        rate = arrays[op.rate].tolist()
        if rate == self.last:
            return None
        self.last = rate
        return send(self.sim, op.rate, arrays[op.rate])


def send(sim, signal, values):
    """Send values to a signal, behind all that is in the queue."""
    data, i = sim.all_data, sim.sidx[signal]
    for k, value in enumerate(values.astype(data.dtype)):
        place = int(data.starts[i] + k * data.stride0s[i]) * value.itemsize
        event = cl.enqueue_fill_buffer(
            sim.queue, data.cl_buf.data, value, place, value.itemsize
        )
    return event


class GatedPlan(ControlledPlan):
    """Run kernels unless the rule is frozen."""

    def __init__(self, sim, op, plans):
        super().__init__(sim, op)
        self.plans = plans

    def send(self, profiling):
        event = None
        if not self.control[FROZEN]:
            for plan in self.plans:
                event = plan.enqueue(profiling=profiling)
        return event


class PESPlan(GatedPlan):
    """Compute a weight change, and look in every tenth step whether it is too large."""

    def send(self, profiling):
        op = self.op
        if op.guarded and self.step % PERIOD == 0 and not self.control[FROZEN]:
            rate, error, activities = map(self.read, (op.rate, op.error, op.activities))
            name = overflowing(rate, error, activities, self.sim.dt)
            if name:
                t, weights = self.step * self.sim.dt, self.read(op.weights)
                stop(op.owner, t, rate, weights, error, name)
        return super().send(profiling)


def plan_rates(sim, ops):
    """Plan operators that set rates."""
    return [RatePlan(sim, op) for op in ops]


def plan_pes(sim, ops):
    """Plan operators that compute a weight change as a matrix."""
    return [PESPlan(sim, op, pes_kernels(sim, op)) for op in ops]


def pes_kernels(sim, op):
    """The kernels of one weight change."""
    rate, error, activities, delta = (
        sim.all_data[[sim.sidx[signal]]]
        for signal in (op.rate, op.error, op.activities, op.delta)
    )
    scaled = sim.RaggedArray([np.zeros(op.error.size)], dtype=np.float32)
    alpha = np.array([-sim.dt / op.activities.size])
    return [
        plan_elementwise_inc(sim.queue, rate, error, scaled, inc=False),
        plan_elementwise_inc(
            sim.queue, scaled, activities, delta, alpha=alpha, outer=True, inc=False
        ),
    ]


def plan_add_delta(sim, ops):
    """Plan operators that add weight changes to weights."""
    plans = []
    for op in ops:
        delta, target = (sim.all_data[[sim.sidx[s]]] for s in (op.delta, op.target))
        kernel = plan_copy(sim.queue, delta, target, np.ones(1, dtype=np.int32))
        plans.append(GatedPlan(sim, op, [kernel]))
    return plans
