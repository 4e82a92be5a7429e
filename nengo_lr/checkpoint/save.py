"""Save and load what a simulator has learned and where it stands."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import nengo
import numpy as np
from nengo.exceptions import ValidationError

from nengo_lr.builder.control import BUILT, CHOICE, FROZEN, NUMBER, SCHEDULE
from nengo_lr.builder.hosts import host_of
from nengo_lr.checkpoint import files
from nengo_lr.checkpoint.description import compare, describe
from nengo_lr.checkpoint.outside import find_outside
from nengo_lr.checkpoint.signals import RATE, Names
from nengo_lr.checks import check_choice
from nengo_lr.schedules import expressions

OUTSIDE = ("refuse", "skip", "replay")
LAST_STEPS = 8
"""On how many steps a function is tried."""

KIND = "checkpoint"

SLACK = 1 << 14
"""How many characters more than twice the model's own a description may have."""


def save(sim: nengo.Simulator, path: str | Path) -> None:
    """Save all that a run needs to go on: weights, states, and the time.

    The file is complete or not there: it is written beside ``path`` and renamed. A file
    that exists is replaced, and kept if anything fails.

    Parameters
    ----------
    sim : nengo.Simulator
        A simulator that is open: Nengo's, NengoDL's, or one of a subclass.
    path : str or Path
        The file, whose name is used as it is.

    Raises
    ------
    ValidationError
        If the simulator is of another kind, or if something else than a file is there.
    SimulatorClosed
        If the simulator is closed.
    OSError
        If the file cannot be written.

    Notes
    -----
    Data of probes is not saved. Whatever the model keeps outside of its signals, such
    as random numbers, no file can hold: `load` tells.

    Examples
    --------
    >>> import os, tempfile
    >>> from nengo_lr import checkpoint
    >>> with nengo.Network(seed=0) as model:
    ...     a = nengo.Ensemble(20, 1)
    ...     c = nengo.Connection(a, a, learning_rule_type=nlr.ScheduledPES(1e-3))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "run.checkpoint")
    ...     with nengo.Simulator(model, progress_bar=False) as sim:
    ...         sim.run_steps(10)
    ...         checkpoint.save(sim, path)
    ...     with nengo.Simulator(model, progress_bar=False) as resumed:
    ...         checkpoint.load(resumed, path)
    ...         resumed.run_steps(10)
    >>> resumed.n_steps
    20
    """
    host = host_of(sim)
    names = Names(sim.model)
    description = describe(host, names, find_outside(host, names))
    files.write(path, KIND, description, dict(read_all(host, names)))


def load(sim: nengo.Simulator, path: str | Path, outside: str = "refuse") -> None:
    """Put a simulator where another one was when it was saved.

    Either all of it is loaded or nothing. Data of the simulator's probes is cleared.
    From the next step on, learning rates are those that this model was built with, or
    those that `set_learning_rate` had set before the file was saved.

    Parameters
    ----------
    sim : nengo.Simulator
        A simulator of the same model, open, of the same kind and with the same ``dt``.
    path : str or Path
        A file that `save` has written.
    outside : {"refuse", "skip", "replay"}, optional
        What to do where the model keeps state outside of its signals, as random
        processes, stochastic neurons and functions with a memory do, and that state is
        not what it was: raise an error that names them (default); leave it as it is, so
        that noise starts anew; or run the model from the start to the same step, for
        which the simulator must not have run yet.

    Raises
    ------
    ValidationError
        If the file is damaged or none of ours, if it is one of another model, or if
        state outside of signals is not what it was.
    SimulatorClosed
        If the simulator is closed.
    OSError
        If the file cannot be read.

    Warns
    -----
    UserWarning
        If not even a replay has brought state outside of signals to where it was.

    Notes
    -----
    On the reference simulator without its optimizer (``optimize=False``) the run that
    is resumed has the bits of one that was never interrupted; with it, and on NengoDL,
    it is the same up to rounding.

    Functions of Nodes and Connections are called about ten times, at the saved step and
    those before it, to see whether they remember anything.

    ``sim.trange()`` starts at 0, and probes have data from the saved step on only: the
    times of ``data = sim.data[probe]`` are ``t[len(t) - len(data):]``.
    """
    host = host_of(sim)
    check_choice(outside, OUTSIDE, "outside")
    names = Names(sim.model)
    parts = find_outside(host, names)
    own = describe(host, names, parts)
    shapes = {name: files.outline(values) for name, values in read_all(host, names)}
    own["signals"] = [[name, *outline, ""] for name, outline in shapes.items()]
    size = 2 * len(json.dumps(own)) + 64 * len(shapes) + SLACK
    description, arrays = files.read(
        path, KIND, lambda its: compare(path, its, own), size
    )
    check_constants(path, arrays, host, names)
    rates = saved_rates(path, description, arrays, host, names)
    if outside == "replay":
        replay(path, description["seed"], int(arrays["step"]), host)
    if outside != "skip":
        check_outside(
            path, description, arrays, host, names, parts, outside == "replay"
        )
    restore(arrays, rates, host, names)


def read_all(host, names):
    """Yield the name and the values of each signal that the simulator keeps."""
    for name, signal in names.signals.items():
        values = host.read(signal)
        if values is not None:
            yield name, values


def check_constants(path, arrays, host, names):
    """Refuse a file of a model with other constants."""
    lasting = names.written()
    for name, signal in names.signals.items():
        if signal.base not in lasting and name in arrays:
            values = arrays[name]
            # solvers round differently from one machine to the next
            scale = np.max(np.abs(values), initial=0)
            if not np.allclose(values, host.read(signal), rtol=1e-4, atol=1e-6 * scale):
                raise ValidationError(
                    f"{path} was saved from another model: the constants {name!r} "
                    "differ, as they do with another seed",
                    "path",
                )


def saved_rates(path, description, arrays, host, names):
    """The control and the given schedule, or None, of the operators that set rates."""
    rates = {}
    for rule, op in names.rules.items():
        if op is None:
            continue
        name = names.objects[rule]
        control, schedule = arrays[f"{name}: control"].copy(), None
        control[FROZEN] = host.read(op.control)[FROZEN]
        if control[CHOICE] == SCHEDULE:
            text = description["rules"][name]["given"]
            schedule = host.schedule(op.control)
            if text is not None and text != repr(schedule):
                schedule = parse(path, name, text)
            if schedule is None:
                raise ValidationError(
                    f"{path} cannot hold the function to which the learning rate of "
                    f"its {name} was set; set it in this simulator, too, and load then",
                    "path",
                )
        elif control[CHOICE] not in (BUILT, NUMBER):
            raise ValidationError(f"{path} is damaged (the control of {name})", "path")
        rates[op] = control, schedule
    return rates


def parse(path, name, text):
    """The schedule that a text stands for."""
    try:
        return expressions.parse(text)
    except ValidationError as error:
        raise ValidationError(
            f"the learning rate of the {name} of {path} was set to {text}, which "
            f"cannot be read ({error}); set it in this simulator, too, and load then",
            "path",
        ) from None


def replay(path, seed, steps, host):
    """Run a simulator from the start to the step of a file."""
    if host.sim.n_steps:
        raise ValidationError(
            f"{path} can be replayed from the start only, but the simulator is at step "
            f"{host.sim.n_steps}: give a new one",
            "sim",
        )
    if seed != host.sim.seed:
        raise ValidationError(
            f"{path} can be replayed with seed {seed} only, but the simulator has seed "
            f"{host.sim.seed}",
            "sim",
        )
    if steps:
        host.run(steps)


def check_outside(path, description, arrays, host, names, parts, has_replayed):
    """Refuse a simulator whose state outside of its signals is not that of a file."""
    by_signal = {signal: arrays.get(name) for name, signal in names.signals.items()}
    step = int(arrays["step"])
    steps = [step, *range(step - 1, max(step - LAST_STEPS, 0), -1)]
    times = [] if has_replayed else [n * host.sim.dt for n in steps]

    def values(signal):
        return by_signal.get(signal) if step else None

    differences = [
        f"{part.name}: {difference}"
        for part in parts
        for difference in part.differences(
            description["outside"].get(part.name), times, values
        )
    ]
    if differences and has_replayed:
        warnings.warn(
            f"A replay of {path} did not bring back all state outside of signals: "
            f"{'; '.join(differences)}",
            stacklevel=3,
        )
    elif differences:
        raise ValidationError(
            f"{path} cannot bring back what the model keeps outside of its signals. "
            f"{'; '.join(differences)}. Give random processes a seed of their own, or "
            f"the simulator seed={description['seed']}; or run the model again from "
            "the start with outside='replay'; or leave that state as it is now with "
            "outside='skip'",
            "path",
        )


def restore(arrays, rates, host, names):
    """Write all that lasts to a simulator."""
    lasting = names.written()
    controls = {op.control for op in rates}
    for name, signal in names.signals.items():
        if signal.base in lasting and signal not in controls:
            if name in arrays:
                host.write(signal, arrays[name])
            elif name.startswith(RATE) and host.read(signal) is not None:
                host.write(signal, signal.initial_value)  # the file's rate is another
    for op, (control, schedule) in rates.items():
        if host.read(op.rate) is not None:
            host.write(op.rate, op.rate.initial_value)  # a constant is set nowhere else
        host.set_control(op.control, control)
        if schedule is not None:
            host.set_schedule(op.control, schedule)
    host.finish()
