"""Texts and blocks in the messages of Claude Code's lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

__all__ = ["blocks_of", "digest_of", "text_of"]


def blocks_of(content: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the blocks of a message's content; a text is one block."""
    if isinstance(content, str):
        yield {"type": "text", "text": content}
    elif isinstance(content, list):
        yield from (block for block in content if isinstance(block, dict))


def text_of(content: Any) -> str:
    """Return the text of a message's or a tool result's content."""
    return "\n".join(block["text"] for block in blocks_of(content) if isinstance(block.get("text"), str))


def digest_of(text: str) -> str:
    """Return a short digest of `text`, empty for an empty text."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest() if text else ""
