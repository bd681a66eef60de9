"""Stories as journal files: a hit and a miss of each rule, under `fixtures/rules/`.

`python -m tests.support.stories` writes them anew. What differs from machine to machine is left out of their headers.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from tests.rules import hard, others
from tests.support.scenarios import Story, recording_of
from tracekit.journal.export import export
from tracekit.journal.writer import JournalSink
from tracekit.model.events import Event, Response, SpanBegin, SpanEnd
from tracekit.model.recording import Exchange, RecordedSpan
from tracekit.model.run import RunInfo

FOLDER = Path(__file__).parent.parent.parent / "fixtures" / "rules"

MISSES = {
    "TK101": "together as it should be",
    "TK102": "edits of one file in one answer",
    "TK103": "a refactor that quotes a finding's id",
    "TK104": "together as it should be",
    "TK105": "a bigger one among three, not twice as long",
    "TK106": "a pipeline of the program's own",
    "TK201": "one call with many retries",
    "TK202": "a retry that helped",
    "TK203": "overload is the API's own",
    "TK204": "a wait beside a longer branch",
    "TK301": "a history with a cache",
    "TK302": "samples at the same time",
    "TK303": "a large model for another prompt",
    "TK304": "short results carried along",
    "TK401": "asked to go on each time",
    "TK402": "a whole report",
    "TK403": "all results brought",
    "TK404": "killed while open",
}
"""For each rule the story that looks most like one of its hits, and is none."""


def chosen() -> Iterator[tuple[str, str, Story]]:
    """Code, ``hit`` or ``miss``, and story of each fixture."""
    by_name = {story.name: story for story in (*hard.MISSES, *others.MISSES)}
    hits = {code: story for story in reversed((*hard.HITS, *others.HITS)) for code in story.hits}
    for code, miss in MISSES.items():
        yield code, "hit", hits[code]
        yield code, "miss", by_name[miss]


def write(story: Story, out: Path, id: str = "ab" * 16) -> Path:
    """Write `story` to the journal file `out`, as a run with this id."""
    before = os.environ.get("TRACEKIT_HOME")
    with tempfile.TemporaryDirectory() as home:
        os.environ["TRACEKIT_HOME"] = home
        try:
            sink = JournalSink()
            run = RunInfo(id, story.name, 1_760_000_000_000_000_000)
            for event in _events(story):
                sink.write(run, event)
            if not story.killed:
                sink.exit(1)
            export(Path(home).rglob("*.jsonl"), out)
        finally:
            if before is None:
                del os.environ["TRACEKIT_HOME"]
            else:
                os.environ["TRACEKIT_HOME"] = before
    head, _, lines = out.read_text(encoding="utf-8").partition("\n")
    header = {**json.loads(head), "host": "host", "boot": "", "pid": 1, "process_start": 0, "versions": {}}
    out.chmod(0o644)
    out.write_text(json.dumps(header, separators=(",", ":")) + "\n" + lines, encoding="utf-8")
    return out


def _events(story: Story) -> Iterator[Event]:
    recording = recording_of(story)
    numbers = {id: f"{number:016x}" for number, id in enumerate(recording.spans, 1)}
    timed: list[tuple[int, int, int, Event]] = []
    for order, span in enumerate(recording.spans.values()):
        exchange = recording.exchanges.get(span.id)
        timed.append((span.start_ns, 1, order, _begin(span, numbers, exchange)))
        if span.end_ns is not None:
            timed.append((span.end_ns, 0 if span.end_ns > span.start_ns else 2, -order, _end(span, numbers, exchange)))
    return (event for *_, event in sorted(timed, key=lambda each: each[:3]))


def _begin(span: RecordedSpan, ids: Mapping[str, str], exchange: Exchange | None) -> SpanBegin:
    parent = None if span.parent is None else ids[span.parent]
    request = None if exchange is None else exchange.request
    return SpanBegin(ids[span.id], parent, span.kind, span.name, span.start_ns, span.lane, "", span.attributes, request)


def _end(span: RecordedSpan, ids: Mapping[str, str], exchange: Exchange | None) -> SpanEnd:
    response = None if exchange is None else Response(exchange.status, exchange.headers, exchange.body)
    status: Literal["ok", "error"] = "error" if span.status == "error" else "ok"
    return SpanEnd(ids[span.id], span.end_ns or 0, status, span.failure, {}, response)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for code, kind, story in chosen():
        write(story, FOLDER / f"{code}-{kind}.jsonl")
