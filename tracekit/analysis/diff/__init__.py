"""Compare two runs: what is the same in both, and where they differ."""

from __future__ import annotations

from tracekit.analysis.diff.changes import Change, Diff, Step
from tracekit.analysis.diff.compare import compare
from tracekit.analysis.diff.said import has_words
from tracekit.analysis.diff.words import Edit, words

__all__ = ["Change", "Diff", "Edit", "Step", "compare", "has_words", "words"]
