"""The points of the SDK that tracekit hooks into, and what it expects of each.

`request` is public; the others are private to the SDK, so each release may move them. `missing` tells which did, by
name, for the drift test and for a clear error at run time.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType

from tracekit.errors import UnsupportedSdkError

__all__ = ["POINTS", "check", "missing", "missing_in_installed"]

POINTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    # (class in anthropic._base_client, attribute, parameters that are used)
    ("BaseClient", "_tracer", ()),  # the tracer of the SDK's own spans: calls, tool runners, tools
    ("BaseClient", "_build_request", ("options", "retries_taken")),  # the bytes that are sent
    ("BaseClient", "_calculate_retry_timeout", ()),  # the wait before the next attempt, in seconds
    ("SyncAPIClient", "_request", ("cast_to", "options", "call")),  # one call, all its attempts
    ("AsyncAPIClient", "_request", ("cast_to", "options", "call")),
    ("SyncAPIClient", "_attempt_request", ("options", "stream", "retries_taken", "call")),  # one attempt
    ("AsyncAPIClient", "_attempt_request", ("options", "stream", "retries_taken", "call")),
)


def missing(base_client: ModuleType) -> list[str]:
    """The points that `base_client` (the module ``anthropic._base_client``) lacks, as ``Class.attribute``."""
    lacking: list[str] = []
    for class_name, attribute, parameters in POINTS:
        # Of the class itself: a hook in a base class would reach more than is meant.
        point = vars(getattr(base_client, class_name, object)).get(attribute)
        if point is None or not set(parameters) <= _parameters(point):
            lacking.append(f"{class_name}.{attribute}")
    return lacking


def missing_in_installed() -> list[str]:
    """The points that the installed SDK lacks. Takes the seconds that importing it takes.

    Raises:
        ImportError: None is installed.
    """
    from anthropic import _base_client  # noqa: PLC0415  see above

    return missing(_base_client)


def check(base_client: ModuleType, version: Callable[[], str]) -> None:
    """Do nothing if `base_client` has every point.

    Raises:
        UnsupportedSdkError: It lacks one.
    """
    lacking = missing(base_client)
    if lacking:
        raise UnsupportedSdkError(
            f"anthropic {version()} has no {', '.join(lacking)}, which tracekit reads to record calls; nothing is "
            'recorded. A version that works: pip install "anthropic>=2.12,<3", or a newer tracekit-agents.'
        )


def _parameters(point: object) -> set[str]:
    function = point.fget if isinstance(point, property) else point
    return set(inspect.signature(function).parameters) if callable(function) else set()
