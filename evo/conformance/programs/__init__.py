"""Checks of programs of calls."""

from evo.conformance.programs.checks import check_program, program_checks

__all__ = ["check_program", "program_checks"]
