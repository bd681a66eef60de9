"""Texts of models, tools and programs, made fit for pages that others open."""

from __future__ import annotations

import sys

from tracekit.model.text import printable

__all__ = ["safe_text"]


def safe_text(text: str) -> str:
    """Return `text` with its line breaks and tabs, and a visible stand-in for each further control character."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join("\t".join(printable(part, most=sys.maxsize) for part in line.split("\t")) for line in lines)
