"""Keep the log messages of OpenTelemetry's libraries, while they work for tracekit, from the application's log."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tracekit.otlp.options import unreadable_limits

__all__ = ["loading", "log_capture", "reason_of"]

_RESOURCES = "opentelemetry.sdk.resources"
"""The logger of a module that old releases of OpenTelemetry use while they are imported, in threads of their own."""


class _LogCapture(logging.Filter):
    """Keep what the exporter's libraries log while they work for tracekit; tracekit reports it once, in its own words."""

    def __init__(self) -> None:
        super().__init__()
        self._heard: dict[int, list[str]] = {}

    def attach(self) -> None:
        """Listen to every logger of theirs. Harmless twice."""
        for name in list(logging.root.manager.loggerDict):
            if name.startswith(("opentelemetry.", "urllib3.", "grpc")):
                logging.getLogger(name).addFilter(self)

    @contextmanager
    def capture(self) -> Iterator[list[str]]:
        """Keep what this thread logs; the list grows meanwhile."""
        thread = threading.get_ident()
        before, heard = self._heard.get(thread), []  # type: tuple[list[str] | None, list[str]]
        self._heard[thread] = heard
        try:
            yield heard
        finally:
            if before is None:
                self._heard.pop(thread, None)
            else:
                self._heard[thread] = before

    def filter(self, record: logging.LogRecord) -> bool:
        heard = self._heard.get(threading.get_ident())
        if heard is None:
            return True
        if record.levelno >= logging.WARNING:
            heard.append(record.getMessage())
        return False


log_capture = _LogCapture()
os.register_at_fork(after_in_child=log_capture._heard.clear)  # noqa: SLF001  the module's own


@contextmanager
def loading() -> Iterator[None]:
    """Keep the log of OpenTelemetry's SDK while it is imported; the SDK logs the same when it is used.

    Raises:
        ValueError: The SDK cannot be imported with a limit that a variable sets; the message names the variable.
    """
    logger = logging.getLogger(_RESOURCES)
    logger.addFilter(_drop)
    try:
        yield
    except ValueError as error:
        raise ValueError("; ".join(unreadable_limits(os.environ)) or str(error)) from error
    finally:
        logger.removeFilter(_drop)


def _drop(_: logging.LogRecord) -> bool:
    return False


_TELLS_NOTHING = ("due to timeout, max retries", "Shutdown in progress", "already shutdown")
_TELLS_LITTLE = ("DEADLINE_EXCEEDED",)
"""What is said at the end of the time for tries whose own failures tell more."""
_VERBOSE = re.compile(r"HTTPS?Connection(?:Pool)?\(.*?\): (?:Max retries exceeded with url: \S+ \(Caused by )?")


def reason_of(heard: Sequence[str]) -> str:
    """Return the exporter's last useful message, shortened."""
    telling = [each for each in heard if not any(part in each for part in _TELLS_NOTHING)]
    telling = [each for each in telling if not any(part in each for part in _TELLS_LITTLE)] or telling
    last = telling[-1] if telling else "it does not respond, or not in time"
    last = re.sub(
        r"^Transient error (.*) encountered while exporting .*?, retrying in [\d.]+s\.\s*",
        r"\1 ",
        last,
        flags=re.DOTALL,
    )
    last = re.sub(r"^Failed to export \w+ batch code: (\S+), reason: ", r"\1 ", last).removeprefix("None ")
    last = re.sub(
        r"^Failed to export \w+ to \S+, error code: (?:StatusCode\.)?(\w+)(?:, error details:|$) ?", r"\1 ", last
    )
    last = _VERBOSE.sub("", last).strip()
    return re.sub(r'^\w+Error\("(.*)"\)+$', r"\1", last)[:300]
