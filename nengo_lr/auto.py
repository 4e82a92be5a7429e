"""A learning rate that needs no number, and the preconditioner that it works with."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from nengo.params import FrozenObject
from nengo.synapses import Lowpass

__all__ = ["Auto"]

RANK = 10
"""How many leading directions of the activities are damped; 2 to 16 learn alike."""

NOISE = 8.0
"""The noise that is assumed, over the Poisson variance of the filtered spikes. At 1,
the rule would amplify the noise; 4 to 16 learn alike."""

FIRST_WINDOW = 0.3
"""The averaging window in seconds at the start."""

SHORTEST_WINDOW = 0.02
"""The shortest averaging window in seconds."""

LONGEST_WINDOW = 10.0
"""The longest averaging window in seconds."""

SPANNED = 0.5
"""The shortest averaging window, over the time scale of the input."""

LEARNABLE = 0.2
"""The window grows while a smaller fraction of the error than this is learnable, and
shrinks while it is a larger one."""

ADAPTATION = 0.7
"""The time in seconds in which the window's logarithm follows that difference."""

MOSTLY = 0.5
"""Where a larger fraction than this is learnable, the target has changed."""

HASTE = 4.0
"""How much faster the window's logarithm then shrinks, in 1/s for a fraction of 1."""

PREDICTION = 0.3
"""How far back the prediction of the error looks, in seconds, and over what time its
success is averaged."""

PREDICTION_START = 0.05
"""How far back the prediction of the error looks at the start, in seconds."""

SETTLING = 0.25
"""How long there must have been an error before the window adapts, in seconds."""

INPUT_FILTER = 0.1
"""The time constant in seconds of the low-pass filter that measures how slow the input
is."""

INPUT_START = 0.4
"""The fraction of the variance that this filter is assumed to leave at first."""

INPUT_SETTLING = 0.2
"""The time in seconds after which the measured variance takes its place."""

INPUT_MOST = 0.95
"""The largest such fraction: beyond it, the time scale cannot be told."""

MEMORY = 100.0
"""The time in seconds up to which averages over all of the run grow longer."""

SILENCE = 1e-9
"""The square of an error is none if it is this small a fraction of what it was lately:
what filters leave of an error that was switched off."""

SHORTEST_DELAY = 0.02
"""The shortest delay of the error loop that is assumed, in seconds."""

DELAY_MARGIN = 2.5
"""How many times longer than at the limit of stability the loop's delay is taken."""

NOMINAL_RATE = 100.0
"""The mean rate in Hz where tuning curves are not known; half of the neurons fire."""

NOMINAL_SPREAD = 300.0
"""The size in Hz of the activities in a random direction, where they are not known."""

MOST_POINTS = 1000
"""How many evaluation points the leading directions are computed from, at most."""

TINY = 1e-30
"""What is divided by in place of 0."""


class Directions(NamedTuple):
    r"""The leading directions of a population's activities.

    With the activities A at many points, in Hz, the eigenvectors V (r, n) of the r
    largest eigenvalues :math:`\lambda` of :math:`A^\top A / \text{points}`, and
    :math:`s^2`, the variance that noise has in each direction,

    .. math::
       u = (V^\top \Lambda V + s^2 I)^{-1} a
         = \frac{1}{s^2} \left(a - \sum_i \frac{\lambda_i}{\lambda_i + s^2} v_i v_i^\top
         a\right)

    are the activities with these directions damped. They carry most of the power and
    little of what is to be learned; damped, they do not force the rate of all others
    down. A true Newton step, with a small :math:`s^2`, would amplify noise.

    Attributes
    ----------
    matrix : array (r, n)
        :math:`v_i / \sqrt{\lambda_i + s^2}`: with the activities, the coordinates c.
    powers : array (r,)
        :math:`\lambda_i`, in Hz squared.
    noise : float
        :math:`s^2`, in Hz squared.
    """

    matrix: np.ndarray
    powers: np.ndarray
    noise: float

    @property
    def feature(self):
        """The weights (r,) of the coordinates in the one number that is followed."""
        return self.powers / np.sqrt(self.powers + self.noise)

    def damp(self, activities, xp):
        r"""Damp the leading directions.

        Parameters
        ----------
        activities : array (..., n)
            In Hz.
        xp : module
            The array namespace of the arrays.

        Returns
        -------
        coordinates : array (..., r)
            The activities along the leading directions, without a unit.
        damped : array (..., n)
            :math:`s^2 u` in Hz: the other directions are as they were.
        """
        matrix = xp.asarray(self.matrix, dtype=activities.dtype)
        powers = xp.asarray(self.powers, dtype=activities.dtype)
        coordinates = xp.matmul(activities, xp.transpose(matrix))
        return coordinates, activities - xp.matmul(powers * coordinates, matrix)


def noise_power(rates, synapse, dt, amplitude=1.0):
    r"""The variance that noise is assumed to have in each direction, in Hz squared.

    .. math::
       s^2 = 8 \frac{\langle a^2\rangle}{\langle a\rangle} \int h(t)^2\,dt

    with the rates a of all neurons at all points, and the filter's impulse response h:
    eight times the variance of Poisson spikes, of neurons that fire.

    Parameters
    ----------
    rates : array (points, n)
        The tuning curves in Hz.
    synapse : nengo.synapses.Synapse or None
        What filters the spikes.
    dt : float
        Length of a step in seconds.
    amplitude : float, optional
        The area of a spike.
    """
    if synapse is None or isinstance(synapse, Lowpass):
        tau = max(getattr(synapse, "tau", 0.0), dt / 2)
        energy = 1 / (2 * tau)
    else:
        # a column, since Nengo's filters refuse single numbers with numpy 2.5
        impulse = np.zeros((round(1 / dt), 1))
        impulse[0] = 1 / dt
        energy = dt * np.sum(synapse.filt(impulse, dt=dt, y0=0) ** 2)
    # of neurons that fire: where few do, as in sparse memories, the mean over all says
    # little of the directions in which there are activities
    firing = np.mean(np.square(rates)) / np.mean(np.abs(rates))
    return float(NOISE * amplitude * firing * energy)


def leading_directions(rates, noise, rank):
    """Find the directions that damping pays for.

    Parameters
    ----------
    rates : array (points, n)
        The tuning curves in Hz.
    noise : float
        The variance of noise in each direction, in Hz squared.
    rank : int
        How many directions at most, from 1 to n.

    Returns
    -------
    directions : Directions
    """
    points, n = rates.shape
    # the eigenvectors of the smaller of two matrices give those of the larger
    tall = points > n
    gram = (rates.T @ rates if tall else rates @ rates.T) / points
    powers, vectors = np.linalg.eigh(gram)
    powers = np.maximum(powers[::-1][:rank], 0.0)
    vectors = vectors[:, ::-1][:, :rank]
    if not tall:
        vectors = rates.T @ vectors
        vectors /= np.maximum(np.linalg.norm(vectors, axis=0), TINY)
    # which way an eigenvector points is the library's choice, but the feature's too
    vectors = vectors * np.where(vectors.sum(axis=0) < 0, -1.0, 1.0)
    return Directions(vectors.T / np.sqrt(powers + noise)[:, None], powers, noise)


def blind_directions(n, noise, rank, amplitude=1.0):
    """Directions that predict the error where tuning curves are not known.

    The first is the mean, the others are random. None of them is damped.

    Parameters
    ----------
    n : int
        The number of neurons.
    noise : float
        The variance of noise in each direction, in Hz squared.
    rank : int
        How many directions, from 1 to n.
    amplitude : float, optional
        The area of a spike.

    Returns
    -------
    directions : Directions
    """
    rng = np.random.RandomState(0)
    vectors = np.column_stack([np.ones(n), rng.normal(size=(n, rank - 1))])
    vectors = np.linalg.qr(vectors)[0].T
    vectors[0] = 1 / np.sqrt(n)  # whichever way it pointed
    sizes = np.full(rank, NOMINAL_SPREAD * amplitude)
    sizes[0] = np.sqrt(n * (NOMINAL_RATE * amplitude) ** 2 + noise)
    return Directions(vectors / sizes[:, None], np.zeros(rank), noise)


class Numbers:
    """An array namespace for Python's floats, which are faster than small arrays."""

    exp = staticmethod(math.exp)
    minimum = staticmethod(min)
    maximum = staticmethod(max)

    @staticmethod
    def where(condition, yes, no):
        return yes if condition else no


class Auto(FrozenObject):
    r"""A learning rate that needs no number: what ``learning_rate="auto"`` stands for.

    It learns with the activities' leading directions damped (``precondition=10``, see
    `.ScheduledPES`), which gives :math:`u` in place of the activities :math:`a`, and
    changes the weights by

    .. math:: \Delta\omega_{ji} = -\frac{dt}{T + L\,a \cdot u}\,e_j u_i.

    - L is the delay of the error loop in seconds, read from the model. No input can
      move the output faster than in L, however active the neurons are.
    - T is an averaging window in seconds, and all that adapts. It begins at .3 s and
      stays between .02 and 10 s.

    A second, small learner predicts the error from the leading directions alone, over
    the last .3 s. What it can predict is still to be learned; noise is not predicted,
    whatever its spectrum. With the predicted error :math:`\hat e` and averages over the
    same time,

    .. math::
       q = \frac{\langle e \cdot \hat e\rangle}{\langle e \cdot e\rangle}, \qquad
       \frac{d \ln T}{dt} = \frac{0.2 - q}{0.7\,\text{s}}
       - \frac{4}{\text{s}} \max(0, q - 0.5).

    So the rate falls while there is nothing to learn but noise, and rises after the
    target has changed. T is at least half the time scale of the input, and at most the
    time for which there has been an error.

    All constants are seconds or ratios. The rule does not change with the scale of the
    target, the number of neurons, or the length of a step. While the error is exactly
    0, or learning is frozen, nothing moves.

    Notes
    -----
    The rate in the units of ``nengo.PES`` is :math:`n / (s^2 (T + L\,a \cdot u))`; it
    can be probed as ``learning_rate``, T as ``window`` and q as ``learnable``.

    The state is (rate, T, seconds with an error, mean of the input's feature, its
    low-pass filtered value, the variances of both, the averages of
    :math:`e \cdot \hat e` and :math:`e \cdot e`, and the predictor's weights).

    Examples
    --------
    >>> from nengo_lr import ScheduledPES
    >>> ScheduledPES("auto")
    ScheduledPES(learning_rate=Auto())
    """

    N_NUMBERS = 9
    """How many numbers the state has before the predictor's weights."""

    def initial_state(self, dimensions, rank):
        """The state before the first step: array (9 + dimensions * rank,) of float64.

        Parameters
        ----------
        dimensions : int
            Of the error.
        rank : int
            How many leading directions there are.
        """
        state = np.zeros(self.N_NUMBERS + dimensions * rank)
        state[1] = FIRST_WINDOW
        return state

    def update(self, state, coordinates, power, error, dt, loop, xp):
        r"""Make one step.

        Parameters
        ----------
        state : array (..., k)
            The state after the step before.
        coordinates : array (..., r)
            The activities along the leading directions, as `Directions` has them.
        power : array (..., 1)
            :math:`a \cdot u`.
        error : array (..., d)
            The error at this step.
        dt : float
            The step's length in seconds.
        loop : Surroundings
            What is known of the connection.
        xp : module
            The array namespace of the arrays.

        Returns
        -------
        state : array (..., k)
            The state after this step.
        rate : array (..., 1)
            The learning rate at this step, in PES's units.
        window : array (..., 1)
            T in seconds.
        learnable : array (..., 1)
            q.
        """
        numbers = tuple(state[..., i : i + 1] for i in range(1, self.N_NUMBERS))
        shape = (*error.shape, coordinates.shape[-1])
        predictor = xp.reshape(state[..., self.N_NUMBERS :], shape)

        def total(values):
            return xp.sum(values, axis=-1, keepdims=True)

        predicted = xp.sum(predictor * coordinates[..., None, :], axis=-1)
        numbers, step_size, window, learnable = self.adapt(
            numbers,
            total(coordinates * loop.feature),
            total(coordinates**2),
            total(error * predicted),
            total(error**2),
            dt,
            loop.delay,
            xp,
        )
        rate = loop.scale / (window + loop.delay * power)
        change = step_size * (error - predicted)
        predictor = predictor + change[..., None] * coordinates[..., None, :]
        predictor = xp.reshape(predictor, state[..., self.N_NUMBERS :].shape)
        state = xp.concatenate([rate, *numbers, predictor], axis=-1)
        return state, rate, window, learnable

    @staticmethod
    def adapt(numbers, feature, activity, agreement, square, dt, delay, xp):
        r"""Make one step of all that is a single number.

        Parameters
        ----------
        numbers : tuple
            The state between the rate and the predictor's weights.
        feature : float or array (..., 1)
            The input's feature.
        activity : float or array (..., 1)
            :math:`|c|^2` of the coordinates c.
        agreement : float or array (..., 1)
            :math:`e \cdot \hat e`.
        square : float or array (..., 1)
            :math:`e \cdot e`.
        dt : float
            The step's length in seconds.
        delay : float
            L in seconds.
        xp : module
            Of what the others are: `Numbers` for floats.

        Returns
        -------
        numbers : tuple
            As they are after this step.
        step_size : float or array (..., 1)
            What the predictor's change is multiplied by.
        window : float or array (..., 1)
            T in seconds.
        learnable : float or array (..., 1)
            q.
        """
        window, seconds, mean, low, spread, low_spread, agreed, squared = numbers
        learns = square > SILENCE * squared
        nothing = 0.0 * seconds  # of its type, which a bare 0.0 has not
        elapsed = xp.where(learns, nothing + dt, nothing)
        first = seconds == 0.0
        seconds = xp.minimum(seconds + elapsed, MEMORY)

        # how slow the input is: what a filter leaves of its variance
        new = elapsed / xp.maximum(seconds, dt)
        mean = mean + new * (feature - mean)
        filtered = low - math.expm1(-dt / INPUT_FILTER) * (feature - low)
        low = xp.where(learns, xp.where(first, feature, filtered), low)
        spread = spread + new * ((feature - mean) ** 2 - spread)
        low_spread = low_spread + new * ((low - mean) ** 2 - low_spread)
        slowness = xp.minimum(low_spread / xp.maximum(spread, TINY), INPUT_MOST)
        slowness = xp.where(seconds < INPUT_SETTLING, INPUT_START, slowness)
        time_scale = INPUT_FILTER * slowness / (1.0 - slowness)

        # how much of the error can still be learned
        new = -math.expm1(-dt / PREDICTION)
        agreed = agreed + new * (agreement - agreed)
        squared = squared + new * (square - squared)
        learnable = agreed / xp.maximum(squared, TINY)
        learnable = xp.minimum(xp.maximum(learnable, 0.0), 1.0)

        settled = xp.where(seconds > SETTLING, elapsed, nothing)
        growth = (LEARNABLE - learnable) / ADAPTATION
        growth = growth - HASTE * xp.maximum(learnable - MOSTLY, 0.0)
        window = window * xp.exp(settled * growth)
        window = xp.maximum(window, xp.maximum(SPANNED * time_scale, SHORTEST_WINDOW))
        window = xp.minimum(window, LONGEST_WINDOW)

        span = xp.minimum(seconds + PREDICTION_START, PREDICTION)
        step_size = elapsed / (span + delay * activity)
        numbers = window, seconds, mean, low, spread, low_spread, agreed, squared
        return numbers, step_size, xp.minimum(window, seconds + delay), learnable


class Surroundings(NamedTuple):
    """What `Auto` knows of a connection.

    Attributes
    ----------
    feature : array (r,)
        The weights of the coordinates in the one number that is followed.
    delay : float
        L, the delay of the error loop in seconds.
    scale : float
        The rate in PES's units that changes weights as fast as a window of 1 s.
    """

    feature: np.ndarray
    delay: float
    scale: float
