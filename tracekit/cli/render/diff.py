"""Draw the differences of two runs as text: a heading for each node, and a line for each field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.text import Text

from tracekit.analysis.diff import Diff, Edit, NodeChange, words
from tracekit.cli.render.console import console
from tracekit.formatting import (
    format_count,
    format_duration,
    format_money,
    format_number,
    format_price,
    format_status,
    is_unicode,
)
from tracekit.model.text import printable
from tracekit.model.tree import Run

__all__ = ["print_diff"]

_CONTEXT = 48
"""Characters of a text that both have, shown on either side of what differs."""

_MOST_PLACES = 6
"""Of one text, so many places are shown; `--format json` has the others."""

_REMOVED, _ADDED = "red", "green"


def print_diff(diff: Diff) -> None:
    """Print where the two runs differ."""
    out = console()
    arrow, dot = ("→", "·") if is_unicode() else ("->", "|")
    for name, run in (("A", diff.a), ("B", diff.b)):
        out.print(_title(name, run, dot))
    counting = sum(change.counts for change in diff.changes)
    out.print(Text(_verdict(counting), style="bold"))
    is_uncounted = False
    for path, grouped in groupby(diff.changes, key=lambda change: change.path):
        changes = list(grouped)
        out.print()
        out.print(Text(" > ".join(printable(step.name, most=60) for step in path), style="bold cyan"))
        if len(path) == 1:
            for line in _totals(diff, arrow):
                out.print(line)
        for change in changes:
            is_uncounted = is_uncounted or not change.counts
            _print_change(out, change, diff, arrow, dot)
    if is_uncounted:
        out.print(Text(f"\n{dot} shown, but not counted as a difference; --times counts it", style="dim"))


def _title(name: str, run: Run, dot: str) -> Text:
    root = run.root
    facts = [
        f"run {run.id[:8]}",
        format_status(run.status, run.replay, is_replay=run.replay_of is not None),
        format_duration(run.last_ns - root.start_ns),
        f"{run.count('agent')} agents",
        format_count(run.count("llm"), "call"),
        f"{format_number(root.tokens.input)} + {format_number(root.tokens.output)} tokens",
    ]
    if root.cost_usd is not None:
        facts.append(format_price(root.cost_usd, complete=root.cost_complete, is_replay=run.replay_of is not None))
    return (
        Text(f"{name}  ", style="dim")
        + Text(printable(run.name, most=60), style="bold")
        + "  "
        + f" {dot} ".join(facts)
    )


def _verdict(counting: int) -> str:
    if not counting:
        return "The runs are the same."
    return "The runs differ in one place." if counting == 1 else f"The runs differ in {counting} places."


def _totals(diff: Diff, arrow: str) -> Iterator[Text]:
    """Yield the totals of all calls that differ."""
    for name, before, after in (
        ("calls", diff.a.count("llm"), diff.b.count("llm")),
        ("retries", diff.a.root.retries, diff.b.root.retries),
        ("tokens in", diff.a.root.tokens.input, diff.b.root.tokens.input),
        ("tokens out", diff.a.root.tokens.output, diff.b.root.tokens.output),
    ):
        if before != after:
            yield _line(name, f"{before} {arrow} {after}  {after - before:+}", " ")


# ── one change ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _print_change(out: Console, change: NodeChange, diff: Diff, arrow: str, dot: str) -> None:
    mark = " " if change.counts else dot
    if change.how in ("only in a", "only in b"):
        name, run, id = ("A", diff.a, change.a) if change.how == "only in a" else ("B", diff.b, change.b)
        style = _REMOVED if name == "A" else _ADDED
        out.print(_line(f"only in {name}", Text(_below(run, id or ""), style=style), mark))
        return
    if change.how == "moved":
        out.print(_line("moved", f"{change.before} {arrow} {change.after}", mark))
        return
    out.print(_line(change.field, _value(change, arrow), mark))
    if change.repeated:
        calls = "one more call" if change.repeated == 1 else f"{change.repeated} more calls"
        out.print(_line("", Text(f"the same in {calls} of this agent", style="dim"), " "))


def _line(name: str, value: str | Text, mark: str) -> Text:
    shown = Text(value) if isinstance(value, str) else value
    line = Text(f"{mark} {printable(name, most=60):<12} ", style="dim") + shown
    return line if mark == " " else Text.assemble(line, style="dim")


def _value(change: NodeChange, arrow: str) -> Text:
    before, after = change.before, change.after
    if isinstance(before, str) and isinstance(after, str):
        if max(len(before), len(after)) <= 40 and "\n" not in before + after:
            return _from_to(_quoted(before), _quoted(after), arrow)
        return _texts(words(before, after))
    if change.field == "time" and isinstance(before, int) and isinstance(after, int):
        delta = f"  {'+' if after > before else '-'}{format_duration(abs(after - before))}"
        return _from_to(format_duration(before), format_duration(after), arrow, delta + _share(before, after))
    if change.field == "cost":
        return _from_to(
            format_money(before) or "unknown", format_money(after) or "unknown", arrow, _share(before, after)
        )
    if _is_number(before) and _is_number(after):
        return _from_to(str(before), str(after), arrow, f"  {after - before:+}{_share(before, after)}")
    return _from_to(_short(before), _short(after), arrow)


def _from_to(before: str, after: str, arrow: str, delta: str = "") -> Text:
    return Text.assemble((before, _REMOVED), f" {arrow} ", (after, _ADDED), (delta, "dim"))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _share(before: Any, after: Any) -> str:
    if not _is_number(before) or not _is_number(after) or not before:
        return ""
    return f"  ({(after - before) / before:+.0%})"


def _quoted(text: str) -> str:
    return printable(text) or "nothing"


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    return printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), most=200)


def _texts(edits: Sequence[Edit]) -> Text:
    """Return the changed places with some text around each: ``[-old-]{+new+}``, for eyes and for `grep`."""
    text = Text()
    places = 0
    for number, edit in enumerate(edits):
        if edit.mark == "=":
            text.append(_around(edit.text, is_first=number == 0, is_last=number == len(edits) - 1))
            places += number > 0
            if places == _MOST_PLACES and number < len(edits) - 1:
                text.append(" and more; `--format json` lists all", style="dim")
                break
        elif edit.mark == "-":
            text.append(f"[-{printable(edit.text, most=600)}-]", style=_REMOVED)
        else:
            text.append(f"{{+{printable(edit.text, most=600)}+}}", style=_ADDED)
    return text


def _around(text: str, *, is_first: bool, is_last: bool) -> str:
    if len(text) <= 2 * _CONTEXT:
        return printable(text)
    head, tail = printable(text[:_CONTEXT]), printable(text[-_CONTEXT:])
    if is_first:
        return f"…{tail}"
    return f"{head}…" if is_last else f"{head} … {tail}"


def _below(run: Run, id: str) -> str:
    """Return a description of a node that only one run has."""
    node = next(node for node in run.root.walk() if node.id == id)
    calls = sum(each.kind == "llm" for each in node.walk())
    parts: list[str] = [node.kind if node.kind != "llm" else "call"]
    if calls and node.kind != "llm":
        parts.append(format_count(calls, "call"))
    names = [each.agent for each in node.walk() if each is not node and each.agent is not None]
    return ", ".join([*parts, *(printable(name, most=60) for name in list(dict.fromkeys(names))[:6])])
