"""Name the agents that were inferred, by what distinguishes them.

Agents that serve tools, or took a history over by a tool, bear the name that the tool's input chooses, else the tool's
name if they serve it. A *lead* is an agent whose tool results came from other agents. Other agents are equals: they are
named by the application's spans around them, else by the program's functions that called, else by their roles, in
order: `agent-1` … . A role is a system prompt, else a set of tools; agents of one role share a name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import dropwhile
from typing import TypeAlias

from tracekit import semconv
from tracekit.analysis.structure.conversations import Conversation
from tracekit.analysis.structure.draft import Draft
from tracekit.analysis.structure.handing import chosen_names
from tracekit.analysis.structure.lanes import common_lane, is_below
from tracekit.analysis.structure.pieces import is_step
from tracekit.analysis.structure.unnamed import Unnamed, role_of
from tracekit.model.adopted import own_name
from tracekit.model.recording import RecordedLane, Recording

__all__ = ["are_agents", "name_agents"]

_MOST_LANES = 8
_LEAD = "lead"
_FOREIGN = "gen_ai."
"""Prefix of attributes that mark spans of other instrumentations."""

_Path: TypeAlias = tuple[str, ...]
"""Names of spans or functions around a call, outermost first."""


def are_agents(beside: Sequence[Conversation], known: set[int], recording: Recording) -> set[int]:
    """Return the `id()` of the conversations of `beside`, which serve no tool and stand side by side, that are agents.

    A conversation that stands alone is an agent. Of several, those of more than one call are, and those that chose to
    use tools. Single calls that nothing distinguishes are calls of the program. Any other is an agent, too, but beside
    one that uses tools only if it might have used tools itself, if another span or function made the call, or if a
    library ran each in a task or thread of its own.

    Args:
        beside: Conversations in the order of their begins.
        known: The `id()` of those that are agents in any case, such as one whose tools others served.
        recording: The run.
    """
    is_team = any(len(each.calls) > 1 for each in beside) or len(beside) == 1
    around = {id(each): _around(each, recording) for each in beside}
    kinds = {(role_of(each.calls[0]), around[id(each)]) for each in beside}
    if not is_team and len(kinds) == 1:
        return {id(each) for each in beside if id(each) in known}
    users = {id(each) for each in beside if id(each) in known or _uses_tools(each)}
    taken = {around[id] for id in users}
    using = [each for each in beside if id(each) in users]
    return {
        id(each)
        for each in beside
        if not users
        or id(each) in users
        or len(each.calls) > 1
        or _may_use_tools(each)
        or (around[id(each)] not in taken if any(around[id(each)]) else _ran_apart(each, using))
    }


def name_agents(agents: Sequence[Unnamed], recording: Recording) -> None:
    """Name each of `agents`, which are all agents of the run."""
    in_order = sorted(agents, key=lambda agent: (agent.draft.start_ns, agent.draft.order))
    beside: dict[Draft, list[Unnamed]] = {}
    for agent in in_order:
        beside.setdefault(agent.host, []).append(agent)
    chosen = chosen_names(in_order, recording)
    left: list[Unnamed] = []
    for host, group in beside.items():
        names = (
            _in_tool(host, group, chosen, recording) if host.kind == "tool" else _as_equals(group, chosen, recording)
        )
        for agent in group:
            if id(agent) in names:
                agent.call_it(names[id(agent)])
            else:
                left.append(agent)
    _by_role(sorted(left, key=lambda agent: (agent.draft.start_ns, agent.draft.order)))


def _in_tool(tool: Draft, group: Sequence[Unnamed], chosen: Mapping[int, str], recording: Recording) -> dict[int, str]:
    """Return the names of the agents that served `tool`."""
    name = str(tool.attributes.get(semconv.TOOL_NAME, tool.name))
    found = {id(agent): chosen.get(id(agent), name) for agent in group}
    roles = dict.fromkeys(agent.role for agent in group)
    if len(set(found.values())) > 1 or len(group) == 1:
        return found
    apart = _apart(group, recording)
    if not apart and len(roles) > 1:
        number = {role: place for place, role in enumerate(roles, 1)}
        apart = {id(agent): f"{found[id(agent)]}-{number[agent.role]}" for agent in group}
    return {**found, **apart}


def _as_equals(group: Sequence[Unnamed], chosen: Mapping[int, str], recording: Recording) -> dict[int, str]:
    """Return names of agents that serve no tool, as far as anything but their roles names them."""
    leads = [agent for agent in group if agent.leads]
    if len({agent.role for agent in leads}) > 1:
        leads = []
    found = _apart(group, recording) or _alike(group, recording)
    found.update((id(agent), _LEAD) for agent in leads)
    found.update((id(agent), chosen[id(agent)]) for agent in group if id(agent) in chosen)
    found.update((id(agent), name) for agent in group if (name := _workflow(agent.conversation)))
    return found


def _by_role(agents: Sequence[Unnamed]) -> None:
    """Number `agents` by their roles; an agent of unknown role gets a number of its own."""
    numbers: dict[object, int] = {}
    for agent in agents:
        role = agent.role if agent.role is not None else id(agent)
        agent.call_it(f"agent-{numbers.setdefault(role, len(numbers) + 1)}")


def _workflow(conversation: Conversation) -> str:
    """Return the name of the workflow around all calls whose steps are called agents, or ""."""
    names = {_workflow_of(call.llm) for call in conversation.calls}
    return names.pop() if len(names) == 1 else ""


def _workflow_of(llm: Draft) -> str:
    """Return the workflow around the step that made a call, or "" if that is the whole program."""
    workflows = [span for span in _spans_above(llm) if span.level == "workflow"]
    around = list(dropwhile(lambda span: not is_step(span), workflows))
    around = [span for span in around if not is_step(span)]
    return own_name(around[0].name, around[0].attributes) if len(around) > 1 else ""


# ── who called ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _apart(group: Sequence[Unnamed], recording: Recording) -> dict[int, str]:
    """Return the names of spans, else of functions, that distinguish the agents of `group`, if any do."""
    both = [_around(agent.conversation, recording) for agent in group]
    for paths in zip(*both, strict=True):
        if len(set(paths)) > 1:
            return _parted(group, {id(agent): path for agent, path in zip(group, paths, strict=True)})
    return {}


def _alike(group: Sequence[Unnamed], recording: Recording) -> dict[int, str]:
    """Return the name of the function, else of the span, from which all agents of one role were called."""
    if len({agent.role for agent in group}) > 1:
        return {}
    path = _functions(group[0].conversation, recording) or _spans(group[0].conversation)
    return {id(agent): path[-1] for agent in group} if path else {}


def _parted(group: Sequence[Unnamed], paths: Mapping[int, _Path]) -> dict[int, str]:
    """Return the innermost name in each of `paths` that not all share, unless agents of other roles share it too.

    Agents that are called directly from where others are called through a function of their own share the function with
    which all paths end; it names them where they have one role.
    """
    shared = _shared_end(set(paths.values()))
    stripped = {id(agent): paths[id(agent)][: len(paths[id(agent)]) - shared] for agent in group}
    outer = {path[:length] for path in set(stripped.values()) for length in range(len(path))}
    parts: dict[tuple[str, bool], list[Unnamed]] = {}
    for agent in group:
        path, own = paths[id(agent)], stripped[id(agent)]
        is_direct = own in outer
        name = path[len(own)] if is_direct and shared else own[-1] if own else ""
        parts.setdefault((name, is_direct), []).append(agent)
    found: dict[int, str] = {}
    for (name, is_direct), part in parts.items():
        is_mixed = len({agent.role for agent in part}) > 1
        if is_mixed and not is_direct and len({stripped[id(agent)] for agent in part}) > 1:
            found.update(_parted(part, {id(agent): stripped[id(agent)] for agent in part}))
        elif name and not (is_mixed and is_direct):
            found.update((id(agent), name) for agent in part)
    return found


def _shared_end(paths: set[_Path]) -> int:
    """Return the number of names with which all of `paths` end."""
    columns = zip(*(reversed(path) for path in paths), strict=False)
    return next((length for length, names in enumerate(columns) if len(set(names)) > 1), min(map(len, paths)))


def _around(conversation: Conversation, recording: Recording) -> tuple[_Path, _Path]:
    return _spans(conversation), _functions(conversation, recording)


def _spans(conversation: Conversation) -> _Path:
    """Return the names of the application's spans around a conversation, outermost first."""
    first = conversation.calls[0]
    is_single = len(conversation.calls) == 1
    around = _spans_above(first.llm if is_single else first.unit)
    names = [span.name for span in around if not any(name.startswith(_FOREIGN) for name in span.attributes)]
    return tuple(reversed(names))


def _spans_above(below: Draft) -> Iterator[Draft]:
    """Yield the application's spans around `below`, innermost first, up to a tool, a recorded agent or the run."""
    above = below.parent
    while above is not None and above.kind in ("span", "turn", "agent"):
        if above.kind == "agent" and not above.inferred:
            break
        if above.kind == "span":
            yield above
        above = above.parent


def _functions(conversation: Conversation, recording: Recording) -> _Path:
    """Return the program's functions that made the first call, with those of the tasks that started its task."""
    llm = conversation.calls[0].llm
    callers = llm.attributes.get(semconv.CALLERS, ())
    names = list(callers)
    lane = recording.lanes.get((llm.segment, llm.lane))
    if callers and lane is not None:
        # What the task itself runs is among its callers.
        lane = _starter(lane.parent, llm.segment, recording)
    for _ in range(_MOST_LANES):
        if lane is None:
            break
        if lane.function and names[-1:] != [lane.function]:
            names.append(lane.function)
        lane = _starter(lane.parent, llm.segment, recording)
    return tuple(reversed(names))


def _starter(lane: str | None, segment: int, recording: Recording) -> RecordedLane | None:
    return None if lane is None else recording.lanes.get((segment, lane))


def _uses_tools(conversation: Conversation) -> bool:
    """Return whether the model chose to use a tool."""
    return any(call.blocks and not call.is_forced for call in conversation.calls)


def _ran_apart(single: Conversation, using: Sequence[Conversation]) -> bool:
    """Return whether `single`, of a role of its own, ran in another task or thread than each of `using`."""
    role, lane = role_of(single.calls[0]), single.lane
    for each in using:
        other = common_lane(*(call.llm.lane for call in each.calls))
        above = common_lane(lane, other)
        if role in (None, role_of(each.calls[0])) or not (is_below(lane, above) and is_below(other, above)):
            return False
    return True


def _may_use_tools(conversation: Conversation) -> bool:
    """Return whether the model was free to use tools."""
    return any(call.offered and not call.is_forced for call in conversation.calls)
