"""A lake that many machines write and read: nothing is lost or twice, whenever a writer is killed."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
import pytest

from tests.support.cli import PROGRAMS, environment
from tests.support.crowd import command
from tests.support.manual import blocks, page
from tests.support.runs import new_run, write_runs
from tests.support.waiting import LONG_S
from tests.support.warm import warm_python
from tracekit.journal.writer import JournalSink
from tracekit.model.events import SpanBegin, SpanEnd
from tracekit.store.lake.folder import DRAFTS, MARKER
from tracekit.store.lake.lake import Lake

HOSTS = 8
SPANS_OF_A_RUN = 13


def answer(lake: Path | str, query: str) -> Any:
    code, out, err = command(["sql", query, "--lake", str(lake), "--format", "json"])
    assert code == 0, err
    return json.loads(out)


def add(lake: Path | str) -> str:
    code, _, err = command(["collect", "--lake", str(lake)])
    assert code == 0, err
    return err


def refused(*arguments: str) -> str:
    code, _, err = command(list(arguments))
    assert code == 2, err
    return err


def start_host(home: Path, lake: Path, *arguments: str) -> subprocess.Popen[str]:
    program = [warm_python(), str(PROGRAMS / "lake_host.py"), str(lake), *arguments]
    env = environment(home, PYTHONPATH=os.pathsep.join(sys.path))
    return subprocess.Popen(program, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


IN_PARTS = (
    "SELECT r.id, r.spans, (SELECT count(*) FROM spans s WHERE s.run = r.id) AS found FROM runs r "
    "WHERE found <> r.spans"
)


@pytest.mark.slow
def test_eight_hosts_write_one_lake_while_it_is_read(tmp_path: Path) -> None:
    lake, collects = tmp_path / "lake", 2
    hosts = [start_host(tmp_path / f"home{n}", lake, f"host-{n}", str(collects)) for n in range(HOSTS)]
    looks, seen = 0, 0
    while any(host.poll() is None for host in hosts):
        if (lake / MARKER).exists():
            with Lake(str(lake)).reading() as connection:
                assert connection.execute(IN_PARTS).fetchall() == []
                ((many, different),) = connection.execute("SELECT count(*), count(DISTINCT id) FROM runs").fetchall()
            assert many == different >= seen, "what was seen stays"
            looks, seen = looks + 1, many
    written = []
    for host in hosts:
        out, err = host.communicate(timeout=LONG_S)
        assert host.returncode == 0, err
        written += out.split()
    assert looks
    assert len(written) == HOSTS * (1 + 2 * collects)
    assert sorted(row["id"] for row in answer(lake, "SELECT id FROM runs")) == sorted(written)
    (sums,) = answer(lake, "SELECT count(*) AS many, count(DISTINCT (run, id)) AS different FROM spans")
    expected = HOSTS * (2 * collects * SPANS_OF_A_RUN + 1 + collects)
    assert sums == {"many": expected, "different": expected}
    assert answer(lake, "SELECT DISTINCT status FROM runs") == [{"status": "ok"}]
    assert {path.name.partition(".")[0] for path in lake.rglob("*.parquet")} == {f"host-{n}" for n in range(HOSTS)}


@pytest.mark.slow
def test_a_killed_writer_leaves_nothing_in_parts(tmp_path: Path) -> None:
    """The writer is killed before its first file, and between two."""
    lake, home = tmp_path / "lake", tmp_path / "home"
    for file in (MARKER, "span", "message", "run"):
        host = start_host(home, lake, "host", "1", file)
        _, err = host.communicate(timeout=LONG_S)
        assert host.returncode == -9, err
        assert (lake / MARKER).exists() == (file != MARKER)
        if file != MARKER:
            assert answer(lake, IN_PARTS) == answer(lake, "FROM runs") == []
    assert sorted(path.name for path in lake.iterdir() if path.is_dir()) == [DRAFTS, "finding", "message", "span"]
    _, err = (host := start_host(home, lake, "host", "1")).communicate(timeout=LONG_S)
    assert host.returncode == 0, err
    assert answer(lake, IN_PARTS) == []
    assert len(answer(lake, "FROM runs")) == 5 * 3, "what the killed ones recorded is there, too"
    drafts = sorted((lake / DRAFTS).iterdir())
    assert len(drafts) == 4, "the killed ones left them"
    for draft in drafts[1:]:
        os.utime(draft, (time.time() - 90_000,) * 2)
    _, err = (host := start_host(home, lake, "host", "1")).communicate(timeout=LONG_S)
    assert host.returncode == 0, err
    assert list((lake / DRAFTS).iterdir()) == drafts[:1], "a new one may belong to a writer that lives"


@pytest.fixture(params=["a [b]* 'c'", "memory://team/lake"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    url: str = request.param
    return f"{url}/{tmp_path.name}" if "://" in url else str(tmp_path / url)


def test_a_run_is_there_once_as_it_was_last(home: Path, lake: str) -> None:
    (id,) = write_runs(1)
    sink, run = JournalSink(), new_run("growing")
    sink.write(run, SpanBegin("a" * 16, None, "run", "growing", run.recorded_at_ns, "m"))
    sink.write(run, SpanBegin("b" * 16, "a" * 16, "tool", "step", run.recorded_at_ns + 1, "m"))
    assert "2 runs (15 spans) added" in add(lake)
    assert "0 runs (0 spans) added" in add(lake)
    (row,) = answer(lake, "SELECT status, spans FROM runs WHERE name = 'growing'")
    assert row == {"status": "open", "spans": 2}
    sink.write(run, SpanBegin("c" * 16, "a" * 16, "tool", "step", run.recorded_at_ns + 2, "m"))
    for span in ("c" * 16, "b" * 16, "a" * 16):
        sink.write(run, SpanEnd(span, run.recorded_at_ns + 9, "ok"))
    sink.release(run)
    err = add(lake)
    assert "1 run (3 spans) added" in err
    assert "it had 1 already" in err
    assert answer(lake, "SELECT status, spans FROM runs WHERE name = 'growing'") == [{"status": "ok", "spans": 3}]
    assert answer(lake, "SELECT count(*) AS many FROM spans WHERE run NOT LIKE '" + id + "'") == [{"many": 3}]


def test_a_lake_answers_as_the_store_does(home: Path, lake: str) -> None:
    write_runs(2)
    write_runs(2, name="other", turns=5)
    add(lake)
    for query in ("FROM runs ORDER BY id", "FROM llm_calls ORDER BY run, id", "FROM messages ORDER BY ALL"):
        code, out, err = command(["sql", query, "--format", "json"])
        assert code == 0, err
        assert answer(lake, query) == json.loads(out)
    for options in (
        [],
        ["--limit", "1"],
        ["--name", "OTH"],
        ["--name", 'o"t'],
        ["--sort", "calls"],
        ["agent:lead", "calls>4"],
    ):
        expected = command(["ls", *options])
        assert expected[0] == 0
        assert command(["ls", *options, "--lake", lake]) == expected


def test_folders_are_those_that_duckdb_reads_by_itself(home: Path, tmp_path: Path) -> None:
    import duckdb

    day_ns = 1_700_000_000_000_000_000
    sink, run = JournalSink(), new_run("old", day_ns)
    sink.write(run, SpanBegin("a" * 16, None, "run", "old", day_ns, "m"))
    sink.write(run, SpanEnd("a" * 16, day_ns + 1, "ok"))
    sink.release(run)
    write_runs(1, name="new")
    add(tmp_path / "lake")
    (query,) = blocks(page("lake"), "sql")
    query = query.replace("/srv/lake", str(tmp_path / "lake"))
    older = query.replace("2026-11-01", "1970-01-01")
    with duckdb.connect() as connection:
        assert [row[0] for row in connection.execute(query).fetchall()] == ["new"]
        assert sorted(row[0] for row in connection.execute(older).fetchall()) == ["new", "old"]
        assert connection.execute(older.replace("'tracekit'", "'elsewhere'")).fetchall() == []


def test_files_of_an_older_tracekit_lack_columns(home: Path, tmp_path: Path) -> None:
    import duckdb

    lake = tmp_path / "lake"
    write_runs(1)
    add(lake)
    (path,) = (lake / "run").rglob("*.parquet")
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE older AS SELECT * EXCLUDE (findings, calls_cost_usd) FROM '{path}'")
        connection.execute(f"COPY older TO '{path}' (FORMAT parquet)")
    assert answer(lake, "SELECT findings, name FROM runs") == [{"findings": 0, "name": "job"}]
    assert command(["ls", "--lake", str(lake)])[0] == 0


def test_a_query_reads_the_lake_alone(home: Path, tmp_path: Path) -> None:
    write_runs(1)
    lake, other = tmp_path / "lake", tmp_path / "other.csv"
    add(lake)
    other.write_text("a\n1\n")
    assert "disabled by configuration" in refused("sql", f"FROM '{other}'", "--lake", str(lake))
    copied = refused("sql", f"COPY runs TO '{lake}/run/x.parquet'", "--lake", str(lake))
    assert "COPY is not allowed" in copied
    out = tmp_path / "out.parquet"
    code, _, err = command(["sql", "FROM runs", "--lake", str(lake), "--format", "parquet", "-o", str(out)])
    assert (code, out.exists()) == (0, True), err


def test_what_is_no_lake_is_said_plainly(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = tmp_path / "missing"
    said = f"{missing} is no lake: it has no {MARKER}; `tracekit collect --lake {missing}` makes a lake"
    assert said in refused("ls", "--lake", str(missing))
    assert not missing.exists()
    (tmp_path / "letter.txt").write_text("Dear")
    assert "is no lake, and is not empty" in refused("collect", "--lake", str(tmp_path))
    for arguments, says in (("", "needs a folder or a URL"), (str(missing), "a `tracekit collect` of its own")):
        with pytest.raises(click.UsageError, match=says):
            command(["collect", "--lake", arguments, *(["--listen"] if arguments else [])])
    assert "cannot be written: Not a directory" in refused("collect", "--lake", str(tmp_path / "letter.txt" / "lake"))
    assert "Protocol not known: nowhere" in refused("ls", "--lake", "nowhere://lake")
    monkeypatch.setitem(sys.modules, "fsspec", None)
    assert "pip install 'tracekit-agents[lake]'" in refused("ls", "--lake", "memory://lake")
    add(missing)
    assert "has no runs yet" in command(["ls", "--lake", str(missing)])[2]
    assert answer(missing, "FROM spans") == []


def test_a_damaged_file_is_named(home: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    write_runs(1)
    add(lake)
    (path,) = (lake / "run").rglob("*.parquet")
    path.write_bytes(path.read_bytes()[:-20])
    for arguments in (["ls"], ["sql", "FROM runs"], ["collect"]):
        said = refused(*arguments, "--lake", str(lake))
        assert path.name in said


def test_a_lake_of_somebody_else_is_refused(home: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    add(lake)
    is_root, nobody = os.geteuid() == 0, 65534
    lake.chmod(0)
    if is_root:
        os.seteuid(nobody)
    try:
        said = refused("ls", "--lake", str(lake))
    finally:
        if is_root:
            os.seteuid(0)
        lake.chmod(0o700)
    assert f"the lake {lake} cannot be read: Permission denied" in said


def test_fsspec_is_loaded_for_urls_alone(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom tracekit.collect.lake import add_to_lake, list_lake\nfrom tracekit.store.filter import RunFilter\n"
        "add_to_lake(sys.argv[1])\nlist_lake(sys.argv[1], 1, RunFilter())\nassert 'fsspec' not in sys.modules"
    )
    env = environment(tmp_path / "home")
    subprocess.run([warm_python(), "-c", code, str(tmp_path / "lake")], env=env, check=True)
