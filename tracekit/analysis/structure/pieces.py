"""Spans that are called agents and are only steps of an agent, such as the node "agent" of a graph.

Some instrumentations call any span with "agent" in its name an agent, and name a real agent by an attribute if they
know its name.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence

from tracekit import semconv
from tracekit.analysis.structure.calls import CallReader, LlmCall, text_in
from tracekit.analysis.structure.draft import Draft
from tracekit.model.adopted import label_of
from tracekit.model.history import Message
from tracekit.model.recording import Recording

__all__ = ["demote_pieces", "is_step"]

_NAMES = (*semconv.OTHER_NAMES[semconv.AGENT_NAME], semconv.AGENT_ID, *semconv.OTHER_NAMES[semconv.AGENT_ID])
_USAGE = (
    semconv.INPUT_TOKENS,
    semconv.OUTPUT_TOKENS,
    *semconv.OTHER_NAMES[semconv.INPUT_TOKENS],
    *semconv.OTHER_NAMES[semconv.OUTPUT_TOKENS],
)


def demote_pieces(root: Draft, recording: Recording, reader: CallReader) -> None:
    """Turn the agents below `root` that are steps of an agent, as the record shows, into plain spans.

    A step of one call holds no tool, and another step of its name brings the results of the tools that the call asked
    for. A step without a call of its own is around another agent, or beside the calls; unless an attribute names it.
    """
    drafts = root.walk()
    by_name: dict[str | None, list[tuple[Draft, LlmCall]]] = {}
    for draft in drafts:
        if _is_adopted(draft):
            below = draft.walk()
            calls = [each for each in below if each.kind == "llm"]
            if len(calls) == 1 and not any(each.kind in ("agent", "tool") for each in below[1:]):
                call = reader.read(calls[0], calls[0], recording)
                by_name.setdefault(draft.agent, []).append((draft, call))
    for pieces in by_name.values():
        for piece in set(_linked(pieces)):
            _demote(piece)
    _demote_idle(drafts)


def is_step(draft: Draft) -> bool:
    """Return whether `draft` is a plain span that is called an agent."""
    return draft.kind == "span" and draft.level == "workflow" and semconv.AGENT_NAME in draft.attributes


def _demote_idle(drafts: Sequence[Draft]) -> None:
    """Turn the unnamed agents of `drafts`, parents before children, that have no call of their own into plain spans."""
    asking: set[Draft] = set()
    for draft in reversed(drafts):
        if _is_adopted(draft) and not _is_named(draft) and draft not in asking and not _has_usage(draft):
            _demote(draft)
        is_call = draft.kind == "llm" or draft.level == "llm"
        # The calls within an agent or a tool are not those of what is around it.
        if draft.parent is not None and (is_call or (draft in asking and draft.kind not in ("agent", "tool"))):
            asking.add(draft.parent)


def _demote(agent: Draft) -> None:
    agent.kind, agent.level = "span", "workflow"
    agent.attributes.pop(semconv.ADOPTED_FROM, None)


def _is_adopted(draft: Draft) -> bool:
    return draft.kind == "agent" and draft.level == "agent"


def _is_named(agent: Draft) -> bool:
    """Return whether more than the kind of its span shows that `agent` is an agent."""
    by = agent.attributes.get(semconv.ADOPTED_FROM)
    if by == semconv.OPERATION_NAME or by not in semconv.LEVELS:
        return True
    has_own = agent.agent != label_of(agent.name, agent.attributes)
    return has_own or any(name in agent.attributes for name in _NAMES)


def _has_usage(agent: Draft) -> bool:
    """Return whether the span has token counts: its calls were made where nobody recorded them."""
    return any(name in agent.attributes for name in _USAGE)


def _linked(pieces: Iterable[tuple[Draft, LlmCall]]) -> Iterator[Draft]:
    """Yield each of `pieces` that requested tools whose results another piece returns, and that other piece."""
    asked: dict[str, Draft] = {}
    latest: dict[bytes, str | None] = {}
    for piece, call in sorted(pieces, key=lambda pair: pair[1].start_ns):
        for id in _brought_anew(call) if _is_named(piece) else _brought(call, asked, latest):
            if id in asked and asked[id] is not piece:
                yield asked[id]
                yield piece
        asked.update((block.id, piece) for block in call.blocks)


def _brought_anew(call: LlmCall) -> Iterator[str]:
    """Yield the ids of the results in the last message, unless it has text: a named agent then begins anew."""
    last = call.messages.last
    if last is not None and not text_in(last):
        yield from (id for id, _ in last.results)


def _brought(call: LlmCall, asked: Container[str], latest: dict[bytes, str | None]) -> Iterator[str]:
    """Yield the ids of the `asked` results that `call` returns; of those in known messages, the newest.

    `latest` has the newest by the keys of the messages that are known. Each message is read once.
    """
    new: list[Message] = []
    newest: str | None = None
    for message in call.messages.back():
        if message.key in latest:
            newest = latest[message.key]
            break
        new.append(message)
    if newest is not None:
        yield newest
    for message in reversed(new):
        for id, _ in message.results:
            if id in asked:
                newest = id
                yield id
        latest[message.key] = newest
