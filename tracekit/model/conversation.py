"""Compare the messages of requests one by one, to find out which request continues which."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

__all__ = [
    "answer_signature",
    "blocks_of",
    "next_key",
    "prefix_keys",
    "previous_message_id",
]

_LONGEST_SIGNATURE = 64
_PIECE = 1 << 20
"""Characters that are encoded at a time."""


def prefix_keys(messages: Sequence[Any]) -> list[bytes]:
    """A key for each prefix of `messages`: two prefixes that say the same have the same key.

    Cache markers do not count, since an application moves them along as its conversation grows, and a plain string
    says the same as one text block.
    """
    keys: list[bytes] = []
    key = b""
    for message in messages:
        key = next_key(key, message)
        keys.append(key)
    return keys


def next_key(key: bytes, message: Any) -> bytes:
    """The key of a prefix that ends with `message`, after the prefix of `key`."""
    hashed = blake2b(key, digest_size=16)
    text = json.dumps(_said(message), sort_keys=True, separators=(",", ":"), default=str)
    for start in range(0, len(text), _PIECE):
        hashed.update(text[start : start + _PIECE].encode("utf-8", "surrogatepass"))
    return hashed.digest()


def _said(message: Any) -> Any:
    if not isinstance(message, Mapping):
        return message
    return [message.get("role"), [_without_cache(block) for block in blocks_of(message.get("content"))]]


def _without_cache(block: Any) -> Any:
    if isinstance(block, Mapping) and "cache_control" in block:
        return {key: value for key, value in block.items() if key != "cache_control"}
    return block


def blocks_of(content: Any) -> list[Any]:
    """A message's content as blocks: a plain string is one text block."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return list(content) if isinstance(content, Iterable) and not isinstance(content, Mapping) else []


def answer_signature(content: Any) -> str:
    """Return a text that identifies a response: the ids of its tool calls, else its text; "" without either."""
    blocks = [block for block in blocks_of(content) if isinstance(block, Mapping)]
    ids = [str(block.get("id")) for block in blocks if block.get("type") == "tool_use"]
    if ids:
        return "tools:" + ",".join(ids)
    text = "".join(str(block.get("text", "")) for block in blocks if block.get("type") == "text").strip()
    if len(text) > _LONGEST_SIGNATURE:
        # Signatures are kept for many answers, so that a long text is told by its digest.
        text = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"text:{text}" if text else ""


def previous_message_id(body: Mapping[str, Any]) -> str | None:
    """The id of the answer that the request continues, where the server holds the thread of messages."""
    thread = body.get("thread")
    if isinstance(thread, Mapping) and thread.get("type") == "continue":
        previous = thread.get("previous_message_id")
        return previous if isinstance(previous, str) else None
    return None
