"""What nengo_lr asks of nengo-ocl's simulator."""

import importlib
import os

import numpy as np
from nengo.exceptions import BuildError, SimulationError

from nengo_lr.builder.hosts import Host, builds_now
from nengo_lr.version import version

HOOKS = ("_plan_op_group", "_plan_SimPES", "_plan_Copy", "_reset_rngs")
"""The methods of nengo-ocl's simulator on which our plans rely."""


class NengoOCL(Host):
    """nengo-ocl's answers; OpenCL is imported only where it is needed."""

    name = "nengo_ocl"
    title = "nengo-ocl"
    extra = "ocl"
    works_in_place = False  # it has a plan for a matrix, and none for its factors
    freezes_any_rule = False
    has_float64 = False
    runs_all_rules = False

    @classmethod
    def register(cls):
        module = importlib.import_module(cls.name)
        simulator = getattr(module, "Simulator", None)
        if all(hasattr(simulator, hook) for hook in HOOKS):
            plans = importlib.import_module("nengo_lr.backends.nengo_ocl.plans")
            plans.add_to(simulator)
        elif builds_now(cls.name):
            raise BuildError(
                f"nengo_lr {version} does not know how nengo-ocl "
                f"{getattr(module, '__version__', 'of an unknown version')} plans "
                "operators. Use nengo-ocl 3.0.0, another simulator, or "
                "nengo_lr.to_error_scaling"
            )

    @classmethod
    def make(cls, network, **kwargs):
        module = importlib.import_module(cls.name)
        if "PYOPENCL_CTX" not in os.environ and module.Simulator.some_context is None:
            # otherwise it may ask on the terminal
            cl = importlib.import_module("pyopencl")
            context = cl.create_some_context(interactive=False)
            module.Simulator.some_context = context
        return module.Simulator(network, progress_bar=False, **kwargs)

    @classmethod
    def rewire(cls, operators, dt):
        """Leave the wiring to nengo-ocl, which has plans for it."""

    def read(self, signal):
        if signal not in self.sim.sidx:
            return None
        return np.array(self.sim.signals[signal]).reshape(signal.shape)

    def write(self, signal, values):
        self.sim.signals[signal] = values

    def set_control(self, control, values):
        super().set_control(control, values)
        for plan in self.sim._plans:
            if hasattr(plan, "forget_control"):
                plan.forget_control()

    def arrays(self):
        raise SimulationError(
            "nengo-ocl keeps the states of its filters where they cannot be read: "
            "checkpoints need another simulator, for example nengo-torch"
        )
