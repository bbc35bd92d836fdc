"""The core of the testbed: protocols, schedules, the (1+lambda)-EA, ledger and costs, exact theory.

Start with `evo.protocols`: the five parts a user can supply, and what passes between them and the engine.
"""

from evo.budget import Budget
from evo.costs import LLMPrimitive, QuadraticPrimitive, TokenPrices
from evo.decomposed import Decomposed
from evo.errors import EvoError, InputError, NoPrediction, OperatorError
from evo.latency import Latency
from evo.laws import CallLaw, IndependentBlocks
from evo.ledger import LEDGER, Prompt
from evo.overhead import Overhead
from evo.parallel_runners import Asynchronous, Merged
from evo.protocols import Chunk, CostModel, InformedMutator, Mutator, Problem, Rewritten, Schedule
from evo.runner import OnePlusLambda
from evo.schedules import (
    AllBlocks,
    EachChunk,
    OnlyIncorrect,
    RoundRobin,
    UniformChunk,
    UniformSubset,
    UntilResolved,
)
from evo.selection import Archive, Islands, MuPlusLambda

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
    "TokenPrices",
    "UniformChunk",
    "UniformSubset",
    "UntilResolved",
]
