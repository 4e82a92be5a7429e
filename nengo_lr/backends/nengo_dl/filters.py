"""Linear filters of the presynaptic activities that NengoDL's own builder cannot run.

NengoDL 3.6 takes the output of a filter with one state element for its state, and gives
it none to start from; filters without a state, or with a direct path from the input to
the output, fail at build. Its Lowpass works, and so do filters of other synapses.
"""

from nengo.builder.processes import SimProcess
from nengo.synapses import LinearFilter, Lowpass

FAILING = (LinearFilter.NoX, LinearFilter.OneX, LinearFilter.General)


class SimLinearFilter(SimProcess):
    """A SimProcess with a linear filter, for which we register a builder."""


def filter_step(op, dt):
    """The step that Nengo makes for the filter of a SimProcess, with its matrices."""
    shape = op.input.shape
    state = op.process.make_state(shape, shape, dt)
    return op.process.make_step(shape, shape, dt, None, state)


def working_filter(op, dt):
    """An operator that does what another does, and that NengoDL can run.

    Parameters
    ----------
    op : nengo.builder.Operator
    dt : float
        The step's length in seconds.
    """
    if (
        type(op) is not SimProcess
        or not isinstance(op.process, LinearFilter)
        or isinstance(op.process, Lowpass)
        or not isinstance(filter_step(op, dt), FAILING)
    ):
        return op
    return SimLinearFilter(
        op.process, op.input, op.output, op.t, op.mode, op.state, tag=op.tag
    )
