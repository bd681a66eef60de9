"""Snapshots of runs for syrupy: ``assert run == snapshot(extension_class=RunSnapshot)``."""

from __future__ import annotations

from typing import Any

from syrupy.extensions.amber import AmberSnapshotExtension
from typing_extensions import override

from tracekit.testing.outline import outline
from tracekit.testing.source import RunSource, run_of

__all__ = ["RunSnapshot"]


class RunSnapshot(AmberSnapshotExtension):
    """Keep a run's tree without ids and times, so that an equal run has an equal snapshot."""

    @override
    def serialize(self, data: RunSource, **kwargs: Any) -> str:
        return super().serialize(_Outline(outline(run_of(data))), **kwargs)


class _Outline:
    """A text that is shown as it is, without quotes."""

    def __init__(self, text: str) -> None:
        self._text = text

    @override
    def __repr__(self) -> str:
        return self._text
