"""The tree of a run: recorded levels as they are, missing ones concluded from what was asked and answered."""

from __future__ import annotations

from tracekit.analysis.structure.build import Structurer, structure

__all__ = ["Structurer", "structure"]
