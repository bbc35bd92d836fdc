"""Tables of calls: every kind of file gives the same calls, and each fault is named by file, line and column."""

import gzip
import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from evo.errors import InputError
from experiments.logs import table
from experiments.logs.columns import CLASS_OF, COLUMNS
from experiments.logs.formats import read_calls
from experiments.logs.recorded import SCHEMA
from experiments.logs.table import _csv, _json_lines, json_objects

HEAD = "g,incorrect,repaired,kept,outcome,seconds,price\n"
ROWS = "5,3,1,2,ok,2.5,0.001\n5,2,,,no_parse,1.5,\n"


def written(tmp_path, text, name="calls.csv"):
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def same(left, right):
    return all(
        np.array_equal(left.number(name), right.number(name), equal_nan=True)
        if COLUMNS[name].is_number
        else np.array_equal(left.word(name), right.word(name))
        for name in COLUMNS
    )


def test_all_kinds_of_files_give_the_same_calls(tmp_path):
    calls = read_calls(written(tmp_path, HEAD + ROWS))
    assert calls.number("repaired")[0] == 1
    assert np.isnan(calls.number("price")[1])  # missing, not 0
    assert calls.classes.tolist() == ["applied", "malformed"]
    assert calls.lines.tolist() == [2, 3]
    objects = [
        dict(g=5, incorrect=3, repaired=1, kept=2, outcome="ok", seconds=2.5, price=0.001),
        dict(g=5, incorrect=2, outcome="no_parse", seconds=1.5, price=None),
    ]
    names = list(objects[0])
    columns = {name: [each.get(name) for each in objects] for name in names}
    pa.parquet.write_table(pa.table(columns), tmp_path / "calls.parquet")
    others = (
        written(tmp_path, gzip.compress((HEAD + ROWS).encode()), "calls.csv.gz"),
        written(tmp_path, gzip.compress(HEAD.encode()) + gzip.compress(ROWS.encode()), "in_two_parts.csv.gz"),
        written(tmp_path, (HEAD + ROWS).replace(",", " , "), "spaces.csv"),
        written(tmp_path, "\n".join(map(json.dumps, objects)) + "\n\n", "calls.jsonl"),
        written(tmp_path, b"\xef\xbb\xbf" + (HEAD + ROWS).replace("\n", "\r\n").encode(), "windows.csv"),
        tmp_path / "calls.parquet",
    )
    for file in others:
        assert same(read_calls(file), calls), file


@pytest.mark.parametrize(("part", "whole"), [
    ("incorrect", "g"), ("repaired", "incorrect"), ("kept", "incorrect"), ("broken", "incorrect"),
    ("correct", "incorrect"), ("malformed_calls", "calls"), ("tokens_cached", "tokens_in"),
    ("tokens_reasoning", "tokens_out"),
])  # fmt: skip
def test_a_part_is_told_with_its_whole_and_is_no_more_than_it(part, whole, tmp_path):
    """Of 7 blocks 3 are incorrect, so that 4 are correct; of anything else the whole is 4, too."""
    with pytest.raises(InputError, match=rf"line 2: {whole}: expected a number, since {part} has one, got none"):
        read_calls(written(tmp_path, f"seconds,{part}\n1,0\n"))
    wholes = {"g": 7, "incorrect": 3, "calls": 4, "tokens_in": 4, "tokens_out": 4}
    most = {"incorrect": 7, "repaired": 3}.get(part, 4)
    given = {name: wholes[name] for name in ("g", "incorrect", whole) if name != part}
    for value in (most, most + 1):
        text = ",".join([*given, part]) + "\n" + ",".join(map(str, [*given.values(), value])) + "\n"
        if value == most:
            assert read_calls(written(tmp_path, text)).number(part).tolist() == [most]
        else:
            with pytest.raises(
                InputError, match=rf"line 2: {part}: expected (at most|correct =) .*= {most}, got {value}$"
            ):
                read_calls(written(tmp_path, text))


@pytest.mark.parametrize(("name", "fine", "wrong"), [
    ("tokens_in", (0, 2**53), (-1, 2**53 + 2, 0.5)), ("g", (1, 2**53), (0, 2**53 + 2)), ("price", (0, 0.25), (-1e-9,)),
    ("seconds", (1e-9,), (0, -1)), ("evaluation_seconds", (1e-9,), (0,)), ("model", ("m" * 200,), ("m" * 201,)),
])  # fmt: skip
def test_a_value_at_its_limit_is_read_and_one_beyond_it_is_not(name, fine, wrong, tmp_path):
    for value in fine:
        calls = read_calls(written(tmp_path, f"calls,{name}\n1,{value}\n"))
        assert (calls.number(name) if COLUMNS[name].is_number else calls.word(name)).tolist() == [value]
    for value in wrong:
        with pytest.raises(InputError, match=f"line 2: {name}: expected"):
            read_calls(written(tmp_path, f"calls,{name}\n1,{value}\n"))


def test_columns_that_are_not_used_are_told_with_the_nearest_name(tmp_path):
    calls = read_calls(written(tmp_path, "g,repared\n3,1\n"))
    assert calls.unused == ("repared; did you mean 'repaired'?",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "expected a table of calls, got an empty file"),
        (HEAD, "expected a row for each call, got none"),
        ("a,b\n1,2\n", "got none of what is measured"),
        ("g,g\n1,1\n", "line 1: expected each column's name once, got 'g'"),
        ("g,,k\n1,1,1\n", "line 1: expected each column's name once, got ''"),
        ("g,k\n1\n", "line 2: expected 2 values, one a column, got 1"),
        ("g,k\n1,1,1\n", "line 2: expected 2 values, one a column, got 3"),
        ("g,k\n1,1\n1,1,\n", "line 3: expected 2 values, one a column, got 3"),
        ("g\n1\n\n2.5\n", "line 4: g: expected a whole number >= 1, got '2.5'"),
        ("g\n0\n", "line 2: g: expected a whole number >= 1, got '0'"),
        ("g\nfive\n", "line 2: g: expected a whole number >= 1, got 'five'"),
        ("g\n1e400\n", "line 2: g: expected a whole number >= 1, got '1e400'"),
        ("g\n1_0\n", "line 2: g: expected a whole number >= 1, got '1_0'"),
        ("g,k\n5,4\n", "line 2: g: expected at most k = 4, got 5"),
        ("g,incorrect\n3,4\n", "line 2: incorrect: expected at most g = 3, got 4"),
        ("g,incorrect,repaired\n3,1,2\n", "line 2: repaired: expected at most incorrect = 1, got 2"),
        ("g,incorrect,kept\n3,1,3\n", "line 2: kept: expected at most g - incorrect = 2, got 3"),
        ("g,incorrect,kept,broken\n3,1,1,0\n", "line 2: kept: expected kept + broken = g - incorrect = 2, got 1"),
        ("g,incorrect,correct\n3,1,1\n", "line 2: correct: expected correct = g - incorrect = 2, got 1"),
        ("g,repaired\n3,1\n", "line 2: incorrect: expected a number, since repaired has one, got none"),
        ("tokens_in,tokens_cached\n10,11\n", "line 2: tokens_cached: expected at most tokens_in = 10, got 11"),
        ("tokens_out,tokens_reasoning\n10,11\n", "line 2: tokens_reasoning: expected at most tokens_out = 10"),
        ("seconds\n-1\n", "line 2: seconds: expected seconds > 0 (leave empty what was not measured), got '-1'"),
        ("seconds\n0\n", "line 2: seconds: expected seconds > 0"),
        ("seconds\nnan\n", "line 2: seconds: expected a number (leave empty what was not measured), got 'nan'"),
        ("g,price\n1,-3\n", "line 2: price: expected a number >= 0, got '-3'"),
        ("g,outcome\n1,fine\n", "line 2: outcome: expected one of applied, ok"),
        ('g\n"1\n', "line 2: expected CSV, got"),
        (b"g\n1\n\xff\n", "line 3: expected UTF-8, got a byte 0xff"),
        ("g\n" + "1" * 200_000 + "\n", "line 2: expected CSV, got field larger than field limit"),
        ("g,model\n1,\x1b[31m\n", "line 2: model: expected at most 200 printable characters"),
    ],
)
def test_a_fault_is_named(tmp_path, text, told):
    with pytest.raises(
        InputError, match=re.escape("calls.csv: " + told) if not told.startswith("got") else told
    ) as found:
        read_calls(written(tmp_path, text))
    assert "\x1b" not in str(found.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"g": 1}\n{"g": 2', "line 2: expected one JSON object a line, got a syntax error at character"),
        ('{"g": 1, "g": 2}\n', "line 1: expected each name once, got 'g' twice"),
        ("[1]\n", "line 1: expected one JSON object a line, got [1]"),
        ('{"g": "5"}\n', "line 1: g: expected a number, not a word, got '5'"),
        ('{"g": true}\n', "line 1: g: expected a whole number >= 1, got True"),
        ('{"g": [1]}\n', "line 1: g: expected a whole number >= 1, got [1]"),
        ('{"g": 1, "outcome": 3}\n', "line 1: outcome: expected one of"),
        ('{"g": 1, "model": {"a": 1}}\n', "line 1: model: expected a word or a number"),
        ('{"g": ' + "[" * 100_000 + "\n", "line 1: expected one JSON object a line, got"),
        ('{"seconds": NaN}\n', "line 1: seconds: expected a number (leave empty"),
    ],
)
def test_a_fault_in_lines_of_json_is_named(tmp_path, text, told):
    with pytest.raises(InputError, match=re.escape(f"calls.jsonl: {told}")):
        read_calls(written(tmp_path, text, "calls.jsonl"))


def test_what_is_no_log_is_refused(tmp_path):
    for name, content, told in (
        ("calls.txt", b"g\n1\n", "expected a file that ends in .csv, .csv.gz, .jsonl, .parquet"),
        ("calls.parquet", b"PAR1 no such thing", "expected a Parquet table"),
        ("calls.csv.gz", b"g\n1\n", "cannot read the log: Error -3"),
        ("calls.csv.gz", gzip.compress(b"g\n1\n" * 99)[:-9], "expected whole gzipped bytes"),
    ):
        with pytest.raises(InputError, match=re.escape(told)):
            read_calls(written(tmp_path, content, name))
    with pytest.raises(InputError, match="got a folder with none of them"):
        read_calls(tmp_path)
    with pytest.raises(InputError, match="cannot read the log: No such file"):
        read_calls(tmp_path / "none.csv")
    with pytest.raises(
        InputError,
        match=r"--format: expected auto, .* got 'sve'; did you mean 'swe'",
    ):
        read_calls(tmp_path / "none.csv", "sve")


def test_a_log_asks_for_no_more_than_its_bounds(tmp_path, monkeypatch):
    bomb = gzip.compress(bytes(2**24))
    monkeypatch.setattr(table, "LOG_BYTES", 2**20)
    with pytest.raises(InputError, match="expected at most 1,048,576 bytes when unpacked"):
        read_calls(written(tmp_path, bomb, "bomb.csv.gz"))
    with pytest.raises(InputError, match="expected at most 1,048,576 bytes, got 1,048,577"):
        read_calls(written(tmp_path, bytes(2**20 + 1)))
    with pytest.raises(InputError, match="expected at most 200 columns, got 201"):
        read_calls(written(tmp_path, ",".join(f"c{i}" for i in range(201)) + "\n"))
    words = pa.table({"g": [1] * 9, "model": pa.array(["x" * 5000] * 9).dictionary_encode()})
    pa.parquet.write_table(words, tmp_path / "words.parquet")
    with pytest.raises(InputError, match="model: expected words of at most 1,000 bytes, got one of 5,000"):
        read_calls(tmp_path / "words.parquet")
    monkeypatch.setattr(table, "LOG_ROWS", 3)
    with pytest.raises(InputError, match="expected at most 3 rows, got more"):
        read_calls(written(tmp_path, "g\n" + "1\n" * 4))
    pa.parquet.write_table(pa.table({"g": [1] * 4}), tmp_path / "rows.parquet")
    with pytest.raises(InputError, match="expected at most 3 rows, got 4"):
        read_calls(tmp_path / "rows.parquet")


def test_a_test_is_a_block(tmp_path):
    head = "instance,calls,format_errors,f2p_total,f2p_passed,p2p_total,p2p_passed\n"
    calls = read_calls(written(tmp_path, head + "a,20,1,3,2,10,9\n"), "swe")
    found = {name: calls.number(name)[0] for name in ("g", "k", "incorrect", "repaired", "kept", "malformed_calls")}
    assert found == dict(g=13, k=13, incorrect=3, repaired=2, kept=9, malformed_calls=1)
    assert calls.lists_of_passing
    for row, told in (
        ("a,20,1,3,4,10,9", "line 2: f2p_passed: expected at most f2p_total = 3, got 4"),
        ("a,20,1,3,x,10,9", "line 2: f2p_passed: expected a whole number >= 0, got 'x'"),
        ("a,20,1,0,0,0,0", "line 2: f2p_total: expected a test at least"),
        ("a,20,21,3,2,10,9", "line 2: malformed_calls: expected at most calls = 20, got 21"),
    ):
        with pytest.raises(InputError, match=re.escape(told)):
            read_calls(written(tmp_path, head + row + "\n"), "swe")
    with pytest.raises(InputError, match="got no f2p_passed, p2p_total, p2p_passed"):
        read_calls(written(tmp_path, "f2p_total\n3\n"), "swe")


def test_islands_are_runs(tmp_path):
    head = "run,island,epoch,kind,model,latency_s,tokens_in,tokens_out,outcome\n"
    calls = read_calls(
        written(tmp_path, head + "0,1,2,code,pro,81.6,3734,11136,evalerr\n0,1,3,code,pro,,,,noresp\n"), "codeevolve"
    )
    assert (calls.word("run")[0], calls.word("call")[0], calls.number("seconds")[0]) == ("0/1", "2/code", 81.6)
    assert calls.classes.tolist() == ["applied", "error"]
    with pytest.raises(InputError, match="line 2: outcome: expected one of applied, ok, newbest"):
        read_calls(written(tmp_path, head + "0,1,2,code,pro,81.6,3734,11136,fine\n"), "codeevolve")


def test_each_outcome_has_one_class():
    assert set(CLASS_OF.values()) == {"applied", "malformed", "refused", "error"}


def test_kept_blocks_are_said_either_way_and_models_stand_by_how_often_they_are_called(tmp_path):
    head = "g,incorrect,kept,broken,model,kind\n"
    rows = "6,2,3,,a,x\n6,2,,1,b,y\n6,2,3,1,b,y\n6,2,,,b,x\n6,2,,4,c,z\n6,6,,0,c,z\n"
    calls = read_calls(written(tmp_path, head + rows))
    assert calls.kept.tolist()[:3] + calls.kept.tolist()[4:] == [3, 3, 3, 0, 0]
    assert np.isnan(calls.kept[3])
    assert calls.correct.tolist() == [4, 4, 4, 4, 4, 0]
    assert calls.groups("model") == [("b",), ("c",), ("a",)]
    assert calls.groups("model", "kind") == [("b", "y"), ("c", "z"), ("a", "x"), ("b", "x")]


@pytest.mark.parametrize(
    ("limit", "most", "read", "words"),
    [
        ("LOG_COLUMNS", 2, lambda: _csv("x.csv", "a,b,c\n"), "x.csv: expected at most 2 columns, got 3"),
        ("LOG_COLUMNS", 2, lambda: _json_lines("x", '{"a": 1}\n{"b": 1}\n{"c": 1}\n'),
         "x: expected at most 2 columns, got more"),
        ("LOG_LINE", 8, lambda: list(json_objects("x", '\n{"a": 11}\n')),
         "x: line 2: expected at most 8 characters, got 10"),
        ("LOG_LINE", 8, lambda: _csv("x.csv", ""), "x.csv: line 1: expected the names of columns, got none"),
        ("LOG_LINE", 8, lambda: _csv("x.csv", "a,,b\n"),
         "line 1: expected each column's name once, got '' in a bad place"),
        ("LOG_LINE", 8, lambda: _csv("x.csv", "a,b,a\n"),
         "line 1: expected each column's name once, got 'a' in a bad place"),
        ("LOG_LINE", 8, lambda: list(_csv("x.csv", "a,b\n1,2\n\n3\n")[1]),
         "x.csv: line 4: expected 2 values, one a column, got 1"),
    ],
)  # fmt: skip
def test_a_log_beyond_a_limit_is_refused_and_one_within_is_read(limit, most, read, words, monkeypatch):
    monkeypatch.setattr(table, limit, most)
    with pytest.raises(InputError) as refused:
        read()
    assert words in str(refused.value)
    monkeypatch.setattr(table, "LOG_COLUMNS", 3)
    monkeypatch.setattr(table, "LOG_LINE", 10)
    assert _csv("x.csv", "a,b,c\n")[0] == _json_lines("x", '{"a": 1}\n{"b": 1}\n{"c": 1}\n')[0] == ["a", "b", "c"]
    assert list(json_objects("x", '\n{"a": 11}\n')) == [(2, {"a": 11})]


def parquet(folder, **columns):
    pa.parquet.write_table(pa.table(columns), folder / "calls.parquet")
    return folder / "calls.parquet"


def recorded(folder, calls):
    lines = [{"schema": SCHEMA, "id": str(call), "g": 1, "outcome": "ok"} for call in range(calls)]
    return written(folder, "".join(json.dumps(line) + "\n" for line in lines), "calls.jsonl")


AT_THE_LIMIT = {
    "bytes when unpacked": (
        "LOG_BYTES", 80, lambda folder, rows: written(folder, gzip.compress(b"g\n" + b"1\n" * rows), "g.csv.gz"), 39,
        "cannot read the log: expected at most 80 bytes when unpacked, got more",
    ),
    "rows of CSV": (
        "LOG_ROWS", 3, lambda folder, rows: written(folder, "g\n" + "1\n" * rows), 3,
        "expected at most 3 rows, got more",
    ),
    "calls of a log of ours": ("LOG_ROWS", 3, recorded, 3, "expected at most 3 rows, got more"),
    "rows of Parquet": (
        "LOG_ROWS", 3, lambda folder, rows: parquet(folder, g=[1] * rows), 3, "expected at most 3 rows, got 4",
    ),
    "words of Parquet": (
        "LOG_WORD", 4, lambda folder, letters: parquet(folder, g=[1], model=["m" * letters]), 4,
        "model: expected words of at most 4 bytes, got one of 5",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", AT_THE_LIMIT)
def test_a_file_of_just_what_a_log_may_have_is_read(what, tmp_path, monkeypatch):
    limit, most, file_of, last, words = AT_THE_LIMIT[what]
    monkeypatch.setattr(table, limit, most)
    assert read_calls(file_of(tmp_path, last)).number("g").sum() == (1 if "words" in what else last)
    with pytest.raises(InputError, match=words):
        read_calls(file_of(tmp_path, last + 1))
