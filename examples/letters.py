"""The letters A to Z, a network that reads them, and its training in NengoDL."""

from pathlib import Path
from typing import NamedTuple

import nengo
import nengo_dl
import numpy as np
import tensorflow as tf

from nengo_lr.keras import LocalGains, layer_factors

tf.get_logger().setLevel("ERROR")  # every network is traced anew, and should be

DATA = Path(__file__).parent / "data"
BACKGROUND = {"easy": 0.0, "hard": 0.2}  # the brightness of an empty pixel
N_HIDDEN, N_LETTERS = 100, 26


class Letters(NamedTuple):
    """Images as rows of pixels from 0 (plus the background) to 1, and their letters."""

    train_images: np.ndarray  # (494, 841)
    train_labels: np.ndarray  # (494,), 0 to 25
    test_images: np.ndarray  # (390, 841)
    test_labels: np.ndarray  # (390,)


def load_letters(name):
    """The "easy" or the "hard" set of letters (see data/README.md)."""
    with np.load(DATA / f"letters_{name}.npz") as data:
        train, test = (data[key] / 255 + BACKGROUND[name] for key in ("Xa", "Xb"))
        return Letters(train, data["ya"], test, data["yb"])


def initial_weights(seed):
    """Uniform weights of both layers, (inputs + 1, outputs); the last row is biases."""
    rng = np.random.RandomState(seed)
    return [
        rng.uniform(-1 / np.sqrt(n_in), 1 / np.sqrt(n_in), size=(n_in + 1, n_out))
        for n_in, n_out in [(29 * 29, N_HIDDEN), (N_HIDDEN, N_LETTERS)]
    ]


class Reader(nengo.Network):
    """Pixels -> 100 sigmoid neurons -> one output per letter, without any dynamics.

    One presentation of the images is one time step. ``layers`` holds the two layers'
    trainable connections: the weights and the biases.
    """

    def __init__(self, seed, dtype="float32"):
        super().__init__(seed=seed)
        weights1, weights2 = initial_weights(seed)
        with self:
            nengo_dl.configure_settings(
                dtype=dtype, stateful=False, use_loop=False, trainable=None
            )
            self.config[nengo.Ensemble].trainable = False
            self.pixels = nengo.Node(np.zeros(29 * 29))
            self.one = nengo.Node(1)
            self.hidden = nengo.Ensemble(
                N_HIDDEN,
                dimensions=1,
                neuron_type=nengo.Sigmoid(tau_ref=1),
                gain=np.ones(N_HIDDEN),
                bias=np.zeros(N_HIDDEN),
            )
            self.output = nengo.Node(size_in=N_LETTERS)
            self.layers = (
                self.connect(self.pixels, self.hidden.neurons, weights1),
                self.connect(self.hidden.neurons, self.output, weights2),
            )
            self.probe = nengo.Probe(self.output)

    def connect(self, pre, post, weights):
        """Connect two layers by weights and biases."""
        return (
            nengo.Connection(pre, post, transform=weights[:-1].T, synapse=None),
            nengo.Connection(self.one, post, transform=weights[-1:].T, synapse=None),
        )


class Gains(NamedTuple):
    """The parameters of `LocalGains`; those of plain gradient descent by default."""

    bonus: float = 0.0
    penalty: float = 1.0
    limits: tuple = (0.1, 10.0)

    def __str__(self):
        low, high = self.limits
        return f"+{self.bonus:g} or x{self.penalty:g}, from {low:g} to {high:g}"


class Setting(NamedTuple):
    """What to train on, and how."""

    letters: str
    rate: float
    gains: Gains = Gains()
    factors: tuple = (1.0, 1.0)  # of each layer's learning rate
    minibatch: int = 494  # all training images at once


class Outcome(NamedTuple):
    """What came out of one training; losses are cross entropies per image, in nats."""

    losses: np.ndarray  # (epochs,): mean over each epoch, while it trains
    loss: float  # of all training images after training
    train_correct: float  # share of training images, in percent
    test_correct: float  # share of test images, in percent
    agreement: float  # share of weights whose gradient kept its sign, in percent
    gain: float  # median over the weights after training


class SignAgreement(tf.keras.callbacks.Callback):
    """How often a gradient has the sign of the one before, over steps and weights.

    Weights whose gradient is 0, as behind a pixel that is black in all images, do not
    count.
    """

    def on_train_begin(self, logs=None):
        self.signs, self.shares = None, []

    def on_train_batch_end(self, batch, logs=None):
        signs = np.concatenate(
            [sign.numpy().ravel() for sign in self.model.optimizer.signs]
        )
        if self.signs is not None:
            products = signs * self.signs
            self.shares.append(np.sum(products > 0) / np.sum(products != 0))
        self.signs = signs


def train(setting, seed, steps=300):
    """Train a new network with the gradients' sum over each minibatch.

    Parameters
    ----------
    setting : Setting
    seed : int
        Seed of the initial weights, and of the order of minibatches.
    steps : int
        Number of gradient steps; rounded up to whole epochs.

    Returns
    -------
    outcome : Outcome
    """
    letters = load_letters(setting.letters)
    n_images = len(letters.train_images)
    minibatch = setting.minibatch
    net = Reader(seed)
    tf.keras.backend.clear_session()
    tf.keras.utils.set_random_seed(seed)
    with nengo_dl.Simulator(
        net, minibatch_size=minibatch, progress_bar=False, seed=seed
    ) as sim:
        factors = {
            connection: factor
            for layer, factor in zip(net.layers, setting.factors)
            for connection in layer
        }
        optimizer = LocalGains(
            setting.rate, *setting.gains, factors=layer_factors(sim, factors)
        )
        optimizer.build(sim.keras_model.trainable_weights)  # Keras then traces once
        compile_reader(sim, optimizer)
        agreement = SignAgreement()
        history = sim.fit(
            {net.pixels: letters.train_images[:, None]},
            letters.train_labels[:, None, None],
            epochs=-(-steps * minibatch // n_images),
            shuffle=minibatch < n_images,
            callbacks=[agreement],
            verbose=0,
        ).history["loss"]
        log_shares = predict(sim, net, letters)
        gains = np.concatenate([gain.numpy().ravel() for gain in optimizer.gains])
    labels = np.concatenate([letters.train_labels, letters.test_labels])
    correct = log_shares.argmax(axis=1) == labels
    return Outcome(
        losses=np.array(history) / minibatch,
        loss=-np.mean(log_shares[np.arange(n_images), letters.train_labels]),
        train_correct=100 * np.mean(correct[:n_images]),
        test_correct=100 * np.mean(correct[n_images:]),
        agreement=100 * np.mean(agreement.shares),
        gain=np.median(gains[agreement.signs != 0]),
    )


def compile_reader(sim, optimizer):
    """Let the simulator minimise the sum of the images' cross entropies."""
    loss = tf.keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction=tf.keras.losses.Reduction.SUM
    )
    sim.compile(optimizer, loss=loss)


def predict(sim, net, letters):
    """The log of the softmax of the outputs to all images, (images, letters).

    The simulator takes whole minibatches only: the last one is filled up with images
    from the beginning.
    """
    images = np.concatenate([letters.train_images, letters.test_images])
    n_filled = -(-len(images) // sim.minibatch_size) * sim.minibatch_size
    filled = np.resize(images, (n_filled, 1, images.shape[1]))
    outputs = sim.predict({net.pixels: filled}, verbose=0)[net.probe][: len(images), 0]
    return tf.nn.log_softmax(outputs.astype(np.float64)).numpy()
