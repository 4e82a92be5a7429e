from dataclasses import replace
from functools import partial

import matplotlib
import nengo
import numpy as np
import pytest
from lab_helpers import TARGET, exact, growth, pair, seeded
from nengo.exceptions import ValidationError

import nengo_lr as nlr
from nengo_lr.lab import TASKS, RangeTest, TaskModel, range_test
from nengo_lr.lab.curves import Run, doubt, why_still
from nengo_lr.lab.tasks import STANDARD, band_limited, played

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


def test_without_a_target_the_error_without_learning_counts():
    found = range_test(seeded, learning=1.0, seed=1)
    assert found.errors[0] == pytest.approx(1.0, abs=0.01)
    assert found.errors.min() < 0.1
    # which is that of the target here, since all decoders begin at 0
    with_target = range_test(seeded_with_target, learning=1.0, seed=1)
    assert np.allclose(found.errors, with_target.errors, rtol=1e-9)


def seeded_with_target(learning_rate, seed):
    network = seeded(learning_rate, seed)
    with network:
        (stimulus,) = (node for node in network.nodes if node.size_in == 0)
        filtered = nengo.Node(size_in=1)
        nengo.Connection(stimulus, filtered)
        network.target = nengo.Probe(filtered)
    return network


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


# --- no suggestion, and why


def refuses(found, words):
    """Whether a range test suggests nothing, and says why."""
    assert found.generalize is None
    assert found.track is None
    assert words in found.reason
    return True


def with_error(change):
    """A model of which the error that the rule gets is changed."""

    def model(learning_rate, seed=0):
        with nengo.Network(seed=seed) as network:
            stimulus = nengo.Node(lambda t: np.sin(20 * t))
            pre = nengo.Ensemble(30, 1, seed=seed)
            error, post = nengo.Node(size_in=1), nengo.Node(size_in=1)
            nengo.Connection(stimulus, pre, synapse=None)
            conn = nengo.Connection(
                pre,
                post,
                function=lambda x: 0,
                learning_rule_type=nlr.ScheduledPES(learning_rate),
            )
            nengo.Connection(stimulus, error, transform=-1)
            change(post, error, conn.learning_rule)
            network.error = nengo.Probe(error)
            network.target = nengo.Probe(stimulus)
        return network

    return model


def right(post, error, rule):
    nengo.Connection(post, error, synapse=None)
    nengo.Connection(error, rule)


def not_connected(post, error, rule):
    nengo.Connection(post, error, synapse=None)


def inhibited(post, error, rule):
    nengo.Connection(post, error, synapse=None)
    gate = nengo.Node(lambda t, x: 0.0 * x, size_in=1)
    nengo.Connection(error, gate, synapse=None)
    nengo.Connection(gate, rule)


def wrong_sign(post, error, rule):
    nengo.Connection(post, error, synapse=None)
    nengo.Connection(error, rule, transform=-1)


def output_does_not_count(post, error, rule):
    nengo.Connection(error, rule)


def without_target(model):
    def bare(learning_rate, seed=0):
        network = model(learning_rate, seed)
        del network.target
        return network

    return bare


@pytest.mark.parametrize("has_target", [True, False])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (not_connected, "no weight moves"),
        (inhibited, "no weight moves"),
        (wrong_sign, "the error only grows"),
        (output_does_not_count, "does not depend on what the connection puts out"),
    ],
)
def test_models_that_cannot_learn(change, words, has_target):
    model = with_error(change)
    model = model if has_target else without_target(model)
    with pytest.warns(UserWarning, match=f"range_test: .*{words}"):
        found = range_test(model, learning=2.0)
    assert refuses(found, words)


def test_the_same_model_learns_if_nothing_is_wrong():
    found = range_test(with_error(right), learning=2.0)
    assert not found.reason
    assert 1e-5 < found.generalize < found.track < found.diverges


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (2e-2, 1.0, "blown up from the start: test lower rates"),
        (1e-6, 1e-4, "still falls at the highest rate"),
        (1e-12, 1e-9, "the rates are too low"),
    ],
)
def test_ranges_without_a_lowest_error(low, high, words):
    with pytest.warns(UserWarning, match=words):
        found = range_test(TaskModel("comm"), low, high, learning=2.0, seed=0)
    assert refuses(found, words)
    assert found.plot().get_xlabel() == "learning rate"


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        ([1.0, 0.4, 0.2, 0.3, 5.0], ""),
        ([0.1, 0.09, 0.2, 0.3, 5.0], "lowest at the lowest rate, 1e-05: test lower"),
        ([1.0, 1.1, 2.0, 9.0, 90.0], "only grows"),
        ([3.0, 9.0, 90.0, 900.0, 1e5], "blown up from the start"),
        ([1.0, 0.99, 1.0, 1.01, 1.0], "does not lower the error"),
        ([1.0, 0.9, 0.7, 0.5, 0.4], "still falls at the highest rate, 0.1"),
        ([1.0, 0.5, 0.1, 0.2, np.inf], ""),
    ],
)
def test_curves_without_a_lowest_error(errors, words):
    assert words in doubt(np.geomspace(1e-5, 1e-1, 5), np.array(errors))
    assert bool(words) == bool(doubt(np.geomspace(1e-5, 1e-1, 5), np.array(errors)))


def test_a_tenth_of_the_best_rate_must_have_been_tried():
    rates, errors = np.array([1e-5, 5e-5, 1e-3]), np.array([1.0, 0.1, 5.0])
    assert "5e-05, and a tenth of that is below the lowest" in doubt(rates, errors)
    assert not doubt(rates / [10, 1, 1], errors)


@pytest.mark.parametrize("period", [0.05, 0.2, 1.0, 4.0])
def test_errors_that_are_seldom_there(period):
    """A tenth of the time is too little, however it is spread."""
    task = replace(TASKS["comm"], error_gain=lambda t: t % period < 0.1 * period)
    with pytest.warns(UserWarning, match="too seldom .* compare rates with a sweep"):
        found = range_test(TaskModel(task), learning=4.0, seed=1)
    assert refuses(found, "% of the time")


@pytest.mark.parametrize("has_target", [True, False])
def test_targets_that_are_seldom_there(has_target):
    model = events if has_target else without_target(events)
    assert refuses(range_test(model, learning=5.0), "% of the time")


def events(learning_rate, seed=0):
    """Now and then the target is x; then, and only then, the rule gets an error."""
    with nengo.Network(seed=seed) as network:
        rng = np.random.RandomState(1)
        is_there = np.repeat(rng.rand(50) < 0.1, 100)[:, None]
        x = band_limited(rng, 5.0)
        stimulus, target = played(x), played(x * is_there)
        pre = nengo.Ensemble(50, 1, seed=seed)
        error = nengo.Node(lambda t, x: (x[0] - x[1]) * x[2], size_in=3)
        nengo.Connection(stimulus, pre, synapse=None)
        conn = nengo.Connection(
            pre,
            error[0],
            function=lambda x: 0,
            learning_rule_type=nlr.ScheduledPES(learning_rate),
        )
        nengo.Connection(target, error[1])
        nengo.Connection(played(is_there * 1.0), error[2], synapse=None)
        nengo.Connection(error, conn.learning_rule)
        network.error, network.target = nengo.Probe(error), nengo.Probe(target)
    return network


@pytest.mark.parametrize("period", [0.5, 4.0])
def test_learning_that_is_seldom_let_through(period):
    """The target is always there, and the rule gets a tenth of the error."""

    def gated(post, error, rule):
        nengo.Connection(post, error, synapse=None)
        gate = nengo.Node(lambda t, x: x * (t % period < 0.1 * period), size_in=1)
        nengo.Connection(error, gate, synapse=None)
        nengo.Connection(gate, rule)

    with pytest.warns(UserWarning, match="weights move for .* compare rates"):
        found = range_test(with_error(gated), learning=4.0)
    assert refuses(found, "% of the time")


def test_weights_that_move_and_those_that_stand_still():
    ends, rates = 10 * np.arange(1, 101), np.geomspace(1e-5, 1e-1, 100)
    error = np.full(1000, 4.0)
    moves = 1e-3 * rates**2 * 4.0

    def told(moves, error=error, has_blown_up=False):
        n = len(moves)
        return why_still(
            Run(error[: 10 * n], None, ends[:n], moves, has_blown_up), rates[:n], 0.1
        )

    learned = np.exp(-np.arange(1000) / 20)  # what is learned moves less and less
    assert not told(moves)
    assert not told(moves * learned[::10], 4.0 * learned)
    assert not told(1e-3 * rates**2, 4.0 * learned)  # as optimizers move weights
    exploded = np.where(ends == 500, np.inf, moves)[:50]
    assert not told(exploded, np.where(np.arange(1000) < 490, 4.0, np.inf), True)
    assert "no weight moves" in told(0 * moves)
    assert "for 60% of the time, too seldom" in told(np.where(ends > 600, 0, moves))
    assert "for 20% of the time, too seldom" in told(np.where(ends % 50, 0, moves))
    assert not told(np.where(ends % 20, 0, moves))


@pytest.mark.parametrize("name", [*STANDARD, "slow-input", "large-target"])
def test_usual_targets_are_not_seldom(name):
    assert not range_test(TaskModel(name), learning=3.0, seed=2).reason


def test_a_target_that_is_never_there():
    with pytest.raises(ValidationError, match="0 in the whole run"):
        range_test(partial(exact, target=0.0), learning=1.0)
