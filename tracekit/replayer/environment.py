"""The environment of the processes that a replayed program starts: an API address, and proxies, that lead nowhere.

What the program itself reads, `os.environ`, stays as it is, since its tools may need a proxy. What the C library hands
to children, however they are started, is closed apart from it by `os.putenv`.

Only the standard library is needed here, since closed child processes load this module as they start.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

__all__ = [
    "CLOSED_VARIABLE",
    "CLOSED_VARIABLES",
    "NOWHERE",
    "Closing",
    "api_hosts",
    "closed_environment",
    "open_environment",
    "own_values",
    "shut_environment",
]

CLOSED_VARIABLE: Final = "TRACEKIT_CLOSED"
"""The variable that names the hosts that a Python process, not replayed itself, must not reach."""

NOWHERE: Final = "http://127.0.0.1:9"
"""The address that replaces the API's addresses."""

_NO_PROXY = "http://127.0.0.1:1"
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
_NO_PROXIES = ("NO_PROXY", "no_proxy")
_BASE_URLS = (
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_AWS_BASE_URL",
    "ANTHROPIC_BEDROCK_BASE_URL",
    "ANTHROPIC_BEDROCK_MANTLE_BASE_URL",
    "ANTHROPIC_FOUNDRY_BASE_URL",
    "ANTHROPIC_GOOGLE_CLOUD_BASE_URL",
    "ANTHROPIC_VERTEX_BASE_URL",
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
)
_KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AWS_API_KEY", "ANTHROPIC_FOUNDRY_API_KEY", "AWS_BEARER_TOKEN_BEDROCK")
_TOKENS = ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_FOUNDRY_RESOURCE")
"""Removed variables: the SDK accepts no token beside a key, and no resource beside an address."""

CLOSED_VARIABLES: Final = (*_PROXIES, *_NO_PROXIES, *_BASE_URLS, *_KEYS, *_TOKENS)
"""The variables that hold the API's address and credentials."""

_HOOK = str(Path(__file__).resolve().parent.parent / "hook")


class Closing(NamedTuple):
    """The hosts that no process may reach, each as ``scheme://host:port``; every host if `everything`.

    `folder` is where a process that is not replayed notes what it asked.
    """

    hosts: tuple[str, ...]
    everything: bool = False
    folder: str = ""

    def dumps(self) -> str:
        """Return the closing as the text of an environment variable."""
        return json.dumps(self, separators=(",", ":"))

    @classmethod
    def loads(cls, text: str) -> Closing:
        """Read the text that `dumps` wrote."""
        hosts, everything, folder = json.loads(text)
        return cls(tuple(hosts), everything, folder)


def closed_environment(environment: Mapping[Any, Any], closing: Closing | None = None) -> dict[str, Any]:
    """Return `environment`, whose names may be bytes, with addresses of the API, and proxies, that lead nowhere.

    With `closing`, Python processes refuse these hosts by themselves, too.
    """
    closed = {os.fsdecode(name): value for name, value in environment.items()}
    for name, value in _closed_values(closed, closing).items():
        if value is None:
            closed.pop(name, None)
        else:
            closed[name] = value
    return closed


def _closed_values(environment: Mapping[str, Any], closing: Closing | None) -> dict[str, str | None]:
    values: dict[str, str | None] = dict.fromkeys((*_NO_PROXIES, *_TOKENS))
    values |= dict.fromkeys(_PROXIES, _NO_PROXY)
    # The path is part of what a request is matched by.
    values |= {name: NOWHERE + urlsplit(_text(environment.get(name))).path.rstrip("/") for name in _BASE_URLS}
    values |= {name: "replayed" for name in _KEYS if name == "ANTHROPIC_API_KEY" or name in environment}
    if closing is not None:
        values[CLOSED_VARIABLE] = closing.dumps()
        path = _text(environment.get("PYTHONPATH"))
        if _HOOK not in path.split(os.pathsep):
            values["PYTHONPATH"] = os.pathsep.join(filter(None, [_HOOK, path]))
    return values


def _text(value: Any) -> str:
    return os.fsdecode(value) if value is not None else ""


def own_values(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of `environment` that `closed_environment` changes."""
    return {name: environment[name] for name in CLOSED_VARIABLES if name in environment}


def api_hosts(environment: Mapping[str, str]) -> set[str]:
    """Return the hosts of the API that `environment` names."""
    found = set()
    for name in _BASE_URLS:
        parts = urlsplit(environment.get(name, ""))
        if parts.hostname:
            found.add(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")
    return found - {NOWHERE}


def shut_environment(closing: Closing) -> None:
    """Close the environment that the C library passes to processes that this one starts."""
    _put(_closed_values(os.environ, closing))


def open_environment() -> None:
    """Pass `os.environ` to the processes that this one starts, as without a replay."""
    _put({name: os.environ.get(name) for name in (*CLOSED_VARIABLES, CLOSED_VARIABLE, "PYTHONPATH")})


def _put(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.unsetenv(name)
        else:
            os.putenv(name, value)


def names_of(texts: Iterable[str]) -> list[str]:
    """Return the closed variables that `texts`, such as ``NAME=value``, set."""
    return [name for text in texts if (name := text.partition("=")[0]) in CLOSED_VARIABLES]
