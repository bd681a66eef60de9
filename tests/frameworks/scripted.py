"""A scripted Messages API for the frameworks' programs: each agent's answers, one after the other.

A script names an agent by words of its system prompt, or of its messages where it has none ("" is any other), and lists
its steps: a text, or a table of the tools to ask for with their inputs (a list of inputs asks for the tool that often). A
text instead of a list answers every request.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tracekit.demo.claude import (
    Block,
    ReceivedRequest,
    ScriptedClaude,
    ScriptedResponse,
    count_tokens,
    error,
    message,
    reply,
    text,
    tool_use,
)

__all__ = ["ScriptedModel", "Served", "Step"]

Step = str | Mapping[str, Any]

_DELAY_S = 0.3
"""Long enough for calls that should overlap to be seen to."""


class Served(NamedTuple):
    """Counts of what a server sent: calls of the model, and their tokens."""

    calls: int
    input: int
    output: int


class ScriptedModel(ScriptedClaude):
    """A server that answers each agent by its script, and with an error beyond its last step."""

    def __init__(self, script: Mapping[str, str | Sequence[Step]]) -> None:
        super().__init__(self._answer)
        self._script = script
        self._steps: Counter[str] = Counter()
        self._usages: list[Mapping[str, int]] = []
        self._guard = threading.Lock()

    @property
    def served(self) -> Served:
        """The calls and tokens that were served until now."""
        usages = list(self._usages)
        return Served(
            len(usages), sum(usage["input_tokens"] for usage in usages), sum(usage["output_tokens"] for usage in usages)
        )

    def _answer(self, asked: ReceivedRequest) -> ScriptedResponse:
        if asked.path.endswith("/count_tokens"):
            return count_tokens(12)
        if not asked.path.endswith("/messages"):
            return error(404, "not_found_error", asked.path)
        request = asked.json()
        agent = _agent(request, self._script)
        with self._guard:
            # Agents of one name that work at the same time differ in what they are asked first.
            asker = f"{agent} {_words(request['messages'][0]['content'])}"
            steps, at = self._script[agent], self._steps[asker]
            self._steps[asker] += 1
            blocks = _blocks(steps if isinstance(steps, str) else steps[at], len(self._usages))
            answer = message(*blocks, model=request["model"], delay_s=_DELAY_S)
            self._usages.append(json.loads(answer.body)["usage"])
        return reply(asked, answer)


def _agent(request: Mapping[str, Any], script: Mapping[str, str | Sequence[Step]]) -> str:
    """Return the key of the agent that sends `request`: by its system prompt, else by its messages."""
    for words in (_words(request.get("system", "")), _words(request["messages"])):
        found = [name for name in script if name and name in words]
        if found:
            return max(found, key=words.rfind)
    if "" in script:
        return ""
    raise LookupError(f"no agent of {list(script)} in {json.dumps(request)[:2000]}")


def _words(content: Any) -> str:
    """Return the text in a system prompt, a message's content or a list of messages."""
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        return _words(content.get("text") or content.get("content") or "")
    return "\n".join(_words(part) for part in content)


def _blocks(step: Step, number: int) -> list[Block]:
    """Return the content blocks of a step; ids of tool calls are unique by the number of the answer."""
    if isinstance(step, str):
        return [text(step)]
    asked = [
        (name, input) for name, inputs in step.items() for input in (inputs if isinstance(inputs, list) else [inputs])
    ]
    return [tool_use(name, input, f"toolu_{number:04}{at:02}") for at, (name, input) in enumerate(asked)]
