"""What runs cost: the ledger of counts, prices, budgets and latencies."""

from evo.costs.budget import Budget
from evo.costs.latency import Latency
from evo.costs.ledger import LEDGER, Prompt
from evo.costs.prices import LLMPrimitive, QuadraticPrimitive, TokenPrices

__all__ = ["LEDGER", "Budget", "LLMPrimitive", "Latency", "Prompt", "QuadraticPrimitive", "TokenPrices"]
