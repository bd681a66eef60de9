"""Redaction before disk: each text that looks like a credential becomes a placeholder that names the rule.

Deterministic and idempotent: the same secret always becomes the same placeholder, and a placeholder matches no rule.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable

from tracekit.model.aws import are_frames, rewritten_frames
from tracekit.origin import pass_on
from tracekit.privacy.credential_rules import GROUPS, CredentialRule
from tracekit.privacy.memo import memo_key

__all__ = ["RULE_NAMES", "body_without_credentials", "is_plain", "redact", "redact_bytes"]

_TEXT_SIGNS = tuple((number, group.literal, re.compile(group.sign, re.ASCII)) for number, group in enumerate(GROUPS))
_BYTE_SIGNS = tuple(
    (number, group.literal.encode(), re.compile(group.sign.encode())) for number, group in enumerate(GROUPS)
)
_MOST_PASSES = 4
_WINDOW = 1 << 14
_OVERLAP = 128
"""Longer than any sign with all that it looks at."""
_MOST_KNOWN = 1 << 14

RULE_NAMES: tuple[str, ...] = tuple(dict.fromkeys(rule.name for group in GROUPS for rule in group.rules))
"""The names of the rules, as a journal's header lists them."""


def redact(text: str) -> str:
    """Return `text`, JSON or plain, with a placeholder for each credential in it."""
    if len(text) >= _WINDOW:
        return redact_bytes(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
    for _ in range(_MOST_PASSES):
        groups = [number for number, literal, sign in _TEXT_SIGNS if literal in text and sign.search(text)]
        redacted = _redacted(text, groups) if groups else text
        if redacted == text:
            break
        # Where a placeholder ends, another credential may begin that was part of a longer word before.
        text = redacted
    return text


def redact_bytes(data: bytes) -> bytes:
    """Return `data` after `redact`: UTF-8, or anything in which ASCII stands for itself."""
    for _ in range(_MOST_PASSES):
        groups = _groups_in(data)
        if not groups:
            break
        text = data.decode("utf-8", "surrogateescape")
        redacted = _redacted(text, groups)
        if redacted == text:
            break
        data = redacted.encode("utf-8", "surrogateescape")
    return data


def is_plain(lines: bytes) -> bool:
    """Return whether nothing in `lines` is to be redacted; False where only each text by itself can tell.

    No credential goes over a line's end, nor does one depend on the line before. A body stands first: what is known of a
    long one is known by its place.
    """
    return not are_frames(lines) and redact_bytes(lines) == lines


def body_without_credentials(body: bytes) -> bytes:
    """Return `body`, of a request or of a response, with a placeholder for each credential."""
    return rewritten_frames(body, redact_bytes) if are_frames(body) else redact_bytes(body)


def _redacted(text: str, groups: Iterable[int]) -> str:
    for number in groups:
        for rule in GROUPS[number].rules:
            text = _widened(rule, text) if rule.before else rule.pattern.sub(rule.put, text)
    return text


def _widened(rule: CredentialRule, text: str) -> str:
    """Replace the matches of `rule` with the characters before them."""
    parts: list[str] = []
    at = 0
    for match in rule.pattern.finditer(text):
        parts += text[at : max(at, match.start() - rule.before)], str(rule.put)
        at = match.end()
    return "".join((*parts, text[at:]))


# ── the same text again ──────────────────────────────────────────────────────────────────────────────────────────────

_known: OrderedDict[int, frozenset[int]] = OrderedDict()
"""By their keys, the groups whose signs are in windows of text.

A conversation sends its history again with each turn, and grows at its end.
"""


def _groups_in(data: bytes) -> Iterable[int]:
    if len(data) < 2 * _WINDOW:
        return _signs_in(data)
    found: set[int] = set()
    for start in range(0, len(data), _WINDOW):
        window = data[start : start + _WINDOW + _OVERLAP]
        key = memo_key(window)
        groups = _known.get(key)
        if groups is None:
            groups = _known[key] = frozenset(_signs_in(window))
            if len(_known) > _MOST_KNOWN:
                _forget_oldest()
        found |= groups
    return sorted(found)


def _forget_oldest() -> None:
    try:
        _known.popitem(last=False)
    except KeyError as error:
        pass_on(error)
        """Another thread has just forgotten it."""


def _signs_in(data: bytes) -> list[int]:
    return [number for number, literal, sign in _BYTE_SIGNS if literal in data and sign.search(data)]
