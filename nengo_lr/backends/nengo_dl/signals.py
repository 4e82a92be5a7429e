"""What the builders of several operators share."""


def stack(signals, vectors):
    """A handle that gathers vectors of one size as the rows of a matrix."""
    return signals.combine(vectors).reshape((len(vectors), vectors[0].shape[0]))


def same_shapes(x, y):
    """Whether two operators' signals have the same shapes, so that they can merge."""
    return all(a.shape == b.shape for a, b in zip(x.all_signals, y.all_signals))
