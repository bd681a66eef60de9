"""A recording as text for reviewers: the tree, and under each call the messages that it adds.

Ids, times and ports are left out, so that two recordings of one program differ in nothing but what was changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from tracekit.analysis.new_messages import messages_of
from tracekit.model.text import printable
from tracekit.model.tree import Node, Run
from tracekit.store.rows import MessageRow
from tracekit.testing.outline import outline

__all__ = ["review"]


def review(run: Run) -> str:
    """The text of `run`."""
    rows: dict[str, list[MessageRow]] = defaultdict(list)
    names: dict[str, str] = {}
    for row in messages_of(run):
        rows[row.call].append(row)
        if row.tool_call_id and row.block.endswith("tool_use"):
            names[row.tool_call_id] = row.tool or ""

    def beneath(node: Node) -> Iterable[str]:
        return (line for row in rows.get(node.id, ()) for line in _lines(row, names))

    return outline(run, beneath)


def _lines(row: MessageRow, names: dict[str, str]) -> Iterator[str]:
    """Yield the lines of one block; further lines are indented, so that none looks like the head of a block."""
    what = row.block if row.block not in ("text", "") else ""
    tool = row.tool or names.get(row.tool_call_id or "", "")
    head = " ".join(printable(word) for word in (row.role, what, tool) if word)
    for number, line in enumerate((row.text or "").split("\n")):
        yield f"{head}: {printable(line)}" if not number else f"  {printable(line)}"
