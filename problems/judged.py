"""A fitness observed through fallible judges of each block (theory 8c, 8e, 9d)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evo.errors import InputError
from evo.evaluation import Reading
from evo.parameters import choice, flag, probability, whole
from evo.protocols import BoolArray, FloatArray, IntArray, Problem
from evo.theory.calls.acceptance import expected_votes
from problems.seen import Seen

MOST_SAMPLES, MOST_VOTES, MOST_MEAN_VOTES = 1000, 10**6, 1000


@dataclass(frozen=True)
class Judged(Seen):
    """Each block is judged: an incorrect one is taken for correct w.p. fp, a correct one for incorrect w.p. fn.

    The observed fitness is that of the solution described by the judgements, averaged over `samples` rounds of judging
    (theory 8c). Within a round several judges may vote on each block: a majority of `votes` of them, or the first
    verdict to lead by `ahead` votes, which is wrong w.p. 1/(1+((1-f)/f)^ahead) instead of f (theory 9a).

    Attributes:
        problem: the inner problem.
        fp: P(one judge takes an incorrect block for correct).
        fn: P(one judge takes a correct block for incorrect).
        blocks: "all": each offspring is judged afresh as a whole; "changed": only the blocks that a call rewrote;
            the others keep the parent's judgements.
        samples: rounds of judging a solution, averaged.
        votes: judges that vote in a round, an odd number.
        ahead: instead of `votes`: judges are asked until one verdict leads by `ahead` votes.
        persistent: whether the same text always gets the same judgements: judging it again says nothing new, only a
            rewritten block is judged anew (theory 8e). Every block that a call answers for counts as rewritten, even if
            a refusal left it as it was.
        reevaluate: whether the parent is judged again each generation.

    An evaluation is one judge who looks at one solution (or at its changed blocks): `votes` x `samples` of them a
    solution; with `ahead` as many as the block that takes the most votes needs.

    >>> from problems import BlockOneMax
    >>> judged = Judged(BlockOneMax(k=2, l=16), fp=0.0, fn=0.0, samples=2, votes=3)
    >>> reading = judged.evaluate(np.array([[True, False]]), np.random.default_rng(1))
    >>> reading.seen, reading.evaluations
    (array([1.]), array([6]))
    """

    problem: Problem
    fp: float
    fn: float
    blocks: str = "all"
    samples: int = 1
    votes: int = 1
    ahead: int | None = None
    persistent: bool = False
    reevaluate: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        probability(self, "fp", "fn")
        choice(self, "blocks", ("all", "changed"))
        whole(self, "samples", least=1, most=MOST_SAMPLES)
        whole(self, "votes", least=1, most=MOST_VOTES)
        flag(self, "persistent", "reevaluate")
        if self.votes % 2 == 0:
            raise InputError(f"Judged: votes must be odd, so that there is no tie, got {self.votes}")
        if self.ahead is not None:
            whole(self, "ahead", least=1, most=MOST_VOTES)
            if self.votes > 1:
                raise InputError(f"Judged: expected votes or ahead, got both (votes={self.votes}, ahead={self.ahead})")
            votes = max(expected_votes(f, self.ahead) for f in (self.fp, self.fn))
            if votes > MOST_MEAN_VOTES:
                raise InputError(
                    f"Judged: ahead = {self.ahead} takes {votes:.3g} votes a block on average with fp = {self.fp}, "
                    f"fn = {self.fn}; at most {MOST_MEAN_VOTES:,} are simulated: take a smaller ahead"
                )

    @property
    def evaluations_each(self) -> tuple[float, float]:
        """Least and largest number of judges that see one solution."""
        if self.ahead is not None:
            return self.samples * self.ahead, math.inf
        return self.samples * self.votes, self.samples * self.votes

    def evaluate(
        self,
        correct: BoolArray,
        rng: Generator,
        changed: BoolArray | None = None,
        judgements: NDArray[np.generic] | None = None,
    ) -> Reading:
        """Judge n solutions, bool [n, k]; judgements are bool [n, samples, k], True: taken for correct."""
        said: BoolArray
        if self.persistent and changed is None and judgements is not None:
            said, votes = np.asarray(judgements, dtype=np.bool_), None  # the same texts
        else:
            said, votes = self._judge(correct, rng)
        if changed is not None and judgements is not None and (self.persistent or self.blocks == "changed"):
            said = np.where(changed[:, None], said, judgements)
            votes = None if votes is None else np.where(changed[:, None], votes, 0)
        seen = np.asarray(self.problem.fitness(said), dtype=np.float64).mean(axis=1)
        fewest = int(self.evaluations_each[0])
        judges = np.full(len(correct), fewest) if votes is None else votes.max(axis=2).sum(axis=1)
        return Reading(seen, judges, said)

    def _judge(self, correct: BoolArray, rng: Generator) -> tuple[BoolArray, IntArray | None]:
        """Fresh judgements, bool [n, samples, k], and the votes on each, int of that shape; None: `votes` each."""
        says_correct = np.where(correct, 1.0 - self.fn, self.fp)[:, None].repeat(self.samples, axis=1)
        if self.ahead is not None:
            return _first_ahead(says_correct, self.ahead, rng)
        if self.votes > 1:
            return rng.binomial(self.votes, says_correct) > self.votes // 2, None
        return rng.random(says_correct.shape) < says_correct, None


def _first_ahead(says_correct: FloatArray, ahead: int, rng: Generator) -> tuple[BoolArray, IntArray]:
    """Vote until one verdict leads: the verdict and the number of votes, in the shape of `says_correct`."""
    p = says_correct.reshape(-1)
    lead, votes = np.zeros(len(p), dtype=np.int64), np.zeros(len(p), dtype=np.int64)
    open_ = np.arange(len(p))
    while len(open_) > 0:
        lead[open_] += np.where(rng.random(len(open_)) < p[open_], 1, -1)
        votes[open_] += 1
        open_ = open_[np.abs(lead[open_]) < ahead]
    return (lead > 0).reshape(says_correct.shape), votes.reshape(says_correct.shape)
