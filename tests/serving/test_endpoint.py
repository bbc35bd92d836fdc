"""The endpoint over HTTP: OpenAI's shapes, a line of log a request, and answers that are what the mutator says."""

import json
import math
import threading

import numpy as np
import pytest

from evo import OnlyIncorrect, RoundRobin, UniformChunk, UniformSubset
from evo.errors import InputError
from experiments.logs.formats import read_calls
from experiments.serving.evaluator import texts_of
from experiments.serving.faults import Faults
from experiments.serving.log import CallLog
from experiments.serving.model import Model, tokens
from experiments.serving.program import Blocks
from experiments.serving.prompts.find import find
from experiments.serving.serve import Endpoint
from operators import FixKeep, Malformed, PerBlock, Resample, Spill, Vote

SIGNIFICANCE = 1e-6


def wrong_program(k, l=2, seed=3):
    return Blocks(k, l).program([False] * k, np.random.default_rng(seed))


def endpoint(mutator=None, k=4, log=None, **more):
    model = {name: more.pop(name) for name in ("schedule", "seed", "faults", "honours_seed") if name in more}
    return Endpoint(Model(Blocks(k, 2), mutator or FixKeep(fix=0.5, keep=0.5), **model), log=log, **more)


def test_a_chat_is_answered_with_usage_and_a_line_of_log(serving, rows_of, tmp_path):
    log = CallLog(tmp_path / "calls.jsonl", new=True)
    program = wrong_program(4)
    prompt = f"Improve it.\n```python\n{program}```\n"
    with serving(endpoint(FixKeep(fix=1, keep=1), log=log)) as client:
        status, body = client.chat(prompt, temperature=0.3, logit_bias={}, unknown={"a": 1})
    log.close()
    (choice,) = body["choices"]
    text = choice["message"]["content"]
    assert status == 200
    assert choice["finish_reason"] == "stop"
    assert text.startswith("```python\n")
    assert Blocks(4, 2).scores(text) == [1, 1, 1, 1]
    assert "EVOLVE-BLOCK-START" in text
    usage = body["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (tokens(prompt), tokens(text))
    (row,) = rows_of(tmp_path / "calls.jsonl")
    assert [row[name] for name in ("g", "incorrect", "repaired", "kept", "right", "outcome")] == [4, 4, 4, 0, 4, "ok"]
    assert [row["tokens_in"], row["tokens_out"]] == [usage["prompt_tokens"], usage["completion_tokens"]]
    assert row["price"] is None  # unknown, not 0
    assert program not in json.dumps(row)  # no body in it


def test_several_choices_are_one_line_and_one_usage(serving, rows_of, tmp_path):
    log = CallLog(tmp_path / "calls.jsonl", new=True)
    with serving(endpoint(Resample(p=0.5), log=log)) as client:
        _, body = client.chat(wrong_program(4), n=3)
    log.close()
    texts = [choice["message"]["content"] for choice in body["choices"]]
    assert len(set(texts)) == 3
    assert body["usage"]["completion_tokens"] == sum(map(tokens, texts))
    (row,) = rows_of(tmp_path / "calls.jsonl")
    repaired = [sum(Blocks(4, 2).scores(text)) for text in texts]
    assert [each["repaired"] for each in row["answers"]] == repaired
    assert "g" not in row
    calls = read_calls(log.path)  # a row an answer; what is of all of them together is of none
    assert calls.number("repaired").tolist() == repaired
    assert calls.number("tokens_out").tolist() == [tokens(text) for text in texts]
    assert calls.number("tokens_in")[0] == body["usage"]["prompt_tokens"]
    assert np.isnan(calls.number("tokens_in")[1:]).all()
    assert ("seconds" in calls, calls.word("call").tolist()) == (False, ["1/0", "1/1", "1/2"])


@pytest.mark.parametrize("n", [1, 3])
def test_tokens_of_reasoning_are_a_quarter_of_the_letters_of_thoughts(n, serving, rows_of, tmp_path):
    """Thoughts are what stands before the program; of each answer whole tokens count."""
    log = CallLog(tmp_path / "calls.jsonl", new=True)
    with serving(endpoint(log=log, faults=Faults({"think": 1.0}))) as client:
        _, body = client.chat(f"Improve it.\n```python\n{wrong_program(4)}```\n", n=n)
    log.close()
    expected = sum(choice["message"]["content"].index("```") // 4 for choice in body["choices"])
    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] == expected > 0
    assert rows_of(tmp_path / "calls.jsonl")[0]["tokens_reasoning"] == expected


def test_a_request_for_several_answers_fails_over_http_as_often_as_one_for_one():
    asked = find([("user", wrong_program(4))])
    model = endpoint(faults=Faults({"http_500": 0.5})).model
    faults = [model.answer(asked, choice=choice).fault for choice in (0, 1) for _ in range(40)]
    assert 0 < faults[:40].count("http_500") < 40
    assert "http_500" not in faults[40:]


def test_a_seed_that_is_heard_gives_each_choice_an_answer_of_its_own(serving):
    with serving(endpoint(Resample(p=0.5), k=6, honours_seed=True)) as client:
        made = [client.chat(wrong_program(6), n=n, seed=7)[1]["choices"] for n in (3, 3, 1)]
    texts = [[choice["message"]["content"] for choice in choices] for choices in made]
    assert len(set(texts[0])) == 3
    assert texts[0] == texts[1]
    assert texts[2] == texts[0][:1]


def test_a_stream_is_the_same_answer_in_pieces(serving):
    with serving(endpoint(seed=5)) as client:
        whole = client.text(wrong_program(4))
    body = {"messages": [{"role": "user", "content": wrong_program(4)}], "stream": True}
    body["stream_options"] = {"include_usage": True}
    with serving(endpoint(seed=5)) as client:
        content = json.dumps(body).encode()
        status, headers, raw = client.raw("POST", "/v1/chat/completions", content, {"Content-Type": "application/json"})
        assert client.text(wrong_program(4))  # the connection is kept
    events = [line.removeprefix("data: ") for line in raw.decode().split("\n\n") if line]
    chunks = [json.loads(event) for event in events[:-1]]
    assert (status, headers["content-type"], events[-1]) == (200, "text/event-stream", "[DONE]")
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks[:-1]) == whole
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == tokens(whole)
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]][-1] == "stop"


def test_models_and_embeddings(serving):
    with serving(endpoint(name="gpt-4.1-mini")) as client:
        _, _, listed = client.raw("GET", "/v1/models")
        _, made = client.post("/v1/embeddings", {"input": ["abcdef", "abcdeg", "zzzzzz"]})
    assert json.loads(listed)["data"][0]["id"] == "gpt-4.1-mini"
    one, near, far = (np.array(each["embedding"]) for each in made["data"])
    assert one @ one == pytest.approx(1, abs=1e-4)
    assert one @ near > 0.5 > one @ far


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "code"),
    [
        ("POST", "/v1/chat/completions", b"{", {}, 400, "invalid_json"),
        ("POST", "/v1/chat/completions", b"[1]", {}, 400, "invalid_json"),
        ("POST", "/v1/chat/completions", b"{}", {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        ("POST", "/v1/chat/completions", b"{}", {}, 400, "invalid_request"),
        ("POST", "/v1/chat/completions", b'{"messages": [{"role": "user"}], "n": 0}', {}, 400, "invalid_request"),
        ("POST", "/v1/chat/completions", b'{"messages": [{"role": "user"}]}', {}, 400, "prompt_not_understood"),
        ("POST", "/v1/embeddings", b'{"input": 3}', {}, 400, "invalid_request"),
        ("GET", "/v1/chat/completions", None, {}, 405, "method_not_supported"),
        ("POST", "/v1/responses", b"{}", {}, 404, "unknown_url"),
        ("GET", "/v1/models", None, {"Host": "evil.example"}, 421, None),
        ("POST", "/v1/models", None, {"Content-Length": str(2**40)}, 413, None),
        ("POST", "/v1/models", None, {"Content-Length": "x"}, 411, None),
        ("BREW", "/v1/models", None, {}, 501, None),
    ],
)
def test_what_is_no_request_gets_an_error_of_openai_shape_and_a_line(
    serving, rows_of, tmp_path, method, path, body, headers, status, code
):
    log = CallLog(tmp_path / "calls.jsonl", new=True)
    with serving(endpoint(log=log)) as client:
        found, _, content = client.raw(method, path, body, {"Content-Type": "application/json"} | headers)
    log.close()
    error = json.loads(content)["error"]
    assert found == status
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == code
    (row,) = rows_of(tmp_path / "calls.jsonl")
    assert (row["outcome"], row["http_status"]) == ("http_error", status)


def test_what_was_not_understood_says_what_was_looked_for(serving):
    with serving(endpoint()) as client:
        _, none = client.chat("Please improve my program.")
        _, two = client.chat('```\nB0 = "a"\n```\n```\nB0 = "b"\n```\n')
        _, others = client.chat('B7 = "a"')
    assert "expected lines such as B0" in none["error"]["message"]
    assert "got 2 fences with blocks" in two["error"]["message"]
    assert "expected blocks B0 to B3" in others["error"]["message"]


def test_the_same_program_gets_the_same_answers_whatever_comes_between():
    def answers(seed, prompts):
        with_model = endpoint(Resample(p=0.5), seed=seed).model
        return [with_model.answer(find([("user", prompt)])).text for prompt in prompts]

    one, two = wrong_program(4, seed=1), wrong_program(4, seed=2)
    alone = answers(1, [one, one])
    between = answers(1, [f"score 0.25 after 13:02:11\n{one}", two, two, one])
    assert alone == [between[0], between[3]]
    assert alone[0] != alone[1]
    assert answers(2, [one, one]) != alone


def test_the_seed_of_a_request_is_heard_where_it_is_said_to_be():
    """Answers by the request's seed are drawn apart from those that are counted: none is the other's."""
    asked = find([("user", wrong_program(6))])

    def answers(honours, seeds):
        model = endpoint(Resample(p=0.5), k=6, honours_seed=honours).model
        return [model.answer(asked, seed).text for seed in seeds]

    counted, heard = answers(True, [None] * 5), answers(True, range(5))
    assert len({*counted, *heard}) == 10
    assert answers(True, [3, 3, 0, None]) == [heard[3], heard[3], heard[0], counted[0]]
    assert answers(False, range(5)) == counted


def asked_apart(client):
    other = type(client)(client.port)
    other.text(wrong_program(4))
    other.connection.close()


def test_two_endpoints_with_one_seed_write_one_log_also_under_concurrency(serving, rows_of, tmp_path):
    logs = []
    for number in range(2):
        log = CallLog(tmp_path / f"{number}.jsonl", new=True)
        with serving(endpoint(log=log)) as client:
            threads = [threading.Thread(target=asked_apart, args=(client,)) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        log.close()
        rows = rows_of(log.path)
        assert sorted(row["call"] for row in rows) == list(range(1, 9))
        logs.append(sorted(row["response"] for row in rows))
    assert logs[0] == logs[1]
    assert len(set(logs[0])) == 8


def test_schedules_choose_among_the_blocks_shown(serving):
    program = wrong_program(6)
    before = texts_of(program)

    def changed(schedule, shown=program):
        with serving(endpoint(FixKeep(fix=1, keep=1), k=6, schedule=schedule)) as client:
            after = texts_of(client.text(shown))
        return [i for i in before if i in after and after[i] != before[i]], sorted(after)

    assert len(changed(UniformChunk(g=2))[0]) == 2
    assert len(changed(UniformSubset(g=3))[0]) == 3
    assert changed(OnlyIncorrect())[0] == [0]
    part = "\n".join(f'B{i} = "{before[i]}"' for i in (2, 5))
    assert changed(OnlyIncorrect(), part) == ([2], [2, 5])
    with pytest.raises(InputError, match="shows the blocks of its chunk alone"):
        endpoint(schedule=RoundRobin())


def test_mutators_that_see_positions_or_the_solution_are_served(serving):
    with serving(endpoint(PerBlock(p=(1.0, 0.0, 1.0, 0.0)))) as client:
        assert Blocks(4, 2).scores(client.text(wrong_program(4))) == [1, 0, 1, 0]
    right = Blocks(4, 2).program([True] * 4, np.random.default_rng(1))
    spills = endpoint(Spill(Resample(p=1.0), rate=1.0), schedule=UniformChunk())
    with serving(spills) as client:
        assert sum(Blocks(4, 2).scores(client.text(right))) < 4  # blocks outside the chunk were broken
    with serving(endpoint(Malformed(Resample(p=1.0), rate=1.0))) as client:
        assert not texts_of(client.text(right))
    with pytest.raises(InputError, match="takes several calls"):
        endpoint(Vote(Resample(p=0.6), ahead=2))


def test_an_answer_is_no_longer_than_the_request_allows(serving):
    with serving(endpoint(FixKeep(fix=1, keep=1))) as client:
        _, body = client.chat(wrong_program(4), max_tokens=5)
    (choice,) = body["choices"]
    assert choice["finish_reason"] == "length"
    assert body["usage"]["completion_tokens"] == 5
    assert tokens(choice["message"]["content"]) == 5


def calls_to_the_optimum(ask, k, runs):
    """Of an elitist loop that asks an endpoint: the numbers of the calls that first gave the optimum."""
    problem, found = Blocks(k, 2), []
    for _ in range(runs):
        parent, call = "\n".join(f'B{i} = "{text}"' for i, text in texts_of(wrong_program(k)).items()), 0
        while sum(problem.scores(parent)) < k:
            call += 1
            child = ask(parent)
            parent = max(parent, child, key=lambda text: sum(problem.scores(text)))
        found.append(call)
    return np.array(found)


def distance(found, p):
    """The largest distance of the share of runs up to each call from a geometric law."""
    calls = np.arange(1, found.max() + 1)
    return np.abs((found[:, None] <= calls).mean(axis=0) - (1 - (1 - p) ** calls)).max()


@pytest.mark.statistical
def test_global_mutation_over_http_takes_two_to_the_k_calls(serving):
    runs, k = 120, 3
    band = math.sqrt(math.log(2 / SIGNIFICANCE) / (2 * runs))  # DKW: false-fail rate 1e-6
    with serving(endpoint(Resample(p=0.5), k=k)) as client:
        found = calls_to_the_optimum(client.text, k, runs)
    assert distance(found, 2.0**-k) < band
    assert band < 0.25  # so much another law would have to differ
    with serving(endpoint(Resample(p=0.8), k=k)) as client:
        found = calls_to_the_optimum(client.text, k, runs)
    assert distance(found, 2.0**-k) > band  # a twin that must fail


def test_an_answer_that_no_log_has_is_not_given(serving, tmp_path, monkeypatch):
    def full(self, row):
        raise OSError(28, "No space left on device")

    log = CallLog(tmp_path / "calls.jsonl", new=True)
    monkeypatch.setattr(CallLog, "write", full)
    with serving(endpoint(log=log)) as client:
        status, body = client.chat(wrong_program(4))
    log.close()
    assert (status, body["error"]["code"]) == (500, "log_failed")


def test_a_mutator_that_fails_is_an_error_of_the_server_which_lives_on(serving, tmp_path):
    class Broken:
        def rewrite(self, correct, rng):
            raise ZeroDivisionError("secret words of a prompt")

    log = CallLog(tmp_path / "calls.jsonl", new=True)
    served = endpoint(log=log)
    served.model.mutator = Broken()
    with serving(served) as client:
        replies = [client.chat(wrong_program(4)) for _ in range(2)]
    log.close()
    assert [status for status, _ in replies] == [500, 500]
    assert replies[0][1]["error"]["message"] == "the mutator failed with ZeroDivisionError"
    assert "secret" not in log.path.read_text()


def test_calibrate_reads_the_log(serving, tmp_path):
    log = CallLog(tmp_path / "calls.jsonl", new=True)
    with serving(endpoint(FixKeep(fix=1, keep=1), log=log)) as client:
        client.chat(wrong_program(4))
        client.chat("nothing")
    log.close()
    calls = read_calls(log.path)
    assert calls.number("repaired").tolist() == [4]  # what was not understood is no call
    assert calls.unused == ()
