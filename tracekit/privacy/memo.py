"""Keys under which the result for a text that comes again is kept.

A key is Python's hash of the text after a secret of this process. Without the secret, whoever knows the process's hash
seed, which a recording's header may hold, could write a text with the key of another, and have that one's result.
"""

from __future__ import annotations

import os

__all__ = ["memo_key"]

_SECRET = os.urandom(16)
_SECRET_TEXT = _SECRET.hex()


def memo_key(text: str | bytes) -> int:
    """Return the key of `text` in this process."""
    return hash(_SECRET_TEXT + text) if isinstance(text, str) else hash(_SECRET + text)
