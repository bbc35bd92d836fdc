"""How tables hold strings: as pandas 3 does, NaN where there is none, under pandas 2.3 too."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def string_type() -> pd.StringDtype:
    """The type of a column of strings: what pandas 3 calls "str", which before it is any object."""
    import pandas as pd

    return pd.StringDtype(na_value=np.nan)


def strings_inferred() -> AbstractContextManager[None]:
    """A context in which a new table, or one that is read, has columns of that type."""
    import pandas as pd

    always = int(pd.__version__.split(".")[0]) >= 3
    return nullcontext() if always else pd.option_context("future.infer_string", True)
