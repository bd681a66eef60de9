"""Compute a key for each request; two requests are the same if their keys are equal.

A key is a SHA-256 over the method, the path without the host, the query, the sorted beta features, and the body after
redaction and without the ignored places.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from typing import Any

from tracekit.errors import ReplayError
from tracekit.model.events import Request
from tracekit.model.recording import Exchange
from tracekit.privacy import (
    Pattern,
    PatternError,
    PatternTimeoutError,
    RuleTimeoutError,
    is_withheld,
    recorded_privacy,
)

__all__ = ["Keys"]

_BOUNDARY = re.compile(r'boundary="?([^";]+)')
_STEP = re.compile(r"\[(\*|-?\d+)\]|\.?([^.\[\]]+)")
_GONE = "(ignored)"
_MOST_S = 2.0
"""Seconds of processor time that a pattern may take on one text."""


class Keys:
    r"""Computes keys by the rules of one recording.

    Args:
        ignore: Places to leave out of a request: paths such as ``metadata.user_id`` or
            ``messages[*].content[0].text``, in which ``*`` is any name or number, and regular expressions between
            slashes, ``/run \\d+/``, whose matches in texts are ignored.
        redaction: The redaction rules of the recording's header; the user's own rules come with their patterns.

    Raises:
        ReplayError: An entry of `ignore` is neither a path nor a pattern, or a rule cannot be used.
    """

    def __init__(self, ignore: Iterable[str] = (), redaction: Iterable[Any] = ()) -> None:
        entries = list(ignore)
        self._patterns = [_pattern(entry) for entry in entries if entry.startswith("/")]
        self._paths = [_path(entry) for entry in entries if not entry.startswith("/")]
        try:
            self._privacy = recorded_privacy(redaction, is_strict=True)
        except PatternError as error:
            raise ReplayError(f"the recording cannot be replayed: {error}") from error

    def redacted(self, request: Request) -> Request:
        """Return `request` as it would be recorded now by the recording's rules.

        Raises:
            ReplayError: A rule takes too long on it.
        """
        with _patience():
            return self._privacy.request(request)

    def recorded(self, exchange: Exchange) -> Exchange:
        """Return `exchange` with its request redacted again: other versions know fewer forms of credentials.

        Raises:
            ReplayError: A rule takes too long on it, or took too long when it was recorded.
        """
        # Joining a body of a long history takes time: once.
        request = _in_memory(exchange.request)
        if is_withheld((request.body or b"").decode("utf-8", "replace")):
            raise ReplayError(
                "a redaction rule took too long while this was recorded, so a text is missing from the recording; "
                "make the rule simpler, and record again"
            )
        redacted = self.redacted(request)
        if redacted.body == request.body:
            return replace(exchange, request=redacted)
        return replace(exchange, request=redacted, digest=sha256(redacted.body or b"").hexdigest())

    def value(self, value: Any) -> Any:
        """Return `value`, any JSON, as it would be recorded.

        Raises:
            ReplayError: A rule takes too long on it.
        """
        with _patience():
            return self._privacy.value(value)

    def name(self, name: str) -> str:
        """Return the name of a span as it would be recorded.

        Raises:
            ReplayError: A rule takes too long on it.
        """
        with _patience():
            return self._privacy.url(name)

    def path(self, path: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Return `path`, kinds and names of spans, as it would be recorded.

        Raises:
            ReplayError: A rule takes too long on a name.
        """
        return tuple((kind, self.name(name)) for kind, name in path)

    def key(self, request: Request, digest: str = "") -> str:
        """Return the key of the redacted `request`; `digest` is the SHA-256 of its body in hex, if known."""
        betas = ",".join(
            sorted(filter(None, (each.strip() for each in request.headers.get("anthropic-beta", "").split(","))))
        )
        head = f"{request.method.upper()}\n{request.path}\n{request.query}\n{betas}\n"
        if not digest or self._paths or self._patterns or _BOUNDARY.search(request.headers.get("content-type", "")):
            digest = sha256(self._body(request)).hexdigest()
        return sha256(f"{head}{digest}".encode()).hexdigest()

    def shown(self, request: Request) -> Any:
        """Return the body of `request` as JSON without the ignored places, or as text if it is not JSON."""
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
            try:
                text = pattern.sub(_GONE, text, _MOST_S)
            except PatternTimeoutError:
                raise ReplayError(
                    f"the pattern /{pattern.text:.80}/, which is to be ignored, takes too long on a text of {len(text):,} "
                    "characters; make it simpler, without repetitions in repetitions"
                ) from None
        return text


@contextmanager
def _patience() -> Iterator[None]:
    try:
        yield
    except RuleTimeoutError as error:
        raise ReplayError(
            f"{error}, so requests cannot be compared with the recording; make redact.{error.name} simpler, without "
            "repetitions in repetitions, and record again"
        ) from error


def _in_memory(request: Request) -> Request:
    """Return `request` with its body in memory: a body from a journal is joined anew at each access."""
    return Request(
        request.method, request.host, request.path, request.query, request.headers, request.body, request.digest
    )


def _pattern(entry: str) -> Pattern:
    problem = "it does not end with a slash"
    if len(entry) > 2 and entry.endswith("/"):
        try:
            return Pattern(entry[1:-1])
        except PatternError as error:
            problem = str(error)
    raise ReplayError(f"{entry!r} cannot be ignored: {problem}; write a pattern between slashes, as in '/run \\d+/'")


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
            f"{entry!r} cannot be ignored: it is not a path such as 'metadata.user_id' or 'messages[0].content'; "
            "write a pattern between slashes, as in '/run \\d+/'"
        )
    return steps


def _without(value: Any, path: Sequence[str]) -> Any:
    """Return `value` with a placeholder in place of the value at `path`."""
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
