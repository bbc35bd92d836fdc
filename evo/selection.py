"""The former name of `evo.runners.archives`, kept for one release."""

import warnings

from evo.runners.archives import *  # noqa: F403  # all that stood here

warnings.warn("evo.selection is now evo.runners.archives", DeprecationWarning, stacklevel=2)
