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
frame_in(content), columns_of(opened(content, ["word"]), ["word", "number0"]), columns_of(opened(content), ["word"])
print(len(os.listdir("/proc/self/task")) - before)
pd.read_parquet(BytesIO(content))
print(len(os.listdir("/proc/self/task")) - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_no_thread_is_left_of_our_reading_and_one_is_of_that_of_pandas(tmp_path):
    file = tmp_path / "table.parquet"
    numbers = {f"number{i}": np.arange(500) for i in range(20)}
    pd.DataFrame({**numbers, "word": ["a"] * 500}).to_parquet(file)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(file)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    ours, that_of_pandas = map(int, done.stdout.split())
    assert ours == 0 < that_of_pandas
