"""What a real model is asked, and how its answers are read: strictly, and never more than read."""

import re
from dataclasses import dataclass

import numpy as np
import pytest

from evo import InputError, NoPrediction, OnePlusLambda, RoundRobin
from evo.conformance import check_part
from evo.forms.texts import TextCall, Unreadable
from evo.text import canonical
from experiments import Cell, Grid, predict
from operators import LLM
from problems import Exact, TextProblem

CALL = TextCall((1, 2), ('a "b"', "c\nd"), ("Italy", "Norway"), ("x", 'a "b"', "c\nd"))


def test_the_request_holds_the_chunk_and_the_parameters_that_were_said():
    model = LLM("m", system="Be brief.", temperature=0, max_tokens=9, more='{"top_p": 0.5, "stop": ["#"]}')
    made = model.request(CALL)
    assert made.pop("messages") == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": model.prompt.replace("{blocks}", 'B1 = "a \\"b\\""\nB2 = "c\\nd"')},
    ]
    assert made == {"model": "m", "max_tokens": 9, "temperature": 0.0, "top_p": 0.5, "stop": ["#"]}


def test_a_model_that_counts_its_thoughts_gets_the_other_name_of_the_limit():
    assert "max_tokens" not in LLM("m", more='{"max_completion_tokens": 50}').request(CALL)


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("{tasks}", "1. Italy\n2. Norway"),
        ("{g} of: {solution}; {blocks}", '2 of: 1. x\n2. a "b"\n3. c d; 1. a "b"\n2. c d'),
    ],
)
def test_places_in_a_prompt_are_filled_once(prompt, said):
    assert LLM("m", prompt=prompt + "{tasks}{nothing}", form="lines").request(CALL)["messages"][0]["content"] == (
        said + "1. Italy\n2. Norway{nothing}"
    )


@pytest.mark.parametrize(
    ("form", "answer"),
    [
        ("blocks", 'Sure!\n```\nB2 = "Oslo"\n B1 = "Rome"  # better\n```'),
        ("lines", "\n1. Rome\n\n2) Oslo\n"),
        ("lines", "Rome\nOslo"),
        ("lines", "- Rome\n* Oslo"),
    ],
)
def test_answers_that_hold_all_blocks_are_read(form, answer):
    assert LLM("m", form=form).read(CALL, answer) == ("Rome", "Oslo")


@pytest.mark.parametrize(
    ("form", "answer", "why"),
    [
        ("blocks", 'B1 = "Rome"', "expected 2 blocks that were asked for, got 1"),
        ("blocks", 'B1 = "a"\nB2 = "b"\nB3 = "c"', "got 3"),
        ("blocks", 'B0 = "a"\nB1 = "b"', "expected 2 blocks that were asked for, got 2"),
        ("blocks", 'B1 = "a"\nB1 = "b"', "expected each block once, got B1 again"),
        ("blocks", 'B1 = "\\q"\nB2 = "b"', "B1: expected a text in JSON's quotes"),
        ("blocks", "__import__('os').system('true')", "got 0"),
        ("lines", "Rome", "expected 2 lines, got 1"),
        ("lines", "Here they are:\nRome\nOslo", "expected 2 lines, got 3"),
    ],
)
def test_answers_with_other_blocks_are_malformed(form, answer, why):
    with pytest.raises(Unreadable, match=why):
        LLM("m", form=form).read(CALL, answer)


def test_it_has_no_law_and_no_engine_simulates_it():
    cell = Cell(TextProblem(("?",), Exact(("a",)), l=1), LLM("m"), RoundRobin(), OnePlusLambda())
    assert Cell.parse(cell.text) == cell
    with pytest.raises(NoPrediction, match=r"`llm-evo calibrate` on its answers\.jsonl gives a mutator"):
        predict(cell)
    with pytest.raises(InputError, match="makes real calls on texts, and no engine simulates it"):
        cell.mutator.rewrite(np.ones((1, 1), dtype=bool), None)


@dataclass(frozen=True)
class Broken(LLM):
    """Asks otherwise each time, or reads something else."""

    how: str = "number"

    def request(self, call):
        made = super().request(call)
        if self.how == "number":
            NUMBERS.append(len(NUMBERS))
        return {"number": made | {"number": len(NUMBERS)}, "object": made | {"a": object()}, "bare": {}}.get(
            self.how, made
        )

    def read(self, call, answer):
        return READ[self.how] if self.how in READ else super().read(call, answer)


NUMBERS = []
READ = {"short": ("a",), "long": ("a", "b", "c"), "listed": ["a", "b"], "no text": ("a", 1), "anything": ("a", "b")}


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("number", "Broken.request: expected the same for the same call, by which answers are found again"),
        ("object", "Broken.request: expected what JSON can hold"),
        ("bare", "Broken.request: expected model and messages, got nothing"),
        ("short", r"Broken.read: expected 2 texts, or Unreadable raised, got \('a',\)"),
        ("long", r"Broken.read: expected 2 texts, or Unreadable raised, got \('a', 'b', 'c'\)"),
        ("listed", r"Broken.read: expected 2 texts, or Unreadable raised, got \['a', 'b'\]"),
        ("no text", r"Broken.read: expected 2 texts, or Unreadable raised, got \('a', 1\)"),
    ],
)
def test_a_mutator_of_texts_is_checked_by_what_it_asks_and_reads(how, message):
    assert [result.outcome for result in check_part(LLM("m"))] == ["passed"] * 4
    failed = [result.message for result in check_part(Broken("m", how=how)) if result.passed is False]
    assert len(failed) == 1
    assert re.match(message, failed[0])


def test_a_mutator_that_refuses_no_answer_and_reads_as_many_texts_as_asked_for_passes():
    assert [result.outcome for result in check_part(Broken("m", how="anything"))] == ["passed"] * 4


@pytest.mark.parametrize("engine", ["deap", "law"])
def test_real_calls_have_one_engine(engine):
    cell = Cell(TextProblem(("?",), Exact(("a",)), l=1), LLM("m"), RoundRobin(), OnePlusLambda())
    with pytest.raises(
        InputError, match=f"expected the engine blocks for a mutator that makes real calls, got {engine}"
    ):
        Grid("real", [cell], engine=engine)


def test_its_text_names_no_endpoint_and_no_key():
    assert canonical(LLM("m")) == "LLM(model='m')"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"model": " "}, "model must be the name of a model"),
        ({"prompt": "Write it again."}, r"expected a prompt with \{blocks\} or \{tasks\} in it"),
        ({"form": "json"}, "form must be"),
        ({"temperature": -1}, "temperature must be"),
        ({"max_tokens": 0}, "max_tokens must be a whole number >= 1"),
        ({"more": "[1]"}, "more must be a JSON object"),
        ({"more": '{"stream": true}'}, "expected parameters that are not said elsewhere, got stream"),
    ],
)
def test_what_is_no_model_is_refused(more, message):
    with pytest.raises(InputError, match=message):
        LLM(**({"model": "m"} | more))
