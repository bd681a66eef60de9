"""The conversation of a run, or of one span, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from tracekit.analysis.compact import telling_argument
from tracekit.cli.render.console import console, print_indented
from tracekit.collect.transcript import TranscriptEntry
from tracekit.formatting import format_duration, is_unicode
from tracekit.model.text import printable, printable_lines
from tracekit.model.tree import Node

__all__ = ["print_transcript", "transcript_json"]


def transcript_json(entries: Iterable[TranscriptEntry]) -> list[dict[str, Any]]:
    """Return the JSON of `show --messages --format json`: an object for each content block."""
    return [
        {
            "call": entry.call.id,
            "agent": None if entry.agent is None else entry.agent.agent,
            "agent_id": None if entry.agent is None else entry.agent.id,
            "at_ns": entry.at_ns,
            "is_response": entry.row.is_answer,
            "role": entry.row.role,
            "block": entry.row.block,
            "tool": entry.tool,
            "tool_call_id": entry.row.tool_call_id,
            "text": entry.row.text,
        }
        for entry in entries
    ]


def print_transcript(entries: Iterable[TranscriptEntry], start_ns: int, parents: Mapping[str, Node]) -> int:
    """Print `entries`, a heading where the call or the direction changes; return their number.

    Args:
        entries: The content blocks, in the order in which they are printed.
        start_ns: The begin of the run, from which times are counted.
        parents: The parent of each node, by the id of the node.
    """
    out, before, printed = console(), None, 0
    for entry in entries:
        heading = (entry.call.id, entry.row.is_answer)
        if heading != before:
            _print_heading(out, entry, start_ns, parents, is_first=before is None)
        before = heading
        _print_block(out, entry)
        printed += 1
    return printed


def _print_heading(
    out: Console, entry: TranscriptEntry, start_ns: int, parents: Mapping[str, Node], *, is_first: bool
) -> None:
    at = "arriving" if entry.at_ns is None else f"+{format_duration(max(0, entry.at_ns - start_ns))}"
    marks = ("◀", "▶") if is_unicode() else ("<", ">")
    says = f"{marks[0]} {entry.call.model or 'response'}" if entry.row.is_answer else f"{marks[1]} request"
    if not is_first:
        out.print()
    head = Text()
    head.append(" · ".join(filter(None, (*_agent_parts(entry.agent, parents), at))), "bold")
    head.append(f"  {printable(says, most=60)}", "dim")
    print_indented(out, head, 0)


def _agent_parts(agent: Node | None, parents: Mapping[str, Node]) -> Iterator[str]:
    if agent is not None:
        yield printable(agent.agent or agent.name, most=60)
        tool = parents.get(agent.id)
        if tool is not None and tool.kind == "tool":
            siblings = parents[tool.id].children if tool.id in parents else ()
            yield printable(telling_argument(tool, siblings), most=_LONGEST_ARGUMENT)


_LONGEST_ARGUMENT = 40
_STYLES = {"system": "dim", "thinking": "dim italic", "tool_use": "cyan", "tool_result": "green"}


def _print_block(out: Console, entry: TranscriptEntry) -> None:
    row = entry.row
    print_indented(out, Text(_label(entry), style="dim"), 2)
    style = _STYLES.get(row.role if row.role == "system" else row.block, "")
    print_indented(out, Text(printable_lines(row.text or ""), style=style), 4)


def _label(entry: TranscriptEntry) -> str:
    row, tool = entry.row, printable(entry.tool or "", most=60)
    if row.block.endswith("tool_use"):
        return f"calls {tool}"
    if row.block == "tool_result":
        return f"result of {tool}" if tool else "tool result"
    return row.role if row.block in ("text", "") else f"{row.role} {printable(row.block, most=30)}"
