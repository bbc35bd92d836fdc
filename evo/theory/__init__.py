"""Exact laws of runs: how many generations and calls a run of the block model takes, without a random number.

The public names. Each schedule's function returns a `RunLaw` of two `TimeLaw`s; `explored` gives the law of your own
schedule or operator from the moves of one offspring in each state. Labels such as 2h refer to docs/theory.md.
"""

from evo.theory.calls.passes import call_sums, passes
from evo.theory.calls.starts import Start
from evo.theory.chains.chain import MAX_STATES, AbsorbingChain, death_chain
from evo.theory.chains.explore import explored
from evo.theory.run_law import RunLaw
from evo.theory.schedules.all_blocks import all_blocks
from evo.theory.schedules.each_chunk import one_kept
from evo.theory.schedules.only_incorrect import only_incorrect
from evo.theory.schedules.round_robin import round_robin
from evo.theory.schedules.uniform_chunk import uniform_chunk
from evo.theory.schedules.until_resolved import until_resolved
from evo.theory.times.closed import Geometric, NegativeBinomial
from evo.theory.times.derived import MomentsOnly, Scaled
from evo.theory.times.law import TimeLaw

__all__ = [
    "MAX_STATES",
    "AbsorbingChain",
    "Geometric",
    "MomentsOnly",
    "NegativeBinomial",
    "RunLaw",
    "Scaled",
    "Start",
    "TimeLaw",
    "all_blocks",
    "call_sums",
    "death_chain",
    "explored",
    "one_kept",
    "only_incorrect",
    "passes",
    "round_robin",
    "uniform_chunk",
    "until_resolved",
]
