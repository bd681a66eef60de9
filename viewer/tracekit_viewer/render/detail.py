"""The tabs of the detail pane, and their content for a node."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from tracekit_viewer.door import Node, Run, duration, money, semconv
from tracekit_viewer.render.attempts import attempts_blocks
from tracekit_viewer.render.attributes import attributes_blocks
from tracekit_viewer.render.block import Block, Line
from tracekit_viewer.render.call_messages import Reader
from tracekit_viewer.render.conversation import call_blocks
from tracekit_viewer.render.family import Family, calls_below
from tracekit_viewer.render.notes import failure_blocks, note
from tracekit_viewer.render.overview import STATUS_STYLE, agent_blocks, run_blocks, span_blocks, tool_node_blocks
from tracekit_viewer.render.raw import raw_blocks
from tracekit_viewer.render.transcript import transcript_blocks
from tracekit_viewer.render.usage import usage_blocks

__all__ = ["TABS", "Tab", "blocks_of_tab", "title_of"]

Tab: TypeAlias = Literal["Conversation", "Attempts", "Usage", "Attributes", "Raw"]

TABS: tuple[Tab, ...] = get_args(Tab)


def blocks_of_tab(
    tab: Tab, run: Run, node: Node, family: Family, reader: Reader, *, whole: bool, by_agent: bool = False
) -> list[Block]:
    """Return the blocks of `tab` for `node`; of a conversation, the node's addition or the `whole`.

    The whole conversation of a run or of an agent is that of all agents below, in the order of time or `by_agent`.
    """
    match tab:
        case "Attempts":
            return attempts_blocks(run, node)
        case "Usage":
            return usage_blocks(run, node)
        case "Attributes":
            return attributes_blocks(run, node)
        case "Raw":
            return raw_blocks(run, node)
        case "Conversation":
            if whole and node.kind in ("run", "agent"):
                return transcript_blocks(run, node, family, reader, by_agent=by_agent)
            return _conversation_blocks(run, node, family, reader, whole=whole)


def _conversation_blocks(run: Run, node: Node, family: Family, reader: Reader, *, whole: bool) -> list[Block]:
    match node.kind:
        case "run":
            return run_blocks(run, reader)
        case "agent":
            return agent_blocks(run, node, reader)
        case "turn":
            return _turn_blocks(run, node, family, reader, whole=whole)
        case "llm":
            return call_blocks(run, node, family, reader, whole=whole)
        case "attempt":
            call = family.above(node, "llm")
            if call is None:
                return span_blocks(run, node)
            return call_blocks(run, call, family, reader, whole=whole, attempt=node)
        case "tool":
            return tool_node_blocks(run, node, family, reader)
        case _:
            return span_blocks(run, node)


def _turn_blocks(run: Run, turn: Node, family: Family, reader: Reader, *, whole: bool) -> list[Block]:
    """The turn's call; a second one in it has its own row in the tree."""
    calls = [child for child in turn.children if child.kind == "llm"] or list(calls_below(turn))
    if not calls:
        return [note("none", "No call of this turn is recorded."), *failure_blocks(turn)]
    blocks = call_blocks(run, calls[0], family, reader, whole=whole)
    if len(calls) > 1:
        blocks.append(note("others", f"{len(calls) - 1} more calls in this turn stand in the tree.", bare=True))
    return blocks


def title_of(run: Run, node: Node, family: Family) -> tuple[Line, str]:
    """Return the pane's first row: the node's name, and at the right its duration and cost."""
    agent = family.home(node)
    whose = f" · {agent.agent}" if agent.kind == "agent" and agent is not node and agent.agent else ""
    kind = "" if node.kind == "turn" else f"{node.kind} "
    line: Line = ((kind, "dim"), (_name(node, family), "strong"), (whose, "dim"))
    if node.status != "ok":
        line = (*line, (f"  {node.status}", STATUS_STYLE[node.status]))
    facts = [duration(node.duration_ns(run.last_ns)), money(node.cost_usd, complete=node.cost_complete)]
    return line, " · ".join(fact for fact in facts if fact)


def _name(node: Node, family: Family) -> str:
    match node.kind:
        case "agent":
            return node.agent or node.name
        case "turn":
            turns = [child.id for child in family.home(node).children if child.kind == "turn"]
            return f"turn {turns.index(node.id) + 1}" if node.id in turns else "turn"
        case "tool":
            return str(node.attributes.get(semconv.TOOL_NAME, node.name))
        case "llm":
            return node.model or node.name
        case "attempt":
            return str(node.attributes.get(semconv.HTTP_STATUS, "without an answer"))
        case _:
            return node.name
