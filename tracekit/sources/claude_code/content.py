"""The texts of a session, read from its files when they are written into the journal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tracekit import semconv
from tracekit.model.events import Response
from tracekit.model.json_text import compact
from tracekit.model.messages import ResponseContent, usage_attributes
from tracekit.sources.claude_code.calls import CallRecord, ToolRecord
from tracekit.sources.claude_code.lines import AssistantPart, SessionLine, UserPart
from tracekit.sources.claude_code.texts import blocks_of, text_of
from tracekit.sources.records import RecordReading

__all__ = ["SessionContent", "usage_of"]


class SessionContent:
    """Reads messages, inputs and results again by the places of their lines.

    Every method raises OSError where a file is gone, and ValueError where it was changed.
    """

    def __init__(self, reading: RecordReading) -> None:
        self._reading = reading

    def new_messages(self, call: CallRecord) -> list[dict[str, Any]]:
        """Return the messages that the request of `call` adds to that of the call before: its answer, and the user's.

        The first call of a fork adds the whole conversation that the fork took over.
        """
        chain = [call]
        while (above := chain[-1].parent) is not None and above.is_copied:
            chain.append(above)
        return [message for each in reversed(chain) for message in self._added_messages(each)]

    def _added_messages(self, call: CallRecord) -> list[dict[str, Any]]:
        before = [] if call.parent is None else [{"role": "assistant", "content": self._answer_blocks(call.parent)}]
        blocks: list[Any] = []
        for tool in call.parent.tools if call.parent is not None else ():
            if tool.result is not None:
                blocks += self._blocks(tool.result)
        texts = [line for line in call.said if isinstance(line.content, UserPart) and not line.content.result]
        contents = [self._message(line).get("content") for line in texts]
        if not blocks and len(contents) == 1:
            return [*before, {"role": "user", "content": contents[0]}]
        blocks += [dict(block) for content in contents for block in blocks_of(content)]
        return [*before, {"role": "user", "content": blocks}] if blocks else before

    def response(self, call: CallRecord) -> Response:
        """Return the response to `call`, put together from its lines."""
        newest = call.newest
        assert newest is not None
        message = {
            "id": newest.message,
            "type": "message",
            "role": "assistant",
            "model": newest.model,
            "content": self._answer_blocks(call),
            "stop_reason": newest.stop_reason,
            "usage": _known_usage(call, newest),
        }
        headers = {"content-type": "application/json"}
        if newest.request_id:
            headers["request-id"] = newest.request_id
        return Response(200, headers, compact(message).encode("utf-8", "surrogatepass"))

    def arguments(self, tool: ToolRecord) -> dict[str, Any]:
        """Return the attribute that holds the input of `tool`."""
        for block in self._blocks(tool.line):
            if isinstance(block, dict) and block.get("id") == tool.block.id:
                return {semconv.TOOL_CALL_ARGUMENTS: block.get("input")}
        return {}

    def result(self, tool: ToolRecord) -> dict[str, Any]:
        """Return the attribute that holds the result of `tool`."""
        if tool.result is None:
            return {}
        for block in self._blocks(tool.result):
            if isinstance(block, dict) and block.get("tool_use_id") == tool.block.id:
                content = block.get("content")
                is_text = isinstance(content, str) or all(each.get("type") == "text" for each in blocks_of(content))
                return {semconv.TOOL_CALL_RESULT: text_of(content) if is_text else content}
        return {}

    def prompt(self, line: SessionLine) -> dict[str, Any]:
        """Return the attribute that holds a prompt, in the form of the conventions, as JSON."""
        parts = [{"type": "text", "content": text_of(self._message(line).get("content"))}]
        return {semconv.INPUT_MESSAGES: json.dumps([{"role": "user", "parts": parts}], ensure_ascii=False)}

    def text(self, line: SessionLine) -> str:
        """Return the text of a line's message."""
        return text_of(self._message(line).get("content"))

    def _message(self, line: SessionLine) -> Mapping[str, Any]:
        record = self._reading.record(line.place)
        data = record.get("data")
        if line.is_embedded and isinstance(data, dict) and isinstance(data.get("message"), dict):
            record = data["message"]
        message = record.get("message")
        return message if isinstance(message, dict) else {}

    def _blocks(self, line: SessionLine) -> list[Any]:
        return [dict(block) for block in blocks_of(self._message(line).get("content"))]

    def _answer_blocks(self, call: CallRecord) -> list[Any]:
        return [block for line in call.lines for block in self._blocks(line)]


def usage_of(call: CallRecord) -> dict[str, Any]:
    """Return the usage attributes of `call`, without values that the record lacks."""
    newest = call.newest
    if newest is None:
        return {}
    answer = ResponseContent()
    answer.message = {
        "id": newest.message,
        "model": newest.model,
        "stop_reason": newest.stop_reason,
        "usage": call.better_usage or newest.usage,
    }
    found = usage_attributes(answer, finished=bool(call.better_usage) or not call.is_placeholder)
    if newest.request_id:
        found[semconv.REQUEST_ID] = newest.request_id
    return found


def _known_usage(call: CallRecord, newest: AssistantPart) -> dict[str, Any]:
    if call.better_usage:
        return dict(call.better_usage)
    return {name: value for name, value in newest.usage.items() if name != "output_tokens" or not call.is_placeholder}
