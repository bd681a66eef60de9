"""The call in whose request the caller runs: known without the SDK, and without all that records a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracekit.instrument.lanes import TaskVariable

if TYPE_CHECKING:
    from tracekit.instrument.sdk.call import Call

__all__ = ["CURRENT_CALL", "current_call"]

CURRENT_CALL: TaskVariable[Call] = TaskVariable("tracekit_call")
"""The call in whose request the caller runs. What starts in there is the SDK's, not the program's."""


def current_call() -> Call | None:
    """Return the call in whose request the caller runs.

    An exception of the program's, such as a signal handler's, may have cut short what restores `CURRENT_CALL`.
    """
    call = CURRENT_CALL.get()
    return call if call is not None and call.in_request else None
