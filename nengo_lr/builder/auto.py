"""Operators and build functions for damped activities and rates that need no number."""

import math
import warnings

import numpy as np
from nengo.builder import Operator, Signal
from nengo.builder.ensemble import get_activities
from nengo.ensemble import Neurons
from nengo.exceptions import ValidationError
from nengo.rc import rc

from nengo_lr.auto import (
    DELAY_MARGIN,
    MOST_POINTS,
    NOMINAL_RATE,
    RANK,
    SHORTEST_DELAY,
    Auto,
    Numbers,
    Surroundings,
    blind_directions,
    leading_directions,
    noise_power,
)
from nengo_lr.builder.control import FROZEN, switch
from nengo_lr.builder.kernels import outer_adder
from nengo_lr.builder.rates import SimRate, check_rate
from nengo_lr.builder.slots import Slot
from nengo_lr.error_loop import loop_timing


class SimDamp(Operator):
    """Damp the leading directions of activities.

    Implements ``coordinates, damped[...] = directions.damp(activities)``.

    Parameters
    ----------
    activities : Signal (n,)
        The filtered presynaptic activities in Hz.
    coordinates : Signal (r,)
        The activities along the leading directions.
    damped : Signal (n,)
        The activities with these directions damped, in Hz.
    directions : Directions
    tag : str, optional
        A label associated with the operator, for debugging purposes.

    Notes
    -----
    1. sets ``[coordinates, damped]``
    2. incs ``[]``
    3. reads ``[activities]``
    4. updates ``[]``
    """

    activities = Slot("reads", 0)
    coordinates = Slot("sets", 0)
    damped = Slot("sets", 1)

    def __init__(self, activities, coordinates, damped, directions, tag=None):
        super().__init__(tag=tag)
        self.directions = directions
        self.sets = [coordinates, damped]
        self.incs = []
        self.reads = [activities]
        self.updates = []

    @property
    def _descstr(self):
        return f"{self.activities} -> {self.damped}"

    def make_step(self, signals, dt, rng):
        activities = signals[self.activities]
        coordinates, damped = signals[self.coordinates], signals[self.damped]
        matrix, powers, _ = self.directions
        back = (-powers[:, None] * matrix).astype(damped.dtype)
        matrix = matrix.astype(coordinates.dtype)

        def step_damp():
            np.dot(matrix, activities, coordinates)
            np.dot(coordinates, back, damped)
            np.add(damped, activities, damped)

        return step_damp


class SimAutoRate(SimRate):
    """Compute a learning rate that needs no number.

    Implements ``state, rate, window, learnable[...] = auto.update(state, coordinates,
    activities . damped / noise, error)``. While the rule is frozen or has another rate,
    the state stays as it is.

    Parameters
    ----------
    step, control, rate, owner, tag
        As in `SimRate`; ``rate`` is a Signal (1,).
    error : Signal (d,)
        The error in its own dimensions.
    activities : Signal (n,)
        The filtered presynaptic activities in Hz.
    coordinates : Signal (r,)
        The activities along the leading directions.
    damped : Signal (n,)
        The activities with these directions damped, in Hz.
    state : Signal (k,)
        All that the rule remembers.
    window : Signal (1,)
        The averaging window in seconds.
    learnable : Signal (1,)
        The fraction of the error that can still be learned.
    auto : Auto
    surroundings : Surroundings
        What is known of the connection.
    noise : float
        The variance of noise in each direction, in Hz squared.

    Notes
    -----
    1. sets ``[rate]``
    2. incs ``[]``
    3. reads ``[step, control, error, activities, coordinates, damped]``
    4. updates ``[state, window, learnable]``
    """

    error = Slot("reads", 2)
    activities = Slot("reads", 3)
    coordinates = Slot("reads", 4)
    damped = Slot("reads", 5)
    state = Slot("updates", 0)
    window = Slot("updates", 1)
    learnable = Slot("updates", 2)

    def __init__(
        self,
        step,
        control,
        error,
        activities,
        coordinates,
        damped,
        rate,
        state,
        window,
        learnable,
        auto,
        surroundings,
        noise,
        owner,
        tag=None,
    ):
        super().__init__(step, control, rate, owner, tag=tag)
        self.auto = auto
        self.surroundings = surroundings
        self.noise = noise
        self.reads = [step, control, error, activities, coordinates, damped]
        self.updates = [state, window, learnable]

    @property
    def _descstr(self):
        return f"{self.auto}, {self.error} -> {self.rate}"

    def make_built_step(self, signals, dt):
        frozen = switch(signals, self.control, FROZEN)
        step, rate, error = (signals[s] for s in (self.step, self.rate, self.error))
        activities, damped = signals[self.activities], signals[self.damped]
        coordinates, state = signals[self.coordinates], signals[self.state]
        window, learnable = signals[self.window], signals[self.learnable]

        feature, delay, scale = self.surroundings
        feature, noise = feature.astype(coordinates.dtype), self.noise
        numbers = state[1 : Auto.N_NUMBERS]
        predictor = state[Auto.N_NUMBERS :].reshape(error.size, coordinates.size)
        predict, learn_prediction = shadow(predictor, coordinates, error)
        adapt = self.auto.adapt

        def set_from_auto():
            agreement, square = predict()
            if frozen or not square < math.inf:
                rate[...] = state[:1]  # the guard stops an error that is not finite
                return
            new, step_size, seconds, fraction = adapt(
                numbers.tolist(),
                coordinates.dot(feature).item(),
                coordinates.dot(coordinates).item(),
                agreement,
                square,
                dt,
                delay,
                Numbers,
            )
            numbers[:] = new
            learn_prediction(step_size)
            power = activities.dot(damped).item() / noise
            state[0] = rate[0] = value = scale / (seconds + delay * power)
            window[0], learnable[0] = seconds, fraction
            if not math.isfinite(value):
                check_rate(rate, self.owner, step.item(), dt)

        return set_from_auto


def shadow(predictor, coordinates, error):
    """Make the fastest functions of the small learner that predicts the error.

    Parameters
    ----------
    predictor : array (d, r)
        Its weights.
    coordinates : array (r,)
    error : array (d,)
        What it learns from, read at each call.

    Returns
    -------
    predict : callable
        ``predict()`` returns the error times its prediction, and times itself.
    learn : callable
        ``learn(step_size)`` changes the weights after a prediction.
    """
    if error.size == 1:
        weights, change = predictor[0], np.empty_like(coordinates)
        e = prediction = 0.0

        def predict_number():
            nonlocal e, prediction
            e, prediction = error.item(), weights.dot(coordinates).item()
            return e * prediction, e * e

        def learn_number(step_size):
            np.multiply(coordinates, step_size * (e - prediction), change)
            np.add(weights, change, weights)

        return predict_number, learn_number

    predicted, miss = np.empty_like(error), np.empty_like(error)
    add_outer = outer_adder(predictor, miss, coordinates)

    def predict():
        np.dot(predictor, coordinates, predicted)
        return error.dot(predicted).item(), error.dot(error).item()

    def learn(step_size):
        np.subtract(error, predicted, miss)
        np.multiply(miss, step_size, miss)
        add_outer()

    return predict, learn


def tuning_curves(model, connection):
    """The activities (points, n) in Hz that a connection learns from, or None.

    Parameters
    ----------
    model : Model
        In which the connection's ensemble has been built.
    connection : nengo.Connection
    """
    pre = connection.pre_obj
    ensemble = pre.ensemble if isinstance(pre, Neurons) else pre
    built = model.params[ensemble]
    points = built.eval_points
    points = points[:: -(-len(points) // MOST_POINTS)]
    try:
        rates = get_activities(built, ensemble, points)
    except Exception:  # it is the neuron type's, which may know no rates
        return None
    if isinstance(pre, Neurons):
        rates = rates[:, connection.pre_slice]
    return rates if np.all(np.isfinite(rates)) and np.any(rates) else None


def build_damping(model, scheduled, rule, activities):
    """Build the damping of a rule's activities.

    Parameters
    ----------
    model : Model
        The model to build into.
    scheduled : ScheduledPES
        Learning rule type with the number of directions.
    rule : LearningRule
        The learning rule object corresponding to the connection.
    activities : Signal (n,)
        The filtered presynaptic activities in Hz.

    Returns
    -------
    damp : SimDamp
    """
    connection, n = rule.connection, activities.size
    pre = connection.pre_obj
    ensemble = pre.ensemble if isinstance(pre, Neurons) else pre
    rank = scheduled.precondition or min(RANK, n)
    if rank > n:
        raise ValidationError(
            f"must not be above {n}, the number of neurons that {connection} learns "
            f"from (got {rank})",
            "precondition",
            scheduled,
        )
    amplitude = getattr(ensemble.neuron_type, "amplitude", 1.0)
    rates = tuning_curves(model, connection)
    if rates is None:
        warnings.warn(
            f"The tuning curves of {ensemble} are not known, so that {connection} "
            "learns without damped activities, as with plain PES",
            stacklevel=2,
        )
        nominal = np.array([0.0, 2 * NOMINAL_RATE * amplitude])
        noise = noise_power(nominal, scheduled.pre_synapse, model.dt, amplitude)
        directions = blind_directions(n, noise, rank, amplitude)
    else:
        noise = noise_power(rates, scheduled.pre_synapse, model.dt, amplitude)
        directions = leading_directions(rates, noise, rank)
    coordinates = Signal(shape=directions.powers.shape, name="ScheduledPES:coordinates")
    damped = Signal(shape=(n,), name="ScheduledPES:damped")
    damp = SimDamp(activities, coordinates, damped, directions)
    model.add_op(damp)
    return damp


def loop_delay(model, rule):
    """The delay in seconds and the gain that a rule without a rate reckons with.

    Parameters
    ----------
    model : Model
        The model that is built.
    rule : LearningRule
        The learning rule object corresponding to the connection.

    Returns
    -------
    delay : float
        In seconds.
    gain : float
        By what the loop multiplies the output.
    """
    connections = model.toplevel.all_connections if model.toplevel else []
    timing = loop_timing(model.toplevel, rule, model.dt) if model.toplevel else None
    if timing is not None and timing.gain > 0:
        delay, gain = timing.shortest / timing.gain, timing.gain
    else:
        # two equal filters are stable from a quarter of their time constants' sum on
        synapses = [rule.connection.synapse]
        synapses += [c.synapse for c in connections if c.post_obj == rule]
        delay = sum(getattr(synapse, "tau", 0.0) for synapse in synapses) / 4
        gain = 1.0
    return max(SHORTEST_DELAY, DELAY_MARGIN * delay), gain


def build_auto_rate(model, auto, rule, control, damp):
    """Build a learning rate that needs no number, and its probes; returns its Signal.

    Parameters
    ----------
    model : Model
        The model to build into.
    auto : Auto
    rule : LearningRule
        The learning rule object corresponding to the connection.
    control : Signal (3,)
        By which the rate can be changed while the simulation runs.
    damp : SimDamp
        What damps the rule's activities.

    Returns
    -------
    rate : Signal (1,)
    """
    directions, error = damp.directions, model.sig[rule]["in"]
    delay, gain = loop_delay(model, rule)
    scale = damp.damped.size / (directions.noise * gain)
    surroundings = Surroundings(directions.feature, delay, scale)
    state = auto.initial_state(error.size, len(directions.powers))
    state = Signal(state.astype(rc.float_dtype), name="Auto:state")
    rate = Signal(shape=(1,), name="Auto:learning_rate")
    window = Signal(shape=(1,), name="Auto:window")
    learnable = Signal(shape=(1,), name="Auto:learnable")
    model.add_op(
        SimAutoRate(
            model.step,
            control,
            error,
            damp.activities,
            damp.coordinates,
            damp.damped,
            rate,
            state,
            window,
            learnable,
            auto,
            surroundings,
            directions.noise,
            rule.connection,
        )
    )
    model.sig[rule].update(learning_rate=rate, window=window, learnable=learnable)
    return rate
