"""Presets: frameworks for LLM-driven evolution in this project's parts."""

from experiments.presets.frameworks import PRESETS, Preset, preset
from experiments.presets.toml import as_arm

__all__ = ["PRESETS", "Preset", "as_arm", "preset"]
