"""The conversation of one call in reading order: request, response, tool results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tracekit_viewer.door import Node, Run, blocks_of, count, counted, duration, semconv, text_of
from tracekit_viewer.render.block import Block, Style
from tracekit_viewer.render.bodies import Json, Text
from tracekit_viewer.render.call_messages import CallMessages, Reader
from tracekit_viewer.render.family import Family, calls_below
from tracekit_viewer.render.message import length_of, said_block, tool_block, without_data
from tracekit_viewer.render.notes import failure_blocks, kept_note, note

__all__ = ["call_blocks"]

_TOLD_ELSEWHERE = frozenset(("messages", "system", "model", "max_tokens", "stream"))
_STOPPED: dict[str, tuple[str, Style]] = {
    "max_tokens": ("stopped at its token limit: the answer is cut", "warning"),
    "model_context_window_exceeded": ("stopped: the context window is full", "warning"),
    "refusal": ("refused", "error"),
    "pause_turn": ("paused: the server's tools go on in the next request", "warning"),
}


@dataclass(slots=True)
class _Scene:
    """The call that is shown, and its place in the run."""

    run: Run
    call: Node
    family: Family
    reader: Reader
    earlier: list[Node]
    later: list[Node]


def call_blocks(
    run: Run, call: Node, family: Family, reader: Reader, *, whole: bool, attempt: Node | None = None
) -> list[Block]:
    """The blocks of `call`: what it added to its conversation, or the `whole` of it; of one `attempt` if given."""
    siblings = list(calls_below(family.home(call)))
    place = next((index for index, each in enumerate(siblings) if each.id == call.id), 0)
    scene = _Scene(run, call, family, reader, siblings[:place], siblings[place + 1 :])
    contents = _contents_of(scene, attempt)
    blocks = kept_note(run)
    if contents is None:
        words = "Nothing of this call was recorded yet." if call.status == "open" else "Its request was not recorded."
        return [*blocks, note("none", words), *failure_blocks(call)]
    known, same_system = (0, False) if whole else reader.known_before(run, call, scene.earlier)
    blocks.append(_request_block(contents))
    if known:
        words = f"{count(known)} earlier messages are not repeated"
        blocks.append(note("earlier", f"{words}; w shows them all", bare=True))
    blocks += _request_blocks(scene, contents, known, system=not same_system)
    blocks += _response_blocks(scene, contents)
    return [*blocks, *_ending(attempt or call, contents)]


def _contents_of(scene: _Scene, attempt: Node | None) -> CallMessages | None:
    if attempt is None:
        return scene.reader.of_call(scene.run, scene.call)
    exchange = scene.run.recording.exchanges.get(attempt.id)
    return None if exchange is None else scene.reader.of(exchange)


def _request_block(contents: CallMessages) -> Block:
    """The model and its settings on one row; the tools and the rest unfold."""
    request = contents.request
    rest = {name: value for name, value in request.items() if name not in _TOLD_ELSEWHERE}
    facts = [str(request.get("model") or contents.exchange.request.path)]
    if isinstance(request.get("max_tokens"), int):
        facts.append(f"at most {count(request['max_tokens'])} tokens")
    tools = rest.get("tools")
    if isinstance(tools, list) and tools:
        facts.append(counted(len(tools), "tool"))
    facts += [name for name in rest if name not in ("tools", "metadata")]
    facts += ["streamed"] if request.get("stream") is True else []
    body = Json(without_data(rest)) if rest else None
    return Block("request", ((" · ".join(facts), "dim"),), body=body, folded=0)


def _request_blocks(scene: _Scene, contents: CallMessages, known: int, *, system: bool) -> Iterator[Block]:
    prompt = text_of(contents.request.get("system"))
    if system and prompt:
        yield Block(
            "system",
            (("system", "system"),),
            length_of(prompt),
            Text(prompt),
            "system",
            folded=6,
            copied=lambda: prompt,
        )
    messages = contents.messages
    uses = _uses(messages)
    results = _results(messages)
    for number in range(known, len(messages)):
        message = messages[number]
        role = str(message.get("role", "")) if isinstance(message, Mapping) else ""
        headed = True
        for index, block in enumerate(blocks_of(message.get("content")) if isinstance(message, Mapping) else [message]):
            key = f"m{number}.{index}"
            id = _id(block)
            if _is_use(block):
                yield _use(scene, key, block, results.get(id), at=None)
            elif known <= uses.get(id, (-1, ""))[0]:
                # It stands beside its use already.
                continue
            else:
                yield said_block(key, role, block, headed=headed, tool=uses.get(id, (0, ""))[1])
            headed = headed and _is_thinking(block)


def _response_blocks(scene: _Scene, contents: CallMessages) -> Iterator[Block]:
    headed = True
    for index, block in enumerate(blocks_of(contents.message.get("content"))):
        key = f"a{index}"
        if _is_use(block):
            partial = contents.answer.partial_input(index)
            use = {**block, "input": partial} if partial else block
            yield _use(scene, key, use, _result_of(scene, _id(block)), at=scene.call)
        else:
            yield said_block(key, "assistant", block, headed=headed)
            headed = headed and _is_thinking(block)


def _use(scene: _Scene, key: str, use: Mapping[str, Any], result: tuple[Any, bool] | None, *, at: Node | None) -> Block:
    node = scene.family.tool(at, _id(use)) if at is not None else None
    aside, stands, waiting = "", "tool", "no result is recorded"
    if node is not None:
        aside = duration(node.duration_ns(scene.run.last_ns))
        if node.status == "error":
            aside, stands = f"{node.failure.type if node.failure else 'error'} · {aside}", "error"
        waiting = "running" if node.status == "open" else waiting
    elif scene.call.status == "open":
        waiting = "being asked for"
    if str(use.get("type")) == "server_tool_use":
        waiting = "run by the API: its result follows"
    return tool_block(key, use, aside, result, waiting, bar="error" if stands == "error" else "tool")


def _result_of(scene: _Scene, id: str) -> tuple[Any, bool] | None:
    """Return the result of the tool call `id`, from its span or from a later request."""
    node = scene.family.tool(scene.call, id)
    for call in scene.later[:2]:
        contents = scene.reader.of_call(scene.run, call)
        found = _results(contents.messages[-3:]).get(id) if contents is not None else None
        if found is not None:
            return found
    if node is not None and semconv.TOOL_CALL_RESULT in node.attributes:
        return node.attributes[semconv.TOOL_CALL_RESULT], node.status == "error"
    if node is not None and node.failure is not None:
        return f"{node.failure.type}: {node.failure.message}", True
    return None


def _ending(node: Node, contents: CallMessages) -> Iterator[Block]:
    """Yield the end of a call, if the call has ended."""
    yield from failure_blocks(node, contents.answer.error)
    outcome = node.attributes.get(semconv.OUTCOME)
    reason = contents.message.get("stop_reason")
    if reason is not None:
        words, style = _STOPPED.get(str(reason), (f"stopped: {reason}", "dim"))
        yield note("stop", words, style, bare=True)
        details = contents.message.get("stop_details")
        if details:
            yield Block("stop details", body=Json(details), bar=style)
    elif node.status == "open":
        yield note(
            "stop", "… it is being answered" if contents.message else "… it waits for an answer", "user", bare=True
        )
    elif node.status == "interrupted":
        yield note("stop", "the process ended before this did", "warning", bare=True)
    if outcome:
        yield note("outcome", f"the answer was not read to its end: {outcome}", "warning", bare=True)


def _id(block: Any) -> str:
    if not isinstance(block, Mapping):
        return ""
    return str(block.get("tool_use_id") or block.get("id") or "")


def _is_use(block: Any) -> bool:
    return isinstance(block, Mapping) and str(block.get("type", "")).endswith("tool_use")


def _is_thinking(block: Any) -> bool:
    return isinstance(block, Mapping) and str(block.get("type", "")).endswith("thinking")


def _uses(messages: Sequence[Any]) -> dict[str, tuple[int, str]]:
    """Each tool use's message and name, by its id."""
    return {
        _id(block): (number, str(block.get("name")))
        for number, message in enumerate(messages)
        if isinstance(message, Mapping)
        for block in blocks_of(message.get("content"))
        if _is_use(block)
    }


def _results(messages: Sequence[Any]) -> dict[str, tuple[Any, bool]]:
    """Return each tool call's result, and whether the tool failed, by the call's id."""
    return {
        _id(block): (block.get("content"), bool(block.get("is_error")))
        for message in messages
        if isinstance(message, Mapping)
        for block in blocks_of(message.get("content"))
        if isinstance(block, Mapping) and str(block.get("type", "")).endswith("tool_result")
    }
