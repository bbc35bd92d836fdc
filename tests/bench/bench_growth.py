"""How time and memory grow with k, lam, runs, cells and workers: one table, one figure.

    make bench-growth
    python tests/bench/bench_growth.py --json g.json --page docs/speed.md --figure docs/growth.png

CPU seconds and the most memory at a time, beside what the modules take: of `simulate` for a batch, of `run_grid` for
cells and worker processes (of those by the clock, too). Each measurement is a process of its own on one core, but for
those of workers.
"""

import argparse
import json
import multiprocessing
import os
import resource
import time
import tracemalloc
from pathlib import Path

from machine import named
from printed import few, write_between

from evo import AllBlocks, OnePlusLambda, UniformChunk
from evo.costs.budget import Budget
from experiments import Cell, Grid, run_grid
from experiments.running.simulation import simulate
from operators import FixKeep, Resample
from problems import BlockOneMax

ENGINES = ("law", "packed", "blocks")
BASE = {"k": 64, "lam": 1, "runs": 50}
STEPS = {"k": (64, 640, 6400), "lam": (1, 10, 100), "runs": (50, 500, 5000)}
CALLS = 200
"""Calls a run of all blocks, or a generation where lam is more."""
CELLS = (10, 100, 1000)
WORKERS = (1, 2)
LEAST = 0.05
"""Seconds of CPU for which a task is repeated."""


def search(kind, k, lam):
    """All blocks in each call, up to a number of calls; or one at random, up to the optimum, but 2,000 calls."""
    schedule = AllBlocks() if kind == "global" else UniformChunk()
    calls = max(lam, CALLS if kind == "global" else 2000)
    return Cell(BlockOneMax(k, l=16), Resample(0.5), schedule, OnePlusLambda(lam), budget=Budget(calls=calls))


def batch(engine, kind, k, lam, runs):
    """Calls of a batch of runs."""
    return int(simulate(search(kind, k, lam), 1, 0, runs, engine).calls.sum())


def cells(number):
    """Runs of a grid of so many small cells by `law`."""
    mutators = [FixKeep(fix=round(0.2 + 0.6 * at / number, 6), keep=0.9) for at in range(number)]
    made = [Cell(BlockOneMax(16, l=4), mutator, AllBlocks(), OnePlusLambda()) for mutator in mutators]
    return len(run_grid(Grid("cells", made, runs=100, batch=100, engine="law"), workers=1).runs)


def workers(number):
    """Calls of eight cells of two million calls each, in so many processes."""
    made = [search("global", 64 + at, 1) for at in range(8)]
    runs = run_grid(Grid("workers", made, runs=4000, batch=1000), workers=number, isolated=True).runs
    return int(runs["calls"].sum())


def measured(task, *arguments):
    """What a task came to, seconds of CPU (its children's, too) and by the clock, and bytes at the most."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(there, task, arguments))
    process.start()
    answer = here.recv()
    process.join()
    return answer


def _answer(there, task, arguments):
    begun, clock, spent, done, times = spent_here(), time.perf_counter(), 0.0, 0, 0
    while spent < LEAST:
        done, times = task(*arguments), times + 1
        spent = spent_here() - begun
    spent, clock = spent / times, (time.perf_counter() - clock) / times
    peak = 0
    if task is not workers:
        tracemalloc.start()
        task(*arguments)
        peak = tracemalloc.get_traced_memory()[1]
    there.send((done, spent, clock, peak))


def spent_here():
    """Seconds of CPU of this process and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def all_rows():
    rows = []
    for kind in ("global", "local"):
        for axis, steps in STEPS.items():
            for at in steps:
                for engine in ENGINES:
                    calls, spent, _, peak = measured(batch, engine, kind, *(BASE | {axis: at}).values())
                    rows.append(
                        {
                            "axis": axis,
                            "at": at,
                            "what": f"{engine}, {kind}",
                            "done": calls,
                            "seconds": spent,
                            "bytes": peak,
                        }
                    )
    for number in CELLS:
        runs, spent, _, peak = measured(cells, number)
        rows.append({"axis": "cells", "at": number, "what": "law", "done": runs, "seconds": spent, "bytes": peak})
    for number in WORKERS:
        calls, spent, clock, _ = measured(workers, number)
        rows.append(
            {"axis": "workers", "at": number, "what": "blocks", "done": calls, "seconds": spent, "clock": clock}
        )
    return rows


def page(found):
    """The table at 80 columns."""
    lines = [found["machine"], f"{found['cores']} cores, load {found['load']:.1f}"]
    for axis in dict.fromkeys(row["axis"] for row in found["rows"]):
        unit = {"cells": "runs"}.get(axis, "calls")
        last = "s clock" if axis == "workers" else "MB"
        lines += ["", f"{axis:<20}{'':>10}{unit:>14}{'CPU s':>12}{f'us a {unit[:-1]}':>14}{last:>10}"]
        rows = sorted((row for row in found["rows"] if row["axis"] == axis), key=lambda row: row["what"])
        for row in rows:
            more = row["clock"] if axis == "workers" else row["bytes"] / 1e6
            each = row["seconds"] / row["done"] * 1e6
            shown = (few(row["seconds"]), few(each), few(more))
            lines.append(
                f"  {row['what']:<18}{row['at']:>10,}{row['done']:>14,}{shown[0]:>12}{shown[1]:>14}{shown[2]:>10}"
            )
    return "\n".join(lines)


def draw(found, file):
    """Time a call, and memory, along k, lam and runs."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5.5), layout="constrained")
    panels = figure.subplots(2, 3, sharey="row", sharex="col")
    styles = dict(zip(ENGINES, ("-", "--", ":"), strict=True))
    for column, axis in enumerate(STEPS):
        for what in dict.fromkeys(row["what"] for row in found["rows"] if row["axis"] == axis):
            rows = [row for row in found["rows"] if (row["axis"], row["what"]) == (axis, what)]
            engine, kind = what.split(", ")
            style = {"linestyle": styles[engine], "color": "C0" if kind == "global" else "C1", "marker": "."}
            at = [row["at"] for row in rows]
            panels[0, column].loglog(at, [row["seconds"] / row["done"] * 1e6 for row in rows], label=what, **style)
            panels[1, column].loglog(at, [row["bytes"] / 1e6 for row in rows], **style)
        panels[1, column].set_xlabel(axis)
    panels[0, 0].set_ylabel("microseconds of CPU a call")
    panels[1, 0].set_ylabel("MB at the most")
    lines, names = panels[0, 0].get_legend_handles_labels()
    figure.legend(lines, names, loc="outside upper center", ncols=len(names), frameon=False)
    figure.savefig(file, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", type=Path, help="write the numbers into this file")
    parser.add_argument("--page", type=Path, help="write the table into this page, between its two markers")
    parser.add_argument("--figure", type=Path, help="draw it into this file")
    asked = parser.parse_args()
    batch("blocks", "global", 2, 1, 2)  # what is loaded late is loaded here
    cells(2)
    found = {"machine": named(), "cores": os.cpu_count(), "load": os.getloadavg()[0], "rows": all_rows()}
    print(page(found))
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n")
    if asked.page:
        write_between(asked.page, "growth", page(found))
    if asked.figure:
        draw(found, asked.figure)


if __name__ == "__main__":
    main()
