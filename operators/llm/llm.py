"""A real language model behind an OpenAI-compatible endpoint, as a mutator of texts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from evo.errors import InputError
from evo.forms.texts import TextCall
from evo.parameters import choice, flag, non_negative, shown, whole
from evo.protocols import BoolArray
from operators.llm.forms import FORMS

BLOCKS = "Write each of these lines again, with its name, and change texts that are wrong. Nothing else.\n\n{blocks}"
SAID = ("model", "messages", "stream", "n", "seed", "max_tokens", "temperature")
"""Parameters of a request that are fields, or are not for users to say."""


@dataclass(frozen=True)
class LLM:
    """A language model that writes the g texts of a chunk again.

    It declares no law: how often it repairs and keeps nobody knows before its calls were counted. It runs and is
    fitted; `llm-evo calibrate` on its answers gives a mutator that is predicted. It works on a `TextProblem`, and its
    calls are made by `run_grid(..., real=RealCalls(..))` or `llm-evo run`; where the endpoint is and what the key is
    called is said there, and is no part of the cell.

    Attributes:
        model: its name at the endpoint.
        prompt: the message of the user, in which {blocks} stands for the texts of the chunk, {tasks} for what they
            are to be, {solution} for all k texts, {g} for their number.
        form: "blocks": lines `B3 = "text"`, in prompt and answer; "lines": a line a block, numbered in the prompt.
        system: the message of the system; empty for none.
        temperature: None: the endpoint's own.
        max_tokens: of an answer.
        fresh_seed: whether each request has a `seed` of its own. Else none is sent: some servers answer the same seed
            with the same text for ever.
        more: further parameters of the request, as a JSON object in a string: '{"top_p": 0.9}'.

    >>> model = LLM("tiny", prompt="The capital of {tasks}?", form="lines")
    >>> call = TextCall((1,), ("?",), ("Italy",), ("?", "?"))
    >>> model.request(call)["messages"][0]["content"], model.read(call, " Rome")
    ('The capital of Italy?', ('Rome',))
    """

    model: str
    prompt: str = BLOCKS
    form: str = "blocks"
    system: str = ""
    temperature: float | None = None
    max_tokens: int = 1024
    fresh_seed: bool = False
    more: str = ""

    def __post_init__(self) -> None:
        for name in ("model", "prompt", "system", "more"):
            if not isinstance(getattr(self, name), str):
                raise InputError(f"LLM: {name} must be a text, got {shown(getattr(self, name))}")
        if not self.model.strip() or len(self.model) > 200 or not self.model.isprintable():
            raise InputError(f"LLM: model must be the name of a model, got {shown(self.model)}")
        if not any(place in self.prompt for place in ("{blocks}", "{tasks}")):
            raise InputError(
                f"LLM: expected a prompt with {{blocks}} or {{tasks}} in it, which say what to write, got "
                f"{shown(self.prompt)}"
            )
        choice(self, "form", tuple(FORMS))
        if self.temperature is not None:
            non_negative(self, "temperature")
        whole(self, "max_tokens", least=1)
        flag(self, "fresh_seed")
        _ = self._further

    @property
    def _further(self) -> dict[str, Any]:
        try:
            found = json.loads(self.more or "{}")
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise InputError(f"LLM: more must be a JSON object, as '{{\"top_p\": 0.9}}', got {shown(self.more)}")
        if own := [name for name in SAID if name in found]:
            raise InputError(f"LLM: more: expected parameters that are not said elsewhere, got {', '.join(own)}")
        return found

    def request(self, call: TextCall) -> dict[str, Any]:
        """The request of a call, without a seed."""
        write = FORMS[self.form].write
        put = {
            "{blocks}": write(call.blocks, call.texts),
            "{tasks}": write(call.blocks, call.tasks),
            "{solution}": write(range(len(call.solution)), call.solution),
            "{g}": str(len(call.blocks)),
        }
        messages = [{"role": "system", "content": self.system}] if self.system else []
        messages.append({"role": "user", "content": _filled(self.prompt, put)})
        made: dict[str, Any] = {"model": self.model, "messages": messages}
        if "max_completion_tokens" not in (more := self._further):
            made["max_tokens"] = self.max_tokens
        if self.temperature is not None:
            made["temperature"] = float(self.temperature)
        return made | more

    def read(self, call: TextCall, answer: str) -> tuple[str, ...]:
        """The g texts of an answer.

        Raises: Unreadable if it has others, or another number of them.
        """
        return FORMS[self.form].read(call, answer)

    def rewrite(self, correct: BoolArray, rng: object) -> BoolArray:
        """Refused: a model is handed texts.

        Raises: InputError.
        """
        raise InputError(
            f"LLM(model={self.model!r}) makes real calls on texts, and no engine simulates it: run_grid(grid, out, "
            "real=RealCalls(max_calls=..)), or `llm-evo run`"
        )


def _filled(prompt: str, put: dict[str, str]) -> str:
    """The prompt with texts in their places; what a text itself holds is not looked at.

    >>> _filled("{g}: {blocks}", {"{blocks}": "a {g}", "{g}": "1"})
    '1: a {g}'
    """
    made, rest = "", prompt
    while rest:
        found = [(at, place) for place in put if (at := rest.find(place)) >= 0]
        if not found:
            return made + rest
        at, place = min(found)
        made, rest = made + rest[:at] + put[place], rest[at + len(place) :]
    return made
