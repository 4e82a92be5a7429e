"""The base class of optimizers: pure functions of a state and a gradient."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from nengo_lr.schedules.params import Declared

__all__ = ["Optimizer"]


def outer(error, activities):
    """The gradient from its factors, which may have leading axes in common."""
    return error[..., :, None] * activities[..., None, :]


class Optimizer(Declared):
    r"""A rule that turns the gradient of every weight into its change.

    Given as the ``optimizer`` of a `.ScheduledPES`, it takes the place of the gradient
    :math:`g_{ji} = e_j a_i` in the weights' change

    .. math:: \Delta\omega_{ji} = -\frac{\kappa(t_k)\,dt}{n} \text{change}_{ji}.

    Its state is updated at step k with the gradient of that step, before it is used,
    and also while the rate :math:`\kappa` is 0.

    Subclasses implement `initial_state` and `update`, once, for any array namespace
    that follows numpy's names.
    """

    probeable: ClassVar[tuple[str, ...]] = ()
    """The names of the state that can be probed on the learning rule."""

    def initial_state(self, shape):
        """The state at the start of a simulation.

        Parameters
        ----------
        shape : (int, int)
            The shape (m, n) of the weights.

        Returns
        -------
        state : dict of str to array (m, n)
        """
        raise NotImplementedError("an Optimizer must implement initial_state(shape)")

    def update(self, state, error, activities, step, dt, xp=np):
        """The state and the change of the weights at one step, as a pure function.

        Parameters
        ----------
        state : dict of str to array (..., m, n)
            The state after the last step.
        error : array (..., m)
            The error, as the rows of the weights see it.
        activities : array (..., n)
            The filtered presynaptic activities in Hz. The gradient is the outer product
            of the two.
        step : int
            The simulator's step: 1 at the first.
        dt : float
            Length of a step in seconds.
        xp : module, optional
            The array namespace that computes: ``numpy`` (default) or
            ``tensorflow.experimental.numpy``.

        Returns
        -------
        state : dict of str to array (..., m, n)
            The state after this step.
        change : array (..., m, n)
            What takes the place of the gradient.
        """
        raise NotImplementedError(
            "an Optimizer must implement update(state, error, activities, step, dt, xp)"
        )
