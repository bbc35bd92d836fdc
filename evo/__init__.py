"""The core of the testbed: protocols, schedules, the (1+lambda)-EA, ledger and costs, exact theory.

Start with `evo.protocols`: the five parts a user can supply, and what passes between them and the engine.
"""

from evo import former
from evo.costs.budget import Budget
from evo.costs.latency import Latency
from evo.costs.ledger import LEDGER, Prompt
from evo.costs.overhead import Overhead
from evo.costs.prices import LLMPrimitive, QuadraticPrimitive, TokenPrices
from evo.errors import EvoError, InputError, NoPrediction, OperatorError
from evo.laws.counts import CallLaw, IndependentBlocks
from evo.protocols import Chunk, CostModel, InformedMutator, Mutator, Problem, Rewritten, Schedule
from evo.runners.archives import Archive, Islands, MuPlusLambda
from evo.runners.feature_grid import MapElites
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.runners.parallel import Asynchronous, Merged
from evo.schedules import (
    AllBlocks,
    Decomposed,
    EachChunk,
    OnlyIncorrect,
    RoundRobin,
    UniformChunk,
    UniformSubset,
    UntilResolved,
)
from evo.search import Search

__all__ = [
    "LEDGER",
    "AllBlocks",
    "Archive",
    "Asynchronous",
    "Budget",
    "CallLaw",
    "Chunk",
    "CostModel",
    "Decomposed",
    "EachChunk",
    "EvoError",
    "IndependentBlocks",
    "InformedMutator",
    "InputError",
    "Islands",
    "LLMPrimitive",
    "Latency",
    "MapElites",
    "Merged",
    "MuPlusLambda",
    "Mutator",
    "NoPrediction",
    "OnePlusLambda",
    "OnlyIncorrect",
    "OperatorError",
    "Overhead",
    "Problem",
    "Prompt",
    "QuadraticPrimitive",
    "Rewritten",
    "RoundRobin",
    "Schedule",
    "Search",
    "TokenPrices",
    "UniformChunk",
    "UniformSubset",
    "UntilResolved",
]

former.install()
