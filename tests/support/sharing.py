"""Runs to share: one that would like to be a page's script, and one of thousands of spans."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.support.build import Builder, assistant, result, said, use, user
from tracekit import semconv
from tracekit.analysis.structure import structure
from tracekit.model.tree import Run

MARKUP = {
    "script": "<script>window.evil = 1</script>",
    "ends the script": "</script><script>window.evil = 2</script>",
    "comment": "<!--<script>",
    "handler": "<img src=x onerror='window.evil = 3'>",
    "attribute": "\" autofocus onfocus='window.evil = 4' x=\"",
    "style": "</style><style>body{display:none}</style>",
    "address": "<a href='javascript:window.evil = 5'>click</a> http://evil.example/x.js",
    "template": "$policy ${data} $$ {{ 7 * 7 }}",
    "entity": "&lt;b&gt; &amp; ]]>",
    "markdown": "[x](http://evil.example) ![y](z) **b** `code` | @everyone #1 <details>",
    "zero": "a\x00b\x08c",
    "escape": "\x1b[31mred\x1b]0;title\x07",
    "bidi": "\u202egnp.exe\u202c \u2066x\u2069",
    "separators": "a\u2028b\u2029c",
    "half": "\ud83d half",
}
"""Texts that pages, pictures and Markdown must show and never obey."""


def markup_run() -> Run:
    """Make a run that has each text of `MARKUP` as a name, a message, a tool's input and its result."""
    build = Builder()
    everything = "\n".join(MARKUP.values())
    build.span("root", "run", 0, 1000, name=everything)
    for number, text in enumerate(MARKUP.values()):
        at = number * 60
        agent = build.agent(f"a{number}", at, at + 50, "root", f"m.t{number}", name=text)
        call_id = f"u{number}{text}"
        asked: list[dict[str, Any]] = [user([said(text)])]
        answer = [said(text), use(call_id, text, **{text: text})]
        build.call(f"c{number}", at, at + 20, asked, answer, parent=agent, lane=f"m.t{number}", system=text)
        build.tool(f"t{number}", text, at + 21, at + 30, agent, arguments={text: text}, call_id=call_id)
        more = [*asked, assistant(*answer), user([result(call_id, text)])]
        build.call(f"d{number}", at + 31, at + 50, more, [said(text)], parent=agent, lane=f"m.t{number}", system=text)
        build.span(f"s{number}", "span", at, at + 50, "root", name=text, attributes={text: text, "list": [text]})
    return structure(replace(build.recording(), name=everything))


def wide_run(workers: int = 720) -> Run:
    """Make a run of a lead and `workers` subagents of seven names, with eight spans each."""
    build = Builder()
    end = workers * 140 + 1000
    build.span("root", "run", 0, end, name="wide")
    build.agent("lead", 0, end, "root", name="lead")
    for number in range(workers):
        at, lane = number * 140, f"m.t{number}"
        worker = build.agent(f"w{number}", at, at + 900, "lead", lane, name=f"worker_{number % 7}")
        asked = [user(f"Look at file {number}")]
        answer = [use(f"u{number}", "look", path=f"file-{number}")]
        build.call(f"c{number}", at, at + 250, asked, answer, parent=worker, lane=lane)
        content = "content " * 20
        values = {semconv.TOOL_CALL_RESULT: content}
        build.tool(f"t{number}", "look", at + 260, at + 290, worker, call_id=f"u{number}", effects=values)
        more = [*asked, assistant(*answer), user([result(f"u{number}", content)])]
        build.call(f"d{number}", at + 300, at + 550, more, [said("Done.")], parent=worker, lane=lane)
    return structure(build.recording())
