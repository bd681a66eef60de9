"""Spans of other instrumentations, read as levels of a run: by their attributes, else by their names."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tracekit import semconv
from tracekit.model.events import Kind
from tracekit.semconv import Level

__all__ = ["Adopted", "adopt", "canonical", "is_labelled", "json_in", "label_of", "own_name", "owner_in"]

_BY_NAME: Mapping[str, Level] = {
    operation: level
    for operation, level in semconv.LEVELS[semconv.OPERATION_NAME].items()
    # Anything may be named after a call, as a page may be called "chat".
    if level != "llm"
}
_WHO = (semconv.AGENT_NAME, semconv.AGENT_ID, semconv.CONVERSATION_ID)
_READ: Mapping[Level, tuple[str, ...]] = {
    "agent": _WHO,
    "turn": _WHO,
    "tool": (semconv.TOOL_NAME, semconv.TOOL_CALL_ID, semconv.TOOL_CALL_ARGUMENTS, semconv.TOOL_CALL_RESULT),
    "workflow": (semconv.CONVERSATION_ID,),
    "llm": tuple(name for name in semconv.OTHER_NAMES if not name.startswith("gen_ai.tool.")),
}
"""By level: the attributes that are read from other names. Tokens stand on calls alone."""
_ANY = frozenset(name for name in semconv.OTHER_NAMES if name in semconv.CONTENT or name.startswith("gen_ai.usage."))
"""Attributes that may have any value; all others are names, which are texts."""
_OTHERS: Mapping[Level, frozenset[str]] = {
    level: frozenset(other for name in names for other in semconv.OTHER_NAMES[name]) for level, names in _READ.items()
}
"""By level: all of those other names."""
_NAMES: Mapping[Level, str] = {
    "agent": semconv.AGENT_NAME,
    "tool": semconv.TOOL_NAME,
    "workflow": semconv.WORKFLOW_NAME,
}
_KINDS: Mapping[Level, Kind] = {"agent": "agent", "tool": "tool"}
_FUNCTION = re.compile(r"(.+)\.[A-Za-z_]\w*")
"""The name of a function with the name of the object or class to which it belongs."""
_METHOD = re.compile(r"(?:.+\.)?[A-Z]\w*\.[a-z_]\w*|.+\._\w+")
"""The name of a function that is plainly a method: of a class, or a private one."""
_OPAQUE = re.compile(r"[0-9A-Fa-f-]{16,}")
"""An id that nobody gave as a name."""
_MOST_PARSED = 100_000
"""Characters of a text that is read as JSON, or as Python writes a dictionary."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """The level that a span of another instrumentation records, and the attribute that says so, or `name`."""

    level: Level
    by: str

    @property
    def kind(self) -> Kind:
        """The kind as which the span is recorded: what is around agents and calls is a plain span."""
        return _KINDS.get(self.level, "span")


def adopt(name: str, attributes: Mapping[str, Any]) -> Adopted | None:
    """Return the level that a span with this `name` and these `attributes` records; None where it is any other span."""
    for attribute, levels in semconv.LEVELS.items():
        value = attributes.get(attribute)
        if isinstance(value, str):
            level = levels.get(value)
            if level == "workflow" and _is_agents(name, attributes):
                return Adopted("agent", f"{semconv.METADATA}.{semconv.AGENT_IN_METADATA}")
            return None if level is None else Adopted(level, attribute)
    level = _BY_NAME.get(name.partition(" ")[0])
    if level is not None:
        return Adopted(level, "name")
    if isinstance(attributes.get(semconv.TOOL_CALL_ID), str) and isinstance(attributes.get(semconv.TOOL_NAME), str):
        return Adopted("tool", semconv.TOOL_CALL_ID)
    return None


def canonical(adopted: Adopted, name: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a span called `name` lacks of the attributes that tracekit reads, from those that it has.

    A name that was read from the span's own name gives way to one that an attribute gives: some come when the span ends.
    """
    found = {}
    named = _NAMES.get(adopted.level)
    label = label_of(name, attributes) if adopted.level == "agent" else _name_in(name, attributes)
    is_whole = _name_in(name, attributes) == name
    # Most spans have none of the other names, and there are many.
    has_others = not _OTHERS[adopted.level].isdisjoint(attributes)
    for ours in _READ[adopted.level] if has_others else ():
        values = (_value(attributes.get(other), ours) for other in semconv.OTHER_NAMES[ours])
        value = next((value for value in values if value is not None), None)
        is_label = ours == named and is_whole and attributes.get(ours) in (name, label)
        if value is not None and (is_label or ours not in attributes):
            found[ours] = value
    if named is not None and named not in attributes and label:
        found.setdefault(named, label)
    return found


def _value(value: Any, ours: str) -> Any:
    """Return `value` as the attribute `ours` has it; None where it is no value of that attribute."""
    if value is None or ours in _ANY:
        return value
    return None if ours == semconv.AGENT_NAME and _OPAQUE.fullmatch(str(value)) else str(value)


def json_in(value: Any) -> Any:
    """Return the JSON in the text `value`, also if written as a Python dictionary or list; else `value` itself."""
    if not isinstance(value, str) or not 1 < len(value) <= _MOST_PARSED or value.lstrip()[:1] not in ("{", "["):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        pass
    try:
        with warnings.catch_warnings():
            # What is no Python at all may warn of its backslashes, too.
            warnings.simplefilter("ignore")
            return ast.literal_eval(value)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return value


def _is_agents(name: str, attributes: Mapping[str, Any]) -> bool:
    """Return whether the chain called `name` is the agent to which its metadata says that it belongs."""
    metadata = json_in(attributes.get(semconv.METADATA))
    return isinstance(metadata, Mapping) and metadata.get(semconv.AGENT_IN_METADATA) == name


def own_name(name: str, attributes: Mapping[str, Any]) -> str:
    """Return the name of what a span called `name` records, where it says that by itself."""
    entity = attributes.get(semconv.ENTITY_NAME)
    return entity if isinstance(entity, str) and entity else name


def label_of(name: str, attributes: Mapping[str, Any]) -> str:
    """Return the name of the agent in a span's `name`, without the method that it runs."""
    given = _name_in(name, attributes)
    return owner_in(given) if given == name and _METHOD.fullmatch(given) else given


def owner_in(label: str) -> str:
    """Return the object before the function in `label` ("researcher" in "researcher.run"), else "".

    No tool that a model may ask for has a dot in its name.
    """
    found = _FUNCTION.fullmatch(label)
    return "" if found is None else found[1]


def is_labelled(name: str, attributes: Mapping[str, Any], named: str) -> bool:
    """Return whether the attribute `named`, an agent's or a tool's name, is nothing but the `name` of the span."""
    return attributes.get(named) == name and not any(other in attributes for other in semconv.OTHER_NAMES[named])


def _name_in(name: str, attributes: Mapping[str, Any]) -> str:
    """Return the name of the agent, tool or workflow in the span's `name`, after the operation, or ""."""
    operation, _, rest = name.partition(" ")
    if operation in _BY_NAME:
        return rest.strip()
    return own_name(name, attributes)
