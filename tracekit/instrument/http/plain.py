"""Counts the requests that go through Python's own HTTP client: those of requests, urllib3, boto3 and urllib, too."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from tracekit.instrument.guard import guarded
from tracekit.instrument.http.addresses import asks_claude, is_candidate, shown_host
from tracekit.instrument.http.callers import caller
from tracekit.instrument.recorder import active
from tracekit.instrument.sdk.current import current_call

__all__ = ["end_headers"]

_VERSION = b"anthropic-version:"


def end_headers(original: Callable[..., Any]) -> Callable[..., Any]:
    """`HTTPConnection.endheaders`, which sends a request: its head is complete by then."""

    @functools.wraps(original)
    def endheaders(connection: Any, *args: Any, **kwargs: Any) -> Any:
        recorder = active()
        if recorder is not None and recorder.upstream.is_live and current_call() is None:
            _look(connection)
        return original(connection, *args, **kwargs)

    return endheaders


@guarded
def _look(connection: Any) -> None:
    # The lines of the head. botocore reads them in the same place.
    lines = connection._buffer  # noqa: SLF001  see above
    method, _, rest = lines[0].partition(b" ")
    address = urlsplit(rest.partition(b" ")[0].decode("latin-1"))
    if method != b"POST" or not is_candidate(address.path.rstrip("/")):
        return
    # Where a proxy is asked, it is told the host: in the address, or before by CONNECT.
    host = address.hostname or getattr(connection, "_tunnel_host", None) or connection.host
    port = address.port or getattr(connection, "_tunnel_port", None) or connection.port
    has_version = any(line.lower().startswith(_VERSION) for line in lines)
    recorder = active()
    if recorder is not None and asks_claude(host, address.path, has_version=has_version):
        recorder.missed(caller(), shown_host(host, port))
