"""A step with its inputs, its output and its effects, from which dependence is judged."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tracekit import semconv
from tracekit.analysis.batches import Task
from tracekit.analysis.content import LONGEST_TASK, LONGEST_TEXT, Content, leaves, shortened
from tracekit.analysis.lineage.effects import Effects, effects_of
from tracekit.analysis.lineage.values import TextFeatures, features_of
from tracekit.model.parsing import parse_json
from tracekit.model.tree import Node

__all__ = ["Profile"]

_HASHED = re.compile(r"[0-9a-f]{18}")


@dataclass(eq=False)
class Profile:
    """The inputs, output and effects of a task.

    `following` is the call that may bring its result; `by_name` has what the settings say of tools.
    """

    work: Task
    content: Content
    following: Node | None = None
    by_name: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def given(self) -> str | None:
        """The text of the task's input, or None if it was not recorded."""
        arguments = self.arguments
        return self.prompt if arguments is None else _seen(shortened("\n".join(leaves(arguments)), LONGEST_TASK))

    @cached_property
    def arguments(self) -> Any:
        """The arguments by name, as recorded or as in the `tool_use` block that requested the task."""
        arguments = self.work.arguments
        if arguments is None and self.work.asked is not None and self.work.call_id is not None:
            block = self.content.blocks(self.work.asked).get(self.work.call_id)
            arguments = None if block is None else block.get("input")
        return _parsed(arguments)

    @cached_property
    def prompt(self) -> str | None:
        """The prompt of the task's first call, or None."""
        if not self.work.calls:
            return None
        prompt = self.content.prompt_text(self.work.calls[0])
        return None if prompt is None else _seen(prompt)

    @cached_property
    def output(self) -> str | None:
        """The text of the task's output, or None if it was not recorded."""
        brought = None
        if self.following is not None and self.work.call_id is not None:
            brought = self.content.results(self.following).get(self.work.call_id)
        if brought is not None:
            return _seen(brought[:LONGEST_TEXT])
        recorded = self.work.node.attributes.get(semconv.TOOL_CALL_RESULT)
        if recorded is not None:
            return "\n".join(leaves(_parsed(recorded)))[:LONGEST_TEXT]
        if not self.work.calls or self.content.answer(self.work.calls[-1]) is None:
            return None
        return _seen(self.content.answer_text(self.work.calls[-1])[:LONGEST_TEXT])

    @cached_property
    def said_given(self) -> TextFeatures:
        """The values and words of the input."""
        return features_of(self.given or "")

    @cached_property
    def said_output(self) -> TextFeatures:
        """The values and words of the output."""
        return features_of(self.output or "")

    @cached_property
    def effects(self) -> Effects:
        """The effects of the task."""
        return effects_of(self.work, self.by_name)

    @property
    def is_tool(self) -> bool:
        """Return whether the task is a plain tool, which called no model."""
        return not self.work.has_calls and self.work.agent is None


def _seen(text: str) -> str | None:
    """`text`; None where a hash stands for it, since only its form was recorded (``TRACEKIT_CONTENT=metadata``)."""
    return None if any(_HASHED.fullmatch(line) for line in text.splitlines()) else text


def _parsed(value: object) -> object:
    """Parse a recorded argument or result that is JSON in a string; return other values unchanged."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return parse_json(value)
        except ValueError:
            return value
    return value
