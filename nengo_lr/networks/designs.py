"""Ensembles that compute the product of their two dimensions, each in [-1, 1]."""

import inspect

import numpy as np
from nengo.dists import Choice, Distribution, DistributionParam, Uniform
from nengo.neurons import RatesToSpikesNeuronType
from nengo.params import Default, NumberParam
from nengo.solvers import LstsqL2, Solver

QUADRUPLE = np.array([[1, 1], [-1, -1], [1, -1], [-1, 1]]) / np.sqrt(2)
"""The four encoders that share everything else. The first two are one half."""

HIGHEST_INTERCEPT = 0.98
"""Neurons that fire for the largest inputs alone would need endless gains."""


class Quadruples(Distribution):
    """One sample for each neuron of a quarter of an ensemble, repeated four times.

    Parameters
    ----------
    base : nengo.dists.Distribution
        Where the samples of the quarter come from.

    Examples
    --------
    >>> from nengo.dists import Uniform
    >>> samples = Quadruples(Uniform(200, 400)).sample(8).reshape(4, 2)
    >>> bool((samples == samples[0]).all())
    True
    """

    base = DistributionParam("base")

    def __init__(self, base):
        super().__init__()
        self.base = base

    def sample(self, n, d=None, rng=np.random):
        quarter = self.base.sample(n // 4, d, rng=rng)
        return np.concatenate([quarter] * 4)


class Antisymmetric(Solver):
    r"""Decoders of the ensemble's second half that are minus those of its first half.

    Least squares find the decoders :math:`D` of the first half on the difference of
    the halves' activities, :math:`(A_1 - A_2) D \approx Y`; the second half gets
    :math:`-D`. Where both halves fire alike, the output is 0 whatever their tuning.

    Parameters
    ----------
    reg : float, optional
        Regularisation, as a fraction of the largest difference in activity.
    """

    reg = NumberParam("reg", low=0)

    def __init__(self, reg=0.005):
        super().__init__(weights=False)
        self.reg = reg

    def __call__(self, A, Y, rng=np.random):  # noqa: N803
        first, second = np.split(A, 2, axis=1)
        decoders, info = LstsqL2(reg=self.reg)(first - second, Y, rng=rng)
        return np.concatenate([decoders, -decoders]), info


def tied(n_neurons, neuron_type, max_rates, signed):
    """The design in which the two diagonals differ in nothing but their encoders.

    Parameters
    ----------
    n_neurons : int
        Number of neurons; up to 3 are left out to make it a multiple of 4.
    neuron_type : nengo.neurons.NeuronType
        Type of all neurons.
    max_rates : nengo.dists.Distribution or Default
        Where each quadruple's maximum rate comes from, in Hz.
    signed : bool
        Whether the second input may be negative.

    Returns
    -------
    ensemble, decoding : dict
        Arguments of `nengo.Ensemble` and of the `nengo.Connection` that decodes the
        product from it.
    """
    quarter = n_neurons // 4
    if max_rates is Default:
        max_rates = fast_rates(neuron_type)
    intercepts = HIGHEST_INTERCEPT * (np.arange(quarter) + 0.5) / quarter
    ensemble = {
        "n_neurons": 4 * quarter,
        "encoders": np.repeat(QUADRUPLE, quarter, axis=0),
        "intercepts": np.tile(intercepts, 4),
        "max_rates": Quadruples(max_rates),
        "neuron_type": tie_states(neuron_type),
    }
    decoding = {
        "eval_points": rectangle(signed, max(2000, 2 * n_neurons)),
        "scale_eval_points": False,
        "solver": Antisymmetric(),
    }
    return ensemble, decoding


def classic(n_neurons, neuron_type, max_rates, signed):
    """Diagonal encoders, and Nengo's defaults otherwise. As in `tied`."""
    ensemble = {
        "n_neurons": n_neurons,
        "encoders": Choice(QUADRUPLE),
        "max_rates": max_rates,
        "neuron_type": neuron_type,
    }
    return ensemble, {}


def tie_states(neuron_type):
    """The same neuron type with initial states that each quadruple shares."""
    changes = {}
    if isinstance(neuron_type, RatesToSpikesNeuronType):
        changes["base_type"] = tie_states(neuron_type.base_type)
    if neuron_type.state:
        initial = {**neuron_type.state, **(neuron_type.initial_state or {})}
        changes["initial_state"] = {
            name: Quadruples(dist) for name, dist in initial.items()
        }
    return replaced(neuron_type, **changes)


def replaced(frozen, **changes):
    """A frozen object with some other arguments."""
    names = inspect.signature(type(frozen)).parameters
    return type(frozen)(**{name: getattr(frozen, name) for name in names} | changes)


def fast_rates(neuron_type):
    """Maximum rates just below what the refractory period of a type allows, in Hz.

    The faster the neurons fire, the less their spikes are felt in the output.
    """
    base_type = getattr(neuron_type, "base_type", neuron_type)
    limit = 1.0 / (getattr(base_type, "tau_ref", 0) or 0.002)
    return Uniform(0.94 * limit, 0.99 * limit)


def rectangle(signed, n_points):
    """A grid of at least ``n_points`` errors in [-1, 1] and rates in [0, 1].

    Returns
    -------
    points : array (n, 2)
        Pairs of an error and a rate. With ``signed`` the rates too lie in [-1, 1].
    """
    n_rates = int(np.ceil(np.sqrt(n_points / 2)))
    errors = np.linspace(-1, 1, 2 * n_rates)
    rates = np.linspace(-1 if signed else 0, 1, n_rates)
    return np.stack(np.meshgrid(errors, rates), axis=-1).reshape(-1, 2)


DESIGNS = {"tied": tied, "classic": classic}
