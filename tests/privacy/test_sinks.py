"""Sixty secrets in sixty places of a run: none of them in any sink, whoever exports, in every content mode."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

from tests.support.cli import environment, tracekit
from tests.support.judging import INDEPENDENT
from tests.support.receiver import receiver
from tests.support.sixty import PLANTS, PROGRAM, RULES, SECRET, leaked, plants_json, respond
from tracekit.cli.main import cli
from tracekit.cli.sharing import FORMS
from tracekit.demo.claude import ScriptedClaude

WAYS = ("own", "provider", "metadata", "off")
WORDS = ("weather in Rome", "Sunny", "see ", "no: ", "failed with", "tickets/", "--token")
"""Pieces of content around the secrets, of which nothing may be kept but in full."""

APPLICATIONS = ("span ", "adopted tool")
"""Where secrets stand on the application's own spans."""


class Recorded(NamedTuple):
    """A run that was recorded in `home`, and all requests that its exporters sent, of spans and of metrics."""

    home: Path
    folder: Path
    sent: bytes
    printed: str


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recorded]:
    folder = tmp_path_factory.mktemp("sixty")
    (folder / "pyproject.toml").write_text(RULES)
    (folder / "agent.py").write_text(PROGRAM)
    return {way: _record(way, folder) for way in WAYS}


def _record(way: str, folder: Path) -> Recorded:
    home = folder / f"home-{way}"
    with receiver() as heard, ScriptedClaude(respond) as claude:
        env = environment(
            home,
            claude.url,
            PLANTED=plants_json(),
            DATABASE_PASSWORD=SECRET["environment"],
            OTEL_EXPORTER_OTLP_ENDPOINT=heard.url,
            OTEL_EXPORTER_OTLP_HEADERS=f"authorization=Bearer%20{SECRET['exporter header']}",
            OTEL_METRICS_EXPORTER="otlp",
            OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="SPAN_ONLY",
            ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE="content" if way == "provider" else "",
            TRACEKIT_CONTENT=way if way in ("metadata", "off") else "full",
            PYTHONWARNINGS="default,ignore::ResourceWarning",
        )
        given = [*(["provider"] if way == "provider" else []), f"--token={SECRET['argument of the program']}"]
        done = tracekit("run", "agent.py", *given, env=env, cwd=folder)
        assert done.returncode == 0, done.stderr
        assert heard.spans
    return Recorded(home, folder, b"".join(heard.bodies), done.stdout + done.stderr)


@pytest.fixture(params=WAYS)
def run(request: pytest.FixtureRequest, recorded: dict[str, Recorded], monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """Return a recorded run whose folder is the current one of this process."""
    found = recorded[request.param]
    monkeypatch.setenv("TRACEKIT_HOME", str(found.home))
    monkeypatch.chdir(found.folder)
    return found


@contextlib.contextmanager
def printing() -> Iterator[io.StringIO]:
    """Collect the output that is printed in the block."""
    found = io.StringIO()
    with contextlib.redirect_stdout(found), contextlib.redirect_stderr(found):
        yield found


def command(*arguments: str) -> str:
    """Run a command in this process; return what it prints."""
    with printing() as found, contextlib.suppress(SystemExit):
        cli(list(arguments), standalone_mode=False)
    return found.getvalue()


def everything(folder: Path) -> bytes:
    """Return the bytes of every file in `folder`."""
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_the_secrets_are_sixty_and_found() -> None:
    assert len(PLANTS) == 60
    assert len({plant.core for plant in PLANTS}) == 60
    assert all(len(plant.core) >= 12 for plant in PLANTS)
    assert all(leaked(plant.secret) == [f"{plant.name} ({plant.kind})"] for plant in PLANTS)


def test_none_is_in_the_journal(run: Recorded) -> None:
    kept = everything(run.home)
    assert kept.count(b"[redacted:") >= (40 if "full" in _content(run) else 5)
    assert leaked(kept) == []
    assert leaked(run.printed) == []


def test_none_is_in_the_store_or_printed(run: Recorded) -> None:
    command("collect")
    for arguments in (["ls"], ["ls", "--format", "json"], ["show", "last"], ["show", "last", "--format", "json"]):
        assert leaked(command(*arguments)) == [], arguments
    (store,) = run.home.rglob("*.duckdb")
    with duckdb.connect(str(store), read_only=True) as connection:
        tables = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        rows = "".join(repr(connection.execute(f'FROM "{table}"').fetchall()) for table in tables)
    assert "[redacted:" in rows
    assert leaked(rows) == []
    assert leaked(everything(run.home)) == []


def test_none_was_sent_by_whoever_exports(run: Recorded) -> None:
    assert run.sent.count(b"[redacted:") >= 5
    is_own = run.home.name != "home-provider"
    # Spans that the application makes and exports are its own: nothing of ours changes them.
    assert [place for place in leaked(run.sent) if is_own or not place.startswith(APPLICATIONS)] == []


def test_none_is_in_what_is_exported(run: Recorded, tmp_path: Path) -> None:
    assert "wrote" in command("export", "last", "-o", str(tmp_path / "run.jsonl"))
    assert "wrote" in command("export", "last", "-o", str(tmp_path / "normal.jsonl"), "--normal")
    assert "wrote" in command("export", "last", "-o", str(tmp_path / "tables"), "--format", "parquet")
    (tmp_path / "forms").mkdir()
    rows = "".join(repr(duckdb.execute(f"FROM '{file}'").fetchall()) for file in tmp_path.rglob("*.parquet"))
    assert "[redacted:" in rows
    assert leaked(rows) == []
    assert leaked(everything(tmp_path)) == []
    assert leaked(_joined(tmp_path / "run.jsonl") + _joined(tmp_path / "normal.jsonl")) == []
    for form in FORMS:
        name = "test_run.py" if form == "pytest" else f"run.{form}"
        assert "wrote" in command("export", "last", "-o", str(tmp_path / "forms" / name), "--format", form)
    assert leaked(everything(tmp_path / "forms")) == []
    pages = everything(tmp_path / "forms")
    assert b"[redacted:" in pages
    if _content(run) != "full":
        assert [word for word in WORDS if word.encode() in pages] == []
    with receiver() as heard:
        # In a process of its own: OpenTelemetry's exporter leaves the closing of its sockets to the end.
        sending = ("export", "last", "--otlp", heard.url, "--content")
        done = tracekit(*sending, env=environment(run.home), cwd=run.folder)
        assert "sent" in done.stderr
        assert leaked(done.stdout + done.stderr) == []
    assert heard.spans
    assert leaked(b"".join(heard.bodies)) == []


@pytest.mark.parametrize("run", ["own"], indirect=True)
def test_none_is_in_what_a_judge_is_asked(run: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedClaude(lambda _: INDEPENDENT) as judge:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", judge.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
        monkeypatch.setenv("NO_PROXY", "*")
        printed = command("check", "last", "--judge", "--explain", "--format", "json", "--min-saving", "0s")
        asked = b"".join(each.body for each in judge.asked)
    assert b"[redacted:person]" in asked
    assert b"[redacted:cookie]" in asked
    assert leaked(asked) == []
    assert leaked(printed) == []
    assert leaked(everything(run.home)) == []


@pytest.mark.parametrize("run", ["metadata", "off"], indirect=True)
def test_no_content_is_kept_or_sent_without_full(run: Recorded) -> None:
    kept = everything(run.home)
    for word in WORDS:
        assert word.encode() not in kept, word
        assert word.encode() not in run.sent, word


def _content(run: Recorded) -> str:
    path = next(run.home.rglob("*.jsonl"))
    found: dict[str, Any] = json.loads(path.read_text().splitlines()[0])
    return str(found.get("content"))


def _joined(path: Path) -> str:
    """Return the texts of the streams' deltas in a journal, in their order."""
    events = (item[1] for line in path.read_text().splitlines() for item in json.loads(line).get("sse", ()))
    deltas = (event["delta"] for event in events if isinstance(event, dict) and isinstance(event.get("delta"), dict))
    return "".join(str(value) for delta in deltas for value in delta.values())
