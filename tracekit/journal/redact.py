"""Redaction before disk: what looks like a credential becomes a placeholder that names the rule.

Deterministic and idempotent: the same secret always becomes the same placeholder, and a placeholder matches no rule.
Rules work on JSON text, so no pattern matches a quote, a backslash or a placeholder's brackets.
"""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["RULE_NAMES", "redact", "redact_bytes"]

_TOKEN = r"[A-Za-z0-9_\-]"

# (name, a text without which the pattern cannot match, pattern). The text is looked for first: it is what makes
# redaction of a large request cost next to nothing.
_RULES: tuple[tuple[str, str, re.Pattern[str]], ...] = (
    ("anthropic-key", "sk-ant-", re.compile(rf"sk-ant-{_TOKEN}{{16,}}")),
    ("openai-key", "sk-", re.compile(rf"(?<![A-Za-z0-9_\-])sk-(?!ant-)(?:proj-|svcacct-)?{_TOKEN}{{32,}}")),
    ("aws-access-key", "AKIA", re.compile(r"(?<![A-Z0-9])AKIA[A-Z0-9]{16}(?![A-Z0-9])")),
    ("aws-session-key", "ASIA", re.compile(r"(?<![A-Z0-9])ASIA[A-Z0-9]{16}(?![A-Z0-9])")),
    ("github-token", "gh", re.compile(r"(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{36,}")),
    ("github-token", "github_pat_", re.compile(r"github_pat_[A-Za-z0-9_]{22,}")),
    ("gitlab-token", "glpat-", re.compile(rf"glpat-{_TOKEN}{{20,}}")),
    ("slack-token", "xox", re.compile(r"(?<![A-Za-z0-9])xox[abprs]-[A-Za-z0-9\-]{10,}")),
    ("google-key", "AIza", re.compile(rf"(?<![A-Za-z0-9])AIza{_TOKEN}{{35}}")),
    ("stripe-key", "k_live_", re.compile(r"(?<![A-Za-z0-9])[sr]k_live_[A-Za-z0-9]{16,}")),
    ("jwt", "eyJ", re.compile(rf"(?<![A-Za-z0-9_\-])eyJ{_TOKEN}{{8,}}\.eyJ{_TOKEN}{{8,}}\.{_TOKEN}{{8,}}")),
    ("bearer", "earer ", re.compile(r"(?<=[Bb]earer )(?!\[redacted)[A-Za-z0-9_\-.~+/=]{16,}")),
    ("private-key", "PRIVATE KEY-----", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[^\"]*?-----END [A-Z ]*PRIVATE KEY-----")),
    ("url-password", "://", re.compile(r"(?<=://)[A-Za-z0-9_.\-]{1,64}:[^\s@/\"\\\[\]]{3,}(?=@)")),
)

RULE_NAMES: tuple[str, ...] = tuple(dict.fromkeys(name for name, _, _ in _RULES))
"""The names of the rules, as a journal's header lists them."""


def redact(text: str) -> str:
    """`text`, JSON or plain, with a placeholder for each credential in it."""
    for name, needle, pattern in _RULES:
        if needle in text:
            text = pattern.sub(_placeholder(name), text)
    return text


def redact_bytes(data: bytes) -> bytes:
    """`redact` for UTF-8; bytes that are not UTF-8 are returned as they are."""
    if not any(needle in data for needle in _NEEDLES):
        return data
    try:
        return redact(data.decode("utf-8")).encode("utf-8")
    except UnicodeDecodeError:
        return data


def _placeholder(name: str) -> Callable[[re.Match[str]], str]:
    return lambda _: f"[redacted:{name}]"


_NEEDLES = tuple(dict.fromkeys(needle.encode() for _, needle, _ in _RULES))
