"""Parameters of enumerations have a text, and come back from it and from files as members."""

import enum
from dataclasses import dataclass

import pytest

from evo import AllBlocks, OnePlusLambda
from evo.errors import InputError
from evo.text import as_declared, canonical
from experiments import Cell
from experiments.grids.toml import load_grid
from problems import BlockOneMax


class Word(enum.StrEnum):
    WILD = "wild"
    TAME = "it's"


class Mixed(str, enum.Enum):  # noqa: UP042  # as before Python 3.11
    WILD = "wild"


class Plain(enum.Enum):
    WILD = "wild"
    PAIR = (1, 2.5)
    NONE = None


class Number(enum.IntEnum):
    ONE = 1


@dataclass(frozen=True)
class Op:
    word: Word = Word.TAME
    mixed: Mixed = Mixed.WILD
    plain: Plain = Plain.WILD
    number: "Number" = Number.ONE

    def rewrite(self, correct, rng):
        return correct


CASES = [
    ({"word": Word.WILD}, "word='wild'"),
    ({"plain": Plain.PAIR}, "plain=(1, 2.5,)"),
    ({"plain": Plain.NONE}, "plain=None"),
    ({"word": Word.TAME, "mixed": Mixed.WILD, "number": Number.ONE}, ""),
]


@pytest.mark.parametrize(("given", "text"), CASES)
def test_the_text_of_a_member_is_that_of_its_value_and_is_read_back(given, text):
    cell = Cell(BlockOneMax(2, 4), Op(**given), AllBlocks(), OnePlusLambda())
    assert f".Op({text})" in cell.text
    again = Cell.parse(cell.text)
    assert again == cell
    assert [type(getattr(again.mutator, name)) for name in given] == [type(value) for value in given.values()]


@dataclass(frozen=True)
class Needed:
    word: Word
    plain: "Plain"


def test_a_field_without_a_default_is_read_back_by_its_annotation():
    assert canonical(Needed(Word.WILD, Plain.WILD)).endswith("Needed(word='wild', plain='wild')")
    assert as_declared(Needed, {"word": "wild", "plain": "wild"}) == {"word": Word.WILD, "plain": Plain.WILD}
    with pytest.raises(InputError, match=r"^Needed: word must be one of 'wild', \"it's\", got 'none'$"):
        as_declared(Needed, {"word": "none"})


def test_a_file_gives_values(tmp_path):
    (tmp_path / "enumerated.py").write_text(
        "import enum\nfrom dataclasses import dataclass\nclass Mode(enum.Enum):\n    WILD = 'wild'\n"
        "@dataclass(frozen=True)\nclass Op:\n    mode: Mode\n    def rewrite(self, correct, rng): return correct\n"
    )
    (tmp_path / "grid.toml").write_text(
        'name = "x"\nruns = 5\n[[arm]]\nlabel = "a"\nproblem = {type = "BlockOneMax", k = 2, l = 4}\n'
        'mutator = {type = "enumerated:Op", mode = "wild"}\nschedule = {type = "AllBlocks"}\n'
        'runner = {type = "OnePlusLambda"}\n'
    )
    (cell,) = load_grid(tmp_path / "grid.toml").cells
    assert isinstance(cell.mutator.mode, enum.Enum)


def test_a_module_that_the_testbed_hides_is_said_to_be_hidden(tmp_path):
    for name in ("operators", "problems", "evo", "experiments"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.py").write_text("")
        (tmp_path / "grid.toml").write_text(
            'name = "x"\nruns = 5\n[[arm]]\nlabel = "a"\nproblem = {type = "BlockOneMax", k = 2, l = 4}\n'
            f'mutator = {{type = "{name}.mine:Careful"}}\nschedule = {{type = "AllBlocks"}}\n'
            'runner = {type = "OnePlusLambda"}\n'
        )
        with pytest.raises(InputError, match=rf"mine\.py is hidden by the testbed's own package '{name}'; give yours"):
            load_grid(tmp_path / "grid.toml")
