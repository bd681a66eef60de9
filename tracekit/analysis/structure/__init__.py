"""The tree of a run: recorded levels as they are, and missing ones inferred from requests and responses."""

from __future__ import annotations

from tracekit.analysis.structure.build import Structurer, structure

__all__ = ["Structurer", "structure"]
