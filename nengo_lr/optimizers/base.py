"""What every optimizer shares: its state, and how it is called."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from nengo_lr.kernels import blocks
from nengo_lr.schedules.params import Declared

__all__ = ["Optimizer"]


def outer(left, right):
    """The gradient from its factors, which may have leading axes in common."""
    return left[..., :, None] * right[..., None, :]


def moving(scale):
    """Whether a scale, an array (1, 1) or (m, 1), may make a change other than 0."""
    return len(scale) > 1 or scale.item() != 0


class Optimizer(Declared):
    r"""A rule that turns the gradient of every weight into its change.

    Given as the ``optimizer`` of a `.ScheduledPES`, it takes the place of the gradient
    :math:`g_{ji} = e_j a_i` in the weights' change

    .. math:: \Delta\omega_{ji} = -\frac{\kappa(t_k)\,dt}{n} \text{change}_{ji}.

    Its state is updated at step k with the gradient of that step, before it is used,
    and also while the rate :math:`\kappa` is 0.

    Subclasses implement `initial_state` and `update`, once, for any array namespace
    that follows numpy's names. Where that is too slow on the reference simulator, they
    also implement `stepper`.
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

    def update(self, state, left, right, step, dt, xp=np):
        """The state and the change of the weights at one step, as a pure function.

        Parameters
        ----------
        state : dict of str to array (..., m, n)
            The state after the last step.
        left : array (..., m)
            The error, as the rows of the weights see it.
        right : array (..., n)
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
            "an Optimizer must implement update(state, left, right, step, dt, xp)"
        )

    def stepper(self, state, left, right, delta, dt):
        """Make a function that does `update` in place, on numpy arrays.

        Parameters
        ----------
        state : dict of str to array (m, n)
            The state, changed by each call of the function.
        left : array (m,)
        right : array (n,)
            The factors of the gradient, read at each call.
        delta : array (m, n)
            Where the scaled change goes.
        dt : float
            Length of a step in seconds.

        Returns
        -------
        advance : callable
            ``advance(step, scale)`` updates the state and does ``delta[...] = scale *
            change``, where ``scale`` is an array (1, 1) or (m, 1).
        """
        parts = [
            (i, j, {name: array[i, j] for name, array in state.items()}, delta[i, j])
            for i, j in blocks(delta.shape)
        ]

        def advance(step, scale):
            for i, j, old, part in parts:
                new, change = self.update(old, left[i], right[j], step, dt)
                for name, array in new.items():
                    old[name][...] = array
                np.multiply(change, scale[i] if len(scale) > 1 else scale, out=part)

        return advance
