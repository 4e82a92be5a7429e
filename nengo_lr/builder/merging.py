"""Many operators of one kind as one, by Nengo's optimizer.

A model with many learned connections has a few operators for each, and most of their
time is Python's. Nengo's optimizer (``nengo.Simulator(optimize=True)``, its default)
merges operators by mergers that are registered for their types. This module holds what
ours share; `nengo_lr.builder.groups` says what each kind of group does in a step.

None of our operators depends on another of its kind within a step, so that a merged one
never closes a circle. They are merged before the optimizer lays out signals in memory:
weights are then no views yet, so that Nengo can still merge the products that they are
part of. A group finds its signals where the optimizer has left them: as they are where
they lie one after the other, and by a copy where they do not.
"""

from itertools import count, islice

import numpy as np
from nengo.builder import Builder, Operator, Signal
from nengo.builder.optimizer import Merger, OpMerger, SigMerger

KINDS = ("sets", "incs", "reads", "updates")

FIRST = Signal(np.zeros(1), name="nengo_lr:first", readonly=True)[:0]
"""An empty view of a Signal, which lets the optimizer merge operators first.

The optimizer begins with operators that have views of the same Signal, and merges those
whose views follow each other; empty ones always do.
"""

SERIAL = count()


class Mergeable(Operator):
    """An operator that the optimizer may merge with others of its type.

    Attributes
    ----------
    serial : int
        Operators of a group are in the order in which they were built.
    is_merged : bool
        Whether the operator is offered to Nengo's optimizer, which simulators with a
        builder of their own do not use.
    """

    is_merged = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.serial = next(SERIAL)

    @property
    def all_signals(self):
        signals = super().all_signals
        return [FIRST, *signals] if self.is_merged else signals


def add_op(model, op):
    """Add an operator to a model, and offer it to Nengo's optimizer."""
    op.is_merged = type(model.builder) is Builder
    model.add_op(op)


class Group(Operator):
    """Several operators of one type as one.

    Parameters
    ----------
    ops : list of Mergeable
        The operators.
    make_step : callable
        ``make_step(ops, signals, dt, rng)`` returns the function of a step.
    """

    def __init__(self, ops, make_step):
        super().__init__(tag=ops[0].tag)
        self._ops = ops
        self._make_step = make_step
        for kind in KINDS:
            setattr(self, kind, [s for op in ops for s in getattr(op, kind)])

    @property
    def ops(self):
        """The operators, on the signals that the group has now."""
        for kind in KINDS:
            signals = iter(getattr(self, kind))
            for op in self._ops:
                setattr(op, kind, list(islice(signals, len(getattr(op, kind)))))
        return self._ops

    @property
    def _descstr(self):
        return f"{len(self._ops)} x {type(self._ops[0]).__name__}"

    def make_step(self, signals, dt, rng):
        return self._make_step(self.ops, signals, dt, rng)


def members(operators, kind):
    """The operators of a type, those in groups among them.

    Parameters
    ----------
    operators : list of nengo.builder.Operator
    kind : type

    Yields
    ------
    op : kind
    """
    for op in operators:
        for member in op.ops if isinstance(op, Group) else (op,):
            if isinstance(member, kind):
                yield member


def merges(op_type, alike, stacked=(), twin=None):
    """Decorate a function that makes the step of a group of operators.

    Parameters
    ----------
    op_type : type
        Of the operators.
    alike : callable
        ``alike(op1, op2)`` tells whether two operators belong to a group.
    stacked : tuple of str
        The operators' signals that will lie one after the other in memory: such that
        only operators of nengo_lr write.
    twin : callable, optional
        ``twin(op)`` is the same for operators that do the same, of which one is
        enough; the signals of the others become its own.
    """

    def register(make_step):
        class GroupMerger(Merger):
            @staticmethod
            def check_signals(op, tomerge):
                # groups may read the same signals, but not write them
                written = {s for other in tomerge.ops for s in writes(other)}
                return op not in tomerge.ops and written.isdisjoint(writes(op))

            @staticmethod
            def is_mergeable(op1, op2):
                return alike(op1, op2)

            @staticmethod
            def merge(ops):
                ops = sorted(ops, key=lambda op: op.serial)
                replaced = {}
                if twin is not None:
                    ops, replaced = without_twins(ops, twin)
                for name in stacked:
                    signals = [getattr(op, name) for op in ops]
                    if not any(s.is_view for s in signals) and SigMerger.check(signals):
                        views = SigMerger.merge(signals)[1]
                        replaced = {s: views.get(r, r) for s, r in replaced.items()}
                        replaced.update(views)
                for op in ops:
                    for kind in KINDS:
                        signals = [replaced.get(s, s) for s in getattr(op, kind)]
                        setattr(op, kind, signals)
                return ops[0] if len(ops) == 1 else Group(ops, make_step), replaced

        OpMerger.register(op_type)(GroupMerger)
        return make_step

    return register


def without_twins(ops, twin):
    """Leave out operators that do the same as one before.

    Returns
    -------
    ops : list of Mergeable
    replaced : dict of Signal to Signal
        What others see in place of the signals of those that were left out.
    """
    first, replaced = {}, {}
    for op in ops:
        other = first.setdefault(twin(op), op)
        if other is not op:
            replaced.update(zip(writes(op), writes(other)))
    return list(first.values()), replaced


def writes(op):
    """The signals that an operator changes."""
    return [*op.sets, *op.incs, *op.updates]


# --- arrays of a group


def owner_of(array):
    """The array that has the memory of a view."""
    while array.base is not None:
        base = array.base
        array = base.obj if isinstance(base, memoryview) else base
    return array


def address(array):
    """Where the first element of an array is."""
    return array.__array_interface__["data"][0]


def runs(arrays):
    """Find arrays of one shape that lie one after the other in memory.

    Parameters
    ----------
    arrays : list of array (...)

    Returns
    -------
    runs : list of (list of int, array (k, ...))
        The indices of arrays, and a view of them all in this order.
    """
    found = []
    for i in sorted(range(len(arrays)), key=lambda i: address(arrays[i])):
        array = arrays[i]
        if found:
            indices = found[-1]
            last = arrays[indices[-1]]
            if (
                last.flags.c_contiguous
                and array.flags.c_contiguous
                and address(last) + last.nbytes == address(array)
                and owner_of(last) is owner_of(array)
            ):
                indices.append(i)
                continue
        found.append([i])
    return [(indices, view(arrays[indices[0]], len(indices))) for indices in found]


def view(first, length):
    """A view of arrays in one piece of memory, which begins with the first."""
    return np.lib.stride_tricks.as_strided(
        first, (length, *first.shape), (first.nbytes, *first.strides)
    )


def gather(arrays):
    """Stack arrays of one shape.

    Parameters
    ----------
    arrays : list of array (...)

    Returns
    -------
    stacked : array (k, ...)
        In the order of the list.
    refresh : callable or None
        Copies the arrays into ``stacked``; None where this is a view of them.
    """
    found = runs(arrays)
    if [indices for indices, _ in found] == [list(range(len(arrays)))]:
        return found[0][1], None
    stacked = np.empty((len(arrays), *arrays[0].shape), arrays[0].dtype)
    owner = owner_of(arrays[0])
    if owner.flags.c_contiguous and all(
        owner_of(array) is owner and array.flags.c_contiguous for array in arrays
    ):
        # one call for all of them
        starts = [(address(a) - address(owner)) // owner.itemsize for a in arrays]
        places = np.add.outer(starts, np.arange(arrays[0].size))
        places, flat = places.reshape(stacked.shape), owner.reshape(-1)
        return stacked, lambda: flat.take(places, None, stacked, "clip")
    pairs = [
        (stacked[indices[0]], run[0]) for indices, run in found if len(indices) == 1
    ]
    many = [(indices, run) for indices, run in found if len(indices) > 1]

    def refresh():
        for target, array in pairs:
            target[...] = array
        for indices, run in many:
            stacked[indices] = run

    return stacked, refresh


def refresher(*refreshes):
    """One function that calls those that are not None."""
    needed = [refresh for refresh in refreshes if refresh is not None]
    if len(needed) == 1:
        return needed[0]

    def refresh_all():
        for refresh in needed:
            refresh()

    return refresh_all
