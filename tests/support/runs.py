"""Journals of whole runs, made fast: events through the real writer, without the SDK."""

import json
import os
import random
import time
from typing import Any

from tracekit import semconv
from tracekit.journal.writer import JournalSink
from tracekit.model.events import Event, Request, Response, SpanBegin, SpanEnd
from tracekit.model.run import RunInfo

MODEL = "claude-sonnet-4-5"


class Team:
    """Writes a run of one agent with `turns` turns: a call, an attempt, and a tool except in the last.

    Four spans a turn, and two on top. `steps` yields between events, so that several writers can take turns.
    """

    def __init__(
        self, sink: JournalSink, run: RunInfo, turns: int, *, seed: int = 0, text: int = 200, start_ns: int = 0
    ) -> None:
        self._sink, self._run, self._turns, self._text = sink, run, turns, text
        self._random = random.Random(f"{run.id} {seed}")
        self._now = start_ns or run.recorded_at_ns

    def write(self, *, end: bool = True) -> None:
        """Write it all; without its ends, if `end` is false, as a process that goes on."""
        root, agent = self._id(), self._id()
        self._emit(SpanBegin(root, None, "run", self._run.name, self._now, "m"))
        named = {semconv.AGENT_NAME: "lead", semconv.OPERATION_NAME: "invoke_agent"}
        self._emit(SpanBegin(agent, root, "agent", "invoke_agent lead", self._now, "m", "", named))
        messages: list[Any] = [{"role": "user", "content": f"Do it: {self._words(60)}"}]
        for number in range(self._turns):
            messages = self._turn(agent, number, messages)
        if end:
            self._emit(SpanEnd(agent, self._now, "ok"))
            self._emit(SpanEnd(root, self._now, "ok"))
            self._sink.release(self._run)

    def _turn(self, agent: str, number: int, messages: list[Any]) -> list[Any]:
        turn, is_last = self._id(), number == self._turns - 1
        self._emit(SpanBegin(turn, agent, "turn", "turn", self._now, "m"))
        use: dict[str, Any] = {
            "type": "tool_use",
            "id": f"toolu_{self._id()}",
            "name": "read_file",
            "input": {"path": f"f{number}.py"},
        }
        content: list[Any] = [{"type": "text", "text": self._words(self._text)}]
        if not is_last:
            content.append(use)
        self._call(turn, messages, content, "end_turn" if is_last else "tool_use")
        grown = [*messages, {"role": "assistant", "content": content}]
        if not is_last:
            result = self._words(self._text)
            asked = {
                semconv.TOOL_NAME: "read_file",
                semconv.TOOL_CALL_ID: use["id"],
                semconv.TOOL_CALL_ARGUMENTS: use["input"],
            }
            tool = self._id()
            self._emit(SpanBegin(tool, turn, "tool", "execute_tool read_file", self._now, "m", "", asked))
            self._now += 1_000_000
            self._emit(SpanEnd(tool, self._now, "ok", None, {semconv.TOOL_CALL_RESULT: result}))
            answered = {"type": "tool_result", "tool_use_id": use["id"], "content": result}
            grown.append({"role": "user", "content": [answered]})
        self._emit(SpanEnd(turn, self._now, "ok"))
        return grown

    def _call(self, turn: str, messages: list[Any], content: list[Any], stop: str) -> None:
        llm, attempt = self._id(), self._id()
        asked = {semconv.REQUEST_MODEL: MODEL, semconv.OPERATION_NAME: "chat"}
        self._emit(SpanBegin(llm, turn, "llm", f"chat {MODEL}", self._now, "m", "", asked))
        body = {"model": MODEL, "max_tokens": 1000, "system": "You are careful.", "messages": messages}
        headers = {"content-type": "application/json"}
        request = Request("POST", "https://api.anthropic.com", "/v1/messages", "", headers, _json(body))
        self._emit(SpanBegin(attempt, llm, "attempt", "POST", self._now, "m", "", {}, request))
        self._now += 50_000_000
        usage = {"input_tokens": 100, "output_tokens": 50}
        answer = {"id": f"msg_{llm}", "type": "message", "role": "assistant", "model": MODEL, "content": content}
        response = Response(200, headers, _json({**answer, "stop_reason": stop, "usage": usage}))
        seen = {semconv.HTTP_STATUS: 200, semconv.REQUEST_ID: f"req_{attempt}"}
        self._emit(SpanEnd(attempt, self._now, "ok", None, seen, response))
        used = {semconv.INPUT_TOKENS: 100, semconv.OUTPUT_TOKENS: 50, semconv.STOP_REASON: stop}
        self._emit(SpanEnd(llm, self._now, "ok", None, {**used, semconv.RESPONSE_MODEL: MODEL}))

    def _emit(self, event: Event) -> None:
        self._sink.write(self._run, event)

    def _id(self) -> str:
        return f"{self._random.getrandbits(64):016x}"

    def _words(self, length: int) -> str:
        return " ".join(self._random.choices(_WORDS, k=max(1, length // 7)))


_WORDS = ["".join(random.Random(n).choices("abcdefghijklmnopqrstuvwxyz", k=2 + n % 8)) for n in range(2000)]


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def new_run(name: str = "job", recorded_at_ns: int = 0) -> RunInfo:
    """A run of its own, recorded now if nothing else is said."""
    return RunInfo(os.urandom(16).hex(), name, recorded_at_ns or time.time_ns())


def write_runs(count: int, turns: int = 3, *, name: str = "job", ago_s: float = 0, text: int = 200) -> list[str]:
    """Record `count` runs that ended `ago_s` seconds ago; returns their ids, oldest first."""
    sink = JournalSink()
    ids = []
    for number in range(count):
        run = new_run(name, time.time_ns() - int(ago_s * 1e9) + number)
        Team(sink, run, turns, text=text).write()
        ids.append(run.id)
    return ids
