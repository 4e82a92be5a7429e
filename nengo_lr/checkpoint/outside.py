"""What a model may keep outside of its signals, and whether it is as it was.

No file can hold the state of a Python function. But a file can tell whether a function
of another simulator has the same state: its variables have the same digests, at the
saved step it gives the saved output, and to call it changes nothing.
"""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Callable, Optional

import numpy as np
from nengo.builder import Signal
from nengo.builder.neurons import SimNeurons
from nengo.builder.operator import SimPyFunc
from nengo.builder.processes import SimProcess
from nengo.ensemble import Neurons
from nengo.utils.functions import function_name

from nengo_lr.checkpoint.evidence import (
    Digests,
    UnseenError,
    code_of,
    global_random_state,
    is_library,
    memory_of,
)
from nengo_lr.feedback import FeedbackLaw
from nengo_lr.optimizers import Optimizer
from nengo_lr.schedules import FunctionSchedule


@dataclass
class Outside:
    """A function, process or neuron type that may keep state outside of signals.

    Parameters
    ----------
    name : str
        Of it and of its object.
    functions : list of callable
        What holds the state: one function, or one for each item of a minibatch.
    memory : set of int
        The `memory` of the simulator's signals.
    call : callable, optional
        ``call(t, x)`` with the time in seconds and the input. Default (None): it cannot
        be called without changing signals.
    x, output : Signal, optional
        Its input and its output.
    is_rate : bool, optional
        Whether it is a learning rate, in whose place another one is all right.
    """

    name: str
    functions: list
    memory: set
    call: Optional[Callable] = None
    x: Optional[Signal] = None
    output: Optional[Signal] = None
    is_rate: bool = False

    def evidence(self, digests=None):
        """What a file holds of it: digests of its code and of its variables.

        Parameters
        ----------
        digests : Digests, optional
            Those made since a function was called last, to spare work.
        """
        variables, digests = {}, digests or Digests(self.memory)
        for function in self.functions:
            for name, digest in digests.of(function).items():
                variables[name] = variables.get(name, "") + digest
        return {"code": code_of(self.functions[0]), "variables": variables}

    def differences(self, was, times, values):
        """Tell what is not as it was in a file.

        Parameters
        ----------
        was : dict or None
            The `evidence` in the file.
        times : list of float
            The times in seconds of the saved step and of others before it, at which a
            function is called. That changes one that has a state. None: it is not.
        values : callable
            ``values(signal)`` in the file, or None where it is not there.

        Returns
        -------
        differences : list of str
        """
        if self.is_rate and (was is None or was["code"] != self.evidence()["code"]):
            return []  # another rate
        if was is None:
            return ["it is not in the file"]
        found = self.try_out(times, values) if self.call and times else []
        now = self.evidence()["variables"]
        for name in sorted({*now, *was["variables"]}):
            before, digest = was["variables"].get(name, ""), now.get(name, "")
            if digest.startswith("?"):
                found.append(f"nobody can see the state of its {name!r} ({digest[2:]})")
            elif before != digest:
                # numbers that a rate is made of may be others
                if not (self.is_rate and before[:1] == digest[:1] == "="):
                    found.append(f"its {name!r} is not what it was")
        return list(dict.fromkeys(found))

    def try_out(self, times, values):
        """Call a function several times, and tell what gives its state away."""
        x = None if self.x is None else values(self.x)
        expected = None if self.output is None else values(self.output)
        is_known = self.x is None or x is not None
        if not is_known:  # the simulator does not keep it, but the calls still tell
            x, expected = np.zeros(self.x.shape), None

        def call(t):
            with np.errstate(all="ignore"):
                return np.array(self.call(t, None if x is None else x.copy()))

        try:
            first = call(times[0])
            if expected is not None:
                expected, output = expected.copy(), expected
                expected[...] = first
                if not np.allclose(expected, output, rtol=1e-7, atol=1e-12):
                    return ["its output at the saved step is not what it was"]
            before, shared = self.evidence(), global_random_state()
            for t in times[1:]:
                call(t)
            again = call(times[0])
        except Exception as error:  # a user's function may raise anything
            return [f"it cannot be called ({error!r})"] if is_known else []
        found = []
        if global_random_state() != shared:
            found.append("it draws from the random numbers that all functions share")
        if self.evidence() != before:
            found.append("it remembers something each time it is called")
        elif not found and not np.array_equal(first, again):
            found.append("its output is another one each time")
        return found


def find_outside(host, names):
    """All that a model may keep outside of its signals.

    Parameters
    ----------
    host : Host
    names : Names

    Returns
    -------
    found : list of Outside
    """
    memory = {memory_of(array) for array in host.arrays()}
    functions = dict(host.step_functions())
    found = [
        outside_of_rate(part, f"{what} {names.objects[rule]}", memory)
        for rule, op in names.rules.items()
        if op is not None
        for what, schedule in (
            ("of", getattr(op, "schedule", None)),
            ("given to", host.schedule(op.control)),
        )
        if schedule is not None
        for part in functions_of(schedule)
    ]
    for rule in names.rules:
        for what in "learning_rate", "optimizer":
            part = getattr(rule.learning_rule_type, what, None)
            if isinstance(part, (FeedbackLaw, Optimizer)) and is_of_user(part):
                name = f"{without_address(part)} of {names.objects[rule]}"
                found.append(Outside(name, [part], memory))
    of_users = Counter()
    for op in names.model.operators:
        if isinstance(op, SimPyFunc) and op.output is not None:
            found.append(outside_of_function(op, names, memory))
        elif isinstance(op, SimProcess) and op in functions:
            name = f"{without_address(op.process)} of {names.of(op)}"
            is_rate = any(op.process is node.output for node in names.rate_nodes)
            found.append(Outside(name, functions[op], memory, is_rate=is_rate))
        elif isinstance(op, SimNeurons) and op.state_extra:
            unseen = UnseenError("random numbers")
            found.append(Outside(neurons_of(op, names), [unseen], memory))
        elif isinstance(op, SimNeurons):
            if is_of_user(op.neurons):
                found.append(Outside(neurons_of(op, names), [op.neurons], memory))
        elif op in functions:
            kind = type(op).__name__
            found.append(Outside(f"{kind} {of_users[kind]}", functions[op], memory))
            of_users[kind] += 1
    if host.works_in_place:  # others do not let us see all signals
        unseen = UnseenError("nobody knows how to find it again")
        found += [Outside(s.name, [unseen], memory) for s in names.unnamed()]
    return found


def neurons_of(op, names):
    """The neuron type of an operator, and the neurons of that type."""
    owners = [
        name
        for thing, name in names.objects.items()
        if isinstance(thing, Neurons) and thing.ensemble.neuron_type == op.neurons
    ]
    return f"{without_address(op.neurons)} of {' and '.join(owners)}"


def outside_of_function(op, names, memory):
    """The function of a Node or of a Connection."""
    takes_t, takes_x = op.t is not None, op.x is not None

    def call(t, x):
        return op.fn(*(t,) * takes_t, *(x,) * takes_x)

    name = f"function {function_name(op.fn)} of {names.of(op)}"
    is_rate = any(op.fn is node.output for node in names.rate_nodes)
    return Outside(name, [op.fn], memory, call, op.x, op.output, is_rate)


def outside_of_rate(schedule, where, memory):
    """The function of a learning rate."""

    def call(t, x):
        return schedule.rate_at(t)

    function = getattr(schedule, "function", schedule)
    name = f"learning rate {function_name(function)} {where}"
    return Outside(name, [function], memory, call, is_rate=True)


def functions_of(schedule):
    """All parts of a schedule that call functions, or are of a user's own class."""
    if isinstance(schedule, FunctionSchedule) or is_of_user(schedule):
        yield schedule
    for part in schedule.parts:
        yield from functions_of(part)


def is_of_user(thing):
    """Whether an object's class belongs to no installed package."""
    return not is_library(type(thing).__module__)


def without_address(thing):
    """What an object is called, without its place in memory."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(thing))
