"""What the builders of several operators share."""

import numpy as np
import tensorflow as tf
from nengo_dl.builder import OpBuilder

from nengo_lr.builder.control import CHOICE, FROZEN, VALUE


class ControlledBuilder(OpBuilder):
    """Build a group of operators with a ``control``.

    The controls are in the graph only from when the first of them is used: most
    simulations neither freeze a rule nor change its rate, and each operation of
    TensorFlow costs about a hundredth of a small model's step.

    They are variables of their own, not Signals: runs that are not stateful set back
    NengoDL's state, ``sim.save_params`` saves its parameters, and they are neither.

    Attributes
    ----------
    controlled : bool
        Whether the graph that is built reads the controls.
    controls : tf.Variable (group, 3)
        The rules' controls, which `sim.reset` sets to 0.
    """

    controlled = False
    controls = None

    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        if self.controls is None:  # the graph may be built again
            self.controls = own_variable((len(self.ops), 3), signals.dtype)

    def build_post(self, signals):
        super().build_post(signals)
        self.controls.assign(tf.zeros_like(self.controls))

    def control(self, element, axes):
        """One element of the controls, which goes with tensors (..., group, *axes)."""
        return tf.reshape(self.controls[:, element], (-1, *[1] * axes))

    def unless_frozen(self, old, new, axes=0):
        """What is new where rules learn, and what is old where they are frozen.

        Parameters
        ----------
        old : tensor (..., group, *axes)
        new : tensor (..., group, *axes)
        axes : int
            How many axes there are after that of the group.
        """
        if not self.controlled:
            return new
        return tf.where(self.control(FROZEN, axes) != 0, old, new)

    def unless_chosen(self, rate, axes=0):
        """The rates that were built, and others where they were chosen.

        Parameters
        ----------
        rate : tensor (..., group, *axes)
        axes : int
            How many axes there are after that of the group.
        """
        if not self.controlled:
            return rate
        chosen = self.control(CHOICE, axes) != 0
        return tf.where(chosen, self.control(VALUE, axes), rate)


def own_variable(shape, dtype):
    """Make a variable of zeros that NengoDL and Keras do not know."""
    with tf.init_scope():
        return tf.Variable(np.zeros(shape), dtype=dtype, trainable=False)


def control_rows(sim):
    """Where the controls are: a list of variables and rows for each Signal."""
    rows = {}
    for builder in sim.tensor_graph.op_builder.op_builds.values():
        if isinstance(builder, ControlledBuilder):
            for row, op in enumerate(builder.ops):
                rows.setdefault(op.control, []).append((builder.controls, row))
    return rows


def use_controls(sim):
    """Let a simulator read its rules' controls from its next run on.

    The first time, the functions that it has compiled are made anew.
    """
    builders = [
        builder
        for builder in sim.tensor_graph.op_builder.op_builds.values()
        if isinstance(builder, ControlledBuilder) and not builder.controlled
    ]
    for builder in builders:
        builder.controlled = True
    for name in ("predict", "test", "train") if builders else ():
        if getattr(sim.keras_model, f"{name}_function"):
            getattr(sim.keras_model, f"make_{name}_function")(force=True)


def unless(usual, look, step, *tensors):
    """Call a Python function with the values of tensors, but only in unusual steps.

    Parameters
    ----------
    usual : tensor ()
        Whether there is nothing to be done.
    look : callable
        Given the step and one array for each tensor, returns an int32 that is not used.
    step : tensor of int32
    *tensors : tensor
        What the function looks at.

    Returns
    -------
    looked : tensor
        What has to be computed before the step ends.

    Notes
    -----
    A ``tf.cond`` switches each tensor in every step. To switch one of them is enough:
    without it, the function is not called.
    """
    unusual_step, usual_step = tf.raw_ops.Switch(data=step, pred=usual)
    given = unusual_step, *tensors
    looked = tf.numpy_function(look, given, tf.int32, stateful=False)
    return tf.raw_ops.Merge(inputs=[looked, usual_step]).output


def stack(signals, vectors, shape=(-1,)):
    """A handle that gathers vectors of one size, each in the same shape.

    Parameters
    ----------
    signals : SignalDict
    vectors : list of Signal (n,)
    shape : tuple of int
        Of each vector; -1 stands for n.

    Returns
    -------
    stacked : TensorSignal (group, *shape)
    """
    size = vectors[0].shape[0]
    shape = (size if axis == -1 else axis for axis in shape)
    return signals.combine(vectors).reshape((len(vectors), *shape))


def same_shapes(x, y):
    """Whether two operators' signals have the same shapes, so that they can merge."""
    return all(a.shape == b.shape for a, b in zip(x.all_signals, y.all_signals))
