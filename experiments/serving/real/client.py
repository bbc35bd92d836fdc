"""The client: the `openai` package without tries of its own, and without a word of what is sent in any error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Protocol

from evo.errors import InputError
from experiments.serving.real.retries import Failed, retry_after
from experiments.serving.streams import Usage, from_body
from experiments.serving.upstream import Upstream

NO_KEY = "none"
"""Sent to endpoints of this machine, which ask for none, since the client insists on one."""


@dataclass(frozen=True)
class Reply:
    """What came back of a request.

    Attributes:
        text: of the answer.
        finish: why it ended.
        usage: tokens; None if not told.
        outcome: a word of the table of calls if nothing can be read from it; else None.
    """

    text: str
    finish: str | None
    usage: Usage | None
    outcome: str | None


class NoAnswer(Exception):
    """A request that failed."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.told)
        self.failed = failed


class Client(Protocol):
    """Sends one request."""

    address: str

    async def send(self, request: Mapping[str, Any]) -> Reply:
        """The reply.

        Raises: NoAnswer.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass
class OpenAIClient:
    """Requests to an endpoint by the `openai` package.

    Attributes:
        upstream: the endpoint, with its key.
    """

    upstream: Upstream

    def __post_init__(self) -> None:
        import openai

        self._openai = openai
        self.address = self.upstream.address
        self._client = openai.AsyncOpenAI(
            base_url=self.address, api_key=self.upstream.key or NO_KEY, max_retries=0, timeout=self.upstream.timeout
        )

    def __repr__(self) -> str:
        return f"OpenAIClient({self.address})"  # no key in any message

    async def send(self, request: Mapping[str, Any]) -> Reply:
        """The reply.

        Raises: NoAnswer.
        """
        openai = self._openai
        known, extra = _parted(request)
        try:
            raw = await self._client.chat.completions.with_raw_response.create(**known, extra_body=extra or None)
            content = raw.http_response.content
        except openai.APIStatusError as error:
            told = from_body(error.status_code, error.response.content)
            code = told.code if told.code and re.fullmatch(r"[a-z_]{1,40}", told.code) else None
            words = f"status {error.status_code}" + (f" ({code})" if code else "")
            wait = retry_after(error.response.headers)
            raise NoAnswer(Failed(error.status_code, code, words, wait)) from None
        except openai.APITimeoutError as error:
            sent = "Connect" not in type(error.__cause__).__name__
            raise NoAnswer(Failed(None, None, "no reply in time", sent=sent, slow=True)) from None
        except openai.APIConnectionError as error:
            kind = type(error.__cause__).__name__
            raise NoAnswer(Failed(None, None, f"no reply ({kind})", sent="Connect" not in kind)) from None
        except openai.APIError as error:
            raise NoAnswer(Failed(200, None, f"no completion ({type(error).__name__})")) from None
        found = from_body(200, content)
        if not found.said:
            raise NoAnswer(Failed(200, None, "a reply that is no chat completion"))
        first = found.said[0]
        return Reply(first.text, first.finish, found.usage, found.outcome)

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.close()


def expect_openai() -> None:
    """Check that the package is there; it takes a second to import.

    Raises: InputError.
    """
    if find_spec("openai") is None:
        raise InputError(
            "real calls need the package openai, which is not installed; pip install 'llm-evo-testbed[openai]'"
        )


KNOWN = ("model", "messages", "max_tokens", "max_completion_tokens", "temperature", "seed")


def _parted(request: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parameters that the client has names for, and others, which it passes on as they are."""
    known = {name: value for name, value in request.items() if name in KNOWN}
    return known, {name: value for name, value in request.items() if name not in KNOWN}
