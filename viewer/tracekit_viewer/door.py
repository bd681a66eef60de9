"""The door to tracekit: the one module of the viewer that imports it. What the viewer needs is named here."""

from __future__ import annotations

from pathlib import Path

from tracekit import semconv
from tracekit.analysis.agent_totals import AgentRow, agent_rows, calls_below
from tracekit.analysis.alike import LEAST_ALIKE, LINKS, AlikeNodes, failed_in, grouped
from tracekit.analysis.compact import short_model, summary_of_group, telling_argument
from tracekit.analysis.diff import AlignedNodes, Diff, Edit, NodeChange
from tracekit.analysis.diff import compare as compare_runs
from tracekit.analysis.diff import words as word_edits
from tracekit.analysis.facts import Facts
from tracekit.analysis.moment import Moments
from tracekit.analysis.structure import Structurer
from tracekit.analysis.structure.calls import text_of
from tracekit.analysis.timing.critical import critical_path
from tracekit.analysis.timing.path_line import path_line
from tracekit.analysis.timing.what_if import WhatIf, what_if
from tracekit.collect.content import ContentIndex
from tracekit.collect.look import Listing, damage_in, find, read_entry
from tracekit.collect.search import QueryAnswer, query_runs, search_runs
from tracekit.collect.transcript import transcript_of
from tracekit.collect.watch import Watch
from tracekit.cost import CostPart, cost_parts, price_source, price_usd
from tracekit.errors import FilterError, PricesError, TracekitError
from tracekit.formatting import format_bytes as size
from tracekit.formatting import format_count as counted
from tracekit.formatting import format_duration as duration
from tracekit.formatting import format_float as decimals
from tracekit.formatting import format_money as money
from tracekit.formatting import format_number as count
from tracekit.formatting import format_output as output
from tracekit.formatting import format_price as price
from tracekit.journal.catalog import Entry
from tracekit.journal.follow import Follower
from tracekit.journal.home import home, runs_folder
from tracekit.journal.liveness import is_alive
from tracekit.model.convention_messages import exchange_in_attributes
from tracekit.model.conversation import answer_signature, blocks_of
from tracekit.model.events import Failure, Kind
from tracekit.model.finding import Finding, is_at_least
from tracekit.model.history import Messages, RequestFields
from tracekit.model.messages import BodyReader, ResponseContent, answer_of
from tracekit.model.recording import Exchange, Piece, Recording, Segment
from tracekit.model.run import ProcessRoot
from tracekit.model.summary import RunSummary, listed_numbers, summary_of
from tracekit.model.text import printable, printable_lines
from tracekit.model.tree import Node, Run, Status, Tokens, first_work_ns
from tracekit.rules.default import count_likely, default_findings
from tracekit.store.filter import FILTERS, RunFilter, parse_filter
from tracekit.store.views import listing as view_listing

__all__ = [
    "FILTERS",
    "LEAST_ALIKE",
    "LINKS",
    "AgentRow",
    "AlignedNodes",
    "AlikeNodes",
    "BodyReader",
    "ContentIndex",
    "CostPart",
    "Diff",
    "Edit",
    "Entry",
    "Exchange",
    "Facts",
    "Failure",
    "FilterError",
    "Finding",
    "Follower",
    "Kind",
    "Listing",
    "Messages",
    "Moments",
    "Node",
    "NodeChange",
    "Piece",
    "PricesError",
    "ProcessRoot",
    "QueryAnswer",
    "Recording",
    "RequestFields",
    "ResponseContent",
    "Run",
    "RunFilter",
    "RunSummary",
    "Segment",
    "Status",
    "Structurer",
    "Tokens",
    "TracekitError",
    "Watch",
    "WhatIf",
    "agent_rows",
    "answer_of",
    "answer_signature",
    "blocks_of",
    "calls_below",
    "compare_runs",
    "cost_parts",
    "count",
    "count_likely",
    "counted",
    "critical_path",
    "damage_in",
    "decimals",
    "default_findings",
    "duration",
    "exchange_in_attributes",
    "failed_in",
    "find",
    "first_work_ns",
    "grouped",
    "home",
    "is_alive",
    "is_at_least",
    "listed_numbers",
    "money",
    "output",
    "parse_filter",
    "path_line",
    "price",
    "price_source",
    "price_usd",
    "printable",
    "printable_lines",
    "pytest_text",
    "query_runs",
    "read_entry",
    "runs_folder",
    "search_runs",
    "semconv",
    "short_model",
    "size",
    "summary_of",
    "summary_of_group",
    "telling_argument",
    "text_of",
    "transcript_of",
    "view_listing",
    "what_if",
    "word_edits",
]


def pytest_text(run: Run) -> str:
    """Return a pytest test of `run` for the current folder, and above it the command that writes its recording."""
    # Nothing else of the viewer needs the testing half of tracekit.
    from tracekit.testing.written import written_test  # noqa: PLC0415

    folder = Path.cwd()
    written = written_test(run, folder / "test_run.py", folder)
    return f"# tracekit export {run.id} -o {written.recording}\n{written.text}"
