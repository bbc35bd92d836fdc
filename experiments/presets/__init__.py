"""Presets: frameworks for LLM-driven evolution in this project's parts."""

from experiments.grids.outside.arm_toml import as_arm
from experiments.presets.frameworks import PRESETS, Preset, preset

__all__ = ["PRESETS", "Preset", "as_arm", "preset"]
