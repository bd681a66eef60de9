"""`tracekit diff`: show where two runs differ."""

from __future__ import annotations

import sys
from typing import Any

import click

from tracekit.analysis.diff import Diff, NodeChange, compare, has_words, words
from tracekit.cli.load import as_file
from tracekit.cli.options import echo_json, format_option, tell
from tracekit.cli.shape import run_json
from tracekit.collect.look import damage_in, find, read_entry
from tracekit.model.summary import summary_of
from tracekit.model.tree import Run

__all__ = ["command", "diff_json"]


@click.command("diff")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--times", is_flag=True, help="Count differences in times, costs and overlaps, too.")
@format_option
def command(a: str, b: str, times: bool, form: str) -> None:
    """Tell where run B differs from run A; exit with 1 if it does.

    Agents, turns, calls and tools are found in the other run by name and by what they say. Structure, order, models,
    requests, texts, tokens, stop reasons and statuses count; times and costs are told, ids are not.
    """
    diff = compare(_read(a), _read(b), times=times)
    if form == "json":
        echo_json(diff_json(diff))
    else:
        from tracekit.cli.render.diff import print_diff  # noqa: PLC0415  rich is not needed for JSON

        print_diff(diff)
    sys.exit(1 if diff.different else 0)


def _read(text: str) -> Run:
    """Return the run that `text` names, with its content, which the store does not have."""
    run = read_entry(find(as_file(text)))
    tell(damage_in(run))
    if not has_words(run):
        tell([f"{text}: the recording has no messages (see TRACEKIT_CONTENT), so messages are not compared"])
    return run


def diff_json(diff: Diff) -> dict[str, Any]:
    """Return the JSON of `tracekit diff --format json`. Scripts depend on it: names and types stay as they are."""
    return {
        "a": run_json(summary_of(diff.a)),
        "b": run_json(summary_of(diff.b)),
        "different": diff.different,
        "changes": [_change_json(change) for change in diff.changes],
    }


def _change_json(change: NodeChange) -> dict[str, Any]:
    is_text = isinstance(change.before, str) and isinstance(change.after, str)
    return {
        "path": [{"kind": step.kind, "name": step.name} for step in change.path],
        "field": change.field,
        "how": change.how.replace(" ", "_"),
        "before": change.before,
        "after": change.after,
        "words": [list(edit) for edit in words(change.before, change.after)] if is_text else None,
        "a": change.a,
        "b": change.b,
        "repeated": change.repeated,
        "counts": change.counts,
    }
