"""Chromium without a window, driven over a pipe in its own protocol: no driver, no port, no library.

`PYTHONPATH=tests/waiting python tests/page/chromium.py results/paper/report.html docs/report.png` takes the picture of
the README.
"""

from __future__ import annotations

import base64
import io
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from patience import SECONDS

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
]


def found() -> str | None:
    """The program; None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Chromium:
    """One page.

    Args:
        profile: an empty folder for what the browser writes.
    """

    def __init__(self, profile: Path) -> None:
        program = found()
        assert program is not None
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()

        def hand_over() -> None:  # in the child: it reads from 3 and writes to 4
            reading, writing = os.dup(to_read), os.dup(to_write)
            os.dup2(reading, 3)
            os.dup2(writing, 4)

        words = [program, *QUIET, f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank"]
        self._process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=False,
            preexec_fn=hand_over,
        )  # fmt: skip
        os.close(to_read)
        os.close(to_write)
        self._rest, self._last, self.events = b"", 0, []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")

    _session: str | None = None
    events: list[dict[str, Any]]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._write)
        os.close(self._read)

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """The answer to a command; what happens meanwhile goes to `events`."""
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == self._last:
                assert "error" not in told, told
                result: dict[str, Any] = told["result"]
                return result
            self.events.append(told)

    def open(self, file: Path, width: int = 1400, height: int = 900, scheme: str = "light") -> None:
        """Open a file in a window of that size, light or dark; what happened before is forgotten."""
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 700
        )
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events.clear()
        self.ask("Page.navigate", url=file.resolve().as_uri())
        self.wait("Page.loadEventFired")

    def wait(self, method: str) -> None:
        """Wait for something to happen, unless it has."""
        while not any(each.get("method") == method for each in self.events):
            self.events.append(self._next())

    def run(self, script: str) -> Any:
        """What an expression comes to."""
        told = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def happened(self, method: str, which: Callable[[dict[str, Any]], bool] = lambda params: True) -> list[Any]:
        """What was told of a kind of event since the page was opened."""
        self.ask("Runtime.evaluate", expression="1")  # what happened before is told before the answer
        return [each["params"] for each in self.events if each.get("method") == method and which(each["params"])]

    def move(self, x: float, y: float) -> None:
        """Move the mouse."""
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def click(self, x: float, y: float) -> None:
        """Click."""
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def picture(self, whole: bool = False) -> bytes:
        """A PNG of the window, or of the whole page."""
        return base64.b64decode(self.ask("Page.captureScreenshot", captureBeyondViewport=whole)["data"])

    def printed(self) -> bytes:
        """The page as a PDF."""
        return base64.b64decode(self.ask("Page.printToPDF", printBackground=True)["data"])

    def _next(self) -> dict[str, Any]:
        until = time.monotonic() + SECONDS
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], max(0.0, until - time.monotonic()))
            assert ready, f"Chromium said nothing for {SECONDS:g} seconds"
            more = os.read(self._read, 2**20)
            assert more, "Chromium has ended"
            self._rest += more
        whole, _, self._rest = self._rest.partition(b"\0")
        told: dict[str, Any] = json.loads(whole)
        return told


def take_picture(page: Path, file: Path, colours: int = 96) -> None:
    """Write the first screen of a page as a PNG of few colours."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as profile, Chromium(Path(profile)) as browser:
        browser.open(page, 1280, 760)
        picture = Image.open(io.BytesIO(browser.picture())).convert("RGB")
    picture.quantize(colours, dither=Image.Dither.NONE).save(file, optimize=True)


if __name__ == "__main__":
    take_picture(*map(Path, sys.argv[1:3]))
