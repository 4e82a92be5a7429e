"""What a model keeps outside of its signals, so that no file can hold it."""

import dis
import types

import nengo
import numpy as np
from nengo.builder.neurons import SimNeurons
from nengo.builder.operator import SimPyFunc
from nengo.builder.processes import SimProcess

from nengo_lr.builder.rates import SimScheduledRate
from nengo_lr.schedules import FunctionSchedule

STATELESS_PROCESSES = (
    nengo.Alpha,
    nengo.LinearFilter,
    nengo.Lowpass,
    nengo.processes.Piecewise,
    nengo.processes.PresentInput,
    nengo.synapses.Triangle,
)
"""Processes that keep all that they remember in signals."""

VALUES = (bool, bytes, complex, float, int, str, type, types.ModuleType, type(None))
"""Types of what a function may refer to without remembering anything."""

WRITES = {"STORE_GLOBAL", "DELETE_GLOBAL", "STORE_ATTR", "STORE_SUBSCR", "YIELD_VALUE"}
RANDOM = {"default_rng", "randint", "randn", "random", "random_sample", "rng"}


def kept_outside(model):
    """The objects of a model that keep state outside of its signals.

    Parameters
    ----------
    model : nengo.builder.Model
        A model that has been built.

    Returns
    -------
    found : list of str
        What they are, and why a file cannot hold their state.
    """
    nodes = [] if model.toplevel is None else model.toplevel.all_nodes
    found = []
    for op in model.operators:
        if isinstance(op, SimProcess) and not is_stateless_process(op.process):
            owners = [node for node in nodes if node.output is op.process]
            found.append(f"{op.process} of {owners[0] if owners else op}")
        elif isinstance(op, SimNeurons) and op.state_extra:
            found.append(f"the random numbers of {op.neurons}")
        elif isinstance(op, SimPyFunc) and not is_stateless_function(op.fn):
            owners = [node for node in nodes if node.output is op.fn]
            found.append(f"the function of {owners[0] if owners else op}")
        elif isinstance(op, SimScheduledRate):
            found.extend(
                f"the learning rate {schedule.function} of {op.owner}"
                for schedule in functions_of(op.schedule)
                if not is_stateless_function(schedule.function)
            )
    return list(dict.fromkeys(found))


def functions_of(schedule):
    """All functions that a schedule is made of."""
    if isinstance(schedule, FunctionSchedule):
        yield schedule
    for part in schedule.parts:
        yield from functions_of(part)


def is_stateless_process(process):
    """Whether a process remembers nothing, or all in signals."""
    if type(process) is nengo.processes.WhiteSignal:
        return process.seed is not None  # a table, drawn once
    return type(process) in STATELESS_PROCESSES


def is_stateless_function(function):
    """Whether a function surely remembers nothing from one call to the next.

    That is so for numpy's own functions, and for Python functions that write no global
    or outer variable, no attribute and no item, draw no random numbers, and refer only
    to modules, classes, numbers, strings, read-only arrays, and functions like that. A
    doubt counts as a memory.
    """
    return remembers_nothing(function, set())


def remembers_nothing(thing, seen):
    """The same for anything that a function may refer to."""
    if id(thing) in seen:
        return True
    seen.add(id(thing))
    if isinstance(thing, (*VALUES, np.generic, np.ufunc)):
        return True
    if isinstance(thing, np.ndarray):
        return not thing.flags.writeable
    if isinstance(thing, (tuple, frozenset)):
        return all(remembers_nothing(part, seen) for part in thing)
    if isinstance(thing, nengo.params.FrozenObject):
        return True
    if isinstance(thing, (types.BuiltinFunctionType, types.MethodType)):
        return remembers_nothing(thing.__self__, seen)
    if not isinstance(thing, types.FunctionType):
        # numpy wraps its Python functions in a type of its own
        return getattr(thing, "__module__", None) == "numpy"
    if thing.__module__.partition(".")[0] in ("numpy", "scipy"):
        return "random" not in thing.__module__
    names, steps = set(), list(dis.get_instructions(thing))
    for step in steps:
        if step.opname in WRITES or (
            step.opname == "STORE_DEREF" and step.argval in thing.__code__.co_freevars
        ):
            return False
        if step.opname in ("LOAD_GLOBAL", "LOAD_ATTR", "LOAD_METHOD"):
            names.add(step.argval)
    if names & RANDOM:
        return False
    outer = [cell.cell_contents for cell in thing.__closure__ or ()]
    outer += [thing.__globals__[name] for name in names if name in thing.__globals__]
    outer += thing.__defaults__ or ()
    return all(remembers_nothing(other, seen) for other in outer)
