"""Folders that a process holds: the next one removes what killed processes left, and nothing that may be another's."""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from experiments.store import held
from experiments.store.held import FolderForm, held_folder, locked

FORM = FolderForm(".x.", ".tmp", "0123456789abcdef", 32, re.compile(r"x|x/\d+|x/part|x/part/\d+"))
as_user = pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")


def left_in(parent: Path, digit: str = "0") -> Path:
    """A folder as a killed process leaves it in the middle of its work."""
    folder = parent / f".x.{digit * 32}.tmp"
    (folder / "x" / "part").mkdir(parents=True)
    for file in ("x/1", "x/2", "x/part/1"):
        (folder / file).write_text("half")
    return folder


def below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def is_removed(folder: Path) -> bool:
    """Whether the next folder in the same parent removes this one; it is removed whole, or not at all."""
    before = below(folder)
    with held_folder(folder.parent, FORM):
        pass
    assert not os.path.lexists(folder) or below(folder) == before
    return not os.path.lexists(folder)


def test_a_folder_is_new_and_held_and_gone_at_the_end(tmp_path):
    with held_folder(tmp_path, FORM) as folder:
        assert folder.parent == tmp_path
        assert FORM.is_name(folder.name)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        with pytest.raises(BlockingIOError):
            locked(folder)
        (folder / "half.txt").touch()
    assert os.listdir(tmp_path) == []


def test_a_folder_is_gone_when_the_work_in_it_is_broken_off(tmp_path):
    with pytest.raises(KeyboardInterrupt), held_folder(tmp_path, FORM):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


def test_names_are_drawn_anew_and_by_their_form():
    names = {FORM.name() for _ in range(100)}
    assert len(names) == 100
    assert all(re.fullmatch(r"\.x\.[0-9a-f]{32}\.tmp", name) for name in names)
    assert all(map(FORM.is_name, names))


def test_what_a_killed_process_left_is_removed(tmp_path):
    assert is_removed(left_in(tmp_path))


def test_an_empty_folder_that_a_killed_process_left_is_removed(tmp_path):
    folder = tmp_path / f".x.{'0' * 32}.tmp"
    folder.mkdir()
    assert is_removed(folder)


@pytest.mark.parametrize("name", ["mine.txt", "1", "x/mine.txt", "x/part/1.bak", "x/part/part", ".x"])
def test_a_folder_with_a_file_that_we_do_not_write_stays_as_it_is(tmp_path, name):
    folder = left_in(tmp_path)
    (folder / name).touch()
    assert not is_removed(folder)
    (folder / name).unlink()
    assert is_removed(folder)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/nowhere")], ids=["pipe", "link"])
def test_a_folder_with_a_link_or_a_pipe_of_a_name_of_ours_stays_as_it_is(tmp_path, make):
    folder = left_in(tmp_path)
    make(folder / "x" / "3")
    assert not is_removed(folder)


def test_a_link_inside_is_not_followed(tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "1").write_text("mine")
    folder = left_in(tmp_path)
    shutil.rmtree(folder / "x" / "part")
    (folder / "x" / "part").symlink_to(other)
    assert not is_removed(folder)
    assert (other / "1").read_text() == "mine"


def test_a_link_of_the_form_stays_and_what_it_leads_to(tmp_path):
    elsewhere = left_in(tmp_path / "elsewhere")
    link = tmp_path / f".x.{'1' * 32}.tmp"
    link.symlink_to(elsewhere)
    assert not is_removed(link)
    assert (elsewhere / "x" / "1").read_text() == "half"


def test_a_file_of_the_form_stays(tmp_path):
    file = tmp_path / f".x.{'0' * 32}.tmp"
    file.write_text("mine")
    with held_folder(tmp_path, FORM):
        pass
    assert file.read_text() == "mine"
    with pytest.raises(NotADirectoryError):  # before it is opened: a pipe would be waited for
        locked(file)


@pytest.mark.parametrize(
    "name",
    [
        f".x.{'0' * 31}.tmp",
        f".x.{'0' * 33}.tmp",
        f".x.{'g' * 32}.tmp",
        f".x.{'A' * 32}.tmp",
        f".y.{'0' * 32}.tmp",
        f"-x.{'0' * 32}.tmp",  # a dot of the form is no letter of a pattern
        f".x.{'0' * 32}.tmp2",
        f".x.{'0' * 32}.tmp\n",
    ],
)
def test_a_folder_of_another_form_stays(tmp_path, name):
    (tmp_path / name).mkdir()
    assert not is_removed(tmp_path / name)


def test_a_folder_that_is_held_stays_until_it_is_free(tmp_path):
    folder = left_in(tmp_path)
    lock = locked(folder)
    assert lock is not None
    assert not is_removed(folder)
    os.close(lock)
    assert is_removed(folder)


def test_a_folder_that_stays_keeps_no_other_one(tmp_path, monkeypatch):
    first, second = left_in(tmp_path, "0"), left_in(tmp_path, "1")
    listed = os.listdir
    monkeypatch.setattr(os, "listdir", lambda folder: sorted(listed(folder)))
    lock = locked(first)
    assert lock is not None
    assert is_removed(second)
    os.close(lock)
    assert first.exists()


def test_a_folder_of_another_user_stays(tmp_path, monkeypatch):
    folder, user = left_in(tmp_path), os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: user + 1)
    assert not is_removed(folder)
    monkeypatch.undo()
    assert is_removed(folder)


def test_where_the_disk_offers_no_locks_nothing_is_removed_but_ones_own(tmp_path, monkeypatch):
    def flock(opened: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("experiments.store.held.fcntl.flock", flock)
    folder, files = left_in(tmp_path), len(os.listdir("/dev/fd"))
    assert not is_removed(folder)
    assert os.listdir(tmp_path) == [folder.name]
    assert len(os.listdir("/dev/fd")) == files


def test_a_file_that_comes_while_a_folder_is_removed_stays(tmp_path, monkeypatch):
    folder, found = left_in(tmp_path), held._below

    def then_a_file_comes(opened: int) -> dict[str, int]:
        modes = found(opened)
        (folder / "x" / "part" / "mine.txt").touch()
        return modes

    monkeypatch.setattr(held, "_below", then_a_file_comes)
    with held_folder(tmp_path, FORM):
        pass
    assert (folder / "x" / "part" / "mine.txt").exists()


def refusing(function: Callable[..., object], refused: object) -> Callable[..., object]:
    """A function of `os` as it is, but for one path that this user may not read."""

    def with_a_refusal(path: object, *rest: object, **more: object) -> object:
        if path == refused:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return function(path, *rest, **more)

    return with_a_refusal


def test_a_folder_of_which_a_part_cannot_be_listed_stays_as_it_is(tmp_path, monkeypatch):
    folder = left_in(tmp_path)
    monkeypatch.setattr(os, "open", refusing(os.open, "part"))
    with held_folder(tmp_path, FORM):
        pass
    monkeypatch.undo()
    assert below(folder) == ["x", "x/1", "x/2", "x/part", "x/part/1"]


def test_a_parent_that_cannot_be_listed_is_no_error(tmp_path, monkeypatch):
    folder = left_in(tmp_path)
    monkeypatch.setattr(os, "listdir", refusing(os.listdir, tmp_path))
    with held_folder(tmp_path, FORM) as mine:
        (mine / "x").touch()
    assert not mine.exists()
    assert folder.exists()


@as_user
def test_a_parent_whose_permission_forbids_listing_is_no_error(tmp_path):
    folder = left_in(tmp_path)
    tmp_path.chmod(0o300)
    try:
        with held_folder(tmp_path, FORM) as mine:
            (mine / "x").touch()
        assert not mine.exists()
        assert folder.exists()
    finally:
        tmp_path.chmod(0o700)
    assert is_removed(folder)


def test_a_parent_that_is_not_there_is_one(tmp_path):
    with pytest.raises(FileNotFoundError), held_folder(tmp_path / "gone", FORM):
        pass


# ------------------------------------------------------------------------------- between the making and the lock


def gone_before(folder: Path) -> int | None:
    folder.rmdir()
    return locked(folder)


def gone_meanwhile(folder: Path) -> int | None:
    lock = locked(folder)
    folder.rmdir()
    return lock


def held_by_another(folder: Path) -> int | None:
    raise BlockingIOError


RACES = [gone_before, gone_meanwhile, held_by_another]


def lost(race: Callable[[Path], int | None], times: int, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Lose the race to another process so many times; the folders that it was about."""
    tried: list[Path] = []

    def locked_late(folder: Path) -> int | None:
        tried.append(folder)
        return race(folder) if len(tried) <= times else locked(folder)

    monkeypatch.setattr(held, "locked", locked_late)
    return tried


@pytest.mark.parametrize("race", RACES)
def test_a_folder_that_another_process_takes_for_a_left_one_is_made_again(tmp_path, monkeypatch, race):
    tried = lost(race, held.TRIES - 1, monkeypatch)
    files = len(os.listdir("/dev/fd"))
    with held_folder(tmp_path, FORM) as folder:
        assert folder == tried[-1]
        assert len(set(tried)) == held.TRIES
        assert os.listdir(tmp_path) == [folder.name]
        with pytest.raises(BlockingIOError):
            locked(folder)
    assert os.listdir(tmp_path) == []
    assert len(os.listdir("/dev/fd")) == files


@pytest.mark.parametrize("race", RACES)
def test_after_some_tries_it_is_said(tmp_path, monkeypatch, race):
    tried = lost(race, held.TRIES, monkeypatch)
    with pytest.raises(FileNotFoundError, match=r"3 new folders were removed"), held_folder(tmp_path, FORM):
        pytest.fail("there is no folder to work in")
    assert len(tried) == held.TRIES
    assert os.listdir(tmp_path) == []
