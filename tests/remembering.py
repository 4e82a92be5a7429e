"""Functions and processes that remember something outside of signals, and some not."""

import collections
import functools
import itertools
import random
import re
import sys
import types

import nengo
import numpy as np
from scipy.special import expit
from scipy.stats import norm

from nengo_lr import FeedbackLaw
from nengo_lr.schedules import Schedule

RNG = np.random.default_rng(1)
COUNT = 0
HISTORY = [0.0]
TABLE = np.random.RandomState(5).uniform(-1, 1, size=50)


def comprehension():
    rng = np.random.default_rng(1)
    return lambda t: np.mean([rng.uniform() for _ in range(3)])


def nested_function():
    rng = np.random.RandomState(1)

    def function(t):
        def draw():
            return rng.uniform()

        return draw()

    return function


def keyword_default():
    def function(t, *, seen=[0]):  # noqa: B006
        seen.append((seen[-1] + 1) % 5)
        return seen[-1] / 5

    return function


def positional_default():
    def function(t, seen=[0]):  # noqa: B006
        seen[0] = (seen[0] + 1) % 5
        return seen[0] / 5

    return function


def vectorized():
    rng = np.random.RandomState(1)
    return np.vectorize(lambda t: rng.uniform(), otypes=[float])


def ufunc():
    function = np.frompyfunc(nonlocal_counter(), 1, 1)
    return lambda t: float(function(t))


def module():
    environment = types.ModuleType("environment_of_the_tests")
    code = "state = 0\n\ndef step(t):\n    global state\n    state = (state + 1) % 5\n"
    exec(code + "    return state / 5\n", vars(environment))
    sys.modules[environment.__name__] = environment
    return environment


def module_step():
    return module().step


def step_of_a_module():
    environment = module()
    return lambda t: environment.step(t)


def step_of_an_import():
    module()

    def function(t):
        import environment_of_the_tests

        return environment_of_the_tests.step(t)

    return function


def class_step():
    class Environment:
        state = 0

        @staticmethod
        def step(t):
            Environment.state = (Environment.state + 1) % 5
            return Environment.state / 5

    return Environment.step


def class_method():
    class Environment:
        state = 0

        @classmethod
        def step(cls, t):
            cls.state = (cls.state + 1) % 5
            return cls.state / 5

    return Environment.step


class Environment:
    def __init__(self):
        self.state = 0

    def step(self, t):
        self.state = (self.state + 1) % 5
        return self.state / 5

    __call__ = step


class Slotted:
    """What pickle would keep of it leaves out what it counts."""

    __slots__ = ("count",)

    def __init__(self):
        self.count = 0

    def __getstate__(self):
        return {}

    def __call__(self, t):
        self.count += 1
        return float(self.count > 75)


class Subnetwork(nengo.Network):
    """A Node function that is a method of its own network, as many models have it."""

    def __init__(self):
        super().__init__()
        self.state, self.table = 0, TABLE
        with self:
            self.ensemble = nengo.Ensemble(5, 1, seed=1)
            self.node = nengo.Node(self.negated, size_in=1)
            nengo.Connection(self.ensemble, self.node, synapse=0.01, seed=1)

    def negated(self, t, x):
        return -x

    def look_up(self, t):
        return at(t, self.table)

    def step(self, t):
        self.state = (self.state + 1) % 5
        return self.state / 5


def nonlocal_counter():
    count = 0

    def function(t):
        nonlocal count
        count = (count + 1) % 5
        return count / 5

    return function


def global_counter():
    def function(t):
        global COUNT
        COUNT = (COUNT + 1) % 5
        return COUNT / 5

    return function


def global_list():
    def function(t):
        HISTORY.append((HISTORY[-1] + 0.2) % 1)
        return HISTORY[-1]

    return function


def generator():
    def run():
        state = 0
        while True:
            yield state / 5
            state = (state + 1) % 5

    return run()


def send():
    running = generator()
    next(running)
    return lambda t: running.send(t)


def next_of_a_generator():
    running = generator()
    return lambda t: next(running)


def iterator():
    values = itertools.cycle([0.1, 0.4, 0.2])
    return lambda t: next(values)


def partial():
    def function(t, seen):
        seen[0] = (seen[0] + 1) % 5
        return seen[0] / 5

    counter = functools.partial(function, seen=[0])
    return lambda t: counter(t)  # Nengo miscounts the arguments of partial


def attribute():
    def function(t):
        function.state = (function.state + 1) % 5
        return function.state / 5

    function.state = 0
    return function


def decorated():
    counter = nonlocal_counter()

    @functools.wraps(counter)
    def function(t):
        return counter(t)

    return function


def cached():
    counter = nonlocal_counter()
    return functools.lru_cache(maxsize=None)(counter)


def delay_line():
    line = collections.deque([0.0] * 7)

    def function(t):
        line.append(np.sin(90 * t))
        return line.popleft()

    return function


def full_delay_line():
    """Its output and its input are the same by now, but they were not at the start."""
    line = collections.deque([0.0] * 7)

    def function(t):
        line.append(0.0 if t > 0.02 else 0.5)
        return line.popleft()

    return function


def latch():
    """Whatever it has seen matters later only."""
    seen = {"large": False}

    def function(t):
        seen["large"] |= 0.005 < t < 0.007
        return float(seen["large"] and t > 0.035)

    return function


def rare_draws():
    rng = np.random.RandomState(1)

    def function(t, last=[0.3]):  # noqa: B006
        if round(t * 1000) % 20 == 7:
            last[0] = rng.uniform()
        return last[0]

    return function


def numpys_random_numbers():
    return lambda t: np.random.uniform()  # noqa: NPY002


def pythons_random_numbers():
    return lambda t: float(random.random() < 0.02)


def unseeded():
    return lambda t: np.random.default_rng().uniform()


STATEFUL = {
    function.__name__: function
    for function in (
        comprehension,
        nested_function,
        keyword_default,
        positional_default,
        vectorized,
        ufunc,
        module_step,
        step_of_a_module,
        step_of_an_import,
        class_step,
        class_method,
        nonlocal_counter,
        global_counter,
        global_list,
        send,
        next_of_a_generator,
        iterator,
        partial,
        attribute,
        decorated,
        cached,
        delay_line,
        full_delay_line,
        latch,
        rare_draws,
        numpys_random_numbers,
        pythons_random_numbers,
        unseeded,
    )
}
STATEFUL["method"] = lambda: Environment().step
STATEFUL["callable object"] = Environment
STATEFUL["object with slots"] = Slotted
STATEFUL["method of a network"] = lambda: Subnetwork().step
STATEFUL["method of numpy"] = lambda: np.random.RandomState(1).uniform
"""Functions of time that have a state, by kind."""

VOCABULARY = nengo.spa.Vocabulary(16, rng=np.random.RandomState(2))
VOCABULARY.parse("A + B")
WORDS = {"three", "words", "in a set"}
PATTERN = re.compile("w.*d")
LOOKUP = {word: i for i, word in enumerate(sorted(WORDS))}


def at(t, values):
    return values[int(t * 1000) % len(values)]


PARTIAL = functools.partial(at, values=TABLE)


class Task:
    """An object that only holds what its functions need."""

    words = frozenset(WORDS)

    def __init__(self):
        self.table = TABLE * 2
        self.options = {"gain": 0.5, "words": WORDS}

    def stimulus(self, t):
        return self.scaled(at(t, self.table)) * len(self.options["words"]) / 3

    def scaled(self, value):
        return value * self.options["gain"]


class Interpolation:
    """It makes its table when it is called for the first time."""

    @functools.cached_property
    def table(self):
        return np.sin(np.arange(50))

    def __call__(self, t):
        return np.interp(t * 1000, np.arange(50), self.table)


def from_a_factory(values):
    return lambda t: at(t, values)


def _html(t):
    """It shows something in NengoGUI."""
    _html._nengo_html_ = f"<b>{t:.3f}</b>"
    return np.sin(9 * t)


PURE = {
    "global array": lambda: lambda t: at(t, TABLE),
    "array in a closure": lambda: from_a_factory(TABLE.copy()),
    "list in a closure": lambda: from_a_factory([0.1, 0.5, -0.2]),
    "vocabulary": lambda: lambda t: VOCABULARY.parse("A" if t < 0.02 else "B").v[0],
    "dict": lambda: lambda t: LOOKUP["words"] * np.sin(9 * t),
    "set": lambda: lambda t: float("words" in WORDS) * np.sin(9 * t),
    "object": lambda: Task().stimulus,
    "lazy object": Interpolation,
    "method of a network": lambda: Subnetwork().look_up,
    "array in a default": lambda: lambda t, values=TABLE: at(t, values),
    "partial": lambda: lambda t: PARTIAL(t),
    "vectorized": lambda: np.vectorize(lambda t: np.sin(9 * t), otypes=[float]),
    "cached": lambda: functools.lru_cache(maxsize=None)(lambda t: np.sin(9 * t)),
    "numpy": lambda: np.sin,
    "seeded in each call": lambda: lambda t: np.random.RandomState(
        int(9 * t)
    ).uniform(),
    "comprehension": lambda: lambda t: sum([x * t for x in TABLE]),
    "html": lambda: _html,
    "function of scipy": lambda: lambda t: expit(9 * t),
    "distribution of scipy": lambda: lambda t: norm.pdf(9 * t),
    "regular expression": lambda: lambda t: t * bool(PATTERN.match("word")),
}
"""Functions of time that have no state, although that is hard to see."""


class DelaySynapse(nengo.synapses.Synapse):
    """A delay that keeps its line in a closure, as many models have it."""

    def make_state(self, shape_in, shape_out, dt, dtype=None, y0=0):
        return {}

    def make_step(self, shape_in, shape_out, dt, rng, state):
        line = collections.deque([np.zeros(shape_in) for _ in range(5)])

        def step(t, signal):
            line.append(signal.copy())
            return line.popleft()

        return step


class Pulse(nengo.Process):
    """A process of the user's own that has no state."""

    def make_step(self, shape_in, shape_out, dt, rng, state):
        table = rng.uniform(-1, 1, size=(50, *shape_out))
        return lambda t: table[int(t / dt) % 50]


class Walk(nengo.Process):
    """A process of the user's own that keeps its state in a closure."""

    def make_step(self, shape_in, shape_out, dt, rng, state):
        value = np.zeros(shape_out)

        def step(t):
            value[...] = 0.9 * value + 0.1 * rng.uniform(-1, 1, size=shape_out)
            return value

        return step


class KeptWalk(nengo.Process):
    """A process of the user's own that keeps its state where Nengo wants it."""

    def make_state(self, shape_in, shape_out, dt, dtype=None):
        return {"value": np.zeros(shape_out)}

    def make_step(self, shape_in, shape_out, dt, rng, state):
        value = state["value"]

        def step(t):
            value[...] = 0.9 * value + np.sin(30 * t)
            return value

        return step


PROCESSES = {
    "unseeded WhiteSignal": lambda: nengo.processes.WhiteSignal(0.05, high=100),
    "seeded WhiteSignal": lambda: nengo.processes.WhiteSignal(0.05, high=100, seed=3),
    "Piecewise": lambda: nengo.processes.Piecewise({0: 0.2, 0.01: 0.5, 0.03: -0.5}),
    "PresentInput": lambda: nengo.processes.PresentInput(TABLE[:, None], 0.003),
    "without a state": Pulse,
    "with a state of its own": KeptWalk,
}
"""Processes that a file can bring back."""

NOISE = {
    "WhiteNoise": nengo.processes.WhiteNoise,
    "FilteredNoise": lambda: nengo.processes.FilteredNoise(seed=3),
    "Walk": Walk,
}
"""Processes that keep a state in closures."""


class StatefulRate(Schedule):
    """Against what a schedule must be: a function of time alone."""

    def __init__(self):
        super().__init__()
        object.__setattr__(self, "seen", [])

    def evaluate(self, t, xp):
        self.seen.append(1)
        return xp.full_like(t, 1e-4 / len(self.seen))


class StatefulLaw(FeedbackLaw):
    """Against what a law must be: all that it remembers is in its state."""

    initial_state = np.array([1e-4])

    def __init__(self):
        super().__init__()
        object.__setattr__(self, "seen", [])

    def update(self, state, step, dt, error, xp):
        self.seen.append(1)
        return state, state[:1] / len(self.seen)


class SimCount(nengo.builder.Operator):
    """A user's operator that counts steps, in its signal or in a closure."""

    def __init__(self, delta, in_closure):
        super().__init__()
        self.sets, self.incs, self.reads, self.updates = [], [], [], [delta]
        self.in_closure = in_closure

    def make_step(self, signals, dt, rng):
        delta, count = signals[self.updates[0]], 0

        def step():
            delta[...] += 1e-6

        def step_and_count():
            nonlocal count
            count += 1
            delta[...] = 1e-6 * count

        return step_and_count if self.in_closure else step


class Counting(nengo.learning_rules.LearningRuleType):
    """A user's learning rule."""

    modifies, probeable = "decoders", ("delta",)
    in_closure = nengo.params.BoolParam("in_closure")

    def __init__(self, in_closure):
        super().__init__(learning_rate=1.0, size_in="post_state")
        self.in_closure = in_closure


@nengo.builder.Builder.register(Counting)
def build_counting(model, counting, rule):
    error = nengo.builder.Signal(shape=rule.size_in)
    model.add_op(nengo.builder.operator.Reset(error))
    model.sig[rule]["in"] = error
    model.add_op(SimCount(model.sig[rule]["delta"], counting.in_closure))
