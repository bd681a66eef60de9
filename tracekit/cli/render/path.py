"""The critical path of a run as a table of the steps that decided its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from tracekit import semconv
from tracekit.analysis.timing.critical import CriticalStep, Margin, critical_path, margins
from tracekit.analysis.tree_facts import TreeFacts
from tracekit.analysis.unseen import is_unseen
from tracekit.cli.render.console import console
from tracekit.cli.render.tree import print_head
from tracekit.formatting import format_count, format_duration, is_unicode
from tracekit.model.finding import Finding
from tracekit.model.text import printable
from tracekit.model.tree import Node, RunTree

__all__ = ["print_path"]

_LEAST_SHARE = 200
"""Rows with less than one in so many parts of the time are summed up."""
_HEADINGS = ("START", "TIME", "DRAG", "AGENT", "STEP")
_LEGEND = "drag: the time by which the run would be shorter if this part took no time"


@dataclass(slots=True)
class _PathRow:
    node: Node
    agent: Node | None
    start_ns: int
    time_ns: int


def print_path(run: RunTree, findings: Sequence[Finding] = (), *, all_attempts: bool = False) -> None:
    """Print the critical path of `run`: a line about the whole, and a line for each step."""
    facts, out = TreeFacts(run), console()
    steps = critical_path(run.root, facts.schedule)
    print_head(run, findings)
    if not steps:
        out.print(Text("There is no time on the critical path.", style="dim"))
        return
    begin_ns = steps[0].start_ns
    rows = _rows(steps, facts.parents, all_attempts=all_attempts)
    whole_ns = sum(row.time_ns for row in rows)
    long = [row for row in rows if row.time_ns * _LEAST_SHARE >= whole_ns]
    if len(rows) - len(long) == 1:
        long = rows
    lines = [_HEADINGS, *_cells(long, begin_ns, margins(run.root, facts.schedule))]
    short_ns = whole_ns - sum(row.time_ns for row in long)
    if short_ns:
        lines.append(("", format_duration(short_ns), "", "", f"{len(rows) - len(long)} shorter parts"))
    widths = [max(cell_len(line[number]) for line in lines) for number in range(4)]
    for number, (start, time, drag, agent, what) in enumerate(lines):
        line = f"{start:>{widths[0]}}  {time:>{widths[1]}}  {drag:>{widths[2]}}  "
        line += agent + " " * (widths[3] - cell_len(agent)) + f"  {what}"
        style = "dim" if number == 0 else ""
        out.print(Text(line.rstrip(), style=style), no_wrap=True, overflow="ellipsis", crop=True)
    before_ns = begin_ns - run.root.start_ns
    before = (
        f"   {format_duration(before_ns)} before the first agent or call are left out" if before_ns >= 1_000_000 else ""
    )
    out.print(Text(_LEGEND + before, style="dim"))


def _rows(steps: Sequence[CriticalStep], parents: Mapping[str, Node], *, all_attempts: bool) -> list[_PathRow]:
    """Return the steps in order, those of attempts merged into their call unless all attempts are shown."""
    rows: list[_PathRow] = []
    for step in steps:
        node = step.node
        while node.kind == "attempt" and not all_attempts and node.id in parents:
            node = parents[node.id]
        if rows and rows[-1].node is node:
            rows[-1].time_ns += step.end_ns - step.start_ns
        else:
            rows.append(_PathRow(node, step.agent, step.start_ns, step.end_ns - step.start_ns))
    return rows


def _cells(
    rows: Sequence[_PathRow], begin_ns: int, found: Mapping[str, Margin]
) -> list[tuple[str, str, str, str, str]]:
    at_most = "≤ " if is_unicode() else "< "
    cells = []
    for row in rows:
        node = row.node
        drag_ns = found[node.id].drag_ns if not node.children or node.kind == "llm" else None
        cells.append(
            (
                format_duration(row.start_ns - begin_ns),
                (at_most if is_unseen(node) else "") + format_duration(row.time_ns),
                "" if drag_ns is None else format_duration(drag_ns),
                "" if row.agent is None else printable(row.agent.agent or row.agent.name, most=40),
                _label(node),
            )
        )
    return cells


def _label(node: Node) -> str:
    """Return a description of the step: a call, a tool, a span, or the code between these."""
    if node.kind in ("run", "agent", "turn"):
        return "own code"
    name = node.attributes.get(semconv.TOOL_NAME, node.name) if node.kind == "tool" else node.model or node.name
    retries = f", {format_count(node.retries, 'retry', 'retries')}" if node.retries else ""
    return f"{node.kind} {printable(str(name), most=100)}{retries if node.kind == 'llm' else ''}"
