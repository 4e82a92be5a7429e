"""Learning rules whose rate changes while the simulation runs."""

import warnings

import numpy as np
from nengo.exceptions import ValidationError
from nengo.learning_rules import LearningRuleType
from nengo.node import Node
from nengo.params import Default, Parameter
from nengo.synapses import Lowpass, SynapseParam
from nengo.utils.numpy import is_number

from nengo_lr.feedback import FeedbackLaw
from nengo_lr.optimizers import Optimizer
from nengo_lr.schedules import Constant, FunctionSchedule, Schedule

__all__ = ["ScheduledPES"]


class LearningRateParam(Parameter):
    """A number, a schedule, a function of time in seconds, a Node, or a law."""

    equatable = True

    def coerce(self, instance, rate):
        if isinstance(rate, (Schedule, Node, FeedbackLaw)):
            pass
        elif is_number(rate):
            if not np.isfinite(rate) or rate < 0:
                raise ValidationError(
                    f"must be finite and not negative (got {rate})",
                    self.name,
                    instance,
                )
        elif callable(rate) and not isinstance(rate, type):
            rate = FunctionSchedule(rate)
        else:
            raise ValidationError(
                "must be a number, a Schedule, a function of time in seconds, a "
                f"FeedbackLaw, or a nengo.Node that outputs the rate (got {rate!r}). "
                "For a rate that an ensemble drives, connect the ensemble to a Node of "
                "size 1 and give the Node",
                self.name,
                instance,
            )
        return super().coerce(instance, rate)


class OptimizerParam(Parameter):
    """A per-weight optimizer, or None for the plain gradient."""

    def coerce(self, instance, optimizer):
        if optimizer is not None and not isinstance(optimizer, Optimizer):
            raise ValidationError(
                "must be an Optimizer, for example nengo_lr.RMSProp(), or None "
                f"(got {optimizer!r})",
                self.name,
                instance,
            )
        return super().coerce(instance, optimizer)


class ScheduledPES(LearningRuleType):
    r"""Prescribed Error Sensitivity with a learning rate that may change over time.

    Works wherever `nengo.PES` does, on every kind of connection, and like it learns
    from the error that is connected to ``conn.learning_rule``. With a number as the
    learning rate it is a drop-in for `nengo.PES`.

    At step k, which begins at time :math:`t_k = k\,dt`, the rate :math:`\kappa(t_k)`,
    the error :math:`e_j` and the filtered activities :math:`a_i` of that step make the
    change

    .. math:: \Delta\omega_{ji} = -\frac{\kappa(t_k)\,dt}{n} e_j a_i,

    where :math:`n` is the number of presynaptic neurons. It is added to the weights at
    the start of step k + 1, exactly when `nengo.PES` adds its own: if the rate is 0 at
    step k, the weights of step k + 1 are those of step k, bit for bit.

    Parameters
    ----------
    learning_rate : float or Schedule or callable or nengo.Node or FeedbackLaw, optional
        The rate, in the units of ``nengo.PES(learning_rate=...)``:

        - a number (default 1e-4) is a constant rate;
        - a `.Schedule` is a rate as a function of simulation time in seconds;
        - a callable ``f(t)`` is called once per step, in order, with the time in
          seconds as a Python float, and once with ``t = 0`` at build. It may return
          negative rates;
        - a `nengo.Node` with one output is a rate that something in the model drives;
          it may be negative (signed neuromodulation). On connections to decoded
          dimensions the Node may also have one output per error dimension: one rate
          for each;
        - a `.FeedbackLaw` computes the rate from the error, in each step and for each
          item of a minibatch.
    pre_synapse : nengo.synapses.Synapse, optional
        Synapse model that filters the presynaptic activities
        (default ``Lowpass(0.005)``, in seconds).
    optimizer : Optimizer, optional
        What adapts the change of every weight by itself: `.AdaGrad`, `.RMSProp`,
        `.Adam` or `.LocalGains`. It takes the place of the gradient :math:`e_j a_i`
        above. Rates that suit `.AdaGrad` and `.RMSProp` are around 1e-2. Default
        (None): the gradient itself.

    Raises
    ------
    ValidationError
        If a number or a schedule's parameter is negative or not finite, or if the
        learning rate is nothing of the above.
    BuildError
        When the model is built, if a Node has the wrong size or is no part of it.
    SimulationError
        When the model runs, if a callable or Node yields NaN or infinity. The weights
        keep their last finite values.

    Notes
    -----
    ``error``, ``activities``, ``delta`` and ``learning_rate`` (the rate in use at each
    step) can be probed. The change is kept as its two factors; a probe on ``delta``
    makes it a matrix in every step, which costs time and memory. With an optimizer it
    is one always, and the optimizer's state can be probed as well.

    References
    ----------
    MacNeil, D., & Eliasmith, C. (2011). Fine-tuning and the stability of recurrent
    neural networks. PLoS ONE, 6(9), e22885.

    Examples
    --------
    >>> from nengo_lr import ExponentialDecay
    >>> ScheduledPES(ExponentialDecay(1e-3, tau=5.0))
    ScheduledPES(learning_rate=ExponentialDecay(initial=0.001, tau=5.0))
    """

    modifies = "decoders"
    probeable = ("error", "activities", "delta", "learning_rate")

    learning_rate = LearningRateParam("learning_rate", readonly=True, default=1e-4)
    pre_synapse = SynapseParam("pre_synapse", default=Lowpass(tau=0.005), readonly=True)
    optimizer = OptimizerParam("optimizer", optional=True, default=None, readonly=True)

    def __init__(self, learning_rate=Default, pre_synapse=Default, optimizer=None):
        super().__init__(learning_rate, size_in="post_state")
        self.pre_synapse = pre_synapse
        self.optimizer = optimizer
        if optimizer is not None:
            self.probeable = (*type(self).probeable, *optimizer.probeable)
        if isinstance(self.schedule, Constant) and self.schedule.value >= 1.0:
            warnings.warn(
                "This learning rate is very high, and can result in floating point "
                "errors from too much current.",
                stacklevel=2,
            )

    @property
    def schedule(self):
        """The rate as a Schedule, or None where a Node or a law determines it."""
        if isinstance(self.learning_rate, (Node, FeedbackLaw)):
            return None
        if isinstance(self.learning_rate, Schedule):
            return self.learning_rate
        return Constant(self.learning_rate)
