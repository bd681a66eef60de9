"""Branches of a conversation: where a prompt was edited or taken back, only one of them went on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tracekit.sources.claude_code.agents import AgentLines
from tracekit.sources.claude_code.calls import CallRecord
from tracekit.sources.claude_code.lines import SessionLine

__all__ = ["abandoned_prompts"]


def abandoned_prompts(agent: AgentLines, calls: Iterable[CallRecord]) -> set[str]:
    """Return the ids of the prompts of `agent` that its live branch does not contain.

    The live branch leads to the newest line. A prompt is abandoned only if it hangs below a line below which the live
    branch has another prompt: conversations that are not joined at all are no branches.
    """
    lines = {line.uuid: line for line in agent.lines}
    prompts = {call.prompt.uuid: call.prompt for call in calls if call.prompt is not None}
    if len(prompts) < 2:
        return set()
    newest = next((line for line in reversed(agent.lines) if line.content is not None), agent.lines[-1])
    live = {uuid: height for height, uuid in enumerate(_path(newest, lines))}
    lowest = min((live[uuid] for uuid in prompts if uuid in live), default=len(live))
    found: set[str] = set()
    for uuid, prompt in prompts.items():
        if uuid not in live:
            joined = next((live[at] for at in _path(prompt, lines) if at in live), 0)
            if lowest < joined:
                found.add(uuid)
    return found


def _path(line: SessionLine, lines: Mapping[str, SessionLine]) -> dict[str, None]:
    """Return the ids of `line` and of the lines above it, the nearest first."""
    path: dict[str, None] = {}
    at: SessionLine | None = line
    while at is not None and at.uuid not in path:
        path[at.uuid] = None
        at = lines.get(at.parent)
    return path
