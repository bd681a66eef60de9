r"""Redaction before disk: what looks like a credential becomes a placeholder that names the rule.

Deterministic and idempotent: the same secret always becomes the same placeholder, and a placeholder matches no rule.
Rules work on JSON text as well as on plain text: what they take away holds no quote and no half of an escape, and a
line break before a credential may stand there as the two characters ``\n``.

A credential that a model's answer spells out over several events of a stream is not seen in any one of them.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tracekit.origin import pass_on

__all__ = ["RULE_NAMES", "redact", "redact_bytes"]

_WORD = r"[A-Za-z0-9_\-]"


class _Rule(NamedTuple):
    """What `pattern` matches is replaced by `kept` and the placeholder."""

    name: str
    pattern: re.Pattern[str]
    kept: str = ""


class _Group(NamedTuple):
    """Rules of which none can match where `sign` matches nothing.

    A sign begins with one literal character that is rare in prose, for which `re` uses the C library's search: so a
    large request without credentials costs a few passes at the speed of memory.
    """

    sign: str
    rules: tuple[_Rule, ...]


def _apart(start: str, inside: str = r"A-Za-z0-9") -> str:
    """A pattern for `start`, of fixed width, that is not the end of a longer word made of `inside`.

    It begins with the literal, which lets `re` look for it fast. An escape before it belongs to no word.
    """
    return rf"{start}(?:(?<![{inside}]{start})|(?<=\\[bfnrt]{start})|(?<=\\u[0-9A-Fa-f]{{4}}{start}))"


_PEM_END = r"-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----"
_PEM_LINES = r"(?:(?:\\+[nr]|\s)*[A-Za-z0-9+/=]{24,})+"

_GROUPS: tuple[_Group, ...] = (
    _Group(
        rf"-(?={_WORD}{{10}})(?:(?<=sk-)|(?<=sk-ant-)|(?<=glpat-)|(?<=xox[abeoprs]-))",
        (
            _Rule("anthropic-key", re.compile(rf"sk-ant-{_WORD}{{16,}}")),
            _Rule("openai-key", re.compile(rf"{_apart('sk-', 'A-Za-z0-9_-')}(?!ant-)(?=[A-Za-z_-]*\d){_WORD}{{32,}}")),
            _Rule("gitlab-token", re.compile(rf"glpat-{_WORD}{{20,}}")),
            _Rule("slack-token", re.compile(rf"{_apart('xox[abeoprs]-')}[A-Za-z0-9-]{{10,}}")),
        ),
    ),
    _Group(
        r"_(?=[A-Za-z0-9_]{10})(?:(?<=gh[pousr]_)|(?<=github_pat_)|(?<=[sr]k_live_))",
        (
            _Rule("github-token", re.compile(rf"{_apart('gh[pousr]_')}[A-Za-z0-9]{{36,}}")),
            _Rule("github-token", re.compile(r"github_pat_[A-Za-z0-9_]{22,}")),
            _Rule("stripe-key", re.compile(rf"{_apart('[sr]k_live_')}[A-Za-z0-9]{{16,}}")),
        ),
    ),
    _Group(
        rf"A(?:[KS]IA[A-Z0-9]{{16}}|Iza{_WORD}{{35}})",
        (
            _Rule("aws-access-key", re.compile(rf"{_apart('AKIA', 'A-Z0-9')}[A-Z0-9]{{16}}(?![A-Z0-9])")),
            _Rule("aws-session-key", re.compile(rf"{_apart('ASIA', 'A-Z0-9')}[A-Z0-9]{{16}}(?![A-Z0-9])")),
            _Rule("google-key", re.compile(rf"{_apart('AIza')}{_WORD}{{35}}")),
        ),
    ),
    _Group(
        rf"J(?<=eyJ){_WORD}{{8}}",
        (_Rule("jwt", re.compile(rf"{_apart('eyJ', 'A-Za-z0-9_-')}{_WORD}{{8,}}\.eyJ{_WORD}{{8,}}\.{_WORD}{{8,}}")),),
    ),
    _Group(
        r"earer [A-Za-z0-9_\-.~+/=]{16}",
        (_Rule("bearer", re.compile(r"earer (?<=[Bb]earer )[A-Za-z0-9_\-.~+/=]{16,}"), "earer "),),
    ),
    _Group(
        r"Y(?<=PRIVATE KEY)",
        (
            _Rule(
                "private-key",
                re.compile(
                    r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----"
                    rf"(?:[^\"]{{0,20000}}?{_PEM_END}|{_PEM_LINES})",
                    re.ASCII,
                ),
            ),
        ),
    ),
    _Group(
        r"@(?<=[^\s@/\"\\\[\]]{3}@)",
        (
            _Rule(
                "url-password",
                re.compile(r"://[A-Za-z0-9_.~%+-]{0,64}:[^\s@/\"\\\[\]]{3,256}(?=@)", re.ASCII),
                "://",
            ),
        ),
    ),
)
_TEXT_SIGNS = tuple(re.compile(group.sign, re.ASCII) for group in _GROUPS)
_BYTE_SIGNS = tuple(re.compile(group.sign.encode()) for group in _GROUPS)

RULE_NAMES: tuple[str, ...] = tuple(dict.fromkeys(rule.name for group in _GROUPS for rule in group.rules))
"""The names of the rules, as a journal's header lists them."""


def redact(text: str) -> str:
    """`text`, JSON or plain, with a placeholder for each credential in it."""
    while (redacted := _redacted(text)) != text:
        # Where a placeholder ends, another credential may begin that was part of a longer word before.
        text = redacted
    return text


def redact_bytes(data: bytes) -> bytes:
    """`redact` for bytes: UTF-8, or anything in which ASCII stands for itself."""
    for sign in _BYTE_SIGNS:
        if sign.search(data):
            break
    else:
        return data
    try:
        return redact(data.decode("utf-8")).encode("utf-8")
    except UnicodeDecodeError as error:
        pass_on(error)
        return redact(data.decode("latin-1")).encode("latin-1")


def _redacted(text: str) -> str:
    for sign, group in zip(_TEXT_SIGNS, _GROUPS, strict=True):
        if sign.search(text):
            for rule in group.rules:
                text = rule.pattern.sub(f"{rule.kept}[redacted:{rule.name}]", text)
    return text
