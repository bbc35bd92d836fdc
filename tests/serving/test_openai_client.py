"""The client that nobody here wrote: the package `openai`, against the endpoint over HTTP."""

import json

import numpy as np
import pytest
from patience import SECONDS

from experiments.serving.faults import Faults
from experiments.serving.log import CallLog, recorded_calls
from experiments.serving.model import Model, tokens
from experiments.serving.program import Blocks
from experiments.serving.record import Recorder
from experiments.serving.serve import Endpoint
from experiments.serving.upstream import upstream
from operators import FixKeep

openai = pytest.importorskip("openai", reason="the package openai is not installed")
PROMPT = [{"role": "system", "content": "You improve programs."}]
PROMPT += [{"role": "user", "content": Blocks(4, 2).program([False] * 4, np.random.default_rng(1))}]


@pytest.fixture
def asked(serving, tmp_path):
    """What a client gets from an endpoint with some faults, and the rows of its log."""

    def ask(use, **faults):
        log = CallLog(tmp_path / "calls.jsonl", new=True)
        model = Model(Blocks(4, 2), FixKeep(fix=1, keep=1), faults=Faults(faults))
        with serving(Endpoint(model, log=log, silence=5.0)) as server:
            address = f"http://127.0.0.1:{server.port}/v1"
            patience = 2.0 if "timeout" in faults else float(SECONDS)  # the endpoint is silent for longer than 2 s
            with openai.OpenAI(api_key="none", base_url=address, max_retries=0, timeout=patience) as client:
                try:
                    found = use(client)
                finally:
                    log.close()
                    rows = [json.loads(line) for line in log.path.read_text().splitlines()]
                    ask.rows = rows
        return found

    return ask


def chat(**more):
    return lambda client: client.chat.completions.create(model="sim", messages=PROMPT, **more)


def test_a_chat_and_its_usage(asked):
    made = asked(chat(temperature=0.7, top_p=0.9, seed=3, n=2, reasoning_effort="low"))
    assert [Blocks(4, 2).scores(choice.message.content) for choice in made.choices] == [[1, 1, 1, 1]] * 2
    assert [choice.finish_reason for choice in made.choices] == ["stop", "stop"]
    (row,) = asked.rows
    assert made.usage.total_tokens == row["tokens_in"] + row["tokens_out"]
    assert made.usage.completion_tokens_details.reasoning_tokens == 0


def test_a_stream(asked):
    def use(client):
        with chat(stream=True, stream_options={"include_usage": True})(client) as stream:
            return list(stream)

    chunks = asked(use)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert Blocks(4, 2).scores(text) == [1, 1, 1, 1]
    assert [chunk.usage.completion_tokens for chunk in chunks if chunk.usage] == [asked.rows[0]["tokens_out"]]


def test_thoughts_are_told_as_tokens_of_reasoning(asked):
    made = asked(chat(), think=1.0)
    assert made.choices[0].message.content.startswith("<think>")
    assert made.usage.completion_tokens_details.reasoning_tokens == asked.rows[0]["tokens_reasoning"] > 0


@pytest.mark.parametrize(
    ("fault", "error"),
    [("http_429", "RateLimitError"), ("http_500", "InternalServerError"), ("timeout", "APITimeoutError")],
)
def test_faults_of_http_are_the_errors_of_the_client(asked, fault, error):
    with pytest.raises(getattr(openai, error)):
        asked(chat(), **{fault: 1.0})
    assert [row["fault"] for row in asked.rows] == [fault]


@pytest.mark.parametrize(
    ("fault", "content", "finish"), [("empty", "", "stop"), ("truncated", None, "length"), ("refusal", None, "stop")]
)
def test_answers_that_cannot_be_used(asked, fault, content, finish):
    choice = asked(chat(), **{fault: 1.0}).choices[0]
    assert choice.finish_reason == finish
    assert content is None or choice.message.content == content


def test_a_prompt_that_is_not_understood(asked):
    with pytest.raises(openai.BadRequestError, match="expected lines such as B0") as raised:
        asked(lambda client: client.chat.completions.create(model="sim", messages=[{"role": "user", "content": "hi"}]))
    assert raised.value.code == "prompt_not_understood"
    assert asked.rows[0]["outcome"] == "http_error"


@pytest.mark.parametrize("stream", [False, True])
def test_a_recorder_in_between_changes_nothing_and_logs_the_usage(serving, tmp_path, stream):
    log = CallLog(tmp_path / "calls.jsonl", new=True)
    with serving(Endpoint(Model(Blocks(4, 2), FixKeep(fix=1, keep=1)))) as behind:
        recorder = Recorder(upstream(f"http://127.0.0.1:{behind.port}/v1"), log)
        with serving(recorder) as server:
            address = f"http://127.0.0.1:{server.port}/v1"
            with openai.OpenAI(api_key="sk-secret", base_url=address, max_retries=0) as client:
                made = chat(stream=stream)(client)
                if stream:
                    with made as pieces:
                        chunks = list(pieces)
                    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
                else:
                    text = made.choices[0].message.content
    log.close()
    (row,) = recorded_calls(log.path)
    assert Blocks(4, 2).scores(text) == [1, 1, 1, 1]
    assert row["tokens_out"] == tokens(text)
    assert "secret" not in log.path.read_text()


def test_models_and_embeddings(asked):
    listed, made = asked(lambda client: (client.models.list(), client.embeddings.create(model="e", input=["a", "b"])))
    assert [model.id for model in listed] == ["sim"]
    assert len(made.data) == 2
    assert [row["kind"] for row in asked.rows] == ["models", "embeddings"]
