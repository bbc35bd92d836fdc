"""HTTP/1.1 on one machine: requests with a JSON body in, whole or streamed replies out, a thread a connection."""

from __future__ import annotations

import errno
import ipaddress
import socket
import threading
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from evo.errors import InputError
from evo.parameters import shown

MOST_BODY = 2**24
"""Bytes of a request."""
SECONDS_OF_SILENCE = 600
"""After which a connection that says nothing is closed."""
LOCAL = ("localhost", "127.0.0.1", "[::1]", "::1")


@dataclass(frozen=True)
class Request:
    """A request; names of headers in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """A reply.

    Attributes:
        status: of HTTP.
        body: all of it, or pieces as they come.
        kind: its content type.
        headers: others.
        silence: seconds after which the connection is closed without a word; None for a reply.
    """

    status: int
    body: bytes | Iterable[bytes]
    kind: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    silence: float | None = None


Answerer = Callable[[Request], Reply]
Refuser = Callable[[int, str], Reply]


class Server(ThreadingHTTPServer):
    """Listens at an address and gives each request to `answer`.

    Attributes:
        answer: the reply to a request; it must not raise.
        refuse: the reply to what is no request, by status and words.
        guarded: whether only names of this machine are accepted as the host, so that no page in a browser can reach it.
        closing: set when the server ends.
    """

    daemon_threads = True

    def __init__(self, host: str, port: int, answer: Answerer, refuse: Refuser) -> None:
        self.answer, self.refuse, self.guarded, self.closing = answer, refuse, is_local(host), threading.Event()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), _Handler)
        except OverflowError:
            raise InputError(f"--port: expected a number from 0 (any free port) to 65535, got {port}") from None
        except OSError as error:
            raise InputError(_why_not(host, port, error)) from None

    def server_bind(self) -> None:
        """Without asking for the machine's full name, which may wait for a network."""
        TCPServer.server_bind(self)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def end(self) -> None:
        """Close all that waits, and stop listening."""
        self.closing.set()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone away is no error of ours, and nothing of a request is printed."""


def is_local(host: str) -> bool:
    """Whether an address is reached from this machine alone.

    >>> is_local("127.0.0.1"), is_local("0.0.0.0")
    (True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def in_url(host: str) -> str:
    """A host as it stands in a URL: an address of IPv6 in brackets, so that a port can come after it.

    >>> in_url("::1"), in_url("localhost")
    ('[::1]', 'localhost')
    """
    return f"[{host}]" if ":" in host else host


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"--port: expected a free port, got {port}, at which another program listens; choose another one, or 0 "
            "for any that is free"
        )
    if error.errno == errno.EACCES:
        return f"--port: expected a port that may be opened, got {port} ({error.strerror}); choose one above 1023"
    return f"--host: cannot listen at {host}: {error.strerror or error}; give 127.0.0.1 or an address of this machine"


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_version, sys_version = "llm-evo", ""
    timeout = SECONDS_OF_SILENCE
    server: Server

    def do_GET(self) -> None:
        """As POST: the method is a matter of the answerer."""
        self._serve()

    def do_POST(self) -> None:
        """A request."""
        self._serve()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """The reply to what is no request, or of a method that nothing here has."""
        self._reply(self._closing(code, f"expected GET or POST of HTTP/1.1, got {shown(message or code)}"))

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing of a request is printed."""

    def _serve(self) -> None:
        try:
            self._reply(self._refused() or self.server.answer(self._request()))
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _refused(self) -> Reply | None:
        """The reply to a request that is not read."""
        host = self.headers.get("host", "")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if self.server.guarded and name not in LOCAL:
            return self._closing(421, f"expected the host to be one of {', '.join(LOCAL)}, got another name")
        length = self.headers.get("content-length", "0")
        if "transfer-encoding" in self.headers or not length.isdecimal():
            return self._closing(411, "expected a body with a Content-Length")
        if len(length) > 12 or int(length) > MOST_BODY:
            return self._closing(413, f"expected a body of at most {MOST_BODY:,} bytes, got more")
        return None

    def _closing(self, status: int, words: str) -> Reply:
        self.close_connection = True
        return self.server.refuse(status, words)

    def _request(self) -> Request:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(self.command, self.path.partition("?")[0], headers, body)

    def _reply(self, reply: Reply) -> None:
        if reply.silence is not None:
            self.server.closing.wait(reply.silence)
            self.close_connection = True
            return
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.kind)
        for name, value in reply.headers:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        if isinstance(reply.body, bytes):
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)
        else:
            self._stream(reply.body)

    def _stream(self, pieces: Iterable[bytes]) -> None:
        """Pieces of unknown length: in chunks, or to the end of the connection for a client of HTTP/1.0."""
        chunked = self.request_version != "HTTP/1.0"
        self.send_header("Transfer-Encoding", "chunked") if chunked else self.send_header("Connection", "close")
        self.end_headers()
        try:
            for piece in pieces:
                if piece:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        finally:
            if isinstance(pieces, Generator):
                pieces.close()  # at once, so that it can tell that nobody listens any more
        if chunked:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True
