"""Real calls: the ordinary runner, every answer kept before it is used, caps and tries that hold, no word too much."""

import asyncio
import os
import re
from dataclasses import dataclass
from types import SimpleNamespace

import pandas as pd
import pytest

from evo import AllBlocks, Budget, InputError, MuPlusLambda, OnePlusLambda, RoundRobin
from experiments import Cell, Grid, GridFailure, LimitReached, RealCalls, WorkersLost, read_calls, run_grid
from experiments.fits.series import series
from experiments.running.real import expect_real
from experiments.serving.log import CallLog, recorded_calls
from experiments.serving.program import Blocks
from experiments.serving.real import calls as real_calls
from experiments.serving.real.client import NoAnswer, Reply
from experiments.serving.real.retries import Failed
from experiments.serving.spend import spent_in
from experiments.store.files import StoreError
from operators import LLM, Resample
from problems import BlockOneMax, Exact, TextProblem

K = 4
RIGHT = tuple(Blocks(K, 2).right(at) for at in range(K))


class Scripted:
    """A client that answers by a rule of the number of the request and its message."""

    address = "http://127.0.0.1:9/v1"

    def __init__(self, rule):
        self.rule, self.requests, self.under_way, self.most, self.together = rule, [], 0, 0, 1
        self.met = asyncio.Event()

    async def send(self, request):
        self.requests.append(request)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        number = len(self.requests)
        try:
            if self.under_way >= self.together:
                self.met.set()
            async with asyncio.timeout(60):
                await self.met.wait()  # as many as are to be under way at the same time
            said = self.rule(number, request["messages"][-1]["content"])
        finally:
            self.under_way -= 1
        if isinstance(said, Failed):
            raise NoAnswer(said)
        return said if isinstance(said, Reply) else Reply(said, "stop", (10, 5, 2, 1), None if said else "empty")

    async def close(self):
        pass


def lines(prompt):
    return [line for line in prompt.splitlines() if line.startswith("B")]


def one_more(number, prompt):
    """Repairs the first block that is wrong."""
    made = lines(prompt)
    right = [f'{line.split()[0]} = "{RIGHT[int(line.split()[0][1:])]}"' for line in made]
    at = next((at for at in range(len(made)) if made[at] != right[at]), 0)
    return "\n".join([*made[:at], right[at], *made[at + 1 :]])


@dataclass(frozen=True)
class Sandbox:
    """A checker that is down where an environment variable says so."""

    def __call__(self, block, text):
        if text == RIGHT[0] and os.environ.get("SANDBOX") == "down":
            raise ValueError("the sandbox is gone")
        return text == RIGHT[block]


def cell(schedule=None, runner=None, budget=None, **more):
    problem = TextProblem(("aaaaaaaa",) * K, Exact(RIGHT), l=2)
    return Cell(
        problem, LLM("sim", **more), schedule or AllBlocks(), runner or OnePlusLambda(), budget=budget or Budget(20)
    )


def grid(*cells, runs=3):
    return Grid("real", cells or (cell(),), runs=runs)


@pytest.fixture
def scripted(monkeypatch):
    """Real calls that go to a script."""

    def made(rule, **options):
        client = Scripted(rule)
        monkeypatch.setattr(real_calls.RealCalls, "_client", lambda self, tell: client)
        monkeypatch.setattr(real_calls, "expect_openai", lambda: None)
        return client, RealCalls(**({"base_url": client.address, "max_calls": 1000, "longest_wait": 0.001} | options))

    return made


def rows_of(folder):
    """The calls of a folder, as `calibrate` sees them."""
    return read_calls(folder / "answers.jsonl")


def test_runs_are_those_of_the_runner_and_the_ledger_stands_beside_what_was_measured(scripted, tmp_path):
    client, real = scripted(one_more)
    client.together = 3
    found = run_grid(grid(), tmp_path / "out", real=real).runs
    assert found["hit"].tolist() == found["calls"].tolist() == [K] * 3  # a block a call
    assert found["generated_tokens"].tolist() == [K * K * 2] * 3  # the ledger's model: k l tokens a call
    measured = {name: found[f"measured.{name}"].tolist()[0] for name in
                ("calls", "prompt_tokens", "generated_tokens", "cached_tokens", "reasoning_tokens")}  # fmt: skip
    assert measured == {"calls": 4, "prompt_tokens": 40, "generated_tokens": 20, "cached_tokens": 8,
                        "reasoning_tokens": 4}  # fmt: skip
    assert len(client.requests) == 3 * K
    assert client.most == 3  # runs do not wait for each other
    rows = rows_of(tmp_path / "out")
    assert rows.number("repaired").tolist() == [1.0] * 12
    assert set(rows.word("outcome")) == {"ok"}
    assert (tmp_path / "out" / "answers.jsonl").stat().st_mode & 0o077 == 0


def test_the_offspring_of_a_generation_are_asked_at_once_and_no_more_than_allowed(scripted, tmp_path):
    client, real = scripted(one_more, at_once=2)
    client.together = 2
    run_grid(grid(cell(runner=OnePlusLambda(lam=4)), runs=1), tmp_path / "out", real=real)
    assert (len(client.requests), client.most) == (4 * K, 2)


@pytest.mark.parametrize(
    "runner",
    [OnePlusLambda(lam=2), pytest.param(MuPlusLambda(mu=2, lam=2), marks=pytest.mark.slow)],
    ids=["one parent", "two"],
)
def test_a_stored_run_is_replayed_exactly_and_nothing_is_asked(scripted, tmp_path, runner):
    client, real = scripted(lambda number, prompt: one_more(number, prompt) if number % 3 else "What a nice problem!")
    cells = [cell(RoundRobin(g=g), runner) for g in (1, 3)]
    before = run_grid(grid(*cells), tmp_path / "out", real=real)
    assert len(series(before, "schedule.g", "measured.generated_tokens")) == 1  # both cells in one, as of the ledger
    asked = len(client.requests)
    again = run_grid(grid(*cells), tmp_path / "again", real=RealCalls(replay=tmp_path / "out" / "answers.jsonl"))
    pd.testing.assert_frame_equal(before.runs, again.runs)
    assert len(client.requests) == asked
    with pytest.raises(WorkersLost, match=r"replay: \S+answers\.jsonl has no answer to call 1 of the run"):
        run_grid(Grid("real", cells, runs=3, seed=2), tmp_path / "other",
                 real=RealCalls(replay=tmp_path / "out" / "answers.jsonl"))  # fmt: skip


@pytest.mark.slow
def test_a_larger_budget_and_cells_that_share_their_runs_ask_nothing_twice(scripted, tmp_path):
    client, real = scripted(one_more)
    run_grid(grid(cell(budget=Budget(2))), tmp_path / "out", real=real)
    assert len(client.requests) == 3 * 2
    run_grid(grid(cell(budget=Budget(2)), cell(), cell(budget=Budget(3))), tmp_path / "out", real=real)
    assert len(client.requests) == 3 * K


def test_wrong_counts_and_garbage_are_kept_and_counted_and_the_budget_ends_them(scripted, tmp_path):
    said = ["B0 = ", 'B9 = "x"', "I'm sorry.", "B0 B1 B2 B3"]
    _, real = scripted(lambda number, prompt: said[number % 4])
    found = run_grid(grid(cell(budget=Budget(8)), runs=1), tmp_path / "out", real=real).runs
    assert (found["hit"].isna().all(), found["calls"].tolist(), found["evaluations"].tolist()) == (True, [8], [0])
    assert set(rows_of(tmp_path / "out").word("outcome")) == {"no_parse"}
    assert '"reply": "I\'m sorry."' in (tmp_path / "out" / "answers.jsonl").read_text()


@pytest.mark.parametrize(
    ("caps", "requests"),
    [
        ({"max_calls": 5}, 5),
        pytest.param({"max_calls": None, "max_tokens": 2000}, None, marks=pytest.mark.slow),
        pytest.param(
            {"max_calls": None, "max_cost": 0.02, "prices": {"prompt": 1e-5, "generated": 1e-5}},
            None,
            marks=pytest.mark.slow,
        ),
    ],
    ids=["calls", "tokens", "money"],
)
def test_caps_hold_before_a_request_is_sent_and_a_larger_one_goes_on(scripted, tmp_path, caps, requests):
    client, real = scripted(lambda number, prompt: "garbage", **caps)
    with pytest.raises(LimitReached, match=r"the cap of .* would be overstepped"):
        run_grid(grid(), tmp_path / "out", real=real)
    sent = len(client.requests)
    assert sent == (requests or sent)
    rows = rows_of(tmp_path / "out")
    assert len(rows) == sent
    if "max_tokens" in caps:
        assert sent * 15 <= 2000 < sent * 15 + 1500  # the next could have come to 1,024 and a prompt
    with pytest.raises(LimitReached):
        run_grid(grid(), tmp_path / "out", real=real)
    assert len(client.requests) == sent
    _, more = scripted(lambda number, prompt: "garbage")
    assert run_grid(grid(), tmp_path / "out", real=more).runs["calls"].tolist() == [20] * 3
    assert len(rows_of(tmp_path / "out")) == 60


@pytest.mark.slow
def test_a_request_that_fails_is_tried_again_and_each_try_has_its_row(scripted, tmp_path):
    faults = {1: Failed(429, "rate_limited", "status 429", wait=0.0), 2: Failed(None, None, "no reply", slow=True),
              5: Failed(500, None, "status 500")}  # fmt: skip
    _, real = scripted(lambda number, prompt: faults.get(number) or one_more(number, prompt))
    found = run_grid(grid(runs=1), tmp_path / "out", real=real).runs
    assert (found["calls"].tolist(), found["measured.calls"].tolist()) == ([K], [K + 3])
    words = rows_of(tmp_path / "out").word("outcome").tolist()
    assert words == ["http_error", "timeout", "ok", "ok", "http_error", "ok", "ok"]
    again = run_grid(grid(runs=1), tmp_path / "again", real=RealCalls(replay=tmp_path / "out/answers.jsonl"))
    pd.testing.assert_frame_equal(found, again.runs)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("failed", "tries"),
    [(Failed(401, "invalid_api_key", "status 401 (invalid_api_key)"), 1), (Failed(503, None, "status 503"), 3),
     (Failed(None, None, "no reply (ConnectError)", sent=False), 3)],
)  # fmt: skip
def test_an_endpoint_that_gives_nothing_ends_the_launch_and_what_was_answered_is_kept(
    scripted, tmp_path, failed, tries
):
    client, real = scripted(lambda number, prompt: one_more(number, prompt) if number < 3 else failed, tries=3)
    with pytest.raises(WorkersLost, match=r"127\.0\.0\.1:9/v1: .*, and the same command goes on from there") as error:
        run_grid(grid(runs=1), tmp_path / "out", real=real)
    assert failed.told in str(error.value)
    assert len(client.requests) == 2 + tries
    client.rule = one_more
    assert run_grid(grid(runs=1), tmp_path / "out", real=real).runs["hit"].tolist() == [K]
    assert len(client.requests) == K + tries


@pytest.mark.slow
def test_what_was_never_sent_counts_for_no_cap(scripted, tmp_path):
    down = Failed(None, None, "no reply (ConnectError)", sent=False)
    client, real = scripted(lambda number, prompt: down, tries=3, max_calls=K)
    with pytest.raises(WorkersLost):
        run_grid(grid(runs=1), tmp_path / "out", real=real)
    client.rule = one_more
    assert run_grid(grid(runs=1), tmp_path / "out", real=real).runs["hit"].tolist() == [K]


@pytest.mark.slow
def test_answers_of_which_nothing_can_be_read_have_their_words(scripted, tmp_path):
    def rule(number, prompt):
        words = {1: ("a", "length", "truncated"), 2: ("", "stop", "empty"), 3: ("no", "content_filter", "refusal")}
        if number not in words:
            return one_more(number, prompt)
        text, finish, outcome = words[number]
        return Reply(text, finish, None, outcome)

    _, real = scripted(rule)
    found = run_grid(grid(runs=1), tmp_path / "out", real=real).runs
    assert rows_of(tmp_path / "out").word("outcome").tolist() == ["truncated", "empty", "refusal", *["ok"] * K]
    assert found["calls"].tolist() == [K + 3]
    assert "measured.prompt_tokens" not in found  # the endpoint did not tell those of three calls


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*Sandbox reads what cannot be seen")
def test_a_checker_that_raises_fails_its_batch_and_the_answers_are_kept(scripted, tmp_path, monkeypatch):
    monkeypatch.setenv("SANDBOX", "down")
    client, real = scripted(one_more)
    problem = TextProblem(("a",) * K, Sandbox(), l=2)
    asked = grid(Cell(problem, LLM("m"), AllBlocks(), OnePlusLambda(), budget=Budget(5)))
    with pytest.raises(GridFailure, match="the sandbox is gone"):
        run_grid(asked, tmp_path / "out", real=real)
    assert len(client.requests) == 3
    monkeypatch.delenv("SANDBOX")
    run_grid(asked, tmp_path / "out", real=real, retry_failed=True)
    assert len(client.requests) == 3 * K


@pytest.mark.slow
def test_a_log_that_cannot_be_written_ends_the_launch_before_anything_is_asked(scripted, tmp_path, monkeypatch):
    def full(self, row):
        raise OSError(28, "No space left on device")

    client, real = scripted(one_more)
    with monkeypatch.context() as patched:
        patched.setattr(CallLog, "write", full)
        with pytest.raises(StoreError, match=r"answers\.jsonl: an answer cannot be kept \(No space left on device\)"):
            run_grid(grid(), tmp_path / "out", real=real)
    assert not client.requests
    assert run_grid(grid(), tmp_path / "out", real=real).runs["hit"].tolist() == [K] * 3


@pytest.mark.slow
def test_fresh_seeds_differ_from_call_to_call_and_from_run_to_run(scripted, tmp_path):
    client, real = scripted(one_more)
    run_grid(grid(cell(fresh_seed=True)), tmp_path / "out", real=real)
    seeds = [request["seed"] for request in client.requests]
    assert len(set(seeds)) == len(seeds) == 3 * K
    assert all(0 <= seed < 2**31 for seed in seeds)


@pytest.mark.parametrize(
    ("cells", "options", "message"),
    [
        ([cell()], {"real": None}, "its mutator makes real calls, which may cost money"),
        ([cell()], {"workers": 2}, "real calls are made by this process"),
        ([cell(schedule=None)], {"out": None}, "real calls need a results folder"),
    ],
)
def test_real_calls_that_nobody_asked_for_or_cannot_be_kept_are_refused(scripted, tmp_path, cells, options, message):
    client, real = scripted(one_more)
    with pytest.raises(InputError, match=message):
        run_grid(grid(*cells), **({"out": tmp_path / "out", "real": real} | options))
    assert not client.requests
    assert not (tmp_path / "out").exists()


def test_endpoint_key_and_all_cells_are_checked_last_before_anything_is_made():
    asked = []
    ready = SimpleNamespace(expect_ready=asked.append)
    plain = Cell(BlockOneMax(k=2, l=2), Resample(0.5), AllBlocks(), OnePlusLambda())
    cells = (plain, cell())
    expect_real(cells, ready, "out", others=False)
    assert asked == [cells]
    expect_real((plain,), None, None, others=True)  # no real calls, and none that make them
    for some, real, out, others, message in (
        (cells, None, "out", False, f"^{re.escape(cell().text[:200])}: its mutator makes real calls"),
        ((plain,), ready, "out", False, "real calls are for cells whose mutator is an LLM"),
        (cells, ready, None, False, "real calls need a results folder"),
        (cells, ready, "out", True, "real calls are made by this process, many at once; leave out workers, time_limit"),
    ):
        with pytest.raises(InputError, match=message):
            expect_real(some, real, out, others)
    assert asked == [cells]


@pytest.mark.slow
def test_a_start_that_the_checker_sees_otherwise_is_refused_before_anything_is_asked(scripted, tmp_path):
    client, real = scripted(one_more)
    wrong = TextProblem((RIGHT[0], *["a"] * (K - 1)), Exact(RIGHT), l=2)
    asked = grid(Cell(wrong, LLM("m"), AllBlocks(), OnePlusLambda(), budget=Budget(5)))
    with pytest.raises(GridFailure, match=r"in `right`, got \(\), where the checker finds \(0,\)"):
        run_grid(asked, tmp_path / "out", real=real)
    assert not client.requests


def test_without_a_cap_a_key_or_an_address_nothing_begins(monkeypatch, tmp_path):
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(InputError, match="expected a cap on what may be spent, got none"):
        RealCalls(base_url="http://127.0.0.1:9/v1")
    with pytest.raises(InputError, match="expected prices beside max_cost"):
        RealCalls(max_cost=1)
    for url, message in (
        (None, "expected the base URL of an endpoint"),
        ("https://api.nobody.invalid/v1", "the environment has no OPENAI_API_KEY, the key for https://api.nobody"),
        ("ftp://127.0.0.1", "--base-url: expected a base URL such as"),
    ):
        with pytest.raises(InputError, match=message):
            run_grid(grid(), tmp_path / "out", real=RealCalls(base_url=url, max_calls=1))
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "caps", [{"max_calls": float("nan")}, {"max_tokens": -1}, {"max_cost": 1, "prices": {"prompt": 1}}], ids=str
)
def test_a_cap_or_a_price_that_is_none_is_refused_before_anything_is_opened(caps):
    with pytest.raises(InputError, match=r"--max-calls|--max-tokens|--prices"):
        RealCalls(base_url="http://127.0.0.1:9/v1", **caps)
    assert RealCalls(base_url="http://127.0.0.1:9/v1", max_calls=0, prices={"prompt": 0, "generated": 0}).max_calls == 0


def test_a_launch_that_cannot_begin_lets_go_of_the_log(scripted, tmp_path, monkeypatch):
    def broken(rows, prices=None):
        raise InputError("no money")

    _, real = scripted(one_more)
    with monkeypatch.context() as patch:
        patch.setattr(real_calls, "spent_in", broken)
        with pytest.raises(InputError, match="no money") as kept:
            run_grid(grid(runs=1), tmp_path / "out", real=real)
    assert kept.value  # whose traceback keeps the objects of that launch, as a notebook does
    assert len(run_grid(grid(runs=1), tmp_path / "out", real=real).runs) == 1


NOT_AMOUNTS = ['"x"', "NaN", "-1", "1e999", "true", "[]", "9" * 400]


@pytest.mark.parametrize("value", NOT_AMOUNTS, ids=lambda value: value[:5])
@pytest.mark.parametrize("name", ["tokens_out", "tokens_cached", "most_tokens", "price"])
def test_amounts_of_a_log_that_are_none_are_refused_by_line_and_name(tmp_path, name, value):
    line = f'{{"schema": "llm-evo calls 1", "id": "a"}}\n{{"of": "a", "{name}": {value}}}\n'
    (tmp_path / "answers.jsonl").write_text(line)
    with pytest.raises(InputError, match=rf"answers\.jsonl: line 2: {name}: expected a (whole )?number from 0 to "):
        recorded_calls(tmp_path / "answers.jsonl")
    (tmp_path / "answers.jsonl").write_text(line.replace(value, "3"))  # the twin
    assert spent_in(recorded_calls(tmp_path / "answers.jsonl")).calls == 1
