"""Writes what GEPA (0.1.4) tells its callbacks into a file that `llm-evo calibrate` reads. Copy this file.

`gepa.optimize(.., callbacks=[CallLog("gepa_calls.jsonl")])`; it needs nothing but Python. No text of a prompt, an
answer or a candidate is written: numbers, names of components, and hashes.
"""

import hashlib
import json
import time
from typing import Any

FORMAT = "gepa callbacks 1"


class CallLog:
    """A line for each event of a proposal: the parent's scores, the reflection model's call, the child's scores."""

    def __init__(self, path: str) -> None:
        """Write to a file, from its end on."""
        self.path = path

    def on_evaluation_end(self, event: Any) -> None:
        """The scores of a parent, or of a child (which has no number yet), on a minibatch."""
        child = event["candidate_idx"] is None
        self._write("evaluated", event, child=child, scores=[float(score) for score in event["scores"]])

    def on_proposal_start(self, event: Any) -> None:
        """Before the reflection model is called, once for each component."""
        self._write("asks", event, components=list(event["components"]))

    def on_proposal_end(self, event: Any) -> None:
        """What came back."""
        answers = event["raw_lm_outputs"]
        empty = [name for name, text in answers.items() if not str(text).strip()]
        prompts = {name: _sha(str(prompt)) for name, prompt in event["prompts"].items()}
        self._write("answered", event, components=list(event["new_instructions"]), empty=empty, prompts=prompts)

    def on_error(self, event: Any) -> None:
        """An iteration that failed: of the error only its kind, since some quote what was sent."""
        self._write("failed", event, error=type(event["exception"]).__name__)

    def _write(self, name: str, event: Any, **told: Any) -> None:
        row = {"format": FORMAT, "event": name, "iteration": event["iteration"], "t": round(time.time(), 4)} | told
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
