"""Compare two runs: what is the same in both, and where they differ."""

from __future__ import annotations

from tracekit.analysis.diff.changes import AlignedNodes, Diff, NodeChange, PathStep
from tracekit.analysis.diff.compare import compare
from tracekit.analysis.diff.node_content import has_words
from tracekit.analysis.diff.words import Edit, words

__all__ = ["AlignedNodes", "Diff", "Edit", "NodeChange", "PathStep", "compare", "has_words", "words"]
