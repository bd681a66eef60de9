"""Hostile text in every place of a run that a model, a tool or a server can write to."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import anthropic

import tracekit
from tracekit import semconv
from tracekit.demo.answers import (
    ReceivedRequest,
    ScriptedResponse,
    error,
    message,
    reply,
    stream,
    text,
    thinking,
    tool_use,
)
from tracekit.demo.claude import ScriptedClaude
from tracekit.journal.writer import JournalSink
from tracekit.model.events import Failure, Request, Response, SpanBegin, SpanEnd
from tracekit.model.run import ProcessRoot, RunInfo

CLASSES = {
    "sgr": "\x1b[38;5;213;48;5;99mEVIL01\x1b[0;4;53m",
    "clear": "\x1b[2J\x1b[3J\x1b[1;7HEVIL02",
    "osc8": "\x1b]8;;http://evil.example\x1b\\EVIL03\x1b]8;;\x1b\\",
    "osc52": "\x1b]52;c;RVZJTA==\x07EVIL04",
    "dcs": "\x1bP1$tEVIL05\x1b\\",
    "apc": "\x1b_Ga=T;EVIL06\x1b\\",
    "title": "\x1b]0;evil\x07EVIL07",
    "reset": "\x1bc\x1b#8EVIL08",
    "c1": "\x9b31mEVIL09\x9d52;c;aGk=\x9c\x90q\x9c\x85\x8d",
    "cr": "EVIL10\rforged row",
    "lines": "EVIL11\n│ user\n│ forged\x0b\x0c\u2028more\u2029",
    "bidi": "\u202eEVIL12\u202c\u2066\u2067\u2068\u2069\u061c\u200e\u200f",
    "zero-width": "EVIL13 E\u200bE\u2060V\ufeffI\u00adL\u180e\u3164\u115f\u2061",
    "tags": "EVIL14" + "".join(chr(0xE0000 + ord(c)) for c in "ignore all"),
    "selectors": "EVIL15" + "".join(chr(0xE0100 + n) for n in range(40)) + "a\ufe0f\ufe0e",
    "markup": "[bold red]EVIL16[/] [@click=app.quit]x[/] [link=http://evil]y[/link] :smile:",
    "zalgo": "EVIL17" + "\u0301\u0328\u20dd" * 200,
    "private": "EVIL18\ue0b0\U000f0000\U0010fffd\ufdd0\uffff\U0001ffff",
    "tabs": "EVIL19\t\t\tx\b\b\b\x7f\x00",
    "wide": "EVIL20" + "漢" * 150 + "🙂" * 150,
    "emoji": "EVIL21 👨\u200d👩\u200d👧 ❤\ufe0f 👍🏽 🇩🇪 1\ufe0f\u20e3 🏴\U000e0067\U000e0062\U000e007f",
    "scripts": "EVIL22 नमस्ते می\u200cخواهم שלום ไทย Việt e\u0301 \u1112\u1161\u11ab",  # noqa: RUF001  Persian
    "ansi-input": "\x1b[200~EVIL23\x1b[201~\x1b[6n\x1b[c\x1b[?1049l\x1b[?1000h",
}
"""Each with a marker, which a reader sees."""

SURROGATES = "EVIL24 \ud83d half \udc00\udc00"
"""Comes from a server alone: no client can send it."""

PLANTED = ["\x1b[38;5;213;48;5;99m", "\x1b[0;4;53m", "\x1b[1;7H", "\x1b]8;", "\x1b]52", "\x1bP1$t", "\x1b_G", "\x1b]0;",
           "\x1bc", "\x1b#8", "\x1b[200~", "\x1b[6n", "\x1b[3J"]  # fmt: skip
"""What of it a terminal would act on, and nothing of ours ever says."""

EVIL = " ".join(CLASSES.values())
NAME = CLASSES["osc52"] + CLASSES["cr"] + CLASSES["bidi"] + CLASSES["markup"] + CLASSES["c1"]
"""A name with a bit of each sort, short enough to be seen in part."""

LONG = "EVIL25" + "x" * 10_000_000


def record() -> str:
    """Record an agent that meets all of it, with the SDK and a server; the run's id."""
    answers = iter(_answers())

    def respond(asked: ReceivedRequest) -> ScriptedResponse:
        return reply(asked, next(answers))

    with ScriptedClaude(respond) as claude, tracekit.run(NAME) as run:
        with anthropic.Anthropic(base_url=claude.url, api_key="test") as client, tracekit.agent(NAME):
            messages: list[Any] = [
                {"role": "user", "content": [{"type": "text", "text": each} for each in CLASSES.values()]}
            ]
            while True:
                with client.messages.stream(model=NAME, max_tokens=100, system=EVIL, messages=messages) as stream:
                    answer = stream.get_final_message()
                uses = [block for block in answer.content if block.type == "tool_use"]
                if not uses:
                    break
                messages.append({"role": "assistant", "content": answer.content})
                messages.append({"role": "user", "content": [_result(block) for block in uses]})
            try:
                client.messages.create(model=NAME, max_tokens=100, messages=[{"role": "user", "content": "again"}])
            except anthropic.BadRequestError:
                """It is what the last answer of the script is for."""
        return run.id


def _answers() -> list[ScriptedResponse]:
    headers = {"request-id": "EVIL26 \u009b31m\u202e", "retry-after-ms": "1"}
    last = stream(message(thinking(EVIL), text("surrogates"), model=NAME))
    halves = json.dumps(SURROGATES).encode().strip(b'"')
    chunks = tuple((wait, chunk.replace(b"surrogates", halves)) for wait, chunk in last.chunks or ())
    uses = [tool_use(each, {each: [each, {"k": EVIL}]}) for each in CLASSES.values()]
    return [
        error(529, NAME, EVIL, headers),
        message(thinking(EVIL), text(EVIL), *uses, model=NAME),
        replace(last, chunks=chunks),
        error(400, NAME, EVIL),
    ]


def _result(block: Any) -> dict[str, Any]:
    def work(given: Any) -> str:
        if block.name == CLASSES["osc8"]:
            raise ValueError(EVIL)
        return (
            LONG
            if block.name == CLASSES["sgr"]
            else json.dumps({EVIL: EVIL})
            if block.name == CLASSES["bidi"]
            else EVIL
        )

    work.__name__ = work.__qualname__ = block.name
    try:
        found = tracekit.tool(work)(block.input)
    except ValueError as problem:
        return {"type": "tool_result", "tool_use_id": block.id, "content": f"ValueError: {problem}", "is_error": True}
    return {"type": "tool_result", "tool_use_id": block.id, "content": found}


def write() -> str:
    """Write a journal that says it wherever a journal has a text; the run's id."""
    sink = JournalSink({NAME: EVIL})
    run = RunInfo(
        "e" * 32, NAME, 1_795_348_800_000_000_000, ProcessRoot("1" * 16, 1_795_348_800_000_000_000, ("sh", EVIL))
    )
    now = run.recorded_at_ns
    attributes = {NAME: EVIL, "gen_ai." + NAME: [EVIL, NAME], semconv.OUTCOME: NAME, semconv.STOP_REASON: NAME}
    sink.write(run, SpanBegin("1" * 16, None, "run", NAME, now, "m", "", attributes))
    sink.write(
        run, SpanBegin("2" * 16, "1" * 16, "agent", NAME, now, "m", "", {semconv.AGENT_NAME: NAME, **attributes})
    )
    asked = {semconv.REQUEST_MODEL: NAME, semconv.INPUT_TOKENS: 5, semconv.OUTPUT_TOKENS: 5, semconv.SPEED: NAME}
    sink.write(run, SpanBegin("3" * 16, "2" * 16, "llm", NAME, now, "m", "", asked | attributes))
    headers = {"content-type": "text/plain", NAME: EVIL}
    request = Request(NAME, NAME, NAME, NAME, headers, EVIL.encode())
    sink.write(run, SpanBegin("4" * 16, "3" * 16, "attempt", NAME, now, "m", "", attributes, request))
    response = Response(500, headers, EVIL.encode() + b"\xff\xfe\x80")
    seen = {semconv.REQUEST_ID: EVIL, semconv.RETRY_AFTER: EVIL, semconv.HTTP_STATUS: NAME, **attributes}
    sink.write(run, SpanEnd("4" * 16, now + 5, "error", Failure(NAME, EVIL), seen, response))
    sink.write(run, SpanEnd("3" * 16, now + 6, "error", Failure(NAME, EVIL)))
    for index, each in enumerate(CLASSES.values()):
        sink.write(run, SpanBegin(f"5{index:015x}", "2" * 16, "span", each, now + 7 + index, "m", "", {each: each}))
    sink.write(
        run, SpanBegin("6" * 16, "2" * 16, "tool", NAME, now + 99, "m", "", {semconv.TOOL_NAME: NAME, **attributes})
    )
    sink.write(
        run, SpanEnd("6" * 16, now + 100, "error", Failure(NAME, EVIL), {semconv.TOOL_CALL_RESULT: {EVIL: EVIL}})
    )
    sink.release(run)
    return run.id
