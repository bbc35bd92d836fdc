"""Calls a second of CPU, side by side: the engines, and what others use for the same search.

    make bench                                                  all of it, in some minutes
    python tests/bench/bench_engines.py --k 64 --repeats 1      a look
    python tests/bench/bench_engines.py --json times.json       the numbers of each repeat, too

All contestants in one run on one core. Each measurement is a process of its own, so that no table is there before;
repeats are interleaved, so that all share what the machine does meanwhile. Ratios are of the same repeat; medians are
shown, and the least and the greatest. Modules are loaded before the clock runs; everything else counts.
"""

import argparse
import json
import multiprocessing
import os
import sys
from functools import partial
from pathlib import Path

from contestants import (
    by_cpp,
    by_deap,
    by_engine,
    by_ioh,
    by_nevergrad,
    by_numpy,
    by_numpy_at_once,
    compiled,
    missing,
    release,
)
from machine import named, on_one_core
from printed import page, write_between
from tasks import TASKS

from evo.errors import InputError

SECONDS = 0.2
REPEATS = 5
RUNS = {"law": 10_000, "blocks": 500}
"""Of a grid, in one batch: 500 is that of a grid that does not say; `law` needs more of them to be seen at all."""
CONTESTANTS = {
    **{engine: partial(by_engine, engine, runs) for engine, runs in RUNS.items()},
    "C++": by_cpp,
    "numpy, all runs": by_numpy_at_once,
    "numpy": by_numpy,
    "ioh": by_ioh,
    "DEAP": by_deap,
    "nevergrad": by_nevergrad,
}
PEERS = ("C++", "ioh", "DEAP", "nevergrad")


def takes_part(name, task):
    """Whether a contestant has this search at all."""
    return name != "nevergrad" or (task.kind == "bits" and task.lam == 1)


def measured(name, task, seconds):
    """Calls a second of one contestant, in a process of its own; a sentence if it refuses the task."""
    context = multiprocessing.get_context("fork" if hasattr(os, "fork") else "spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(there, name, task, seconds))
    process.start()
    answer = here.recv()
    process.join()
    return answer


def _answer(there, name, task, seconds):
    try:
        calls, spent = CONTESTANTS[name](task, seconds)
        there.send(calls / spent)
    except InputError as refusal:
        there.send(str(refusal).replace(task.cell().text, "this cell"))


def compare(tasks, names, repeats, seconds, tell):
    """The rates of all repeats: {task: {contestant: [calls a second]}}; and what was refused, in words."""
    rates = {task: {} for task in tasks}
    refused = {}
    for repeat in range(repeats):
        for number, task in enumerate(tasks):
            tell(f"repeat {repeat + 1} of {repeats}, task {number + 1} of {len(tasks)}")
            for name in (each for each in names if takes_part(each, task)):
                answer = measured(name, task, seconds)
                if isinstance(answer, str):
                    refused[f"{name}, k = {task.k}, {task.name}"] = answer
                else:
                    rates[task].setdefault(name, []).append(answer)
    return rates, refused


def as_json(rates, refused, left_out, names, repeats, seconds):
    return {
        "machine": named(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0,
        "versions": [release(name) for name in PEERS if name in names],
        "repeats": repeats,
        "seconds": seconds,
        "runs": RUNS,
        "left out": left_out | refused,
        "tasks": [
            {"k": task.k, "name": task.name, "calls a second": {name: rate for name, rate in found.items()}}
            for task, found in rates.items()
        ],
    }


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--k", type=int, choices=sorted({task.k for task in TASKS}), help="only tasks of so many blocks"
    )
    parser.add_argument("--repeats", type=int, default=REPEATS, help=f"of each measurement ({REPEATS})")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"of CPU for each, at the least ({SECONDS})")
    parser.add_argument("--json", type=Path, help="write the numbers of each repeat into this file")
    parser.add_argument("--page", type=Path, help="write the table into this page, between its two markers")
    return parser.parse_args()


def main():
    asked = arguments()
    left_out = {name: why for name in CONTESTANTS if (why := missing(name))}
    names = [name for name in CONTESTANTS if name not in left_out]
    load()
    if "C++" in names:
        compiled()
    on_one_core()
    tasks = [task for task in TASKS if asked.k in (None, task.k)]
    show = sys.stderr.isatty()
    rates, refused = compare(
        tasks, names, asked.repeats, asked.seconds, lambda line: show and print(f"\r{line}", end="", file=sys.stderr)
    )
    if show:
        print(file=sys.stderr)
    found = as_json(rates, refused, left_out, names, asked.repeats, asked.seconds)
    text = page(found)
    print(text)
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n")
    if asked.page:
        write_between(asked.page, "engines", text)


def load():
    """Load what the contestants import, so that no clock counts it."""
    import deap.algorithms  # noqa: F401
    import pandas  # noqa: F401

    import experiments.running.launch  # noqa: F401


if __name__ == "__main__":
    main()
