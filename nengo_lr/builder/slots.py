"""Names for the signals of operators."""


class Slot:
    """A Signal of an operator, found by its place in one of the operator's lists.

    Nengo's optimizer puts other signals into these lists than operators were built
    with, so that no operator may keep a Signal of its own.

    Parameters
    ----------
    kind : {"sets", "incs", "reads", "updates"}
        The list.
    index : int
        The place in it.
    """

    def __init__(self, kind, index):
        self.kind = kind
        self.index = index

    def __get__(self, op, owner=None):
        return self if op is None else getattr(op, self.kind)[self.index]
