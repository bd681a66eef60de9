import json
import os
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.journals import RUN, asking, begin, compact, end, lines_of, read_events, request, write_run
from tests.support.recording import recordings
from tracekit.errors import JournalError, NewerJournalError
from tracekit.journal.catalog import all_runs, find_run
from tracekit.journal.decode import NEWEST_VERSION
from tracekit.journal.liveness import is_alive
from tracekit.journal.reader import JournalReader, read_run
from tracekit.model.events import Answered, Chunk, Event, Exit, Failure, LaneBegin, Response, SpanBegin, SpanEnd

FIXTURES = Path(__file__).parents[2] / "fixtures"
USER = {"role": "user", "content": "Hi ✓"}
FIRST = compact({"model": "m", "messages": [USER]})
SECOND = compact({"model": "m", "messages": [USER, {"role": "assistant", "content": "Yes."}]})
EVENTS: list[Event] = [
    LaneBegin("m", None, "main", 0),
    begin(1, "naïve"),
    asking(2, FIRST),
    Answered(f"{2:016x}", 5, 200, {"content-type": "text/event-stream"}),
    Chunk(f"{2:016x}", 6, b'event: a\ndata: {"x":1}\n\n'),
    end(2),
    asking(3, SECOND),
    SpanEnd(f"{3:016x}", 9, "error", Failure("529", "busy"), {}, Response(529, {}, b'{"type":"error"}')),
    end(1),
]


def test_run_is_read_as_it_was_written(home: Path) -> None:
    path = write_run(*EVENTS)
    assert read_events(path) == [*EVENTS, Exit(9)]
    (run,) = recordings()
    assert (run.id, run.name, run.recorded_at_ns) == (RUN.id, RUN.name, RUN.recorded_at_ns)
    (segment,) = run.segments
    assert (segment.pid, segment.alive, segment.exited, segment.damage) == (os.getpid(), False, True, ())
    assert [span.status for span in run.spans.values()] == ["ok", "ok", "error"]
    first, second = run.exchanges.values()
    assert (first.request.body, first.body, first.status) == (FIRST, b'event: a\ndata: {"x":1}\n\n', 200)
    assert (second.request.body, second.body, second.status) == (SECOND, b'{"type":"error"}', 529)


def test_process_that_ends_with_an_open_span_says_so(home: Path) -> None:
    write_run(begin(1))
    (run,) = recordings()
    assert run.segments[0].exited
    assert run.spans[f"{1:016x}"].status == "open"


def test_journal_cut_at_any_byte_loses_only_the_cut_line(home: Path, tmp_path: Path) -> None:
    data = write_run(*EVENTS).read_bytes()
    header = data.index(b"\n") + 1
    whole = read_run([write_run(*EVENTS)])
    cut = tmp_path / "cut.jsonl"
    for at in range(header, len(data)):
        cut.write_bytes(data[:at])
        run = read_run([cut])
        expected = ("the last line is cut and is skipped",) if data[at - 1 : at] != b"\n" else ()
        assert run.segments[0].damage == expected
        lines = data[header:at].count(b"\n")
        reader = JournalReader(cut)
        assert [event for _, event in reader.new_events()] == EVENTS[:lines]
    assert whole.id == run.id


def test_journal_cut_in_its_first_line_cannot_be_read(home: Path, tmp_path: Path) -> None:
    data = write_run(*EVENTS).read_bytes()
    cut = tmp_path / "cut.jsonl"
    for at in range(data.index(b"\n") + 1):
        cut.write_bytes(data[:at])
        with pytest.raises(JournalError, match="is not a journal: it is empty, or its first line is cut"):
            read_run([cut])
        assert not is_alive(cut)


def test_unreadable_segment_does_not_take_the_others_with_it(home: Path, tmp_path: Path) -> None:
    good = write_run(*EVENTS)
    for name, data in {
        "empty": b"",
        "cut": b'{"e":"hea',
        "binary": os.urandom(3000) + b"\n",
        "text": b"hello\n",
    }.items():
        bad = tmp_path / f"{name}.jsonl"
        bad.write_bytes(data)
        run = read_run([bad, good])
        assert run.id == RUN.id
        assert len(run.spans) == 3
        assert [bool(segment.damage) for segment in sorted(run.segments, key=lambda segment: segment.run)] == [
            True,
            False,
        ]


GARBAGE = [
    b"",
    b"garbage",
    b"\x00\xff\xfe" * 50,
    b"null",
    b"1",
    b'"begin"',
    b"[]",
    b"{}",
    b'{"e":"begin"}',
    b'{"e":"begin","id":1,"parent":null,"kind":"agent","name":"a","t":1,"lane":"m"}',
    b'{"e":"begin","id":"a","parent":null,"kind":"agent","name":"a","t":"now","lane":"m"}',
    b'{"e":"end","id":"a","t":1}',
    b'{"e":"end","id":"a","t":1,"status":"ok","attributes":[]}',
    b'{"e":"chunk","id":"a","t":1}',
    b'{"e":"chunk","id":"a","t":1,"b64":"!"}',
    b'{"e":"chunk","id":"a","t":1,"sse":[["a",{},9999999999999]]}',
    b'{"e":"chunk","id":"a","t":1,"sse":[[]]}',
    b'{"e":"chunk","id":"a","t":1,"json":NaN}',
    b'{"e":"answer","id":"a","t":1,"status":200,"headers":null}',
    b'{"e":"blob"}',
    b"[" * 100_000,
    b'{"e":"header"',
    b'{"e":"header","format":"something else"}',
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda garbage: repr(garbage[:60]))
def test_garbage_in_the_middle_is_passed_over_and_told(home: Path, garbage: bytes) -> None:
    path = write_run(*EVENTS)
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*lines[:4], garbage, *lines[4:]]))
    run = read_run([path])
    assert len(run.spans) == 3
    (damage,) = run.segments[0].damage
    assert damage.startswith("line 5: ")
    assert [exchange.request.body for exchange in run.exchanges.values()] == [FIRST, SECOND]


def test_line_of_a_kind_that_a_later_version_may_add_is_passed_over(home: Path) -> None:
    path = write_run(*EVENTS)
    with path.open("ab") as file:
        file.write(b'{"e":"weather","t":1,"sun":true}\n')
        file.write(b'{"e":"begin","id":"ab","parent":null,"kind":"dream","name":"a","t":1,"lane":"m","more":[]}\n')
    run = read_run([path])
    assert run.segments[0].damage == ()
    assert run.spans["ab"].kind == "span"


def test_request_whose_base_is_lost_keeps_its_span(home: Path) -> None:
    path = write_run(*EVENTS)
    lines = path.read_bytes().split(b"\n")
    (lost,) = [n for n, line in enumerate(lines) if b'"request":' in line and b'"base":null' in line]
    path.write_bytes(b"\n".join(lines[:lost] + lines[lost + 1 :]))
    run = read_run([path])
    (damage,) = run.segments[0].damage
    assert damage == (
        f"line {lost + 4}: the body of request {3:016x} cannot be restored: it continues request {2:016x}, which is missing"
    )
    span = run.spans[f"{3:016x}"]
    assert (span.status, span.failure) == ("error", Failure("529", "busy"))
    exchange = run.exchanges[span.id]
    assert exchange.request.body is None
    assert exchange.request.path == "/v1/messages"
    assert exchange.body == b'{"type":"error"}'


def test_request_that_was_altered_or_lost_its_image_keeps_its_span(home: Path) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": "A" * 5_000}
    image = compact({"messages": [{"role": "user", "content": [{"type": "image", "source": source}]}]})
    plain = b'{"messages" : []}'
    path = write_run(asking(1, image), asking(2, FIRST), asking(3, plain))
    lines = [line for line in path.read_bytes().split(b"\n") if b'"e":"blob"' not in line]
    path.write_bytes(b"\n".join(lines).replace("Hi ✓".encode(), b"Ho").replace(b" : ", b":"))
    run = read_run([path])
    assert [exchange.request.body for exchange in run.exchanges.values()] == [None, None, None]
    assert len(run.spans) == 3
    missing, altered, raw = run.segments[0].damage
    assert "is missing" in missing
    assert "does not give back the bytes that were sent" in altered
    assert "does not give back the bytes that were sent" in raw


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("runs/*.jsonl")), ids=lambda path: path.stem)
def test_requests_that_are_read_late_are_the_same(path: Path) -> None:
    whole, late = read_run([path]), read_run([path], is_lazy=True)
    assert late == whole
    # From the newest to the oldest, so that each is put together by itself.
    for id in reversed([*whole.exchanges]):
        request, read = late.exchanges[id].request, whole.exchanges[id].request
        assert (request.body, request.size, request.asked) == (read.body, read.size, read.asked)
        assert request.asked.messages.key(2) == read.asked.messages.key(2)


def test_a_request_that_is_read_late_may_turn_out_to_be_another(home: Path) -> None:
    """A late request that differs from its digest is dropped with its followers; the rest is read."""
    source = {"type": "base64", "media_type": "image/png", "data": "A" * 5_000}
    image = compact({"messages": [{"role": "user", "content": [{"type": "image", "source": source}]}]})
    path = write_run(asking(1, image), asking(2, FIRST), asking(3, SECOND), asking(4, compact({"model": "n"})))
    lines = [line for line in path.read_bytes().split(b"\n") if b'"e":"blob"' not in line]
    path.write_bytes(b"\n".join(lines).replace("Hi ✓".encode(), b"Ho"))
    run = read_run([path], is_lazy=True)
    requests = [exchange.request for exchange in run.exchanges.values()]
    assert [request.body for request in requests] == [None, None, None, b'{"model":"n"}']
    assert [dict(request.asked) for request in requests] == [{}, {}, {}, {"model": "n"}]
    assert [request.digest for request in requests] == [
        sha256(body).hexdigest() for body in (image, FIRST, SECOND, b'{"model":"n"}')
    ]


def test_a_request_that_is_read_late_and_continues_none_is_damage(home: Path) -> None:
    path = write_run(*EVENTS)
    lines = path.read_bytes().split(b"\n")
    (lost,) = [n for n, line in enumerate(lines) if b'"request":' in line and b'"base":null' in line]
    path.write_bytes(b"\n".join(lines[:lost] + lines[lost + 1 :]))
    (damage,) = read_run([path], is_lazy=True).segments[0].damage
    assert damage.endswith(f"it continues request {2:016x}, which is missing")


def test_newer_version_says_what_would_work(home: Path) -> None:
    path = write_run(*EVENTS)
    header, rest = path.read_bytes().split(b"\n", 1)
    newer = json.loads(header) | {"version": NEWEST_VERSION + 1}
    path.write_bytes(compact(newer) + b"\n" + rest)
    with pytest.raises(
        NewerJournalError, match=rf"format {NEWEST_VERSION + 1}.*reads up to {NEWEST_VERSION}: upgrade tracekit-agents"
    ):
        read_run([path])
    with pytest.raises(NewerJournalError, match="upgrade tracekit-agents"):
        find_run(RUN.id[:8])
    assert all_runs() == []


@pytest.mark.parametrize(
    "change",
    [{"run": 1}, {"name": None}, {"recorded_at_ns": "x"}, {"root": {"id": "a"}}, {"format": "x"}, {"version": "x"}],
)
def test_damaged_header_is_no_journal(home: Path, change: dict[str, object]) -> None:
    path = write_run(*EVENTS)
    header, rest = path.read_bytes().split(b"\n", 1)
    path.write_bytes(compact(json.loads(header) | change) + b"\n" + rest)
    with pytest.raises(JournalError):
        read_run([path])
    with pytest.raises(JournalError):
        find_run(RUN.id)
    assert all_runs() == []


@pytest.mark.parametrize("data", [b"", os.urandom(5_000), b"\x00" * 5_000, b"hello\nworld\n", b"[" * 100_000 + b"\n"])
def test_file_that_is_no_journal(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(data)
    with pytest.raises(JournalError, match="journal"):
        read_run([path])
    assert not is_alive(path)


def test_file_that_vanishes(home: Path, tmp_path: Path) -> None:
    path = write_run(*EVENTS)
    reader = JournalReader(path)
    events = reader.new_events()
    next(events)
    path.unlink()
    assert len(list(events)) == len(EVENTS)
    with pytest.raises(JournalError, match="cannot be read: No such file"):
        list(reader.new_events())
    with pytest.raises(JournalError, match="cannot be read: No such file"):
        read_run([path])
    assert not is_alive(path)
    assert all_runs() == []
    with pytest.raises(JournalError, match="there is no file to read"):
        read_run([])


def test_reader_goes_on_where_it_stopped(home: Path, tmp_path: Path) -> None:
    data = write_run(*EVENTS).read_bytes()
    growing = tmp_path / "growing.jsonl"
    growing.touch()
    reader = JournalReader(growing)
    seen: list[object] = []
    with growing.open("ab", buffering=0) as file:
        for at in range(0, len(data), 7):
            file.write(data[at : at + 7])
            seen += [event for _, event in reader.new_events()]
            written = data[: at + 7]
            assert len(seen) == max(0, written.count(b"\n") - 1)
            assert reader.unfinished == (not written.endswith(b"\n"))
    assert seen == [*EVENTS, Exit(9)]
    assert list(reader.new_events()) == []


def test_ends_and_begins_in_different_segments_are_one_run(home: Path, tmp_path: Path) -> None:
    header = write_run(*EVENTS).read_bytes().split(b"\n")[0]
    parts = [tmp_path / "b.jsonl", tmp_path / "a.jsonl"]
    parts[0].write_bytes(b"\n".join([header, *lines_of([begin(1), begin(2, parent=1)]), b""]))
    parts[1].write_bytes(b"\n".join([header, *lines_of([end(2), end(1)]), b""]))
    run = read_run(parts)
    assert [span.status for span in run.spans.values()] == ["ok", "ok"]
    assert [span.segment for span in run.spans.values()] == [1, 1]


def test_another_machines_journal_is_alive_while_it_grows(home: Path) -> None:
    path = write_run(*EVENTS)
    header, rest = path.read_bytes().split(b"\n", 1)
    path.write_bytes(compact(json.loads(header) | {"host": "elsewhere"}) + b"\n" + rest)
    assert is_alive(path)
    os.utime(path, (0, 0))
    assert not is_alive(path)
    os.utime(path)
    copy = path.with_name("copy.jsonl")
    copy.write_bytes(path.read_bytes())
    assert not is_alive(copy)


def test_exchange_without_a_span_of_its_own_is_left_out(home: Path) -> None:
    stray: list[Event] = [end(7), Chunk(f"{7:016x}", 1, b"x"), Answered(f"{7:016x}", 1, 200, {})]
    path = write_run(*stray, SpanBegin(f"{8:016x}", None, "attempt", "POST", 1, "m", "", {}, request(None)))
    run = read_run([path])
    assert list(run.spans) == list(run.exchanges) == [f"{8:016x}"]
    assert run.exchanges[f"{8:016x}"].request.body is None
