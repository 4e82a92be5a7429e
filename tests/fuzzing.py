"""Random networks with learning rules, described by plain data.

A network is drawn as a description that `build` makes into a model, as often as it is
asked: with our rule, with plain PES where the rates are constant, or with the error
scaled in Nodes. Everything has its seed, so that the variants differ only in that.
"""

from dataclasses import dataclass
from typing import Optional

import nengo
import numpy as np
from hypothesis import strategies as st

import nengo_lr as nlr
from nengo_lr.schedules import expressions

N_STEPS = 60
DT = 0.001


@dataclass(frozen=True)
class Rule:
    """One learning rule: the rate as text, or ``node`` or ``law``, and the optimizer.

    The text of a schedule is what `nengo_lr.schedules.expressions.parse` reads.
    """

    rate: str
    optimizer: Optional[str] = None
    pre_synapse: Optional[float] = 0.005
    probed: bool = False
    type: str = "PES"


@dataclass(frozen=True)
class Learner:
    """A connection that learns, and all around it."""

    seed: int
    kind: str
    rule: Rule
    dimensions: int = 1
    neurons: str = "LIF"
    nested: bool = False
    error_synapse: Optional[float] = 0.005


@dataclass(frozen=True)
class Description:
    """A whole network: one or more connections that learn."""

    learners: tuple

    @property
    def features(self):
        """What this network has, as a set of words."""
        found = {"several rules"} if len(self.learners) > 1 else set()
        schedules = {one.rule.rate for one in self.learners if one.rule.type == "PES"}
        if len(schedules) > 1:
            found.add("several rates")
        for learner in self.learners:
            rule = learner.rule
            found |= {learner.kind, learner.neurons, f"rate: {rate_kind(rule)}"}
            found.add(f"optimizer: {rule.optimizer}" if rule.optimizer else "plain")
            found.add(f"rule: {rule.type}")
            if learner.nested:
                found.add("nested")
            if rule.probed:
                found.add("delta probed")
            if rule.pre_synapse is None:
                found.add("no pre_synapse")
        return found


def rate_kind(rule):
    """Constant, schedule, node or law."""
    if rule.rate in ("node", "law"):
        return rule.rate
    return "constant" if rule.rate.startswith("Constant") else "schedule"


KINDS = ("decoded", "weight solver", "neurons", "sliced", "neurons to ensemble")
NEURONS = ("LIF", "RectifiedLinear", "LIFRate", "Sigmoid")
OPTIMIZERS = ("AdaGrad", "RMSProp", "Adam", "LocalGains")
OTHER_RULES = ("Oja", "BCM", "Voja")


@st.composite
def rates(draw, kinds=("constant", "schedule", "node", "law")):
    """The rate of a rule, as text."""
    kind = draw(st.sampled_from(kinds))
    if kind in ("node", "law"):
        return kind
    value = draw(st.sampled_from([0.0, 1e-5, 1e-4, 5e-4]))
    if kind == "constant":
        return f"Constant({value})"
    boundary = draw(st.integers(1, N_STEPS)) * DT
    return draw(
        st.sampled_from(
            [
                f"ExponentialDecay({value}, 0.02)",
                f"PiecewiseConstant([{value}, 3e-4], [{boundary}])",
                f"CosineDecay({value}, {boundary})",
                f"Cyclic(0, {value}, {boundary})",
                f"Warmup(InverseTimeDecay({value}, 0.03), {boundary})",
                f"Linear({value}, {boundary}, final=1e-4) * 0.5",
                f"Constant(1e-4) + ExponentialDecay({value}, {boundary})",
                f"Constant(2e-4).between({boundary}, {boundary + 0.02})",
            ]
        )
    )


@st.composite
def learners(draw, kinds=("constant", "schedule", "node", "law"), others=True):
    """A connection that learns."""
    other = others and draw(st.integers(0, 4)) == 0
    if other:
        type = draw(st.sampled_from(OTHER_RULES))
        rule = Rule(draw(rates(kinds)), type=type)
        kind = "decoded" if type == "Voja" else "neurons"
    else:
        kind = draw(st.sampled_from(KINDS))
        rule = Rule(
            draw(rates(kinds)),
            draw(st.sampled_from((None, None, *OPTIMIZERS))) if others else None,
            draw(st.sampled_from([0.005, None])),
            draw(st.integers(0, 3)) == 0,
        )
    return Learner(
        draw(st.integers(0, 10_000)),
        kind,
        rule,
        draw(st.integers(1, 3)),
        draw(st.sampled_from(NEURONS)),
        draw(st.booleans()),
        draw(st.sampled_from([0.005, None])),
    )


def networks(**kwargs):
    """Descriptions of networks with one to three connections that learn."""
    parts = st.lists(learners(**kwargs), min_size=1, max_size=3)
    return st.builds(lambda parts: Description(tuple(parts)), parts)


# --- from the description to a model


SIZES = {"PES": 1.0, "Oja": 1e-2, "BCM": 1e-5, "Voja": 1.0}
"""By what a rule's rates are smaller than those of PES; BCM diverges at its rates."""


def make_rate(rule):
    """The rate that a rule's text stands for; a Node is made where it is called."""
    size = SIZES[rule.type]
    if rule.rate == "node":
        return nengo.Node(Oscillation(3e-4 * size))
    if rule.rate == "law":
        return nlr.ErrorDriven(1e-5 * size, 5e-4 * size, scale=0.5, tau=0.01)
    rate = expressions.parse(rule.rate)
    return rate if size == 1 else rate * size


class Oscillation:
    """A rate that a Node outputs, also below 0."""

    def __init__(self, peak):
        self.peak = peak

    def __call__(self, t):
        return self.peak * np.cos(40 * t)


def ours(rule, rate):
    """The rule as the library has it."""
    if rule.type != "PES":
        return nlr.Scheduled(getattr(nengo, rule.type)(), rate)
    optimizer = rule.optimizer and getattr(nlr, rule.optimizer)()
    if rule.optimizer == "LocalGains":
        optimizer = nlr.LocalGains(window=0.01)
    return nlr.ScheduledPES(rate, pre_synapse=rule.pre_synapse, optimizer=optimizer)


def plain(rule, rate):
    """The same with plain PES, for constant rates."""
    return nengo.PES(rate.value, pre_synapse=rule.pre_synapse)


SCALE = 1e-4
"""The rate of plain PES where a Node scales the error."""


def scaled(rule, rate):
    """Plain PES at a constant rate, to which `build` adds a Node that scales."""
    return nengo.PES(SCALE, pre_synapse=rule.pre_synapse)


def build(description, make_rule=ours, scale=False):
    """Make the model that a description stands for.

    Parameters
    ----------
    description : Description
    make_rule : callable, optional
        ``make_rule(rule, rate)`` returns the learning rule type.
    scale : bool, optional
        Whether a Node multiplies each error by the rate, relative to `SCALE`.

    Returns
    -------
    network : nengo.Network
        It has ``connections_that_learn`` and, for each, a Probe in ``weights``.
    """
    with nengo.Network(seed=0) as network:
        network.learning, network.weights = [], []
        for learner in description.learners:
            if learner.nested:
                with nengo.Network(seed=1), nengo.Network(seed=2):
                    add(network, learner, make_rule, scale)
            else:
                add(network, learner, make_rule, scale)
    return network


def add(network, learner, make_rule, scale):
    """Add one connection that learns to the network that is open."""
    seed, d, rule = learner.seed, learner.dimensions, learner.rule
    neurons = getattr(nengo, learner.neurons)()
    stimulus = nengo.Node(Waves(d, seed))
    pre = nengo.Ensemble(15, d, neuron_type=neurons, seed=seed)
    post = nengo.Ensemble(10, d, neuron_type=neurons, seed=seed + 1)
    nengo.Connection(stimulus, pre, seed=seed + 2)
    rate = make_rate(rule)
    connection = connect(learner, pre, post, make_rule(rule, rate))
    network.learning.append(connection)
    network.weights.append(nengo.Probe(connection, "weights"))
    if rule.type == "Voja":
        network.weights[-1] = nengo.Probe(connection.learning_rule, "scaled_encoders")
    if rule.probed:
        nengo.Probe(connection.learning_rule, "delta")
    size = connection.learning_rule.size_in
    if rule.type != "PES" or size == 0:
        return
    error = nengo.Node(size_in=size)
    nengo.Connection(post[:size], error, seed=seed + 3, synapse=0.005)
    nengo.Connection(
        stimulus[:size], error, transform=-1, synapse=learner.error_synapse
    )
    if scale:
        schedule = rate.output if isinstance(rate, nengo.Node) else rate
        node = nengo.Node(Scaling(schedule), size_in=size)
        nengo.Connection(error, node, synapse=None)
        error = node
    nengo.Connection(error, connection.learning_rule, synapse=None)


class Waves:
    """A stimulus that can be pickled."""

    def __init__(self, dimensions, seed):
        self.frequencies = np.random.RandomState(seed).uniform(5, 80, dimensions)

    def __call__(self, t):
        return np.sin(self.frequencies * t)


class Scaling:
    """Multiplies an error by a rate, relative to `SCALE`."""

    def __init__(self, schedule):
        self.schedule = schedule

    def __call__(self, t, error):
        # the simulator's time is step * dt, rounded as ours
        return error * (self.schedule(t) / SCALE)


class Zeros:
    """A function with ``n`` outputs, all 0, that can be pickled."""

    def __init__(self, n):
        self.n = n

    def __call__(self, x):
        return np.zeros(self.n)


def connect(learner, pre, post, rule):
    """The connection that learns, of one of the `KINDS`."""
    d, options = learner.dimensions, {"learning_rule_type": rule}
    options["seed"] = learner.seed + 4
    random = np.random.RandomState(learner.seed).uniform(-1e-3, 1e-3, size=(10, 15))
    if learner.kind == "decoded":
        return nengo.Connection(pre, post, function=Zeros(d), **options)
    if learner.kind == "weight solver":
        solver = nengo.solvers.LstsqL2(weights=True)
        return nengo.Connection(pre, post, solver=solver, **options)
    if learner.kind == "neurons":
        return nengo.Connection(pre.neurons, post.neurons, transform=random, **options)
    if learner.kind == "sliced":
        return nengo.Connection(pre, post[:1], function=Zeros(1), **options)
    transform = np.zeros((d, 8))
    return nengo.Connection(pre.neurons[2:10], post, transform=transform, **options)
