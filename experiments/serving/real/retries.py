"""When a request that failed is sent again, and after how long: the only place where anything is tried again."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping
from dataclasses import dataclass

AGAIN = frozenset((408, 409, 429))
"""Statuses beside those from 500 on that another try may change."""
FIRST_WAIT = 0.5


@dataclass(frozen=True)
class Failed:
    """A request without an answer.

    Attributes:
        status: of the reply; None if there was none.
        code: of the error in it, where it is a plain word.
        told: what happened, without anything that the endpoint wrote.
        wait: seconds after which the endpoint asks to be tried again; None if it does not say.
        sent: whether the request may have arrived, and so may be paid.
        slow: whether it ended by its timeout.
    """

    status: int | None
    code: str | None
    told: str
    wait: float | None = None
    sent: bool = True
    slow: bool = False

    @property
    def may_pass(self) -> bool:
        """Whether another try may succeed."""
        return self.status is None or self.status in AGAIN or self.status >= 500


def seconds_to_wait(failed: Failed, tries: int, most: float) -> float:
    """Seconds before the next try: what the endpoint asks for, else 0.5, 1, 2, ..; at most `most`.

    Args:
        failed: the try.
        tries: made so far, from 1.
        most: seconds.

    >>> seconds_to_wait(Failed(503, None, ""), 3, 60.0), seconds_to_wait(Failed(429, None, "", wait=900.0), 1, 60.0)
    (2.0, 60.0)
    """
    asked = FIRST_WAIT * 2.0 ** min(tries - 1, 30) if failed.wait is None else failed.wait
    return min(max(asked, 0.0), most)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a reply asks to wait for: of Retry-After-Ms, or Retry-After in seconds or as a date.

    >>> retry_after({"retry-after": "1.5"}), retry_after({"retry-after-ms": "250"}), retry_after({})
    (1.5, 0.25, None)
    """
    for name, scale in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * scale
        except ValueError:
            continue
        if 0.0 <= seconds < float("inf"):
            return seconds
    try:
        return max(0.0, email.utils.parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time())
    except (KeyError, TypeError, ValueError):
        return None
