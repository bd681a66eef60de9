"""Text that looks like a credential in a recording that is about to leave the machine.

Stricter than redaction: beside the rules of redaction it knows the names that people give to secrets. A wrong guess
costs a second look here, where in redaction it would cost a recording its truth.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tracekit.privacy.credentials import redact
from tracekit.privacy.joined import spelled_out
from tracekit.privacy.pipeline import Privacy
from tracekit.privacy.texts import json_body

__all__ = ["own_suspects_in", "suspects_in", "suspects_in_pieces"]

_NAMED = re.compile(
    r"(?i)(?<![a-z0-9])(?:api_?key|secret(?:_?key)?|access_?key|auth_?token|token|passw(?:or)?d|private_?key)"
    r"\\{0,8}[\"']?\s{0,20}[:=]\s{0,20}\\{0,8}[\"']?(?P<value>[A-Za-z0-9_\-/+=.~!@#$%^&*]{12,})"
)
_PREFIX = re.compile(r"(?:[A-Za-z0-9]+_)+\Z")
_LONGEST_PREFIX = 40


def suspects_in(text: str) -> Iterator[str]:
    """Yield the begin of each suspicious place of `text` (JSON or plain), as far as it may be shown."""
    redacted = redact(text)
    if redacted != text:
        yield from (f"a {name}" for name in re.findall(r"\[redacted:([a-z0-9-]+)\]", redacted))
    for match in _NAMED.finditer(redacted):
        value = match["value"]
        # A word or a number is a name or a count, not a secret.
        if re.search(r"[A-Za-z]", value) and re.search(r"\d", value):
            before = redacted[max(0, match.start() - _LONGEST_PREFIX) : match.start()]
            prefix = _PREFIX.search(before)
            yield f"{prefix[0] if prefix else ''}{match[0][: match.start('value') - match.start()]}{value[:3]}…"


def suspects_in_pieces(pieces: Sequence[bytes]) -> Iterator[str]:
    """Yield the suspicious places of the text that the `pieces` of a stream spell out together."""
    return suspects_in(spelled_out(b"".join(pieces)).decode("utf-8", "replace"))


def own_suspects_in(line: bytes, privacy: Privacy) -> list[str]:
    """Name the user's rules that would have redacted the `line` of a journal: they are newer than the recording."""
    found: set[str] = set()

    def look(text: str) -> str:
        redacted = privacy.rules.text(text)
        if redacted != text:
            found.update(name for name in privacy.rules.patterns if f"[redacted:{name}" in redacted)
        return redacted

    if privacy.rules:
        json_body(line, look)
    return [f"a match of redact.{name}" for name in sorted(found)]
