"""Ignored and redacted values of requests, and the equality of two requests."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import anthropic
import pytest

import tracekit
from tests.support.calling import ANSWER
from tests.support.planted import CREDENTIALS
from tests.support.replays import Watched, record, replay_of, untouched
from tracekit.demo.claude import message, text
from tracekit.errors import ReplayDivergence, ReplayError
from tracekit.journal.reader import read_run
from tracekit.model.events import Request
from tracekit.model.recording import Exchange
from tracekit.privacy import recorded_privacy
from tracekit.replayer.keys import Keys
from tracekit.replayer.script import Script

BODY: dict[str, Any] = {
    "model": "claude-sonnet-5",
    "max_tokens": 9,
    "metadata": {"user_id": "u1"},
    "messages": [{"role": "user", "content": [{"type": "text", "text": "run 17 of 2026-11-22"}]}],
}


def request(body: Any = BODY, /, **changes: Any) -> Request:
    told: dict[str, Any] = {"method": "POST", "host": "https://a", "path": "/v1/messages", "query": "", "headers": {}}
    return Request(**{**told, "body": json.dumps(body).encode() if isinstance(body, dict) else body, **changes})


def changed(path: list[Any], value: Any) -> Any:
    body = json.loads(json.dumps(BODY))
    at = body
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return body


@pytest.mark.parametrize(
    ("ignore", "other"),
    [
        (["metadata.user_id"], changed(["metadata", "user_id"], "u2")),
        (["$.metadata.user_id"], changed(["metadata", "user_id"], "u2")),
        (["metadata"], changed(["metadata"], {"user_id": 2, "more": []})),
        (["metadata.*"], changed(["metadata", "user_id"], "u2")),
        (["messages[0].content[0].text"], changed(["messages", 0, "content", 0, "text"], "x")),
        (["messages[*].content[*].text"], changed(["messages", 0, "content", 0, "text"], "x")),
        (["messages[-1].content"], changed(["messages", 0, "content"], "x")),
        ([r"/run \d+/"], changed(["messages", 0, "content", 0, "text"], "run 18 of 2026-11-22")),
        ([r"/run \d+/", r"/\d{4}-\d\d-\d\d/"], changed(["messages", 0, "content", 0, "text"], "run 5 of 2027-01-01")),
    ],
)
def test_ignored(ignore: list[str], other: Any) -> None:
    assert Keys().key(request()) != Keys().key(request(other))
    assert Keys(ignore).key(request()) == Keys(ignore).key(request(other))


@pytest.mark.parametrize(
    ("ignore", "other"),
    [
        (["metadata.user"], changed(["metadata", "user_id"], "u2")),
        (["messages[1].content"], changed(["messages", 0, "content"], "x")),
        ([r"/run \d+/"], changed(["messages", 0, "content", 0, "text"], "run x of 2026-11-22")),
        (["metadata.user_id"], changed(["model"], "claude-opus-5-5")),
    ],
)
def test_not_ignored(ignore: list[str], other: Any) -> None:
    assert Keys(ignore).key(request()) != Keys(ignore).key(request(other))


@pytest.mark.parametrize("entry", ["", "/", "//", "/(/", "/open", "a[", "a[x]", "..", "[]"])
def test_what_cannot_be_ignored(entry: str) -> None:
    with pytest.raises(ReplayError, match="cannot be ignored"):
        Keys([entry])


def test_what_a_request_is() -> None:
    key = Keys().key(request())
    assert key == Keys().key(request(host="http://elsewhere:9"))
    assert key == Keys().key(request(headers={"content-type": "application/json", "anthropic-version": "1"}))
    assert key != Keys().key(request(method="PUT"))
    assert key != Keys().key(request(path="/v1/other"))
    assert key != Keys().key(request(query="beta=true"))
    a, b = request(headers={"anthropic-beta": "x, y"}), request(headers={"anthropic-beta": "y,x"})
    assert Keys().key(a) == Keys().key(b) != key
    boundaries = [
        request(f"--{each}\r\nx".encode(), headers={"content-type": f"multipart/form-data; boundary={each}"})
        for each in ("abc", "def")
    ]
    assert Keys().key(boundaries[0]) == Keys().key(boundaries[1])
    for body in (b"", b"\xff\xfe", b"[" * 5000, b'{"a": "\\ud800"}', None):
        assert Keys(["a"]).key(request(body)) == Keys(["a"]).key(request(body))


# ── in a replay ──────────────────────────────────────────────────────────────────────────────────────────────────────

SECRET = "sk-ant-api03-" + "a1B2" * 20


def ask(url: str, words: str, **more: Any) -> Any:
    with anthropic.Anthropic(base_url=url, api_key="key") as client:
        messages: Any = [{"role": "user", "content": words}]
        return client.messages.create(model="claude-sonnet-5", max_tokens=9, messages=messages, **more).content[0]


def test_secrets_that_the_recording_does_not_hold(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program sends the real ones again; neither the recording nor what is recorded of the replay holds them."""
    monkeypatch.chdir(tmp_path)
    settings = tmp_path / "pyproject.toml"
    settings.write_text('[tool.tracekit.redact]\ncustomer = "customer \\\\d+"\n')
    words = f"use {SECRET} for customer 4711"
    with Watched(lambda _: ANSWER) as claude:
        seen, run = record(lambda: ask(claude.url, words))
        kept = next(iter(run.exchanges.values())).request.body or b""
        assert b"[redacted:customer]" in kept
        assert SECRET.encode() not in kept
        # The rules of the recording count, not those of the folder in which it is replayed.
        settings.write_text("")
        with untouched(claude):
            again, replay = replay_of(run, lambda: ask(claude.url, words))
    assert again == seen
    assert replay.run is not None
    assert (next(iter(replay.run.recording.exchanges.values())).request.body or b"") == kept
    with pytest.raises(ReplayDivergence) as raised:
        replay_of(run, lambda: ask(claude.url, words + " and more"))
    assert SECRET not in str(raised.value)
    assert "4711" not in str(raised.value)


def test_a_recording_of_this_version_is_opened_without_a_look_at_its_requests(home: Path) -> None:
    """Redacting again what today's rules have redacted changes no key, whatever was in the request."""
    planted = "\n".join(CREDENTIALS)

    def program(url: str) -> Any:
        more = {"extra_query": {"token": planted}, "extra_headers": {"anthropic-beta": f"a,{CREDENTIALS[0]}"}}
        return [
            ask(url, planted, system=[{"type": "text", "text": f"`{each}`"}], metadata={each: each}, **more)
            for each in CREDENTIALS[::7]
        ]

    with Watched(lambda _: ANSWER) as claude:
        seen, run = record(lambda: program(claude.url))
        (segment,) = run.segments
        assert segment.redaction == tuple(recorded_privacy(()).described())
        late = read_run([Path(segment.path)], is_lazy=True)
        keys = Keys((), late.redaction)
        opened = [call.key for call in Script(late, keys).calls]
        assert [is_built(each) for each in late.exchanges.values()] == [False] * len(seen)
        again = [keys.recorded(each) for each in run.exchanges.values()]
        assert opened == [keys.key(each.request, each.digest) for each in again]
        with untouched(claude):
            assert replay_of(late, lambda: program(claude.url))[0] == seen


@pytest.mark.parametrize("change", [{"redaction": ()}, {"versions": {"tracekit": "0.0.1"}}])
def test_a_recording_of_another_version_is_redacted_again(home: Path, change: dict[str, Any]) -> None:
    with Watched(lambda _: ANSWER) as claude:
        _, run = record(lambda: ask(claude.url, "Hello."))
    (segment,) = run.segments
    late = read_run([Path(segment.path)], is_lazy=True)
    late = replace(late, segments=(replace(segment, **change),))
    Script(late, Keys((), late.redaction))
    assert [is_built(each) for each in late.exchanges.values()] == [True]


def is_built(exchange: Exchange) -> bool:
    stored = exchange.request._stored  # type: ignore[attr-defined]
    return stored.built is not None


def test_ignore_in_the_call_and_in_the_header(home: Path, tmp_path: Path) -> None:
    with Watched(lambda _: message(text("x"))) as claude:
        _, run = record(lambda: ask(claude.url, "run 1", metadata={"user_id": "a"}))
        file = tmp_path / "run.jsonl"
        header, rest = Path(run.segments[0].path).read_bytes().split(b"\n", 1)
        told = {**json.loads(header), "ignore": ["metadata"]}
        file.write_bytes(json.dumps(told, separators=(",", ":")).encode() + b"\n" + rest)
        with untouched(claude):
            _, replay = replay_of(
                file, lambda: ask(claude.url, "run 2", metadata={"user_id": "b"}), ignore=[r"/run \d/"]
            )
            assert replay.mode == "followed"
            with pytest.raises(ReplayDivergence, match="run 2"):
                replay_of(file, lambda: ask(claude.url, "run 2", metadata={"user_id": "b"}))
    with pytest.raises(ReplayError, match="cannot be ignored"):
        tracekit.replay(file, ignore=["/("])
