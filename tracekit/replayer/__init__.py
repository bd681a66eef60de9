"""Replays a recorded run: the program's own code runs again, and is answered from the record."""

from __future__ import annotations

from tracekit.replayer.divergence import Divergence
from tracekit.replayer.session import Replay, replay

__all__ = ["Divergence", "Replay", "replay"]
