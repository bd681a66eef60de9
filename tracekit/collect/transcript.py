"""The conversation of a whole run, across its agents: each message once, where it was new."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from operator import attrgetter

from tracekit.analysis.new_messages import messages_of
from tracekit.model.tree import Node, Run
from tracekit.store.rows import MessageRow

__all__ = ["TranscriptEntry", "transcript_of"]


@dataclass(frozen=True, slots=True)
class TranscriptEntry:
    """A content block of the conversation.

    `call` is the call that was the first to send it or that it answers, `agent` the agent of that call. `at_ns` is the
    begin of the call, or for a response its end; None while the response is arriving. `tool` is the name of the tool that
    the block calls, or of which it is the result.
    """

    call: Node
    agent: Node | None
    at_ns: int | None
    tool: str | None
    row: MessageRow


def transcript_of(
    run: Run, *, by_agent: bool = False, calls: Collection[str] | None = None
) -> Iterator[TranscriptEntry]:
    """Yield the content blocks of `run` in order of time, or agent by agent in order of their begins.

    Args:
        run: The run, with its requests and responses.
        by_agent: Keep what each agent sent and received together.
        calls: The ids of the calls whose blocks are wanted; by default all.
    """
    entries = [each for each in _entries(run) if calls is None or each.call.id in calls]
    if by_agent:
        first: dict[str | None, int] = {}
        for entry in entries:
            first.setdefault(_agent_id(entry), len(first))
        yield from sorted(entries, key=lambda entry: first[_agent_id(entry)])
        return
    # What is asked for and answered at once by several agents interleaves. A response that is arriving is the last.
    latest = run.last_ns + 1
    yield from sorted(entries, key=lambda entry: latest if entry.at_ns is None else entry.at_ns)


def _entries(run: Run) -> Iterator[TranscriptEntry]:
    nodes = dict(_with_agents(run.root))
    tools: dict[str, str] = {}
    for row in messages_of(run):
        call, agent = nodes[row.call]
        if row.tool is not None and row.tool_call_id is not None:
            tools[row.tool_call_id] = row.tool
        at_ns = call.end_ns if row.is_answer else call.start_ns
        yield TranscriptEntry(call, agent, at_ns, row.tool or tools.get(row.tool_call_id or ""), row)


def _with_agents(root: Node) -> Iterator[tuple[str, tuple[Node, Node | None]]]:
    """Yield the id of each node with the node and the nearest agent, which may be the node itself."""
    stack: list[tuple[Node, Node | None]] = [(root, None)]
    while stack:
        node, agent = stack.pop()
        agent = node if node.kind == "agent" else agent
        yield node.id, (node, agent)
        stack.extend((child, agent) for child in sorted(node.children, key=attrgetter("start_ns")))


def _agent_id(entry: TranscriptEntry) -> str | None:
    return None if entry.agent is None else entry.agent.id
