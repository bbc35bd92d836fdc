"""The former name of `experiments.grids.cell`, kept for one release."""

import warnings

from experiments.grids.cell import *  # noqa: F403  # all that stood here

warnings.warn("experiments.cell is now experiments.grids.cell", DeprecationWarning, stacklevel=2)
