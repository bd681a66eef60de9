"""Recorded tool executions and the `tool_use` blocks that asked for them."""

from __future__ import annotations

from collections.abc import Iterator

from tracekit import semconv
from tracekit.analysis.structure.calls import Block, Call
from tracekit.analysis.structure.conversations import Conversation
from tracekit.analysis.structure.draft import Draft

__all__ = ["match_tools"]


def match_tools(conversation: Conversation, tools: list[Draft]) -> list[tuple[Call, Block | None, Draft]]:
    """Each of `tools` that a call of `conversation` asked for, with the call and the block.

    The block's id decides; else its name and input, else its name, in the order of the blocks. A tool that fits no
    block but ran between an answer that asked for tools and the next request belongs to that call without a block.
    """
    free = sorted(tools, key=lambda tool: tool.start_ns)
    matched: list[tuple[Call, Block | None, Draft]] = []
    for by in (_by_id, _by_input, _by_name, _by_time):
        served = {block.id for _, block, _ in matched if block is not None}
        for tool in list(free):
            for call, block in by(conversation, tool):
                if block is not None and block.id in served:
                    continue
                matched.append((call, block, tool))
                free.remove(tool)
                if block is not None:
                    served.add(block.id)
                break
    return matched


def _by_id(conversation: Conversation, tool: Draft) -> Iterator[tuple[Call, Block]]:
    call_id = tool.attributes.get(semconv.TOOL_CALL_ID)
    return ((call, block) for call in conversation.calls for block in call.blocks if block.id == call_id)


def _by_input(conversation: Conversation, tool: Draft) -> Iterator[tuple[Call, Block]]:
    arguments = tool.attributes.get(semconv.TOOL_CALL_ARGUMENTS)
    for call, block in _by_name(conversation, tool):
        if block.input == arguments or (isinstance(arguments, dict) and block.input in arguments.values()):
            yield call, block


def _by_name(conversation: Conversation, tool: Draft) -> Iterator[tuple[Call, Block]]:
    if semconv.TOOL_CALL_ID in tool.attributes:
        return
    for call in _calls_around(conversation, tool):
        for block in call.blocks:
            if block.name == tool.attributes.get(semconv.TOOL_NAME):
                yield call, block


def _by_time(conversation: Conversation, tool: Draft) -> Iterator[tuple[Call, None]]:
    if semconv.TOOL_CALL_ID in tool.attributes:
        return
    for call in _calls_around(conversation, tool):
        if call.blocks:
            yield call, None


def _calls_around(conversation: Conversation, tool: Draft) -> Iterator[Call]:
    """The call that began last before `tool`: a tool may run while the answer that asked for it is still streaming."""
    before = [call for call in conversation.calls if call.start_ns <= tool.start_ns]
    return iter(before[-1:])
