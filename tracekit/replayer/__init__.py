"""Replays a recorded run: the program's own code runs again, and is answered from the record.

The names are resolved when they are asked for: closed child processes load other modules of this package as they start,
and need nothing heavy.
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
