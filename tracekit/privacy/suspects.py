"""What looks like a credential in a recording that is about to leave the machine.

Stricter than redaction: beside the rules of redaction it knows the names that people give to secrets. A wrong guess
costs a second look here, where in redaction it would cost a recording its truth.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tracekit.privacy.credentials import redact

__all__ = ["suspects_in"]

_NAMED = re.compile(
    r"(?i)(?<![a-z0-9])(?:[a-z0-9]+_)*(?:api_?key|secret(?:_?key)?|access_?key|auth_?token|token|passw(?:or)?d|private_?key)"
    r"\\*[\"']?\s*[:=]\s*\\*[\"']?(?P<value>[A-Za-z0-9_\-/+=.~!@#$%^&*]{12,})"
)


def suspects_in(line: str) -> Iterator[str]:
    """What each suspicious place of `line` (JSON text) begins with, as far as it may be shown."""
    redacted = redact(line)
    if redacted != line:
        yield from (f"a {name}" for name in re.findall(r"\[redacted:([a-z-]+)\]", redacted))
    for match in _NAMED.finditer(redacted):
        value = match["value"]
        # A word or a number is a name or a count, not a secret.
        if re.search(r"[A-Za-z]", value) and re.search(r"\d", value):
            yield f"{match[0][: match.start('value') - match.start()]}{value[:3]}…"
