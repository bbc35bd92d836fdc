"""The desk that calls go over: an answer that is there already, or a request, within the caps, and its record."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from experiments.logs.recorded import NO_RESPONSE, SCHEMA
from experiments.running.real import EndpointLost, SpendingEnded
from experiments.serving.log import CallLog
from experiments.serving.real.answers import Answer, Answers, asked_as
from experiments.serving.real.client import Client, NoAnswer, Reply
from experiments.serving.real.retries import Failed, seconds_to_wait
from experiments.serving.record import ROOM
from experiments.serving.requests import sha
from experiments.serving.spend import Amount, CapReached, Caps, Prices
from experiments.store.files import StoreError


@dataclass(frozen=True)
class Patience:
    """How often a request is sent, and how long is waited between.

    Attributes:
        tries: of a request, at the most.
        longest_wait: seconds between two, whatever the endpoint asks for.
        at_once: requests under way at the same time.
    """

    tries: int = 5
    longest_wait: float = 60.0
    at_once: int = 8


@dataclass(frozen=True)
class Question:
    """A call to make.

    Attributes:
        run: names the run, whatever launch it is made in.
        number: of the call in its run, from 1.
        nth: how often the run had asked the same before.
        request: the body.
        known: columns of the table of calls that are known before it is sent.
    """

    run: str
    number: int
    nth: int
    request: Mapping[str, Any]
    known: Mapping[str, Any]


class Desk:
    """Where all calls of a launch go over.

    Attributes:
        ended: why nothing is sent any more; None while it is.
    """

    def __init__(
        self,
        answers: Answers,
        log: CallLog | None,
        client: Client | None,
        caps: Caps,
        prices: Prices | None,
        patience: Patience,
    ) -> None:
        self._answers, self._log, self._client, self._caps, self._prices = answers, log, client, caps, prices
        self._patience = patience
        self._room = asyncio.Semaphore(patience.at_once)
        self._under_way: dict[str, asyncio.Future[Answer]] = {}
        self._noted: set[str] = set()
        self.ended: SpendingEnded | EndpointLost | None = None
        self._flying = 0
        self._back = asyncio.Event()

    async def ask(self, question: Question) -> Answer:
        """The answer to a call, of earlier launches or now; cells that share runs share it.

        Raises: SpendingEnded if a cap could be overstepped; EndpointLost if there is no answer.
        """
        asked = asked_as(question.run, question.request, question.nth)
        if (found := self._answers.get(asked)) is not None:
            return found
        if self._client is None:
            self._end(
                EndpointLost(
                    f"replay: {self._answers.file} has no answer to call {question.number} of the run {question.run}; "
                    "it was never asked, or the grid is another one: run it without --replay"
                )
            )
        if asked not in self._under_way:
            self._under_way[asked] = asyncio.ensure_future(self._answered(question, asked))
        return await asyncio.shield(self._under_way[asked])

    def note(self, answer: Answer, told: Mapping[str, Any]) -> None:
        """Write what became of an answer, unless the log has it already."""
        if self._log is not None and not answer.noted and answer.id not in self._noted:
            self._noted.add(answer.id)
            self._write({"of": answer.id} | dict(told))

    async def close(self) -> None:
        """Let go of connections, and let others write the log."""
        try:
            if self._client is not None:
                await self._client.close()
        finally:
            if self._log is not None:
                self._log.close()

    async def _answered(self, question: Question, asked: str) -> Answer:
        async with self._room:
            tries = 1
            while isinstance(made := await self._tried(question, asked), Failed):
                if not made.may_pass or tries >= self._patience.tries:
                    self._end(EndpointLost(self._lost(made, tries)))
                await asyncio.sleep(seconds_to_wait(made, tries, self._patience.longest_wait))
                tries += 1
            return made

    def _lost(self, failed: Failed, tries: int) -> str:
        assert self._client is not None
        more = f", {tries} times" if tries > 1 else ""
        return (
            f"{self._client.address}: {failed.told}{more}; what was answered before is kept, and the same command goes "
            "on from there"
        )

    def _end(self, why: SpendingEnded | EndpointLost) -> NoReturn:
        """Send nothing more; what is under way comes back and is kept."""
        if self.ended is None:
            self.ended = why
        raise self.ended

    async def _tried(self, question: Question, asked: str) -> Answer | Failed:
        """Send a request once: a line before, a line after."""
        assert self._client is not None
        most = self._most(question.request)
        await self._take(most)
        name, begun = uuid.uuid4().hex[:16], time.time()
        requests = self._answers.sent(asked)
        self._write(self._sent_row(name, begun, question, asked, most) | {"call": _word(question.number, requests)})
        self._flying += 1
        try:
            reply = await self._client.send(question.request)
            return self._came_back(name, begun, most, reply, requests)
        except NoAnswer as error:
            self._failed(name, begun, most, error.failed)
            return error.failed
        finally:
            self._flying -= 1
            self._back.set()
            self._back.clear()

    async def _take(self, most: Amount) -> None:
        """Set aside what a request may come to; as long as others are under way they may leave room.

        Raises: SpendingEnded, EndpointLost.
        """
        while True:
            if self.ended is not None:
                raise self.ended
            try:
                return self._caps.take(most)
            except CapReached as error:
                if not self._flying:
                    self._end(SpendingEnded(str(error)))
            await self._back.wait()

    def _most(self, request: Mapping[str, Any]) -> Amount:
        """The most that a request may come to: no text has more tokens than bytes."""
        read = len(json.dumps(request).encode()) + ROOM
        written = int(request.get("max_completion_tokens") or request.get("max_tokens") or 0)
        return Amount(1, read + written, None if self._prices is None else self._prices.most_of(read, written))

    def _sent_row(self, name: str, begun: float, question: Question, asked: str, most: Amount) -> dict[str, Any]:
        return {
            "schema": SCHEMA, "id": name, "asked": asked, "run": question.run,
            "t0": round(begun, 3), "kind": "chat", "model": question.request.get("model"), "outcome": NO_RESPONSE,
            "prompt": sha(json.dumps(question.request.get("messages"))), **question.known,
            "most_tokens": most.tokens, "most_price": most.money,
        }  # fmt: skip

    def _failed(self, name: str, begun: float, most: Amount, failed: Failed) -> None:
        row: dict[str, Any] = {"of": name, "seconds": _since(begun), "http_status": failed.status}
        row |= {"outcome": "timeout" if failed.slow else "http_error", "told": failed.code}
        if not failed.sent or failed.status is not None:  # an error is not paid
            row |= {"most_tokens": 0, "most_price": None if most.money is None else 0.0}
        self._write(row)
        if "most_tokens" in row:
            self._caps.settle(most, Amount(int(was_sent(row)), 0, row["most_price"]))

    def _came_back(self, name: str, begun: float, most: Amount, reply: Reply, requests: int) -> Answer:
        row: dict[str, Any] = {"of": name, "seconds": _since(begun), "http_status": 200, "outcome": reply.outcome}
        row |= {"finish": reply.finish, "response": sha(reply.text), "reply": reply.text}
        if reply.usage is not None:
            read, written, cached, reasoning = reply.usage
            price = None if self._prices is None else round(self._prices.of(*reply.usage), 12)
            row |= {"tokens_in": read, "tokens_out": written, "tokens_cached": cached, "tokens_reasoning": reasoning}
            row["price"] = price
            self._caps.settle(most, Amount(1, read + written, price))
        self._write(row)
        return Answer(name, reply.text, reply.outcome, reply.usage, requests, reply.outcome is not None)

    def _write(self, row: Mapping[str, Any]) -> None:
        assert self._log is not None
        try:
            self._log.write(row)
        except OSError as error:
            raise StoreError(
                f"{self._log.path}: an answer cannot be kept ({error.strerror}); nothing more is asked; make room and "
                "run the same command"
            ) from None


def _word(number: int, requests: int) -> str:
    """The word of a request in the log: the number of its call, and which try it is from the second on.

    >>> _word(7, 1), _word(7, 2)
    ('7', '7.2')
    """
    return str(number) if requests == 1 else f"{number}.{requests}"


def was_sent(row: Mapping[str, Any]) -> bool:
    """Whether the request of a row may have arrived: else no cap counts it.

    >>> was_sent({"outcome": "http_error", "http_status": None, "most_tokens": 0})
    False
    """
    failed = row.get("outcome") in ("http_error", "timeout") and row.get("http_status") is None
    return not (failed and row.get("most_tokens") == 0)


def run_name(seed: int, identity: str, batch: int, run: int) -> str:
    """What names a run in the log, whatever its budget: 16 hexadecimal digits.

    >>> run_name(1, "x", 0, 0) == run_name(1, "x", 0, 1)
    False
    """
    return hashlib.sha256(json.dumps([seed, identity, batch, run]).encode()).hexdigest()[:16]


def _since(begun: float) -> float:
    return max(1e-6, round(time.time() - begun, 6))
