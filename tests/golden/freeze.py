"""Golden values of version 0.1.0 made before the house was rebuilt, not to be written again to make a test pass.

Used once, at commit 8f6fdbd: `python tests/golden/freeze.py` in the project's folder. What it writes is read by
`test_golden.py`; the names of rules and the sources are in the data for information only.
"""

import gzip
import json
import time
from pathlib import Path

HERE = Path(__file__).parent
HOW = {"runs": 60, "batch": 30, "seed": 7}
MOST_SECONDS = 2.0
"""Of processor time a quantity; of slower ones only the mean would be kept (there was none)."""

ONE, TWO, THREE = "OnePlusLambda()", "OnePlusLambda(lam=2)", "OnePlusLambda(lam=3)"
WEAK, WEAK2 = "OnePlusLambda(accept='weak')", "OnePlusLambda(lam=2, accept='weak')"
ALL, SEQ, RR, RANDOM, ORACLE = "AllBlocks()", "UntilResolved()", "RoundRobin()", "UniformChunk()", "OnlyIncorrect()"
DOWN, RR2, RANDOM2, ORACLE2 = (
    "UntilResolved(invalid='down')",
    "RoundRobin(g=2)",
    "UniformChunk(g=2)",
    "OnlyIncorrect(g=2)",
)
SUBSET, SUBSET2, SUBSET3 = "UniformSubset()", "UniformSubset(g=2)", "UniformSubset(g=3)"
HALF, UNEVEN, P4 = "Resample(p=0.5)", "FixKeep(fix=0.4, keep=0.7)", "PerBlock(p=(0.5, 0.3, 0.6, 0.8))"
MALFORMED = f"Malformed(inner={UNEVEN}, rate=0.2, per_block=0.05)"
FOUR, FIVE = "BlockOneMax(k=4, l=3)", "BlockOneMax(k=5, l=3)"
SOME, FEW = "BlockOneMax(k=5, l=3, start=0.4)", "BlockOneMax(k=5, l=3, incorrect=3)"
FEW4, SOME4 = "BlockOneMax(k=4, l=3, incorrect=2)", "BlockOneMax(k=4, l=3, start=0.4)"
DEAR, API = "LLMPrimitive(m=2, per_call=100)", "TokenPrices(prompt=0.5, generated=2, per_call=3)"


def cell(problem, mutator, schedule, runner=ONE, **more):
    """The text of a cell, not yet canonical."""
    parts = {"problem": problem, "mutator": mutator, "schedule": schedule, "runner": runner} | more
    return f"Cell({', '.join(f'{name}={part}' for name, part in parts.items())})"


def judged(inside=FOUR, fp=0.1, fn=0.2, **more):
    """The text of Judged."""
    return f"Judged(problem={inside}, fp={fp}, fn={fn}{''.join(f', {name}={value}' for name, value in more.items())})"


def noisy(inside=FOUR, sigma=1.0, **more):
    """The text of Noisy."""
    return f"Noisy(problem={inside}, sigma={sigma}{''.join(f', {name}={value}' for name, value in more.items())})"


def spill(inside=HALF, rate=0.1):
    """The text of Spill."""
    return f"Spill(inner={inside}, rate={rate})"


def misaligned(inside=HALF, rate=0.3, by=1):
    """The text of Misaligned."""
    return f"Misaligned(inner={inside}, rate={rate}, by={by})"


TABLES = [
    cell(FOUR, HALF, ALL, budget="Budget(calls=40)"),
    cell(SOME, UNEVEN, ALL, THREE, prompt="Prompt(head=20, shows='solution')", cost=DEAR, budget="Budget(calls=300)"),
    cell("BlockOneMax(k=40, l=2, start=0.5)", "FixKeep(fix=0.1, keep=0.99)", ALL, "OnePlusLambda(lam=8)"),
    cell(FEW, UNEVEN, SEQ, prompt="Prompt(head=7)", budget="Budget(calls=25)"),
    cell("BlockOneMax(k=7, l=3)", UNEVEN, "UntilResolved(g=3)", TWO, budget="Budget(calls=600)"),
    cell(FIVE, MALFORMED, "UntilResolved(g=2, invalid='down')", TWO, budget="Budget(calls=400)"),
    cell(FIVE, f"Malformed(inner={HALF}, rate=0.1)", DOWN, cost=API, budget="Budget(calls=5000, cost=150)"),
    cell("BlockOneMax(k=8, l=2)", UNEVEN, "RoundRobin(g=3)", WEAK2, cost="QuadraticPrimitive(m=3, per_call=1)"),
    cell("BlockOneMax(k=6, l=2)", "Decaying(table=(0.8, 0.7, 0.6))", "RoundRobin(g=3)", budget="Budget(calls=60)"),
    cell(FIVE, "Halving(p=0.8, half=2)", RANDOM2, TWO, prompt="Prompt(shows='solution')"),
    cell(FOUR, "BetaQuality(a=2, b=1)", "UniformChunk(g=4)", WEAK),
    cell(SOME, f"Refuse(inner={UNEVEN}, rate=0.3)", SUBSET2, THREE),
    cell(FIVE, "Sparse(inner=FixKeep(fix=1, keep=0), rate=0.2)", SUBSET, budget="Budget(calls=100)"),
    cell(FIVE, HALF, "EachChunk(g=2)", "OnePlusLambda(lam=5)"),
    cell(FOUR, HALF, "EachChunk()", "OnePlusLambda(lam=4)"),
    cell(FEW, "BetaRunQuality(a=2, b=2)", ORACLE2, budget="Budget(calls=50)"),
    cell(FIVE, HALF, f"Decomposed(schedule={ORACLE}, writes=4, head=10)"),
    cell(FIVE, HALF, f"Decomposed(schedule={SUBSET2}, writes=1)", WEAK, budget="Budget(generated_tokens=200)"),
    cell(FOUR, P4, SEQ, prompt="Prompt(head=5)"),
    cell(FOUR, "BetaBlocks(a=1, b=1)", RR, budget="Budget(calls=100)"),
    cell(FOUR, spill(UNEVEN, 0.1), RANDOM, TWO),
    cell(FIVE, misaligned(UNEVEN, 0.3, 2), RR2),
    cell(FOUR, "Learning(start=0.1, end=0.9, halfway=5, training=6)", RR),
    cell(FOUR, "Vote(inner=Resample(p=0.7), ahead=2, wrong='distinct')", RANDOM),
    cell(FOUR, f"Vote(inner={UNEVEN}, ahead=3, copied=0.2)", ORACLE, budget="Budget(calls=20)"),
    cell("WeightedBlocks(weights=(3, 1, 2, 2), l=2)", UNEVEN, RANDOM2, TWO),
    cell("UnequalBlocks(lengths=(1, 4, 2, 8), start=0.3)", UNEVEN, RR, prompt="Prompt(head=3)"),
    cell("LeadingBlocks(k=5, l=2)", UNEVEN, RANDOM, WEAK),
    cell("Jump(k=5, l=2, m=2)", HALF, SUBSET2, budget="Budget(calls=200)"),
    cell("Trap(k=4, l=2)", UNEVEN, ALL, WEAK2, budget="Budget(calls=200)"),
    cell("Needle(k=4, l=2, incorrect=3)", HALF, RR, WEAK, budget="Budget(calls=100)"),
    cell(noisy(), UNEVEN, RANDOM, budget="Budget(calls=200)"),
    cell(noisy("LeadingBlocks(k=4, l=2)", 0.5, samples=2), HALF, ALL, WEAK2, budget="Budget(evaluations=120)"),
    cell(noisy(sigma=0.7, reevaluate=False), UNEVEN, ORACLE, TWO, budget="Budget(calls=60)"),
    cell(judged(votes=3, samples=2), UNEVEN, SEQ, budget="Budget(calls=60)"),
    cell(judged(ahead=2), HALF, RANDOM2, TWO, budget="Budget(calls=100)"),
    cell(judged(persistent=True), UNEVEN, ORACLE, budget="Budget(calls=60)"),
    cell(judged(blocks="'changed'"), UNEVEN, RR, budget="Budget(calls=60)"),
    cell(judged(blocks="'changed'", reevaluate=False), HALF, RANDOM2, WEAK, budget="Budget(calls=60)"),
    cell(SOME4, UNEVEN, RANDOM, "MuPlusLambda(mu=3, lam=2)"),
    cell(FIVE, UNEVEN, SEQ, "Archive(size=3)", budget="Budget(calls=200)"),
    cell(FIVE, HALF, RANDOM, "Archive(size=4, parent='proportional', lam=2)"),
    cell(FIVE, UNEVEN, ALL, "Archive(size=4, parent='last')", budget="Budget(calls=150)"),
    cell(noisy(), HALF, SUBSET2, "Archive(size=3, parent='proportional')", budget="Budget(calls=150)"),
    cell(FIVE, HALF, RANDOM, "Islands(count=3, size=4, archive=5, migrate=2)", budget="Budget(calls=200)"),
    cell(FOUR, MALFORMED, RR, "Islands(count=2, size=3, archive=2, explore=0.5, exploit=0.2, migrate=0)"),
    cell(FIVE, UNEVEN, RR2, "Merged(workers=2)"),
    cell(SOME, f"Malformed(inner={HALF}, rate=0.1)", ORACLE, "Merged()"),
    cell(FEW, UNEVEN, f"Decomposed(schedule={RR}, writes=2)", "Merged(workers=3)", budget="Budget(pass_tokens=500)"),
    cell(FIVE, UNEVEN, RANDOM, "Asynchronous(workers=3)", budget="Budget(calls=100)"),
    cell(
        FIVE,
        HALF,
        ORACLE2,
        "Asynchronous(workers=2, latency=Latency(fixed=1, per_prompt_token=0.1, per_generated_token=0.2, tail=0.5), "
        "prompt=Prompt(head=10))",
        prompt="Prompt(head=10)",
    ),
    cell("LeadingBlocks(k=4, l=2)", HALF, RR, "Asynchronous(workers=4, latency=Latency(per_generated_token=1))"),
]

DEAP = [
    cell(FIVE, UNEVEN, RR2, TWO, budget="Budget(calls=80)"),
    cell(SOME, MALFORMED, "UntilResolved(invalid='down')", cost=API, budget="Budget(cost=600)"),
    cell("LeadingBlocks(k=4, l=2)", P4, RANDOM, WEAK2, prompt="Prompt(head=9, shows='solution')"),
]
LAW = [
    cell("BlockOneMax(k=16, l=4)", HALF, ALL),
    cell("BlockOneMax(k=8, l=2, incorrect=5)", UNEVEN, RANDOM2, THREE, budget="Budget(calls=60)"),
    cell("LeadingBlocks(k=6, l=2, start=0.4)", UNEVEN, RR, prompt="Prompt(head=9)", cost=DEAR),
]

RULES = [
    # global mutation
    cell(FOUR, HALF, ALL),
    cell(SOME, UNEVEN, ALL, THREE, cost=API),
    cell(FEW, MALFORMED, ALL, WEAK2),
    cell("UnequalBlocks(lengths=(1, 4, 2), start=0.3)", UNEVEN, ALL, prompt="Prompt(head=3)"),
    cell("WeightedBlocks(weights=(3, 1, 2), l=2)", HALF, ALL, TWO),
    cell(FOUR, "BetaQuality(a=2, b=1)", ALL),
    cell("BlockOneMax(k=4, l=3, incorrect=2)", "FixKeep(fix=1, keep=0)", ALL),
    # one block a call until resolved
    cell(FIVE, UNEVEN, SEQ),
    cell(SOME, UNEVEN, SEQ, THREE),
    cell(FEW, UNEVEN, SEQ, cost=DEAR),
    cell(FIVE, UNEVEN, DOWN),
    cell(SOME, "FixKeep(fix=0.5, keep=1)", SEQ),
    cell(FIVE, "Vote(inner=Resample(p=0.7), ahead=2)", SEQ),
    # chunks in turn
    cell(FIVE, UNEVEN, RR2),
    cell(SOME, UNEVEN, "RoundRobin(g=3)", TWO),
    cell(FEW, HALF, RR2, THREE, prompt="Prompt(head=7, shows='solution')"),
    cell("WeightedBlocks(weights=(3, 1, 2, 2, 5), l=2)", HALF, RR2, TWO),
    cell("BlockOneMax(k=40, l=2)", UNEVEN, RR),
    cell(FIVE, UNEVEN, f"Decomposed(schedule={RR2}, writes=3, head=2)"),
    # random chunks
    cell(FIVE, UNEVEN, RANDOM2),
    cell(SOME, UNEVEN, RANDOM2, TWO),
    cell(FEW, MALFORMED, "UniformChunk(g=3)", THREE),
    cell("BlockOneMax(k=50, l=2, start=0.5)", f"Refuse(inner={UNEVEN}, rate=0.1)", RANDOM),
    cell("UnequalBlocks(lengths=(1, 4, 2, 8))", HALF, RANDOM),
    # only incorrect chunks
    cell(FIVE, UNEVEN, ORACLE2),
    cell(SOME, UNEVEN, ORACLE2, TWO),
    cell(FEW, "Halving(p=0.8, half=2)", "OnlyIncorrect(g=3)", THREE),
    cell(FIVE, "Decaying(table=(0.9, 0.8))", ORACLE2),
    cell(FIVE, f"Vote(inner={UNEVEN}, ahead=2, copied=0.1)", ORACLE),
    # malformed output misread
    cell(FIVE, MALFORMED, DOWN),
    cell(SOME, MALFORMED, DOWN, TWO),
    cell("BlockOneMax(k=30, l=2, start=0.4)", f"Malformed(inner={HALF}, rate=0.1)", DOWN),
    # spilling
    cell(FIVE, spill(UNEVEN), ALL, TWO),
    cell(SOME, spill(UNEVEN), "RoundRobin(g=5)"),
    cell(FIVE, spill(UNEVEN), ORACLE),
    cell(SOME, spill(UNEVEN, 0.05), ORACLE, TWO),
    cell(FEW, spill(HALF), ORACLE),
    cell(FIVE, spill(UNEVEN), RANDOM),
    cell("BlockOneMax(k=20, l=2, start=0.3)", spill(HALF, 0.05), RANDOM, THREE),
    # blocks that differ
    cell(FOUR, P4, ALL),
    cell(FEW4, P4, ALL, TWO),
    cell(FOUR, P4, ORACLE),
    cell(SOME4, P4, ORACLE, TWO),
    cell(FOUR, P4, SEQ),
    cell(SOME4, P4, SEQ, TWO),
    cell(FOUR, P4, RR),
    cell(SOME4, P4, RR, TWO),
    cell(FOUR, P4, RANDOM),
    cell(SOME4, P4, RANDOM),
    # difficulties drawn
    cell(FOUR, "BetaBlocks(a=5, b=3)", ALL),
    cell(SOME4, "BetaBlocks(a=0.5, b=1)", ALL),
    cell(FOUR, "BetaBlocks(a=5, b=3)", ORACLE),
    cell(FEW4, "BetaBlocks(a=1.5, b=1)", ORACLE),
    cell(SOME4, "BetaBlocks(a=0.5, b=1)", ORACLE),
    cell(FOUR, "BetaBlocks(a=5, b=3)", SEQ),
    cell(FIVE, "BetaBlocks(a=2, b=1)", SEQ),
    cell(FOUR, "BetaBlocks(a=5, b=3)", RR),
    cell(SOME4, "BetaBlocks(a=2, b=2)", RR, TWO),
    cell(FOUR, "BetaBlocks(a=5, b=3)", RANDOM),
    cell(SOME4, "BetaBlocks(a=2, b=2)", RANDOM),
    # quality of a run
    cell(FOUR, "BetaRunQuality(a=5, b=1)", RR),
    cell(SOME4, "BetaRunQuality(a=2, b=2)", RR, TWO),
    cell(FOUR, "BetaRunQuality(a=6, b=1)", ALL),
    cell(SOME4, "BetaRunQuality(a=2, b=2)", ALL, TWO),
    cell(FEW4, "BetaRunQuality(a=2, b=2)", "OnlyIncorrect(g=4)", THREE),
    cell(FOUR, "BetaRunQuality(a=5, b=1)", ORACLE),
    cell(FEW4, "BetaRunQuality(a=2, b=2)", ORACLE),
    cell(FOUR, "BetaRunQuality(a=5, b=1)", SEQ),
    cell(FIVE, "BetaRunQuality(a=0.5, b=1)", SEQ),
    cell(FOUR, "BetaRunQuality(a=5, b=1)", RANDOM),
    cell(SOME4, "BetaRunQuality(a=2, b=2)", RANDOM),
    # boundaries that miss
    cell(FOUR, misaligned(UNEVEN), ALL),
    cell(SOME, misaligned(UNEVEN, 0.2, 2), ALL, TWO),
    cell(FOUR, misaligned(UNEVEN), RANDOM),
    cell(FEW, misaligned(UNEVEN, 0.2, 2), RANDOM, TWO),
    cell(FOUR, misaligned(UNEVEN), ORACLE),
    cell(SOME, misaligned(UNEVEN, 0.2, 6), ORACLE, TWO),
    # success that rises
    cell(FOUR, "Learning(start=0.1, end=0.9, halfway=5, training=6)", ALL),
    cell(SOME4, "Learning(start=0.1, end=0.9, halfway=5)", ALL, TWO),
    cell(FEW4, "Learning(start=0.7, end=0.3, halfway=9)", "RoundRobin(g=4)"),
    # fitness of the number of correct blocks
    cell("Jump(k=5, l=2, m=2)", UNEVEN, ALL, TWO),
    cell("Jump(k=6, l=2, m=2, incorrect=3)", HALF, SUBSET3),
    cell("Trap(k=4, l=2, start=0.3)", UNEVEN, ALL, WEAK),
    cell("Trap(k=4, l=2)", HALF, RANDOM),
    cell("Needle(k=4, l=2)", UNEVEN, RANDOM, WEAK2),
    cell(FIVE, UNEVEN, SUBSET2, THREE),
    # a needle, in turn
    cell("Needle(k=5, l=2)", "Resample(p=0.7)", RR, WEAK),
    cell("Needle(k=30, l=1)", HALF, RR, WEAK),
    # leading blocks
    cell("LeadingBlocks(k=4, l=2)", UNEVEN, ALL),
    cell("LeadingBlocks(k=5, l=2, start=0.3)", HALF, ALL, TWO),
    cell("LeadingBlocks(k=20, l=1, start=0.5)", "Sparse(inner=FixKeep(fix=1, keep=0), rate=0.05)", ALL),
    cell("LeadingBlocks(k=5, l=2)", UNEVEN, RANDOM),
    cell("LeadingBlocks(k=5, l=2, incorrect=2)", UNEVEN, RANDOM, TWO),
    cell("LeadingBlocks(k=5, l=2)", MALFORMED, RR),
    cell("LeadingBlocks(k=5, l=2, start=0.3)", UNEVEN, RR, TWO),
    cell("LeadingBlocks(k=5, l=2)", UNEVEN, ORACLE),
    cell("LeadingBlocks(k=5, l=2, start=0.3)", UNEVEN, ORACLE, TWO),
    cell("LeadingBlocks(k=5, l=2)", UNEVEN, SEQ),
    cell("LeadingBlocks(k=5, l=2, start=0.3)", UNEVEN, SEQ, THREE),
    # judged afresh
    cell(noisy(sigma=0.7), UNEVEN, RANDOM),
    cell(noisy(SOME4, samples=2), UNEVEN, ALL, WEAK),
    cell(noisy("Jump(k=5, l=2, m=2)"), HALF, SUBSET2),
    cell(judged(), UNEVEN, ORACLE),
    cell(judged(FEW4, votes=3), UNEVEN, RANDOM, WEAK),
    cell(judged(ahead=2), HALF, SUBSET2),
    cell(judged(samples=3), HALF, ALL),
    cell(judged(blocks="'changed'"), UNEVEN, RANDOM),
    # the parent keeps its value
    cell(noisy(reevaluate=False), UNEVEN, ORACLE),
    cell(noisy(SOME4, 0.5, samples=2, reevaluate=False), HALF, ORACLE),
    # verdicts that last
    cell(judged(persistent=True), UNEVEN, ORACLE),
    cell(judged(SOME4, votes=3, persistent=True), UNEVEN, ORACLE, TWO),
    cell(judged(persistent=True), UNEVEN, RANDOM),
    cell(judged(FEW4, blocks="'changed'", reevaluate=False), UNEVEN, RANDOM, TWO),
    # whole solutions that do not depend on the parent
    cell(SOME4, HALF, ALL, "MuPlusLambda(mu=3, lam=3)"),
    cell(FOUR, "BetaQuality(a=2, b=1)", ALL, "Islands(count=2, size=2, archive=2, migrate=1)"),
    cell("Needle(k=3, l=1)", HALF, "UniformChunk(g=3)", "Archive(size=3, parent='proportional', lam=2)"),
    # several solutions kept
    cell(FOUR, UNEVEN, RANDOM, "Archive(size=3)"),
    cell(SOME4, UNEVEN, SUBSET2, "Archive(size=4, parent='proportional')"),
    cell(FEW4, MALFORMED, ALL, "Archive(size=3, parent='last')"),
    cell(SOME4, UNEVEN, ORACLE, "MuPlusLambda(mu=3)"),
    # merged rounds
    cell(FIVE, UNEVEN, RR2, "Merged(workers=2)"),
    cell(SOME, UNEVEN, RR, "Merged()"),
    cell(FIVE, UNEVEN, ORACLE2, "Merged(workers=2)"),
    cell(FEW, MALFORMED, ORACLE, "Merged()"),
    cell(FIVE, HALF, f"Decomposed(schedule={ORACLE}, writes=2)", "Merged(workers=3)"),
    # one offspring a block
    cell(FOUR, UNEVEN, "EachChunk()", "OnePlusLambda(lam=4)"),
    cell(SOME, HALF, "EachChunk()", "OnePlusLambda(lam=5, accept='weak')"),
    # all solutions, one by one
    cell(FIVE, spill(UNEVEN), RR2),
    cell(SOME, spill(UNEVEN), RANDOM2, TWO),
    cell(FOUR, P4, ORACLE2, WEAK),
    cell(FEW4, P4, SUBSET2),
    cell("WeightedBlocks(weights=(3, 1, 2, 2, 4), l=2)", UNEVEN, RR2, TWO),
    cell("WeightedBlocks(weights=(3, 1, 2, 2), l=2, start=0.3)", UNEVEN, SUBSET2, WEAK2),
    cell("LeadingBlocks(k=5, l=2, start=0.3)", UNEVEN, RANDOM2, WEAK),
    cell("Needle(k=4, l=2, start=0.4)", UNEVEN, RR, WEAK),
    cell("Jump(k=4, l=2, m=2)", MALFORMED, DOWN),
    # all solutions, seen through evaluators that err
    cell(noisy(), HALF, RR),
    cell(noisy(SOME, 0.5), UNEVEN, RANDOM2),
    cell(noisy(sigma=0.5), P4, RANDOM),
    cell(judged(), UNEVEN, RR2, WEAK),
    # refused today
    cell(FIVE, UNEVEN, "UntilResolved(g=2)"),
    cell(FIVE, UNEVEN, RANDOM, "Islands()"),
    cell(FIVE, UNEVEN, RANDOM, "Asynchronous(workers=2)"),
    cell(noisy(), UNEVEN, SEQ, TWO),
]


def frozen(of, quantity, known_by):
    """Golden values of a quantity of a cell."""
    from evo.errors import NoPrediction
    from experiments import predict

    begun = time.process_time()
    try:
        known = predict(of, quantity)
    except NoPrediction:
        return {"refused": True}
    mean = {"mean": known_by.number(known.mean), "source": known.source}
    times = known_by.times_of(known.mean)
    more = {
        "variance": known_by.or_refused(lambda: known_by.number(known.variance)),
        "times": times,
        "cdf": known_by.cdf(known, times),
        "quantiles": known_by.quantiles(known),
    }
    spent = time.process_time() - begun
    return mean | (more if spent <= MOST_SECONDS else {})


def write(name, value):
    """Write compressed JSON, the same bytes for the same value."""
    text = json.dumps(value, indent=0, allow_nan=False)
    (HERE / name).write_bytes(gzip.compress(text.encode(), mtime=0))


def main():
    """Write all golden values."""
    import sys

    for name in ("predictions", "studies", "identities"):
        write(f"{name}.json.gz", {})
    write("tables.json.gz", {"how": HOW, "cells": []})  # so that the tests, whose measures are used, can be imported
    sys.path.insert(0, str(HERE))
    import test_golden as known_by
    from experiments.rules import rule_for

    from evo.errors import NoPrediction
    from experiments import Cell
    from experiments.studies import STUDIES

    canonical = {name: [Cell.parse(text).text for text in texts] for name, texts in SETS.items()}
    tables = []
    for engine in ("blocks", "deap", "law"):
        for text in canonical["tables" if engine == "blocks" else engine]:
            tables.append({"text": text, "asked": engine, "found": known_by.measured(text, engine, **HOW)})
    write("tables.json.gz", {"how": HOW, "cells": tables})

    studies = {}
    for name, study in STUDIES.items():
        grid = study.grid()
        arms = [[label, [each.text for each in cells]] for label, cells in grid.arms.items()]
        words = {word: getattr(grid, word) for word in ("runs", "seed", "batch", "engine")}
        studies[name] = words | {"arms": arms}
    write("studies.json.gz", studies)

    sets = {
        "rules": canonical["rules"],
        "tables": canonical["tables"] + canonical["deap"] + canonical["law"],
        **{name: [text for _, texts in study["arms"] for text in texts] for name, study in studies.items()},
    }
    predictions, identities = {}, {}
    for name, texts in sets.items():
        predictions[name] = []
        for text in texts:
            if text in identities:
                continue
            of = Cell.parse(text)
            identities[text] = of.identity
            try:
                rule = rule_for(of).name
            except NoPrediction:
                rule = None
            golden = {quantity: frozen(of, quantity, known_by) for quantity in known_by.QUANTITIES}
            predictions[name].append({"text": text, "rule": rule} | golden)
        print(name, len(predictions[name]), round(time.process_time(), 1), flush=True)
    write("predictions.json.gz", predictions)
    write("identities.json.gz", identities)


SETS = {"tables": TABLES, "deap": DEAP, "law": LAW, "rules": RULES}

if __name__ == "__main__":
    main()
