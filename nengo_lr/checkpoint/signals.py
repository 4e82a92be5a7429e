"""All signals of a simulator, named so that the same model has the same names again."""

import numpy as np
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


class Reference:
    """Reads and writes the signals of Nengo's own simulator."""

    name = "nengo"

    def __init__(self, sim):
        self.sim = sim

    def read(self, signal):
        """The values of a signal, or None where the simulator has none."""
        return np.array(self.sim.signals[signal]) if self.has(signal) else None

    def write(self, signal, values):
        """Set a signal."""
        self.sim.signals[signal][...] = values

    def has(self, signal):
        """Whether the simulator keeps this signal."""
        return signal in self.sim.signals or signal.base in self.sim.signals

    def finish(self):
        """Tell the simulator that its step has changed, and clear its probes."""
        self.sim._probe_step_time()
        self.sim.clear_probes()


class NengoDL:
    """Reads and writes the signals of NengoDL's simulator."""

    name = "nengo_dl"

    def __init__(self, sim):
        from nengo_lr.backends.nengo_dl import state

        self.sim, self.state = sim, state

    def read(self, signal):
        """The values of a signal, or None where the simulator has none."""
        if signal not in self.sim.tensor_graph.signals:
            return None
        return self.state.read(self.sim, signal)

    def write(self, signal, values):
        """Set a signal."""
        self.state.write(self.sim, signal, values)

    def finish(self):
        """Tell the simulator that its step has changed, and clear its probes."""
        self.sim._update_steps()
        for probe in self.sim.model.probes:
            self.sim.model.params[probe] = []
