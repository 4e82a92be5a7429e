"""What a sweep of 64 rates in one simulator with minibatches saves.

    OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1 \
        python benchmarks/sweep.py --learning 1 --simulator nengo_torch

The communication channel with 200 neurons. CPU times of the whole process, after all
imports: 64 runs on the reference simulator, one after the other; the sweep in one
minibatch, with its build; and once more in the same simulator, which by then has
compiled whatever it compiles. Then wall times of the sweep, and of a pool of two
processes that begins with its imports.
"""

import argparse
import os
import time
from dataclasses import replace

import numpy as np

from nengo_lr.lab import TaskModel, Trial, sweep
from nengo_lr.lab.minibatch import Minibatch
from nengo_lr.lab.tasks import TASKS

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def seconds(function, *args, **kwargs):
    """CPU and wall time that a call takes, and what it returns."""
    start = time.process_time(), time.perf_counter()
    result = function(*args, **kwargs)
    return time.process_time() - start[0], time.perf_counter() - start[1], result


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--learning", type=float, default=1.0)
    parser.add_argument("--rates", type=int, default=64)
    parser.add_argument("--neurons", type=int, default=200)
    parser.add_argument("--simulator", default="nengo_dl")
    args = parser.parse_args()
    rates = np.geomspace(1e-6, 3e-3, args.rates).tolist()
    task = replace(TASKS["comm"], n_neurons=args.neurons)
    model, learning = TaskModel(task), args.learning
    where = {"seed": 0, "simulator": args.simulator}

    Minibatch([Trial(model, 0.0, 0.01, **where)]).sim.close()  # imports
    together, together_wall, found = seconds(
        sweep, model, rates, learning, simulator=args.simulator
    )
    with Minibatch([Trial(model, rate, learning, **where) for rate in rates]) as batch:
        batch.learn()
        batch.sim.reset()
        warm, *_ = seconds(batch.learn)
    alone, alone_wall, right = seconds(sweep, model, rates, learning, executor="serial")
    _, pool_wall, _ = seconds(sweep, model, rates, learning, executor=2)

    print(f"{args.rates} rates, {args.neurons} neurons, {learning:g} s")
    print(f"separate runs:     CPU {alone:6.2f} s  wall {alone_wall:6.2f} s")
    print(f"one minibatch:     CPU {together:6.2f} s  wall {together_wall:6.2f} s")
    print(f"  built before: CPU {warm:6.2f} s")
    print(f"two processes:                    wall {pool_wall:6.2f} s")
    print(f"CPU, separate over minibatch: {alone / together:.1f}")
    print(f"CPU, separate over built minibatch: {alone / warm:.1f}")
    errors = [answer.table["error"].to_numpy() for answer in (found, right)]
    print(
        f"largest difference of the errors: {np.max(np.abs(np.subtract(*errors))):.1e}"
    )
    print(f"wall, two processes over minibatch: {pool_wall / together_wall:.1f}")


if __name__ == "__main__":
    main()
