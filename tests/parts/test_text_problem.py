"""A problem of texts is BlockOneMax for everybody but a real model; checkers say yes or no, or what is wrong."""

from dataclasses import dataclass

import numpy as np
import pytest

from evo import InputError, NoPrediction, OnePlusLambda, OperatorError, RoundRobin, UniformChunk
from evo.conformance import check_part
from experiments import Cell, Grid, predict, run_grid
from operators import FixKeep
from problems import BlockOneMax, ByFunction, Exact, TextProblem

CITIES = ("Paris", "Rome", "Oslo")


@dataclass(frozen=True)
class Loud:
    """Right is what ends with so many exclamation marks."""

    marks: int

    def __call__(self, block, text):
        return text.endswith("!" * self.marks)


def capitals(**more):
    return TextProblem(("?", "?", "?"), Exact(CITIES), l=2, **more)


@pytest.mark.parametrize(
    "problem", [capitals(), TextProblem(("a",) * 12, Loud(2), l=1, right=tuple(range(12)))], ids=["none", "all"]
)
def test_its_declarations_are_those_of_its_fitness(problem):
    assert [result.message for result in check_part(problem) if result.passed is False] == []


def test_simulated_runs_on_it_are_those_of_onemax_and_are_predicted_alike():
    parts = FixKeep(fix=0.4, keep=0.9), RoundRobin(), OnePlusLambda()
    cells = [Cell(problem, *parts) for problem in (capitals(), BlockOneMax(k=3, l=2))]
    assert predict(cells[0]).mean == pytest.approx(predict(cells[1]).mean, rel=1e-12)
    runs = run_grid(Grid("both", cells[:1], runs=20, batch=20), workers=1).runs
    assert (runs["hit"] >= 3).all()


def test_places_that_are_right_at_the_start_have_no_rule_but_runs():
    problem = capitals(right=(2,))
    assert problem.initial(2, np.random.default_rng(1)).tolist() == [[False, False, True]] * 2
    with pytest.raises(NoPrediction, match="1 of 3 blocks are right at the start, at given places"):
        predict(Cell(problem, FixKeep(0.4, 0.9), UniformChunk(), OnePlusLambda()))


@pytest.mark.parametrize(
    ("checker", "text", "right"),
    [(Exact(CITIES), " Rome\n", True), (Exact(CITIES), "rome", False), (Exact(CITIES, ignore_case=True), "ROME", True),
     (Exact(CITIES), "Paris", False), (Exact(("", " Rome ", "")), "Rome", True),
     (Exact(("", "Straße", ""), ignore_case=True), "STRASSE", True),
     (Loud(2), "yes!!", True), (Loud(2), "yes!", False)],
)  # fmt: skip
def test_checkers_say_which_texts_are_right(checker, text, right):
    assert TextProblem(("?",) * 3, checker, l=1).judge(1, text) is right


def test_a_function_is_a_checker_and_what_it_does_wrong_has_its_name(tmp_path, monkeypatch):
    (tmp_path / "my_checks_here.py").write_text(
        "def even(block, text):\n    return len(text) % 2 == block % 2\ndef odd(block, text):\n    return 'yes'\n"
        "def fails(block, text):\n    raise KeyError('b7')\nnumber = 3\n"
        "import numpy\nclass inner:\n    def same(block, text):\n        return numpy.array([text])[0] == 'ab'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    def judged(name):
        return TextProblem(("?",), ByFunction(f"my_checks_here:{name}"), l=1).judge(0, "ab")

    assert judged("even") is judged("inner.same") is True
    with pytest.raises(OperatorError, match="my_checks_here:odd: expected True or False of a text, got 'yes'"):
        judged("odd")
    with pytest.raises(OperatorError, match="my_checks_here:fails: 'b7'"):
        judged("fails")
    with pytest.raises(InputError, match="expected a function, got my_checks_here:number = 3"):
        judged("number")
    with pytest.raises(InputError, match="expected my_checks_here:nothing on the path of this Python"):
        judged("nothing")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TextProblem((), Loud(1), l=1), "expected 1 to 10,000 texts, got 0"),
        (lambda: TextProblem(["a"], Loud(1), l=1), "texts must be a tuple of texts"),
        (lambda: TextProblem(("a",), "Loud", l=1), "checker must say of a block and a text"),
        (lambda: TextProblem(("a",), Exact(CITIES), l=1), "expected a checker of 1 texts, got 3"),
        (lambda: capitals(tasks=("France",)), "expected no tasks, or one a text \\(3\\), got 1"),
        (lambda: capitals(right=(3,)), "different positions of blocks, from 0 to 2, got \\(3,\\)"),
        (lambda: capitals(right=(1, 1)), "different positions of blocks"),
        (lambda: ByFunction("os.system"), 'name must be as "module:function"'),
    ],
)
def test_what_is_no_problem_of_texts_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
