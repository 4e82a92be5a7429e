"""What a sweep of 64 rates in one simulator of NengoDL saves.

    OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1 \
        python benchmarks/sweep.py --duration 1

The communication channel with 200 neurons. CPU times of the whole process, after all
imports: 64 runs on the reference simulator, one after the other; the sweep on NengoDL
with its build and compilation; and once more in the compiled simulator. Then wall times
of the sweep, and of a pool of two processes that begins with its imports.
"""

import argparse
import os
import time
from dataclasses import replace

import numpy as np

from nengo_lr.executors import processes
from nengo_lr.search import TaskModel, sweep
from nengo_lr.search.runs import Minibatch, Plan
from nengo_lr.tasks import TASKS

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def seconds(function, *args, **kwargs):
    """CPU and wall time that a call takes."""
    start = time.process_time(), time.perf_counter()
    function(*args, **kwargs)
    return time.process_time() - start[0], time.perf_counter() - start[1]


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--duration", type=float, default=1.0)
    parser.add_argument("--rates", type=int, default=64)
    parser.add_argument("--neurons", type=int, default=200)
    args = parser.parse_args()
    rates = np.geomspace(1e-6, 3e-3, args.rates).tolist()
    task = replace(TASKS["comm"], n_neurons=args.neurons)
    model = TaskModel(task, args.duration)

    Minibatch(Plan(model, 0.01), 2, 0).sim.close()  # imports
    together, together_wall = seconds(
        sweep, model, rates, args.duration, simulator="nengo_dl"
    )
    with Minibatch(Plan(model, args.duration), args.rates, 0) as batch:
        batch.learn(rates)
        batch.sim.reset()
        warm, _ = seconds(batch.learn, rates)
    alone, alone_wall = seconds(sweep, model, rates, args.duration, executor="serial")
    with processes(2) as pool:
        _, pool_wall = seconds(sweep, model, rates, args.duration, executor=pool)

    print(f"{args.rates} rates, {args.neurons} neurons, {args.duration:g} s")
    print(f"separate runs:     CPU {alone:6.2f} s  wall {alone_wall:6.2f} s")
    print(f"one minibatch:     CPU {together:6.2f} s  wall {together_wall:6.2f} s")
    print(f"  compiled before: CPU {warm:6.2f} s")
    print(f"two processes:                    wall {pool_wall:6.2f} s")
    print(f"CPU, separate over minibatch: {alone / together:.1f}")
    print(f"CPU, separate over compiled minibatch: {alone / warm:.1f}")
    print(f"wall, two processes over minibatch: {pool_wall / together_wall:.1f}")


if __name__ == "__main__":
    main()
