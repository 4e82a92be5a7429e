"""Random networks with learning rules, described by plain data.

A network is drawn as a description that `build` makes into a model, as often as it is
asked: with our rules, with plain PES where the rates are constant, or with the error
scaled in Nodes. Everything has its seed, so that the variants differ only in that.
"""

import re
from dataclasses import dataclass, replace
from typing import Optional

import nengo
import numpy as np
from hypothesis import strategies as st

import nengo_lr as nlr
from nengo_lr.schedules import expressions

N_STEPS = 60

STEPS = (0.001, 0.001, 0.0003, 1 / 3000, 0.0007)
"""Lengths of a step in seconds: multiples of most of them are not exact."""


@dataclass(frozen=True)
class Rule:
    """One learning rule: the rate as text, or the kind of rate, and the optimizer.

    The text of a schedule is what `nengo_lr.schedules.expressions.parse` reads. A kind
    of rate is ``node``, ``vector node``, ``law`` or ``auto``. Types that begin with
    "native" are Nengo's own.
    """

    rate: str
    optimizer: Optional[str] = None
    pre_synapse: str = "Lowpass"
    probed: bool = False
    type: str = "PES"
    precondition: Optional[int] = None

    @property
    def native(self):
        return self.type.startswith("native")

    @property
    def kind(self):
        """Constant, schedule, node, vector node, law or auto."""
        if self.rate in ("node", "vector node", "law", "auto"):
            return self.rate
        constant = re.fullmatch(r"Constant\([^()]*\)", self.rate)
        return "constant" if constant else "schedule"


@dataclass(frozen=True)
class Learner:
    """A connection that learns, and all around it."""

    seed: int
    kind: str
    rules: tuple
    container: str = "single"
    dimensions: int = 1
    neurons: str = "LIF"
    nested: bool = False
    error_synapse: str = "Lowpass"


@dataclass(frozen=True)
class Description:
    """A whole network: one or more connections that learn."""

    learners: tuple
    dt: float = STEPS[0]
    defaults: bool = False

    @property
    def rules(self):
        return [rule for learner in self.learners for rule in learner.rules]

    @property
    def convertible(self):
        """Whether `nengo_lr.to_error_scaling` takes it."""
        ours = [rule for rule in self.rules if not rule.native]
        return bool(ours) and all(
            rule.optimizer is None
            and rule.precondition is None
            and (rule.kind == "constant" if rule.type != "PES" else rule.kind != "auto")
            for rule in ours
        )

    @property
    def features(self):
        """What this network has, as a set of words."""
        found = {"several learners"} if len(self.learners) > 1 else set()
        if len({rule.rate for rule in self.rules if rule.type == "PES"}) > 1:
            found.add("several rates")
        if self.defaults:
            found.add("config defaults")
        found.add(f"dt: {self.dt:.3g}")
        for learner in self.learners:
            found |= {learner.kind, learner.neurons, f"rules: {learner.container}"}
            found.add(f"error synapse: {learner.error_synapse}")
            if learner.nested:
                found.add("nested")
        for rule in self.rules:
            found |= {f"rule: {rule.type}", f"pre_synapse: {rule.pre_synapse}"}
            found.add(f"optimizer: {rule.optimizer}" if rule.optimizer else "plain")
            if not rule.native:
                found.add(f"rate: {rule.kind}")
            if rule.precondition:
                found.add("precondition")
            if rule.probed:
                found.add("delta probed")
        return found

    def with_rates(self, rates):
        """The same network with other rates, one for each rule in turn."""
        rates = iter(rates)
        learners = tuple(
            replace(
                learner,
                rules=tuple(replace(rule, rate=next(rates)) for rule in learner.rules),
            )
            for learner in self.learners
        )
        return replace(self, learners=learners)


DECODED = (
    "decoded",
    "to a node",
    "sliced",
    "repeated index",
    "function to fewer dimensions",
    "function and matrix",
    "scalar transform",
    "matrix transform",
    "recurrent",
    "neurons to ensemble",
)
"""Kinds of connections whose error has the dimensions of what they put out."""

KINDS = (*DECODED, "weight solver", "neurons", "recurrent neurons")
BOUNDED = ("LIF", "LIFRate", "Sigmoid", "AdaptiveLIF", "Tanh")
"""Types of neurons that keep recurrent networks, Oja and BCM from diverging."""

NEURONS = (*BOUNDED, "RectifiedLinear", "SpikingRectifiedLinear")
OPTIMIZERS = ("AdaGrad", "RMSProp", "Adam", "LocalGains")
OTHER_RULES = {
    "decoded": ("Voja", "Voja"),
    "repeated index": ("Voja",),
    "neurons": ("BCM", "Oja", "Oja", "BCM"),
    "recurrent neurons": ("Oja", "Oja", "BCM"),
}
"""The rules beside PES that suit some kinds of connections."""
SYNAPSES = {
    "None": None,
    "Lowpass": nengo.Lowpass(0.005),
    "Alpha": nengo.Alpha(0.004),
    "LinearFilter": nengo.LinearFilter([1], [0.000008, 0.006, 1]),
    "one pole": nengo.LinearFilter([1], [0.004, 1]),
}


@st.composite
def rates(draw, kinds, dt):
    """The rate of a rule, as text."""
    kind = draw(st.sampled_from(kinds))
    if kind in ("node", "vector node", "law", "auto"):
        return kind
    value = draw(st.sampled_from([0.0, 1e-5, 1e-4, 5e-4]))
    if kind == "constant":
        return f"Constant({value})"
    boundary = draw(st.integers(1, N_STEPS)) * dt
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


ALL_RATES = ("constant", "schedule", "node", "law")


@st.composite
def learners(draw, dt, kinds=ALL_RATES, others=True):
    """A connection that learns, with one to three rules of different types."""
    kind = draw(st.sampled_from((*KINDS, *OTHER_RULES) if others else KINDS))
    container = draw(st.sampled_from(("single", "list", "dict")))
    n_rules = 1 if container == "single" else draw(st.integers(2, 3))
    beside = OTHER_RULES.get(kind, ()) if others else ()
    types = ("PES", *beside)
    if n_rules > 1:
        types += ("PES", "native PES", *(f"native {name}" for name in beside))
    vectors = ("vector node",) if "node" in kinds and kind in DECODED else ()
    # rules on one connection must differ, or Nengo takes them for one
    synapses = draw(st.permutations(list(SYNAPSES)))
    rules = []
    for synapse in synapses[:n_rules]:
        type = draw(st.sampled_from(types))
        if type != "PES":
            taken = {rule.type.removeprefix("native ") for rule in rules}
            type = "PES" if type.removeprefix("native ") in taken else type
        is_pes = type == "PES"
        more = (*vectors, *(("auto",) if others else ())) if is_pes else ()
        rate = draw(rates((*kinds, *more), dt))
        if type.startswith("native"):
            rate = "Constant(1e-4)"
        optimizer = precondition = None
        if is_pes and others and rate != "auto":
            optimizer = draw(st.sampled_from((None, None, *OPTIMIZERS)))
        if is_pes and others:
            precondition = draw(st.sampled_from((None, None, None, 3)))
        probed = is_pes and draw(st.integers(0, 3)) == 0
        rules.append(Rule(rate, optimizer, synapse, probed, type, precondition))
    grows = "recurrent" in kind or any(
        rule.type.endswith(("Oja", "BCM")) for rule in rules
    )
    return Learner(
        draw(st.integers(0, 10_000)),
        kind,
        tuple(rules),
        container,
        draw(st.integers(1, 3)),
        draw(st.sampled_from(BOUNDED if grows else NEURONS)),
        draw(st.booleans()),
        draw(st.sampled_from(sorted(SYNAPSES))),
    )


@st.composite
def networks(draw, **kwargs):
    """Descriptions of networks with one to three connections that learn."""
    dt = draw(st.sampled_from(STEPS))
    parts = draw(st.lists(learners(dt, **kwargs), min_size=1, max_size=3))
    return Description(tuple(parts), dt, draw(st.integers(0, 3)) == 0)


# --- from the description to a model


SIZES = {"Oja": 1e-2, "BCM": 1e-5}
"""By what a rule's rates are smaller than those of PES; BCM diverges at its rates."""


def make_rate(rule, size):
    """The rate that a rule's text stands for; a Node is made where it is called."""
    factor = SIZES.get(rule.type, 1.0)
    if rule.rate == "node":
        return nengo.Node(Oscillation(3e-4 * factor), size_in=0, size_out=1)
    if rule.rate == "vector node":
        return nengo.Node(Oscillation(3e-4 * factor, size), size_in=0, size_out=size)
    if rule.rate == "auto":
        return "auto"
    if rule.rate == "law":
        return nlr.ErrorDriven(1e-5 * factor, 5e-4 * factor, scale=0.5, tau=0.01)
    rate = expressions.parse(rule.rate)
    if rule.kind == "constant":
        return nlr.Constant(rate.value * factor)
    return rate if factor == 1 else rate * factor


class Oscillation:
    """Rates that a Node outputs, also below 0."""

    def __init__(self, peak, size=1):
        self.peak = peak
        self.phases = np.arange(size)

    def __call__(self, t):
        return self.peak * np.cos(40 * t + self.phases)


def ours(rule, rate):
    """The rule as the library has it."""
    synapse = SYNAPSES[rule.pre_synapse]
    if rule.type != "PES":
        name = rule.type.removeprefix("native ")
        if name == "PES":
            return nengo.PES(rate.value, pre_synapse=synapse)
        native = getattr(nengo, name)()
        return native if rule.native else nlr.Scheduled(native, rate)
    optimizer = rule.optimizer and getattr(nlr, rule.optimizer)()
    if rule.optimizer == "LocalGains":
        optimizer = nlr.LocalGains(window=0.01)
    return nlr.ScheduledPES(rate, synapse, optimizer, rule.precondition)


def plain(rule, rate):
    """The same with plain PES, for constant rates."""
    return nengo.PES(rate.value, pre_synapse=SYNAPSES[rule.pre_synapse])


SCALE = 1e-4
"""The rate of plain PES where a Node scales the error."""


def scaled(rule, rate):
    """Plain PES at a constant rate, to which `build` adds a Node that scales."""
    return nengo.PES(SCALE, pre_synapse=SYNAPSES[rule.pre_synapse])


def build(description, make_rule=ours, scale=False):
    """Make the model that a description stands for.

    Parameters
    ----------
    description : Description
    make_rule : callable, optional
        ``make_rule(rule, rate)`` returns the learning rule type of each PES rule.
    scale : bool, optional
        Whether a Node multiplies each error by the rate, relative to `SCALE`.

    Returns
    -------
    network : nengo.Network
        It has ``learning``, the connections that learn; ``rules``, their rules of ours;
        ``weights``, Probes of all that is learned; and ``dt``.
    """
    with nengo.Network(seed=0) as network:
        network.learning, network.rules, network.weights = [], [], []
        network.dt = description.dt
        if description.defaults:
            network.config[nengo.Ensemble].radius = 1.3
            network.config[nengo.Ensemble].max_rates = nengo.dists.Uniform(250, 350)
            network.config[nengo.Connection].transform = 0.7
            network.config[nengo.Connection].synapse = 0.002
            network.config[nengo.Node].size_out = 1
        for learner in description.learners:
            if learner.nested:
                with nengo.Network(seed=1), nengo.Network(seed=2):
                    add(network, learner, make_rule, scale)
            else:
                add(network, learner, make_rule, scale)
    return network


def node(size, function=None):
    """A Node that states its sizes, whatever the config says."""
    return nengo.Node(function, size_in=size, size_out=size)


def add(network, learner, make_rule, scale):
    """Add one connection that learns to the network that is open."""
    seed, d = learner.seed, learner.dimensions
    neurons = getattr(nengo, learner.neurons)()
    stimulus = nengo.Node(Waves(d, seed), size_in=0, size_out=d)
    pre = nengo.Ensemble(15, d, neuron_type=neurons, seed=seed)
    post = pre
    if not learner.kind.startswith("recurrent"):
        post = nengo.Ensemble(10, d, neuron_type=neurons, seed=seed + 1)
    nengo.Connection(stimulus, pre, seed=seed + 2)
    size = 1 if learner.kind == "sliced" else d
    types, made = [], []
    for rule in learner.rules:
        made.append(make_rate(rule, size))
        make = make_rule if rule.type == "PES" else ours
        types.append(make(rule, made[-1]))
    if learner.container == "single":
        (types,) = types
    elif learner.container == "dict":
        types = dict(zip("abc", types))
    connection = connect(learner, pre, post, types)
    network.learning.append(connection)
    network.weights.append(nengo.Probe(connection, "weights"))
    learning_rules = connection.learning_rule
    if learner.container == "single":
        learning_rules = [learning_rules]
    elif learner.container == "dict":
        learning_rules = [learning_rules[key] for key in types]
    for i, (rule, rate, learned) in enumerate(zip(learner.rules, made, learning_rules)):
        if not rule.native:
            network.rules.append(learned)
        if rule.type.endswith("Voja"):
            network.weights.append(nengo.Probe(learned, "scaled_encoders"))
        if rule.probed:
            nengo.Probe(learned, "delta")
        if rule.type not in ("PES", "native PES"):
            continue
        error = node(size)
        source = connection.post_obj if learner.kind == "to a node" else post
        nengo.Connection(
            source[:size], error, seed=seed + 3 + 10 * i, synapse=0.005, transform=1
        )
        nengo.Connection(
            stimulus[[0] * size if learner.kind == "repeated index" else slice(size)],
            error,
            transform=-1,
            synapse=SYNAPSES[learner.error_synapse],
        )
        if scale and rule.type == "PES":
            schedule = rate.output if isinstance(rate, nengo.Node) else rate
            scaling = node(size, Scaling(schedule))
            nengo.Connection(error, scaling, synapse=None, transform=1)
            error = scaling
        nengo.Connection(error, learned, synapse=None)


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


class Means:
    """A function with ``n`` outputs, all ``factor`` times the mean, that pickles."""

    def __init__(self, n, factor=0.0):
        self.n = n
        self.factor = factor

    def __call__(self, x):
        return np.full(self.n, self.factor * np.mean(x))


def connect(learner, pre, post, types):
    """The connection that learns, of one of the `KINDS`."""
    kind, d = learner.kind, learner.dimensions
    options = {"learning_rule_type": types, "seed": learner.seed + 4}
    rng = np.random.RandomState(learner.seed)
    if kind in ("neurons", "recurrent neurons"):
        shape = (post.n_neurons, pre.n_neurons)
        transform = rng.uniform(-1e-3, 1e-3, size=shape)
        return nengo.Connection(
            pre.neurons, post.neurons, transform=transform, **options
        )
    if kind == "neurons to ensemble":
        transform = np.zeros((d, 8))
        return nengo.Connection(pre.neurons[2:10], post, transform=transform, **options)
    if kind == "weight solver":
        options["solver"] = nengo.solvers.LstsqL2(weights=True)
    elif kind == "decoded" or kind == "recurrent":
        options["function"] = Means(d)
    elif kind == "to a node":
        post, options["function"] = node(d), Means(d, 0.5)
    elif kind == "sliced":
        post, options["function"] = post[:1], Means(1)
    elif kind == "repeated index":
        pre, options["function"] = pre[[0, 0, d - 1]], Means(d, 0.3)
    elif kind == "function to fewer dimensions":
        options["function"] = Means(1, 0.5)
        options["transform"] = np.ones((d, 1))
    elif kind == "function and matrix":
        options["function"] = Means(d + 1, 0.5)
        options["transform"] = rng.uniform(-1, 1, size=(d, d + 1))
    elif kind == "scalar transform":
        options["transform"] = 0.4
    elif kind == "matrix transform":
        options["transform"] = rng.uniform(-1, 1, size=(d, d))
    return nengo.Connection(pre, post, **options)
