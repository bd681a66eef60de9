"""Connections over HTTP that end when no request comes, so that idle ones do not keep other senders out."""

from __future__ import annotations

from asyncio import Transport
from typing import Any

from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["BoundedConnection"]

_IDLE_S = 30.0
"""Seconds without a whole head of a request. Between requests, the server's own limit is shorter."""


class BoundedConnection(H11Protocol):
    """A connection that is closed when no request begins for a while, whatever pieces of one have come."""

    @override
    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # it is one
        super().connection_made(transport)
        self.loop.call_later(_IDLE_S, self._look, None)

    def _look(self, before: Any) -> None:
        """Close the connection if its newest request is that of the last look, and is answered."""
        if self.transport.is_closing():
            return
        if self.cycle is before and (self.cycle is None or self.cycle.response_complete):
            self.transport.close()
            return
        self.loop.call_later(_IDLE_S, self._look, self.cycle)
