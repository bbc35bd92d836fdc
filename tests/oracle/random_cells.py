"""Random cells for each row of the table of rules, on few blocks, ends and all; and the chain that stands beside each.

A row that is not in `ROWS` is a failure of the test, so that a new one cannot be forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from calls_of import World, logit_nodes
from runs_of import Gridded, HiddenRepeats, Kept, Lasting, Learns, OneParent, Repeats, Rounds, Seen, Stored

from evo import AllBlocks, Merged, OnePlusLambda, OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from evo.runners.archives import Archive, Islands, MuPlusLambda
from evo.runners.feature_grid import MapElites
from evo.schedules import Decomposed, EachChunk, UniformSubset
from experiments import Cell
from operators import (
    BetaBlocks,
    BetaQuality,
    BetaRunQuality,
    Decaying,
    Fading,
    FixKeep,
    FromLog,
    Halving,
    Learning,
    Malformed,
    Measured,
    Misaligned,
    PerBlock,
    Refuse,
    Repeating,
    Resample,
    Sparse,
    Spill,
    Vote,
)
from problems import (
    BlockOneMax,
    Judged,
    Jump,
    LeadingBlocks,
    Minibatch,
    Needle,
    Noisy,
    Trap,
    UnequalBlocks,
    WeightedBlocks,
)


class Draw:
    """Random parameters; ends are as likely as what lies between."""

    def __init__(self, rng, most_k=3):
        self.rng, self.most_k = rng, most_k

    def one(self, *values):
        return values[self.rng.integers(len(values))]

    def share(self, low=0.05, high=0.95):
        return round(float(self.rng.uniform(low, high)), 3)

    def rate(self):
        return self.one(0.0, 1.0, self.share(), self.share(), self.share(), self.share())

    def k(self, least=1):
        return int(self.rng.integers(least, self.most_k + 1))

    def g(self, k):
        return int(self.rng.integers(1, k + 1))

    def lam(self, most=5):
        return int(self.rng.integers(1, most + 1))

    def start(self, k):
        return self.one(
            {}, {"start": self.share()}, {"start": self.share()}, {"incorrect": int(self.rng.integers(k + 1))}
        )

    def runner(self, most=5):
        return OnePlusLambda(self.lam(most), self.one("strict", "weak"))

    # ------------------------------------------------------------------------------------------------------ mutators

    def plain(self):
        """One that treats blocks on their own and alike."""
        p = self.rate()
        if p == 0.0:
            p = self.share()
        return self.one(Resample(p), FixKeep(p, self.rate()), FixKeep(p, self.rate()), FixKeep(p, self.rate()))

    def measured(self):
        rho = self.one(0.0, 1.0, self.share(), self.share())
        far = {1: self.share(), 3: self.share()}, {2: self.rate(), 9: self.rate()}
        near = {1: self.share(), 8: self.share()}, {1: self.share(), 4: self.share(), 6: self.share()}
        return Measured(*self.one(near, near, far), rho, self.one(0.0, 1.0, self.share()))

    def logged(self, k):
        def some(g, i):
            made = [(g, i, int(self.rng.integers(i + 1)), int(self.rng.integers(g - i + 1)), 2) for _ in range(3)]
            return [*made, (g, i, i, 0, 1)]

        return FromLog([row for g in range(1, k + 1) for i in range(g + 1) for row in some(g, i)])

    def counted(self, k, g):
        """One of a law of counts, with wrappers."""
        inner = self.plain()
        rate = self.share(0.05, 0.6)
        wrapped = [
            inner,
            inner,
            inner,
            Refuse(inner, rate),
            Malformed(inner, rate, self.one(0.0, 0.2)),
            Sparse(inner, self.one(1.0, rate)),
            Malformed(Refuse(inner, 0.2), rate),
            BetaQuality(self.share(0.4, 3.0), self.share(0.4, 3.0)),
            Refuse(BetaQuality(self.share(0.4, 3.0), self.share(0.4, 3.0)), rate),
            Decaying(tuple(self.share() for _ in range(k))),
            Halving(self.share(), self.share(0.5, 3.0)),
            self.measured(),
            self.logged(k),
            Malformed(Refuse(self.logged(k), 0.2), rate, self.one(0.0, 0.2)),
            Sparse(Malformed(self.logged(k), rate), self.share()),
            Fading(self.share(), self.rate(), self.one(0.0, 1.0, self.share())),
            Malformed(Refuse(self.measured(), 0.2), rate),
        ]
        if g == 1:
            wrapped += [
                Vote(FixKeep(self.share(), self.share()), self.one(1, 2, 3), "distinct", self.one(0.0, 0.3)),
                Vote(FixKeep(self.share(), self.rate()), self.one(1, 2, 3), "one", self.one(0.0, 0.3)),
                Vote(Malformed(inner, 0.2), 2),
                Vote(Refuse(self.logged(k), 0.2), 2),
            ]
        return self.one(*wrapped)

    def chunked(self, kind, k, **more):
        return self.one(kind(self.g(k), **more), kind(self.g(k), **more), Decomposed(kind(self.g(k), **more), writes=3))

    def onemax(self, k):
        start = self.start(k)
        return self.one(
            BlockOneMax(k, 3, **start),
            BlockOneMax(k, 3, **start),
            UnequalBlocks(tuple(int(n) for n in self.rng.integers(1, 5, k)), **start),
            WeightedBlocks(tuple(int(n) for n in self.rng.integers(1, 5, k)), 3, **start),
        )

    def counts(self, k):
        start = self.start(k)
        return self.one(
            Needle(k, 2, **start), Trap(k, 2, **start), Jump(k, 2, int(self.rng.integers(1, k + 1)), **start),
            BlockOneMax(k, 2, **start),
        )  # fmt: skip

    def any_problem(self, k):
        return self.one(self.onemax(k), self.counts(k), LeadingBlocks(k, 2, **self.start(k)))


@dataclass(frozen=True)
class Case:
    """How a row is tried.

    Attributes:
        cell: makes a random cell of its parts from a `Draw`; it may come to be one that the row refuses.
        chain: the class of the chain beside it.
        why: where that is no chain on whole solutions, the reason and what stands there instead.
    """

    cell: object
    chain: object = OneParent
    why: str = ""


def counted(kind, problem="onemax", runner=None, **more):
    """Cells of a law of counts under a schedule of this class."""

    def cell(draw):
        k = draw.k()
        schedule = AllBlocks() if kind is AllBlocks else draw.chunked(kind, k, **more)
        g = schedule.chunk_size(k)
        made = getattr(draw, problem)(k) if isinstance(problem, str) else problem(draw, k)
        return Cell(made, draw.counted(k, g), schedule, runner(draw) if runner else draw.runner(), budget=None)

    return cell


def special(kind, mutator, problem="onemax", runner=None, any_g=False):
    def cell(draw):
        k = draw.k()
        schedule = AllBlocks() if kind is AllBlocks else kind(draw.g(k) if any_g else 1)
        made = getattr(draw, problem)(k)
        return Cell(made, mutator(draw, k), schedule, runner(draw) if runner else draw.runner(), budget=None)

    return cell


def on_counts(problem, runner=None):
    def cell(draw):
        k = draw.k()
        schedule = draw.one(AllBlocks(), UniformSubset(draw.g(k)), UniformChunk(1), OnlyIncorrect(1))
        made = getattr(draw, problem)(k) if isinstance(problem, str) else problem(draw, k)
        mutator = draw.counted(k, schedule.chunk_size(k))
        return Cell(made, mutator, schedule, runner(draw) if runner else draw.runner(), budget=None)

    return cell


def spill(draw, k):
    inner = draw.one(draw.plain(), draw.plain(), BetaQuality(1.5, 0.8), Malformed(draw.plain(), 0.2))
    made = Spill(inner, draw.one(0.0, draw.share(0.02, 0.4), draw.share(0.02, 0.4)))
    return draw.one(made, made, made, Sparse(made, draw.share()))


def misaligned(draw, k):
    return Misaligned(
        draw.one(draw.plain(), draw.plain(), Malformed(draw.plain(), 0.2)), draw.one(0.0, draw.share(), draw.share())
    )


def per_block(draw, k):
    return PerBlock(tuple(draw.one(1.0, draw.share(), draw.share()) for _ in range(k)))


def beta_blocks(draw, k):
    return BetaBlocks(draw.one(0.7, 1.0, 1.6, 2.5, 3.4), draw.one(0.6, 1.0, 2.2))


def beta_quality(draw, k):
    return BetaRunQuality(draw.one(0.7, 1.0, 1.6, 2.5, 3.4, 7.3), draw.one(0.6, 1.0, 2.2))


def learning(draw, k):
    return Learning(draw.rate(), draw.rate(), draw.one(0.5, 1.0, 2.5))


def leading(draw, k):
    return LeadingBlocks(k, 2, **draw.start(k))


def stationary(draw):
    """LeadingBlocks from a start that calls leave as it is, whose law under AllBlocks is known."""
    k, fix, keep = draw.k(), draw.share(), draw.share()
    mutator = draw.one(FixKeep(fix, keep), Refuse(FixKeep(fix, keep), 0.2), Malformed(FixKeep(fix, keep), 0.2),
                       Resample(fix), BetaQuality(1.2, 0.7))  # fmt: skip
    start = fix if isinstance(mutator, Resample) else fix / (fix + 1 - keep)
    return Cell(
        LeadingBlocks(k, 2, start=start),
        mutator,
        AllBlocks(),
        OnePlusLambda(1, draw.one("strict", "weak")),
        budget=None,
    )


def noisy(draw, k):
    return Noisy(draw.counts(k), draw.one(0.0, 0.3, 1.0), samples=draw.one(1, 2))


def judged(draw, k, **more):
    errors = draw.one(0.0, draw.share(0.02, 0.45)), draw.one(0.0, draw.share(0.02, 0.45))
    how = draw.one({}, {"votes": 3}, {"ahead": 2}) | more
    return Judged(BlockOneMax(k, 2, **draw.start(k)), *errors, **how)


def seen(draw, k):
    blocks = draw.one("all", "changed")
    return draw.one(noisy(draw, k), judged(draw, k, blocks=blocks, samples=draw.one(1, 2)))


def lasting(draw, k):
    return judged(draw, k, **draw.one({"persistent": True}, {"blocks": "changed", "reevaluate": False}))


def stored(draw, k):
    return Noisy(BlockOneMax(k, 2, **draw.start(k)), draw.one(0.0, 0.4, 1.0), samples=draw.one(1, 2), reevaluate=False)


def minibatch(draw, k):
    return Minibatch(BlockOneMax(k, 2, **draw.start(k)), int(draw.rng.integers(1, k + 1)))


def picky(draw):
    """Thresholds, which judges know nothing of."""
    return OnePlusLambda(1, draw.one("strict", "weak"), draw.one(0.0, 0.0, 0.3, 1.0, 1.2, -0.3, -1.0))


def lone(draw):
    return OnePlusLambda(1, draw.one("strict", "weak"))


def trusting(draw):
    return OnePlusLambda(1, "always")


def everywhere_trusting(draw):
    k = draw.k()
    schedule = draw.one(AllBlocks(), *(kind(draw.g(k)) for kind in (
        RoundRobin, UniformChunk, UniformSubset, OnlyIncorrect)))  # fmt: skip
    return Cell(draw.any_problem(k), blocks_apart(draw, k), schedule, trusting(draw), budget=None)


def needle(draw):
    k, p = draw.k(), draw.share()
    mutator = draw.one(
        Resample(p), FixKeep(p, p), FixKeep(p, draw.share()), BetaQuality(1.2, 0.7), Malformed(Resample(p), 0.1)
    )
    return Cell(Needle(k, 2, **draw.one({}, draw.start(k))), mutator, RoundRobin(), lone(draw), budget=None)


def fresh(draw):
    k = draw.k()
    p = draw.share()
    mutator = draw.one(Resample(p), Malformed(Resample(p), 0.2), BetaQuality(1.2, 0.7), FixKeep(p, draw.share()))
    parent, lam = draw.one("uniform", "proportional", "last"), draw.lam(2)
    runner = draw.one(Archive(2, parent, lam), MuPlusLambda(2, lam), Islands(2, 2))
    return Cell(draw.any_problem(k), mutator, AllBlocks(), runner, budget=None)


def kept(draw):
    return draw.one(Archive(draw.one(1, 2), draw.one("uniform", "proportional", "last")), MuPlusLambda(draw.one(1, 2)))


def gridded(draw):
    return draw.one(MapElites(1), MapElites(2), MapElites(3), MapElites(1, "pattern"))


def counted_rises(draw, k):
    return BlockOneMax(k, 2, **draw.start(k))


def rounds(kind):
    def cell(draw):
        k = draw.k()
        g = draw.g(k)
        mutator = draw.counted(k, g)
        problem = draw.one(BlockOneMax(k, 2, **draw.start(k)), BlockOneMax(k, 2))
        return Cell(problem, mutator, kind(g), Merged(draw.one(None, 1, 2, 3)), budget=None)

    return cell


def each_chunk(draw):
    k = draw.k()
    runner = OnePlusLambda(k, draw.one("strict", "weak"))
    return Cell(draw.onemax(k), draw.counted(k, 1), EachChunk(1), runner, budget=None)


def blocks_apart(draw, k):
    return draw.one(spill(draw, k), per_block(draw, k), draw.counted(k, 2))


def everywhere(draw):
    k = draw.k()
    schedule = draw.one(UntilResolved(1, draw.one("ignore", "down")), *(kind(draw.g(k)) for kind in (
        RoundRobin, UniformChunk, UniformSubset, OnlyIncorrect)))  # fmt: skip
    return Cell(draw.any_problem(k), blocks_apart(draw, k), schedule, draw.runner(3), budget=None)


def everywhere_seen(draw):
    k = draw.k()
    schedule = draw.one(AllBlocks(), *(kind(draw.g(k)) for kind in (
        RoundRobin, UniformChunk, UniformSubset, OnlyIncorrect)))  # fmt: skip
    return Cell(seen(draw, k), blocks_apart(draw, k), schedule, picky(draw), budget=None)


def repeats(draw):
    k = draw.k()
    g = draw.g(k)
    schedule = draw.one(RoundRobin(g), OnlyIncorrect(g), UniformChunk(g), AllBlocks())
    inner = draw.counted(k, schedule.chunk_size(k))
    return Cell(draw.onemax(k), Repeating(inner, draw.rate()), schedule, draw.runner(2), budget=None)


def hidden_repeats(draw):
    k = draw.k()
    g = draw.g(k)
    schedule = draw.one(RoundRobin(g), OnlyIncorrect(g), AllBlocks())
    part = Repeating(draw.counted(k, schedule.chunk_size(k)), draw.rate())
    for _ in range(draw.one(1, 1, 2)):
        spoilt = Malformed(part, rate=draw.rate(), per_block=draw.one(0.0, draw.share()))
        part = draw.one(Refuse(part, draw.rate()), spoilt)
    return Cell(draw.onemax(k), part, schedule, OnePlusLambda(1, draw.one("strict", "weak")), budget=None)


def misread(draw):
    k = draw.k()
    mutator = Malformed(draw.plain(), draw.one(1.0, *(draw.share() for _ in range(4))))
    return Cell(draw.onemax(k), mutator, UntilResolved(invalid="down"), draw.runner(3), budget=None)


def heavy(name, cell):
    """Whether mean and second moment of a row of Beta laws are infinite: E[p^-1] and E[p^-2] are for a <= 1 and 2."""
    k = cell.problem.k if "whole" in name and isinstance(cell.mutator, BetaRunQuality) else 1
    return cell.mutator.a <= k, cell.mutator.a <= 2 * k


def worlds(cell, second):
    """What runs draw of their own as nodes of a rule, and the weights of these."""
    if not isinstance(cell.mutator, BetaBlocks | BetaRunQuality):
        return World(), None
    a, b = cell.mutator.a, cell.mutator.b
    each = cell.problem.k if isinstance(cell.mutator, BetaBlocks) else 1
    down = max(0.1, a - second * (1 if each > 1 or cell.chunks.g == 1 else cell.problem.k))
    nodes, weights = logit_nodes(a, b, 0.35 if each > 1 else 0.15, -38.0 / down, 38.0 / b)
    if each == 1 and isinstance(cell.mutator, BetaRunQuality):
        return World(quality=np.array(nodes)), np.array(weights)
    grid = [np.array(axis) for axis in zip(*product(nodes, repeat=each), strict=True)]
    share = np.array([np.prod(some) for some in product(weights, repeat=each)])
    return World(difficulty=grid), share


ROWS = {
    "one block a call until resolved": Case(counted(UntilResolved)),
    "chunks in turn": Case(counted(RoundRobin)),
    "random chunks": Case(counted(UniformChunk)),
    "only incorrect chunks": Case(counted(OnlyIncorrect)),
    "global mutation": Case(counted(AllBlocks)),
    "spilling, whole solutions": Case(special(AllBlocks, spill)),
    "spilling, only incorrect blocks": Case(special(OnlyIncorrect, spill)),
    "spilling, random blocks": Case(special(UniformChunk, spill)),
    "blocks that differ, whole solutions": Case(special(AllBlocks, per_block, "any_problem")),
    "blocks that differ, only incorrect blocks": Case(special(OnlyIncorrect, per_block)),
    "blocks that differ, one block a call until resolved": Case(special(UntilResolved, per_block)),
    "blocks that differ, in turn": Case(special(RoundRobin, per_block)),
    "blocks that differ, random blocks": Case(special(UniformChunk, per_block, runner=lone)),
    "difficulties drawn, whole solutions": Case(special(AllBlocks, beta_blocks, "any_problem", lone)),
    "difficulties drawn, only incorrect blocks": Case(special(OnlyIncorrect, beta_blocks, runner=lone)),
    "difficulties drawn, one block a call until resolved": Case(special(UntilResolved, beta_blocks, runner=lone)),
    "difficulties drawn, in turn": Case(special(RoundRobin, beta_blocks)),
    "difficulties drawn, random blocks": Case(special(UniformChunk, beta_blocks, runner=lone)),
    "quality of a run, in turn": Case(special(RoundRobin, beta_quality)),
    "quality of a run, whole solutions": Case(special(AllBlocks, beta_quality, "any_problem")),
    "quality of a run, only incorrect blocks": Case(special(OnlyIncorrect, beta_quality, runner=lone)),
    "quality of a run, one block a call until resolved": Case(special(UntilResolved, beta_quality, runner=lone)),
    "quality of a run, random blocks": Case(special(UniformChunk, beta_quality, runner=lone)),
    "boundaries that miss, whole solutions": Case(special(AllBlocks, misaligned)),
    "boundaries that miss, random blocks": Case(special(UniformChunk, misaligned)),
    "boundaries that miss, only incorrect blocks": Case(special(OnlyIncorrect, misaligned)),
    "success that rises with use, whole solutions": Case(special(AllBlocks, learning, "any_problem"), Learns),
    "fitness of the number of correct blocks": Case(on_counts("counts")),
    "a needle, in turn": Case(needle),
    "leading blocks, whole solutions": Case(stationary),
    "leading blocks, random blocks": Case(counted(UniformChunk, leading)),
    "leading blocks, in turn": Case(counted(RoundRobin, leading)),
    "leading blocks, only incorrect blocks": Case(counted(OnlyIncorrect, leading)),
    "leading blocks, one block a call until resolved": Case(counted(UntilResolved, leading)),
    "no evaluator": Case(on_counts("counts", trusting)),
    "all solutions, one by one, no evaluator": Case(everywhere_trusting),
    "parent and offspring judged afresh": Case(on_counts(seen, picky), Seen),
    "judged on a minibatch": Case(on_counts(minibatch, lone), Seen),
    "the parent keeps the value that it was accepted with": Case(
        on_counts(stored, lone), Stored, "a stored value is a real number: densities on a grid, P(hit <= t) to 1e-4"
    ),
    "judgements that last, only incorrect blocks": Case(counted(OnlyIncorrect, lasting), Lasting),
    "judgements that last, random blocks": Case(counted(UniformChunk, lasting), Lasting),
    "whole solutions that do not depend on the parent": Case(fresh, Kept),
    "several solutions kept": Case(on_counts(counted_rises, kept), Kept),
    "the best of each cell of a feature grid": Case(on_counts("counts", gridded), Gridded),
    "merged rounds, chunks in turn": Case(rounds(RoundRobin), Rounds),
    "merged rounds, only incorrect chunks": Case(rounds(OnlyIncorrect), Rounds),
    "one offspring a block, one kept": Case(each_chunk),
    "all solutions, one by one, whole solutions": Case(special(AllBlocks, blocks_apart, "any_problem")),
    "all solutions, one by one": Case(everywhere),
    "all solutions, one by one, seen through evaluators that err": Case(everywhere_seen, Seen),
    "answers given again": Case(repeats, Repeats),
    "answers given again, some of them hidden": Case(hidden_repeats, HiddenRepeats),
    "one block a call until resolved, malformed output misread": Case(misread),
}
