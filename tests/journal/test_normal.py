import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import environment, outline, tracekit, tracekit_json
from tests.support.journals import begin, compact, new_run, write_run
from tests.support.runs import write_runs
from tracekit import semconv
from tracekit.errors import JournalError
from tracekit.journal.export import export
from tracekit.journal.normal import normal
from tracekit.journal.reader import read_run
from tracekit.model.events import Answered, Chunk, Event, Failure, LaneBegin, Request, Response, SpanBegin, SpanEnd
from tracekit.model.recording import Recording

SSE = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json", "request-id": "req_1"}


class Program:
    """A program: a lead that starts two workers at once, each in its own lane, at the time `at`.

    The workers begin at the same nanosecond, and their lines may be written in any order.
    """

    def __init__(self, seed: int, at: int, *, word: str = "Hi", later: int = 0) -> None:
        self._random = random.Random(seed)
        self._at, self._word, self._later = at, word, later
        self.run = self._id()

    def _id(self) -> str:
        return f"{self._random.getrandbits(64):016x}"

    def _request(self, number: int) -> Request:
        body = compact({"model": "m", "messages": [{"role": "user", "content": f"{self._word} {number}"}]})
        host = f"http://127.0.0.1:{self._random.randrange(60000)}"
        headers = {"content-type": "application/json", "user-agent": self._id(), "anthropic-beta": "b"}
        return Request("POST", host, "/v1/messages", "", headers, body)

    def _worker(self, number: int) -> Iterator[Event]:
        lane, at = f"m.t{number}", self._at + 100
        llm, attempt = self._id(), self._id()
        yield LaneBegin(lane, "m", "task", at)
        named = {semconv.SERVER_ADDRESS: self._id(), semconv.TIME_TO_FIRST_CHUNK: self._random.random()}
        yield SpanBegin(llm, self.run, "llm", "chat m", at, lane, self._id(), named)
        yield SpanBegin(attempt, llm, "attempt", "POST", at, lane, "", {}, self._request(number))
        if number == 1:
            yield SpanEnd(attempt, at + 50, "ok", None, {semconv.HTTP_STATUS: 200}, Response(200, JSON, b"{}"))
        else:
            yield Answered(attempt, at + 20, 200, SSE)
            yield Chunk(attempt, at + 30, b"event: ping\ndata: {}\n\n")
            yield Chunk(attempt, at + 50 + self._later, b"event: ping\ndata: {}\n\n")
            yield SpanEnd(attempt, at + 50 + self._later, "error", Failure("Cut", "It broke."))
        yield SpanEnd(llm, at + 60 + self._later, "ok", None, {semconv.OUTPUT_TOKENS: 3})

    def events(self) -> list[Event]:
        """Everything, the workers' lines interleaved at random."""
        workers = [list(self._worker(number)) for number in (0, 1, 10)]
        mixed: list[Event] = []
        while any(workers):
            mixed.append(self._random.choice([worker for worker in workers if worker]).pop(0))
        return [
            LaneBegin("m", None, "main", self._at - self._random.randrange(10**9)),
            SpanBegin(self.run, None, "run", "team", self._at, "m", self._id()),
            *mixed,
            SpanEnd(self.run, self._at + 900, "ok"),
        ]


def normal_of(path: Path) -> bytes:
    return b"".join(normal([path]).lines)


def told_by(run: Recording, begin_ns: int) -> list[str]:
    """Return the content of a run's spans, without ids, with times from `begin_ns`."""
    return sorted(
        f"{span.start_ns - begin_ns} {(span.end_ns or 0) - begin_ns} {span.kind} {span.name} {span.lane} {span.failure}"
        for span in run.spans.values()
    )


def written(program: Program) -> Path:
    return write_run(*program.events(), run=new_run("team"))


def test_runs_of_one_program_are_the_same_bytes(home: Path) -> None:
    first = normal_of(written(Program(0, 1_795_000_000_000_000_000)))
    for seed in range(1, 30):
        assert normal_of(written(Program(seed, 1_796_000_000_000_000_000 + seed))) == first
    assert b"127.0.0.1" not in first
    assert b'"host":""' in first


@pytest.mark.parametrize("other", [{"word": "Ho"}, {"later": 1}])
def test_what_was_said_and_when_makes_a_difference(home: Path, other: dict[str, object]) -> None:
    assert normal_of(written(Program(0, 10**18))) != normal_of(written(Program(0, 10**18, **other)))  # type: ignore[arg-type]


def test_normal_form_is_a_run_and_its_own_normal_form(home: Path, tmp_path: Path) -> None:
    path, out = written(Program(0, 10**18)), tmp_path / "run.jsonl"
    assert export([path], out, normal=True) == []
    assert normal_of(out) == out.read_bytes()
    before, after = read_run([path]), read_run([out])
    assert [segment.damage for segment in after.segments] == [()]
    assert after.segments[0].exited
    begin_ns = min(span.start_ns for span in before.spans.values())
    assert told_by(before, begin_ns) == told_by(after, 0)
    bodies = sorted((exchange.request.body, exchange.body, exchange.status) for exchange in before.exchanges.values())
    assert bodies == sorted((each.request.body, each.body, each.status) for each in after.exchanges.values())
    assert {lane.first_ns for lane in after.lanes.values()} == {0, 100}


def test_the_same_in_a_file_of_several_segments(home: Path, tmp_path: Path) -> None:
    program = Program(3, 10**18)
    events, run = program.events(), new_run("team")
    first = write_run(*events, run=run)
    first = first.rename(first.with_name(f"{run.id}.host.1.jsonl"))
    child = SpanBegin("c" * 16, program.run, "agent", "child", 10**18 + 500, "m")
    second = write_run(LaneBegin("m", None, "main", 0), child, SpanEnd("c" * 16, 10**18 + 600, "ok"), run=run)
    second = second.rename(second.with_name(f"{run.id}.host.0.jsonl"))
    export([first, second], tmp_path / "joined.jsonl")
    export([first, second], tmp_path / "normal.jsonl", normal=True)
    assert normal_of(tmp_path / "joined.jsonl") == (tmp_path / "normal.jsonl").read_bytes()
    run_read = read_run([tmp_path / "normal.jsonl"])
    assert [segment.pid for segment in run_read.segments] == [1, 2]
    assert {span.segment for span in run_read.spans.values() if span.name == "child"} == {1}, "the root's comes first"


def test_spans_without_a_parent_and_spans_in_a_circle_stay(home: Path) -> None:
    def circle(ids: tuple[int, int, int]) -> Path:
        a, b, lost = ids
        return write_run(begin(a, "a", b), begin(b, "b", a), begin(lost, "lost", 99), run=new_run())

    one, two = circle((1, 2, 3)), circle((5, 6, 7))
    assert normal_of(one) == normal_of(two)
    assert len(normal_of(one).splitlines()) == 5, "a header, three spans that are open, and the exit"


def test_what_cannot_be_read_is_told(home: Path, tmp_path: Path) -> None:
    path = written(Program(0, 10**18))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:4], b"{broken}\n", *lines[4:]]))
    (told,) = export([path], tmp_path / "run.jsonl", normal=True)
    assert "line 5: cannot be read" in told
    assert normal_of(tmp_path / "run.jsonl") == (tmp_path / "run.jsonl").read_bytes()
    (tmp_path / "text.jsonl").write_text("hello\n")
    with pytest.raises(JournalError, match="is not a tracekit journal"):
        normal([tmp_path / "text.jsonl"])
    with pytest.raises(JournalError, match="cannot be read"):
        normal([tmp_path / "gone.jsonl"])


def test_normal_form_leaks_no_credential(home: Path, tmp_path: Path) -> None:
    path = written(Program(0, 10**18))
    path.write_bytes(path.read_bytes().replace(b"It broke.", b"glpat-" + b"x1" * 12))
    export([path], tmp_path / "run.jsonl", normal=True)
    assert b"[redacted:gitlab-token]" in (tmp_path / "run.jsonl").read_bytes()


def test_command(home: Path, tmp_path: Path) -> None:
    (id,) = write_runs(1)
    env, out = environment(home), tmp_path / "n.jsonl"
    done = tracekit("export", id, "--normal", "-o", str(out), env=env)
    assert (done.returncode, done.stdout) == (0, "")
    shown = tracekit_json("show", str(out), env=env)
    assert outline(shown["root"]) == outline(tracekit_json("show", id, env=env)["root"])
    assert shown["run"]["start_ns"] == shown["root"]["start_ns"] == 0
    done = tracekit("export", id, "--normal", "--format", "parquet", "-o", str(tmp_path / "p"), env=env)
    assert done.returncode == 2
    assert "not for --format parquet" in done.stderr
