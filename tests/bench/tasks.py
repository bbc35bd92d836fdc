"""What the contestants of a benchmark are to do: one search each, so small that everybody can write it down."""

from dataclasses import dataclass

from evo import AllBlocks, OnePlusLambda, RoundRobin, UniformChunk, UntilResolved
from evo.costs.budget import Budget
from experiments import Cell
from operators import FixKeep, Resample, Sparse
from problems import BlockOneMax

MOST_BLOCKS = 2**20
"""Blocks that a run of GLOBAL or of bits rewrites at the most where each block is drawn: whole runs take minutes."""
GLOBAL_CALLS = 4096
"""Calls of a run of GLOBAL where not every block is drawn: a whole one would have some 2^k."""
FAR = 10**7
"""A budget that no run comes to: a search whose mean is not known needs one."""
ONE_CHUNK = {"local": UniformChunk, "resolved": UntilResolved, "rounds": RoundRobin}
"""Which chunk a call rewrites: one at random; the same until one of its offspring differs; the next one."""


@dataclass(frozen=True)
class Task:
    """A (1+lambda)-EA on k blocks, all incorrect at first; it accepts what is strictly better.

    Attributes:
        kind: "global" rewrites all blocks, those of `ONE_CHUNK` g, each correct afterwards w.p. p; "bits" flips each
            w.p. 1/k (standard bit mutation).
        k: blocks.
        lam: offspring a generation.
        p: of the rewritten blocks; for bits 1/k.
        g: blocks of a chunk.
    """

    kind: str
    k: int
    lam: int
    p: float
    g: int = 1

    @property
    def name(self):
        of = "" if self.kind == "bits" else f", p = {self.p:g}"
        of = f", g = {self.g}{of}" if self.g > 1 else of
        return f"{self.kind}{of}, lam = {self.lam}"

    @property
    def calls(self):
        """Calls a run at the most where each is made; None: to the optimum."""
        return None if self.kind in ONE_CHUNK else min(4096, MOST_BLOCKS // self.k)

    def next_chunk(self, chunk, moved):
        """The chunk of the next generation; of "local" it is not asked. Numbers, or arrays of a number a run."""
        return (chunk + (moved if self.kind == "resolved" else 1)) % (self.k // self.g)

    def cell(self):
        """As the engines have it; what calls cost them depends on the time of a run: theirs are whole."""
        calls = GLOBAL_CALLS if self.kind == "global" else FAR if self.g > 1 else None
        flips = Sparse(FixKeep(fix=1.0, keep=0.0), rate=self.p)
        mutator = flips if self.kind == "bits" else Resample(self.p)
        schedule = ONE_CHUNK[self.kind](self.g) if self.kind in ONE_CHUNK else AllBlocks()
        budget = None if calls is None else Budget(calls=calls)
        return Cell(BlockOneMax(self.k, l=16), mutator, schedule, OnePlusLambda(self.lam), budget=budget)


TASKS = [
    Task(kind, k, lam, p or 1 / k, *g)
    for k in (64, 1024)
    for kind, lam, p, *g in (
        ("global", 1, 0.5),
        ("global", 1, 0.3),
        ("local", 1, 0.5),
        ("local", 64, 0.5),
        ("resolved", 1, 0.5),
        ("rounds", 1, 0.5),
        ("local", 1, 0.5, 4),
        ("local", 64, 0.5, 4),
        ("resolved", 1, 0.5, 4),
        ("bits", 1, None),
        ("bits", 64, None),
    )
]
