"""What README, CONTRIBUTING and docs point at is there: files, folders, links and their headings, modules."""

import importlib.util
import re
from pathlib import Path

import pytest

from experiments.cli.app import app
from experiments.studies import STUDIES, page_of

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FOLDERS = ("evo", "problems", "operators", "experiments", "tests", "docs")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PATH = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[\w/.*<>-]*)`")
MODULE = re.compile(r"`((?:evo|experiments)(?:\.[a-z_]+)+)`")


def anchors(page):
    """The names of a page's headings, as they stand in links."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page, text):
    for link in LINK.findall(text):
        if link.startswith(("http://", "https://")):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link
    for path in PATH.findall(text):
        if not ("<" in path or list(ROOT.glob(path.rstrip("/")))):
            yield path
    for name in MODULE.findall(text):
        if not any(is_module(each) for each in (name, name.rpartition(".")[0])):
            yield name


def is_module(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_points_at_is_there(page):
    assert not list(broken(page, page.read_text()))


def test_what_is_not_there_is_found():
    text = "[a](nowhere.md) [b](README.md#no-heading) [c](README.md) `evo/nothing.py` `evo.nothing.at.all`"
    assert list(broken(ROOT / "README.md", text)) == [
        "nowhere.md", "README.md#no-heading", "evo/nothing.py", "evo.nothing.at.all"
    ]  # fmt: skip


def unlisted(text):
    """The commands that have no row in a page's table of commands."""
    rows = set(re.findall(r"^\| `llm-evo ([a-z-]+)", text, re.MULTILINE))
    names = {each.name or each.callback.__name__.replace("_", "-") for each in app.registered_commands}
    return names - rows


def test_the_page_of_commands_has_a_row_for_each():
    assert not unlisted((ROOT / "docs" / "commands.md").read_text())


def test_a_command_without_a_row_is_found():
    text = (ROOT / "docs" / "commands.md").read_text()
    assert unlisted(text.replace("| `llm-evo check-operator", "| `llm-evo check-it")) == {"check-operator"}


def undescribed(page_of):
    """The studies that the page they are said to stand on does not describe under a heading of theirs."""
    return {name for name in STUDIES if f"\n## {name}: " not in (ROOT / page_of(name)).read_text()}


def test_show_names_the_page_on_which_a_study_is_described():
    assert undescribed(page_of) == {"paper"}  # most of the README
    assert "the study `paper`" in (ROOT / page_of("paper")).read_text()
    assert "routing" in undescribed(lambda name: "docs/studies.md")


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150
