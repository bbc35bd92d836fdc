"""Programs of calls: language-based algorithms (Definition 2.1) made of roles, each of which makes LLM calls."""

from evo.programs.desk import ENTRIES, Desk
from evo.programs.expected import Calls, Expected, certain, expected_ledger
from evo.programs.models import Catalogue, Model, size_for
from evo.programs.protocol import Program
from evo.programs.roles import Role

__all__ = [
    "ENTRIES",
    "Calls",
    "Catalogue",
    "Desk",
    "Expected",
    "Model",
    "Program",
    "Role",
    "certain",
    "expected_ledger",
    "size_for",
]
