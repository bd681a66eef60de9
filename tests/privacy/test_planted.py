"""Ninety credentials in every place of a run, and none of them in anything that is made of it."""

from __future__ import annotations

import json
import re
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest
from tracekit_viewer.render.call_messages import Reader

from tests.support.cli import environment, tracekit
from tests.support.collector import Collector, collector
from tests.support.planted import CREDENTIALS
from tests.support.waiting import eventually
from tests.support.warm import warm_python
from tracekit.analysis.structure import structure
from tracekit.demo.claude import (
    ReceivedRequest,
    ScriptedClaude,
    ScriptedResponse,
    error,
    message,
    stream,
    text,
    thinking,
    tool_use,
)
from tracekit.journal.catalog import segments_of
from tracekit.journal.reader import read_run
from tracekit.testing.outline import outline

CORES = [max(re.split(r"[\s=:\"/;@,]+", secret), key=len) for secret in CREDENTIALS]
"""Of each credential the part that is secret."""

PROGRAM = """
import anthropic, os, sys, tracekit
tracekit.init()
SECRETS = eval(os.environ["PLANTED"])
ALL = "\\n".join(SECRETS)
NAMES = [secret for secret in SECRETS if secret.isascii() and secret.replace("-", "").replace("_", "").isalnum()]
client = anthropic.Anthropic(api_key=NAMES[0], max_retries=0, default_headers={"x-proxy-authorization": NAMES[1], "cookie": NAMES[2]})

@tracekit.tool
def read_env(**values: object) -> str:
    return ALL

for turn in range(2):
    planted = SECRETS[turn:] + SECRETS[:turn]
    with tracekit.run("planted " + NAMES[3]), tracekit.agent("agent " + NAMES[4]):
        messages = [{"role": "user", "content": " ".join(f"`{secret}`" for secret in planted)}]
        ask = {"model": "claude-sonnet-5", "max_tokens": 9, "system": [{"type": "text", "text": ALL}]}
        more = {"extra_query": {NAMES[5]: ALL}, "extra_body": {NAMES[6]: {NAMES[7]: planted}}, "metadata": {"user_id": NAMES[8]}}
        client.beta.messages.create(**ask, messages=messages, betas=[NAMES[9]], **more)
        read_env(**{NAMES[10]: planted, "nested": {NAMES[11]: ALL}})
        messages += [{"role": "assistant", "content": "x"}, {"role": "user", "content": ALL}]
        with client.messages.stream(**ask, messages=messages) as events:
            events.until_done()
        for path in ("/v1/" + NAMES[12], "/v1/" + SECRETS[-1].replace("/", "%2F"), "/v1/x"):
            try:
                client.post(path, body={"messages": []}, cast_to=object)
            except anthropic.APIStatusError as error:
                pass
        try:
            with tracekit.agent("failing"):
                raise RuntimeError(f"cannot log in: {dict(enumerate(SECRETS))}")
        except RuntimeError:
            pass
client.close()
"""


class Planted(NamedTuple):
    """Return the record in `home` of a program with the environment `env`, and the spans that a collector received."""

    home: Path
    env: dict[str, str]
    live: str
    runs: list[str]


def respond(asked: ReceivedRequest) -> ScriptedResponse:
    if asked.path != "/v1/messages":
        return error(400, "invalid_request_error", "you sent " + " ".join(CREDENTIALS), {"x-echo": CREDENTIALS[0]})
    if not asked.streams:
        return message(tool_use("read_env", {CREDENTIALS[1]: CREDENTIALS}))
    everything = "\n".join(CREDENTIALS)
    whole = message(thinking(everything), text(everything), tool_use("read_env", {"a": everything, CREDENTIALS[2]: 1}))
    answer = stream(whole)
    return replace(answer, headers={**answer.headers, "x-echo": CREDENTIALS[3], "set-cookie": f"sid={CREDENTIALS[4]}"})


def leaked(text: str) -> list[str]:
    return [core for core in CORES if core in text]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    home = tmp_path_factory.mktemp("planted")
    with collector() as found, ScriptedClaude(respond) as claude:
        more = {**found.variables("http/protobuf"), "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY"}
        env = environment(home / "home", claude.url, PLANTED=repr(CREDENTIALS), **more)
        done = subprocess.run([warm_python(), "-c", PROGRAM], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert leaked(done.stderr) == []
        live = printed(found, 2)
    runs = sorted({path.name.partition(".")[0] for path in (home / "home").rglob("*.jsonl")})
    return Planted(home, environment(home / "home"), live, runs)


def printed(found: Collector, roots: int) -> str:
    """Return all that the collector printed, once it has this many roots of runs."""
    begins = re.compile(r"Name\s*: planted \[redacted:")
    eventually(lambda: len(begins.findall("".join(found.printed))) >= roots, lambda: "".join(found.printed)[-2000:])
    time.sleep(0.3)
    return "".join(found.printed)


def test_the_cores_are_in_the_credentials() -> None:
    assert len(CREDENTIALS) == 90
    assert all(len(core) >= 12 for core in CORES)
    assert all(leaked(secret) for secret in CREDENTIALS)


def test_none_is_on_the_disk_or_was_sent_live(planted: Planted) -> None:
    lines = [line for path in (planted.home / "home").rglob("*.jsonl") for line in path.read_text().splitlines()]
    kept = "\n".join(line for line in lines if not line.startswith('{"e":"chunk"'))
    assert kept.count("[redacted:") > 10 * len(CREDENTIALS)
    assert leaked(kept) == []
    # Each event is on the disk before the next one comes: what several spell out stands there in pieces.
    assert [secret for secret in CREDENTIALS if any(json.dumps(secret)[1:-1] in line for line in lines)] == []
    assert planted.live.count("[redacted:") > 5 * len(CREDENTIALS)
    assert leaked(planted.live) == []


@pytest.mark.slow
def test_none_is_in_what_the_commands_print(planted: Planted) -> None:
    first, second = planted.runs
    commands = [
        ["ls"],
        ["show", first],
        ["show", first, "--format", "json"],
        ["check", first, "--format", "github", "--min-saving", "0s", "--fail-on", "certain"],
        ["check", first, "--format", "sarif", "--min-saving", "0s"],
        ["diff", first, second],
        ["sql", "SELECT * FROM messages", "--format", "csv"],
    ]
    for command in commands:
        done = tracekit(*command, env=planted.env)
        assert done.returncode in (0, 1), done.stderr
        assert done.stdout or command[0] == "check", "nothing is found where nothing was slow"
        assert leaked(done.stdout + done.stderr) == [], command


def test_none_is_in_what_is_exported(planted: Planted) -> None:
    out = planted.home / "out.jsonl"
    assert tracekit("export", planted.runs[0], "-o", str(out), env=planted.env).returncode == 0
    deltas = "".join(
        str(value)
        for line in out.read_text().splitlines()
        for item in json.loads(line).get("sse", ())
        if isinstance(item[1], dict)
        for value in item[1].get("delta", {}).values()
    )
    assert leaked(out.read_text()) == leaked(deltas) == []
    folder = planted.home / "tables"
    assert (
        tracekit("export", planted.runs[0], "--format", "parquet", "-o", str(folder), env=planted.env).returncode == 0
    )
    tables = "".join(str(duckdb.execute(f"FROM '{file}'").fetchall()) for file in folder.glob("*.parquet"))
    assert tables.count("[redacted:") > 3 * len(CREDENTIALS)
    assert leaked(tables) == []
    with collector() as found:
        done = tracekit("export", planted.runs[0], "--otlp", found.http, "--content", env=planted.env)
        assert done.returncode == 0, done.stderr
        sent = printed(found, 1)
    assert sent.count("[redacted:") > 3 * len(CREDENTIALS)
    assert leaked(sent) == []


def test_none_is_in_what_tests_and_the_viewer_show(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACEKIT_HOME", str(planted.home / "home"))
    run = structure(read_run(segments_of(planted.runs[0])))
    assert leaked(outline(run)) == []
    reader = Reader()
    shown = [reader.of(exchange) for exchange in run.recording.exchanges.values()]
    texts = "".join(repr((said.request, said.answer.message, said.answer.error)) for said in shown)
    assert texts.count("[redacted:") > 3 * len(CREDENTIALS)
    assert leaked(texts) == []
