"""Names of a model's objects and signals, the same wherever it is built again."""

from collections import Counter

from nengo import Connection, Node
from nengo.base import NengoObject
from nengo.builder import Operator
from nengo.builder.neurons import SimNeurons
from nengo.builder.operator import Copy, DotInc, ElementwiseInc, Reset
from nengo.connection import LearningRule
from nengo.ensemble import Neurons

from nengo_lr.builder.auto import SimDamp
from nengo_lr.builder.merging import Mergeable, members
from nengo_lr.builder.rates import SimRate

MERGED = (Copy, DotInc, ElementwiseInc, Mergeable, Reset, SimNeurons)
"""Operators whose order Nengo's optimizer changes. Their states go by object."""

RATE = "learning rate of "
"""How the names of signals begin that only one kind of rate has."""


class Names:
    """The names of a model's objects and signals.

    Nengo's optimizer rearranges signals in an order that differs from one process to
    the next. An object's place in the model and the key of its signal do not, nor does
    the order of the operators that are never merged. What belongs to a learning rate
    goes by its rule, so that in another model the rate can be of another kind.

    Parameters
    ----------
    model : nengo.builder.Model
        A model that has been built.

    Attributes
    ----------
    rules : dict of LearningRule to SimRate or None
        The learning rules, with the operators that set their rates.
    rate_nodes : dict of nengo.Node to LearningRule
        The Nodes that drive learning rates.
    objects : dict of object to str
        Such as ``"Ensemble 0 'pre'"``; without the Nodes that drive learning rates.
    signals : dict of str to nengo.builder.Signal
        All signals; the names of those that belong to learning rates begin with `RATE`.
    """

    def __init__(self, model):
        self.model = model
        rates = {op.control: op for op in members(model.operators, SimRate)}
        self.rules = {
            rule: rates.get(signals.get("control"))
            for rule, signals in model.sig.items()
            if isinstance(rule, LearningRule)
        }
        self.rate_nodes = {
            rule.learning_rule_type.learning_rate: rule
            for rule in self.rules
            if isinstance(getattr(rule.learning_rule_type, "learning_rate", None), Node)
        }
        self.objects, counts = {}, Counter()
        for thing in model.sig:
            if isinstance(thing, NengoObject) and thing not in self.rate_nodes:
                kind = type(thing).__name__
                label = "" if thing.label is None else f" {thing.label!r}"
                self.objects[thing] = f"{kind} {counts[kind]}{label}"
                counts[kind] += 1
        for thing in model.sig:
            if isinstance(thing, Connection):
                pre, post = map(self.name, (thing.pre_obj, thing.post_obj))
                self.objects[thing] += f" from {pre} to {post}"
        for thing in model.sig:
            if isinstance(thing, (LearningRule, Neurons)):
                name = self.name(thing)
                counts[name] += 1  # a connection may have several rules
                again = f" ({counts[name]})" if counts[name] > 1 else ""
                self.objects[thing] = name + again
        self.signals = self._name_signals()
        self._by_signal = {signal: name for name, signal in self.signals.items()}
        self._by_function = {
            id(getattr(thing, "output", getattr(thing, "function", None))): name
            for thing, name in reversed(self.objects.items())
        }
        for node, rule in self.rate_nodes.items():
            name = f"the Node of the rate of {self.objects[rule]}"
            self._by_function[id(node.output)] = name

    def name(self, thing):
        """The name of an object or of a part of one."""
        if isinstance(thing, LearningRule):
            return f"learning rule of {self.name(thing.connection)}"
        if isinstance(thing, Neurons):
            return f"neurons of {self.name(thing.ensemble)}"
        if thing in self.rate_nodes:
            return "the Node of a learning rate"
        return self.objects.get(thing, f"a {type(thing).__name__}")

    def _name_signals(self):
        of_rates = {op.rate: rule for rule, op in self.rules.items() if op is not None}
        for node, rule in self.rate_nodes.items():
            of_rates.update(dict.fromkeys(self.model.sig[node].values(), rule))
        for op in self.model.operators:
            if isinstance(op, SimDamp):  # it comes with a rate that needs no number
                of_rates.update(dict.fromkeys(op.sets))
        signals = {"step": self.model.step, "time": self.model.time}
        lasting = []
        for op in members(self.model.operators, Operator):
            rules = [of_rates[signal] for signal in op.sets if signal in of_rates]
            for i, signal in enumerate(op.updates if rules else ()):
                name = f"{RATE}{self.objects[rules[0]]}: {type(op).__name__} {i}"
                signals[name] = signal
            if not rules and not isinstance(op, MERGED):
                lasting.append(op)
        for thing, name in self.objects.items():
            for key, signal in self.model.sig[thing].items():
                signals[f"{name}: {key}"] = signal
        written = self.written()
        for i, op in enumerate(lasting):
            for j, signal in enumerate(op.all_signals):
                if signal.base in written:
                    signals[f"operator {i} {type(op).__name__} {j}"] = signal
        # Nengo's optimizer makes one signal of equal constants, in another process of
        # others, so that a constant has all of its names
        named, seen = {}, set(of_rates)
        for name, signal in signals.items():
            if signal is not None and not signal.sparse and signal not in seen:
                named[name] = signal
                if signal.base in written:
                    seen.add(signal)
        return named

    def of(self, op):
        """The name of the object that the operator of a function or process is of."""
        run = getattr(op, "fn", getattr(op, "process", None))
        name = self._by_signal.get(op.output, str(op.tag)).partition(": ")[0]
        return self._by_function.get(id(run), name)

    def written(self):
        """The bases of all signals that operators write, or users of `runtime`."""
        bases = {
            signal.base
            for op in self.model.operators
            for signal in (*op.sets, *op.incs, *op.updates)
        }
        controls = (op.control.base for op in self.rules.values() if op is not None)
        return bases.union(controls)

    def unnamed(self):
        """The signals that last from one step to the next, and that have no name."""
        covered = Counter()
        for signal in {signal for op in self.model.operators for signal in op.sets}:
            covered[signal.base] += signal.size
        transient = {base for base, size in covered.items() if size == base.size}
        named = {signal.base for signal in self.signals.values()}
        return self.written() - transient - named
