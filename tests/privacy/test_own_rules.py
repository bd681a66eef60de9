"""The user's own rules: in every place of a run, in every content mode, and never for long."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support.cli import environment, tracekit
from tracekit.demo.claude import (
    ReceivedRequest,
    ScriptedClaude,
    ScriptedResponse,
    error,
    message,
    reply,
    text,
    tool_use,
)
from tracekit.errors import ReplayError, SettingsError
from tracekit.model.events import Chunk, Failure, Response, SpanBegin, SpanEnd
from tracekit.privacy.own_rules import OwnRules, own_rules, recorded_rules
from tracekit.privacy.patterns import Pattern, PatternError
from tracekit.privacy.pipeline import Privacy
from tracekit.privacy.texts import rewritten_url, rewritten_value
from tracekit.replayer.keys import Keys

SLOW = r"(a+)+$"
HURT = "a" * 5000 + "b"

PROGRAM = """
import anthropic, tracekit

@tracekit.tool
def look(**values: object) -> object:
    return {"tool-result-key@corp": "tool-result@corp"}

client = anthropic.Anthropic(max_retries=0)
with tracekit.agent("agent@corp"):
    answer = client.beta.messages.create(
        model="m", max_tokens=1, betas=["beta@corp"], extra_query={"u": "query@corp", "more": "more text@corp"},
        messages=[{"role": "user", "content": "text@corp"}], extra_body={"key@corp": {"inner@corp": 1, "inner2@corp": 2}},
    )
    look(**{"argument-key@corp": ["argument@corp"]})
    with client.messages.stream(model="m", max_tokens=1, messages=[{"role": "user", "content": "again@corp"}]) as events:
        events.until_done()
for path in ("/v1/x/path@corp", "/v1/x/path%40corp/y"):
    try:
        client.post(path, body={}, cast_to=object)
    except anthropic.APIStatusError:
        pass
try:
    with tracekit.agent("failing"):
        raise ValueError("exception@corp")
except ValueError:
    pass
"""


def respond(asked: ReceivedRequest) -> ScriptedResponse:
    if asked.path != "/v1/messages":
        return error(400, "invalid_request_error", "error@corp", {"x-echo": "header@corp"})
    answer = reply(asked, message(text("an answer for somebody@corp"), tool_use("t", {"input-key@corp": "input@corp"})))
    return replace(answer, headers={**answer.headers, "x-echo": "header@corp"})


@pytest.mark.parametrize("content", ["full", "metadata", "off"])
@pytest.mark.slow
def test_rules_reach_all_that_is_written(content: str, tmp_path: Path) -> None:
    project, home = tmp_path / "project", tmp_path / "home"
    project.mkdir()
    (project / "pyproject.toml").write_text("[tool.tracekit.redact]\nmail = '[a-z0-9. -]+@cor[p]'\n")
    (project / "agent.py").write_text(PROGRAM)
    with ScriptedClaude(respond) as claude:
        env = environment(home, claude.url, TRACEKIT_CONTENT=content)
        done = tracekit("run", "--name", "name@corp", "agent.py", "argv@corp", env=env, cwd=project)
    assert done.returncode == 0, done.stderr
    kept = "".join(path.read_text() for path in home.rglob("*.jsonl"))
    assert "[redacted:mail]" in kept
    assert "@corp" not in kept
    assert "%40corp" not in kept
    assert "argv" not in kept.replace('"argv":', "") or content == "full"
    shown = tracekit("show", "last", "--format", "json", env=env, cwd=project)
    assert "@corp" not in shown.stdout
    tables = tracekit("export", "last", "--format", "parquet", "-o", str(tmp_path / "out"), env=env, cwd=project)
    assert tables.returncode == 0, tables.stderr
    for file in (tmp_path / "out").glob("*.parquet"):
        assert "@corp" not in str(duckdb.execute(f"FROM '{file}'").fetchall())
        assert file.stat().st_mode & 0o077 == 0
    if content == "full":
        again = tracekit("replay", "last", "--", "agent.py", "argv@corp", env=env, cwd=project)
        assert again.returncode == 0, again.stderr
        assert "followed" in again.stderr
        assert "@corp" not in "".join(path.read_text() for path in home.rglob("*.jsonl"))


def test_a_recording_older_than_a_rule_is_not_exported(tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text(
        "import anthropic\nanthropic.Anthropic().messages.create(model='m', max_tokens=1, messages=[{'role': 'user', 'content': 'ACME-1'}])"
    )
    with ScriptedClaude(lambda asked: message(text("x"))) as claude:
        env = environment(tmp_path / "home", claude.url)
        assert tracekit("run", "agent.py", env=env, cwd=tmp_path).returncode == 0
    (tmp_path / "pyproject.toml").write_text("[tool.tracekit.redact]\nticket = 'ACME-.'\n")
    out = str(tmp_path / "out.jsonl")
    done = tracekit("export", "last", "-o", out, env=env, cwd=tmp_path)
    assert done.returncode == 2
    assert "a match of redact.ticket" in done.stderr
    assert tracekit("export", "last", "-o", out, "--allow-secrets", env=env, cwd=tmp_path).returncode == 0


# ── in time ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_text_on_which_a_rule_takes_too_long_is_withheld(caplog: pytest.LogCaptureFixture) -> None:
    rules = OwnRules({"ticket": Pattern(r"ACME-\d+"), "slow": Pattern(SLOW)})
    privacy = Privacy(rules)
    body = json.dumps({"messages": [{"content": HURT}, {"content": "ACME-1"}]}).encode()
    with caplog.at_level(logging.WARNING):
        event = privacy.without_own(SpanEnd("a" * 16, 1, "error", Failure("E", HURT), {}, Response(200, {}, body)))
    assert isinstance(event, SpanEnd)
    assert event.failure is not None
    assert event.failure.message == "[redacted:slow, out of time]"
    assert event.response is not None
    kept = json.loads(event.response.body)["messages"]
    assert kept[0]["content"] == "[redacted:slow, out of time]"
    assert HURT[:100].encode() not in event.response.body
    assert len(caplog.records) == 1, "told once"
    assert "make redact.slow simpler" in caplog.text
    assert HURT[:100] not in caplog.text


def test_rules_that_end_are_never_cut_off_however_long_the_text() -> None:
    rules = OwnRules({"number": Pattern(r"\b[A-Z]{2}\d{6,}\b"), "mail": Pattern(r"[a-z.]+@corp")})
    words = "The order was placed by a customer in AB12345 on Monday. " * 40_000
    assert rules.text(words) == words
    assert rules.text(f"{words} CD1234567 eve@corp") == f"{words} [redacted:number] [redacted:mail]"


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", r"missing \)"),
        (1, "it is not a text but int"),
        ("x*", "it matches an empty text"),
        ("((a|b){1000}){1000}x", "more than 10,000 elements"),
        ("a" * 10_001, "10,001 characters"),
        ("(?:" * 3000, "recursion"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused(
    pattern: object, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PatternError, match=why):
        Pattern(pattern)
    (tmp_path / "pyproject.toml").write_text(f"[tool.tracekit.redact]\nbad = {json.dumps(pattern)}\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=r"redact\.bad"):
        own_rules()
    with pytest.raises(ReplayError, match="its rule of redaction 'bad' cannot be used"):
        Keys(redaction=[{"name": "bad", "pattern": pattern}])
    assert not recorded_rules([{"name": "bad", "pattern": pattern}]), "whoever only reads it goes on without"


@pytest.mark.parametrize("table", ["redact = 'x'", "redact = 5", "[tool.tracekit.redact]\n'a]b' = 'x'"])
def test_a_table_that_is_none_is_told(table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.tracekit]\n{table}\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match="redact"):
        own_rules()


@pytest.mark.parametrize("header", [5, ["x", 5, None, {}, {"name": "a"}, {"name": 5, "pattern": "x"}], [[]]])
def test_a_header_of_a_strangers_is_read(header: object) -> None:
    listed = header if isinstance(header, list) else []
    assert not recorded_rules(listed)


# ── in a replay ──────────────────────────────────────────────────────────────────────────────────────────────────────


def recorded(tmp_path: Path, prompt: str) -> tuple[Path, dict[str, str]]:
    """An exported recording of one call, and the environment of a program that makes it again."""
    (tmp_path / "agent.py").write_text(
        f"import anthropic\nanthropic.Anthropic().messages.create(model='m', max_tokens=1, "
        f"messages=[{{'role': 'user', 'content': {prompt!r}}}])"
    )
    with ScriptedClaude(lambda asked: message(text("x"))) as claude:
        env = environment(tmp_path / "home", claude.url)
        assert tracekit("run", "agent.py", env=env, cwd=tmp_path).returncode == 0
    out = tmp_path / "run.jsonl"
    assert tracekit("export", "last", "-o", str(out), env=env, cwd=tmp_path).returncode == 0
    return out, env


def with_header(path: Path, **fields: object) -> None:
    first, _, rest = path.read_text().partition("\n")
    path.write_text(json.dumps({**json.loads(first), **fields}, separators=(",", ":")) + "\n" + rest)


@pytest.mark.slow
def test_patterns_of_a_file_never_hang_a_replay(tmp_path: Path) -> None:
    path, env = recorded(tmp_path, HURT * 5)
    plain = path.read_text()
    slow = {"redaction": [{"name": "slow", "pattern": SLOW}]}
    for fields, said in (
        (slow, "the rule 'slow' takes too long"),
        ({"ignore": [f"/{SLOW}/"]}, "which is to be ignored, takes too long"),
        ({"redaction": [{"name": "x", "pattern": "(("}]}, "its rule of redaction 'x' cannot be used"),
        ({"ignore": ["/((/"]}, "cannot be ignored"),
    ):
        path.write_text(plain)
        with_header(path, **fields)
        done = tracekit("replay", str(path), "--", "agent.py", env=env, cwd=tmp_path)
        assert (done.returncode, said in done.stderr) == (125, True), done.stderr
        assert "Traceback" not in done.stderr
        assert tracekit("show", str(path), env=env, cwd=tmp_path).returncode == 0
    path.write_text(plain)
    done = tracekit("replay", str(path), "--ignore", f"/{SLOW}/", "--", "agent.py", env=env, cwd=tmp_path)
    assert done.returncode == 125, done.stderr


@pytest.mark.slow
def test_a_pattern_that_takes_too_long_on_what_is_asked_cannot_be_tested(tmp_path: Path) -> None:
    path, env = recorded(tmp_path, "short")
    with_header(path, redaction=[{"name": "slow", "pattern": SLOW}])
    (tmp_path / "agent.py").write_text((tmp_path / "agent.py").read_text().replace("'short'", repr(HURT * 5)))
    done = tracekit("replay", str(path), "--", "agent.py", env=env, cwd=tmp_path)
    assert done.returncode == 125, done.stderr
    assert "could not be tested: the rule 'slow' takes too long on a text of 25,005 characters" in done.stderr


# ── the texts of an event ────────────────────────────────────────────────────────────────────────────────────────────


def hide(text: str) -> str:
    return text.replace("a@b c", "[redacted:x]")


@pytest.mark.parametrize(
    ("url", "is_query", "wanted"),
    [
        ("/v1/a%40b%20c/d", False, "/v1/[redacted:x]/d"),
        ("/v1/%2561", False, "/v1/%2561"),
        ("/v1/a%2540b%2520c", False, "/v1/[redacted:x]"),
        ("k=a%40b+c&l=%20", True, "k=[redacted:x]&l=%20"),
        ("k=a@b c", True, "k=[redacted:x]"),
        ("https://host/v1/m", False, "https://host/v1/m"),
    ],
)
def test_addresses_are_read_without_their_encoding(url: str, is_query: bool, wanted: str) -> None:
    assert rewritten_url(url, hide, is_query=is_query) == wanted


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_rule_sees_texts_within_json_that_is_a_text(depth: int) -> None:
    rules = OwnRules({"person": Pattern('"Eve [A-Z]+"')})
    text, wanted = 'for "Eve NOLAN"', "for [redacted:person]"
    for _ in range(depth):
        text, wanted = json.dumps({"to": [text]}), json.dumps({"to": [wanted]}, separators=(",", ":"))
    assert rules.text(text) == wanted
    assert rules.text(wanted) == wanted
    broken = '{"to": ["\\'
    assert rules.text(broken) == broken


def test_json_within_json_is_read_in_time_that_grows_with_its_length() -> None:
    """JSON within JSON: each level doubles the escapes, so there are few levels, and a list has one."""
    rules = OwnRules({"person": Pattern('"Eve [A-Z]+"')})
    text = "a"
    while len(text) < 100_000:
        text = json.dumps([text, "\\"])
    looked: list[int] = []
    original = rules._applied

    def counting(each: str, *more: Any) -> str:
        looked.append(len(each))
        return original(each, *more)

    rules._applied = counting  # type: ignore[method-assign, assignment]
    assert rules.text(text) == text
    assert sum(looked) < 3 * len(text)


def test_two_keys_with_one_placeholder_keep_both_values() -> None:
    def mail(text: str) -> str:
        return "[redacted:x]" if "@" in text else text

    assert rewritten_value({"a@b": 1, "c@d": [{"e@f": "g@h"}], "i": 2.5}, mail) == {
        "[redacted:x]": 1,
        "[redacted:x] 2": [{"[redacted:x]": "[redacted:x]"}],
        "i": 2.5,
    }


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b'{"a": "a\\u0040b c"}', b'{"a":"[redacted:x]"}'),
        (b'{"a": "z"}', b'{"a": "z"}'),
        (b'event: x\r\ndata: {"a": "a@b c"}\r\n\r\n', b'event: x\r\ndata: {"a":"[redacted:x]"}\r\n\r\n'),
        (b'event: x\ndata:{"a": "z"   }\n\n', b'event: x\ndata:{"a": "z"   }\n\n'),
        (b'{"a":"a@b c"}\n{"b":"z"}\n', b'{"a":"[redacted:x]"}\n{"b":"z"}\n'),
        (b"\xff a@b c \xfe", b"\xff [redacted:x] \xfe"),
        (b'"' + b"[" * 100_000 + b"a@b c", b'"' + b"[" * 100_000 + b"[redacted:x]"),
    ],
)
def test_bodies_of_every_form_are_reached(body: bytes, wanted: bytes) -> None:
    event = Privacy(OwnRules({"x": Pattern("a@b c")})).without_own(Chunk("a" * 16, 1, body))
    assert isinstance(event, Chunk)
    assert event.data == wanted


def test_without_rules_nothing_is_loaded_or_made_anew() -> None:
    event = SpanBegin("a" * 16, None, "agent", "x", 1, "m")
    assert Privacy(OwnRules({})).without_own(event) is event
    code = "import sys, tracekit; tracekit.init(); print('regex' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout == "False\n"
