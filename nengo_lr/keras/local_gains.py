"""Local gains for each weight that ``sim.fit`` trains."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tensorflow.experimental.numpy as tnp
from nengo.exceptions import ValidationError
from nengo.params import Parameter

from nengo_lr import optimizers
from nengo_lr.checks import check_number
from nengo_lr.schedules.base import Schedule
from nengo_lr.schedules.params import RateParam


class FactorsParam(Parameter):
    """One finite factor that is not negative, or an array of them, per variable."""

    def coerce(self, instance, factors):
        if factors is not None:
            try:
                factors = tuple(
                    np.array(factor, dtype=np.float64) for factor in factors
                )
            except (TypeError, ValueError):
                raise ValidationError(
                    "must be a sequence of numbers or arrays, one for each trainable "
                    f"variable (got {factors!r})",
                    self.name,
                    instance,
                ) from None
            for i, factor in enumerate(factors):
                if not np.all((factor >= 0) & (factor < np.inf)):
                    raise ValidationError(
                        f"must be finite and not negative (got {factor} for "
                        f"variable {i})",
                        self.name,
                        instance,
                    )
        return super().coerce(instance, factors)


@tf.keras.utils.register_keras_serializable("nengo_lr")
class LocalGains(tf.keras.optimizers.Optimizer):
    r"""Gradient descent with one adaptive gain for every weight.

    At gradient step k each weight w with the gradient g changes by

    .. math::
       \gamma_k &= \text{clip}\left(\begin{cases}
           \gamma_{k-1} + \text{bonus} & \text{if } g_k g_{k-1} > 0 \\
           \gamma_{k-1} \cdot \text{penalty} & \text{otherwise}
           \end{cases},\; \text{limits}\right) \\
       w_{k+1} &= w_k - \kappa_k \cdot \text{factor} \cdot \gamma_k \, g_k

    so that a gain grows steadily while the gradient keeps its sign, and shrinks
    geometrically while the weight oscillates. Gains start at 1. The first gradient has
    no predecessor and keeps them there. A gradient of exactly 0 agrees with nothing.

    The gains read the sign of the gradient, which has to be that of the whole training
    set: with small batches it is mostly that of the sampling noise. With ``bonus=0``
    and ``penalty=1`` all gains stay at 1, and this is plain gradient descent with a
    rate per layer.

    Parameters
    ----------
    learning_rate : float or ``tf.keras.optimizers.schedules.LearningRateSchedule``
        The rate :math:`\kappa` of one gradient step, in units of weight per gradient
        of the compiled loss. A Keras schedule is called with the number of gradient
        steps done so far.
    bonus : float, optional
        What a gain grows by, per gradient step; from 0 to 1.
    penalty : float, optional
        What a gain shrinks to, as a fraction per gradient step; from 0 to 1.
    limits : (float, float), optional
        Smallest and largest gain, at most and at least 1.
    factors : sequence of float or array_like, optional
        One factor for each trainable variable, in the order of
        ``sim.keras_model.trainable_weights``: a number, or an array that broadcasts to
        the variable. A factor of 0 leaves its weights as they are. `.layer_factors`
        makes them from Nengo objects. Default: 1 for all.
    weight_decay : float, optional
        Share of each weight that decays per gradient step and unit of learning rate.
    name : str, optional
        Name of the optimizer in TensorFlow.
    **kwargs
        What else every Keras optimizer takes: ``clipnorm``, ``use_ema``...

    Attributes
    ----------
    rule : `.LocalGains`
        The rule for online learning with the same parameters, which this one shares.
    gains : list of ``tf.Variable``
        The gains, in the shapes and the order of the trainable variables.
    signs : list of ``tf.Variable``
        The signs (-1, 0 or 1) of the last gradient, in the same shapes.

    Notes
    -----
    Gains and signs exist once the optimizer is built, and are saved and restored with
    its count of gradient steps as the state of every Keras optimizer is.

    References
    ----------
    Jacobs, R. A. (1988). Increased rates of convergence through learning rate
    adaptation. Neural Networks, 1(4), 295-307.

    Hinton, G. (2012). Neural networks for machine learning, lecture 6d: Separate,
    adaptive learning rates for each connection. Coursera.

    Examples
    --------
    The gradient of ``weight ** 2 / 2`` is the weight itself. It keeps its sign, so that
    the second step is larger by the bonus:

    >>> weight = tf.Variable(1.0, dtype=tf.float64)
    >>> optimizer = LocalGains(learning_rate=0.1, bonus=0.5)
    >>> for _ in range(2):
    ...     optimizer.minimize(lambda: weight**2 / 2, [weight])
    >>> print(f"{weight.numpy():.3f}")  # 1 * (1 - .1) * (1 - .1 * 1.5)
    0.765
    """

    factors = FactorsParam("factors", default=None, optional=True, readonly=True)

    def __init__(
        self,
        learning_rate=0.001,
        bonus=0.05,
        penalty=0.95,
        limits=(0.1, 10.0),
        factors=None,
        weight_decay=None,
        name="LocalGains",
        **kwargs,
    ):
        if weight_decay is not None:
            check_number(weight_decay, "weight_decay", least=0, obj=type(self))
        super().__init__(name=name, weight_decay=weight_decay, **kwargs)
        self._learning_rate = self._build_learning_rate(learning_rate)
        self.rule = optimizers.LocalGains(bonus=bonus, penalty=penalty, limits=limits)
        self.factors = factors

    def _build_learning_rate(self, learning_rate):
        """Check the rate, and keep a number in float64 whatever Keras's float type."""
        if isinstance(
            learning_rate, tf.keras.optimizers.schedules.LearningRateSchedule
        ):
            return super()._build_learning_rate(learning_rate)
        if isinstance(learning_rate, Schedule):
            raise ValidationError(
                "a schedule of time has to become one of gradient steps: "
                f"to_keras(schedule, dt), dt in seconds per step (got {learning_rate})",
                "learning_rate",
                self,
            )
        rate = RateParam("learning_rate").coerce(self, learning_rate)
        with tf.init_scope():
            return tf.Variable(
                rate, name="learning_rate", dtype=tf.float64, trainable=False
            )

    def build(self, var_list):
        """Create the state; Keras calls this before the first gradient step.

        Parameters
        ----------
        var_list : list of ``tf.Variable``
            The trainable variables.
        """
        super().build(var_list)
        if getattr(self, "_built", False):
            return
        self._built = True
        self._factors = self._factors_of(var_list)
        self.gains = [
            self.add_variable_from_reference(
                var, "gain", initial_value=tf.ones(var.shape, var.dtype)
            )
            for var in var_list
        ]
        self.signs = [self.add_variable_from_reference(var, "sign") for var in var_list]

    def _factors_of(self, var_list):
        """The factors as constants of the variables' own types."""
        factors = self.factors
        if factors is None:
            factors = [np.array(1.0)] * len(var_list)
        if len(factors) != len(var_list):
            raise ValidationError(
                f"{len(var_list)} trainable variables need as many factors "
                f"(got {len(factors)})",
                "factors",
                self,
            )
        for factor, var in zip(factors, var_list):
            try:
                np.broadcast_to(factor, var.shape)
            except ValueError:
                raise ValidationError(
                    f"a factor of shape {factor.shape} does not broadcast to the "
                    f"variable {var.name} of shape {tuple(var.shape)}",
                    "factors",
                    self,
                ) from None
        return [tf.constant(f, v.dtype) for f, v in zip(factors, var_list)]

    def update_step(self, gradient, variable):
        """Adapt the gains of one variable, then move it.

        Parameters
        ----------
        gradient : ``tf.Tensor`` or ``tf.IndexedSlices``
            Gradient of the loss, in the variable's shape.
        variable : ``tf.Variable``
            One of the trainable variables.
        """
        index = self._index_dict[self._var_key(variable)]
        gain, sign = self.gains[index], self.signs[index]
        gradient = tf.convert_to_tensor(gradient)
        new_sign = tf.sign(gradient)
        adapted = tf.cast(self.rule.adapted(gain, new_sign, sign, tnp), gain.dtype)
        gain.assign(tf.where(self.iterations > 0, adapted, gain))
        sign.assign(new_sign)
        rate = tf.cast(self.learning_rate, variable.dtype) * self._factors[index]
        variable.assign_sub(rate * gain * gradient)

    def get_config(self):
        """What `from_config` needs to make an equal optimizer, as plain numbers.

        Returns
        -------
        config : dict
        """
        factors = self.factors
        return {
            **super().get_config(),
            "learning_rate": self._serialize_hyperparameter(self._learning_rate),
            "bonus": self.rule.bonus,
            "penalty": self.rule.penalty,
            "limits": list(self.rule.limits),
            "factors": None if factors is None else [f.tolist() for f in factors],
        }
