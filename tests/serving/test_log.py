"""The log of calls: whole lines on the disk, one writer, nothing lost when its process is killed."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from evo.errors import InputError
from experiments.logs.recorded import SCHEMA
from experiments.serving.log import CallLog, strip

ROOT = Path(__file__).parents[2]
WRITER = """
import sys
from pathlib import Path
from experiments.logs.recorded import SCHEMA
from experiments.serving.log import CallLog
log = CallLog(Path(sys.argv[1]), new=False)
for number in range(10**6):
    log.write({"schema": SCHEMA, "call": number})
    print(number, flush=True)
"""


def test_two_writers_of_one_file_are_refused(tmp_path):
    log = CallLog(tmp_path / "calls.jsonl", new=True)
    with pytest.raises(InputError, match="written by another"):
        CallLog(tmp_path / "calls.jsonl", new=False)
    log.write({"schema": SCHEMA, "call": 1})
    log.close()
    with pytest.raises(InputError, match="expected a new file"):
        CallLog(tmp_path / "calls.jsonl", new=True)
    CallLog(tmp_path / "calls.jsonl", new=False).close()


def test_a_file_that_calibrate_would_not_read_or_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"ends in \.jsonl"):
        CallLog(tmp_path / "calls.csv", new=True)
    with pytest.raises(InputError, match="cannot write"):
        CallLog(tmp_path / "nowhere" / "calls.jsonl", new=True)
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "other")
    with pytest.raises(InputError, match="cannot write"):
        CallLog(tmp_path / "link.jsonl", new=True)


def test_half_a_line_of_a_killed_writer_is_cut_off(tmp_path):
    file = tmp_path / "calls.jsonl"
    file.write_text(f'{{"schema": "{SCHEMA}", "call": 1}}\n{{"cal')
    log = CallLog(file, new=False)
    assert log.cut == 5
    log.write({"call": 2})
    log.close()
    assert [json.loads(line)["call"] for line in file.read_text().splitlines()] == [1, 2]


def test_a_full_disk_leaves_no_half_a_line(tmp_path, monkeypatch):
    log = CallLog(tmp_path / "calls.jsonl", new=True)
    log.write({"schema": SCHEMA, "call": 1})
    real = os.write

    def full(file, content):
        if len(content) < 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, content[:10])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space left"):
            log.write({"schema": SCHEMA, "call": 2})
    log.write({"schema": SCHEMA, "call": 3})
    log.close()
    assert [json.loads(line)["call"] for line in log.path.read_text().splitlines()] == [1, 3]


def test_a_log_is_written_again_without_bodies_and_these_are_counted_one_by_one(tmp_path):
    """A line may have both of a call; one that is too long to be written is none."""
    sent = {"schema": SCHEMA, "id": "a", "g": 2, "request": "asked"}
    back = {"of": "a", "reply": "said", "price": 0.5}
    both = {"schema": SCHEMA, "id": "b", "request": "asked", "reply": "said"}
    long = {"schema": SCHEMA, "id": "c", "request": None, "request_characters": 10**6}
    (tmp_path / "calls.jsonl").write_text("".join(json.dumps(row) + "\n" for row in (sent, back, both, long)))
    assert strip(tmp_path / "calls.jsonl", tmp_path / "new.jsonl") == 4
    assert [json.loads(line) for line in (tmp_path / "new.jsonl").read_text().splitlines()] == [
        {"schema": SCHEMA, "id": "a", "g": 2}, {"of": "a", "price": 0.5}, {"schema": SCHEMA, "id": "b"},
        {"schema": SCHEMA, "id": "c", "request_characters": 10**6},
    ]  # fmt: skip


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_what_was_told_is_on_the_disk_when_the_process_is_killed(tmp_path):
    file = tmp_path / "calls.jsonl"
    command = [sys.executable, "-c", WRITER, str(file)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        told = [int(process.stdout.readline()) for _ in range(50)][-1]
        os.kill(process.pid, signal.SIGKILL)
    content = file.read_text()
    written = [json.loads(line)["call"] for line in content[: content.rfind("\n") + 1].splitlines()]
    assert written[: told + 1] == list(range(told + 1))
    CallLog(file, new=False).close()
