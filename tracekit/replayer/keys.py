"""What makes two requests the same: their keys are equal.

A key is a SHA-256 over the method, the path without the host, the query, the sorted beta features, and the body after
redaction and after what is to be ignored has been taken out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from tracekit.errors import ReplayError
from tracekit.journal.own_rules import OwnRules
from tracekit.journal.redact import redact, redact_bytes
from tracekit.model.events import Request, SpanBegin

__all__ = ["Keys"]

_BOUNDARY = re.compile(r'boundary="?([^";]+)')
_STEP = re.compile(r"\[(\*|-?\d+)\]|\.?([^.\[\]]+)")
_GONE = "(ignored)"


class Keys:
    r"""Makes keys by the rules of one recording.

    Args:
        ignore: Places that are no part of a request: paths such as ``metadata.user_id`` or
            ``messages[*].content[0].text``, in which ``*`` is any name or number, and regular expressions between
            slashes, ``/run \\d+/``, whose matches in texts are passed over.
        redaction: What the recording's header says of its rules; those of the user come with their patterns.

    Attributes:
        rules: The user's own rules of redaction.

    Raises:
        ReplayError: One of `ignore` is neither, or a rule of `redaction` is no regular expression.
    """

    def __init__(self, ignore: Iterable[str] = (), redaction: Iterable[Any] = ()) -> None:
        entries = list(ignore)
        self._patterns = [_pattern(entry) for entry in entries if entry.startswith("/")]
        self._paths = [_path(entry) for entry in entries if not entry.startswith("/")]
        self.rules = OwnRules({rule["name"]: _own_rule(rule) for rule in redaction if isinstance(rule, dict)})

    def redacted(self, request: Request) -> Request:
        """`request` as it would have been recorded."""
        event = self.rules.over(SpanBegin("", None, "attempt", "", 0, "", request=request))
        kept = event.request if isinstance(event, SpanBegin) else None
        kept = kept or request
        body = None if kept.body is None else redact_bytes(kept.body)
        return Request(kept.method, kept.host, redact(kept.path), redact(kept.query), kept.headers, body)

    def key(self, request: Request, digest: str = "") -> str:
        """The key of `request`, which is redacted; `digest` is the SHA-256 of its body in hex, where that is known."""
        betas = ",".join(
            sorted(filter(None, (each.strip() for each in request.headers.get("anthropic-beta", "").split(","))))
        )
        head = f"{request.method.upper()}\n{request.path}\n{request.query}\n{betas}\n"
        if not digest or self._paths or self._patterns or _BOUNDARY.search(request.headers.get("content-type", "")):
            digest = sha256(self._body(request)).hexdigest()
        return sha256(f"{head}{digest}".encode()).hexdigest()

    def shown(self, request: Request) -> Any:
        """The body of `request` as JSON, without what is ignored; its text if it is none."""
        body = request.body or b""
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            return body.decode("utf-8", "replace")
        return self._without_ignored(value)

    def _body(self, request: Request) -> bytes:
        body = request.body or b""
        boundary = _BOUNDARY.search(request.headers.get("content-type", ""))
        if boundary is not None:
            # httpx makes up a new one for each request.
            body = body.replace(boundary[1].encode(), b"boundary")
        if not self._paths and not self._patterns:
            return body
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            return self._text(body.decode("utf-8", "replace")).encode()
        return json.dumps(self._without_ignored(value), ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8", "surrogatepass"
        )

    def _without_ignored(self, value: Any) -> Any:
        for path in self._paths:
            value = _without(value, path)
        return self._texts(value) if self._patterns else value

    def _texts(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return [self._texts(item) for item in value]
        if isinstance(value, dict):
            return {name: self._texts(item) for name, item in value.items()}
        return value

    def _text(self, text: str) -> str:
        for pattern in self._patterns:
            text = pattern.sub(_GONE, text)
        return text


def _own_rule(rule: Mapping[str, str]) -> re.Pattern[str]:
    try:
        return re.compile(rule["pattern"])
    except (re.error, RecursionError, OverflowError) as error:
        raise ReplayError(
            f"the recording's rule of redaction {rule['name']!r} is no regular expression: {error}; without it, what the "
            "program asks cannot be compared with the recording"
        ) from error


def _pattern(entry: str) -> re.Pattern[str]:
    problem = "it does not end with a slash"
    if len(entry) > 2 and entry.endswith("/"):
        try:
            return re.compile(entry[1:-1])
        except (re.error, RecursionError, OverflowError) as error:
            problem = str(error)
    raise ReplayError(f"{entry!r} cannot be ignored: {problem}; a pattern stands between slashes, as in '/run \\d+/'")


def _path(entry: str) -> list[str]:
    text = entry.removeprefix("$").removeprefix(".")
    steps: list[str] = []
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            break
        steps.append(match[1] or match[2])
        at = match.end()
    if not steps or at < len(text):
        raise ReplayError(
            f"{entry!r} cannot be ignored: it is no path such as 'metadata.user_id' or 'messages[0].content'; "
            "a pattern stands between slashes, as in '/run \\d+/'"
        )
    return steps


def _without(value: Any, path: Sequence[str]) -> Any:
    """`value`, in which a placeholder stands for whatever is at `path`."""
    if not path:
        return _GONE
    step, rest = path[0], path[1:]
    if isinstance(value, dict):
        return {name: _without(item, rest) if step in ("*", name) else item for name, item in value.items()}
    if isinstance(value, list):
        numbers = {str(number) for number in range(len(value))}
        wanted = step if step in ("*", *numbers) or not step.startswith("-") else str(len(value) + int(step))
        return [_without(item, rest) if wanted in ("*", str(number)) else item for number, item in enumerate(value)]
    return value
