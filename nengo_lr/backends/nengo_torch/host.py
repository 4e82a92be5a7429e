"""What nengo_lr asks of nengo-torch's simulator."""

import importlib
from functools import cached_property
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of

import numpy as np
from nengo.exceptions import BuildError, SimulationError
from nengo.rc import rc

from nengo_lr.builder.hosts import Host, builds_now
from nengo_lr.version import version


class NengoTorch(Host):
    """nengo-torch's answers; PyTorch is imported only where it is needed."""

    name = "nengo_torch"
    title = "nengo-torch"
    extra = "torch"
    announced = False
    minibatches = True
    freezes_any_rule = False

    @classmethod
    def register(cls):
        try:
            builder = importlib.import_module(f"{cls.name}.builder").TorchBuilder
            known = callable(builder.register) and callable(builder.build)
        except (AttributeError, ImportError):
            known = False
        if known:
            importlib.import_module("nengo_lr.backends.nengo_torch.operators")
        elif builds_now(cls.name):
            raise BuildError(
                f"nengo_lr {version} does not know how nengo-torch {version_found()} "
                "takes operators. Use nengo-torch 0.1.0, another simulator, or "
                "nengo_lr.to_error_scaling"
            )

    @classmethod
    def make(cls, network, **kwargs):
        import torch

        # nengo-torch's own default is float32, whatever Nengo's precision is
        kwargs.setdefault("dtype", getattr(torch, rc.float_dtype.name))
        module = importlib.import_module(cls.name)
        return module.Simulator(network, progress_bar=False, **kwargs)

    @property
    def n_items(self):
        return self.sim.minibatch_size

    def run(self, n_steps, data=None):
        if data is None:
            if n_steps:  # nengo-torch refuses 0, and numpy's integers
                self.sim.run_steps(int(n_steps), progress_bar=False)
            return
        # a run that fails leaves all items where they were: one may be set aside
        before, probes = self.sim.state_dict(), self.sim._probe_data._data
        lengths = {probe: len(probes[probe]) for probe in self.sim.model.probes}
        data = {node: np.array(values) for node, values in data.items()}
        try:
            for step in range(n_steps):
                self.sim.step({node: values[:, step] for node, values in data.items()})
        except SimulationError:
            self.sim.load_state_dict(before)
            for probe, length in lengths.items():
                del probes[probe][length:]
            raise

    def samples(self, probe):
        data = self.sim.data[probe]
        return data if self.n_items > 1 else data[None]

    def read(self, signal):
        if signal.base not in self.sim.signals._signals:
            return None
        values = self.sim.signals[signal].detach().cpu().numpy().copy()
        values = self.without_data(signal, values)
        # nengo-torch has a control for each item, but we set all of them at once
        one = self.n_items == 1 or signal in self._controls
        return values[0] if one and signal.ndim else values

    @cached_property
    def _controls(self):
        return {keys.get("control") for keys in self.sim.model.sig.values()}

    def write(self, signal, values):
        self.sim.signals[signal] = values
        self._tell_operators()

    def arrays(self):
        return [a for _, op in self._processes() for a in op.python_state.values()]

    def step_functions(self):
        for operator, op in self._processes():
            yield operator, [op.step_fn]

    def _processes(self):
        """The processes that run in Python, as operators of Nengo and as built."""
        for operator, op in zip(self.sim.step_order, self.sim.operators):
            if getattr(op, "step_fn", None) is not None:
                yield operator, op

    def finish(self):
        self.sim.n_steps = self.sim.signals[self.sim.model.step].item()
        self.sim.clear_probes()
        for _, op in self._processes():
            for name, signal in op.state.items():
                state = self.sim.signals[signal]
                state = state if self.n_items > 1 else state[0]
                op.load_internal_state(name, state, minibatch_size=self.n_items)

    def _tell_operators(self):
        """Let operators that keep numbers on the host read them anew."""
        for op in self.sim.operators:
            if hasattr(op, "sync_state_from_signals"):
                op.sync_state_from_signals(self.sim.signals)


def version_found():
    """The version of nengo-torch that is installed, for messages."""
    try:
        return version_of("nengo-torch")
    except PackageNotFoundError:
        return "of an unknown version"
