"""Puts the hooks into HTTP clients when these are imported, and takes them out again."""

from __future__ import annotations

from types import ModuleType

from tracekit.instrument.importing import when_imported
from tracekit.instrument.replaced import Replaced

__all__ = ["hook", "is_hooked", "unhook"]

_replaced = Replaced()


class _HookSwitch:
    """The switch that turns the hooks on; HTTP clients may be imported before or after it."""

    is_on = False


def hook() -> None:
    """Hook into the HTTP clients, those that are loaded and those to come. Harmless twice."""
    if _HookSwitch.is_on:
        return
    _HookSwitch.is_on = True
    when_imported("http.client", _hook_plain)
    for library in ("httpx", "httpx2"):
        when_imported(library, _hook_client)
    when_imported("aiohttp", _hook_aiohttp)


def is_hooked() -> bool:
    """Return whether the HTTP clients are hooked, or will be once they are imported."""
    return _HookSwitch.is_on


def unhook() -> None:
    """Restore the clients' own methods."""
    _HookSwitch.is_on = False
    _replaced.restore()


def _hook_client(module: ModuleType) -> None:
    if _HookSwitch.is_on:
        from tracekit.instrument.http.clients import send, send_async  # noqa: PLC0415  loads with the client

        _replaced.replace(module.Client, "send", send)
        _replaced.replace(module.AsyncClient, "send", send_async)


def _hook_aiohttp(module: ModuleType) -> None:
    if _HookSwitch.is_on and hasattr(module.ClientSession, "_request") and hasattr(module, "ClientMiddlewareType"):
        from tracekit.instrument.http.aio import request  # noqa: PLC0415  loads with the client

        _replaced.replace(module.ClientSession, "_request", request)


def _hook_plain(module: ModuleType) -> None:
    if _HookSwitch.is_on:
        from tracekit.instrument.http.plain import end_headers  # noqa: PLC0415  loads with the client

        _replaced.replace(module.HTTPConnection, "endheaders", end_headers)
