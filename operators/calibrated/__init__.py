"""Calls as they were measured on real models."""

from operators.calibrated.measured import Measured

__all__ = ["Measured"]
