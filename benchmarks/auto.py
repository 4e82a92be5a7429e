"""What a rule without a learning rate reaches, against the best constant rates.

    OMP_NUM_THREADS=1 python benchmarks/auto.py tasks                  # an hour
    OMP_NUM_THREADS=1 python benchmarks/auto.py tasks --tasks comm square --seeds 5 8
    OMP_NUM_THREADS=1 python benchmarks/auto.py tasks --damped
    OMP_NUM_THREADS=1 python benchmarks/auto.py tasks --tasks flip-2s flip-8s \
        two-regions gain-rises gain-falls target-grows
    OMP_NUM_THREADS=1 python benchmarks/auto.py stability --models 200
    OMP_NUM_THREADS=1 python benchmarks/auto.py loops
    OMP_NUM_THREADS=1 python benchmarks/auto.py steps
    OMP_NUM_THREADS=1 python benchmarks/auto.py cost

tasks: test errors, medians over seeds, over that of the best of nine constant rates,
which is chosen for each task on the very seeds that are reported; then the geometric
mean of the ratios on the same seed; then the median error and its range. In the end,
the same with the one of the rates that is best for all tasks together. Constants of
the rule were chosen on seeds 0 to 4. With --damped, also the best of nine constant
rates, and of nine cosines, with damped activities. The last six tasks are made to be
hard for the rule; no constant was chosen on them.
stability: models drawn at random, as in benchmarks/stability.py.
loops: error gains of .1 to 30 and filters of 1 to 500 ms.
steps: the learning curve with half the step over that with 1 ms, and the same for a
constant rate, as neurons fire otherwise.
cost: CPU time of a whole step over that with nengo.PES, several builds in turns.
"""

import argparse
import json
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import nengo
import numpy as np
from nengo.exceptions import SimulationError

import nengo_lr as nlr
from nengo_lr.lab import TASKS, Task, TaskModel, Trial, side_by_side
from nengo_lr.lab.tasks import flipping, scaled_square

RATES = np.geomspace(3e-5, 5e-3, 9)
DAMPED_RATES = np.geomspace(1e-4, 1e-2, 9)
LEARNING, TEST = 15.0, 5.0


def in_two_regions(x, t):
    """While learning: an input above 0 and one below it, in turn for 2.5 s."""
    region = x / 2 + np.where(t // 2.5 % 2 == 0, 0.5, -0.5)
    return np.where(t < LEARNING, region, x)


def ten_times_later(t):
    """A gain of the error that is 1, and 10 from half of the learning phase on."""
    return 1.0 if t < LEARNING / 2 else 10.0


def ten_times_before(t):
    """A gain of the error that is 10, and 1 from half of the learning phase on."""
    return 10.0 if t < LEARNING / 2 else 1.0


OTHERS = {
    name: Task(name, "made to be hard for the rule", np.square, **options)
    for name, options in {
        "flip-2s": {"varying": partial(flipping, period=2.0)},
        "flip-8s": {"varying": partial(flipping, period=8.0)},
        "two-regions": {"shown": in_two_regions},
        "gain-rises": {"error_gain": ten_times_later},
        "gain-falls": {"error_gain": ten_times_before},
        "target-grows": {"later": partial(scaled_square, factor=10.0)},
    }.items()
}
ALL = {**TASKS, **OTHERS}

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
commands = parser.add_subparsers(dest="command", required=True)
command = commands.add_parser("tasks")
command.add_argument("--tasks", nargs="+", default=list(TASKS), choices=list(ALL))
command.add_argument("--seeds", nargs=2, type=int, default=[5, 15])
command.add_argument("--damped", action="store_true")
command.add_argument("--store", type=Path, default=Path("auto.json"))
command = commands.add_parser("stability")
command.add_argument("--models", type=int, default=200)
command.add_argument("--first", type=int, default=0, help="seed of the first model")
commands.add_parser("loops")
command = commands.add_parser("steps")
command.add_argument(
    "--tasks", nargs="+", default=["comm", "square", "noisy", "switch"]
)
command = commands.add_parser("cost")
command.add_argument(
    "--sizes", nargs="+", default=["100x1", "200x8", "1000x64", "5000x64"]
)
command.add_argument("--builds", type=int, default=5)


# --- tasks


def learned(task, seed, rates, precondition=None):
    """Test errors with each of many rates, which rise; infinite where one overflows."""
    options = {"precondition": precondition}
    try:
        errors = side_by_side(task, rates, seed, LEARNING, TEST, **options)
    except SimulationError:
        return [*learned(task, seed, rates[:-1], precondition), np.inf]
    in_test = errors[round(LEARNING / 1e-3) :]
    return np.sqrt(np.mean(in_test.reshape(-1, len(rates)) ** 2, axis=0)).tolist()


def constants(task, seed):
    """Test errors of all constant rates."""
    return learned(task, seed, RATES)


def damped(task, seed):
    """The same with damped activities."""
    return learned(task, seed, DAMPED_RATES, 10)


def cosines(task, seed):
    """Test errors of all rates that fall as a cosine, with damped activities."""
    rates = [nlr.CosineDecay(rate, LEARNING) for rate in 2 * DAMPED_RATES]
    return learned(task, seed, rates, 10)


def automatic(task, seed):
    """The test error of the rule without a rate."""
    score = Trial(TaskModel(task), "auto", LEARNING, TEST, seed).run()
    return np.inf if score.failure else score.error


METHODS = {"constant": constants, "auto": automatic}
DAMPED = {"damped, constant": damped, "damped, cosine": cosines}


def compare_tasks(args):
    """Run what is not in the store yet, and print the table."""
    store = json.loads(args.store.read_text()) if args.store.exists() else {}
    seeds = range(*args.seeds)
    methods = {**METHODS, **(DAMPED if args.damped else {})}
    logs, shared = ({method: [] for method in methods} for _ in range(2))
    print(f"{'':14}" + "".join(f"{method:>36}" for method in methods))
    for name in args.tasks:
        found = {}
        for method, measure in methods.items():
            errors = []
            for seed in seeds:
                key = f"{name} {method} {seed}"
                if key not in store:
                    store[key] = measure(ALL[name], seed)
                    args.store.write_text(json.dumps(store))
                errors.append(store[key])
            errors = np.array(errors).reshape(len(seeds), -1)
            medians = np.median(errors, axis=0)
            found[method] = errors[:, np.argmin(medians)]
            best = np.median(found["constant"])
            shared[method].append(medians / best)
        line = f"{name:14}"
        for method, errors in found.items():
            low, middle, high = np.quantile(errors, [0, 0.5, 1])
            ratio = middle / best
            logs[method].append(np.log(ratio))
            paired = np.exp(np.mean(np.log(errors / found["constant"])))
            line += f"{ratio:6.2f} {paired:5.2f}  {middle:.4f} ({low:.4f}-{high:.4f})"
        print(line, flush=True)
    for method, values in logs.items():
        mean, worst = np.exp(np.mean(values)), np.exp(np.max(values))
        of_all = np.exp(np.mean(np.log(shared[method]), axis=0))
        which = f"{np.argmin(of_all) + 1} of {len(of_all)}"
        print(
            f"{method}: geometric mean {mean:.3f}, worst {worst:.3f}; "
            f"with one rate for all tasks ({which}) {np.min(of_all):.3f}"
        )


# --- stability


def diverges(model, seconds):
    """Whether a random model's error grows on one of its inputs."""
    return any(model.run(0.0, seconds, moving) for moving in (False, True))


def random_models(args):
    """Learn in many random models."""
    from stability import Model

    failures = 0
    for seed in range(args.first, args.first + args.models):
        model = Model(seed, automatic=True)
        diverged = diverges(model, 3.0)
        failures += diverged
        if diverged:
            print(f"{seed:3} DIVERGED {model.name}")
    print(f"{failures} of {args.models} diverged")
    return failures


def loop(gain, synapse, error_synapse):
    """A channel whose error loop has a gain and two filters."""
    with nengo.Network(seed=0) as network:
        stimulus = nengo.Node(nengo.processes.WhiteSignal(20.0, 5.0, rms=0.5, seed=0))
        pre, error = nengo.Ensemble(100, 1, seed=1), nengo.Node(size_in=1)
        nengo.Connection(stimulus, pre, synapse=None)
        connection = nengo.Connection(
            pre,
            error,
            function=lambda x: 0,
            synapse=synapse,
            learning_rule_type=nlr.ScheduledPES("auto"),
        )
        nengo.Connection(stimulus, error, transform=-1, synapse=synapse)
        nengo.Connection(
            error, connection.learning_rule, transform=gain, synapse=error_synapse
        )
        network.error = nengo.Probe(error)
    return network


def extreme_loops(args):
    """Learn with extreme gains and filters."""
    failures = 0
    for gain in (0.1, 1.0, 10.0, 30.0):
        for tau in (0.001, 0.005, 0.02, 0.05, 0.1, 0.3, 0.5):
            for synapses in ((tau, tau), (0.005, tau), (tau, None)):
                network = loop(gain, *synapses)
                try:
                    with nengo.Simulator(network, progress_bar=False) as sim:
                        sim.run(10.0)
                    errors = sim.data[network.error][:, 0]
                    left = np.sqrt(np.mean(errors[-5000:] ** 2))
                except SimulationError:
                    left = np.inf
                failures += not left < 1.0
                print(
                    f"gain {gain:4g}, synapses {synapses}: error {left:.3f}", flush=True
                )
    print(f"{failures} diverged")
    return failures


# --- steps


def curve(name, rate, dt):
    """The errors of ten seeds in each second of learning."""
    squares = 0
    for seed in range(5, 15):
        model, options = TaskModel(name), {"seed": seed, "dt": dt}
        trial = Trial(model, rate, LEARNING, record=("error",), **options)
        data = trial.run().data["error"][:, 0]
        squares = squares + np.mean(data.reshape(round(LEARNING), -1) ** 2, axis=1)
    return np.sqrt(squares / 10)


def halved_steps(args):
    """Compare learning curves with those of half the step, and of a constant rate."""
    for name in args.tasks:
        for rate in ("auto", 1e-3):
            ratios = curve(name, rate, 5e-4) / curve(name, rate, 1e-3)
            mean = np.exp(np.mean(np.log(ratios)))
            print(f"{name}, {rate}: {ratios.round(3)}, mean {mean:.3f}", flush=True)


# --- cost


def costly(rule, n, d):
    """A model in which a connection of n neurons learns d dimensions."""
    with nengo.Network(seed=0) as network:
        stimulus = nengo.Node(
            nengo.processes.WhiteSignal(10.0, 5.0, seed=0), size_out=d
        )
        pre, error = nengo.Ensemble(n, d), nengo.Node(size_in=d)
        nengo.Connection(stimulus, pre, synapse=None)
        connection = nengo.Connection(
            pre,
            error,
            solver=nengo.solvers.NoSolver(np.zeros((n, d))),
            learning_rule_type=rule,
        )
        nengo.Connection(stimulus, error, transform=-1)
        nengo.Connection(error, connection.learning_rule)
    return network


RULES = {
    "nengo.PES": nengo.PES(1e-5),
    "ScheduledPES": nlr.ScheduledPES(1e-5),
    "damped": nlr.ScheduledPES(1e-5, precondition=10),
    "auto": nlr.ScheduledPES("auto"),
}


def costs(args):
    """Time whole steps, the rules in turns."""
    for size in args.sizes:
        n, d = map(int, size.split("x"))
        n_steps = max(20, round(1500 / (1 + n * d / 2e4)))
        ratios = {name: [] for name in RULES}
        for _ in range(args.builds):
            sims = {
                name: nengo.Simulator(costly(rule, n, d), progress_bar=False)
                for name, rule in RULES.items()
            }
            times = {name: [] for name in RULES}
            for _ in range(7):
                for name, sim in sims.items():
                    start = time.process_time()
                    sim.run_steps(n_steps, progress_bar=False)
                    times[name].append(time.process_time() - start)
            for name, sim in sims.items():
                ratios[name].append(min(times[name]) / min(times["nengo.PES"]))
                sim.close()
        print(
            f"{size:8}",
            ", ".join(
                f"{name} {np.median(of):.2f} ({min(of):.2f}-{max(of):.2f})"
                for name, of in ratios.items()
            ),
            flush=True,
        )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    args = parser.parse_args()
    run = {
        "tasks": compare_tasks,
        "stability": random_models,
        "loops": extreme_loops,
        "steps": halved_steps,
        "cost": costs,
    }
    sys.exit(int(bool(run[args.command](args))))
