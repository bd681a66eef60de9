"""Recorded runs in Python and in notebooks: `tracekit.load`, `tracekit.runs` and `tracekit.sql`."""

from tracekit.reading.loaded import LoadedRun, RunMessage, load
from tracekit.reading.relations import runs, sql

__all__ = ["LoadedRun", "RunMessage", "load", "runs", "sql"]
