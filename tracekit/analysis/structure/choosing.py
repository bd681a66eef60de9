"""Find the input field by which a tool names the agent that it starts.

Two of three kinds of evidence must agree. The field is a *choice*: the tool's schema lists its values, or the asker was
shown them in the tool's definition or in its system prompt, or they recur in other inputs. It *selects* the agent: each
value goes with a system prompt, tools and model of its own, or stands in the agent's system prompt. It has a *usual*
name for such a field. Where it is not sure that the tool started the agent, all three must agree. A field that gives
one agent two names, or none, is not used.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from tracekit import semconv
from tracekit.analysis.structure.calls import LlmCall, ToolUse, text_in, text_of
from tracekit.analysis.structure.draft import Draft
from tracekit.model.history import Messages, RequestFields
from tracekit.model.recording import Recording

__all__ = ["Choices", "Dispatch"]

_USUAL = ("subagent_type", "agent_name", "member_id", "to_agent", "name")
"""Field names that usually name an agent, the most usual first."""
_NAME = re.compile(r"(?=.*[^\W\d_])[\w-]+(?: [\w-]+){0,3}")
"""A name: up to four words, without characters of a path or a sentence."""
_LONGEST = 64
_ENOUGH = 2
"""Kinds of evidence that name an agent."""
_ALL = 3

_Role: TypeAlias = tuple[str, tuple[str, ...], str]


@dataclass(eq=False)
class Dispatch:
    """A tool, or the block that requested it, that handed a task to the agent that began with `first`.

    `asker` is the llm whose response requested it, where that is known. `is_carried` is True if the only evidence is
    that a text of the tool's input stands in the agent's prompt.
    """

    first: LlmCall
    tool: Draft | ToolUse
    asker: Draft | None
    is_carried: bool = False

    @property
    def tool_name(self) -> str:
        """The name of the tool."""
        tool = self.tool
        return tool.name if isinstance(tool, ToolUse) else str(tool.attributes.get(semconv.TOOL_NAME, tool.name))

    @cached_property
    def names(self) -> dict[str, str]:
        """The fields of its input that could be names."""
        tool = self.tool
        given = tool.input if isinstance(tool, ToolUse) else tool.attributes.get(semconv.TOOL_CALL_ARGUMENTS)
        fields = given if isinstance(given, Mapping) else {}
        return {field: value for field, value in fields.items() if _is_name(value)}

    @cached_property
    def role(self) -> _Role:
        """The system prompt, the tools and the model of the agent."""
        return self.first.system, self.first.offered, self.first.model

    @cached_property
    def lasting(self) -> _Role:
        """The role without parts of the prompt that change from call to call, such as a date."""
        return self.first.prompt, self.first.offered, self.first.model


class Choices:
    """The dispatches of a run, and the names by which they choose agents."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._by_tool: dict[str, list[tuple[Dispatch, int]]] = {}
        self._requests: dict[str, RequestFields | None] = {}
        self._fields: dict[str, str] = {}
        """The field of each tool that chooses agents."""

    def add(self, dispatch: Dispatch, key: int) -> None:
        """Add `dispatch`, which began the agent with this `key`."""
        self._by_tool.setdefault(dispatch.tool_name, []).append((dispatch, key))

    def names(self) -> dict[int, str]:
        """Return the names of the agents that are chosen by name, by their keys."""
        found: dict[int, str] = {}
        for tool, entries in self._by_tool.items():
            field = self._fields[tool] = self._field(tool, [dispatch for dispatch, _ in entries])
            found.update((key, dispatch.names[field]) for dispatch, key in entries if field in dispatch.names)
        return found

    def own_names(self, agents: Mapping[int, LlmCall], names: Mapping[int, str]) -> dict[int, str]:
        """Return names for `agents` that no tool call chose, such as the first of a team that hands over.

        `agents` are given by their first calls. The system prompt of such an agent has a name that the others of the
        team can choose and that it cannot choose itself. `names` are those that are known already.
        """
        claimed: dict[str, list[int]] = {}
        for tool, field in self._fields.items():
            listed = {
                key: {value for value in _listed(_definition(self._asked(call.llm), tool), field) if _is_name(value)}
                for key, call in agents.items()
                if field and tool in call.offered
            }
            free = set[str]().union(*listed.values()) - set(names.values())
            for key in listed.keys() - names.keys():
                own = [name for name in free - listed[key] if _has_word(agents[key].system, name)]
                for name in own if len(own) == 1 else ():
                    claimed.setdefault(name, []).append(key)
        return {
            key: name
            for name, keys in claimed.items()
            if len({agents[key].prompt for key in keys}) == 1
            for key in keys
        }

    def _field(self, tool: str, dispatches: Sequence[Dispatch]) -> str:
        """Return the field with the best evidence of naming the agent in `dispatches`, or ""."""
        fields = dict.fromkeys(field for each in dispatches for field in each.names)
        scores = {
            field: self._score(tool, field, [each for each in dispatches if field in each.names]) for field in fields
        }
        best = max(scores, key=lambda field: (scores[field], -_rank(field)), default="")
        enough = _ALL if all(each.is_carried for each in dispatches) else _ENOUGH
        return best if scores.get(best, 0) >= enough else ""

    def _score(self, tool: str, field: str, dispatches: Sequence[Dispatch]) -> int:
        """Return the number of kinds of evidence for `field`; 0 if anything contradicts it."""
        values: dict[str, list[Dispatch]] = {}
        for each in dispatches:
            values.setdefault(each.names[field], []).append(each)
        if _names_one_agent_twice(values) or _shown_as_another(values):
            return 0
        score = (_selects(values) or _stands_in_prompts(values)) + (field in _USUAL)
        if not score:
            return 0
        is_choice = self._is_listed(tool, field, dispatches) or self._comes_again(values)
        is_choice = is_choice or all(self._was_shown(tool, each.names[field], each) for each in dispatches)
        return score + is_choice

    # ── a choice ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _is_listed(self, tool: str, field: str, dispatches: Sequence[Dispatch]) -> bool:
        """Return whether the tool's schema lists the values."""
        listed = [*_listed(_definition(self._asked(dispatches[0].asker), tool), field)]
        return all(each.names[field] in listed for each in dispatches)

    def _was_shown(self, tool: str, value: str, dispatch: Dispatch) -> bool:
        """Return whether the asker read `value` in the definition of the tool or in its prompt."""
        asked = self._asked(dispatch.asker)
        if asked is None:
            return False
        texts = [text_of(asked.get("system")), json.dumps(_definition(asked, tool))]
        if dispatch.is_carried:
            texts.append(_first_text(asked.messages))
        return any(_has_word(text, value) for text in texts)

    def _comes_again(self, values: Mapping[str, Sequence[Dispatch]]) -> bool:
        """Return whether there are several values, and one occurs more than once."""
        return len(values) > 1 and any(len(same) > 1 for same in values.values())

    def _asked(self, asker: Draft | None) -> RequestFields | None:
        """Return the request of the call `asker`, if it is recorded."""
        if asker is None:
            return None
        if asker.id not in self._requests:
            exchanges = (self._recording.exchanges.get(child.id) for child in asker.children)
            asked = next((exchange.request.asked for exchange in exchanges if exchange is not None), None)
            self._requests[asker.id] = asked
        return self._requests[asker.id]


# ── whom it selects ──────────────────────────────────────────────────────────────────────────────────────────────────


def _names_one_agent_twice(values: Mapping[str, Sequence[Dispatch]]) -> bool:
    """Return whether two values went to agents with the same set-up, as far as that is known."""
    roles = Counter(role for same in values.values() for role in {each.role for each in same if any(each.role[:2])})
    return any(count > 1 for count in roles.values())


def _shown_as_another(values: Mapping[str, Sequence[Dispatch]]) -> bool:
    """Return whether the name of an agent stands in its messages, but not in its system prompt.

    Then, if a text of the input is the only evidence, the name may be that of another thing.
    """
    return any(
        each.is_carried
        and _has_word(_first_text(each.first.messages), value)
        and not _has_word(each.first.system, value)
        for value, same in values.items()
        for each in same
    )


def _selects(values: Mapping[str, Sequence[Dispatch]]) -> bool:
    """Return whether there are several values, and each went to agents of one role."""
    return len(values) > 1 and all(
        len({each.lasting for each in same}) == 1 and any(same[0].role[:2]) for same in values.values()
    )


def _stands_in_prompts(values: Mapping[str, Sequence[Dispatch]]) -> bool:
    """Return whether each agent's system prompt has its own value."""
    return all(_has_word(each.first.system, value) for value, same in values.items() for each in same)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST and _NAME.fullmatch(value) is not None


def _has_word(text: str, word: str) -> bool:
    return word in text and re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


def _rank(field: str) -> int:
    return _USUAL.index(field) if field in _USUAL else len(_USUAL)


def _first_text(messages: Messages) -> str:
    """The text of the first of `messages`."""
    first = None if messages.last is None else messages.last.first(1)
    return "" if first is None else text_in(first)


def _definition(asked: RequestFields | None, tool: str) -> Any:
    """The definition of `tool` in a request."""
    tools = None if asked is None else asked.get("tools")
    listed = tools if isinstance(tools, list) else ()
    return next((each for each in listed if isinstance(each, Mapping) and each.get("name") == tool), {})


def _listed(definition: Any, field: str) -> Iterator[Any]:
    """The values that the schema in the `definition` of a tool lists for `field`."""
    schema = definition.get("input_schema") if isinstance(definition, Mapping) else None
    fields = schema.get("properties") if isinstance(schema, Mapping) else None
    if isinstance(fields, Mapping):
        yield from _constants(fields.get(field), schema)


def _constants(schema: Any, root: Any, depth: int = 4) -> Iterable[Any]:
    """Yield the values of an `enum` or `const` in `schema`, in its alternatives and references too."""
    if not isinstance(schema, Mapping) or not depth:
        return
    listed = schema.get("enum")
    yield from listed if isinstance(listed, list) else ()
    if "const" in schema:
        yield schema["const"]
    for each in (part for name in ("anyOf", "oneOf", "allOf") if isinstance(part := schema.get(name), list)):
        for alternative in each:
            yield from _constants(alternative, root, depth - 1)
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    for definitions in ("$defs", "definitions"):
        known = root.get(definitions)
        if name and isinstance(known, Mapping):
            yield from _constants(known.get(name), root, depth - 1)
