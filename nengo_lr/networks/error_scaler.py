"""The error times the learning rate, computed by neurons."""

import numpy as np
from nengo import Config, Connection, Ensemble, Network, Node
from nengo.dists import Distribution
from nengo.exceptions import ValidationError
from nengo.neurons import Izhikevich, NeuronType
from nengo.params import Default
from nengo.utils.numpy import is_integer, is_number

from nengo_lr.checks import check_choice, check_type
from nengo_lr.networks import gates
from nengo_lr.networks.defaults import NENGO_DEFAULTS
from nengo_lr.networks.designs import DESIGNS, fast_rates
from nengo_lr.networks.watch import Watch


class ErrorScaler(Network):
    r"""Multiplies an error by a learning rate, in neurons.

    For simulators and chips that know plain `nengo.PES` alone: put between the error
    and ``conn.learning_rule``, it makes PES learn with the rate that it is given, as a
    factor of PES's own constant rate.

    Each dimension of the error has one ensemble, whose two inputs, error and rate, are
    scaled to [-1, 1] by their radii. In the design "tied", its two diagonals stand for
    the two squares of

    .. math:: e s = \left(\frac{e + s}{2}\right)^2 - \left(\frac{e - s}{2}\right)^2.

    The encoders (1, 1), (-1, -1), (1, -1) and (-1, 1) come in quadruples that share
    intercept, maximum rate and initial state, and the decoders of one diagonal are
    minus those of the other. At the rate s = 0 both get the same input and cancel.
    Intercepts are spread evenly over [0, 0.98], and the decoders are fitted on the
    rectangle that errors and rates fill.

    Parameters
    ----------
    n_neurons : int
        Number of neurons per dimension of the error, those of a neural gate included.
        The tied design uses multiples of 4; up to 3 neurons left over go unused.
    dimensions : int
        Number of dimensions of the error.
    error_radius : float, optional
        Largest absolute value of the error's components, in the error's unit.
    rate_radius : float, optional
        Largest absolute value of the rate, in the rate's unit.
    design : {"tied", "classic"}, optional
        The design above, or, for comparison, an ensemble with diagonal encoders and
        Nengo's defaults otherwise. The classic one leaks at rate 0 (by some 1.3 % of
        the range with 200 neurons), which PES adds up for as long as it runs.
    signed : bool, optional
        Whether the rate may be negative.
    gate : {None, "neural", "node"}, optional
        What makes the output exactly 0 while the rate's absolute value is below a
        threshold. The tied design needs no gate where the error crosses 0: there both
        diagonals fall silent together, and learning stops by itself. Where the error
        keeps its sign, their spikes stay out of phase and the weights wander; only a
        gate stops that.

        - "neural": 20 neurons, shared by all dimensions, inhibit the ensembles. They
          are taken off ``n_neurons``, and close and open the output some 5 ms late.
          They silence errors of up to twice ``error_radius``. Not for signed rates,
          nor for neurons that never fall silent, like sigmoids.
        - "node": a Node switches the output. It costs no neurons and is exact at
          once, but it is a Python call in every step that no chip runs.
    gate_threshold : float, optional
        Rate below which the gate is closed, as a fraction of ``rate_radius``. A neural
        gate is wholly open from 1.2 times this rate on. For a rate that neurons
        represent, choose it above their noise.
    neuron_type : nengo.neurons.NeuronType, optional
        Type of all neurons. By default that of the enclosing networks' config, which
        decides nothing else about this network. Stochastic spikes never cancel: with
        them rate 0 leaks.
    max_rates : nengo.dists.Distribution, optional
        Maximum firing rates in Hz. By default 94 to 99 % of the fastest possible rate
        in the tied design, because fast neurons are less noisy, and Nengo's default in
        the classic one.
    watch : bool, optional
        Whether to warn, once per simulation, of an error or rate outside its range.
        Costs one Python call each per step.
    **kwargs
        ``label``, ``seed`` and ``add_to_container``, as in `nengo.Network`.

    Attributes
    ----------
    error : nengo.Node
        Input of size ``dimensions``: the error. Filter it on its way here: what is
        filtered after the product goes on for a while after the rate has reached 0.
    rate : nengo.Node
        Input of size 1: the rate.
    output : nengo.Node
        Output of size ``dimensions``: the error times the rate, in spikes if the
        neurons spike. A synapse of 2 to 5 ms behind it makes them smooth enough for
        PES: with none, learned weights are some 2 % off instead of .5 %.
    products : list of nengo.Ensemble
        The ensembles, one per dimension.

    Raises
    ------
    ValidationError
        If a radius is not positive, if the design needs more neurons, or if it does not
        go together with the neuron type or the gate.

    References
    ----------
    Gosmann, J. (2015). Precise multiplications with the NEF. Centre for Theoretical
    Neuroscience, Waterloo. (Diagonal encoders; the product as a difference of squares.)

    Examples
    --------
    >>> import nengo
    >>> with nengo.Network() as model:
    ...     error = nengo.Node([0.5, -0.5])
    ...     rate = nengo.Node(lambda t: 0.8 if t < 1.0 else 0.0)
    ...     scaler = ErrorScaler(200, dimensions=2)
    ...     to_error = nengo.Connection(error, scaler.error, synapse=None)
    ...     to_rate = nengo.Connection(rate, scaler.rate, synapse=None)
    >>> scaler.output.size_out
    2
    """

    def __init__(
        self,
        n_neurons,
        dimensions,
        error_radius=1.0,
        rate_radius=1.0,
        *,
        design="tied",
        signed=False,
        gate=None,
        gate_threshold=0.01,
        neuron_type=Default,
        max_rates=Default,
        watch=True,
        **kwargs,
    ):
        if neuron_type is Default:
            neuron_type = Config.default(Ensemble, "neuron_type")
        check_type(
            neuron_type, NeuronType, "neuron_type", "a nengo neuron type", ErrorScaler
        )
        check_type(signed, (bool, np.bool_), "signed", "True or False", ErrorScaler)
        check_type(watch, (bool, np.bool_), "watch", "True or False", ErrorScaler)
        if max_rates is Default:
            tied = design == "tied"
            max_rates = fast_rates(neuron_type) if tied else Ensemble.max_rates.default
        check_type(
            max_rates, Distribution, "max_rates", "a nengo Distribution", ErrorScaler
        )
        check_product(error_radius, rate_radius, design, neuron_type)
        check_gate(gate, gate_threshold, signed, neuron_type)
        n_product = neurons_per_product(n_neurons, dimensions, design, gate)

        kwargs.setdefault("label", "ErrorScaler")
        super().__init__(**kwargs)
        with self, NENGO_DEFAULTS:
            self.error = Node(size_in=dimensions, label="error")
            self.rate = Node(size_in=1, label="rate")
            self.output = Node(size_in=dimensions, label="output")
            if watch:
                self._add_watch(error_radius, rate_radius, signed)
            switch = self.output
            if gate == "node":
                switch = gates.switch(gate_threshold * rate_radius, dimensions)
                Connection(self.rate, switch[-1], synapse=None)
                Connection(switch, self.output, synapse=None)

            ensemble, decoding = DESIGNS[design](
                n_product, neuron_type, max_rates, signed
            )
            self.products = []
            for i in range(dimensions):
                factors = Ensemble(
                    dimensions=2, radius=np.sqrt(2), label=f"product {i}", **ensemble
                )
                # no slices of an ensemble: chips may not know them
                Connection(
                    self.error[i],
                    factors,
                    transform=[[1 / error_radius], [0]],
                    synapse=None,
                )
                Connection(
                    self.rate, factors, transform=[[0], [1 / rate_radius]], synapse=None
                )
                Connection(
                    factors,
                    switch[i],
                    function=product,
                    transform=error_radius * rate_radius,
                    synapse=None,
                    **decoding,
                )
                self.products.append(factors)

            if gate == "neural":
                inhibitor = gates.inhibitor(
                    gate_threshold, self.products, neuron_type, max_rates
                )
                Connection(
                    self.rate, inhibitor, transform=1 / rate_radius, synapse=None
                )

    def _add_watch(self, error_radius, rate_radius, signed):
        """Warn of errors and rates outside of their range."""
        for node, low, high, advice in (
            (
                self.error,
                -error_radius,
                error_radius,
                "the output saturates. Give a larger error_radius",
            ),
            (
                self.rate,
                -rate_radius if signed else 0,
                rate_radius,
                "give a larger rate_radius"
                + ("" if signed else ", or signed=True if the rate may be negative"),
            ),
        ):
            watch = Watch(f"{self.label}: the {node.label}", low, high, advice)
            size = node.size_out
            watcher = Node(
                watch, size_in=size, size_out=size, label=f"watch {node.label}"
            )
            Connection(node, watcher, synapse=None)


def product(x):
    """The product of a vector's two components."""
    return x[0] * x[1]


def check_product(error_radius, rate_radius, design, neuron_type):
    """Refuse what cannot be multiplied."""
    for name, radius in (("error", error_radius), ("rate", rate_radius)):
        if not is_number(radius) or not 0 < radius < np.inf:
            refuse(f"{name}_radius", f"must be positive and finite (got {radius!r})")
    check_choice(design, DESIGNS, "design", ErrorScaler)
    if isinstance(neuron_type, Izhikevich):
        refuse(
            "neuron_type",
            "Izhikevich neurons cannot multiply: their rates depend on what they did "
            "before, so that no decoders fit. LIF, LIFRate, AdaptiveLIF, rectified "
            "linear and sigmoid neurons can",
        )


def check_gate(gate, gate_threshold, signed, neuron_type):
    """Refuse a gate that could not close, or would close when it must not."""
    if gate not in (None, "neural", "node"):
        refuse("gate", f"must be None, 'neural' or 'node' (got {gate!r})")
    if not is_number(gate_threshold) or not 0 < gate_threshold < 1:
        refuse(
            "gate_threshold",
            "must be a fraction of the rate's radius, between 0 and 1 "
            f"(got {gate_threshold!r})",
        )
    if gate == "neural" and signed:
        refuse(
            "gate",
            "a neural gate also closes on negative rates. Use gate='node' with "
            "signed=True",
        )
    if gate == "neural" and not gates.can_silence(neuron_type):
        refuse(
            "gate",
            f"no inhibition silences {type(neuron_type).__name__} neurons. Use "
            "gate='node' with them",
        )


def neurons_per_product(n_neurons, dimensions, design, gate):
    """What a gate leaves of each dimension's neurons, if that is enough."""
    for name, number in (("n_neurons", n_neurons), ("dimensions", dimensions)):
        if not is_integer(number) or number < 1:
            refuse(name, f"must be a positive integer (got {number!r})")
    share = -(-gates.N_NEURONS // dimensions) if gate == "neural" else 0
    least = share + (4 if design == "tied" else 1)
    if n_neurons < least:
        refuse(
            "n_neurons",
            f"design={design!r} with gate={gate!r} needs at least {least} neurons per "
            f"dimension for {dimensions} dimensions (got {n_neurons})",
        )
    return n_neurons - share


def refuse(attribute, reason):
    """Raise the error that names an argument of `ErrorScaler`."""
    raise ValidationError(reason, attribute, ErrorScaler)
