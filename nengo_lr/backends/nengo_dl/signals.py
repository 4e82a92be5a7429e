"""What the builders of several operators share."""

from nengo_lr.builder.control import CHOICE, FROZEN, VALUE


class Control:
    """The controls of a group of operators, each as a tensor (group, 1).

    Parameters
    ----------
    signals : SignalDict
    ops : list of Operator
        Operators with a ``control``.
    """

    def __init__(self, signals, ops):
        self.data = stack(signals, [op.control for op in ops])

    def frozen(self, signals):
        """Whether the rules stay as they are."""
        return signals.gather(self.data)[:, FROZEN : FROZEN + 1] != 0

    def chosen(self, signals):
        """Whether the rates are not those that were built."""
        return signals.gather(self.data)[:, CHOICE : CHOICE + 1] != 0

    def value(self, signals):
        """The rates that were chosen."""
        return signals.gather(self.data)[:, VALUE : VALUE + 1]


def stack(signals, vectors):
    """A handle that gathers vectors of one size as the rows of a matrix."""
    return signals.combine(vectors).reshape((len(vectors), vectors[0].shape[0]))


def same_shapes(x, y):
    """Whether two operators' signals have the same shapes, so that they can merge."""
    return all(a.shape == b.shape for a, b in zip(x.all_signals, y.all_signals))
