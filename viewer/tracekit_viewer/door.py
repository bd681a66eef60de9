"""The door to tracekit: the one module of the viewer that imports it. What the viewer needs is named here."""

from __future__ import annotations

from tracekit import semconv
from tracekit.analysis.structure import structure
from tracekit.cli.render.quantities import count, duration, money, size
from tracekit.collect.look import Listing, damage_in, find, read_entry
from tracekit.collect.watch import Watch
from tracekit.errors import TracekitError
from tracekit.journal.catalog import Entry
from tracekit.journal.follow import Follower
from tracekit.journal.home import home, runs_folder
from tracekit.journal.liveness import is_alive
from tracekit.model.conversation import blocks_of
from tracekit.model.events import Failure, Kind
from tracekit.model.recording import Exchange, Recording
from tracekit.model.summary import RunSummary, summary_of
from tracekit.model.text import printable
from tracekit.model.tree import Node, Run, Status, Tokens

__all__ = [
    "Entry",
    "Exchange",
    "Failure",
    "Follower",
    "Kind",
    "Listing",
    "Node",
    "Recording",
    "Run",
    "RunSummary",
    "Status",
    "Tokens",
    "TracekitError",
    "Watch",
    "blocks_of",
    "count",
    "damage_in",
    "duration",
    "find",
    "home",
    "is_alive",
    "money",
    "printable",
    "read_entry",
    "runs_folder",
    "semconv",
    "size",
    "structure",
    "summary_of",
]
