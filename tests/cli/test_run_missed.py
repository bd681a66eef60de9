"""Tests that requests to Claude which are not recorded are counted and reported."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import environment, tracekit, tracekit_json
from tests.support.waiting import LONG_S
from tracekit.demo.claude import ScriptedClaude, message, reply, text

BODY = '{"model": "claude-sonnet-5", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}'

PAST = f"""
import json, os, subprocess, sys, urllib.request
import boto3, requests, urllib3
url, body = os.environ["ANTHROPIC_BASE_URL"], {BODY!r}
head = {{"content-type": "application/json", "anthropic-version": "2023-06-01", "x-api-key": "sesame"}}
for _ in range(2):
    requests.post(url + "/v1/messages", data=body, headers=head).raise_for_status()
urllib.request.urlopen(urllib.request.Request(url + "/v1/messages?beta=true", body.encode(), head)).read()
urllib3.request("POST", url + "/v1/messages", body=body, headers=head)
bedrock = boto3.client("bedrock-runtime", region_name="us-east-1", endpoint_url=url,
                       aws_access_key_id="a", aws_secret_access_key="b")
bedrock.converse(modelId="us.anthropic.claude-sonnet-5", messages=[{{"role": "user", "content": [{{"text": "hi"}}]}}])
# What is no call of Claude's is none here: another service with such a path, a count, a list, another vendor's model.
requests.post(url.replace("127.0.0.1", "localhost") + "/v1/messages", data=body)
requests.post(url + "/v1/messages/count_tokens", data=body, headers=head)
requests.get(url + "/v1/models", headers=head)
try:
    bedrock.converse(modelId="amazon.nova-pro", messages=[])
except Exception as error:
    print(type(error).__name__)
subprocess.run([sys.argv[1] + "/claude", "--version"], check=True)
subprocess.run([sys.argv[1] + "/claude", "-p", "hi"], check=True)
"""

CALL = f"""
import anthropic
with anthropic.Anthropic() as client:
    client.messages.create(**{BODY})
"""

TOLD = (
    "botocore sent 1 request to 127.0.0.1:{port}; the program started claude; "
    "requests sent 2 requests to 127.0.0.1:{port}; urllib.request sent 1 request to 127.0.0.1:{port}; "
    "urllib3 sent 1 request to 127.0.0.1:{port}"
)


@pytest.fixture
def claude() -> Iterator[ScriptedClaude]:
    with ScriptedClaude(lambda asked: reply(asked, message(text("hello")))) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "claude"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (tmp_path / "past.py").write_text(PAST)
    (tmp_path / "both.py").write_text(PAST + CALL)
    (tmp_path / "bare.py").write_text(f"import tracekit\ntracekit.init()\n{PAST}")
    return tmp_path


def test_where_nothing_is_recorded_it_says_what_was_missed(claude: ScriptedClaude, folder: Path) -> None:
    env = environment(folder / "home", claude.url)
    done = tracekit("run", str(folder / "past.py"), str(folder / "bin"), env=env)
    assert done.returncode == 0, done.stderr
    told = TOLD.format(port=claude.url.rpartition(":")[2])
    assert f"nothing was recorded: no call went through the anthropic SDK; {told}; " in done.stderr
    assert tracekit_json("ls", env=env) == []
    (check,) = [each for each in tracekit_json("doctor", env=env) if each["name"] == "calls past the SDK"]
    assert told in check["says"]
    assert "the last program was past" in check["says"]
    assert not check["ok"]


@pytest.mark.slow
def test_a_run_that_is_recorded_in_part_says_so(claude: ScriptedClaude, folder: Path) -> None:
    env = environment(folder / "home", claude.url)
    done = tracekit("run", str(folder / "both.py"), str(folder / "bin"), env=env)
    told = TOLD.format(port=claude.url.rpartition(":")[2])
    assert f"the record is partial: {told}, which is not recorded" in done.stderr
    shown = tracekit_json("show", "last", env=env)
    where = claude.url.removeprefix("http://")
    assert shown["run"]["calls"] == 1
    assert shown["unrecorded"] == [
        {"caller": "botocore", "host": where, "requests": 1},
        {"caller": "claude", "host": None, "requests": 1},
        {"caller": "requests", "host": where, "requests": 2},
        {"caller": "urllib.request", "host": where, "requests": 1},
        {"caller": "urllib3", "host": where, "requests": 1},
    ]
    drawn = tracekit("show", "last", env={**env, "COLUMNS": "500"}).stdout
    assert f"partial: {told}, which is not recorded" in drawn
    # It goes with the run, and nothing of what was sent does.
    assert tracekit("export", "last", "--normal", "-o", str(folder / "it.jsonl"), env=env).returncode == 0
    assert tracekit_json("show", str(folder / "it.jsonl"), env=env)["unrecorded"] == shown["unrecorded"]
    written = [path.read_text() for path in (folder / "home").rglob("*.jsonl")]
    assert not any("sesame" in each for each in written)


def test_a_program_of_its_own_leaves_a_note_for_doctor(claude: ScriptedClaude, folder: Path) -> None:
    env = environment(folder / "home", claude.url)
    command = [sys.executable, str(folder / "bare.py"), str(folder / "bin")]
    subprocess.run(command, env=env, check=True, capture_output=True, timeout=LONG_S)
    (check,) = [each for each in tracekit_json("doctor", env=env) if each["name"] == "calls past the SDK"]
    assert TOLD.format(port=claude.url.rpartition(":")[2]) in check["says"]


@pytest.mark.slow
def test_a_call_between_recorded_ones_belongs_to_their_run(claude: ScriptedClaude, folder: Path) -> None:
    """Also where it comes before the run is known, and in the block of another."""
    code = f"""
import os, requests, anthropic, tracekit
tracekit.init()
def past():
    head = {{"anthropic-version": "2023-06-01"}}
    requests.post(os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages", data={BODY!r}, headers=head)
client = anthropic.Anthropic()
past()
with tracekit.run("one"):
    past()
    client.messages.create(**{BODY})
    past()
with tracekit.run("two"):
    client.messages.create(**{BODY})
"""
    env = environment(folder / "home", claude.url)
    subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True, timeout=LONG_S)
    counts = {
        run["name"]: tracekit_json("show", run["id"], env=env)["unrecorded"] for run in tracekit_json("ls", env=env)
    }
    assert [each["requests"] for each in counts["one"]] == [3]
    assert counts["two"] == []


def test_a_child_that_is_recorded_tells_of_its_own(claude: ScriptedClaude, folder: Path) -> None:
    env = environment(folder / "home", claude.url)
    outer = folder / "outer.py"
    outer.write_text("import subprocess, sys; subprocess.run([sys.executable, *sys.argv[1:]], check=True)")
    done = tracekit("run", str(outer), str(folder / "past.py"), str(folder / "bin"), env=env)
    assert TOLD.format(port=claude.url.rpartition(":")[2]) in done.stderr


def test_a_broken_note_is_no_concern(folder: Path) -> None:
    """A home that holds something else in the note's place is read as one without notes."""
    home = folder / "home"
    home.mkdir()
    env = environment(home)
    for broken in (b"\xff\n", b"[]\n{}\n", b'{"t": 1}\n', b"[" * 5000 + b"\n"):
        (home / "missed.jsonl").write_bytes(broken)
        assert "calls past the SDK" not in {each["name"] for each in tracekit_json("doctor", env=env)}
    (home / "missed.jsonl").unlink()
    os.mkfifo(home / "missed.jsonl")
    assert "calls past the SDK" not in {each["name"] for each in tracekit_json("doctor", env=env)}
