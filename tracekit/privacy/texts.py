"""Every text in an event: names, attributes, addresses, headers, messages and bodies, at any depth."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote, unquote_plus

from tracekit import semconv
from tracekit.model.events import (
    Answered,
    Attributes,
    Chunk,
    Event,
    Failure,
    Request,
    Response,
    SpanBegin,
    SpanEnd,
    Unrecorded,
)
from tracekit.model.heads import HeadForm
from tracekit.model.json_text import compact
from tracekit.origin import pass_on

__all__ = [
    "Texts",
    "has_encoded_url",
    "json_body",
    "rewritten_attribute",
    "rewritten_url",
    "rewritten_value",
    "texts_in",
    "with_plain_urls",
]

_URLS = frozenset((semconv.URL_FULL, semconv.URL_PATH, *semconv.OTHER_URLS))
_QUERIES = frozenset((semconv.URL_QUERY,))
_PARTS = re.compile(r"([/?&=;#])")
_MOST_DECODINGS = 3
_SAFE = "[]:, "
_NO_TEXTS = frozenset((int, float, bool, type(None)))


class Texts:
    """Rewrites events by `text`, which rewrites a text, and `body`, which rewrites the bytes of a body."""

    def __init__(self, text: Callable[[str], str], body: Callable[[bytes], bytes]) -> None:
        self._text = text
        self._body = body

    def of(self, event: Event) -> Event:
        """Return `event`, rewritten."""
        match event:
            case SpanBegin():
                request = event.request and self.request(event.request)
                attributes = self._attributes(event.attributes)
                name = rewritten_url(event.name, self._text)
                return event._replace(name=name, attributes=attributes, request=request)
            case SpanEnd():
                failure = event.failure and self._failure(event.failure)
                response = event.response and self._response(event.response)
                return event._replace(failure=failure, response=response, attributes=self._attributes(event.attributes))
            case Chunk():
                return event._replace(data=self._body(event.data))
            case Answered():
                return event._replace(headers=self._headers(event.headers), form=self._form(event.form))
            case Unrecorded():
                return replace(event, caller=self._text(event.caller), host=self._text(event.host))
        return event

    def request(self, request: Request) -> Request:
        """Return `request`, rewritten. Its digest, if it has one, is no longer known where its body differs."""
        body = None if request.body is None else self._body(request.body)
        return Request(
            request.method,
            rewritten_url(request.host, self._text),
            rewritten_url(request.path, self._text),
            rewritten_url(request.query, self._text, is_query=True),
            self._headers(request.headers),
            body,
            request.digest if body == request.body else "",
        )

    def _response(self, response: Response) -> Response:
        return Response(
            response.status, self._headers(response.headers), self._body(response.body), self._form(response.form)
        )

    def _form(self, form: HeadForm | None) -> HeadForm | None:
        """The form of a head, whose reason phrase is the server's text."""
        return form if form is None or form.reason is None else replace(form, reason=self._text(form.reason))

    def _headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {name: self._text(value) for name, value in headers.items()}

    def _failure(self, failure: Failure) -> Failure:
        return Failure(self._text(failure.type), self._text(failure.message))

    def _attributes(self, attributes: Attributes) -> dict[str, Any]:
        return {name: rewritten_attribute(name, value, self._text) for name, value in attributes.items()}


def texts_in(event: Event) -> bytes | None:
    """Return all texts and bodies in `event`, a line each; None where one may hide another, as percent encoding does."""
    texts: list[str] = []
    body = b""
    match event:
        case SpanBegin():
            texts.append(event.name)
            if event.request is not None:
                request, body = event.request, event.request.body or b""
                texts += request.host, request.path, request.query, *request.headers.values()
        case SpanEnd():
            if event.failure is not None:
                texts += event.failure.type, event.failure.message
            if event.response is not None:
                body = event.response.body
                texts += _texts_of_head(event.response)
        case Chunk():
            body = event.data
        case Answered():
            texts += _texts_of_head(event)
        case _:
            return None
    if isinstance(event, SpanBegin | SpanEnd) and (
        not _add_attributes(event.attributes, texts) or has_encoded_url(event)
    ):
        return None
    return b"\n".join((body, "\n".join(texts).encode("utf-8", "surrogatepass")))


def _texts_of_head(head: Answered | Response) -> list[str]:
    reason = head.form.reason if head.form is not None else None
    return [*head.headers.values(), *(() if reason is None else (reason,))]


def _add_attributes(attributes: Attributes, texts: list[str]) -> bool:
    """Add the texts in `attributes` to `texts`; False where a value is nested."""
    for value in attributes.values():
        kind = type(value)
        if kind is str:
            texts.append(value)
        elif kind is list and all(type(each) is str for each in value):
            texts += value
        elif kind not in _NO_TEXTS:
            return False
    return True


def rewritten_attribute(name: str, value: Any, text: Callable[[str], str]) -> Any:
    """Return the `value` of a span's attribute `name`, with `text` applied as to a value or as to an address."""
    if isinstance(value, str) and (name in _URLS or name in _QUERIES):
        return rewritten_url(value, text, is_query=name in _QUERIES)
    return rewritten_value(value, text)


def rewritten_value(value: Any, text: Callable[[str], str]) -> Any:
    """Return `value`, any JSON, with `text` applied to its texts and to the keys of its objects."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, list | tuple):
        return [rewritten_value(item, text) for item in value]
    if isinstance(value, Mapping):
        found: dict[Any, Any] = {}
        for name, item in value.items():
            key = text(name) if isinstance(name, str) else name
            number = 2
            while key in found:
                # Two keys with one placeholder: neither value is lost.
                key, number = f"{text(str(name))} {number}", number + 1
            found[key] = rewritten_value(item, text)
        return found
    return value


def rewritten_url(url: str, text: Callable[[str], str], *, is_query: bool = False) -> str:
    """Return `url` or a part with `text` applied to it, as it is and without percent encoding."""
    url = text(url)
    if "%" not in url and not (is_query and "+" in url):
        return url
    decode = unquote_plus if is_query else unquote
    parts = [_rewritten_part(part, text, decode) for part in _PARTS.split(url)]
    joined = "".join(parts)
    if joined == url and text(decode(url)) != decode(url):
        # The match goes over several parts.
        return text(decode(url))
    return joined


def _rewritten_part(part: str, text: Callable[[str], str], decode: Callable[[str], str]) -> str:
    plain = part
    for _ in range(_MOST_DECODINGS):
        before, plain = plain, decode(plain)
        if plain == before:
            return part
        redacted = text(plain)
        if redacted != plain:
            return quote(redacted, safe=_SAFE)
    return part


def has_encoded_url(event: Event) -> bool:
    """Return whether an address in `event` has percent encoding, which may hide a text from those who look for it."""
    if not isinstance(event, SpanBegin | SpanEnd):
        return False
    if isinstance(event, SpanBegin):
        request = event.request
        if "%" in event.name or (
            request is not None and ("%" in request.path or "%" in request.query or "+" in request.query)
        ):
            return True
    attributes = event.attributes
    if attributes.keys().isdisjoint(_URLS) and attributes.keys().isdisjoint(_QUERIES):
        return False
    return any(
        isinstance(value, str) and ("%" in value or "+" in value)
        for name, value in attributes.items()
        if name in _URLS or name in _QUERIES
    )


def with_plain_urls(event: Event, text: Callable[[str], str]) -> Event:
    """Return `event` with `text` applied to its addresses and its name, also without their percent encoding."""
    if not isinstance(event, SpanBegin | SpanEnd):
        return event
    attributes = {
        name: rewritten_attribute(name, value, text) if name in _URLS or name in _QUERIES else value
        for name, value in event.attributes.items()
    }
    if isinstance(event, SpanEnd):
        return event._replace(attributes=attributes)
    request = event.request
    if request is not None:
        path, query = rewritten_url(request.path, text), rewritten_url(request.query, text, is_query=True)
        request = replace(request, path=path, query=query)
    return event._replace(name=rewritten_url(event.name, text), attributes=attributes, request=request)


# ── bodies ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def json_body(body: bytes, text: Callable[[str], str]) -> bytes:
    """Return `body` with `text` applied to its texts: JSON, lines or events of JSON, or plain text."""
    from tracekit.model.aws import are_frames, rewritten_frames  # noqa: PLC0415  with the first body

    if are_frames(body):
        return rewritten_frames(body, lambda event: _encoded(_json(_decoded(event), text)))
    whole = _decoded(body)
    if whole.startswith(("event:", "data:", ":", "id:", "retry:")) or "\ndata:" in whole[:1000]:
        redacted = "\n".join(_event_line(line, text) for line in whole.split("\n"))
    elif whole[:1] == "{" and "\n{" in whole:
        redacted = "\n".join(_json(line, text) for line in whole.split("\n"))
    else:
        redacted = _json(whole, text)
    return body if redacted == whole else _encoded(redacted)


def _decoded(body: bytes) -> str:
    return body.decode("utf-8", "surrogateescape")


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        pass_on(error)
        # JSON had the escape of half a surrogate pair.
        return text.encode("utf-8", "backslashreplace")


def _event_line(line: str, text: Callable[[str], str]) -> str:
    if not line.startswith("data:"):
        return text(line)
    data = line[5:].strip()
    redacted = _json(data, text)
    return line if redacted == data else f"data: {redacted}" + ("\r" if line.endswith("\r") else "")


def _json(whole: str, text: Callable[[str], str]) -> str:
    """Return `whole` with `text` applied. If a text changes, the result is compact JSON, or plain text."""
    try:
        value = json.loads(whole)
        redacted = rewritten_value(value, text)
        return whole if redacted == value else compact(redacted)
    except (ValueError, RecursionError) as error:
        pass_on(error)
        return text(whole)
