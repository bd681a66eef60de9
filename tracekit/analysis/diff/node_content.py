"""Read the content of each node of a run, as far as two runs are compared by it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any
from zlib import crc32

from tracekit import semconv
from tracekit.analysis.diff.ids import IdMask
from tracekit.analysis.structure.calls import text_of
from tracekit.model.conversation import answer_signature, blocks_of
from tracekit.model.history import Part, RequestFields
from tracekit.model.messages import answer_of
from tracekit.model.recording import Exchange
from tracekit.model.tree import Node, Run

__all__ = ["NodeContent", "attempt_result", "has_words", "label_of", "read_contents"]

_SKETCH = 128
_COMPARED_ELSEWHERE = ("messages", "system", "model", "metadata")
"""Request fields that are compared as something else, or that only identify the sender."""


@dataclass(slots=True)
class NodeContent:
    """The content of one node.

    `fields` are compared one by one; `words` are texts, compared where the content of both is recorded. `content` is
    the text by which the node is found in the other run; `key` identifies the content of the whole subtree, and
    `sketch` is a sample of its words (the smallest hashes of them).
    """

    fields: dict[str, Any] = field(default_factory=dict)
    words: dict[str, Any] | None = None
    content: str = ""
    key: int = 0
    sketch: frozenset[int] = frozenset()

    def likeness(self, other: NodeContent) -> float:
        """Return how alike the words of two subtrees are, from 0 to 1."""
        if not self.sketch and not other.sketch:
            return 1.0
        return len(self.sketch & other.sketch) / len(self.sketch | other.sketch)


def has_words(run: Run) -> bool:
    """Return whether the content of `run` was recorded."""
    return all(segment.content == "full" for segment in run.recording.segments)


def label_of(node: Node) -> str:
    """Return the name of a node among its siblings of the same kind."""
    if node.kind == "agent":
        return node.agent or node.name
    if node.kind == "tool":
        return str(node.attributes.get(semconv.TOOL_NAME, node.name))
    return node.name if node.kind in ("run", "span") else {"llm": "call"}.get(node.kind, node.kind)


def read_contents(run: Run) -> dict[str, NodeContent]:
    """Return the content of every node of `run`, by its id."""
    reading = _Reading(run)
    contents: dict[str, NodeContent] = {}
    for node in reversed(list(run.root.walk())):
        contents[node.id] = each = reading.content_of(node)
        below = [contents[child.id] for child in node.children if child.kind != "attempt"]
        # Their order is no part of it: what is asked for at once may begin in any.
        each.key = hash((node.kind, label_of(node), each.content, tuple(sorted(one.key for one in below))))
        sample = {crc32(word.encode("utf-8", "surrogatepass")) for word in each.content.split()}
        each.sketch = frozenset(sorted(sample.union(*(one.sketch for one in below)))[:_SKETCH])
    return contents


class _Reading:
    """Reads the content of the nodes of one run."""

    def __init__(self, run: Run) -> None:
        self._has_words = has_words(run)
        self._calls: dict[str, _Call] = {}
        self._results: dict[str, str] = {}
        self._ids = IdMask()
        for each in run.recording.exchanges.values() if self._has_words else ():
            self._ids.learn(each)
        seen: dict[str, _SeenContent] = {}
        served = {id for node in run.root.walk() if (id := node.attributes.get(semconv.TOOL_CALL_ID))}
        calls = sorted(_calls(run.root), key=lambda pair: pair[1].start_ns)
        # What stands for a text elsewhere is another thing in each run.
        for agent, node in calls if self._has_words else ():
            exchange = run.exchange_of(node)
            if exchange is not None:
                read = _read(exchange, seen.setdefault(agent, _SeenContent()), served, self._results)
                self._calls[node.id] = _Call(*map(self._ids.over, (read.words, read.prompt, read.answer)))

    def content_of(self, node: Node) -> NodeContent:
        """Return the content of `node` itself."""
        fields: dict[str, Any] = {"name": label_of(node), "status": node.status}
        if node.failure is not None:
            fields["error"] = f"{node.failure.type}: {node.failure.message}".removesuffix(": ")
        if node.kind == "llm":
            return self._call(node, fields)
        if node.kind == "tool":
            return self._tool(node, fields)
        if node.kind == "agent" and semconv.AGENT_STOP_REASON in node.attributes:
            fields["stop reason"] = node.attributes[semconv.AGENT_STOP_REASON]
        return NodeContent(fields)

    def _call(self, node: Node, fields: dict[str, Any]) -> NodeContent:
        call = self._calls.get(node.id, _Call())
        attempts = [attempt_result(child) for child in node.children if child.kind == "attempt"]
        tokens = node.tokens
        fields |= {
            "model": node.model,
            "stop reason": node.attributes.get(semconv.STOP_REASON),
            "outcome": node.attributes.get(semconv.OUTCOME),
            "attempts": " ".join(attempts),
            "tokens in": tokens.input,
            "tokens out": tokens.output,
            "tokens read from cache": tokens.cache_read,
            "tokens written to cache": tokens.cache_write,
        }
        return NodeContent(fields, call.words, f"{call.prompt}\n{call.answer}")

    def _tool(self, node: Node, fields: dict[str, Any]) -> NodeContent:
        arguments = node.attributes.get(semconv.TOOL_CALL_ARGUMENTS)
        result = node.attributes.get(semconv.TOOL_CALL_RESULT)
        words: dict[str, Any] = {}
        if isinstance(arguments, Mapping):
            words = {f"argument {name}": value for name, value in arguments.items()}
        elif arguments is not None:
            words["arguments"] = arguments
        if result is None:
            result = self._results.get(str(node.attributes.get(semconv.TOOL_CALL_ID)))
        if result is not None:
            words["result"] = result
        words = self._ids.over(words)
        content = "" if arguments is None else self._ids.over(_text(arguments))
        return NodeContent(fields, words if self._has_words else None, content)


def attempt_result(attempt: Node) -> str:
    """Return the result of an attempt: its HTTP status, else its error."""
    failed = attempt.failure.type if attempt.failure is not None else attempt.status
    return str(attempt.attributes.get(semconv.HTTP_STATUS, failed))


@dataclass(slots=True)
class _SeenContent:
    """The content that an agent's calls have sent and received so far."""

    prefixes: set[bytes] = field(default_factory=set)
    answers: set[str] = field(default_factory=set)
    _fields: dict[Part, Any] = field(default_factory=dict)

    def field(self, request: RequestFields, name: str) -> Any:
        """Return a field of `request`; requests that share the field get the same object."""
        part = request.part(name)
        if part is None:
            return None
        if part not in self._fields:
            self._fields[part] = part.value
        return self._fields[part]


@dataclass(slots=True)
class _Call:
    """The content that one call adds to its agent's history, and its response."""

    words: dict[str, Any] | None = None
    prompt: str = ""
    answer: str = ""


def _calls(root: Node) -> Iterator[tuple[str, Node]]:
    """Yield each call with the id of the agent, else the run, that made it."""
    stack = [(root.id, root)]
    while stack:
        agent, node = stack.pop()
        if node.kind == "llm":
            yield agent, node
        stack.extend((node.id if node.kind == "agent" else agent, child) for child in node.children)


def _read(exchange: Exchange, seen: _SeenContent, served: set[Any], results: dict[str, str]) -> _Call:
    request = exchange.request.asked
    answer = answer_of(exchange.body, exchange.headers.get("content-type", "")).message or {}
    new = [*takewhile(lambda message: message.key not in seen.prefixes, request.messages.back())][::-1]
    seen.prefixes.update(message.key for message in new)
    if new and new[0].role == "assistant" and new[0].signature in seen.answers:
        del new[0]
    seen.answers.add(answer_signature(answer.get("content")))
    said = [text for message in new for text in _new_texts(message.value, results)]
    answered = [_block(block) for block in blocks_of(answer.get("content")) if not _is_served(block, served)]
    fields = {name: seen.field(request, name) for name in request if name not in _COMPARED_ELSEWHERE}
    prompt, text = "\n".join(said), "\n".join(answered)
    words = {**fields, "system": text_of(seen.field(request, "system")), "prompt": prompt, "answer": text}
    return _Call(words if request else None, prompt, text)


def _is_served(block: Any, served: set[Any]) -> bool:
    """Return whether the block requests a tool that stands in the tree, with its arguments."""
    return isinstance(block, Mapping) and block.get("type") == "tool_use" and block.get("id") in served


def _new_texts(message: Any, results: dict[str, str]) -> Iterator[str]:
    """Yield the texts of a message itself, and note its tool results, which belong to the tools."""
    for block in blocks_of(message.get("content")) if isinstance(message, Mapping) else [message]:
        if isinstance(block, Mapping) and block.get("type") == "tool_result":
            content = block.get("content")
            results[str(block.get("tool_use_id"))] = text_of(content) or _text(content)
        else:
            yield _block(block)


_IDS = ("id", "tool_use_id", "signature", "cache_control", "caller")
"""Members of a block that are no content: ids, and the marker and signature that the API needs."""


def _block(block: Any) -> str:
    if isinstance(block, Mapping) and block.get("type") in ("text", "thinking"):
        return str(block.get(block["type"], ""))
    if isinstance(block, Mapping):
        return _text({name: value for name, value in block.items() if name not in _IDS})
    return _text(block)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
