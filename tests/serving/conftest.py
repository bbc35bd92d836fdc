"""An endpoint in a thread of the tests, and a client of the standard library."""

import http.client
import json
import threading
from contextlib import contextmanager

import pytest
from patience import SECONDS

from experiments.serving.web import Server

collect_ignore = ["smollm.py"]  # run by the Python of another environment


class Client:
    """One connection that is kept."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)

    def raw(self, method, path, body=None, headers=None):
        """Status, headers and bytes."""
        self.connection.request(method, path, body, headers or {})
        reply = self.connection.getresponse()
        return reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()

    def post(self, path, body, **headers):
        """Status and JSON."""
        status, _, content = self.raw(
            "POST", path, json.dumps(body).encode(), {"Content-Type": "application/json"} | headers
        )
        return status, json.loads(content)

    def chat(self, text, **more):
        """Status and JSON of a chat with one message."""
        return self.post(
            "/v1/chat/completions", {"model": "any", "messages": [{"role": "user", "content": text}]} | more
        )

    def raw_chat(self, text, **more):
        """Status, headers and bytes of a chat with one message."""
        body = json.dumps({"messages": [{"role": "user", "content": text}]} | more).encode()
        return self.raw("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})

    def text(self, prompt, **more):
        """The text of the first choice."""
        status, body = self.chat(prompt, **more)
        assert status == 200, body
        return body["choices"][0]["message"]["content"]


@contextmanager
def served(endpoint):
    server = Server("127.0.0.1", 0, endpoint, endpoint.refuse)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    client = Client(server.port)
    client.port = server.port
    try:
        yield client
    finally:
        client.connection.close()
        server.shutdown()
        server.end()
        thread.join()


@pytest.fixture
def serving():
    """`with serving(endpoint) as client:`"""
    return served


@pytest.fixture
def rows_of():
    """The rows of a log."""
    return lambda path: [json.loads(line) for line in path.read_text().splitlines()]
