"""Learned weights that leave the run: taken out, kept in a file, put into a model."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import nengo
import numpy as np
from nengo.connection import LearningRule
from nengo.ensemble import Ensemble, Neurons
from nengo.exceptions import ValidationError
from nengo.solvers import NoSolver

from nengo_lr.builder.hosts import host_of
from nengo_lr.checkpoint import files
from nengo_lr.checks import check_integer, check_type
from nengo_lr.learning_rules import rules_of
from nengo_lr.networks.copying import copy_with_seeds

__all__ = ["Learned", "learned", "with_learned", "without_learning"]

KIND = "file of learned weights"

AXES = {
    "weights": 2,
    "gain": 1,
    "bias": 1,
    "encoders": 2,
    "scaled_encoders": 2,
    "decoders": 2,
}
"""The arrays that an object may have, and how many axes each has."""


class Learned(Mapping):
    """What the learned connections of a simulator have learned.

    A mapping from names to arrays, which `learned` makes. The names are made of the
    object and of what it is:

    - ``"<connection> weights"``: array (size_out, n_neurons), or (n_post, n_pre) on
      connections between neurons, as a Probe on ``"weights"`` has them;
    - ``"<ensemble> gain"``, ``"<ensemble> bias"`` and ``"<ensemble> encoders"`` of the
      ensembles that such a connection joins: weights mean something only together with
      the neurons that they were learned for;
    - ``"<ensemble> scaled_encoders"`` in place of those encoders, where a rule such as
      `nengo.Voja` has learned them: they are multiplied by gain over radius. With them
      come the weights of all connections from this ensemble, and of its Probes, as
      ``"<probe> decoders"``, which were solved for the encoders that it had at first.

    An object is known by its label, where no other of the model has the same; or by its
    place, such as ``networks[1].connections[0]``.

    Parameters
    ----------
    arrays : dict of str to array_like
        Finite numbers, by their names.

    Raises
    ------
    ValidationError
        If a name or an array is none of the above.

    Examples
    --------
    >>> Learned({"a to b weights": [[0.0, 1e-4]]})
    Learned('a to b weights': (1, 2))
    """

    def __init__(self, arrays):
        check_type(arrays, Mapping, "arrays", "a dict of arrays", type(self))
        self._arrays = {}
        for name, values in arrays.items():
            *_, what = name.split(" ")
            ndim = AXES.get(what)
            values = np.array(values)
            if ndim is None:
                raise ValidationError(
                    f"{name!r} must end in one of {', '.join(AXES)}",
                    "arrays",
                    self,
                )
            if (
                values.dtype.kind != "f"
                or values.ndim != ndim
                or not np.all(np.isfinite(values))
            ):
                raise ValidationError(
                    f"{name!r} must be an array of finite floats with {ndim} axes "
                    f"(got {values.dtype} with shape {values.shape})",
                    "arrays",
                    self,
                )
            self._arrays[name] = values

    def __getitem__(self, name: str) -> np.ndarray:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self):
        shapes = (f"{name!r}: {array.shape}" for name, array in self.items())
        return f"{type(self).__name__}({', '.join(shapes)})"

    def of(self, owner: str) -> dict[str, np.ndarray]:
        """The arrays of one object, by what they are."""
        return {
            what: array
            for (name, what), array in zip(map(split, self), self.values())
            if name == owner
        }

    def save(self, path: str | os.PathLike) -> None:
        """Write a file that `load` reads.

        The file is complete or not there. It has no pickled objects: nothing in it is
        run when it is read.

        Parameters
        ----------
        path : str or path-like
            The file, whose name is used as it is. One that exists is replaced.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        files.write(path, KIND, {}, self._arrays)

    @classmethod
    def load(cls, path: str | os.PathLike) -> Learned:
        """Read what `save` has written.

        Parameters
        ----------
        path : str or path-like

        Returns
        -------
        learned : Learned

        Raises
        ------
        ValidationError
            If the file is damaged or no file of learned weights.
        OSError
            If the file cannot be read.
        """
        # nothing in it is compressed, so that its own size bounds what is read
        _, arrays = files.read(
            path,
            KIND,
            lambda description: [name for name, *_ in description["signals"]],
            os.path.getsize(path),
        )
        return cls(arrays)


def learned(sim: nengo.Simulator, item: int | None = None) -> Learned:
    """Take out what every learned connection of a simulator has learned.

    Parameters
    ----------
    sim : Simulator
        An open simulator, between two runs.
    item : int, optional
        Which item of a minibatch, where there is more than one.

    Returns
    -------
    learned : Learned
        The weights, with the neurons that they belong to.

    Raises
    ------
    ValidationError
        If the model has no connection that learns, or if the simulator has a minibatch
        and ``item`` is none of its items.
    SimulatorClosed
        If the simulator is closed.

    Examples
    --------
    >>> with nengo.Network(seed=0) as model:
    ...     a, b = nengo.Ensemble(20, 1, label="a"), nengo.Node(size_in=1)
    ...     rule = nlr.ScheduledPES(1e-3)
    ...     c = nengo.Connection(a, b, learning_rule_type=rule, label="a to b")
    >>> with nengo.Simulator(model, progress_bar=False) as sim:
    ...     sim.run(0.1)
    ...     nlr.learned(sim)["a to b weights"].shape
    (1, 20)
    """
    host, network = host_of(sim), sim.model.toplevel
    signals, params = sim.model.sig, sim.model.params
    names = names_of(network)

    if item is None and host.n_items > 1:
        raise ValidationError(
            f"must be one of the {host.n_items} items of the minibatch", "item"
        )
    item = 0 if item is None else item
    check_integer(item, "item", least=0)
    if item >= host.n_items:
        raise ValidationError(
            f"must be less than {host.n_items}, the size of the minibatch (got {item})",
            "item",
        )

    def read(signal):
        values = host.read(signal)
        return values[item] if values.ndim > signal.ndim else values

    if not any(map(rules_of, network.all_connections)):
        raise ValidationError(
            f"{network} has no connection with a learning rule", "sim"
        )
    found: dict[Any, dict[str, np.ndarray]] = {}
    encoded = encoder_learners(network)
    # those that Nengo makes for Probes are only here
    for connection in [obj for obj in signals if isinstance(obj, nengo.Connection)]:
        modified = {rule.modifies for rule in rules_of(connection)}
        # decoders are solved for the encoders that there were when it was built
        if modified - {"encoders"} or connection.pre_obj in encoded:
            weights, post = read(signals[connection]["weights"]), connection.post_obj
            if isinstance(post, nengo.Probe):
                found[post] = {"decoders": weights}
            else:
                found[connection] = {"weights": weights}
        for end in (connection.pre_obj, connection.post_obj) if modified else ():
            if has_neurons(ensemble_of(end)):
                found[ensemble_of(end)] = {}
    for ensemble in found:
        if isinstance(ensemble, Ensemble):
            built = params[ensemble]
            arrays = {"gain": built.gain, "bias": built.bias}
            if ensemble in encoded:
                arrays["scaled_encoders"] = read(signals[ensemble]["encoders"])
            else:
                arrays["encoders"] = built.encoders
            found[ensemble] = arrays
    return Learned(
        {
            f"{names[obj]} {what}": values
            for obj, arrays in found.items()
            for what, values in arrays.items()
        }
    )


def with_learned(network: nengo.Network, learned: Learned) -> nengo.Network:
    """Copy a model so that it starts with learned weights.

    Its learning rules stay, and go on learning from there. The model may have other
    objects beside the learned ones: more probes, other rates, plain PES, or no rule.

    Parameters
    ----------
    network : nengo.Network
        The model; it is not changed.
    learned : Learned
        What `learned` or `Learned.load` returned.

    Returns
    -------
    copied : nengo.Network
        The copy. Its objects have the seeds that the model gives the original.

    Raises
    ------
    ValidationError
        If the model has no object of a name among the learned ones, or one of another
        shape.

    Notes
    -----
    On the reference simulator the weights that it starts with are those of ``learned``,
    bit for bit. Encoders that go on learning may differ by a rounding error.

    Examples
    --------
    >>> with nengo.Network(seed=0) as model:
    ...     a, b = nengo.Ensemble(20, 1), nengo.Node(size_in=1)
    ...     c = nengo.Connection(a, b, learning_rule_type=nlr.ScheduledPES(1e-3))
    >>> with nengo.Simulator(model, progress_bar=False) as sim:
    ...     sim.run(0.1)
    ...     found = nlr.learned(sim)
    >>> again = nlr.with_learned(model, found)
    >>> with nengo.Simulator(again, progress_bar=False) as sim:
    ...     bool(np.all(nlr.learned(sim)["connections[0] weights"]
    ...                 == found["connections[0] weights"]))
    True
    """
    check_type(network, nengo.Network, "network", "a nengo.Network")
    check_type(learned, Learned, "learned", "what learned(sim) returns")
    copies: dict[int, Any] = {}
    copied = copy_with_seeds(network, copies)
    put_in(network, learned, copies)
    return copied


def without_learning(
    network: nengo.Network, sim: nengo.Simulator | Learned
) -> nengo.Network:
    """Copy a model with learned weights and no learning rules.

    The copy is plain Nengo, for any simulator, chip, or colleague. Connections to
    learning rules and probes on them are left out; all else stays. On the reference
    simulator with ``optimize=False`` its output is that of the frozen original, bit for
    bit.

    Parameters
    ----------
    network : nengo.Network
        The model; it is not changed.
    sim : Simulator or Learned
        An open simulator of the model; or what `learned` or `Learned.load` returned.
        From a simulator the copy also takes the seeds of its objects, so that neurons
        start in the same state even where the model has no seed.

    Returns
    -------
    copied : nengo.Network

    Raises
    ------
    ValidationError
        As in `with_learned` and `learned`.

    Examples
    --------
    >>> with nengo.Network(seed=0) as model:
    ...     a, b = nengo.Ensemble(20, 1), nengo.Node(size_in=1)
    ...     c = nengo.Connection(a, b, learning_rule_type=nlr.ScheduledPES(1e-3))
    ...     d = nengo.Connection(b, c.learning_rule)
    >>> with nengo.Simulator(model, progress_bar=False) as sim:
    ...     sim.run(0.1)
    ...     plain = nlr.without_learning(model, sim)
    >>> [connection.learning_rule for connection in plain.connections]
    [None]
    """
    check_type(network, nengo.Network, "network", "a nengo.Network")
    found, seeds = sim, None
    if not isinstance(sim, Learned):
        found, seeds = learned(sim), sim.model.seeds
    copies: dict[int, Any] = {}
    copy_with_seeds(network, copies, seeds)
    put_in(network, found, copies, keep_learning=False)
    for enclosing in [network, *network.all_networks]:
        copied = copies[id(enclosing)]
        copied.connections[:] = [
            connection
            for connection in copied.connections
            if not isinstance(connection.post_obj, LearningRule)
        ]
        copied.probes[:] = [
            probe for probe in copied.probes if not isinstance(probe.obj, LearningRule)
        ]
        for connection in copied.connections:
            connection.learning_rule_type = None
    return copies[id(network)]


def put_in(network, learned, copies, keep_learning=True):
    """Give the copies of a model's objects what was learned."""
    objects = {name: obj for obj, name in names_of(network).items()}
    for name in dict.fromkeys(name for name, _ in map(split, learned)):
        arrays, obj = learned.of(name), objects.get(name)
        if isinstance(obj, Ensemble) and "gain" in arrays:
            put_neurons(obj, copies, arrays, network, keep_learning)
        elif isinstance(obj, nengo.Connection) and "weights" in arrays:
            put_weights(copies[id(obj)], arrays["weights"])
        elif isinstance(obj, nengo.Probe) and "decoders" in arrays:
            copies[id(obj)].solver = NoSolver(arrays["decoders"].T)
        elif "decoders" not in arrays:  # a model may do without a Probe
            raise ValidationError(
                f"has nothing of the name {name!r} that could have the learned "
                f"{', '.join(arrays)}; give the object this label",
                "network",
                network,
            )


def put_weights(connection, weights):
    """Let a connection start with the weights that it is given, to the bit."""
    pre, post = connection.pre_obj, connection.post_obj
    full = isinstance(post, Ensemble) and connection.solver.weights
    shape = (
        post.n_neurons if full else connection.size_out,
        pre.n_neurons if isinstance(pre, Ensemble) else connection.size_in,
    )
    if weights.shape != shape:
        raise ValidationError(
            f"the learned weights of {connection} have shape {weights.shape}, and the "
            f"model's have {shape}",
            "learned",
        )
    if not isinstance(pre, Ensemble):
        connection.transform = weights
        return
    connection.solver = NoSolver(weights.T, weights=full)
    if full:
        # the builder then takes the values for the weights themselves
        connection.solver.compositional = False
        return
    # only its size is used, which a transform of 1 leaves as it is
    connection.function = partial(np.resize, new_shape=connection.size_out)
    connection.transform = None


def put_neurons(ensemble, copies, arrays, network, keep_learning):
    """Make an ensemble of the neurons that the weights were learned for."""
    copied = copies[id(ensemble)]
    shape = ensemble.n_neurons, ensemble.dimensions
    for what, values in arrays.items():
        expected = shape[: values.ndim]
        if values.shape != expected:
            raise ValidationError(
                f"the {what} of {ensemble} have shape {values.shape}, and the model's "
                f"have {expected}",
                "learned",
            )
    gain, encoders = arrays["gain"], arrays.get("encoders")
    if encoders is None:
        reads_gain = keep_learning or any(
            isinstance(connection.post_obj, Neurons)
            and connection.post_obj.ensemble is ensemble
            for connection in network.all_connections
        )
        if not reads_gain:
            # to scale by a power of 2 leaves the bits as they are
            gain = ensemble.radius * 2 ** np.ceil(np.log2(gain / ensemble.radius))
        encoders = arrays["scaled_encoders"] / (gain / ensemble.radius)[:, None]
    copied.encoders, copied.normalize_encoders = encoders, False
    copied.gain, copied.bias = gain, arrays["bias"]


def encoder_learners(network):
    """The ensembles whose encoders are learned, as a set."""
    return {
        ensemble_of(connection.post_obj)
        for connection in network.all_connections
        for rule in rules_of(connection)
        if rule.modifies == "encoders"
    }


def names_of(network):
    """The names of connections, ensembles and Probes: their own labels, or places."""
    places = {}
    kinds = {"connections": nengo.Connection, "ensembles": Ensemble}
    for kind, of in {**kinds, "probes": nengo.Probe}.items():
        for where, enclosing in subnetworks(network):
            for i, obj in enumerate(getattr(enclosing, kind)):
                places[obj] = f"{where}{kind}[{i}]"
        labels = [obj.label for obj in places if isinstance(obj, of)]
        for obj in places:
            if isinstance(obj, of) and obj.label and labels.count(obj.label) == 1:
                places[obj] = obj.label
    return places


def subnetworks(network, where=""):
    """A network and all that it contains, each with its place as a prefix."""
    yield where, network
    for i, inner in enumerate(network.networks):
        yield from subnetworks(inner, f"{where}networks[{i}].")


def ensemble_of(obj):
    """The ensemble of some neurons, or the object itself."""
    return obj.ensemble if isinstance(obj, Neurons) else obj


def has_neurons(obj):
    """Whether an object is an ensemble with neurons of its own."""
    return isinstance(obj, Ensemble) and not isinstance(obj.neuron_type, nengo.Direct)


def split(name):
    """The object and the kind of array that a name tells."""
    obj, _, what = name.rpartition(" ")
    return obj, what
