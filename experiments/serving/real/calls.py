"""How the real calls of a launch are made: where, with which key, how many at once, and what they may come to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from evo.errors import InputError
from evo.forms.texts import asks_a_model
from evo.parameters import positive, whole
from experiments.grids.any_cell import AnyCell
from experiments.grids.cell import Cell
from experiments.serving.log import CallLog, recorded_calls
from experiments.serving.real.answers import ANSWERS, Answers
from experiments.serving.real.client import Client, OpenAIClient, expect_openai
from experiments.serving.real.desk import Desk, Patience, was_sent
from experiments.serving.real.executor import RealExecutor
from experiments.serving.real.runs import expect_runnable
from experiments.serving.spend import Amount, Caps, Prices, spent_in
from experiments.serving.upstream import Upstream, expect_name_of_key, upstream
from experiments.serving.web import is_local

URL, KEY = "OPENAI_BASE_URL", "OPENAI_API_KEY"
"""Environment variables of the `openai` package."""


@dataclass(frozen=True)
class RealCalls:
    """How `run_grid` makes the calls of cells whose mutator is an `LLM`.

    Every answer is in `answers.jsonl` of the results folder before it is used, so that a launch that goes on asks
    nothing twice; `llm-evo calibrate` reads that file. Caps count all calls in it, and hold before a request is sent.

    Attributes:
        base_url: of the endpoint, as https://host/v1; None: that of the environment, OPENAI_BASE_URL.
        key_env: the environment variable that holds the key. An endpoint of this machine needs none.
        max_calls, max_tokens, max_cost: caps on requests, tokens and money, one at least; None for none.
        prices: of a token and of a call, by the names prompt, cached, generated, reasoning, call; None if unknown.
        at_once: requests under way at the same time.
        tries: of a request that came to nothing by status 408, 409, 429, from 500 on, or silence.
        longest_wait: seconds between two tries, whatever the endpoint asks for.
        timeout: seconds without a byte.
        replay: the answers.jsonl of another results folder: nothing is sent, and the runs are made again from it.
    """

    base_url: str | None = None
    key_env: str = KEY
    max_calls: float | None = None
    max_tokens: float | None = None
    max_cost: float | None = None
    prices: Mapping[str, float] | None = None
    at_once: int = 8
    tries: int = 5
    longest_wait: float = 60.0
    timeout: float = 600.0
    replay: Path | str | None = None

    def __post_init__(self) -> None:
        whole(self, "at_once", least=1, most=1000)
        whole(self, "tries", least=1, most=100)
        positive(self, "longest_wait", "timeout")
        if self.max_cost is not None and self.prices is None:
            raise InputError("RealCalls: expected prices beside max_cost: a cap in money needs them")
        if self.replay is None and self.max_calls is self.max_tokens is self.max_cost is None:
            raise InputError(
                "RealCalls: expected a cap on what may be spent, got none; give max_calls, max_tokens or max_cost "
                "(--max-calls, --max-tokens, --max-cost)"
            )
        _ = self._caps(Amount()), self._prices  # which refuse what is none before a folder is made

    def expect_ready(self, cells: Iterable[AnyCell]) -> None:
        """Check endpoint, key and cells.

        Raises: InputError.
        """
        for cell in cells:
            if isinstance(cell, Cell) and asks_a_model(cell.mutator):
                expect_runnable(cell)
        if self.replay is None:
            expect_openai()
            self._endpoint()
        elif not Path(self.replay).is_file():
            raise InputError(f"replay: expected the {ANSWERS} of a results folder, got {self.replay}, which is no file")

    def executor(self, out: Path, tell: Callable[[str], None]) -> RealExecutor:
        """Who runs batches of cells with real calls, into a results folder."""
        return RealExecutor(lambda: self._desk(out, tell), self.at_once)

    def _desk(self, out: Path, tell: Callable[[str], None]) -> Desk:
        """Where calls go over.

        Raises: InputError if the log is somebody else's, or at work.
        """
        prices = self._prices
        patience = Patience(self.tries, self.longest_wait, self.at_once)
        if self.replay is not None:
            answers = Answers(recorded_calls(Path(self.replay)), str(self.replay))
            return Desk(answers, None, None, Caps(), prices, patience)
        client = self._client(tell)
        log = CallLog(out / ANSWERS, new=False)
        try:
            if log.cut:
                tell(f"{log.path}: half a line of a launch that was killed is cut off; its call may be paid")
            caps = self._caps(spent_in([row for row in log.calls if was_sent(row)], prices))
            return Desk(Answers(log.calls, str(log.path)), log, client, caps, prices, patience)
        except BaseException:
            log.close()  # else this process could not begin again
            raise

    @property
    def _prices(self) -> Prices | None:
        return None if self.prices is None else Prices(self.prices)

    def _caps(self, spent: Amount) -> Caps:
        return Caps(self.max_calls, self.max_tokens, self.max_cost, spent)

    def _client(self, tell: Callable[[str], None]) -> Client:
        endpoint = self._endpoint()
        if endpoint.in_the_open and endpoint.key:
            tell(f"the key travels to {endpoint.address} without encryption; use https")
        return OpenAIClient(endpoint)

    def _endpoint(self) -> Upstream:
        """The endpoint with its key, if it has one.

        Raises: InputError.
        """
        expect_name_of_key(self.key_env)
        url = self.base_url or os.environ.get(URL, "").strip()
        if not url:
            raise InputError(
                f"expected the base URL of an endpoint, as https://host/v1, by --base-url or {URL} in the environment, "
                "got none"
            )
        found = upstream(url, None, self.timeout, asked="--base-url")
        if os.environ.get(self.key_env, "").strip():
            return upstream(url, self.key_env, self.timeout, asked="--base-url")
        if is_local(found.host):
            return found
        raise InputError(
            f"the environment has no {self.key_env}, the key for {found.address}; set it, or name another variable by "
            "--key-env"
        )
