"""Run a recorded program again: its own code runs, and its requests are answered from the recording.

The names are imported on first use: closed child processes load other modules of this package as they start, and must
start quickly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracekit.replayer.divergence import Divergence
    from tracekit.replayer.session import Replay, replay

__all__ = ["Divergence", "Replay", "replay"]


def __getattr__(name: str) -> Any:
    if name == "Divergence":
        from tracekit.replayer.divergence import Divergence  # noqa: PLC0415  see above

        return Divergence
    if name in ("Replay", "replay"):
        from tracekit.replayer import session  # noqa: PLC0415  see above

        return getattr(session, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
