"""All signals of a simulator, named so that the same model has the same names again."""

from nengo.builder.neurons import SimNeurons
from nengo.builder.operator import Copy, DotInc, ElementwiseInc, Reset

MERGED = (Copy, DotInc, ElementwiseInc, Reset, SimNeurons)
"""Operators whose order Nengo's optimizer changes. Their states go by object."""


def named_signals(model):
    """Name the signals of a model.

    Nengo's optimizer rearranges signals in an order that differs from one process to
    the next. An object's place in the model and the key of its signal do not, nor does
    the order of the operators that are never merged.

    Parameters
    ----------
    model : nengo.builder.Model
        A model that has been built.

    Returns
    -------
    signals : dict of str to nengo.builder.Signal
    """
    signals = {"step": model.step, "time": model.time}
    for i, (owner, by_key) in enumerate(model.sig.items()):
        for key, signal in by_key.items():
            signals[f"{i} {type(owner).__name__} {key}"] = signal
    lasting = [op for op in model.operators if not isinstance(op, MERGED)]
    for i, op in enumerate(lasting):
        for j, signal in enumerate(op.all_signals):
            signals[f"operator {i} {type(op).__name__} {j}"] = signal
    unique = {}
    for name, signal in signals.items():
        if signal is not None and not signal.sparse:
            unique.setdefault(signal, name)
    return {name: signal for signal, name in unique.items()}


def written_signals(model):
    """The bases of all signals that operators write, or users by `nengo_lr.runtime`."""
    written = {
        signal.base
        for op in model.operators
        for signal in (*op.sets, *op.incs, *op.updates)
    }
    return written | {
        by_key["control"].base for by_key in model.sig.values() if "control" in by_key
    }


def unnamed_states(model, signals):
    """The signals that last from one step to the next, of which no part has a name."""
    transient = {
        signal.base for op in model.operators for signal in op.sets if covers(signal)
    }
    named = {signal.base for signal in signals.values()}
    return written_signals(model) - transient - named


def covers(signal):
    """Whether a signal is all of its base."""
    return signal.size == signal.base.size
