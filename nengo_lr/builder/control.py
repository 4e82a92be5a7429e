"""What can be changed while a simulation runs: whether a rule learns, and its rate."""

import numpy as np
from nengo.builder import Signal

from nengo_lr.builder.merging import Mergeable
from nengo_lr.builder.slots import Slot

FROZEN, CHOICE, VALUE = range(3)
"""What the elements of a rule's control Signal mean.

- ``FROZEN``: 1 while the rule does not learn, 0 otherwise.
- ``CHOICE``: where the rate comes from. 0: as it was built; 1: it is ``VALUE``; 2: the
  schedule that the operator was given (where `.Host.takes_schedules`).
- ``VALUE``: a learning rate.
"""

BUILT, NUMBER, SCHEDULE = range(3)
"""The values of ``CHOICE``."""


def build_control(model, rule):
    """Build the Signal (3,) by which a rule is controlled while it runs.

    Only operators of nengo_lr read it, and no operator writes it.
    """
    control = Signal(np.zeros(3), name="nengo_lr:control")
    model.sig[rule]["control"] = control
    return control


def switch(signals, control, element):
    """One element of a control Signal as an array (1,), whose truth costs least."""
    return signals[control][element : element + 1]


class SimAddDelta(Mergeable):
    """Add the weight change of a learning rule to the weights, unless it is frozen.

    Implements ``target[...] += delta``.

    Parameters
    ----------
    control : Signal (3,)
        The rule's control.
    delta : Signal (m, n)
        The weight change.
    target : Signal (m, n)
        The weights or encoders that the rule modifies.
    tag : str, optional
        A label associated with the operator, for debugging purposes.

    Notes
    -----
    1. sets ``[]``
    2. incs ``[target]``
    3. reads ``[control, delta]``
    4. updates ``[]``
    """

    control = Slot("reads", 0)
    delta = Slot("reads", 1)
    target = Slot("incs", 0)

    def __init__(self, control, delta, target, tag=None):
        super().__init__(tag=tag)
        self.sets = []
        self.incs = [target]
        self.reads = [control, delta]
        self.updates = []

    @property
    def _descstr(self):
        return f"{self.delta} -> {self.target}"

    def make_step(self, signals, dt, rng):
        frozen = switch(signals, self.control, FROZEN)
        delta, target = signals[self.delta], signals[self.target]

        def step_add_delta():
            if not frozen:
                np.add(target, delta, out=target)

        return step_add_delta
