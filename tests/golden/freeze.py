"""Writes the golden values: tables, predictions and texts of version 0.1.0, made before the house was rebuilt.

They were written once, by that version; they are not to be written again to make a test pass.
"""

import gzip
import hashlib
import json
import math
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
QUANTITIES = ("hit", "calls", "generations", "cost")
COLUMNS = (
    "hit",
    "generations",
    "calls",
    "evaluations",
    "prompt_tokens",
    "generated_tokens",
    "pass_tokens",
    "pass_tokens_squared",
    "seconds",
)
LEVELS = (0.1, 0.5, 0.9)
P = "BlockOneMax(k={k}, l=3)"


def cell(problem, mutator, schedule, runner="OnePlusLambda()", more=""):
    return f"Cell(problem={problem}, mutator={mutator}, schedule={schedule}, runner={runner}{more})"


ONE, HALF, FK = "BlockOneMax(k=5, l=3)", "Resample(p=0.5)", "FixKeep(fix=0.4, keep=0.9)"
FROM = "BlockOneMax(k=5, l=3, start=0.3)"
EXACTLY = "BlockOneMax(k=7, l=2, incorrect=3)"
BUDGET = ", budget=Budget(calls=25)"
COST = ", prompt=Prompt(head=7, shows='solution'), cost=TokenPrices(prompt=0.1, generated=0.3)"

TABLES = [
    cell(ONE, HALF, "AllBlocks()"),
    cell(FROM, FK, "AllBlocks()", "OnePlusLambda(lam=3)", COST),
    cell(ONE, FK, "UntilResolved()", "OnePlusLambda(accept='weak')"),
    cell(ONE, "Malformed(inner=FixKeep(fix=0.4, keep=0.9), rate=0.2)", "UntilResolved(invalid='down')", more=BUDGET),
    cell(ONE, FK, "UntilResolved(g=2)", "OnePlusLambda(lam=2)", BUDGET),
    cell(EXACTLY, FK, "RoundRobin(g=3)", "OnePlusLambda(lam=2)", COST),
    cell(ONE, HALF, "RoundRobin()", more=BUDGET),
    cell(FROM, FK, "UniformChunk(g=2)", "OnePlusLambda(lam=4)"),
    cell(EXACTLY, HALF, "UniformSubset(g=3)"),
    cell(ONE, HALF, "EachChunk()", "OnePlusLambda(lam=5)"),
    cell(EXACTLY, FK, "OnlyIncorrect(g=2)", "OnePlusLambda(lam=2)", COST),
    cell(ONE, FK, "Decomposed(schedule=RoundRobin(g=2), writes=5)", more=COST),
    cell(
        "WeightedBlocks(weights=(1.0, 2.0, 4.0), l=3)", FK, "UniformChunk(g=2)", "OnePlusLambda(accept='weak', lam=2)"
    ),
    cell("UnequalBlocks(lengths=(1, 2, 4, 8))", FK, "RoundRobin(g=3)", more=COST),
    cell("LeadingBlocks(k=5, l=3)", HALF, "UniformChunk()", "OnePlusLambda(accept='weak')"),
    cell("Jump(k=5, l=3, m=2)", HALF, "UniformSubset(g=2)", "OnePlusLambda(lam=2)"),
    cell("Trap(k=4, l=3)", HALF, "AllBlocks()"),
    cell("Needle(k=4, l=3)", HALF, "RoundRobin()", "OnePlusLambda(accept='weak')"),
    cell("Noisy(problem=BlockOneMax(k=4, l=3), sigma=0.5)", HALF, "UniformChunk()"),
    cell("Noisy(problem=BlockOneMax(k=4, l=3), sigma=0.5, reevaluate=False)", HALF, "OnlyIncorrect()", more=BUDGET),
    cell("Judged(problem=BlockOneMax(k=4, l=3), fp=0.1, fn=0.1, votes=3)", FK, "UniformChunk()"),
    cell(
        "Judged(problem=BlockOneMax(k=4, l=3), fp=0.1, fn=0.1, ahead=2)", FK, "OnlyIncorrect()", "OnePlusLambda(lam=2)"
    ),
    cell("Judged(problem=BlockOneMax(k=4, l=3), fp=0.0, fn=0.2, persistent=True)", FK, "UniformChunk()", more=BUDGET),
    cell("Judged(problem=BlockOneMax(k=4, l=3), fp=0.1, fn=0.1, blocks='changed')", FK, "UniformChunk()"),
    cell(ONE, HALF, "UniformChunk()", "MuPlusLambda(mu=2, lam=3)"),
    cell(ONE, HALF, "AllBlocks()", "Archive(size=3)"),
    cell(ONE, HALF, "UniformChunk()", "Archive(size=2, lam=2)"),
    cell(ONE, HALF, "UniformChunk()", "Islands(count=2, size=3, archive=2, migrate=3)", BUDGET),
    cell(EXACTLY, FK, "RoundRobin(g=2)", "Merged(workers=2)"),
    cell(ONE, FK, "OnlyIncorrect()", "Merged()"),
    cell(ONE, FK, "UniformChunk()", "Asynchronous(workers=3)"),
    cell(ONE, "Refuse(inner=FixKeep(fix=0.4, keep=0.9), rate=0.3)", "UniformChunk()"),
    cell(ONE, "Sparse(inner=FixKeep(fix=1.0, keep=0.0), rate=0.3)", "AllBlocks()"),
    cell(ONE, "Spill(inner=Resample(p=0.5), rate=0.1)", "OnlyIncorrect()", "OnePlusLambda(lam=2)"),
    cell("BlockOneMax(k=3, l=3)", "PerBlock(p=(0.2, 0.5, 0.9))", "UntilResolved()", "OnePlusLambda(lam=2)"),
    cell(ONE, "BetaBlocks(a=3.0, b=2.0)", "RoundRobin()", more=BUDGET),
    cell(ONE, "BetaQuality(a=2.0, b=1.0)", "AllBlocks()", "OnePlusLambda(lam=2)"),
    cell(ONE, "BetaRunQuality(a=3.0, b=2.0)", "UniformChunk()", more=BUDGET),
    cell(ONE, "Decaying(table=(0.9, 0.7, 0.5, 0.4, 0.3))", "UniformChunk(g=2)"),
    cell(ONE, "Halving(p=0.9, half=3.0)", "UniformChunk(g=2)"),
    cell(ONE, "Learning(start=0.2, end=0.9, halfway=5.0)", "AllBlocks()"),
    cell(ONE, "Vote(inner=Resample(p=0.7), ahead=2)", "OnlyIncorrect()", more=COST),
    cell(ONE, "Misaligned(inner=Resample(p=0.5), rate=0.2)", "OnlyIncorrect()"),
]
OTHER_ENGINES = [("deap", TABLES[n]) for n in (0, 5, 10)] + [("law", TABLES[n]) for n in (0, 1, 2)]

MORE = [
    cell(problem, mutator, schedule, runner)
    for schedule in (
        "AllBlocks()",
        "UntilResolved()",
        "RoundRobin()",
        "RoundRobin(g=3)",
        "UniformChunk()",
        "UniformChunk(g=3)",
        "OnlyIncorrect()",
        "OnlyIncorrect(g=3)",
        "UniformSubset(g=2)",
        "EachChunk()",
    )
    for runner in ("OnePlusLambda()", "OnePlusLambda(accept='weak', lam=3)", "Archive(size=2)")
    for problem in (
        "BlockOneMax(k=5, l=3, start=0.3)",
        "BlockOneMax(incorrect=3, k=7, l=2)",
        "LeadingBlocks(k=4, l=3)",
        "Jump(k=5, l=3, m=2)",
        "Needle(k=4, l=3, start=0.5)",
        "WeightedBlocks(l=3, weights=(1.0, 2.0, 4.0))",
        "Noisy(problem=BlockOneMax(k=4, l=3), sigma=0.5)",
    )
    for mutator in (FK, "Malformed(inner=Resample(p=0.5), rate=0.2)")
] + [
    cell(problem, mutator, schedule, runner)
    for schedule in ("AllBlocks()", "UntilResolved()", "RoundRobin()", "UniformChunk()", "OnlyIncorrect()")
    for runner in ("OnePlusLambda()", "OnePlusLambda(lam=3)")
    for problem in ("BlockOneMax(k=5, l=3)", "BlockOneMax(k=5, l=3, start=0.3)")
    for mutator in (
        "Spill(inner=Resample(p=0.5), rate=0.1)",
        "PerBlock(p=(0.2, 0.5, 0.9, 0.4, 0.6))",
        "BetaBlocks(a=3.0, b=2.0)",
        "BetaRunQuality(a=7.0, b=2.0)",
        "Learning(start=0.2, end=0.9, halfway=5.0)",
        "Misaligned(inner=Resample(p=0.5), rate=0.2)",
        "Malformed(inner=FixKeep(fix=0.4, keep=0.9), rate=0.2)",
    )
]


def column(table, name):
    values = table[name]
    if name == "hit":
        return values.to_numpy(dtype="int64", na_value=-1)
    return values.to_numpy(dtype="float64" if name in ("seconds", "pass_tokens_squared") else "int64")


def tables(texts, engine="blocks"):
    from experiments import Cell, Grid, run_grid

    made = {}
    for text in texts:
        one = Cell.parse(text)
        results = run_grid(Grid("golden", [one], runs=60, seed=7, batch=40, engine=engine), workers=1)
        made[text] = {n: hashlib.sha256(column(results.runs, n).tobytes()).hexdigest()[:16] for n in COLUMNS}
    return made


def known(number):
    from evo.errors import NoPrediction

    try:
        found = number()
    except NoPrediction:
        return None
    return found.tolist() if isinstance(found, np.ndarray) else found


def times_of(mean):
    if math.isfinite(mean):
        return sorted({float(round(share * mean)) for share in (0.3, 0.7, 1.0, 1.5, 3.0)})
    return [1.0, 10.0, 100.0, 1000.0, 10000.0]


def predictions(text, whole=True):
    from evo.errors import NoPrediction
    from experiments import Cell, predict

    one, found = Cell.parse(text), {}
    for quantity in QUANTITIES:
        try:
            made = predict(one, quantity)
        except NoPrediction:
            found[quantity] = None
            continue
        found[quantity] = {"mean": made.mean}
        if whole:
            found[quantity] |= {"variance": known(lambda made=made: made.variance)}
        if whole and quantity in ("hit", "generations"):
            times = times_of(made.mean)
            found[quantity] |= {"times": times, "cdf": known(lambda made=made, times=times: made.cdf(np.array(times)))}
            found[quantity] |= {"quantiles": [known(lambda made=made, u=u: made.quantile(u)) for u in LEVELS]}
    return found


def described(grid):
    cells = [[grid.labels[cell.id], cell.text] for cell in grid.cells]
    return {"runs": str(grid.runs), "seed": grid.seed, "cells": cells}


def studies():
    from experiments.studies import STUDIES

    return {name: described(grid) for name, grid in ((name, study.grid()) for name, study in STUDIES.items())}


def main():
    import time

    from evo.errors import EvoError
    from experiments import Cell

    def sound(texts):
        kept = []
        for text in texts:
            try:
                kept.append(Cell.parse(text).text)
            except EvoError as error:
                print("left out:", text, str(error)[:150], file=sys.stderr)
        return list(dict.fromkeys(kept))

    all_of_studies = studies()
    texts = dict.fromkeys(text for study in all_of_studies.values() for _, text in study["cells"])
    made = {"studies": all_of_studies, "tables": tables(sound(TABLES)), "predictions": {}, "engines": {}}
    for engine in ("deap", "law"):
        made["engines"][engine] = tables(sound([text for name, text in OTHER_ENGINES if name == engine]), engine)
    for text in [*texts, *sound([*TABLES, *MORE])]:
        start = time.perf_counter()
        found = predictions(text)
        taken = time.perf_counter() - start
        if taken > 1.0:
            found = predictions(text, whole=False)
            print(f"{taken:.1f} s, means only: {text}", file=sys.stderr)
        made["predictions"][text] = found
    data = json.dumps(made, sort_keys=True).encode()
    (HERE / "golden.json.gz").write_bytes(gzip.compress(data, 9, mtime=0))


if __name__ == "__main__":
    main()
