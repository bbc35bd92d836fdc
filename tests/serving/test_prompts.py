"""Prompts of frameworks: the current program is found among the others, and the answer is one that they can apply."""

import json
import re
from pathlib import Path

import pytest

from evo import OnlyIncorrect
from experiments.serving.evaluator import texts_of
from experiments.serving.faults import Faults
from experiments.serving.model import Model
from experiments.serving.program import Blocks
from experiments.serving.prompts.asked import NotUnderstood
from experiments.serving.prompts.find import find, texts_of_messages
from operators import FixKeep

FOLDER = Path(__file__).parent / "prompts"
NAMES = sorted(file.stem for file in FOLDER.glob("*_*.json"))
ANSWERS = json.loads((FOLDER / "answers.json").read_text())


def prompt(name):
    return json.loads((FOLDER / f"{name}.json").read_text())


def messages_of(name):
    return texts_of_messages(prompt(name)["messages"])


def model(faults=None, k=6):
    return Model(Blocks(k, 2), FixKeep(fix=1, keep=1), OnlyIncorrect(), faults=Faults(faults or {}))


def applied(name, answer, program):
    """What the framework makes of an answer: its own rules, read in its package and written down again here."""
    if name == "gepa_component":
        content = answer[answer.find("```") + 3 : answer.rfind("```")]
        return re.sub(r"^\S*\n", "", content).strip()
    if not name.endswith(("_diff", "_again")):
        return re.search(r"```python\n(.*?)```", answer, re.DOTALL)[1]
    pattern = r"<<<<<<< SEARCH\n(.*?)\n=======\n(.*?)\n>>>>>>> REPLACE"
    for old, new in re.findall(pattern, answer, re.DOTALL):
        assert program.count(old) == 1
        program = program.replace(old, new)
    return program


@pytest.mark.parametrize("name", NAMES)
def test_the_current_program_is_found_and_the_answer_is_what_was_written_down(name):
    asked = find(messages_of(name))
    assert asked.framework == prompt(name)["framework"]
    assert {str(i): text for i, text in texts_of(asked.program).items()} == ANSWERS[name]["blocks"]
    assert asked.diff == name.endswith(("_diff", "_again"))
    assert model().answer(asked).text == ANSWERS[name]["answer"]


@pytest.mark.parametrize("name", NAMES)
def test_the_framework_makes_the_new_program_of_the_answer(name):
    asked = find(messages_of(name))
    k = 6 if name.startswith("openevolve") else 4
    before, after = (
        Blocks(k, 2).scores(text)
        for text in (asked.program, applied(name, model(k=k).answer(asked).text, asked.program))
    )
    shown = texts_of(asked.program)
    wrong = [i for i in sorted(shown) if not before[i]]
    assert [i for i in range(k) if after[i] != before[i]] == wrong[:1]
    assert applied(name, asked.write(asked.program, [], "python"), asked.program).strip() == asked.program.strip()


@pytest.mark.parametrize("name", NAMES)
def test_of_a_conversation_the_latest_program_is_the_current_one(name):
    """Earlier ones stand before it, and complaints about an answer, which show no program, after it."""
    messages = messages_of(name)
    once = [
        (role, re.sub(r'(B\d+ = )"\w+"', r'\1"before"', text) if role == "user" else text) for role, text in messages
    ]
    assert set(texts_of(find(once).program).values()) == {"before"}
    later = [("assistant", "no program"), *[each for each in messages if each[0] != "system"]]
    complaint = [("assistant", "no program"), ("user", "This could not be applied; answer again.")]
    assert find([*once, *later, *complaint]) == find(messages)


def test_there_is_a_prompt_of_each_kind():
    kinds = ["gepa_component", "openevolve_diff", "openevolve_full"]
    assert [*kinds, *(f"shinka_{kind}" for kind in ("again", "cross", "diff", "fix", "full"))] == NAMES


def test_a_program_that_lost_blocks_gets_them_back_in_a_whole_file_and_in_edits():
    for name in ("openevolve_full", "openevolve_diff"):
        messages = [(role, re.sub(r'^B[35] = "\w+"\n', "", text, flags=re.M)) for role, text in messages_of(name)]
        asked = find(messages)
        assert sorted(texts_of(asked.program)) == [0, 1, 2, 4]
        repaired = Model(Blocks(6, 2), FixKeep(fix=1, keep=1)).answer(asked)
        assert Blocks(6, 2).scores(applied(name, repaired.text, asked.program)) == [1] * 6
        assert repaired.g == 6


def test_a_component_gets_back_its_own_blocks_only():
    answer = Model(Blocks(6, 2), FixKeep(fix=1, keep=1)).answer(find(messages_of("gepa_component")))
    assert (sorted(texts_of(answer.text)), answer.g) == ([2, 3], 2)


@pytest.mark.parametrize(
    ("fault", "outcome", "finish"),
    [
        ("prose", "no_parse", "stop"),
        ("refusal", "refusal", "stop"),
        ("empty", "empty", "stop"),
        ("truncated", "truncated", "length"),
        ("fence", "no_parse", "stop"),
        ("search", "search_mismatch", "stop"),
    ],
)
def test_each_fault_is_in_the_answer_and_in_its_outcome(fault, outcome, finish):
    name = "openevolve_diff" if fault == "search" else "openevolve_full"
    asked = find(messages_of(name))
    good, bad = model().answer(asked), model({fault: 1.0}).answer(asked)
    assert (good.outcome, good.repaired) == ("ok", 1)
    assert (bad.outcome, bad.finish, bad.repaired, bad.kept, bad.g) == (outcome, finish, None, None, 1)
    assert bad.text != good.text
    if fault in ("prose", "refusal", "empty"):
        assert not texts_of(bad.text)
    if fault == "truncated":
        assert good.text.startswith(bad.text)
    if fault == "fence":
        assert bad.text.startswith("```text\n")
    if fault == "search":
        searched = re.search(r"SEARCH\n(.*?)\n=======", bad.text)[1]
        assert searched not in asked.program


def test_a_bad_search_is_no_fault_of_a_whole_file_and_thoughts_come_before_any_answer():
    asked = find(messages_of("openevolve_full"))
    assert model({"search": 1.0}).answer(asked).outcome == "ok"
    thinks = model({"think": 1.0}).answer(asked)
    assert thinks.text == "<think>" + thinks.text.partition("<think>")[2]
    assert thinks.text.endswith(model().answer(asked).text)
    assert (thinks.outcome, thinks.thoughts) == ("ok", thinks.text.index("```"))


def test_faults_come_as_often_as_asked_for():
    drawn = model({"empty": 0.3, "prose": 0.2})
    asked = find(messages_of("openevolve_full"))
    outcomes = [drawn.answer(asked).outcome for _ in range(400)]
    for outcome, rate in (("empty", 0.3), ("no_parse", 0.2)):
        # Hoeffding: P(a share of 400 is off by 0.14) < 2 exp(-2 * 400 * 0.14^2) = 3.1e-7
        assert abs(outcomes.count(outcome) / 400 - rate) < 0.14


def test_the_same_seed_gets_the_same_answer_only_where_seeds_are_honoured():
    asked = find(messages_of("openevolve_full"))
    letters = FixKeep(fix=0.5, keep=0.5)
    deaf, honest = (Model(Blocks(6, 2), letters, honours_seed=honours) for honours in (False, True))
    assert honest.answer(asked, 42).text == honest.answer(asked, 42).text
    assert honest.answer(asked, 42).text != honest.answer(asked, 43).text
    assert honest.answer(asked).text != honest.answer(asked).text
    assert deaf.answer(asked, 42).text != deaf.answer(asked, 42).text


def test_headings_without_blocks_and_several_programs_are_not_understood():
    for name in NAMES:
        nothing = [(role, re.sub(r"^(B\d)", r"C\1", text, flags=re.M)) for role, text in messages_of(name)]
        with pytest.raises(NotUnderstood, match="current program, got none"):
            find(nothing)
        with pytest.raises(NotUnderstood, match="expected a prompt of"):
            find([("user", "hello")], "gepa")
    with pytest.raises(NotUnderstood, match="fences with blocks"):
        find(messages_of("openevolve_full"), "plain")


def test_http_faults_are_told_by_http(serving, rows_of, tmp_path):
    from experiments.serving.log import CallLog
    from experiments.serving.serve import Endpoint

    log = CallLog(tmp_path / "calls.jsonl", new=True)
    for fault, status in (("http_429", 429), ("http_500", 500)):
        with serving(Endpoint(model({fault: 1.0}), log=log)) as client:
            body = json.dumps({"messages": prompt("openevolve_full")["messages"]}).encode()
            found, headers, content = client.raw(
                "POST", "/v1/chat/completions", body, {"Content-Type": "application/json"}
            )
            assert found == status
            assert ("retry-after" in headers) == (status == 429)
            assert "simulated" in json.loads(content)["error"]["message"]
    with serving(Endpoint(model({"timeout": 1.0}), log=log, silence=0.05)) as client, pytest.raises(ConnectionError):
        client.chat('B0 = "a"')
    log.close()
    rows = rows_of(log.path)
    assert [(row["outcome"], row["http_status"], row["fault"]) for row in rows] == [
        ("http_error", 429, "http_429"), ("http_error", 500, "http_500"), ("timeout", None, "timeout")
    ]  # fmt: skip
    assert all("g" not in row and "tokens_in" not in row for row in rows)


@pytest.mark.parametrize("messages", [[], None, {}, "text", ["text"], [3], [{"content": "x"}], [{"role": 3}]], ids=str)
def test_what_is_no_list_of_messages_is_refused(messages):
    with pytest.raises(ValueError, match="messages: expected"):
        texts_of_messages(messages)


def test_of_messages_the_parts_with_text_are_read():
    parts = [{"text": "a"}, {"image": 1}, "b", {"text": 3}, {"text": "c"}]
    messages = [{"role": "user", "content": parts}, {"role": "tool"}, {"role": "user", "content": "d"}]
    assert texts_of_messages(messages) == [("user", "a\nc"), ("tool", ""), ("user", "d")]
