"""Match recorded tool executions with the `tool_use` blocks that requested them."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import deque
from functools import cached_property
from typing import Any

from tracekit import semconv
from tracekit.analysis.structure.calls import LlmCall, ToolUse
from tracekit.analysis.structure.conversations import Conversation
from tracekit.analysis.structure.draft import Draft
from tracekit.model.adopted import is_labelled, owner_in

__all__ = ["match_tools"]

_DISTINCTIVE = 4
"""Characters of a result from which it is searched in another."""


def match_tools(conversation: Conversation, tools: list[Draft]) -> list[tuple[LlmCall, ToolUse | None, Draft]]:
    """Match `tools` with the calls of `conversation` that requested them, and with their blocks.

    The block's id decides; else its name and input, else its name, in the order of the blocks. A tool whose span is
    named after a function may have another name than the block: its result decides. A tool that fits no block but ran
    between a response that requested tools and the next request belongs to that call without a block.
    """
    asked = _ToolUses(conversation)
    matched: list[tuple[LlmCall, ToolUse | None, Draft]] = []
    left = sorted(tools, key=lambda tool: tool.start_ns)
    for by in (asked.by_id, asked.by_input, asked.by_name, asked.by_result, asked.by_time):
        unmatched = []
        for tool in left:
            found = by(tool)
            if found is None:
                unmatched.append(tool)
            else:
                matched.append((*found, tool))
        left = unmatched
    return matched


class _ToolUses:
    """The blocks of a conversation that are not matched yet, indexed for constant-time lookup."""

    def __init__(self, conversation: Conversation) -> None:
        self._calls = conversation.calls
        self._begins = [call.start_ns for call in self._calls]
        self._served: set[str] = set()
        self._by_id: dict[str, tuple[LlmCall, ToolUse]] = {}
        for call in self._calls:
            for block in call.blocks:
                self._by_id.setdefault(block.id, (call, block))

    def by_id(self, tool: Draft) -> tuple[LlmCall, ToolUse] | None:
        """Return the block with the tool's id."""
        found = self._by_id.get(str(tool.attributes.get(semconv.TOOL_CALL_ID)))
        return None if found is None else self._served_by(found[0], [found[1]])

    def by_input(self, tool: Draft) -> tuple[LlmCall, ToolUse] | None:
        """Return the first block with the tool's name and input, which may be one argument of a function."""
        call, name = self._around(tool), _asked_as(tool)
        if call is None:
            return None
        arguments = tool.attributes.get(semconv.TOOL_CALL_ARGUMENTS)
        keys = [_key(arguments), *(map(_key, arguments.values()) if isinstance(arguments, dict) else ())]
        candidates = [self._first(self._with_input, (id(call), name, key)) for key in keys]
        return self._served_by(call, sorted(filter(None, candidates), key=lambda block: block.number))

    def by_name(self, tool: Draft) -> tuple[LlmCall, ToolUse] | None:
        """Return the first block with the tool's name."""
        call = self._around(tool)
        if call is None:
            return None
        block = self._first(self._named, (id(call), _asked_as(tool), ""))
        return None if block is None else self._served_by(call, [block])

    def by_result(self, tool: Draft) -> tuple[LlmCall, ToolUse] | None:
        """Return the block with the tool's result, if it is the only one and the tool has no own name."""
        call = self._around(tool)
        told = tool.attributes.get(semconv.TOOL_CALL_RESULT)
        is_label = tool.level is not None and is_labelled(tool.name, tool.attributes, semconv.TOOL_NAME)
        if call is None or not is_label or not isinstance(told, str) or len(told.strip()) < _DISTINCTIVE:
            return None
        left = [block for block in call.blocks if block.id not in self._served]
        found = [block for block in left if told.strip() in (call.bringing.result(block.id) or "")]
        return self._served_by(call, found) if len(found) == 1 else None

    def by_time(self, tool: Draft) -> tuple[LlmCall, None] | None:
        """Return the call around the tool, if it requested any tool."""
        call = self._around(tool)
        return (call, None) if call is not None and call.blocks else None

    def _served_by(self, call: LlmCall, blocks: list[ToolUse]) -> tuple[LlmCall, ToolUse] | None:
        for block in blocks:
            if block.id not in self._served:
                self._served.add(block.id)
                return call, block
        return None

    def _around(self, tool: Draft) -> LlmCall | None:
        """Return the call that began last before `tool`, which may run while the response still streams."""
        before = bisect_right(self._begins, tool.start_ns)
        # Other instrumentations may have ids of their own.
        is_known = semconv.TOOL_CALL_ID in tool.attributes and tool.level is None
        return self._calls[before - 1] if before and not is_known else None

    def _first(self, blocks: dict[tuple[int, Any, str], deque[ToolUse]], key: tuple[int, Any, str]) -> ToolUse | None:
        waiting = blocks.get(key)
        while waiting and waiting[0].id in self._served:
            waiting.popleft()
        return waiting[0] if waiting else None

    @cached_property
    def _named(self) -> dict[tuple[int, Any, str], deque[ToolUse]]:
        found: dict[tuple[int, Any, str], deque[ToolUse]] = {}
        for call in self._calls:
            for block in call.blocks:
                found.setdefault((id(call), block.name, ""), deque()).append(block)
        return found

    @cached_property
    def _with_input(self) -> dict[tuple[int, Any, str], deque[ToolUse]]:
        found: dict[tuple[int, Any, str], deque[ToolUse]] = {}
        for call in self._calls:
            for block in call.blocks:
                found.setdefault((id(call), block.name, _key(block.input)), deque()).append(block)
        return found


def _asked_as(tool: Draft) -> Any:
    """Return the name by which the model requested `tool`; a function's name may have a suffix."""
    name = tool.attributes.get(semconv.TOOL_NAME)
    return (owner_in(name) or name) if isinstance(name, str) else name


def _key(value: Any) -> str:
    """Return a text that is the same for equal JSON values."""
    return json.dumps(value, sort_keys=True, default=str)
