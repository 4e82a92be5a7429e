"""What nengo_lr asks of the simulators: Nengo's own here, others in `backends`.

A simulator is known by the package of its class. The one host of that package says what
the simulator can do, and does what differs from one simulator to the next. Nothing else
in nengo_lr names a simulator.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import sys
from functools import cache, cached_property
from importlib.metadata import entry_points

import nengo
import numpy as np
from nengo.builder.processes import SimProcess
from nengo.exceptions import SimulatorClosed, ValidationError

from nengo_lr.builder.control import CHOICE, FROZEN, SCHEDULE
from nengo_lr.builder.filters import own_filter
from nengo_lr.builder.freezing import freeze_operators, frozen_operators
from nengo_lr.builder.merging import members
from nengo_lr.builder.rates import SimRate

BACKENDS = "nengo_lr.backends"
"""The package with the hosts of other simulators."""

KNOWN = "nengo", BACKENDS.partition(".")[0]
"""Packages whose operators, other than processes, keep all state in Signals."""


class Host:
    """What nengo_lr asks of an open simulator; this class is that of Nengo's own.

    Parameters
    ----------
    sim : nengo.Simulator
        An open simulator. Use `host_of` to find the host that it needs.

    Attributes
    ----------
    name : str
        The package of the simulator's class: its name in lists, files and commands.
    title : str
        The simulator's name in sentences.
    extra : str or None
        The extra of nengo_lr that installs the simulator.
    major : str or None
        The major version of the package that this class was written for. Other packages
        of the same name are left alone. None: any.
    last_python : tuple of int or None
        The last version of Python that the package runs on. None: any.
    announced : bool
        Whether the package is among Nengo's entry points ``nengo.backends``.
    offered : bool
        Whether it runs our rules, so that it is among the simulators on offer.
    works_in_place : bool
        Whether weights are changed in place, so that a weight change pays as two
        factors. Where a new array is made of whatever is added, they spare nothing.
    takes_schedules : bool
        Whether an open simulator can be given a schedule, and not only a number.
    minibatches : bool
        Whether it can run several items at once, with data for each.
    freezes_any_rule : bool
        Whether rules that nengo_lr did not build can be frozen, too.
    has_float64 : bool
        Whether it can compute in float64.
    runs_all_rules : bool
        Whether it runs more than `.ScheduledPES` with a rate alone: optimizers,
        `.Scheduled`, rates that need no number, and preconditioning.
    """

    name = "nengo"
    title = "Nengo"
    extra: str | None = None
    major: str | None = None
    last_python: tuple[int, int] | None = None
    announced = True
    offered = True
    works_in_place = True
    takes_schedules = True
    minibatches = False
    freezes_any_rule = True
    has_float64 = True
    runs_all_rules = True

    def __init__(self, sim):
        self.sim = sim

    @classmethod
    def is_written_for(cls, package_version):
        """Whether a version of the package, a string or None, is the known one."""
        return cls.major in (None, str(package_version).partition(".")[0])

    @classmethod
    def register(cls):
        """Register our operators with the simulator, whose package is imported."""

    @classmethod
    def make(cls, network, **kwargs):
        """Make an open simulator that prints nothing.

        Parameters
        ----------
        network : nengo.Network
        **kwargs
            Options of the simulator: ``dt``, ``seed``, and with `minibatches` also
            ``minibatch_size``.

        Returns
        -------
        sim : Simulator
        """
        return nengo.Simulator(network, progress_bar=False, **kwargs)

    @classmethod
    def rewire(cls, operators, dt):
        """Change operators of a rule's wiring, in place of those that the host built.

        Parameters
        ----------
        operators : list of nengo.builder.Operator
        dt : float
            The step's length in seconds.
        """
        operators[:] = [own_filter(op, dt) for op in operators]

    @property
    def n_items(self):
        """How many items run at once."""
        return 1

    def run(self, n_steps, data=None):
        """Run some steps.

        Parameters
        ----------
        n_steps : int
        data : dict of nengo.Node to array (items, n_steps, size), optional
            What Nodes put out, only with `minibatches`.
        """
        self.sim.run_steps(n_steps, progress_bar=False)

    def samples(self, probe):
        """A Probe's data of each item, an array (items, n_samples, size)."""
        return self.sim.data[probe][None]

    def read(self, signal):
        """A copy of a Signal's values, or None where the simulator has none."""
        signals = self.sim.signals
        if signal in signals or signal.base in signals:
            return np.array(signals[signal])
        return None

    @cached_property
    def constant_nodes(self):
        """The output Signals of Nodes with a constant output."""
        return {
            signals["out"]
            for node, signals in self.sim.model.sig.items()
            if isinstance(getattr(node, "output", None), np.ndarray)
        }

    def without_data(self, signal, values):
        """A Signal's values, or the Node's constant where data may have been given."""
        if signal in self.constant_nodes:
            values[...] = signal.initial_value
        return values

    def write(self, signal, values):
        """Set a Signal."""
        self.sim.signals[signal] = values

    def set_control(self, control, values):
        """Set the control Signal of a rule, so that the next run obeys it."""
        self.write(control, values)

    def schedule(self, control):
        """The Schedule that a rule was given while the simulator was open, or None."""
        if self.read(control)[CHOICE] != SCHEDULE:
            return None
        return self._rate_operator(control).given

    def set_schedule(self, control, schedule):
        """Let a rule have a Schedule from the next step on, with `takes_schedules`."""
        values = self.read(control)
        values[CHOICE] = SCHEDULE
        self._rate_operator(control).given = schedule
        self.set_control(control, values)

    def _rate_operator(self, control):
        operators = members(self.sim.model.operators, SimRate)
        return next(op for op in operators if op.control is control)

    def can_freeze(self, rule):
        """Whether a LearningRule of the model can be frozen."""
        if "control" in self.sim.model.sig[rule]:
            return True
        return self.freezes_any_rule and frozen_operators(self.sim, rule) is not None

    def freeze(self, rule):
        """Let a LearningRule stand still.

        Returns
        -------
        end : callable
            ``end()`` puts back what was before, and returns whether the rule was
            frozen until then.
        """
        control = self.sim.model.sig[rule].get("control")
        if control is None:
            return freeze_operators(self.sim, rule)
        values = self.read(control)
        was_frozen = values[FROZEN]
        values[FROZEN] = 1.0
        self.set_control(control, values)

        def end():
            values = self.read(control)
            lasted = values[FROZEN] == 1.0
            values[FROZEN] = was_frozen
            self.set_control(control, values)
            return lasted

        return end

    def arrays(self):
        """The arrays that hold the values of all Signals while functions run."""
        return list(self.sim.signals.values())

    def trainable_rows(self, signals):
        """Where Signals are in what Keras trains: the variables' numbers, and rows."""
        return []

    def step_functions(self):
        """The Python functions that run processes, and operators of unknown packages.

        Yields
        ------
        operator : nengo.builder.Operator
        functions : list of callable
            One, or one for each item of a minibatch.
        """
        for operator, step in zip(self.sim.step_order, self.sim._steps):
            # our own filters are arithmetic on Signals alone
            if type(operator) is SimProcess:
                yield operator, [inspect.getclosurevars(step).nonlocals["step_f"]]
            elif type(operator).__module__.partition(".")[0] not in KNOWN:
                yield operator, [step]

    def finish(self):
        """Tell the simulator that the signals of a file have been written.

        Its own time follows the step, and its probes are empty.
        """
        self.sim._probe_step_time()
        self.sim.clear_probes()

    @classmethod
    def fits_python(cls):
        """Whether the simulator can run on this version of Python."""
        return cls.last_python is None or sys.version_info[:2] <= cls.last_python

    @classmethod
    def how_to_install(cls):
        """What to do where the simulator is missing, as the end of a sentence."""
        if not cls.fits_python():
            return "it needs Python {}.{} or earlier".format(*cls.last_python)
        if cls.extra is None:
            return f"install the package {cls.name}"
        return f"pip install 'nengo-lr[{cls.extra}]'"

    @staticmethod
    def reason(error):
        """What went wrong in a run, without the simulator's own report around it."""
        return error


@cache
def known_hosts():
    """All hosts by name, whether their simulators are installed or not."""
    known = {Host.name: Host}
    for module in pkgutil.iter_modules(importlib.import_module(BACKENDS).__path__):
        host = importlib.import_module(f"{BACKENDS}.{module.name}").HOST
        has_make = "make" in vars(host) or not host.offered
        if host.name != module.name or not has_make:
            # it would run on Nengo's own simulator, and say that it does not
            raise TypeError(
                f"{host.__module__}.{host.__name__} must have the name {module.name!r} "
                f"(got {host.name!r}) and a method make of its own"
            )
        known[module.name] = host
    return known


def hosts() -> dict[str, type[Host]]:
    """The simulators on offer: those that are installed, and that nengo_lr knows.

    Returns
    -------
    hosts : dict of str to type
        The host of each simulator among Nengo's entry points ``nengo.backends``.
    """
    installed = announced_packages()
    return {
        name: host
        for name, host in known_hosts().items()
        if host.offered
        and (
            host.is_written_for(installed[name])
            if name in installed
            else not host.announced and is_there(name)
        )
    }


def missing_hosts() -> dict[str, type[Host]]:
    """The simulators that nengo_lr knows and that are not installed, as in `hosts`."""
    others = known_hosts().keys() - hosts().keys()
    return {
        n: host for n, host in known_hosts().items() if n in others and host.offered
    }


def is_there(package):
    """Whether a package can be imported."""
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:  # somebody made a module of that name by hand
        return False


@cache  # to look through all installed packages takes 20 ms
def announced_packages():
    """The packages that announce a simulator to Nengo, with their versions."""
    found = entry_points()
    if hasattr(found, "select"):
        found = found.select(group="nengo.backends")
    else:  # Python 3.9
        found = found.get("nengo.backends", ())
    packages = {}
    for entry in found:
        name = entry.value.partition(":")[0].partition(".")[0]
        distribution = getattr(entry, "dist", None)  # from Python 3.10 on
        if distribution is None and name in known_hosts():
            packages[name] = known_hosts()[name].major
        else:
            packages[name] = getattr(distribution, "version", None)
    return packages


def host_of(sim: nengo.Simulator) -> Host:
    """The host of an open simulator.

    Parameters
    ----------
    sim : nengo.Simulator or another simulator that nengo_lr knows

    Returns
    -------
    host : Host

    Raises
    ------
    ValidationError
        If it is no simulator, or an unknown one.
    SimulatorClosed
        If it is closed.
    """
    host = host_type(type(sim))
    if host is None or not host.offered:
        known = [known for known in known_hosts().values() if known.offered]
        titles = ", ".join(f"{host.title}'s" for host in known)
        raise ValidationError(
            f"must be an open simulator: {titles}, or a subclass that belongs to no "
            f"simulator of another package (got {sim!r})",
            "sim",
        )
    if sim.closed:
        raise SimulatorClosed("The simulator is closed")
    return host(sim)


def host_type(cls):
    """The host of a class that belongs to a simulator, or None.

    Parameters
    ----------
    cls : type
        A simulator's class or that of its builder.
    """
    for base in cls.__mro__:
        name = base.__module__.partition(".")[0]
        if name == Host.name:
            is_own = issubclass(base, (nengo.Simulator, nengo.builder.Builder))
            return Host if is_own else None
        if name in known_hosts():
            return known_hosts()[name] if is_loaded(known_hosts()[name]) else None
        if name in announced_packages():
            return None  # an unknown simulator, even where it derives from Nengo's
    return None


def is_loaded(host):
    """Whether the package of a host is imported, and the one that is known.

    Other packages may have the same name.
    """
    package = sys.modules.get(host.name)
    return package is not None and host.is_written_for(
        getattr(package, "__version__", None)
    )


def register_backends():
    """Register our operators with every known simulator that is imported."""
    for host in known_hosts().values():
        if is_loaded(host):
            try:
                host.register()
            except (AttributeError, ImportError):
                # another package of that name may be imported, but build nothing
                if builds_now(host.name):
                    raise


def builds_now(package):
    """Whether it is a package that has a model built, and no other simulator.

    Some let Nengo's own simulator build: only the calling functions tell.

    Parameters
    ----------
    package : str
    """
    frame = sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] == package:
            return True
        frame = frame.f_back
    return False


def host_for(model):
    """The host that a Model is built for; simulators with no builder have Nengo's.

    Parameters
    ----------
    model : nengo.builder.Model

    Returns
    -------
    host : type
    """
    return host_type(type(model.builder)) or Host
