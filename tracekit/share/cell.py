"""A run as the output of a notebook's cell: the timeline and the findings, without a script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from tracekit.formatting import format_count, format_duration
from tracekit.model.finding import Finding, likely_of
from tracekit.model.text import printable
from tracekit.model.tree import RunTree
from tracekit.share.svg import svg

__all__ = ["html_of"]

_MOST_ROWS = 80


def html_of(run: RunTree, findings: Sequence[Finding]) -> str:
    """Return `run` as HTML that stands within another page."""
    likely = likely_of(findings)
    picture = svg(run, findings, most_rows=_MOST_ROWS)
    return f'<div style="overflow:auto">{picture}</div>{"".join(_listed(likely))}'


def _listed(findings: Sequence[Finding]) -> Iterator[str]:
    if not findings:
        return
    yield f"<details><summary>{format_count(len(findings), 'finding')}</summary><ul>"
    for finding in findings:
        saved = f", saves {format_duration(int(finding.saved_ms * 1e6))}" if finding.saved_ms is not None else ""
        message = escape(printable(finding.message))
        yield f"<li><b>{escape(finding.code)}</b> ({finding.confidence}{saved}): {message}</li>"
    yield "</ul></details>"
