"""Lets out the program's exceptions that the SDK catches while it tells its spans what happens.

The SDK does that work in ``try`` blocks of its own, and logs what it catches. It does so only where a span records, so
for the record of tracekit: without it, nothing would be caught there.
"""

from __future__ import annotations

import sys
from typing import Any, Final

from tracekit.origin import programs_exception

__all__ = ["LOG", "MODULES", "PassingLog"]

MODULES: Final = (
    "anthropic._tracing",
    "anthropic.lib._tracing._api_call",
    "anthropic.lib._tracing._response",
    "anthropic.lib._tracing._streaming",
    "anthropic.lib._tracing._tools",
    "anthropic.lib._tracing._work",
)
"""The modules of the SDK that tell spans what happens."""

LOG: Final = "log"
"""The name of the logger in each of them."""


class PassingLog:
    """The SDK's `log`, which raises the exception that is being handled if that is the program's."""

    def __init__(self, log: Any) -> None:
        self._log = log

    def debug(self, *args: Any, **kwargs: Any) -> None:
        """Log, unless the SDK is about to swallow the program's exception.

        Raises:
            BaseException: That exception.
        """
        _let_out()
        self._log.debug(*args, **kwargs)

    def warning(self, *args: Any, **kwargs: Any) -> None:
        """The same for a warning.

        Raises:
            BaseException: That exception.
        """
        _let_out()
        self._log.warning(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "_log"), name)


def _let_out() -> None:
    error = sys.exception()
    if error is not None:
        found = programs_exception(error, sys._getframe(2))  # noqa: SLF001  the SDK's frame, which has caught it
        if found is not None:
            raise found
