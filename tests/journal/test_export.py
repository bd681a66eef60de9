import stat
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.journals import RUN, asking, begin, compact, end, write_run
from tracekit.errors import JournalError, OutputError
from tracekit.journal.catalog import find_run, segments_of
from tracekit.journal.export import export
from tracekit.journal.liveness import is_alive
from tracekit.journal.process import boot_id
from tracekit.journal.reader import read_run
from tracekit.journal.writer import JournalSink
from tracekit.model.events import Event, LaneBegin
from tracekit.model.recording import Recording

BODY = compact({"model": "m", "messages": [{"role": "user", "content": "Hi"}]})


def segments(home: Path) -> list[Path]:
    """Three processes' segments of one run; the ids of requests and lanes repeat."""
    paths: list[Path] = []
    for number in range(3):
        more: list[Event] = [asking(number * 10 + 1, BODY), asking(number * 10 + 2, BODY), end(number * 10 + 2)]
        path = write_run(LaneBegin("m", None, "main", number), begin(number * 10), *more)
        paths.append(path.rename(path.with_name(f"{RUN.id}.host.{number}.jsonl")))
    return paths


def without_places(run: Recording) -> Recording:
    return replace(run, segments=tuple(replace(segment, path="", host="", pid=0) for segment in run.segments))


def test_exported_run_reads_the_same(home: Path, tmp_path: Path) -> None:
    paths = segments(home)
    out = tmp_path / "run.jsonl"
    export(paths, out)
    assert without_places(read_run([out])) == without_places(read_run(paths))
    assert [(segment.host, segment.pid) for segment in read_run([out]).segments] == [("", 1), ("", 2), ("", 3)]
    assert boot_id().encode() not in out.read_bytes()
    assert len(read_run([out]).lanes) == 3
    assert find_run(str(out)).id == RUN.id
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert sorted(tmp_path.glob("*.new")) == sorted(tmp_path.glob(".*")) == []


def test_export_of_an_export_is_the_same_file(home: Path, tmp_path: Path) -> None:
    export(segments(home), tmp_path / "one.jsonl")
    export([tmp_path / "one.jsonl"], tmp_path / "two.jsonl")
    assert (tmp_path / "two.jsonl").read_bytes() == (tmp_path / "one.jsonl").read_bytes()


def test_export_replaces_what_is_there(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "run.jsonl"
    out.write_text("what was there")
    with pytest.raises(JournalError, match="is not a tracekit journal"):
        export([*segments(home), _text(tmp_path)], out)
    assert out.read_text() == "what was there", "a failed export leaves what was there"
    export(segments(home), out)
    assert len(read_run([out]).segments) == 3


def _text(folder: Path) -> Path:
    """A file that is read last and is no journal."""
    path = folder / "text.jsonl"
    path.write_text("hello\n")
    return path


def test_cut_last_line_is_left_out(home: Path, tmp_path: Path) -> None:
    paths = segments(home)
    whole = paths[0].read_bytes()
    paths[0].write_bytes(whole[:-5])
    export(paths, tmp_path / "run.jsonl")
    run = read_run([tmp_path / "run.jsonl"])
    assert [segment.damage for segment in run.segments] == [(), (), ()]
    assert not run.segments[0].exited, "the line that was cut"


def test_run_that_is_still_recorded_can_be_exported(home: Path, tmp_path: Path) -> None:
    sink = JournalSink()
    sink.write(RUN, begin(1))
    out = tmp_path / "run.jsonl"
    export(segments_of(RUN.id), out)
    sink.exit(2)
    run = read_run([out])
    assert [span.status for span in run.spans.values()] == ["open"]
    assert not run.segments[0].alive
    assert not is_alive(out)


def test_output_that_cannot_be_written(home: Path, tmp_path: Path) -> None:
    paths = segments(home)
    with pytest.raises(OutputError, match="cannot be written: No such file or directory"):
        export(paths, tmp_path / "no" / "folder" / "run.jsonl")
    with pytest.raises(OutputError, match="cannot be written: Is a directory"):
        export(paths, tmp_path)
    assert not list(tmp_path.parent.glob("*.new"))
    with pytest.raises(JournalError, match="cannot be read: No such file"):
        export([tmp_path / "gone.jsonl"], tmp_path / "run.jsonl")
    with pytest.raises(JournalError, match="is a journal of the very run"):
        export(paths, paths[1])
    assert read_run(paths).segments[1].damage == ()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home"]
