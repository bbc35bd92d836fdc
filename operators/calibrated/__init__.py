"""Calls as they were measured on real models."""

from operators.calibrated.fading import Fading
from operators.calibrated.logged import FromLog
from operators.calibrated.measured import Measured
from operators.calibrated.repeating import Repeating

__all__ = ["Fading", "FromLog", "Measured", "Repeating"]
