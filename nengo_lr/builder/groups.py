"""What merged operators do in a step: the same arithmetic for many rules at once.

In the steps in which something is unusual, because a rule is frozen, has another rate
than it was built with, or may overflow, the operators of a group do their own steps one
after the other.
"""

import numpy as np

from nengo_lr.builder.control import CHOICE, FROZEN, SimAddDelta
from nengo_lr.builder.filters import SimActivityFilter, make_filter
from nengo_lr.builder.guard import PERIOD, SimWeightsGuard, limit_of, too_large
from nengo_lr.builder.kernels import BLOCK, SMALL
from nengo_lr.builder.merging import gather, merges, refresher, runs
from nengo_lr.builder.pes import SimAddOuter, SimPESFactors, SimScheduledPES
from nengo_lr.builder.rates import CHUNK, SimScheduledRate
from nengo_lr.schedules import Constant


def same_shapes(op1, op2):
    """Whether the signals of two operators have the same shapes and types."""
    return all(
        a.shape == b.shape and a.dtype == b.dtype
        for a, b in zip(op1.all_signals, op2.all_signals)
    )


def one_by_one(ops, signals, dt, rng):
    """Make the function that lets operators do their own steps."""
    steps = []

    def step_each():
        if not steps:
            steps.extend(op.make_step(signals, dt, rng) for op in ops)
        for step in steps:
            step()

    return step_each


def count_set(ops, signals, element):
    """Make the function that counts in how many rules' controls an element is set."""
    controls, refresh = gather([signals[op.control] for op in ops])
    column = controls[:, element]
    if refresh is None:
        return lambda: np.count_nonzero(column)

    def count():
        refresh()
        return np.count_nonzero(column)

    return count


# --- rates


@merges(SimScheduledRate, lambda op1, op2: True, stacked=("control", "rate"))
def step_rates(ops, signals, dt, rng):
    """Evaluate each schedule once for all rules that have it."""
    if not all(op.schedule.traceable for op in ops):
        return one_by_one(ops, signals, dt, rng)  # functions are called for each
    is_set = count_set(ops, signals, CHOICE)
    step = signals[ops[0].step]
    step_each = one_by_one(ops, signals, dt, rng)
    rates, refresh = gather([signals[op.rate] for op in ops])
    if refresh is not None:
        return step_each
    rates = rates.reshape(-1)
    rules = {}
    for i, op in enumerate(ops):
        rules.setdefault(op.schedule, []).append(i)
    constant = all(isinstance(schedule, Constant) for schedule in rules)
    # constants need no look at the time
    length = 1 if constant else CHUNK
    first, last, table, is_finite = 0, 0, None, True

    def evaluate(now):
        nonlocal first, last, table, is_finite
        first, last = now, now + length
        times = np.arange(first, last) * dt
        if len(rules) == 1:
            table = next(iter(rules))(times)
            is_finite = np.isfinite(table).all()
            table = table.tolist()
        else:
            table = np.empty((length, len(ops)))
            for schedule, places in rules.items():
                table[:, places] = schedule(times)[:, None]
            is_finite = np.isfinite(table).all()

    changed = True

    def step_constants():
        nonlocal changed
        if is_set():
            changed = True
            step_each()
        elif changed:
            evaluate(0)
            rates[...] = table[0]
            changed = False

    def step_schedules():
        now = step.item()
        if not first <= now < last:
            evaluate(now)
        if is_set() or not is_finite:
            step_each()
        else:
            rates[...] = table[now - first]

    return step_constants if constant else step_schedules


# --- the presynaptic filters


@merges(
    SimActivityFilter,
    same_shapes,
    stacked=("output", "x"),
    twin=lambda op: (op.input, op.process),
)
def step_filters(ops, signals, dt, rng):
    """Filter all activities at once."""
    input, refresh = gather([signals[op.input] for op in ops])
    output, output_refresh = gather([signals[op.output] for op in ops])
    x, x_refresh = gather([signals[op.x][0] for op in ops])
    if output_refresh is not None or x_refresh is not None:
        return one_by_one(ops, signals, dt, rng)
    numbers = np.array([(op.a, op.b) for op in ops])
    if np.all(numbers == numbers[0]):
        a, b = numbers[0].tolist()
    else:
        a, b = np.repeat(numbers, ops[0].input.size, axis=0).T.copy()
    step_filter = make_filter(input.reshape(-1), output.reshape(-1), x, a, b)
    if refresh is None:
        return step_filter

    def step_gathered():
        refresh()
        step_filter()

    return step_gathered


# --- weight changes


def same_gradients(op1, op2):
    """Whether two rules have one shape, one rate each, and both a guard or none."""
    return op1.guarded == op2.guarded and op1.rate.size == 1 and same_shapes(op1, op2)


class Gradients:
    """The stacked arrays that the weight changes of many rules are computed from."""

    def __init__(self, ops, signals, dt, rng):
        self.n = ops[0].activities.size
        self.dt = dt
        rates, r1 = gather([signals[op.rate] for op in ops])
        error, r2 = gather([signals[op.error] for op in ops])
        activities, r3 = gather([signals[op.activities] for op in ops])
        self.error, self.activities, self.rates = error, activities, rates
        self.refresh = refresher(r1, r2, r3)
        self.is_frozen = count_set(ops, signals, FROZEN)
        self.step_each = one_by_one(ops, signals, dt, rng)
        self.guarded = ops[0].guarded
        self.safe = limit_of(error.dtype) ** 0.6
        self.scale = np.empty_like(rates)
        flat = [a.reshape(-1) for a in (rates, error, activities)]
        self.squares = [a.dot for a in flat], flat

    def make_step(self, change):
        """Make the step that computes all changes, or lets each rule do it."""
        refresh, is_frozen, step_each = self.refresh, self.is_frozen, self.step_each
        safe, guarded = self.safe, self.guarded
        (dot1, dot2, dot3), (flat1, flat2, flat3) = self.squares

        def step_changes():
            refresh()
            # if the sum over all rules is small, it is for each
            if is_frozen() or (
                guarded and not dot1(flat1) + dot2(flat2) + dot3(flat3) < safe
            ):
                step_each()
            else:
                change()

        return step_changes

    def scaled_errors(self, out):
        """Set an array to the errors times ``-rate * dt / n``, with the bits of PES."""
        np.negative(self.rates, self.scale)
        np.multiply(self.scale, self.dt, self.scale)
        np.divide(self.scale, self.n, self.scale)
        np.multiply(self.error, self.scale, out)


@merges(SimPESFactors, same_gradients, stacked=("left", "right"))
def step_factors(ops, signals, dt, rng):
    """Store the factors of all weight changes."""
    left, left_refresh = gather([signals[op.left][:, 0] for op in ops])
    right, right_refresh = gather([signals[op.right][0] for op in ops])
    if left_refresh is not None or right_refresh is not None:
        return one_by_one(ops, signals, dt, rng)
    gradients = Gradients(ops, signals, dt, rng)
    activities = gradients.activities

    def set_factors():
        gradients.scaled_errors(left)
        right[...] = activities

    return gradients.make_step(set_factors)


@merges(SimScheduledPES, same_gradients, stacked=("delta",))
def step_deltas(ops, signals, dt, rng):
    """Compute all weight changes as matrices."""
    delta, refresh = gather([signals[op.delta] for op in ops])
    if refresh is not None:
        return one_by_one(ops, signals, dt, rng)
    gradients = Gradients(ops, signals, dt, rng)
    activities, scaled = gradients.activities, np.empty_like(gradients.error)

    def set_deltas():
        gradients.scaled_errors(scaled)
        np.multiply(scaled[:, :, None], activities[:, None, :], out=delta)

    return gradients.make_step(set_deltas)


def small_targets(op1, op2):
    """Whether two rules of one shape have so few weights that it pays to merge them.

    BLAS is faster than numpy for more of them, and works on those of one rule.
    """
    return op1.target.size <= SMALL and same_shapes(op1, op2)


@merges(SimAddOuter, small_targets, stacked=("left", "right"))
def step_add_outers(ops, signals, dt, rng):
    """Add all outer products to the weights, in blocks that stay in the cache."""
    left, refresh1 = gather([signals[op.left][:, 0] for op in ops])
    right, refresh2 = gather([signals[op.right][0] for op in ops])
    refresh = refresher(refresh1, refresh2)
    is_frozen = count_set(ops, signals, FROZEN)
    step_each = one_by_one(ops, signals, dt, rng)
    length = max(1, BLOCK // ops[0].target.size)
    blocks = []
    for indices, weights in runs([signals[op.target] for op in ops]):
        for i in range(0, len(indices), length):
            part = slice(i, i + length)
            blocks.append(add_block(left, right, indices[part], weights[part]))

    def step_add_outer():
        refresh()
        if is_frozen():
            step_each()
        elif np.count_nonzero(left):
            for add in blocks:
                add()

    return step_add_outer


def add_block(left, right, indices, weights):
    """Make the function that adds the products of some rules to their weights."""
    product = np.empty(weights.shape, weights.dtype)
    ordered = indices == list(range(indices[0], indices[0] + len(indices)))
    if ordered:
        rows = slice(indices[0], indices[0] + len(indices))
        column, row = left[rows][:, :, None], right[rows][:, None, :]

        def add_in_order():
            np.multiply(column, row, product)
            np.add(weights, product, weights)

        return add_in_order

    places = np.array(indices)
    lefts = np.empty((len(indices), left.shape[1]), left.dtype)
    rights = np.empty((len(indices), right.shape[1]), right.dtype)
    column, row = lefts[:, :, None], rights[:, None, :]

    def add_gathered():
        left.take(places, 0, lefts, "clip")
        right.take(places, 0, rights, "clip")
        np.multiply(column, row, product)
        np.add(weights, product, weights)

    return add_gathered


@merges(SimAddDelta, small_targets)
def step_add_deltas(ops, signals, dt, rng):
    """Add all weight changes to the weights."""
    is_frozen = count_set(ops, signals, FROZEN)
    step_each = one_by_one(ops, signals, dt, rng)
    pairs = []
    for indices, weights in runs([signals[op.target] for op in ops]):
        delta, refresh = gather([signals[ops[i].delta] for i in indices])
        pairs.append((weights, delta, refresher(refresh)))

    def step_add_delta():
        if is_frozen():
            step_each()
            return
        for weights, delta, refresh in pairs:
            refresh()
            np.add(weights, delta, weights)

    return step_add_delta


# --- the guard of rules that are not PES


@merges(SimWeightsGuard, same_shapes)
def step_guards(ops, signals, dt, rng):
    """Look at the weights of all rules, in every `PERIOD`-th step."""
    step = signals[ops[0].step]
    weights = [run for _, run in runs([signals[op.weights] for op in ops])]
    step_each = one_by_one(ops, signals, dt, rng)

    def step_guard():
        if step % PERIOD == 0 and any(map(too_large, weights)):
            step_each()

    return step_guard
