"""The former name of `evo.laws.mixtures`, kept for one release."""

import warnings

from evo.laws.mixtures import *  # noqa: F403  # all that stood here

warnings.warn("evo.mixtures is now evo.laws.mixtures", DeprecationWarning, stacklevel=2)
