"""The last value that an endpoint takes, and the first that it does not: sizes, numbers of answers, bytes of bodies."""

import json
from types import SimpleNamespace

import pytest

from evo.errors import InputError
from experiments.serving import web
from experiments.serving.program import expect_blocks
from experiments.serving.streams import Told, from_body, from_event


@pytest.mark.parametrize(
    ("k", "l", "words"),
    [
        (1, 1, None),
        (10_000, 1000, None),
        (0, 1, "--k: expected a whole number from 1 to 10,000, got 0"),
        (10_001, 1, "--k: expected a whole number from 1 to 10,000, got 10001"),
        (1, 0, "--l: expected a whole number from 1 to 1,000, got 0"),
        (1, 1001, "--l: expected a whole number from 1 to 1,000, got 1001"),
    ],
)
def test_an_endpoint_has_from_one_to_many_blocks_and_tokens(k, l, words):
    if words is None:
        made = expect_blocks(k, l, "mine")
        assert (made.k, made.l, made.name) == (k, l, "mine")
        return
    with pytest.raises(InputError) as refused:
        expect_blocks(k, l, "mine")
    assert str(refused.value) == words


@pytest.mark.parametrize("streamed", [False, True])
def test_answers_are_numbered_from_0_to_999(streamed):
    part = "delta" if streamed else "message"
    choices = [{"index": number, part: {"content": str(number)}} for number in (-1, 0, 999, 1000)]
    body = json.dumps({"choices": choices}).encode()
    told = from_event(Told(), b"data: " + body) if streamed else from_body(200, body)
    assert {number: said.text for number, said in told.said.items()} == {0: "0", 999: "999"}


@pytest.mark.parametrize(
    ("length", "taken"),
    [
        ("16777216", True),
        ("16777217", False),
        ("5".zfill(12), True),
        ("5".zfill(13), False),  # so long a number is not even read
        ("9" * 5000, False),
    ],
    ids=range(5),
)
def test_a_body_has_at_most_two_to_the_24_bytes(length, taken):
    handler = object.__new__(web._Handler)
    handler.headers = {"content-length": length}
    handler.server = SimpleNamespace(guarded=False, refuse=lambda status, words: (status, words))
    refused = (413, "expected a body of at most 16,777,216 bytes, got more")
    assert handler._refused() == (None if taken else refused)
