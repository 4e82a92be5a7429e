"""The letters example: NengoDL against numpy, and its quick run."""

import sys
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
nengo_dl = pytest.importorskip("nengo_dl")
for needed in ("click", "matplotlib", "rich"):
    pytest.importorskip(needed)

from click.testing import CliRunner  # noqa: E402

from nengo_lr.keras import LocalGains, layer_factors  # noqa: E402

sys.path.append(str(Path(__file__).parents[1] / "examples"))

import letters  # noqa: E402
import letters_local_gains as example  # noqa: E402


def reference(name, rate, gains, factors, seed, steps):
    """The letters with numpy alone: losses before each step, and final weights."""
    data = letters.load_letters(name)
    images = np.column_stack([data.train_images, np.ones(len(data.train_images))])
    targets = np.eye(26)[data.train_labels]
    weights = letters.initial_weights(seed)
    gain, before = [1.0, 1.0], [None, None]
    losses = []
    for step in range(steps):
        hidden = 1 / (1 + np.exp(-images @ weights[0]))
        padded = np.column_stack([hidden, np.ones(len(hidden))])
        shares = np.exp(padded @ weights[1])
        shares /= shares.sum(axis=1, keepdims=True)
        losses.append(-np.mean(np.log(shares[targets == 1])))
        back = ((shares - targets) @ weights[1][:-1].T) * hidden * (1 - hidden)
        for i, gradient in enumerate([images.T @ back, padded.T @ (shares - targets)]):
            if step > 0:
                gain[i] = np.where(
                    gradient * before[i] > 0,
                    gain[i] + gains.bonus,
                    gain[i] * gains.penalty,
                ).clip(*gains.limits)
            before[i] = gradient
            weights[i] = weights[i] - rate * factors[i] * gain[i] * gradient
    return losses, weights


@pytest.mark.parametrize(
    ("name", "rate", "gains", "factors"),
    [
        ("easy", 0.01, example.GAINS["moderate"], (1.0, 1.0)),
        ("hard", 0.001, example.GAINS["mild"], (3.0, 0.5)),
        ("hard", 0.001, letters.Gains(), (0.0, 1.0)),
    ],
)
def test_letters_equal_numpy(name, rate, gains, factors):
    """NengoDL in float64 does what thirty lines of numpy do."""
    seed, steps = 1, 30
    data = letters.load_letters(name)
    net = letters.Reader(seed, dtype="float64")
    with nengo_dl.Simulator(net, minibatch_size=494, progress_bar=False) as sim:
        of_layers = {c: f for cs, f in zip(net.layers, factors) for c in cs}
        optimizer = LocalGains(rate, *gains, factors=layer_factors(sim, of_layers))
        letters.compile_reader(sim, optimizer)
        history = sim.fit(
            {net.pixels: data.train_images[:, None]},
            data.train_labels[:, None, None],
            epochs=steps,
            shuffle=False,
            verbose=0,
        ).history
        weights = [
            np.hstack([sim.data[connection].weights for connection in layer]).T
            for layer in net.layers
        ]
    expected_losses, expected_weights = reference(
        name, rate, gains, factors, seed, steps
    )
    np.testing.assert_allclose(
        np.array(history["loss"]) / 494, expected_losses, rtol=1e-8
    )
    for actual, expected, initial, factor in zip(
        weights, expected_weights, letters.initial_weights(seed), factors
    ):
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-8)
        assert np.array_equal(actual, initial) == (factor == 0)


def test_save_and_resume(tmp_path):
    """Training that is saved and resumed elsewhere equals training in one go."""
    data = letters.load_letters("easy")

    def fit(epochs, saved=None, save=None):
        net = letters.Reader(seed=0)
        with nengo_dl.Simulator(net, minibatch_size=494, progress_bar=False) as sim:
            optimizer = LocalGains(0.01)
            letters.compile_reader(sim, optimizer)
            checkpoint = tf.train.Checkpoint(model=sim.keras_model, optimizer=optimizer)
            if saved is not None:
                optimizer.build(sim.keras_model.trainable_weights)
                checkpoint.restore(saved).assert_consumed()
            sim.fit(
                {net.pixels: data.train_images[:, None]},
                data.train_labels[:, None, None],
                epochs=epochs,
                shuffle=False,
                verbose=0,
            )
            state = [*sim.keras_model.get_weights(), *map(np.array, optimizer.gains)]
            return checkpoint.save(save) if save is not None else state

    path = fit(3, save=str(tmp_path / "letters"))
    for resumed, expected in zip(fit(4, saved=path), fit(7)):
        assert np.array_equal(resumed, expected)


def test_example(tmp_path):
    """The quick run prints every setting, with numpy's losses, and draws them."""
    figure = tmp_path / "figure.png"
    result = CliRunner().invoke(
        example.main, ["--quick", "--output", str(figure)], catch_exceptions=False
    )
    assert result.exit_code == 0
    rows = [line.split("│") for line in result.output.splitlines() if "│" in line]
    settings = [s for group in example.EXPERIMENTS.values() for s in group.items()]
    for (label, setting), row in zip_longest(settings, rows):
        assert row[1].strip() == label
        if setting.minibatch == 494:
            losses, _ = reference(*setting[:4], seed=0, steps=11)
            np.testing.assert_allclose(float(row[2]), losses[10], rtol=0.01)
    assert figure.stat().st_size > 10_000
