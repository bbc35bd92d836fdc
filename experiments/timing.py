"""The former name of `experiments.reports.waiting`, kept for one release."""

import warnings

from experiments.reports.waiting import *  # noqa: F403  # all that stood here

warnings.warn("experiments.timing is now experiments.reports.waiting", DeprecationWarning, stacklevel=2)
