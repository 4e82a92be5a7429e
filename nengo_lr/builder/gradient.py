"""What the operators share that turn an error and activities into a weight change."""

from nengo.builder import Operator

from nengo_lr.builder.control import FROZEN, switch
from nengo_lr.builder.guard import pes_guard


class SimPESGradient(Operator):
    r"""Compute the weight change of a PES rule, unless the rule is frozen.

    A guarded operator raises a SimulationError before the weights overflow. The
    gradient of a step is the outer product of the error and the activities, and its
    norm :math:`|e||a|`. The error is raised in the step in which this norm, or
    :math:`|\kappa|\,dt/n` times it, is NaN or above the root of the largest number of
    the simulation's float type: 1.3e154 for float64, 1.8e19 for float32. The weights
    are then still finite.

    Parameters
    ----------
    step : Signal ()
        The simulator's integer step.
    control : Signal (3,)
        The rule's control. While it is frozen, what the operator updates stays as it
        is.
    rate : Signal (1,) or (m,)
        The learning rate, or one for each error dimension.
    error : Signal (m,)
        The error, as the rows of the weights see it.
    activities : Signal (n,)
        The filtered presynaptic activities in Hz.
    weights : Signal (m, n)
        The weights, for the guard's message.
    updates : list of Signal
        The weight change, and all that the operator keeps from step to step.
    owner : str
        What has these weights, for the guard's message.
    guarded : bool
        Whether the operator stops the simulation before the weights overflow.
    tag : str, optional
        A label associated with the operator, for debugging purposes.

    Notes
    -----
    1. sets ``[]``
    2. incs ``[]``
    3. reads ``[step, control, rate, error, activities, weights]``
    4. updates ``updates``
    """

    def __init__(
        self,
        step,
        control,
        rate,
        error,
        activities,
        weights,
        updates,
        owner,
        guarded,
        tag=None,
    ):
        super().__init__(tag=tag)
        self.owner = owner
        self.guarded = guarded
        self.sets = []
        self.incs = []
        self.reads = [step, control, rate, error, activities, weights]
        self.updates = updates

    @property
    def step(self):
        return self.reads[0]

    @property
    def control(self):
        return self.reads[1]

    @property
    def rate(self):
        return self.reads[2]

    @property
    def error(self):
        return self.reads[3]

    @property
    def activities(self):
        return self.reads[4]

    @property
    def weights(self):
        return self.reads[5]

    @property
    def _descstr(self):
        return f"{self.error}, {self.activities} -> {', '.join(map(str, self.updates))}"

    def make_change(self, signals, dt):
        """Make the function that computes the weight change of a step."""
        raise NotImplementedError("subclasses must implement this method")

    def make_step(self, signals, dt, rng):
        frozen = switch(signals, self.control, FROZEN)
        change = self.make_change(signals, dt)
        if not self.guarded:

            def step_unguarded():
                if not frozen:
                    change()

            return step_unguarded

        reads = self.step, self.rate, self.error, self.activities, self.weights
        check = pes_guard(*(signals[read] for read in reads), self.owner, dt)

        def step_guarded():
            if not frozen:
                check()
                change()

        return step_guarded
