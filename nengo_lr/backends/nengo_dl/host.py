"""What nengo_lr asks of NengoDL's simulator."""

import importlib
import logging
import os
import sys
import warnings
from functools import cached_property

import numpy as np
from nengo.builder.processes import SimProcess

from nengo_lr.backends.nengo_dl.filters import working_filter
from nengo_lr.builder.hosts import Host


class NengoDL(Host):
    """NengoDL's answers; its modules are imported only where they are needed."""

    name = "nengo_dl"
    title = "NengoDL"
    extra = "dl"
    # a PyTorch rewrite of the same import name has version 1.0
    major = "3"
    last_python = 3, 11
    works_in_place = False
    takes_schedules = False
    minibatches = True
    freezes_any_rule = False

    @classmethod
    def register(cls):
        importlib.import_module("nengo_lr.backends.nengo_dl.operators")

    @classmethod
    def make(cls, network, **kwargs):
        if cls.name not in sys.modules:
            # its INFO and WARNING lines repeat what is raised as an error, or mean
            # nothing
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
            # first, because NengoDL would lower the level of messages that is set
            import_quietly("tensorflow")
            import_quietly(cls.name)
            # it warns where a process makes one simulator after the other
            logging.getLogger("tensorflow").setLevel(logging.ERROR)
        module = importlib.import_module(cls.name)
        return module.Simulator(network, progress_bar=False, **kwargs)

    @classmethod
    def rewire(cls, operators, dt):
        operators[:] = [working_filter(op, dt) for op in operators]

    @property
    def n_items(self):
        return self.sim.minibatch_size

    def run(self, n_steps, data=None):
        self.sim.run_steps(n_steps, data=data, progress_bar=False)

    def samples(self, probe):
        data = self.sim.data[probe]
        return data if self.sim.data.minibatched else data[None]

    def read(self, signal):
        if signal in self._control_rows:
            variable, row = self._control_rows[signal][0]
            return variable.numpy()[row]
        stored = self._variable(signal)
        if stored is None:
            return None
        return self.without_data(signal, stored.numpy()[self._place(signal)])

    def write(self, signal, values):
        for variable, row in self._control_rows.get(signal, ()):
            variable.assign(put(variable, row, values))
        if signal not in self._control_rows:
            stored = self._variable(signal)
            stored.assign(put(stored, self._place(signal), values))

    def set_control(self, control, values):
        if np.any(values):
            from nengo_lr.backends.nengo_dl.signals import use_controls

            use_controls(self.sim)
        self.write(control, values)

    @cached_property
    def _control_rows(self):
        from nengo_lr.backends.nengo_dl.signals import control_rows

        return control_rows(self.sim)

    def _variable(self, signal):
        """The TensorFlow variable that keeps a signal between runs, or None."""
        graph = self.sim.tensor_graph
        if signal not in graph.signals:
            return None
        key = graph.signals[signal].key
        return graph.base_params.get(key, graph.saved_state.get(key))

    def _place(self, signal):
        """Where a signal lies in its variable."""
        tensor = self.sim.tensor_graph.signals[signal]
        rows = np.concatenate([np.arange(*bounds) for bounds in tensor.slices])
        return (slice(None), rows) if tensor.minibatched else rows

    def trainable_rows(self, signals):
        graph = self.sim.tensor_graph
        variables = [v.ref() for v in self.sim.keras_model.trainable_weights]
        tensors = [
            graph.signals[s] for s in signals if s in graph.signals and s.trainable
        ]
        return [
            (variables.index(graph.base_params[tensor.key].ref()), slice(*rows))
            for tensor in tensors
            for rows in tensor.slices
        ]

    def arrays(self):
        builders = self.sim.tensor_graph.op_builder.op_builds.values()
        return [a for builder in builders for a in getattr(builder, "step_states", ())]

    def step_functions(self):
        # Nodes without input run before the graph, with states of their own; processes
        # that TensorFlow computes have no functions
        graph, signals = self.sim.tensor_graph, self.sim.model.sig
        inputs = {signals[n]["out"]: f for n, f in graph.input_funcs.items()}
        for operator in self.sim.model.operators:
            if isinstance(operator, SimProcess) and operator.output in inputs:
                yield operator, inputs[operator.output]
        for builder in graph.op_builder.op_builds.values():
            yield from zip(builder.ops, getattr(builder, "step_fs", ()))

    def finish(self):
        self.sim._update_steps()
        for builder in self.sim.tensor_graph.op_builder.op_builds.values():
            if hasattr(builder, "clock"):  # the weights have learned up to this step
                builder.clock.assign(np.full(builder.clock.shape, self.sim.n_steps))
        for probe in self.sim.model.probes:
            self.sim.model.params[probe] = []

    @staticmethod
    def reason(error):
        # the error that our code raised stands in the report of TensorFlow's, the cause
        for line in str(error.__cause__).splitlines():
            kind, _, message = line.strip().partition(": ")
            if kind == "nengo.exceptions.SimulationError":
                return message
        return error


def put(variable, place, values):
    """The values of a variable, with other ones at a place."""
    data = variable.numpy()
    data[place] = values
    return data


def import_quietly(name):
    """Import a module without the messages that it and the libraries below it print."""
    # TensorFlow writes to the file descriptor, past Python's own stream
    stderr, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(name)
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(null)
