"""`tracekit sql`: what is asked, in which form it is answered, what is refused, and the prompt."""

import csv
import io
import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.support.cli import environment, tracekit, tracekit_json
from tests.support.runs import new_run, write_runs
from tracekit import semconv
from tracekit.journal.writer import JournalSink
from tracekit.model.events import SpanBegin, SpanEnd
from tracekit.store.views import VIEWS


def hostile_run(words: str) -> None:
    run, sink = new_run(words), JournalSink()
    sink.write(run, SpanBegin("a" * 16, None, "run", words, 1_700_000_000_000_000_000, "m"))
    sink.write(run, SpanBegin("b" * 16, "a" * 16, "tool", words, 2, "m", "", {semconv.TOOL_NAME: words}))
    sink.write(run, SpanEnd("b" * 16, 3, "ok"))
    sink.write(run, SpanEnd("a" * 16, 1_700_000_001_000_000_000, "ok"))
    sink.release(run)


@pytest.mark.slow
def test_a_table_fits_its_width(home: Path) -> None:
    write_runs(3)
    for width in (60, 80, 200):
        env = environment(home, COLUMNS=str(width))
        done = tracekit(
            "sql", "SELECT name, status, calls, cost_usd, attributes FROM runs JOIN spans ON run = runs.id", env=env
        )
        assert done.returncode == 2, "name is in both"
        done = tracekit("sql", "SELECT run, kind, name, attributes FROM spans ORDER BY position, run", env=env)
        lines = done.stdout.splitlines()
        assert max(map(cell_len, lines)) <= width
        assert lines[0].split() == ["run", "kind", "name", "attributes"]
        assert lines[-1] == "39 rows"
    wide = tracekit("sql", "FROM spans LIMIT 2", env=environment(home, COLUMNS="80")).stdout
    assert wide.splitlines()[0].startswith("── 1 ─")
    assert max(map(cell_len, wide.splitlines())) <= 80
    assert re.search(r"^kind +run$", wide, re.MULTILINE)


@pytest.mark.slow
def test_every_form_says_the_same(home: Path, tmp_path: Path) -> None:
    (id,) = write_runs(1)
    env = environment(home)
    query = "SELECT id, recorded_at, duration_ms, calls, cost_usd, cost_complete, replay_of, 1.5::DECIMAL(5, 2) AS d FROM runs"
    (row,) = tracekit_json("sql", query, env=env)
    assert row["id"] == id
    assert row["replay_of"] is None
    assert (row["calls"], row["cost_complete"], row["d"]) == (3, True, 1.5)
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?", row["recorded_at"])
    listed = list(csv.DictReader(io.StringIO(tracekit("sql", query, "--format", "csv", env=env).stdout)))
    assert listed == [{name: "" if value is None else str(value) for name, value in row.items()}]
    for form, ending in (("json", "json"), ("csv", "csv"), ("parquet", "parquet")):
        out = tmp_path / f"out.{ending}"
        done = tracekit("sql", query, "--format", form, "-o", str(out), env=env)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        assert out.stat().st_size > 0
    import duckdb

    with duckdb.connect() as connection:
        assert connection.execute(f"SELECT id, calls FROM '{tmp_path}/out.parquet'").fetchall() == [(id, 3)]
    assert json.loads((tmp_path / "out.json").read_text()) == [row]
    assert sorted(path.name for path in tmp_path.glob("*out*")) == ["out.csv", "out.json", "out.parquet"]


def test_json_is_nested_and_names_are_unique(home: Path) -> None:
    write_runs(1)
    env = environment(home)
    (row,) = tracekit_json(
        "sql", "SELECT arguments, [1, 2] AS l, {'a': 1} AS s, 1 AS x, 2 AS x FROM tools LIMIT 1", env=env
    )
    assert row == {"arguments": {"path": "f0.py"}, "l": [1, 2], "s": {"a": 1}, "x": 1, "x_2": 2}
    assert tracekit_json("sql", "SELECT id FROM runs WHERE false", env=env) == []


@pytest.mark.parametrize(
    "query",
    [
        "DROP TABLE run",
        "DELETE FROM span",
        "INSERT INTO run SELECT * FROM run",
        "CREATE TABLE t AS SELECT 1",
        "CREATE TEMP TABLE t AS SELECT 1",
        "UPDATE run SET name = 'x'",
        "COPY (SELECT 1) TO 'stolen.csv'",
        "ATTACH 'other.duckdb'",
        "SET memory_limit = '1GB'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CHECKPOINT",
        "SELECT 1; SELECT 2",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM '/etc/passwd'",
        "EXPLAIN ANALYZE DELETE FROM span",
    ],
)
@pytest.mark.slow
def test_queries_only_read_and_only_the_store(home: Path, tmp_path: Path, query: str) -> None:
    write_runs(1)
    env = environment(home)
    tracekit("collect", env=env)
    before = (home / "store.duckdb").read_bytes()
    done = tracekit("sql", query, env=env, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, ""), done
    assert done.stderr.startswith("tracekit: ")
    assert "Traceback" not in done.stderr
    assert (home / "store.duckdb").read_bytes() == before
    assert list(tmp_path.glob("*.csv")) == []


def test_a_wrong_query_says_where(home: Path) -> None:
    write_runs(1)
    env = environment(home)
    done = tracekit("sql", "SELECT nam FROM runs", env=env)
    assert done.returncode == 2
    assert '"name"' in done.stderr
    done = tracekit("sql", "SELEC 1", env=env)
    assert (done.returncode, "syntax error" in done.stderr) == (2, True)
    for arguments in (
        ["  "],
        ["SELECT 1", "--format", "parquet"],
        ["SELECT 1", "--format", "csv", "-o", "/no/such/x.csv"],
    ):
        done = tracekit("sql", *arguments, env=env)
        assert (done.returncode, done.stdout) == (2, ""), arguments


def test_a_query_from_the_standard_input(home: Path) -> None:
    write_runs(2)
    command = [sys.executable, "-m", "tracekit", "sql", "--format", "csv"]
    done = subprocess.run(
        command,
        input="SELECT count(*)\nAS n\nFROM runs;\n",
        env=environment(home),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "n\n2\n"


def test_nothing_recorded(home: Path) -> None:
    done = tracekit("sql", "SELECT 1", env=environment(home))
    assert (done.returncode, done.stdout) == (2, "")
    assert "nothing is recorded yet" in done.stderr


def test_help_and_tables_name_every_view_and_load_no_duckdb(home: Path) -> None:
    env = environment(home)
    shown = tracekit("sql", "--help", env=env).stdout
    listed = tracekit("sql", "--tables", env=env).stdout
    for view in VIEWS:
        assert view.name in shown
        for column in view.columns:
            assert f"  {column.name} " in listed
    for arguments in (["sql", "--tables"], ["sql", "--help"], ["--help"], ["ls"], ["show", "--help"]):
        program = f"import sys; sys.argv[1:] = {arguments!r}\nfrom tracekit.cli.main import main\ntry: main()\nexcept SystemExit: pass\nprint('duckdb' in sys.modules)"
        done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
        assert done.stdout.endswith("False\n"), arguments


HOSTILE = "\x1b[31mred\x1b]0;title\x07 \u202eabc \x9b2J [bold]x[/bold] \r\n\t\u200b"


@pytest.mark.slow
def test_text_of_models_is_never_acted_on(home: Path) -> None:
    hostile_run(HOSTILE)
    env = environment(home, COLUMNS="150")
    for arguments in ([], ["--format", "json"]):
        out = tracekit("sql", "SELECT name, tool FROM runs, tools", *arguments, env=env).stdout
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e]", out), arguments
        assert "[bold]x[/bold]" in out
    piped = tracekit("sql", "SELECT name FROM runs", "--format", "csv", env=env).stdout
    assert "\x1b[31m" in piped, "a pipe gets the data as it is"
    for form in ("csv", "table"):
        shown = "".join(talk(["SELECT name FROM runs", "--format", form], env, []))
        assert "\x1b[31mred" not in shown
        assert "\x1b]0;title" not in shown
        assert "\x9b" not in shown
        assert "red" in shown


# ── the prompt ───────────────────────────────────────────────────────────────────────────────────────────────────────


def talk(arguments: list[str], env: dict[str, str], keys: list[str]) -> list[str]:
    """Run `tracekit sql` on a terminal and type each of `keys`; what was shown after each, and at the end."""
    main, side = pty.openpty()
    shown = []
    with subprocess.Popen(
        [sys.executable, "-m", "tracekit", "sql", *arguments],
        env={**env, "TERM": "xterm-256color"},
        stdin=side,
        stdout=side,
        stderr=side,
    ):
        os.close(side)
        for number, key in enumerate(keys):
            shown.append(_until_quiet(main, prompted=number > 0))
            while "sql>" not in "".join(shown):
                shown.append(_until_quiet(main))
            os.write(main, key.encode())
        shown.append(_until_quiet(main, until_closed=True))
    os.close(main)
    return shown


def _until_quiet(main: int, *, prompted: bool = False, until_closed: bool = False) -> str:
    text, until = b"", time.monotonic() + 20
    while time.monotonic() < until:
        is_waiting = until_closed or not (text or prompted)
        ready, _, _ = select.select([main], [], [], 10 if is_waiting else 0.4)
        if not ready:
            break
        try:
            data = os.read(main, 65536)
        except OSError:
            break
        if not data:
            break
        text += data
        if b"\x1b[6n" in data:
            # prompt_toolkit asks the terminal where its cursor is.
            os.write(main, b"\x1b[1;1R")
    return text.decode(errors="replace")


@pytest.mark.slow
def test_the_prompt_completes_takes_several_lines_and_remembers(home: Path) -> None:
    write_runs(3)
    env = environment(home)
    keys = [
        "SELECT count(*) AS n\r",
        "FROM llm_c\t",
        ";\r",
        "SELECT 1/\r0 AS z, nope;\r",
        ".tables\r",
        "\x1b[A\x1b[A",
        "\x03",
        "\x04",
    ]
    shown = talk([], env, keys)
    whole = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", "".join(shown))
    assert "...>" in whole
    assert "llm_calls" in whole
    assert re.search(r"^9\s*$", whole, re.MULTILINE), whole
    assert "nope" in whole
    assert "one row a run: a task given" in whole
    history = (home / "sql-history").read_text()
    assert "+SELECT count(*) AS n\n+FROM llm_calls;" in history
    assert (home / "sql-history").stat().st_mode & 0o777 == 0o600


def test_completion_knows_views_columns_and_words() -> None:
    from prompt_toolkit.completion import CompleteEvent
    from prompt_toolkit.document import Document

    from tracekit.cli.prompt import Words

    words = Words(["SELECT", "SUMMARIZE"])

    def completed(text: str) -> list[str]:
        return [each.text for each in words.get_completions(Document(text), CompleteEvent())]

    assert completed("su") == ["SUMMARIZE"]
    assert completed("SELECT * FROM ru") == ["runs", "rule", "run"]
    assert completed("SELECT sum(cache_r") == ["cache_read_tokens"]
    assert completed("SELECT name,dur") == ["duration_ms"]
    assert "http_status" in completed("SELECT attempts.")
    assert completed("SELECT tools.arg") == ["arguments"]
    assert completed("SELECT nothing.x") == []
