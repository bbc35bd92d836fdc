"""How time and memory grow with k, lam, runs, solutions kept, cells and workers: one table, one figure.

    make bench-growth
    python tests/bench/bench_growth.py --json g.json --page docs/speed.md --figure docs/growth.png

CPU seconds and the most memory at a time, beside what the modules take: of `simulate` for a batch, of `run_grid` for
cells and worker processes (of those by the clock, too), and workers of a dask scheduler. Each measurement is a process
of its own on one core, but for those of workers.
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

from evo import AllBlocks, Latency, Merged, OnePlusLambda, RoundRobin, UniformChunk
from evo.costs.budget import Budget
from evo.runners.archives import Islands, MuPlusLambda
from evo.runners.feature_grid import MapElites
from evo.runners.parallel import Asynchronous
from experiments import Cell, Grid, run_grid
from experiments.running.simulation import simulate
from operators import FixKeep, Resample
from problems import BlockOneMax

KINDS = {"global": ("law", "blocks"), "local": ("law", "blocks"), "chunks": ("blocks",)}
"""Searches, and the engines that run them here."""
BASE = {"k": 64, "lam": 1, "runs": 50}
STEPS = {"k": (64, 640, 6400), "lam": (1, 10, 100), "runs": (50, 500, 5000)}
RUNNERS = {
    "mu + 1": lambda s: (UniformChunk(), MuPlusLambda(s)),
    "islands": lambda s: (UniformChunk(), Islands(4, s // 4, archive=s // 4, migrate=10)),
    "feature grid": lambda s: (UniformChunk(), MapElites(s, "pattern")),
    "rounds": lambda s: (RoundRobin(), Merged(s)),
    "asynchronous": lambda s: (RoundRobin(), Asynchronous(s, Latency(fixed=1.0, tail=0.5))),
}
"""Runners of several solutions or workers, s of them, and their schedules."""
RUNNERS_BASE = {"k": 64, "runs": 50, "s": 4}
RUNNERS_STEPS = {"k": (64, 640, 6400), "runs": (50, 500, 5000), "s": (4, 32, 256)}
RUNNERS_CALLS = 500
"""Calls a run of them at the most."""
CALLS = 200
"""Calls a run of all blocks, or a generation where lam is more."""
CELLS = (10, 100, 1000)
WORKERS = (1, 2)
DASK_WORKERS = (1, 2, 4)
CLOCKED = ("workers", "dask workers")
"""Axes of which the time by the clock is told."""
LEAST = 0.05
"""Seconds of CPU for which a task is repeated."""


def search(kind, k, lam):
    """All blocks in each call, or a chunk of 8, up to a number of calls; or one, to the optimum, but 2,000 calls."""
    schedule = {"global": AllBlocks(), "chunks": UniformChunk(g=8), "local": UniformChunk()}[kind]
    calls = max(lam, 2000 if kind == "local" else CALLS)
    return Cell(BlockOneMax(k, l=16), Resample(0.5), schedule, OnePlusLambda(lam), budget=Budget(calls=calls))


def batch(engine, kind, k, lam, runs):
    """Calls of a batch of runs."""
    return int(simulate(search(kind, k, lam), 1, 0, runs, engine).calls.sum())


def kept(name, k, runs, s):
    """Calls of a batch of runs of a runner with s solutions or workers."""
    cell = Cell(BlockOneMax(k, l=16), Resample(0.5), *RUNNERS[name](s), budget=Budget(calls=RUNNERS_CALLS))
    return int(simulate(cell, 1, 0, runs).calls.sum())


def cells(number):
    """Runs of a grid of so many small cells by `law`."""
    mutators = [FixKeep(fix=round(0.2 + 0.6 * at / number, 6), keep=0.9) for at in range(number)]
    made = [Cell(BlockOneMax(16, l=4), mutator, AllBlocks(), OnePlusLambda()) for mutator in mutators]
    return len(run_grid(Grid("cells", made, runs=100, batch=100, engine="law"), workers=1).runs)


def eight_cells():
    """Eight cells of 40,000 runs of 200 calls: in less time a worker hardly gets to work."""
    return Grid("workers", [search("chunks", 64 + 8 * at, 1) for at in range(8)], runs=40_000, batch=2000)


def workers(number):
    """Calls of eight cells, in so many processes."""
    return int(run_grid(eight_cells(), workers=number, isolated=True).runs["calls"].sum())


def dask(number):
    """The same by so many worker processes of a dask scheduler, started before: calls, CPU and seconds by the clock.

    The CPU is that of the driver and the scheduler, which share a process, and of the workers and their processes.
    """
    from distributed import Client, LocalCluster

    def spent():
        return time.process_time() + sum(client.run(spent_below).values())

    options = {"threads_per_worker": 1, "dashboard_address": ":0", "silence_logs": "CRITICAL"}
    with LocalCluster(n_workers=number, **options) as cluster, Client(cluster) as client:
        run_grid(Grid("first", [search("global", 2, 1)], runs=2), scheduler=cluster.scheduler_address)
        begun, clock = spent(), time.perf_counter()
        runs = run_grid(eight_cells(), scheduler=cluster.scheduler_address).runs
        clock = time.perf_counter() - clock
        return int(runs["calls"].sum()), spent() - begun, clock


def spent_below():
    """Seconds of CPU of a worker and of all processes that it has or had."""
    import psutil  # distributed brings it

    here = psutil.Process()
    return sum(sum(process.cpu_times()[:4]) for process in (here, *here.children(recursive=True)))


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
    for kind, engines in KINDS.items():
        for axis, steps in STEPS.items():
            for at in steps:
                for engine in engines:
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
    for axis, steps in RUNNERS_STEPS.items():
        for at in steps:
            for name in RUNNERS:
                calls, spent, _, peak = measured(kept, name, *(RUNNERS_BASE | {axis: at}).values())
                row = {"what": name, "done": calls, "seconds": spent, "bytes": peak}
                rows.append({"axis": f"runners, {axis}", "at": at, **row})
    for number in CELLS:
        runs, spent, _, peak = measured(cells, number)
        rows.append({"axis": "cells", "at": number, "what": "law", "done": runs, "seconds": spent, "bytes": peak})
    for number in WORKERS:
        calls, spent, clock, _ = measured(workers, number)
        rows.append(
            {"axis": "workers", "at": number, "what": "blocks", "done": calls, "seconds": spent, "clock": clock}
        )
    for number in DASK_WORKERS:
        calls, spent, clock = dask(number)
        rows.append(
            {"axis": "dask workers", "at": number, "what": "blocks", "done": calls, "seconds": spent, "clock": clock}
        )
    return rows


def page(found):
    """The table at 80 columns."""
    load = f"load {found['load']:.1f}, at the end {found['load after']:.1f}"
    lines = [found["machine"], f"{found['cores']} cores, {load}"]
    for axis in dict.fromkeys(row["axis"] for row in found["rows"]):
        unit = {"cells": "runs"}.get(axis, "calls")
        last = "s clock" if axis in CLOCKED else "MB"
        lines += ["", f"{axis:<20}{'':>10}{unit:>14}{'CPU s':>12}{f'us a {unit[:-1]}':>14}{last:>10}"]
        rows = sorted((row for row in found["rows"] if row["axis"] == axis), key=lambda row: row["what"])
        for row in rows:
            more = row["clock"] if axis in CLOCKED else row["bytes"] / 1e6
            each = row["seconds"] / row["done"] * 1e6
            shown = (few(row["seconds"]), few(each), few(more))
            lines.append(
                f"  {row['what']:<18}{row['at']:>10,}{row['done']:>14,}{shown[0]:>12}{shown[1]:>14}{shown[2]:>10}"
            )
    return "\n".join(lines)


def draw(found, file):
    """Time a call, and memory, along k, lam and runs; of the runners along k, runs and s."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 11), layout="constrained")
    engines, runners = figure.subfigures(2)
    lines = {"law": "-", "blocks": "--"}
    styles = {
        f"{engine}, {kind}": {"linestyle": lines[engine], "color": f"C{number}"}
        for number, (kind, by) in enumerate(KINDS.items())
        for engine in by
    }
    panels(engines, found["rows"], tuple(STEPS), styles)
    styles = {name: {"color": f"C{number + 3}"} for number, name in enumerate(RUNNERS)}
    panels(runners, found["rows"], tuple(f"runners, {axis}" for axis in RUNNERS_STEPS), styles)
    figure.savefig(file, dpi=110)


def panels(figure, rows, axes, styles):
    """Time above memory, a column an axis, a line for each of those with a style."""
    drawn = figure.subplots(2, len(axes), sharey="row", sharex="col")
    for column, axis in enumerate(axes):
        for what, style in styles.items():
            some = [row for row in rows if (row["axis"], row["what"]) == (axis, what)]
            at = [row["at"] for row in some]
            each = [row["seconds"] / row["done"] * 1e6 for row in some]
            drawn[0, column].loglog(at, each, label=what, marker=".", **style)
            drawn[1, column].loglog(at, [row["bytes"] / 1e6 for row in some], marker=".", **style)
        drawn[1, column].set_xlabel(axis)
    drawn[0, 0].set_ylabel("microseconds of CPU a call")
    drawn[1, 0].set_ylabel("MB at the most")
    lines, names = drawn[0, 0].get_legend_handles_labels()
    figure.legend(lines, names, loc="outside upper center", ncols=len(names), frameon=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", type=Path, help="write the numbers into this file")
    parser.add_argument("--page", type=Path, help="write the table into this page, between its two markers")
    parser.add_argument("--figure", type=Path, help="draw it into this file")
    asked = parser.parse_args()
    batch("blocks", "global", 2, 1, 2)  # what is loaded late is loaded here
    kept("islands", 4, 2, 4)
    cells(2)
    found = {"machine": named(), "cores": os.cpu_count(), "load": os.getloadavg()[0], "rows": all_rows()}
    found["load after"] = os.getloadavg()[0]
    print(page(found))
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n")
    if asked.page:
        write_between(asked.page, "growth", page(found))
    if asked.figure:
        draw(found, asked.figure)


if __name__ == "__main__":
    main()
