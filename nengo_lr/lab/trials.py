"""A trial: a model learns with one rate, and its error is scored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Callable, NamedTuple

import nengo
import numpy as np
from nengo.exceptions import ValidationError
from nengo.utils.numpy import is_integer, is_number

from nengo_lr.auto import Auto
from nengo_lr.builder.hosts import Host, host_of, hosts, missing_hosts
from nengo_lr.checks import check_callable, check_choice, check_integer, check_number
from nengo_lr.feedback import FeedbackLaw
from nengo_lr.lab.models import check_model, make, probes_of, spelled_out
from nengo_lr.runtime import frozen
from nengo_lr.schedules import Constant, Schedule

__all__ = ["MACHINE", "Score", "StoreError", "Trial", "rms"]

LAST = 0.2
"""Without a test, the error is read in this fraction of the learning phase."""

FIRST = 0.1
"""What the error is at first is read in this fraction of the learning phase."""

BLOW_UP = 1e6
"""A run whose error grows by this factor has failed, even if it did not overflow."""


class StoreError(ValidationError):
    """What keeps trials cannot be used."""


MACHINE = MemoryError, OSError, StoreError
"""Errors that say nothing of the trial in which they are raised."""


class Score(NamedTuple):
    """What a trial scored.

    All errors are root mean squares over time and dimensions; see `rms`.

    Parameters
    ----------
    error : float
        In the test, or in the last fifth of learning without a test; NaN if the trial
        failed before its end.
    learning_error : float
        In the whole learning phase; NaN if the trial failed before its end.
    target : float
        Root mean square of the target in the whole trial; NaN without a target.
    failure : str
        Why the trial failed; empty if it did not.
    data : dict of str to array
        What the trial recorded; see `Trial`.
    """

    error: float = np.nan
    learning_error: float = np.nan
    target: float = np.nan
    failure: str = ""
    data: Mapping[str, np.ndarray] = {}


@dataclass(frozen=True)
class Trial:
    """One run of a model: what it learns with, for how long, and where.

    Parameters
    ----------
    model : callable
        The model function; see `.models.make`.
    rate : float or Schedule or FeedbackLaw or "auto"
        What it learns with, in the units of ``nengo.PES(learning_rate=...)``.
    learning : float
        Length of the learning phase in seconds.
    test : float, optional
        Length of the phase after it in seconds. In it the rate is 0, and the network's
        Probe ``test_error`` (or ``error``) is read. By default there is none, and
        ``error`` is read in the last fifth of learning.
    seed : int, optional
        Seed of the network; by default the model's own.
    dt : float, optional
        Length of a step in seconds.
    options : dict, optional
        More keyword arguments for the model function.
    simulator : str, optional
        The name of a simulator in `.hosts.hosts`.
    convert : callable, optional
        ``convert(network)`` returns the network that learns, once the one that the
        model function has made is checked.
    record : tuple of str, optional
        Attributes of the network, Probes, whose data the `Score` should hold.

    Raises
    ------
    ValidationError
        If an argument is not one of the above.

    Examples
    --------
    >>> from nengo_lr.lab import TaskModel, Trial
    >>> score = Trial(TaskModel("comm"), 1e-3, learning=2.0, test=1.0, seed=0).run()
    >>> round(score.error, 2)
    0.04
    """

    model: Callable[..., nengo.Network]
    rate: float | Schedule | FeedbackLaw | Auto | str
    learning: float
    test: float = 0.0
    seed: int | None = None
    dt: float = 0.001
    options: Mapping[str, Any] = field(default_factory=dict)
    simulator: str = "nengo"
    convert: Callable[[nengo.Network], nengo.Network] | None = None
    record: tuple[str, ...] = ()

    def __post_init__(self):
        check_model(self.model, self.options)
        check_rate(self.rate, "rate", Trial)
        object.__setattr__(self, "rate", spelled_out(self.rate))
        check_number(self.dt, "dt", obj=Trial)
        check_number(self.learning, "learning", obj=Trial)
        check_number(self.test, "test", least=0, obj=Trial)
        if self.learning < self.dt:
            raise ValidationError(
                f"must be at least a step of dt={self.dt} s (got {self.learning} s)",
                "learning",
                Trial,
            )
        if 0 < self.test < self.dt:
            raise ValidationError(
                f"must be 0, or at least a step of dt={self.dt} s (got {self.test} s)",
                "test",
                Trial,
            )
        if self.seed is not None:
            check_integer(self.seed, "seed", least=0, obj=Trial)
        check_simulator(self.simulator, "simulator", Trial)
        if self.convert is not None:
            check_callable(self.convert, "convert", "a function of a network", Trial)
        if not isinstance(self.record, tuple) or not all(
            isinstance(name, str) for name in self.record
        ):
            raise ValidationError(
                f"must be a tuple of names (got {self.record!r})", "record", Trial
            )

    @property
    def n_learning(self):
        """The number of steps of the learning phase."""
        return round(self.learning / self.dt)

    @property
    def n_steps(self):
        """The number of steps of the whole trial."""
        return round((self.learning + self.test) / self.dt)

    @property
    def adapts(self):
        """Whether the rate follows from the run, so that each run has its own."""
        return isinstance(self.rate, (FeedbackLaw, Auto))

    @property
    def schedule(self):
        """What the rule is given: the rate, and 0 in the test."""
        if not self.test or self.adapts:
            return self.rate
        rate = self.rate if isinstance(self.rate, Schedule) else Constant(self.rate)
        return rate.between(0.0, self.learning)

    def make(self, rate=None):
        """Make the network, with the trial's own rate or another."""
        rate = self.schedule if rate is None else rate
        network = make(
            self.model, rate, self.seed, self.learning, self.test, **self.options
        )
        return network if self.convert is None else self.convert(network)

    @contextmanager
    def open(self) -> Iterator[tuple[nengo.Network, Host]]:
        """Make the network and its simulator; closes it at the end of the block."""
        network = self.make()
        with hosts()[self.simulator].make(network, dt=self.dt) as sim:
            yield network, host_of(sim)

    def run(self, watch: Callable | None = None, n_parts: int = 1) -> Score:
        """Run the trial.

        Parameters
        ----------
        watch : callable, optional
            Called after each part as ``watch(part, network, host)`` with the number of
            the part from 0 on. If it returns True, the trial ends.
        n_parts : int, optional
            In how many parts of about the same length to run.

        Returns
        -------
        score : Score
            Whatever goes wrong in the run is a part of it.

        Raises
        ------
        OSError, MemoryError, StoreError
            What is the matter with the machine, and not with this trial: another time
            it might go well.
        """
        try:
            return self.attempt(watch, n_parts)
        except MACHINE:
            raise
        except Exception as error:
            return Score(failure=self.failure(error))

    def attempt(self, watch=None, n_parts=1):
        """Run the trial, and raise what goes wrong in it."""
        ends = np.linspace(0, self.n_steps, n_parts + 1).round().astype(int)
        with self.open() as (network, host):
            for part, (start, end) in enumerate(zip(ends, ends[1:])):
                middle = np.clip(self.n_learning, start, end)
                if middle > start:
                    host.run(middle - start)
                if end > middle:
                    # no schedule could end such a rate, but the test is without one
                    with frozen(host.sim) if self.adapts else nullcontext():
                        host.run(end - middle)
                if watch is not None and watch(part, network, host):
                    return Score(failure="stopped")
            return self.score(network, lambda probe: host.samples(probe)[0])

    def failure(self, error):
        """What to call an error that a run ended with, as text."""
        reason = hosts()[self.simulator].reason(error)
        return f"{type(error).__name__}: {reason}"

    def score(self, network, data):
        """The score of a run.

        Parameters
        ----------
        network : nengo.Network
        data : callable
            Returns a Probe's data, an array (n_samples, ...).
        """
        error, target, test_error = (
            probes_of(network, name) for name in ("error", "target", "test_error")
        )

        def read(probes, seconds, from_start=False):
            parts = []
            for probe in probes:
                samples = data(probe)
                if not len(samples):
                    raise ValidationError(
                        f"{probe} has no sample in the whole trial "
                        f"(sample_every={probe.sample_every} s)",
                        "model",
                        Trial,
                    )
                n = max(1, round(seconds / (probe.sample_every or self.dt)))
                parts.append(samples[:n] if from_start else samples[-n:])
            return rms(*parts)

        with np.errstate(over="ignore", invalid="ignore"):
            if self.test:
                final = read(test_error or error, self.test)
            else:
                final = read(error, LAST * self.learning)
            learning_error = read(error, self.learning, from_start=True)
            first = read(error, FIRST * self.learning, from_start=True)
            size = read(target, self.learning + self.test) if target else np.nan
        failure = ""
        if not final <= BLOW_UP * (max(first, size if target else 0.0) or 1.0):
            failure = f"the error grew from {first:.3g} to {final:.3g}"
        recorded = {}
        for name in self.record:
            probes = probes_of(network, name)
            if not probes:
                raise ValidationError(
                    f"the network has no Probe {name!r} to record", "record", Trial
                )
            recorded[name] = np.hstack([flat(data(probe)) for probe in probes])
        return Score(final, learning_error, size, failure, recorded)


def rms(*parts: np.ndarray) -> float:
    r"""The root mean square over time and dimensions.

    For the samples :math:`x_{ti}` of T times and D dimensions it is
    :math:`\sqrt{\sum_t \sum_i x_{ti}^2 / (T D)}`. Of several arrays the dimensions are
    put beside each other.

    Parameters
    ----------
    *parts : array (n_samples, ...)

    Returns
    -------
    rms : float
        In the unit of the samples.

    Examples
    --------
    >>> round(rms(np.array([[3.0, 4.0]])), 3)
    3.536
    """
    squares = [np.mean(np.square(flat(part)), axis=0) for part in parts]
    return float(np.sqrt(np.mean(np.concatenate(squares))))


def flat(samples):
    """Samples of any shape as an array (n_samples, n)."""
    return samples.reshape(len(samples), -1)


def check_rate(rate, name, obj=None):
    """Refuse what no trial can learn with."""
    if not isinstance(spelled_out(rate), (Schedule, FeedbackLaw, Auto)) and not (
        is_number(rate) and not isinstance(rate, bool) and 0 <= rate < np.inf
    ):
        raise ValidationError(
            "must be a finite number that is not negative, a Schedule, or "
            f'"auto" (got {rate!r})',
            name,
            obj,
        )


def check_rates(rates):
    """One or more different rates as a tuple, from any iterable."""
    single = isinstance(rates, str) or not isinstance(rates, Iterable)
    rates = tuple(map(spelled_out, [rates] if single else rates))
    for rate in rates:
        check_rate(rate, "rates")
    rates = tuple(float(rate) if is_number(rate) else rate for rate in rates)
    if not rates or has_twins(rates):
        raise ValidationError(
            f"must be one or more different rates (got {list(rates)})", "rates"
        )
    return rates


def check_seeds(seeds):
    """One or more different seeds as a tuple of int, from any iterable."""
    seeds = tuple(seeds) if isinstance(seeds, Iterable) else (seeds,)
    if (
        not seeds
        or has_twins(seeds)
        or not all(
            is_integer(seed) and not isinstance(seed, bool) and 0 <= seed < 2**32
            for seed in seeds
        )
    ):
        raise ValidationError(
            f"must be one or more different whole numbers (got {list(seeds)})",
            "seeds",
        )
    return tuple(map(int, seeds))


def check_simulators(simulators):
    """One or more different names of simulators as a tuple, from any iterable."""
    is_list = isinstance(simulators, Iterable) and not isinstance(simulators, str)
    simulators = tuple(simulators) if is_list else (simulators,)
    for name in simulators:
        check_simulator(name, "simulators")
    if not simulators or has_twins(simulators):
        raise ValidationError(
            f"must be one or more different names (got {list(simulators)})",
            "simulators",
        )
    return simulators


def check_simulator(name, argument, obj=None):
    """Refuse the name of a simulator that is unknown, or not installed."""
    missing = missing_hosts()
    check_choice(name, {**hosts(), **missing}, argument, obj)
    if name in missing:
        raise ValidationError(
            f"{missing[name].title} is not installed; {missing[name].how_to_install()}",
            argument,
            obj,
        )


def has_twins(values):
    """Whether two of the values are equal."""
    return any(value in values[:i] for i, value in enumerate(values))
