"""What requests hold: a JSON object, whole numbers in it; and how what is wrong with them is answered."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from experiments.serving.web import Request


class Wrong(Exception):
    """A request that is answered by an error."""

    def __init__(self, words: str, status: int = 400, code: str = "invalid_request", param: str | None = None) -> None:
        super().__init__(words)
        self.status, self.code, self.param = status, code, param


def json_of(request: Request) -> dict[str, Any]:
    """The object in the body of a request, which says that it is JSON: no page in a browser can say so unasked."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Wrong("expected Content-Type: application/json", 415, "unsupported_media_type")
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        raise Wrong("expected a body in JSON, got what is none", 400, "invalid_json") from None
    if not isinstance(body, dict):
        raise Wrong("expected a JSON object as the body", 400, "invalid_json")
    return body


def whole(body: dict[str, Any], name: str, least: int, most: int = 2**53) -> int | None:
    """A whole number of the body; None if it is not there."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Wrong(f"{name}: expected a whole number from {least} to {most}", param=name)
    return value


def sha(text: str) -> str:
    """The first 16 hexadecimal digits of a text's SHA-256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
