"""The API's rules for its prompt cache.

https://platform.claude.com/docs/en/build-with-claude/prompt-caching
"""

from __future__ import annotations

import re

__all__ = ["LOOK_BACK", "drops_thinking", "least_tokens"]

LOOK_BACK = 20
"""Places that are looked up from each marker backwards, the marker's own included."""

_LEAST = {
    512: ("fable-5", "mythos-5", "opus-5", "sonnet-5-5", "haiku-5-5"),
    1024: ("opus-4-8", "opus-4-1", "opus-4-0", "opus-4-20", "sonnet-5", "sonnet-4"),
    2048: ("mythos-preview", "opus-4-7", "haiku-3-5", "3-5-haiku"),
    4096: ("opus-4-6", "opus-4-5", "haiku-4-5"),
}
"""The least tokens of a prefix that is cached, and the beginnings of the models' names, without `claude-`."""

_UNKNOWN = 4096
"""The largest of them, for a model that is not listed."""

_KEEPS_THINKING = re.compile(r"(?:opus-(?:4-[5-9]|[5-9])|sonnet-(?:4-[6-9]|[5-9])|haiku-[5-9]|fable|mythos)")


def least_tokens(model: str) -> int:
    """Return the least number of tokens that a cached prefix for `model` needs; any platform's model id will do."""
    found = [(len(name), least) for least, names in _LEAST.items() for name in names if name in model]
    return max(found)[1] if found else _UNKNOWN


def drops_thinking(model: str) -> bool:
    """Return whether the API leaves out earlier thinking blocks once the user writes more than tool results."""
    return _KEEPS_THINKING.search(model) is None
