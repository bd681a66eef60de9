"""The recorded response to one attempt, with its times on the clock of the replay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tracekit.model.events import Failure, Request
from tracekit.model.heads import HeadForm
from tracekit.model.recording import Piece

__all__ = ["Reply"]


@dataclass(frozen=True, slots=True)
class Reply:
    """An attempt as it will have been. Times are nanoseconds since the epoch on the replay's clock.

    `call_begin_ns` and `call_end_ns` are those of the call that it is an attempt of; `status` is 0 where no answer
    came, and `failure` then says what was raised; else it says what broke the reading of the body, if anything did.
    `is_partial` says that the application stopped reading, or was cancelled, so that more of the body is not known, and
    `refused_ns` when to say so to who asks for more. `wait_s` is how long the SDK waited before the next attempt.
    `request` is what is asked as it is to be recorded, and `host_attributes` those of the recorded call's attributes that depend on the host that was
    asked, or that the SDK tells by a clock of its own.
    """

    id: str
    call_begin_ns: int
    begin_ns: int
    answered_ns: int
    end_ns: int
    call_end_ns: int
    status: int
    headers: Mapping[str, str]
    pieces: tuple[Piece, ...]
    failure: Failure | None = None
    is_partial: bool = False
    refused_ns: int = 0
    wait_s: float | None = None
    request: Request | None = None
    form: HeadForm | None = None
    host_attributes: Mapping[str, Any] = field(default_factory=dict)
