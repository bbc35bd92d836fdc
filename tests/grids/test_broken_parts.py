"""Third-party parts that break: each fault is told with the part, its file and its line, and gives no wrong number."""

from __future__ import annotations

import importlib.metadata
import inspect
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from evo.conformance import check_mutator
from evo.errors import InputError, NoPrediction, OperatorError
from evo.foreign import describe_error
from evo.laws.counts import IndependentBlocks
from evo.laws.declared import declared_law
from evo.laws.mixtures import ComponentLaw, Invalid, Mixture, sound_components
from evo.protocols import Chunk, Rewritten
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks, OnlyIncorrect, RoundRobin, UntilResolved
from experiments.grids import extensions
from experiments.grids.cell import Cell
from experiments.grids.extensions import build, describe_entry, find_named
from experiments.grids.grid import Grid
from experiments.grids.toml import load_grid
from experiments.predictions.predict import calls_an_answer, mean_calls_on_last_chunk, predict
from experiments.running.launch import GridFailure, run_grid
from experiments.running.simulation import simulate
from operators import FixKeep, Malformed, Misaligned, Refuse, Resample, Sparse, Spill, Vote
from problems import BlockOneMax

HALF = IndependentBlocks(0.5, 0.5)
FILE = re.escape(str(Path(__file__)))


@dataclass(frozen=True)
class Half:
    """Does what the paper's mutator does; the classes below break one thing each."""

    def rewrite(self, correct, rng):
        return rng.random(correct.shape) < 0.5


def cell(mutator, schedule=None, k=3, lam=1, start=0.0):
    return Cell(BlockOneMax(k, l=4, start=start), mutator, schedule or AllBlocks(), OnePlusLambda(lam))


# ------------------------------------------------------------------------------------------- calls of an answer


@dataclass(frozen=True)
class Twice(Half):
    """Two calls for an incorrect block, one for a correct one; g of each for g blocks."""

    right: float = 1.0

    def rewrite(self, correct, rng):
        calls = np.where(correct, int(self.right), 2).sum(axis=-1)
        return Rewritten(rng.random(correct.shape) < 0.5, calls=calls)

    def mean_calls(self, i):
        return 2.0 if i else self.right

    @property
    def law(self):
        return HALF


@pytest.mark.parametrize("schedule", [AllBlocks(), RoundRobin(g=2), OnlyIncorrect(g=2)])
@pytest.mark.parametrize("right", [1.0, 2.0])
def test_mean_calls_of_a_block_say_nothing_of_longer_chunks(schedule, right):
    of = cell(Twice(right=right), schedule)
    assert predict(of, "hit").mean > 0
    for quantity in ("calls", "cost"):
        with pytest.raises(
            NoPrediction, match=f"mean_calls is of one block, the schedule hands over g = {of.chunks.g}"
        ):
            predict(of, quantity)


def test_only_incorrect_blocks_are_called_until_resolved_from_an_incorrect_start():
    of = cell(Twice(), UntilResolved(), k=8)
    assert predict(of, "calls").mean == pytest.approx(2 * predict(of, "hit").mean)
    counts = simulate(of, seed=1, batch=0, size=4000)
    error = counts.calls.std() / np.sqrt(4000)
    # P(off by 5 standard errors) = 6e-7; one call in ten on a correct block would be found.
    assert abs(counts.calls.mean() - predict(of, "calls").mean) < 5 * error < 0.05 * predict(of, "calls").mean


@pytest.mark.parametrize(
    "of",
    [
        cell(Twice(), UntilResolved(), start=0.5),
        cell(Twice(), UntilResolved(), lam=2),
        cell(Malformed(Twice(), rate=0.1), UntilResolved(invalid="down")),
        cell(Twice(), RoundRobin()),
    ],
    ids=["start", "lam", "misread", "in turn"],
)
def test_elsewhere_the_number_of_calls_of_an_answer_must_be_the_same_for_all_blocks(of):
    with pytest.raises(NoPrediction, match="an answer takes 2 calls for an incorrect block and 1 for a correct one"):
        calls_an_answer(of)


@pytest.mark.parametrize("mean", ["2", "nan", 0.5, True, ((2,),)])
def test_mean_calls_that_are_no_number_are_refused(mean):
    @dataclass(frozen=True)
    class Worded(Half):
        given: object
        law: ClassVar[IndependentBlocks] = HALF

        def mean_calls(self, i):
            return float("nan") if self.given == "nan" else self.given

    with pytest.raises(OperatorError, match=r"Worded: mean_calls must be a method .* a number >= 1, or None; got"):
        predict(cell(Worded(mean), UntilResolved()), "calls")


# ------------------------------------------------------------------------------------------- laws


class AllOrNothing(IndependentBlocks):
    """Its pmf is right, and the components it inherits are not."""

    def pmf(self, g, i):
        answer = np.zeros(g + 1)
        answer[[0, -1]] += 0.5
        return answer


@dataclass(frozen=True)
class Correlated:
    def rewrite(self, correct, rng):
        return np.broadcast_to(rng.random(correct.shape[:-1])[..., None] < 0.5, correct.shape).copy()

    @property
    def law(self):
        return AllOrNothing(0.5, 0.5)


@pytest.mark.parametrize(
    "mutator",
    [
        Correlated(),
        Refuse(Correlated(), rate=0.1),
        Malformed(Correlated(), rate=0.1),
        Sparse(Correlated(), rate=0.5),
        Spill(Correlated(), rate=0.1),
        Refuse(Malformed(Correlated(), rate=0.1), rate=0.1),
    ],
    ids=lambda mutator: type(mutator).__name__,
)
def test_components_that_are_another_law_than_the_pmf_give_no_prediction(mutator):
    with pytest.raises(OperatorError, match=r"AllOrNothing: components\(3\) must be the mixture that pmf\(3, i\) is"):
        predict(cell(mutator))


def test_components_that_are_the_pmf_are_taken():
    class Own(ComponentLaw):
        def components(self, g):
            return [0.5, 0.5], [0.2, 0.8], [0.9, 0.9]

    found = sound_components(Own(), 70)
    assert [each.tolist() for each in found] == [[0.5, 0.5], [0.2, 0.8], [0.9, 0.9]]
    both = Mixture((0.5, 0.5), (Own(), HALF))
    assert Invalid(0.1, both).pmf(2, 1).sum() == pytest.approx(0.9)


@pytest.mark.parametrize("components", [None, (1.0, 0.5, 0.5), ([1], [0.5], [2]), ([1, 1], [0.5], [0.5]), "abc"])
def test_components_that_are_none_are_refused(components):
    class Odd(ComponentLaw):
        def components(self, g):
            return components

    with pytest.raises(OperatorError, match=r"Odd: components\(2\) must be three arrays of one length"):
        sound_components(Odd(), 2)


@dataclass(frozen=True)
class LawRaises(Half):
    @property
    def law(self):
        raise ValueError("no law today")


@dataclass(frozen=True)
class LawLost(Half):
    @property
    def law(self):
        return self.nothing


class PmfRaises:
    def pmf(self, g, i):
        raise KeyError(g)


class PmfWords:
    def pmf(self, g, i):
        return ["a"] * (g + 1)


class ComponentsRaise(PmfRaises):
    def components(self, g):
        raise TypeError("not g")


def with_law(given):
    return dataclass(frozen=True)(type("Given", (Half,), {"law": property(lambda self: given), "__module__": __name__}))


def line(kind, method):
    """The line of the first statement of a method."""
    return inspect.getsourcelines(inspect.getattr_static(kind, method))[1] + 1


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(
    ("law", "method", "told"),
    [
        (PmfRaises, "pmf", r"PmfRaises\.pmf raised KeyError: 3"),
        (ComponentsRaise, "components", r"ComponentsRaise\.components raised TypeError: not g"),
    ],
)
def test_laws_that_raise_are_named_with_file_and_line(law, method, told, wrapped):
    mutator = with_law(law())()
    wrapped = wrapped and method == "components"  # a law without components is none for a wrapper
    with pytest.raises(OperatorError, match=rf"{told} \({FILE}, line {line(law, method)}\)"):
        predict(cell(Refuse(mutator, rate=0.5) if wrapped else mutator))


def test_a_pmf_of_words_is_refused():
    with pytest.raises(OperatorError, match=r"law\.pmf\(3, \d\) must be 4 probabilities, .* got \['a', 'a', 'a'"):
        predict(cell(with_law(PmfWords())()))


@pytest.mark.parametrize(
    "wrap", [lambda inner: inner, lambda inner: Refuse(inner, 0.1), lambda inner: Spill(inner, 0.1)]
)
@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (LawRaises, "LawRaises.law raised ValueError: no law today"),
        (LawLost, "LawLost.law raised AttributeError: 'LawLost' object has no attribute 'nothing'"),
    ],
)
def test_a_law_that_raises_is_not_taken_for_none(kind, told, wrap):
    part = kind()
    with pytest.raises(OperatorError, match=rf"{re.escape(told)} \({FILE}, line \d+\)"):
        predict(cell(wrap(part)))


@dataclass(frozen=True)
class LawMethod(Half):
    def law(self):
        return HALF


@pytest.mark.parametrize("part", [LawMethod(), with_law("half")(), with_law(0.5)(), with_law(IndependentBlocks)()])
@pytest.mark.parametrize("wrap", [lambda inner: inner, lambda inner: Malformed(inner, 0.1)])
def test_what_is_no_law_is_not_taken_for_none(part, wrap):
    with pytest.raises(OperatorError, match=r"\.law must be a property that gives a CallLaw or None, got"):
        predict(cell(wrap(part)))


def test_no_law_and_inherited_laws_are_no_faults():
    assert declared_law(Half()) is None
    assert declared_law(with_law(None)()) is None
    assert declared_law(dataclass(frozen=True)(type("Under", (LawMethod,), {}))()) is None
    assert declared_law(Resample(0.5)) == HALF


# ------------------------------------------------------------------------------------------- code that raises


def broken(**methods):
    """A mutator with these methods."""
    return dataclass(frozen=True)(type("Broken", (Half,), {**methods, "__module__": __name__}))()


def raises(error):
    def method(*arguments):
        raise error

    return method


@pytest.mark.parametrize("error", [ValueError("x"), TypeError("x"), SystemExit(3)])
@pytest.mark.parametrize("name", ["fits", "overhead"])
def test_a_part_that_raises_when_a_cell_is_made_is_named(name, error):
    method = raises(error)
    kind = broken(**{name: property(method) if name == "overhead" else method})
    with pytest.raises(OperatorError, match=rf"raised {type(error).__name__}: {error}.* \({FILE}, line \d+\)"):
        cell(kind)


def test_a_method_of_another_signature_is_named_with_its_file():
    def fits(self, k):
        pass

    with pytest.raises(OperatorError, match=rf"Broken\.fits raised TypeError: .*fits\(\) takes .* \({FILE}\)"):
        cell(broken(fits=fits))


def test_prices_sizes_and_chunks_that_raise_are_named():
    @dataclass(frozen=True)
    class Prices:
        @property
        def weights(self):
            raise ValueError("w")

    @dataclass(frozen=True)
    class Sizes:
        l: int = 4
        initial = fitness = None

        @property
        def k(self):
            raise ValueError("k?")

    @dataclass(frozen=True)
    class Cuts(RoundRobin):
        def chunk_size(self, k):
            raise ValueError("cs")

    good = (BlockOneMax(3, 4), Half(), AllBlocks(), OnePlusLambda())
    for parts, told in (
        ((*good, cell(Half()).prompt, Prices()), r"Prices\.weights .*: w"),
        ((Sizes(), *good[1:]), r"Sizes\.k raised ValueError: k\?"),
        ((*good[:2], Cuts(), good[3]), r"Cuts\.chunk_size raised ValueError: cs"),
    ):
        with pytest.raises(OperatorError, match=rf"{told} \({FILE}, line \d+\)"):
            Cell(*parts)


def test_a_hash_that_raises_is_named_in_a_prediction():
    @dataclass(frozen=True)
    class Unhashed(Half):
        law: ClassVar[IndependentBlocks] = HALF

        def __hash__(self):
            raise ValueError("no hash")

    with pytest.raises(OperatorError, match=rf"Unhashed\.__hash__ raised ValueError: no hash \({FILE}, line \d+\)"):
        predict(cell(Unhashed()))


def test_parts_that_say_they_are_equal_have_predictions_of_their_own():
    @dataclass(frozen=True)
    class Equal(Half):
        p: float = 0.5

        def __eq__(self, other):
            return True

        def __hash__(self):
            return 1

        @property
        def law(self):
            return IndependentBlocks(self.p, self.p)

    assert [predict(cell(Equal(p))).mean for p in (0.5, 0.25)] == pytest.approx([8, 64])


def test_a_schedule_says_whether_it_is_oblivious():
    @dataclass(frozen=True)
    class Silent:
        chunk_size = choose = advance = AllBlocks.chunk_size

    with pytest.raises(InputError, match=r"expected for schedule .* got .*Silent\(\) without oblivious"):
        cell(Half(), Silent())


def test_faults_of_ours_stay_what_they_are(monkeypatch):
    monkeypatch.setattr("experiments.predictions.predict.row_and_law", raises(ZeroDivisionError("ours")))
    monkeypatch.setattr("evo.foreign._is_third_party", lambda file: False)
    with pytest.raises(ZeroDivisionError):
        predict(cell(Resample(0.4711)))  # a cell of no other test: a law that was looked up before is kept


class Bare:
    """Of a third party, and no dataclass."""


HERE = f"({Path(__file__)})"


@pytest.mark.parametrize(("part", "who"), [
    (Half(), f"{__name__}.Half.law {{}} {HERE}"), (Vote(Half(), 2), f"{__name__}.Half.law {{}} {HERE}"),
    (cell(Half()), f"{__name__}.Half.law {{}} {HERE}"),
    (Cell(BlockOneMax(3, 4), Sparse(Twice(), 0.5), AllBlocks(), OnePlusLambda()), f"{__name__}.Twice.law {{}} {HERE}"),
    ((Half(), Twice(), Half()), f"{__name__}.Half.law or {__name__}.Twice.law {{}} {HERE}"),
    (Bare(), f"{__name__}.Bare.law {{}} {HERE}"), (Bare, f"{__name__}.Bare.law {{}} {HERE}"),
    (Resample(0.5), f"Resample.law {{}} ({inspect.getfile(Resample)})"),
])  # fmt: skip
def test_an_error_without_a_line_of_a_third_party_names_its_parts_or_else_the_part_itself(part, who):
    """The testbed raises it in the name of a part, such as for an answer of another shape."""
    assert describe_error(ValueError("no"), part, "law") == who.format("raised ValueError: no")
    assert describe_error(SystemExit(3), part) == who.replace(".law", "").format(
        "raised SystemExit: 3, which would have ended the program; raise another error"
    )


@pytest.mark.parametrize("value", [None, 3, "Cell()", Resample(0.5)])
def test_what_is_no_cell_has_no_prediction(value):
    for make in (predict, mean_calls_on_last_chunk):
        with pytest.raises(InputError, match=r"predict: expected a Cell\(problem, mutator, schedule, runner\), got"):
            make(value)


@pytest.mark.parametrize("error", [ValueError("nope"), SystemExit(4)])
def test_a_part_that_raises_in_a_run_is_named_first(error):
    @dataclass(frozen=True)
    class Breaks:
        ends: bool

        def rewrite(self, correct, rng):
            raise SystemExit(4) if self.ends else ValueError("nope")

    of = Cell(BlockOneMax(3, 4), Breaks(isinstance(error, SystemExit)), AllBlocks(), OnePlusLambda())
    good = cell(Resample(0.5))
    with pytest.raises(
        GridFailure, match=rf"Breaks\.rewrite raised {type(error).__name__}: .*{FILE}, line \d+"
    ) as told:
        run_grid(Grid("g", [of, good], runs=5), workers=1)
    first = str(told.value).splitlines()[1]
    assert "Breaks.rewrite raised" in first
    assert str(Path(__file__)) in first
    assert len(told.value.results.runs) == 5


# ------------------------------------------------------------------------------------------- huge values


def test_votes_that_never_end_are_refused():
    with pytest.raises(InputError, match="ahead must be a whole number from 1 to 1000000"):
        Vote(Resample(0.5), ahead=1e34)
    for inner, state in ((Resample(0.5), "an incorrect"), (FixKeep(fix=1, keep=0.5), "a correct")):
        with pytest.raises(InputError, match=rf"at most 100,000 votes on average, got 9e\+06 for {state} block"):
            cell(Vote(inner, ahead=3000), UntilResolved())
    assert cell(Vote(Resample(0.5), ahead=316), UntilResolved())
    assert cell(Vote(Resample(0.9), ahead=3000), UntilResolved())


def test_blocks_far_round_the_solution_are_counted_round_it():
    wrong = np.zeros((50, 3), dtype=bool)
    chunk = Chunk(wrong[:, 1:2], np.ones((50, 1), dtype=int), np.zeros(50, dtype=int), solution=wrong)
    far, near = (
        Misaligned(Resample(0.5), rate=0.5, by=by).rewrite(chunk, np.random.default_rng(1)).solution
        for by in (3 * 10**33 + 1, 1)
    )
    assert (far == near).all()
    assert near[:, 2].any()


def test_checks_of_votes_that_never_end_end():
    found = check_mutator(Vote(Resample(0.5), ahead=1000))
    assert any(result.passed is not True and "at most 100,000 votes" in result.message for result in found)


# ------------------------------------------------------------------------------------------- grids and entry points

GRID = """
name = "g"
runs = 5
[[arm]]
label    = "a"
problem  = {type = "BlockOneMax", k = 3, l = 4}
mutator  = MUTATOR
schedule = {type = "AllBlocks"}
"""


@pytest.fixture
def grid(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    path = tmp_path / "g.toml"

    def made(mutator):
        path.write_text(GRID.replace("MUTATOR", mutator))
        return load_grid(path)

    return made


def test_a_plain_list_of_probabilities_is_explained(grid):
    with pytest.raises(InputError, match=r"a list is an axis, .* write p = \[\[0\.1, 0\.2, 0\.3\]\]"):
        grid('{type = "PerBlock", p = [0.1, 0.2, 0.3]}')
    assert grid('{type = "PerBlock", p = [[0.1, 0.2, 0.3]]}').cells[0].mutator.p == (0.1, 0.2, 0.3)
    with pytest.raises(InputError) as told:
        grid('{type = "Resample", p = [0.1, 2]}')
    assert "axis" not in str(told.value)


def test_a_part_that_ends_the_program_is_named(grid, tmp_path):
    (tmp_path / "broken_ends.py").write_text(
        "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Ends:\n"
        "    def __post_init__(self): raise SystemExit(3)\n    def rewrite(self, c, rng): return c\n"
        "@dataclass(frozen=True)\nclass Fits:\n"
        "    def fits(self, k, g): raise ValueError('odd')\n    def rewrite(self, c, rng): return c\n"
    )
    with pytest.raises(
        InputError, match=r"mutator: cannot build broken_ends:Ends: SystemExit: 3 \(.*ends\.py, line 4\)"
    ):
        grid('{type = "broken_ends:Ends"}')
    with pytest.raises(InputError, match=r"cannot build Ends\(\): SystemExit: 3 \(.*ends\.py, line 4\)"):
        build("broken_ends:Ends", tmp_path)
    with pytest.raises(OperatorError, match=r"g\.toml: arm 1 \('a'\): broken_ends\.Fits\.fits raised .*, line 8\)"):
        grid('{type = "broken_ends:Fits"}')


def entry(name, value):
    return importlib.metadata.EntryPoint(name, value, "llm_evo.mutators")


@pytest.mark.parametrize("value", ["epmod", "1bad:::x", "", ":X", "a:b:c"])
def test_malformed_entry_points_are_refused(monkeypatch, value):
    monkeypatch.setattr(extensions, "entry_points", lambda group: [entry("Odd", value)])
    with pytest.raises(
        InputError, match=rf"entry point of the mutator 'Odd' .* must be \"module:Class\", got '{value}'"
    ):
        find_named("mutator", "Odd", Path())


def test_entry_points_hidden_by_ours_are_told(monkeypatch):
    monkeypatch.setattr(extensions, "entry_points", lambda group: [entry("Resample", "m:C"), entry("Other", "m:D [x]")])
    with pytest.warns(UserWarning, match='hidden by the built-in; name it "module:Class"'):
        assert find_named("mutator", "Resample", Path()) is Resample
    with pytest.raises(InputError) as told:
        find_named("mutator", "Nosuch", Path())
    assert (str(told.value).count("Resample,"), str(told.value).count("Other")) == (1, 1)
    assert "hidden by the built-in" in describe_entry(entry("Resample", "m:C"))
    assert "(not imported)" in describe_entry(entry("Other", "m:D"))
    with pytest.raises(InputError, match="no module 'm'"):
        find_named("mutator", "Other", Path())


def test_advice_on_parameters_only_where_they_are_given_wrongly(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "broken_drift.py").write_text(
        "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass M:\n    p: float = 0.5\n"
        "    def rewrite(self, c, rng): return c | (rng.random(c.shape) < self.p)\n"
    )
    vote = build("operators:Vote(inner=broken_drift.M(p=0.25),ahead=2)", tmp_path)  # imports it
    assert (type(vote.inner).__name__, vote.inner.p) == ("M", 0.25)
    with pytest.raises(InputError, match=r'parameters are given by name, as in "broken_drift:M\(p=\.\.\.\)"'):
        build("broken_drift:M(0.3)", tmp_path)
    with pytest.raises(InputError) as told:
        build("Resample(p=2)", tmp_path)
    assert str(told.value).endswith("got 2")
    with pytest.raises(InputError, match=r"no module 'nosuch'"):
        build("operators:Vote(inner=nosuch.M(p=0.5),ahead=2)", tmp_path)
