"""The operator and the build function for learning rates that a Node drives."""

import math

from nengo.builder import Signal
from nengo.exceptions import BuildError

from nengo_lr.builder.rates import SimRate, check_rate


class SimNodeRate(SimRate):
    """Set a learning rate to the output of a Node.

    Implements ``rate[...] = output``.

    Parameters
    ----------
    step : Signal ()
        The simulator's integer step.
    control : Signal (3,)
        The rule's control, which may choose another rate.
    rate : Signal (k,)
        The learning rate, with as many elements as the Node has outputs.
    node : nengo.Node
        The Node that drives the rate.
    model : nengo.builder.Model
        Where the Node's output is found. It is looked up only once the whole model is
        built, because a Node in another subnetwork may be built later than the rule.
    owner : str
        What has this rate, for error messages.
    tag : str, optional
        A label associated with the operator, for debugging purposes.

    Notes
    -----
    1. sets ``[rate]``
    2. incs ``[]``
    3. reads ``[step, control, output]``
    4. updates ``[]``
    """

    def __init__(self, step, control, rate, node, model, owner, tag=None):
        self._node, self._model = node, model
        super().__init__(step, control, rate, owner, tag=tag)

    @property
    def reads(self):
        """The step, the control, and the Node's output once the model is built."""
        if len(self._reads) == 2:
            self._reads = [*self._reads, self._model.sig[self._node]["out"]]
        return self._reads

    @reads.setter
    def reads(self, reads):
        self._reads = reads

    @property
    def output(self):
        return self.reads[2]

    @property
    def _descstr(self):
        return f"{self.output} -> {self.rate}"

    def make_built_step(self, signals, dt):
        step, rate = signals[self.step], signals[self.rate]
        output = signals[self.output]

        def set_from_node():
            # a sum is finite only if every element is, and costs less than to test all
            if not math.isfinite(output.sum()):
                check_rate(output, self.owner, step.item(), dt)
            rate[...] = output

        return set_from_node


def build_node_rate(model, node, rule, control, per_neuron_error):
    """Build a learning rate that a Node drives; returns its Signal."""
    if model.toplevel is None or not any(n is node for n in model.toplevel.all_nodes):
        raise BuildError(
            f"{node}, the learning rate of {rule.connection}, is not in the model that "
            "is being built. Create the Node in the same model"
        )
    sizes = [1] if per_neuron_error or rule.size_in == 1 else [1, rule.size_in]
    if node.size_out not in sizes:
        raise BuildError(
            f"{node}, the learning rate of {rule.connection}, has {node.size_out} "
            f"outputs; here it must have {' or '.join(map(str, sizes))}"
            + (
                ", because this connection multiplies the error by encoders"
                if per_neuron_error and node.size_out == rule.size_in
                else ""
            )
        )
    rate = Signal(shape=(node.size_out,), name="ScheduledPES:learning_rate")
    # not add_op, which would read the Node's signal before it may have been built
    owner = str(rule.connection)
    model.operators.append(SimNodeRate(model.step, control, rate, node, model, owner))
    return rate
