"""The endpoint behind a recording one: requests are passed on by the standard library's client."""

from __future__ import annotations

import http.client
import os
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from evo.errors import InputError
from experiments.serving.web import in_url, is_local

PASSED_ON = ("accept", "api-key", "authorization", "content-type", "openai-organization", "openai-project")
PASSED_BACK = ("content-type", "retry-after", "retry-after-ms", "x-request-id", "x-should-retry")


class Unreachable(Exception):
    """No reply; `sent` says whether the request may have arrived, and so may be paid."""

    def __init__(self, told: str, sent: bool, slow: bool = False) -> None:
        super().__init__(told)
        self.sent, self.slow = sent, slow


@dataclass
class Answered:
    """A reply: status, headers that are passed back, and its lines as they come."""

    status: int
    headers: dict[str, str]
    reply: http.client.HTTPResponse
    connection: http.client.HTTPConnection

    def read(self) -> bytes:
        """All of it.

        Raises: Unreachable if it ends in its middle.
        """
        return b"".join(self.lines())

    def lines(self) -> Iterator[bytes]:
        """Line by line.

        Raises: Unreachable if it ends in its middle.
        """
        try:
            yield from self.reply
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"the reply ended in its middle ({type(error).__name__})", sent=True) from None
        finally:
            self.connection.close()


@dataclass(frozen=True)
class Upstream:
    """An OpenAI-compatible endpoint.

    Attributes:
        secure: https.
        host, port, path: of the base URL.
        timeout: seconds without a byte.
        key: takes the place of the client's; None: what the client sends is passed on.
    """

    secure: bool
    host: str
    port: int | None
    path: str
    timeout: float = 600.0
    key: str | None = None

    def __repr__(self) -> str:
        return f"Upstream({self.address})"  # no key in any message

    @property
    def address(self) -> str:
        """Its base URL."""
        port = f":{self.port}" if self.port else ""
        return f"{'https' if self.secure else 'http'}://{in_url(self.host)}{port}{self.path}"

    @property
    def in_the_open(self) -> bool:
        """Whether a key would travel over a network without encryption."""
        return not self.secure and not is_local(self.host)

    def send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answered:
        """Pass a request on.

        Raises: Unreachable.
        """
        given = {name: value for name, value in headers.items() if name in PASSED_ON}
        if self.key is not None:
            given["authorization"] = f"Bearer {self.key}"
        kind = http.client.HTTPSConnection if self.secure else http.client.HTTPConnection
        port = self.port or kind.default_port  # without one, the end of an address of IPv6 is taken for it
        connection = kind(self.host, port, timeout=self.timeout)
        sent = False
        try:
            connection.connect()
            sent = True
            connection.request(method, self.path + path, body or None, given)
            reply = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            slow = isinstance(error, TimeoutError)
            raise Unreachable(f"{self.address} gave no reply ({_why(error)})", sent, slow) from None
        back = {name: value for name in PASSED_BACK if (value := reply.getheader(name))}
        return Answered(reply.status, back, reply, connection)


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason}"
    return getattr(error, "strerror", None) or type(error).__name__


def expect_name_of_key(name: str) -> None:
    """Refuse a name that no environment variable has.

    Raises: InputError.
    """
    if not name.strip():
        raise InputError("--key-env: expected the name of the environment variable with the key, got an empty one")


def upstream(url: str, key_name: str | None = None, timeout: float = 600.0, asked: str = "--to") -> Upstream:
    """The endpoint at a base URL.

    Args:
        url: such as https://host/v1.
        key_name: the environment variable that holds the key.
        timeout: seconds without a byte.
        asked: the option that the URL was given by.

    Raises: InputError; no message holds the key.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise InputError(f"{asked}: expected a base URL such as https://host/v1, got one with a bad port") from None
    if parts.username or parts.password:
        raise InputError(f"{asked}: expected a base URL without a password; give the key by --key-env NAME")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise InputError(f"{asked}: expected a base URL such as https://host/v1, got {url!r:.100}")
    if not 0.0 < timeout < float("inf"):
        raise InputError(f"--timeout: expected seconds > 0, got {timeout:g}")
    key = None
    if key_name is not None:
        expect_name_of_key(key_name)
        key = os.environ.get(key_name, "").strip()
        if not key:
            raise InputError(
                f"--key-env: the environment has no {key_name!r:.60}; set it, or leave the option out: the key that "
                "the client sends is then passed on"
            )
        if not key.isprintable() or not key.isascii():
            raise InputError(f"--key-env: {key_name!r:.60} holds what no header can")
    return Upstream(parts.scheme == "https", parts.hostname, port, parts.path.rstrip("/"), timeout, key)
