"""Where third-party parts came from, how they differ from those of before, and which of them are imported again."""

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from evo import AllBlocks, OnePlusLambda
from evo.errors import EvoError, InputError, OperatorError
from evo.foreign import _is_third_party, blame_part, describe_error
from evo.identity import identity_of
from experiments import Cell
from experiments.store.launches.state import state_file
from experiments.store.third_party.origins import Origin, compared, origins
from experiments.store.third_party.recall import _source_file, recall
from experiments.store.third_party.recorded import Recorded, record, recorded
from operators import Refuse, Resample
from problems import BlockOneMax

PART = "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Op:\n    rate: float = 0.5\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a package of the user's, whose state is kept beside it, and nothing of it after the test."""
    for name in ("XDG_STATE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "state"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "parts_of_mine" / "inner").mkdir(parents=True)
    for name in ("__init__", "op", "inner/__init__", "inner/op"):
        (tmp_path / "parts_of_mine" / f"{name}.py").write_text(PART)
    yield tmp_path
    for name in [each for each in sys.modules if each.startswith("parts_of_mine")]:
        del sys.modules[name]


# ------------------------------------------------------------------------------------------- origins


def test_what_made_earlier_runs_is_kept_one_after_the_other():
    first = Origin("m", "m:Op", "/a", "1", ("0",), {"a": "1"})
    second, third = (Origin("m", sha256=each, reads={"a": each}) for each in "23")
    made = compared({"m.Op": first}, {"m.Op": second})
    assert made.changed == {"m.Op": "a was 1 and is 2"}
    assert made.told == []
    assert made.origins == {"m.Op": Origin("m", "m:Op", "/a", "2", ("0", "1"), {"a": "2"})}
    assert compared(made.origins, {"m.Op": third}).origins["m.Op"].earlier == ("0", "1", "2")


def test_what_is_the_same_is_no_change_and_what_is_new_is_added():
    old, new = Origin("m", "m:Op", "/a", "1", reads={"a": "1"}), Origin("n", "n:Other", "/b", "2", reads={"b": "1"})
    other_name = Origin("m", "m:Again", None, "1", reads={"a": "1"})
    made = compared({"m.Op": old}, {"n.Other": new, "m.Op": other_name})
    assert (made.changed, made.told) == ({}, [])
    assert made.origins == {"m.Op": other_name, "n.Other": new}
    assert compared({"m.Op": old}, {}).origins == {"m.Op": old}


@dataclass(frozen=True)
class Reads:
    """Reads twice what nobody can see."""

    def rewrite(self, correct, rng):
        return correct & bool(open("rate").read()) & bool(eval("1"))


def test_all_that_cannot_be_seen_is_told():
    found, told = origins((Cell(BlockOneMax(2, 4), Reads(), AllBlocks(), OnePlusLambda()),))
    assert [(each.module, each.named, each.earlier) for each in found.values()] == [(__name__, None, ())]
    assert told == [
        f"{__name__}.Reads reads what cannot be seen, so a change of it goes unnoticed: what {__name__}.Reads.rewrite "
        f"gets from eval as it runs; what {__name__}.Reads.rewrite gets from open as it runs"
    ]


# ------------------------------------------------------------------------------------------- what launches recorded


def test_launches_record_the_files_of_modules_of_each_folder(folder):
    sys.path.append(str(folder))
    __import__("parts_of_mine.op")
    where = folder / "out"
    ours = {"parts_of_mine.op.Op": Origin("parts_of_mine.op", folder=str(folder))}
    assert record(where, {"__main__.Op": Origin("__main__"), "nowhere.Op": Origin("nowhere")}) == ""
    assert not state_file("launches", where).exists()
    assert record(where, ours) == ""
    file = folder / "parts_of_mine" / "op.py"
    told = Recorded(str(file.resolve()), hashlib.sha256(file.read_bytes()).hexdigest(), str(folder))
    assert recorded(where) == {"parts_of_mine.op.Op": told}
    package = {"parts_of_mine.Op": Origin("parts_of_mine")}
    assert record(where, package | {"__main__.Op": Origin("__main__")}) == ""
    assert sorted(recorded(where)) == ["parts_of_mine.Op", "parts_of_mine.op.Op"]  # those of before are kept
    assert recorded(folder / "other") == {}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"results": 3}',
        '{"results": RESULTS, "parts": {"a": {"b": 1}}}',
        '{"results": RESULTS, "parts": []}',
        '{"results": RESULTS, "parts": {"a": 3}}',
        '{"results": RESULTS}',
    ],
)
def test_a_record_that_cannot_be_read_or_is_of_another_folder_is_none(content, folder):
    file = state_file("launches", folder / "out")
    file.parent.mkdir(parents=True)
    file.write_text(content.replace("RESULTS", json.dumps(str((folder / "out").resolve()))))
    assert recorded(folder / "out") == {}
    kept = {"file": "f", "sha256": "s", "folder": None}
    for results, parts in ((folder / "out", {"a": Recorded(**kept)}), (folder / "other", {})):
        file.write_text(json.dumps({"results": str(results.resolve()), "parts": {"a": kept}}))
        assert recorded(folder / "out") == parts


def test_a_record_that_cannot_be_written_says_what_follows(folder):
    sys.path.append(str(folder))
    __import__("parts_of_mine")
    (folder / "state").write_text("a file")
    said = record(folder / "out", {"parts_of_mine.Op": Origin("parts_of_mine")})
    assert "check and report will import no parts of yours" in said


def test_where_nobody_has_a_home_nothing_is_recorded(folder, monkeypatch):
    sys.path.append(str(folder))
    __import__("parts_of_mine")

    def homeless(*of):
        raise RuntimeError("could not determine home directory")

    monkeypatch.setattr("experiments.store.third_party.recorded.state_file", homeless)
    assert recorded(folder / "out") == {}
    said = record(folder / "out", {"parts_of_mine.Op": Origin("parts_of_mine")})
    assert "will import no parts of yours (could not determine home directory)" in said


def test_a_module_whose_file_has_gone_is_not_recorded(folder):
    sys.path.append(str(folder))
    __import__("parts_of_mine.op")
    (folder / "parts_of_mine" / "op.py").unlink()
    assert record(folder / "out", {"parts_of_mine.op.Op": Origin("parts_of_mine.op")}) == ""
    assert recorded(folder / "out") == {}


def test_a_file_is_the_same_by_whatever_link_it_is_found(folder):
    (folder / "link").symlink_to(folder)
    sys.path.append(str(folder / "link"))
    __import__("parts_of_mine.op")
    held = {"parts_of_mine.op.Op": Origin("parts_of_mine.op", folder=str(folder / "link"))}
    assert record(folder / "out", held) == ""
    told = recorded(folder / "out")["parts_of_mine.op.Op"]
    assert told.file == str((folder / "parts_of_mine" / "op.py").resolve())
    for name in ("parts_of_mine.op", "parts_of_mine"):
        del sys.modules[name]
    recall(folder / "out", held, "parts_of_mine.op.Op", allowed=False)
    assert "parts_of_mine.op" in sys.modules


# ------------------------------------------------------------------------------------------- what is imported again


def launched(folder, name="parts_of_mine.inner.op"):
    """What a launch has recorded of a part and its folder says of it, in a process that has not imported it."""
    file = folder.joinpath(*name.split(".")).with_suffix(".py")
    parts = {f"{name}.Op": {"file": str(file.resolve()), "folder": str(folder)}}
    parts[f"{name}.Op"]["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    kept = state_file("launches", folder / "out")
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps({"results": str((folder / "out").resolve()), "parts": parts}))
    return {f"{name}.Op": Origin(name, folder=str(folder))}, file


def test_a_part_of_a_package_in_a_package_is_found_in_the_folder_of_the_launch(folder):
    held, _ = launched(folder)
    recall(folder / "out", held, "parts_of_mine.inner.op.Op", allowed=False)
    assert "parts_of_mine.inner.op" in sys.modules
    recall(folder / "out", held, "parts_of_mine.inner.op.Op", allowed=False)  # it is loaded


def test_a_finder_of_an_older_kind_is_passed_over(monkeypatch):
    monkeypatch.setattr(sys, "meta_path", [object(), *sys.meta_path])
    assert _source_file("json.decoder") == Path(json.decoder.__file__)


@pytest.mark.parametrize("other", ["elsewhere", None])
def test_a_part_of_another_folder_than_the_launch_had_is_not_imported(other, folder):
    held, _ = launched(folder)
    (name,) = held
    with pytest.raises(InputError, match="no launch of yours has recorded it"):
        recall(folder / "out", {name: Origin(held[name].module, folder=other)}, name, allowed=False)
    with pytest.raises(InputError, match="no launch of yours has recorded it"):
        recall(folder / "out2", held, name, allowed=False)
    assert "parts_of_mine" not in sys.modules
    recall(folder / "out", {name: Origin(held[name].module, folder=other)}, name, allowed=True)


def test_a_file_that_is_another_or_elsewhere_than_at_the_launch_is_not_imported(folder):
    held, file = launched(folder)
    (name,) = held
    file.write_text(PART + "# more\n")
    with pytest.raises(InputError, match=r"the source of the part .* has changed since"):
        recall(folder / "out", held, name, allowed=False)
    file.unlink()
    (file.with_suffix("")).mkdir()
    (file.with_suffix("") / "__init__.py").write_text(PART)  # the same source in another place
    with pytest.raises(InputError, match=r"the source of the part .* has changed since"):
        recall(folder / "out", held, name, allowed=False)
    assert "parts_of_mine" not in sys.modules
    recall(folder / "out", held, name, allowed=True)


def test_a_part_that_reads_something_else_than_it_did_is_refused(folder):
    held, _ = launched(folder)
    (name,) = held
    recall(folder / "out", held, name, allowed=False)
    module = held[name].module
    reads = dict(identity_of(sys.modules[module].Op).reads)
    recall(folder / "out", {name: Origin(module, reads=reads)}, name, allowed=False)
    told = f"^the part {name} has changed since these results were made: {name}.rate was 0.9 and is 0.5$"
    with pytest.raises(InputError, match=told):
        recall(folder / "out", {name: Origin(module, reads=reads | {f"{name}.rate": "0.9"})}, name, allowed=False)


@pytest.mark.parametrize("module", ["parts_of_mine.gone", "parts_of_mine.op.inside", "gone_of_mine"])
def test_a_module_that_is_not_there_is_said_to_be_missing(module, folder):
    name = f"{module}.Op"
    said = rf"the part '{name}' \('m:Op' in the grid\) is not found: no module '{module}' in {folder} or on the path"
    with pytest.raises(InputError, match=said):
        recall(folder / "out", {name: Origin(module, "m:Op", str(folder))}, name, allowed=True)
    with pytest.raises(InputError, match=f"no module '{module}' on the path of this Python"):
        recall(folder / "out", {}, name, allowed=True)


# ------------------------------------------------------------------------------------------- who raised an error

LIBRARIES = ("numpy", "scipy", "pandas")


def test_files_of_the_testbed_of_python_and_of_numerical_libraries_are_no_third_partys():
    homes = {name: Path(sys.modules[name].__file__).parent for name in LIBRARIES if name in sys.modules}
    installed = homes["numpy"].parent
    own = Path(describe_error.__code__.co_filename)
    python = Path(json.__file__)
    none = [own, own.parents[1] / "operators" / "x.py", python, *(installed / each / "a.py" for each in LIBRARIES)]
    assert not any(_is_third_party(str(each)) for each in [*none, "<string>", "<frozen importlib._bootstrap>"])
    theirs = [python.parents[1] / "site-packages" / "x.py", installed / "numpyro" / "a.py", own.parents[1] / "x.py"]
    assert all(_is_third_party(str(each)) for each in [*theirs, "/home/me/op.py", "<stdin>", "<ipython-input-1>"])


def test_the_innermost_line_of_a_third_party_is_named():
    names = {"__name__": "mine"}
    exec(compile("def f(): return 1 / 0\n", "/home/me/inner.py", "exec"), names)
    exec(compile("\n\ndef g(): return f()\n", "/home/me/outer.py", "exec"), names)
    with pytest.raises(ZeroDivisionError) as caught:
        names["g"]()
    assert describe_error(caught.value) == (
        "mine.f raised ZeroDivisionError: division by zero (/home/me/inner.py, line 1)"
    )


def test_the_line_is_where_the_error_was_raised_and_not_where_the_function_went_on():
    names = {"__name__": "mine"}
    exec(compile("def f():\n    try:\n        1 / 0\n    finally:\n        f()\n", "/home/me/op.py", "exec"), names)
    names["g"], names["f"] = names["f"], lambda: None
    with pytest.raises(ZeroDivisionError) as caught:
        names["g"]()
    assert describe_error(caught.value).endswith("division by zero (/home/me/op.py, line 3)")


@dataclass(frozen=True)
class Mine:
    """A part of the user's."""

    def rewrite(self, correct, rng):
        return correct


class Plain:
    """What is no part, as a process of one's own may be."""


@pytest.mark.parametrize("part", [Mine(), Refuse(Mine(), 0.1), Plain()], ids=["part", "inside", "no part"])
@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3)], ids=["error", "exit"])
def test_errors_of_the_testbed_in_a_part_of_the_users_are_the_parts(part, error, monkeypatch):
    monkeypatch.setattr("evo.foreign._is_third_party", lambda file: False)
    with pytest.raises(OperatorError, match=rf"raised {type(error).__name__}: {error}"), blame_part(part, "law"):
        raise error
    with pytest.raises(type(error)) as caught, blame_part(Refuse(Resample(0.5), 0.1)):
        raise error
    assert caught.value is error


@pytest.mark.parametrize("error", [MemoryError("much"), InputError("said"), EvoError("said"), KeyboardInterrupt()])
def test_errors_that_are_not_a_parts_or_say_it_already_stay_what_they_are(error):
    with pytest.raises(type(error)) as caught, blame_part(Resample(0.5)):
        raise error
    assert caught.value is error
