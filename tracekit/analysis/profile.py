"""What a work was given, what came of it, and what it touched."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tracekit import semconv
from tracekit.analysis.batches import Work
from tracekit.analysis.content import Content, leaves
from tracekit.analysis.effects import Effects, effects_of, role_in
from tracekit.analysis.prompted import LONGEST_TASK, LONGEST_TEXT, shortened
from tracekit.analysis.roles import Role, role_of
from tracekit.analysis.values import Said, said_in
from tracekit.model.history import Asked
from tracekit.model.parsing import parse_json
from tracekit.model.tree import Node

__all__ = ["Profile"]

_HASHED = re.compile(r"[0-9a-f]{18}")


@dataclass(eq=False)
class Profile:
    """What a work was given, what came of it and what it touched.

    `following` is the call that may bring its result, `opening` the first of the agent that asked for it.
    """

    work: Work
    content: Content
    following: Node | None = None
    opening: Node | None = None

    @cached_property
    def given(self) -> str | None:
        """What it was asked to do; None where that was not recorded."""
        arguments = self.arguments
        return self.prompt if arguments is None else _seen(shortened("\n".join(leaves(arguments)), LONGEST_TASK))

    @cached_property
    def arguments(self) -> Any:
        """What it was given, by name: as it was recorded, or as the answer that asked for it says."""
        arguments = self.work.arguments
        if arguments is None and self.work.asked is not None and self.work.call_id is not None:
            block = self.content.blocks(self.work.asked).get(self.work.call_id)
            arguments = None if block is None else block.get("input")
        return _parsed(arguments)

    @property
    def task(self) -> Any:
        """The same, and where it has no names the text of its first message."""
        return self.given if self.arguments is None else self.arguments

    @cached_property
    def prompt(self) -> str | None:
        """What the work's first call told its model."""
        if not self.work.calls:
            return None
        prompt = self.content.prompt_text(self.work.calls[0])
        return None if prompt is None else _seen(prompt)

    @cached_property
    def system(self) -> str:
        """The system prompt of the work's first call."""
        request = self.content.request(self.work.calls[0]) if self.work.calls else Asked()
        return "\n".join(leaves(request.get("system")))

    @cached_property
    def output(self) -> str | None:
        """What came of it; None where that was not recorded."""
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
    def said_given(self) -> Said:
        """What it was asked, as values and words."""
        return said_in((self.given or "")[:LONGEST_TEXT])

    @cached_property
    def said_output(self) -> Said:
        """What came of it, as values and words."""
        return said_in(self.output or "")

    @cached_property
    def effects(self) -> Effects:
        """What it touched."""
        arguments = self.arguments
        return effects_of(self.work, self.given if arguments is None else arguments, self.described)

    @property
    def changes(self) -> bool:
        """Whether it changes anything; of a plain tool whose name says no, its arguments are not read for that."""
        node = self.work.node
        is_reader = node.kind == "tool" and not node.children and role_of(self.work.name) == "reads"
        return not (is_reader and semconv.WORKSPACE_WRITES not in node.attributes) and self.effects.changes

    @cached_property
    def keys(self) -> frozenset[str]:
        """The names of what it was given."""
        arguments = self.arguments
        return frozenset(str(key).lower() for key in arguments) if isinstance(arguments, dict) else frozenset()

    @cached_property
    def described(self) -> str:
        """With which words the model was offered it, when it asked or, where the server holds what came before, at first."""
        offers = [call for call in (self.work.asked, self.opening) if call is not None]
        return next((said for call in offers if (said := self.content.descriptions(call).get(self.work.name))), "")

    @cached_property
    def tells(self) -> bool:
        """Whether it puts something together for others: a plan, a draft, a summary."""
        return role_of(self.work.name, self.described) == "tells"

    @cached_property
    def role(self) -> Role:
        """What it does, by its name, its description and what it was given."""
        return role_in(self.work.name, self.arguments, is_agent=not self.is_tool, described=self.described)

    @cached_property
    def is_plain(self) -> bool:
        """Whether its name or description says what it does, or it is called an agent, which answers and does no more."""
        return role_of(self.work.name, self.described) != "unknown" or "agent" in self.work.name.lower()

    @property
    def is_tool(self) -> bool:
        """Whether it is a plain tool, which asked no model."""
        return not self.work.has_calls and self.work.agent is None


def _seen(text: str) -> str | None:
    """`text`; None where a hash stands for it, since only its form was recorded (``TRACEKIT_CONTENT=metadata``)."""
    return None if any(_HASHED.fullmatch(line) for line in text.splitlines()) else text


def _parsed(value: object) -> object:
    """What a recorded argument or result says: some record JSON as text."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return parse_json(value)
        except ValueError:
            return value
    return value
