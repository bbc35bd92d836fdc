"""The former name of `evo.engine.deap`, kept for one release."""

import warnings

from evo.engine.deap import *  # noqa: F403  # all that stood here

warnings.warn("evo.deap_engine is now evo.engine.deap", DeprecationWarning, stacklevel=2)
