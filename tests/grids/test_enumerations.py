"""Parameters of enumerations have a text, and come back from it and from files as members."""

import enum
import sys
import types
from dataclasses import dataclass
from typing import NamedTuple

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


class Ends(NamedTuple):
    low: float
    mode: Plain = Plain.WILD


class Untold(NamedTuple):
    low: float


NEAR = Ends(0.1)


@dataclass(frozen=True)
class Held(Op):
    maybe: Plain | None = None
    several: tuple["Plain", ...] = ()
    two: "tuple[int, Word]" = (1, Word.WILD)
    ends: Ends = NEAR
    or_number: float | Plain = 0.5
    anything: object = None
    word_as_str: str = ""


KEPT = [
    {"maybe": Plain.WILD},
    {"maybe": Plain.PAIR},
    {"several": (Plain.WILD, Plain.PAIR, Plain.NONE)},
    {"two": (3, Word.TAME)},
    {"ends": Ends(0.2, Plain.PAIR)},
    {"or_number": Plain.WILD},
    {"or_number": 1.5, "maybe": None, "anything": ("a", (1, None))},
    {"word_as_str": Word.WILD},
]


@pytest.mark.parametrize("given", KEPT)
def test_members_and_named_tuples_come_back_from_wherever_an_annotation_tells_of_them(given):
    """Members of `Mode | None` and `tuple[Mode, ...]` came back as plain values: `check` then compared another part."""
    cell = Cell(BlockOneMax(2, 4), Held(**given), AllBlocks(), OnePlusLambda())
    again = Cell.parse(cell.text)
    assert again == cell
    assert again.text == cell.text
    assert type(again.mutator.ends) is Ends
    assert type(again.mutator.maybe) is type(cell.mutator.maybe)


LOST = [
    ({"anything": Plain.WILD}, "anything: Plain"),
    ({"anything": Word.WILD}, "anything: Word"),
    ({"anything": (1, Plain.WILD)}, "anything: tuple"),
    ({"anything": Untold(0.1)}, "anything: Untold"),
    ({"maybe": Plain.NONE}, "maybe: Plain"),
    ({"or_number": Number.ONE}, "or_number: Number"),
]


@pytest.mark.parametrize(("given", "words"), LOST)
def test_what_would_not_come_back_is_refused_where_the_cell_is_made(given, words):
    with pytest.raises(InputError, match=rf"does not come back; annotate the field by its type, as {words}"):
        Cell(BlockOneMax(2, 4), Held(**given), AllBlocks(), OnePlusLambda())


def test_what_an_annotation_names_may_be_defined_after_it_was_asked_for(monkeypatch):
    """As in a notebook: the class first, the enumeration in a later cell."""
    module = types.ModuleType("in_cells")
    monkeypatch.setitem(sys.modules, "in_cells", module)
    first = "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Op:\n    mode: 'Mode | None' = None\n"
    exec(first, vars(module))
    assert as_declared(module.Op, {"mode": "wild"}) == {"mode": "wild"}
    exec("import enum\nclass Mode(enum.Enum):\n    WILD = 'wild'\n", vars(module))
    assert as_declared(module.Op, {"mode": "wild"}) == {"mode": module.Mode.WILD}


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
