"""Reading results starts no thread of Arrow's, which could abort the process when it ends; other ways of reading do."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import os, sys
from io import BytesIO
from pathlib import Path
import pandas as pd
import pyarrow.parquet
from experiments.store.verify.on_this_thread import columns_of, frame_in, opened
content = Path(sys.argv[1]).read_bytes()
before = len(os.listdir("/proc/self/task"))
if sys.argv[2] == "ours":
    frame_in(content), columns_of(opened(content, ["word"]), ["word", "number0"]), columns_of(opened(content), ["word"])
else:
    pd.read_parquet(BytesIO(content))
print(len(os.listdir("/proc/self/task")) - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
@pytest.mark.parametrize(("way", "starts"), [("ours", False), ("that of pandas", True)])
def test_no_thread_is_left_of_reading(tmp_path, way, starts):
    file = tmp_path / "table.parquet"
    numbers = {f"number{i}": np.arange(500) for i in range(20)}
    pd.DataFrame({**numbers, "word": ["a"] * 500}).to_parquet(file)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(file), way], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (int(done.stdout) > 0) is starts
