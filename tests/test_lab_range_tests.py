import matplotlib
import numpy as np
import pytest
from lab_helpers import TARGET, exact, growth, pair, seeded
from nengo.exceptions import ValidationError

import nengo_lr as nlr
from nengo_lr.lab import RangeTest, TaskModel, range_test

matplotlib.use("agg")

DT = 0.001


def test_the_curve_is_that_of_the_recursion():
    """Without filters, every step multiplies a constant error by 1 - g exactly."""
    low, high, duration, n_window = 1e-6, 1e-3, 1.0, 50
    found = range_test(exact, low, high, duration, window=n_window * DT / duration)

    rates = nlr.Geometric(low, duration, final=high)(DT * np.arange(1, 1001))
    error = np.cumprod(np.concatenate([[1.0], 1 - growth(rates[:-1])]))
    ends = np.arange(n_window, 1001)
    assert np.allclose(found.rates, rates[ends - 1], rtol=1e-12)
    expected = [np.mean(error[end - n_window : end] ** 2) for end in ends]
    assert np.allclose(found.errors, expected, rtol=1e-9)


def wobbling(learning_rate):
    """Without a little change the error would be 0, exactly and for ever."""
    return exact(learning_rate, target=lambda t: TARGET + 1e-6 * np.sin(1e3 * t))


def test_blow_up_comes_soon_after_the_rate_is_unstable():
    """Which it is from g = 2 on; the run then ends early."""
    found = range_test(wobbling, 1e-4, 100.0, learning=2.0, window=0.01)
    assert 2 < growth(found.diverges) < 4
    assert found.diverges < found.rates[-1] < 1.0


def curve(errors):
    return RangeTest(np.geomspace(1e-5, 1e-1, 5), np.array(errors))


def test_suggestions():
    found = curve([1.0, 0.11, 0.1, 0.3, 5.0])
    assert found.lowest == pytest.approx(1e-3)
    assert found.generalize == pytest.approx(1e-4)
    assert found.track == pytest.approx(1e-4)
    assert found.diverges == pytest.approx(1e-1)


@pytest.mark.parametrize(
    ("errors", "diverges"),
    [
        ([1.0, 0.5, 0.1, 0.2, 0.3], None),
        # decoders that start wrong are not a blow-up
        ([3.0, 2.5, 0.1, 0.2, 5.0], None),
        ([3.0, 2.5, 0.1, 0.2, 7.0], 1e-1),
        ([0.01, 0.01, 0.01, 0.02, 1.5], None),
        ([0.01, 0.01, 0.01, 3.0, 2.5], 1e-2),
    ],
)
def test_blow_up(errors, diverges):
    assert curve(errors).diverges == (diverges and pytest.approx(diverges))


def test_without_a_target_the_first_error_counts():
    found = range_test(seeded, learning=1.0, seed=1)
    assert found.errors[0] == 1.0
    assert found.errors.min() < 0.1


def test_seeds():
    first, again, other = (
        range_test(seeded, learning=0.2, seed=seed).errors for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_all_connections_or_one_of_them():
    """Tested beside its like, a connection gives the curve that it gives alone."""
    options = {"learning": 1.0, "high": 1e-2}
    alone = range_test(seeded, seed=0, **options)
    both = range_test(pair, **options)
    assert np.allclose(both.errors, alone.errors, rtol=1e-6)
    # the other does not learn, so that half of the error stays
    one = range_test(lambda rate: pair(rate, 0.0), **options)
    assert one.errors.min() > 0.2 > 0.02 > both.errors.min()


def test_seconds_do_not_depend_on_the_step():
    model = TaskModel("comm")
    coarse, fine = (
        range_test(model, learning=2.0, dt=dt, seed=1) for dt in (0.001, 0.0005)
    )
    assert coarse.lowest == pytest.approx(fine.lowest, rel=0.5)


def test_plot():
    ax = range_test(seeded, learning=0.5, seed=1).plot()
    labels = [text.get_text().split(":")[0] for text in ax.get_legend().get_texts()]
    assert {"generalize", "track"} <= set(labels)
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert ax.get_xlabel() == "learning rate"
    other = matplotlib.pyplot.figure().add_subplot()
    assert curve([1.0, 0.5, 0.1, 0.2, 5.0]).plot(other) is other
    assert len(other.get_legend().get_texts()) == 3


def sampled(learning_rate):
    network = exact(learning_rate)
    network.error.sample_every = 0.01
    return network


@pytest.mark.parametrize(
    ("model", "arguments", "words"),
    [
        (exact, {"low": 1e-2, "high": 1e-3}, "0 < low < high"),
        (exact, {"low": 0.0}, "low: must be a finite number"),
        (exact, {"high": np.inf}, "high: must be a finite number"),
        (exact, {"learning": 0.01}, "at least 100 steps of dt=0.001 s"),
        (exact, {"learning": np.nan}, "finite number greater than 0"),
        (exact, {"window": 0.0}, "finite number greater than 0"),
        (exact, {"low": 1.0, "high": 2.0}, "test lower rates"),
        (sampled, {}, "must sample every step"),
        (3, {}, "must be a function"),
    ],
)
def test_bad_input(model, arguments, words):
    with pytest.raises(ValidationError, match=words):
        range_test(model, **{"learning": 1.0, **arguments})
