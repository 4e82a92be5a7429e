"""Learning rules whose rate changes while the simulation runs."""

import warnings

from nengo.exceptions import ValidationError
from nengo.learning_rules import LearningRuleType
from nengo.node import Node
from nengo.params import Default
from nengo.synapses import Lowpass, SynapseParam

from nengo_lr.feedback import FeedbackLaw
from nengo_lr.params import LearningRateParam, OptimizerParam, RuleParam
from nengo_lr.schedules import Constant, Schedule

__all__ = ["Scheduled", "ScheduledPES"]


class ScheduledRuleType(LearningRuleType):
    """What the rules share: a learning rate of any kind."""

    learning_rate = LearningRateParam("learning_rate", readonly=True)

    @property
    def schedule(self):
        """The rate as a Schedule, or None where a Node or a law determines it."""
        if isinstance(self.learning_rate, (Node, FeedbackLaw)):
            return None
        if isinstance(self.learning_rate, Schedule):
            return self.learning_rate
        return Constant(self.learning_rate)


class ScheduledPES(ScheduledRuleType):
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
        `.Adam` or `.optimizers.LocalGains`. It takes the place of the gradient
        :math:`e_j a_i` above. Rates that suit `.AdaGrad` and `.RMSProp` are around
        1e-2. Default (None): the gradient itself.

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


class Scheduled(ScheduledRuleType):
    r"""Any of Nengo's learning rules, with a learning rate that may change over time.

    At step k, which begins at time :math:`t_k = k\,dt`, the rule computes its weight
    change :math:`\Delta\omega_\text{rule}` with its own rate
    :math:`\kappa_\text{rule}`. It is scaled to

    .. math::
       \Delta\omega = \frac{\kappa(t_k)}{\kappa_\text{rule}}
       \Delta\omega_\text{rule}

    so that :math:`\kappa` replaces the rule's rate, in the same units. The change is
    added at the start of step k + 1, as the rule adds its own. While the rate is 0, the
    weights or encoders stay as they are, bit for bit.

    Parameters
    ----------
    rule : nengo.learning_rules.LearningRuleType
        The rule, for example ``nengo.BCM()``. Its rate must not be 0. PES has a class
        of its own, `.ScheduledPES`; the rate of RLS only sets its initial matrix and
        cannot change.
    learning_rate : float or Schedule or callable or FeedbackLaw or nengo.Node
        The rate, as in `.ScheduledPES`; a Node must have one output. A feedback law
        watches what is connected to ``conn.learning_rule``: with Voja its learning
        signal, with rules that take no input an error in the dimensions of the
        postsynaptic ensemble.
    optimizer : None
        There is no choice: optimizers need the error of a `.ScheduledPES`.

    Raises
    ------
    ValidationError
        If the rule is none that can be scaled, or the learning rate none of the above.
    BuildError
        When the model is built, if a Node has the wrong size or is no part of it, or if
        the rule does not compute its change in one operator as Nengo's rules do.
    SimulationError
        When the model runs, if a callable or Node yields NaN or infinity, or if the
        weights overflow.

    Notes
    -----
    What the rule lets probe can be probed, and ``learning_rate``.

    Examples
    --------
    >>> import nengo
    >>> from nengo_lr import ExponentialDecay
    >>> Scheduled(nengo.Oja(), ExponentialDecay(1e-6, tau=5.0))
    Scheduled(rule=Oja(), learning_rate=ExponentialDecay(initial=1e-06, tau=5.0))
    """

    rule = RuleParam("rule", readonly=True)
    optimizer = None

    def __init__(self, rule, learning_rate, optimizer=None):
        if optimizer is not None:
            raise ValidationError(
                f"{rule!r} has no error whose gradient {optimizer!r} could use; only "
                "ScheduledPES takes an optimizer",
                "optimizer",
                self,
            )
        self.rule = rule
        size_in = rule.size_in
        if size_in == 0 and isinstance(learning_rate, FeedbackLaw):
            size_in = "post_state"
        super().__init__(learning_rate, size_in)

    @property
    def modifies(self):
        """What the rule modifies: ``"encoders"``, ``"decoders"`` or ``"weights"``."""
        return self.rule.modifies

    @property
    def probeable(self):
        """The names of what can be probed."""
        return (*self.rule.probeable, "learning_rate")
