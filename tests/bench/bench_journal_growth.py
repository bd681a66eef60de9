"""The growth of a journal: a conversation of 150 turns with a system prompt and tools, some 400 kB.

Compares what the journal takes with what is new in the conversation (each message, answer and field once) and with
what a record takes that keeps each request as it was sent. The CPU time of the last calls against that of the first
ones says what a long history costs.

Run it from the repository's folder: `python -m tests.bench.bench_journal_growth`.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import anthropic
import httpx2

import tracekit
from tracekit.demo.answers import message, text, tool_use

TURNS = 150
SYSTEM = "You are a careful engineer who reads before writing, and who says what was found. " * 50
TOOLS: list[dict[str, Any]] = [
    {
        "name": name,
        "description": f"Use this tool to {name.replace('_', ' ')}; it takes a path and returns what was found. " * 6,
        "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
    }
    for name in ("read_file", "write_file", "list_files", "search_files", "run_tests", "show_diff")
]


class Claude:
    """Answers each request with a call of a tool, and counts what would be written naively."""

    def __init__(self) -> None:
        self.naive = 0
        self.answers = 0
        self.turn = 0

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        name = TOOLS[self.turn % len(TOOLS)]["name"]
        words = f"In step {self.turn} I look at what the last one showed, and go on from there. " * 4
        answer = message(text(words), tool_use(name, {"path": f"src/module_{self.turn}.py"}))
        self.turn += 1
        self.naive += len(request.content) + len(answer.body)
        self.answers += len(answer.body)
        return httpx2.Response(200, headers={"content-type": "application/json"}, content=answer.body)


def converse(claude: Claude) -> tuple[list[dict[str, Any]], list[float]]:
    """Hold the conversation; returns it, and the CPU time of each call in microseconds."""
    client = anthropic.Anthropic(
        api_key="none", base_url="http://127.0.0.1:9", http_client=httpx2.Client(transport=httpx2.MockTransport(claude))
    )
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Tidy up the shop. " * 20}]
    took: list[float] = []
    for turn in range(TURNS):
        asked: dict[str, Any] = {"messages": messages, "system": SYSTEM, "tools": TOOLS}
        begin = time.process_time_ns()
        said = client.messages.create(model="claude-sonnet-5", max_tokens=4000, **asked)
        took.append((time.process_time_ns() - begin) / 1000)
        messages.append({"role": "assistant", "content": [block.to_dict() for block in said.content]})
        found = f"line {turn}: def handle(order): return order.total  # ünïcode too\n" * 28
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": found}
            for block in said.content
            if block.type == "tool_use"
        ]
        messages.append({"role": "user", "content": results})
    return messages, took


def size(value: object) -> int:
    """The bytes of `value` as compact JSON."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")
    as_json = parser.parse_args().json
    with tempfile.TemporaryDirectory(prefix="tracekit-bench-", dir="/var/tmp") as folder:
        os.environ["TRACEKIT_HOME"] = folder
        tracekit.init()
        claude = Claude()
        with tracekit.run("growth"):
            messages, took = converse(claude)
        journal = sum(path.stat().st_size for path in Path(folder).rglob("*.jsonl"))
    # What was asked last is not sent any more; answers count as what was asked and as what was answered.
    conversation = size(messages[:-1])
    new = conversation + claude.answers + size(SYSTEM) + size(TOOLS)
    figures = {
        "turns": TURNS,
        "conversation": conversation,
        "new": new,
        "journal": journal,
        "naive": claude.naive,
        "journal_to_new": journal / new,
        "naive_to_journal": claude.naive / journal,
        "first_10_us": sum(took[5:15]) / 10,
        "last_10_us": sum(took[-10:]) / 10,
    }
    if as_json:
        print(json.dumps(figures, indent=1))
        return
    print(f"A conversation of {TURNS} turns and {conversation / 1000:.0f} kB")
    print(f"  what is new, once       {new / 1000:9.0f} kB")
    print(f"  the journal             {journal / 1000:9.0f} kB   {figures['journal_to_new']:.2f} x what is new")
    print(f"  each request as sent    {claude.naive / 1000:9.0f} kB   {figures['naive_to_journal']:.0f} x the journal")
    print(
        f"  CPU of a call           {figures['first_10_us']:9.0f} µs at turn 10, {figures['last_10_us']:.0f} µs at turn {TURNS}"
    )


if __name__ == "__main__":
    main()
