"""The conversation of a whole run, or of an agent and its subagents: call after call, each message once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from operator import attrgetter

from tracekit_viewer.door import Node, Run, count, duration, short_model, telling_argument
from tracekit_viewer.render.block import Block
from tracekit_viewer.render.call_messages import Reader
from tracekit_viewer.render.conversation import call_blocks
from tracekit_viewer.render.family import Family, calls_below
from tracekit_viewer.render.notes import kept_note, note
from tracekit_viewer.render.text import plain

__all__ = ["transcript_blocks"]

_MOST_CALLS = 1000
_ONCE = frozenset(("kept", "earlier", "request"))
"""Blocks of a call that a transcript has no use for, or has once."""


def transcript_blocks(run: Run, node: Node, family: Family, reader: Reader, *, by_agent: bool) -> list[Block]:
    """Return the blocks of all calls below `node`, in the order of time or agent by agent."""
    calls = sorted(calls_below(node, other_agents=True), key=attrgetter("start_ns"))
    if by_agent:
        first: dict[str, int] = {}
        for call in calls:
            first.setdefault(family.home(call).id, len(first))
        calls.sort(key=lambda call: first[family.home(call).id])
    order = "agent by agent, b for the order of time" if by_agent else "in the order of time, b for agent by agent"
    blocks = [*kept_note(run), note("order", f"{count(len(calls))} calls {order}; w shows the overview", bare=True)]
    for call in calls[:_MOST_CALLS]:
        blocks += _call(run, call, family, reader)
    if len(calls) > _MOST_CALLS:
        command = f"tracekit show {run.id[:8]} --messages"
        blocks.append(note("more", f"{count(len(calls) - _MOST_CALLS)} more calls: `{command}` shows all", bare=True))
    return blocks


def _call(run: Run, call: Node, family: Family, reader: Reader) -> Iterator[Block]:
    agent = family.home(call)
    tool = family.parent(agent)
    argument = telling_argument(tool) if tool is not None and tool.kind == "tool" else ""
    began = f"+{duration(max(0, call.start_ns - run.root.start_ns))}"
    facts = " · ".join(filter(None, (plain(argument, 40), began)))
    name = plain(agent.agent or agent.name, 60)
    aside = f"{short_model(call)} · {duration(call.duration_ns(run.last_ns))}"
    yield Block(call.id, ((f"◆ {name}", "strong"), (f"  {facts}", "dim")), aside, apart=False)
    for block in call_blocks(run, call, family, reader, whole=False):
        if block.key not in _ONCE:
            yield replace(block, key=f"{call.id} {block.key}")
