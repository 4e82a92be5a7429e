"""Learning rates on PyTorch's tensors: schedules, Nodes, laws and "auto"."""

import numpy as np

from nengo_lr.auto import Surroundings
from nengo_lr.backends.nengo_torch import namespace
from nengo_lr.backends.nengo_torch.base import (
    TorchOperator,
    constant,
    items,
    registered,
)
from nengo_lr.builder import (
    SimAutoRate,
    SimFeedbackRate,
    SimNodeRate,
    SimScheduledRate,
    check_rate,
)
from nengo_lr.builder.control import BUILT, CHOICE, FROZEN


class TorchRate(TorchOperator):
    """What the operators share that set a rate."""

    def make_step(self, signals):
        if self.control(signals)[CHOICE] == BUILT:
            return self.make_built_step(signals)
        return self.make_host_step(signals)

    def make_built_step(self, signals):
        """Make the function that sets the rate as it was built."""
        raise NotImplementedError("subclasses must implement this method")

    def make_host_step(self, signals):
        """Make the function that sets the rate as the operator's own step does."""
        op, step, rate = self.op, signals[self.op.step], signals[self.op.rate]
        arrays = {signal: np.array(signal.initial_value) for signal in op.all_signals}
        arrays[op.control][...] = self.control(signals)
        host_step, host_rate = arrays[op.step], arrays[op.rate]
        host_step[...] = step.item() - 1
        set_rate, last = op.make_step(arrays, self.dt, self.rng), None
        counts = self.runs_behind(step)

        def set_on_host():
            nonlocal last
            host_step[...] = host_step + 1 if counts else step.item()
            set_rate()
            value = host_rate.item(0)
            if value != last:
                rate.fill_(value)
                last = value

        return set_on_host

    def check(self, signals, rate):
        """Raise a SimulationError if a rate is not finite in any item."""
        if not rate.sum().isfinite():
            now = signals[self.op.step].item()
            for _, (values,) in items(rate):
                check_rate(values, self.op.owner, now, self.dt)


@registered(SimScheduledRate)
class TorchScheduledRate(TorchRate):
    """Set a rate to its schedule's value."""

    make_built_step = TorchRate.make_host_step


@registered(SimNodeRate)
class TorchNodeRate(TorchRate):
    """Set a rate to the output of a Node."""

    def make_built_step(self, signals):
        output, rate = signals[self.op.output], signals[self.op.rate]
        check = self.looker(lambda: self.check(signals, output), output)

        def set_from_node():
            check()
            rate.copy_(output)

        return set_from_node


class TorchStateRate(TorchRate):
    """What the operators share that compute a rate and remember something."""

    def make_built_step(self, signals):
        rate, updates = signals[self.op.rate], [signals[s] for s in self.op.updates]
        if self.control(signals)[FROZEN]:
            return lambda: rate.copy_(updates[0][:, :1])
        update = self.make_update(signals, updates[0])
        check = self.looker(lambda: self.check(signals, rate), rate)

        def set_from_state():
            state, now, *others = update()
            rate.copy_(now)
            for tensor, values in zip(updates, (state, *others)):
                tensor.copy_(values)
            check()

        return set_from_state

    def make_update(self, signals, state):
        """Make the function that returns the state, the rate and all other updates."""
        raise NotImplementedError("subclasses must implement this method")


@registered(SimFeedbackRate)
class TorchFeedbackRate(TorchStateRate):
    """Compute a rate from the error."""

    def make_update(self, signals, state):
        update = self.op.law.update
        step, error = signals[self.op.step], signals[self.op.error]
        return lambda: update(state, step, self.dt, error, namespace)


@registered(SimAutoRate)
class TorchAutoRate(TorchStateRate):
    """Compute a rate that needs no number."""

    def make_update(self, signals, state):
        op, dt, update, noise = self.op, self.dt, self.op.auto.update, self.op.noise
        reads = op.error, op.activities, op.coordinates, op.damped
        error, activities, coordinates, damped = (signals[s] for s in reads)
        loop = Surroundings(*(constant(value, error) for value in op.surroundings))

        def set_from_auto():
            power = (activities * damped).sum(-1, keepdim=True) / noise
            return update(state, coordinates, power, error, dt, loop, namespace)

        return set_from_auto
