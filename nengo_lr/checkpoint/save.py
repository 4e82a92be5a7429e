"""Save and load what a simulator has learned and where it stands."""

from __future__ import annotations

import hashlib
from pathlib import Path

import nengo
import numpy as np
from nengo.exceptions import ValidationError

from nengo_lr.builder.control import FROZEN
from nengo_lr.builder.hosts import host_of
from nengo_lr.builder.rates import SimRate
from nengo_lr.checkpoint import files
from nengo_lr.checkpoint.outside import functions_of, kept_outside
from nengo_lr.checkpoint.signals import (
    named_signals,
    unnamed_states,
    written_signals,
)
from nengo_lr.checks import check_choice
from nengo_lr.schedules import expressions

OUTSIDE = ("refuse", "skip", "replay")


def save(sim: nengo.Simulator, path: str | Path, outside: str = "refuse") -> None:
    """Save all that a run needs to go on: weights, states, and the time.

    The file is complete or not there: it is written beside ``path`` and renamed. A file
    that exists is replaced, and kept if anything fails.

    Parameters
    ----------
    sim : nengo.Simulator or nengo_dl.Simulator
        A simulator that is open.
    path : str or Path
        The file, whose name is used as it is.
    outside : {"refuse", "skip", "replay"}, optional
        What to do where a model keeps state outside of its signals, as random
        processes, stochastic neurons and functions with a memory do: raise an error
        that names them (default); save the rest, so that they start anew; or let `load`
        run the model from the start to the same step, so that they are where they were.

    Raises
    ------
    ValidationError
        If the simulator is of another kind, if the model keeps state outside of its
        signals, or if a function was set as a learning rate while it ran.
    OSError
        If the file cannot be written.

    Notes
    -----
    Data of probes is not saved.

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
    check_choice(outside, OUTSIDE, "outside")
    found = kept_outside(sim.model)
    if found and outside == "refuse":
        raise ValidationError(
            f"The model keeps state outside of its signals: {'; '.join(found)}. Save "
            "the rest with outside='skip', or let it be run again from the start when "
            "it is loaded with outside='replay'",
            "sim",
        )
    arrays = {
        name: values
        for name, signal in signals_of(sim).items()
        if (values := host.read(signal)) is not None
    }
    description = {
        "simulator": host.name,
        "dt": sim.dt,
        "steps": int(sim.n_steps),
        "seed": None if sim.seed is None else int(sim.seed),
        "replay": bool(found) and outside == "replay",
        "schedules": [texts(op) for op in rate_operators(sim)],
        "fingerprint": fingerprint(host.name, sim.dt, arrays),
        "names": list(arrays),
    }
    files.write(path, description, arrays)


def load(sim: nengo.Simulator, path: str | Path) -> None:
    """Put a simulator where another one was when it was saved.

    Either all of it is loaded or nothing. Data of the simulator's probes is cleared.

    Parameters
    ----------
    sim : nengo.Simulator or nengo_dl.Simulator
        A simulator of the same model, open, of the same kind and with the same ``dt``.
        If the file asks for a replay, it must not have run yet.
    path : str or Path
        A file that `save` has written.

    Raises
    ------
    ValidationError
        If the file is damaged or none of ours, or if it is one of another model.
    OSError
        If the file cannot be read.

    Notes
    -----
    On the reference simulator without its optimizer (``optimize=False``) the run that
    is resumed has the bits of one that was never interrupted; with it, and on NengoDL,
    it is the same up to rounding.
    """
    host = host_of(sim)
    description, arrays = files.read(path)
    signals = signals_of(sim)
    saved = dict(zip(description["names"], arrays))
    now = {
        name: values
        for name, signal in signals.items()
        if (values := host.read(signal)) is not None
    }
    compare(path, description, saved, host.name, sim, now)
    if description["replay"]:
        replay(path, description, sim)

    for op, schedules in zip(rate_operators(sim), description["schedules"]):
        op.given = expressions.parse(schedules[0]) if schedules else None
    written = written_signals(sim.model)
    controls = [op.control for op in rate_operators(sim)]
    for name, values in saved.items():
        if signals[name] in controls:
            values[FROZEN] = now[name][FROZEN]
            host.set_control(signals[name], values)
        elif signals[name].base in written:
            host.write(signals[name], values)
    host.finish()


def signals_of(sim):
    """The named signals of a simulator, all of its states among them."""
    signals = named_signals(sim.model)
    unnamed = unnamed_states(sim.model, signals)
    if unnamed and host_of(sim).works_in_place:
        raise ValidationError(
            f"nengo_lr does not know how to find {', '.join(map(str, unnamed))} again; "
            "please report this with the model",
            "sim",
        )
    return signals


def rate_operators(sim):
    """The operators that set learning rates, in the order in which they were built."""
    return [op for op in sim.model.operators if isinstance(op, SimRate)]


def texts(op):
    """The schedules that an operator was given while it ran, as texts."""
    schedules = [] if op.given is None else [op.given]
    for schedule in schedules:
        if any(functions_of(schedule)):
            raise ValidationError(
                f"The learning rate of {op.owner} was set to a function, which no file "
                "can hold: build the connection with it, or set a schedule",
                "sim",
            )
    return [repr(schedule) for schedule in schedules]


def fingerprint(simulator, dt, arrays):
    """A hash of all names, shapes and types."""
    shapes = [f"{name} {array.shape} {array.dtype}" for name, array in arrays.items()]
    text = "\n".join([simulator, repr(dt), *shapes])
    return hashlib.sha256(text.encode()).hexdigest()


def compare(path, description, saved, simulator, sim, now):
    """Raise a ValidationError where a file and a simulator are not of one model."""

    def refuse(difference):
        raise ValidationError(
            f"{path} was saved from another model: {difference}", "path"
        )

    if description["simulator"] != simulator:
        refuse(f"it is one of {description['simulator']}, not of {simulator}")
    if description["dt"] != sim.dt:
        refuse(f"its dt is {description['dt']} s, here it is {sim.dt} s")
    if description["fingerprint"] != fingerprint(simulator, sim.dt, saved):
        raise ValidationError(f"{path} is damaged (its fingerprint is wrong)", "path")
    for name in (*saved, *now):
        if name not in now or name not in saved:
            refuse(f"{name!r} is only in {'it' if name in saved else 'this one'}")
        if (saved[name].shape, saved[name].dtype) != (now[name].shape, now[name].dtype):
            refuse(
                f"{name!r} has shape {saved[name].shape} and type {saved[name].dtype} "
                f"in it, and {now[name].shape} and {now[name].dtype} here"
            )
    written = written_signals(sim.model)
    signals = named_signals(sim.model)
    for name, values in saved.items():
        # solvers round differently from one machine to the next
        if signals[name].base not in written and not np.allclose(
            values, now[name], rtol=1e-4, atol=1e-6 * np.max(np.abs(values), initial=0)
        ):
            refuse(f"the constants {name!r} differ, as they do with another seed")


def replay(path, description, sim):
    """Run a simulator from the start to the step of a file."""
    if sim.n_steps:
        raise ValidationError(
            f"{path} asks to run the model again from the start, but the simulator is "
            f"at step {sim.n_steps}: give a new one",
            "sim",
        )
    if description["seed"] != sim.seed:
        raise ValidationError(
            f"{path} asks to run the model again, with seed {description['seed']}, but "
            f"the simulator has seed {sim.seed}",
            "sim",
        )
    sim.run_steps(description["steps"])
