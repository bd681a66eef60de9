"""The mode of content, ``TRACEKIT_CONTENT``, apart from what it takes to apply one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Literal, TypeAlias

__all__ = ["CONTENT_VARIABLE", "Content", "content_mode", "kept_arguments"]

CONTENT_VARIABLE = "TRACEKIT_CONTENT"

Content: TypeAlias = Literal["full", "metadata", "off"]


def content_mode() -> Content:
    """Return the mode that ``TRACEKIT_CONTENT`` sets. An invalid value keeps nothing, because less was wanted."""
    value = os.environ.get(CONTENT_VARIABLE, "full").strip().lower()
    if value in ("", "full"):
        return "full"
    return "metadata" if value == "metadata" else "off"


def kept_arguments(arguments: Sequence[str], content: Content) -> Sequence[str]:
    """Return a program's arguments; only its name where no content is kept, since a task's text may be among them."""
    return arguments if content == "full" else arguments[:1]
