"""Exact laws of runs: how many generations and calls a cell of the block model takes, without a random number.

A schedule's function returns a `RunLaw` of two `TimeLaw`s; labels such as 2h are those of the theory notes.
"""

from evo.theory.all_blocks import all_blocks
from evo.theory.chain import MAX_STATES, AbsorbingChain, death_chain
from evo.theory.chunks import Layout
from evo.theory.closed import Geometric, NegativeBinomial
from evo.theory.derived import MomentsOnly, Scaled
from evo.theory.evolution import harmonic, speedup_sequential, speedup_uniform, speedup_whole_prompt
from evo.theory.only_incorrect import only_incorrect
from evo.theory.round_robin import HORIZON, round_robin
from evo.theory.run import RunLaw
from evo.theory.starts import Start
from evo.theory.times import TimeLaw
from evo.theory.tokens import call_sums, passes
from evo.theory.uniform_chunk import uniform_chunk
from evo.theory.until_resolved import until_resolved

__all__ = [
    "HORIZON",
    "MAX_STATES",
    "AbsorbingChain",
    "Geometric",
    "Layout",
    "MomentsOnly",
    "NegativeBinomial",
    "RunLaw",
    "Scaled",
    "Start",
    "TimeLaw",
    "all_blocks",
    "call_sums",
    "death_chain",
    "harmonic",
    "only_incorrect",
    "passes",
    "round_robin",
    "speedup_sequential",
    "speedup_uniform",
    "speedup_whole_prompt",
    "uniform_chunk",
    "until_resolved",
]
