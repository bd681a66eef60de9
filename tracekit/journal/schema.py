"""The shape of each line of a journal, as a table. Later code relies on the checked types.

pydantic and msgspec refuse the lone surrogates that recorded texts may hold, so the table is checked by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tracekit.journal.limits import MOST_NS
from tracekit.journal.process import MOST_HASH_SEED

__all__ = ["check_header", "check_line", "check_request", "check_sse"]


class _Rule(NamedTuple):
    """A test of a value, and the words for what passes it."""

    words: str
    passes: Callable[[Any], bool]
    is_optional: bool = False


def _optional(rule: _Rule) -> _Rule:
    return rule._replace(is_optional=True)


def _or_null(rule: _Rule) -> _Rule:
    return _Rule(f"{rule.words} or null", lambda value: value is None or rule.passes(value))


def _is_text(value: Any) -> bool:
    return type(value) is str


def _integer(words: str, least: int, most: int) -> _Rule:
    return _Rule(words, lambda value: type(value) is int and least <= value <= most)


@lru_cache(maxsize=64)
def _is_host(text: str) -> bool:
    try:
        return urlsplit(text).port is None or bool(text)
    except ValueError:
        return False


def _texts_by_name(value: Any) -> bool:
    return type(value) is dict and all(map(_is_text, value.values()))


def _list_of(rule: _Rule) -> _Rule:
    return _Rule(f"a list, each {rule.words}", lambda value: type(value) is list and all(map(rule.passes, value)))


_is_id = re.compile(r"[!-~]{1,200}").fullmatch
_is_run_id = re.compile(r"[\w-]{1,128}", re.ASCII).fullmatch
_many_digits = re.compile(r"\d{16}").search

_TEXT = _Rule("a text", _is_text)
_BOOL = _Rule("true or false", lambda value: type(value) is bool)
_OBJECT = _Rule("an object", lambda value: type(value) is dict)
_LIST = _Rule("a list", lambda value: type(value) is list)
_HEADERS = _Rule("an object of texts", _texts_by_name)
_TIME = _integer("a time in nanoseconds", -MOST_NS, MOST_NS)
_COUNT = _integer("a whole number from 0 on", 0, MOST_NS)
_STATUS = _integer("an HTTP status", 0, 999)
_ID = _Rule("an id", lambda value: type(value) is str and _is_id(value) is not None)
_RUN_ID = _Rule("a run's id", lambda value: type(value) is str and _is_run_id(value) is not None)
_LANE = _Rule("a lane", lambda value: type(value) is str and _many_digits(value) is None)
_REDACTION = _Rule(
    "a name, or an object with the texts name and pattern",
    lambda value: (
        _is_text(value) or (type(value) is dict and _is_text(value.get("name")) and _is_text(value.get("pattern")))
    ),
)
_HOST = _Rule("an address such as https://api.anthropic.com", lambda value: _is_text(value) and _is_host(value))
_CONTENT = _Rule("full, metadata or off", lambda value: value in ("full", "metadata", "off"))

_Shape = Mapping[str, _Rule]

_SOURCE: _Shape = {"name": _TEXT}
_ROOT: _Shape = {"id": _ID, "t": _TIME, "argv": _list_of(_TEXT)}
_HEADER: _Shape = {
    "e": _Rule("header", lambda value: value == "header"),
    "run": _RUN_ID,
    "name": _TEXT,
    "recorded_at_ns": _TIME,
    "root": _optional(_or_null(_OBJECT)),
    "host": _optional(_TEXT),
    "boot": _optional(_TEXT),
    "pid": _optional(_COUNT),
    "process_start": _optional(_COUNT),
    "rootless": _optional(_BOOL),
    "replay_of": _optional(_or_null(_TEXT)),
    "source": _optional(_or_null(_OBJECT)),
    "unit": _optional(_TEXT),
    "hash_seed": _optional(_or_null(_integer("a whole number of 32 bits", 0, MOST_HASH_SEED))),
    "content": _optional(_CONTENT),
    "redaction": _optional(_or_null(_list_of(_REDACTION))),
    "ignore": _optional(_or_null(_list_of(_TEXT))),
    "versions": _optional(_or_null(_HEADERS)),
}

_FAILURE: _Shape = {"type": _TEXT, "message": _optional(_TEXT)}
_RESPONSE: _Shape = {"status": _STATUS, "headers": _HEADERS}
_REQUEST: _Shape = {
    "method": _TEXT,
    "host": _HOST,
    "path": _TEXT,
    "headers": _HEADERS,
    "query": _optional(_TEXT),
}
_REBUILT: _Shape = {
    "sha256": _TEXT,
    "base": _or_null(_ID),
    "order": _list_of(_TEXT),
    "keep": _optional(_COUNT),
    "add": _optional(_LIST),
    "blobs": _optional(_list_of(_COUNT)),
    "set": _OBJECT,
}
_LINES: Mapping[str, _Shape] = {
    "begin": {
        "id": _ID,
        "parent": _or_null(_ID),
        "kind": _TEXT,
        "name": _TEXT,
        "t": _TIME,
        "lane": _LANE,
        "trace": _optional(_TEXT),
        "attributes": _optional(_OBJECT),
        "request": _optional(_OBJECT),
    },
    "end": {
        "id": _ID,
        "t": _TIME,
        "status": _TEXT,
        "error": _optional(_OBJECT),
        "attributes": _optional(_OBJECT),
        "response": _optional(_OBJECT),
    },
    "chunk": {"id": _ID, "t": _TIME},
    "answer": {"id": _ID, "t": _TIME, **_RESPONSE},
    "lane": {"id": _LANE, "parent": _or_null(_LANE), "kind": _TEXT, "t": _TIME, "function": _optional(_TEXT)},
    "exit": {"t": _TIME},
    "replay": {"t": _TIME, "mode": _TEXT},
    "unrecorded": {"t": _TIME, "caller": _TEXT, "host": _TEXT, "requests": _COUNT},
    "blob": {"sha256": _TEXT, "data": _TEXT},
}
_WITHIN: Mapping[str, _Shape] = {
    "request": _REQUEST,
    "response": _RESPONSE,
    "error": _FAILURE,
    "root": _ROOT,
    "source": _SOURCE,
}
"""The shapes of the objects that stand in a line, by the names of their members."""


def check_line(data: Any) -> dict[str, Any]:
    """Return `data` if it is a line with the types of its kind. Unknown kinds pass.

    Raises:
        ValueError: A member is missing, or has another type.
    """
    if type(data) is not dict or type(data.get("e")) is not str:
        raise ValueError("a line is an object with the kind of its event in 'e'")
    shape = _LINES.get(data["e"])
    if shape is not None:
        _check(data, shape, "")
    return data


def check_header(data: dict[str, Any]) -> None:
    """Check that the header `data` has the types of one.

    Raises:
        ValueError: A member is missing, or has another type.
    """
    _check(data, _HEADER, "")


def check_request(data: Mapping[str, Any]) -> None:
    """Check the members that say how the body of a request is put together.

    Raises:
        ValueError: A member is missing, or has another type.
    """
    _check(data, _REBUILT, "request.")
    if len(set(data["order"])) < len(data["order"]):
        raise ValueError("'request.order' names a field twice")
    places = data.get("blobs", ())
    if len(set(places)) < len(places) or any(place >= len(data.get("add", ())) for place in places):
        raise ValueError("'request.blobs' names no message of 'add', or one twice")


def check_sse(data: Any) -> list[Any]:
    """Return `data` if it is a list of stream events: texts, or lists of name, data and spaces.

    Raises:
        ValueError: It is not.
    """
    if type(data) is not list or not all(map(_is_event, data)):
        raise ValueError("'sse' is not a list, each a text, or a name, a text or an object, and a number of spaces")
    return data


def _is_event(item: Any) -> bool:
    return type(item) is str or (
        type(item) is list
        and 2 <= len(item) <= 3
        and type(item[0]) is str
        and type(item[1]) in (str, dict)
        and (len(item) == 2 or _COUNT.passes(item[2]))
    )


def _check(data: Mapping[str, Any], shape: _Shape, place: str) -> None:
    for name, (words, passes, is_optional) in shape.items():
        if name not in data:
            if not is_optional:
                raise ValueError(f"'{place}{name}' is missing")
            continue
        value = data[name]
        if not passes(value):
            raise ValueError(f"'{place}{name}' is {_shown(value)}, not {words}")
        if name in _WITHIN and value is not None:
            _check(value, _WITHIN[name], f"{place}{name}.")


def _shown(value: Any) -> str:
    if value is None or type(value) is bool:
        return {None: "null", True: "true", False: "false"}[value]
    if type(value) is int:
        return str(value) if value.bit_length() <= 128 else f"a number of {value.bit_length()} bits"
    if type(value) is str:
        return repr(value if len(value) <= 60 else f"{value[:60]}…")
    return {float: "a fraction", list: "a list", dict: "an object"}[type(value)]
