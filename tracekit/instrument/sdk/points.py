"""The points of the SDK that tracekit hooks into, by generation of the SDK, and what it expects of each.

`request` is public; the others are private to the SDK, so each release may move them. `missing` tells which did, by
name, for the drift test and for a clear error at run time.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Final

from tracekit.errors import UnsupportedSdkError

__all__ = [
    "ATTEMPTING",
    "GENERATIONS",
    "SENDING",
    "SUPPORTED",
    "TRACING",
    "Generation",
    "check",
    "generation_of",
    "generation_of_installed",
    "missing",
]

SUPPORTED: Final = "anthropic>=0.70,<3"
"""The releases of the SDK that are recorded, as `pip` takes it."""


@dataclass(frozen=True)
class Generation:
    """Releases of the SDK that have the same points.

    Attributes:
        versions: The releases, for people.
        says: How their calls are seen, for people.
        points: Each a class in ``anthropic._base_client``, an attribute, and the parameters of it that are used.
    """

    versions: str
    says: str
    points: tuple[tuple[str, str, tuple[str, ...]], ...]


_SHARED: Final = (
    ("BaseClient", "_build_request", ("options", "retries_taken")),  # the bytes that are sent
    ("BaseClient", "_calculate_retry_timeout", ()),  # the wait before the next attempt, in seconds
)

TRACING: Final = Generation(
    "1.14 and later",
    "its span is the one LLM span of a call",
    (
        ("BaseClient", "_tracer", ()),  # the tracer of the SDK's own spans: calls, tool runners, tools
        *_SHARED,
        ("SyncAPIClient", "_request", ("cast_to", "options", "call")),  # one call, all its attempts
        ("AsyncAPIClient", "_request", ("cast_to", "options", "call")),
        ("SyncAPIClient", "_attempt_request", ("options", "stream", "retries_taken", "call")),  # one attempt
        ("AsyncAPIClient", "_attempt_request", ("options", "stream", "retries_taken", "call")),
    ),
)

ATTEMPTING: Final = Generation(
    "0.108 to 1.13",
    "it makes no spans, so the LLM span of a call is tracekit's",
    (
        *_SHARED,
        ("SyncAPIClient", "request", ("cast_to", "options")),
        ("AsyncAPIClient", "request", ("cast_to", "options")),
        ("SyncAPIClient", "_attempt_request", ("options", "stream", "retries_taken")),
        ("AsyncAPIClient", "_attempt_request", ("options", "stream", "retries_taken")),
    ),
)

SENDING: Final = Generation(
    "0.70 to 0.107",
    ATTEMPTING.says,
    (
        *_SHARED,
        # It does everything from the preparation of the options to `self._client.send`, which is where an attempt is seen.
        ("SyncAPIClient", "request", ("cast_to", "options")),
        ("AsyncAPIClient", "request", ("cast_to", "options")),
        ("SyncAPIClient", "_prepare_options", ("options",)),  # a replay fetches no token there
        ("AsyncAPIClient", "_prepare_options", ("options",)),
        ("SyncAPIClient", "_prepare_request", ("request",)),  # a replay signs nothing
        ("AsyncAPIClient", "_prepare_request", ("request",)),
    ),
)

GENERATIONS: Final = (TRACING, ATTEMPTING, SENDING)


def generation_of(base_client: ModuleType) -> Generation:
    """Return the generation of `base_client`, the module ``anthropic._base_client``; the newest where in doubt."""
    sync_client = vars(getattr(base_client, "SyncAPIClient", object))
    if "request" not in sync_client or "_request" in sync_client or "_tracer" in vars(base_client.BaseClient):
        return TRACING
    return ATTEMPTING if "_attempt_request" in sync_client else SENDING


def missing(base_client: ModuleType) -> list[str]:
    """Return the points of its generation that `base_client` lacks, as ``Class.attribute``."""
    lacking: list[str] = []
    for class_name, attribute, parameters in generation_of(base_client).points:
        # Of the class itself: a hook in a base class would reach more than is meant.
        point = vars(getattr(base_client, class_name, object)).get(attribute)
        if point is None or not set(parameters) <= _parameters(point):
            lacking.append(f"{class_name}.{attribute}")
    return lacking


def generation_of_installed() -> tuple[Generation, list[str]]:
    """Return the generation of the installed SDK, and the points that it lacks. Imports the SDK, which takes seconds.

    Raises:
        ImportError: None is installed.
    """
    from anthropic import _base_client  # noqa: PLC0415  see above

    return generation_of(_base_client), missing(_base_client)


def check(base_client: ModuleType, version: Callable[[], str]) -> Generation:
    """Return the generation of `base_client` if it has every point.

    Raises:
        UnsupportedSdkError: It lacks one.
    """
    lacking = missing(base_client)
    if lacking:
        raise UnsupportedSdkError(
            f"anthropic {version()} has no {', '.join(lacking)}, which tracekit hooks into to record calls. A version that "
            f'works: pip install "{SUPPORTED}", or a newer tracekit-agents'
        )
    return generation_of(base_client)


def _parameters(point: object) -> set[str]:
    function = point.fget if isinstance(point, property) else point
    return set(inspect.signature(function).parameters) if callable(function) else set()
