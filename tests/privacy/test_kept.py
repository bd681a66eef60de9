"""Content that is recorded, and content that never reaches the disk."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import PROGRAMS, environment, nodes, outline, tracekit, tracekit_json
from tests.support.warm import warm_python
from tracekit import semconv
from tracekit.demo.claude import ReceivedRequest, ScriptedClaude, ScriptedResponse, message, reply, text, tool_use
from tracekit.model.events import SpanBegin
from tracekit.privacy import Content, Privacy
from tracekit.privacy.own_rules import OwnRules


def write_project(folder: Path, settings: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "pyproject.toml").write_text(settings)


ASK = """
import anthropic
with anthropic.Anthropic() as client:
    client.messages.create(model="claude-sonnet-5", max_tokens=9, messages=[{"role": "user", "content": "ticket ACME-4711 of \\"Eve\\""}])
"""


def ask(tmp_path: Path, settings: str, **variables: str) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    write_project(tmp_path / "project", settings)
    (tmp_path / "project" / "agent.py").write_text(ASK)
    with ScriptedClaude(lambda asked: message(text("ACME-4711 is Eve's, ACME-12 is not."))) as claude:
        env = environment(tmp_path / "home", claude.url, **variables)
        return tracekit("run", "agent.py", env=env, cwd=tmp_path / "project"), env


def everything(home: Path) -> str:
    return "".join(path.read_text() for path in home.rglob("*.jsonl"))


def test_a_rule_of_the_users_own(tmp_path: Path) -> None:
    settings = "[tool.tracekit.redact]\nticket = 'ACME-\\d+'\nperson = '\"?Eve\"?'\n"
    done, env = ask(tmp_path, settings)
    assert done.returncode == 0, done.stderr
    kept = everything(tmp_path / "home")
    assert "ACME-" not in kept.replace("ACME-\\\\d+", "")
    assert "ticket [redacted:ticket] of [redacted:person]" in kept
    assert "[redacted:ticket] is [redacted:person]'s, [redacted:ticket] is not." in kept
    header = json.loads(kept.splitlines()[0])
    assert {"name": "ticket", "pattern": "ACME-\\d+"} in header["redaction"]
    assert tracekit_json("show", "last", env=env)["run"]["calls"] == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("[tool.tracekit.redact]\nbroken = '('\n", "redact.broken"),
        ("[tool.tracekit.redact]\nbroken = 1\n", "redact.broken"),
        ("[tool.tracekit.redcat]\nticket = 'ACME'\n", "has redcat; it may have check, judge, prices, redact"),
    ],
)
def test_a_rule_that_is_none_is_told_before_the_program_starts(settings: str, said: str, tmp_path: Path) -> None:
    done, _ = ask(tmp_path, settings)
    assert done.returncode == 2
    assert said in done.stderr
    assert not list((tmp_path / "home").rglob("*.jsonl"))


def test_a_rule_that_is_none_keeps_an_initialised_program_going_unrecorded(tmp_path: Path) -> None:
    write_project(tmp_path / "project", "[tool.tracekit.redact]\nbroken = '('\n")
    with ScriptedClaude(lambda asked: message(text("x"))) as claude:
        env = environment(tmp_path / "home", claude.url)
        code = "import tracekit; tracekit.init()\n" + ASK
        done = subprocess.run(
            [warm_python(), "-c", code], env=env, cwd=tmp_path / "project", capture_output=True, text=True, check=False
        )
    assert done.returncode == 0
    assert "redact.broken" in done.stderr
    assert not list((tmp_path / "home").rglob("*.jsonl"))


def test_what_a_tool_touches_is_kept_in_form_alone_without_full() -> None:
    def kept(mode: Content, *paths: str) -> Any:
        filtering = Privacy(OwnRules({}), mode).for_segment()
        begin = SpanBegin("a", None, "tool", "look", 1, "m", attributes={semconv.DECLARED_READS: list(paths)})
        (found,) = filtering.over(begin)
        assert isinstance(found, SpanBegin)
        return found.attributes.get(semconv.DECLARED_READS)

    assert kept("full", "docs/plan.md") == ["docs/plan.md"]
    one, folder, same, every = kept("metadata", "docs/plan.md", "docs/", "docs/plan.md", "docs/*")
    assert one == same
    assert "plan" not in one
    assert one.startswith(folder)
    assert every == f"{folder}*"
    assert kept("off", "docs/plan.md") is None
    # An empty list says that nothing is touched.
    assert kept("metadata") == kept("off") == []


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.slow
def test_metadata_keeps_the_tree_and_no_word(mode: str, tmp_path: Path) -> None:
    def respond(asked: ReceivedRequest) -> ScriptedResponse:
        request: dict[str, Any] = asked.json()
        if request["system"] == "You lead.":
            if len(request["messages"]) == 1:
                blocks = [tool_use("analysis_agent", {"path": f"secret/{name}.py"}) for name in ("one", "two")]
                return message(text("Sesame."), *blocks)
            return message(text("Abracadabra."))
        return message(text(f"Hocus pocus: {request['messages'][0]['content']}"), delay_s=0.05)

    shown = {}
    for content in ("full", "metadata", "off"):
        with ScriptedClaude(respond) as claude:
            env = environment(tmp_path / content, claude.url, TRACEKIT_CONTENT=content)
            assert tracekit("run", str(PROGRAMS / "guide.py"), mode, env=env).returncode == 0
        shown[content] = tracekit_json("show", "last", env=env)
    assert outline(shown["metadata"]["root"]) == outline(shown["full"]["root"])
    for content in ("metadata", "off"):
        assert shown[content]["run"]["tokens"] == shown["full"]["run"]["tokens"]
        assert shown[content]["run"]["cost_usd"] == shown["full"]["run"]["cost_usd"]
        assert len(nodes(shown[content]["root"], "llm")) == 4
        kept = everything(tmp_path / content)
        for word in ("Sesame", "Abracadabra", "Hocus", "secret/one", "You lead", "Analyse the shop"):
            assert word not in kept, (content, word)
        assert json.loads(kept.splitlines()[0])["content"] == content
    assert "analysis_agent" in everything(tmp_path / "metadata")


def test_a_stream_without_content_keeps_its_usage(tmp_path: Path) -> None:
    code = ASK.replace("client.messages.create(", "with client.messages.stream(").replace(
        "])\n", "]) as s: s.until_done()\n"
    )
    (tmp_path / "agent.py").write_text(code)
    with ScriptedClaude(
        lambda asked: reply(asked, message(text("Hocus pocus."), usage={"output_tokens": 7}))
    ) as claude:
        env = environment(tmp_path / "home", claude.url, TRACEKIT_CONTENT="metadata")
        assert tracekit("run", str(tmp_path / "agent.py"), env=env).returncode == 0
    assert "Hocus" not in everything(tmp_path / "home")
    assert tracekit_json("show", "last", env=env)["run"]["tokens"]["output"] == 7


LEAD = """
import asyncio, sys
import anthropic

async def main():
    client = anthropic.AsyncAnthropic()
    asked = dict(model="claude-sonnet-5", max_tokens=9, system="You lead.", tools=[{"name": "helper", "input_schema": {"type": "object"}}])
    messages = [{"role": "user", "content": "Please go."}]

    async def help(block):
        question = [{"role": "user", "content": block.input["task"]}]
        answer = await client.messages.create(model="claude-haiku-4-5", max_tokens=9, system="You help.", messages=question)
        return {"type": "tool_result", "tool_use_id": block.id, "content": answer.content[0].text}

    while True:
        if sys.argv[1] == "helper":
            async with client.messages.stream(**asked, messages=messages) as stream:
                answer = await stream.get_final_message()
        else:
            async with client.messages.with_streaming_response.create(**asked, messages=messages) as response:
                answer = await response.parse()
        if answer.stop_reason != "tool_use":
            break
        results = await asyncio.gather(*[help(block) for block in answer.content if block.type == "tool_use"])
        messages += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": results}]
    await client.close()

asyncio.run(main())
"""


@pytest.mark.parametrize("way", ["helper", "response"])
@pytest.mark.slow
def test_metadata_keeps_the_tree_of_what_is_streamed(way: str, tmp_path: Path) -> None:
    """Events of a stream, and a whole message that is read in pieces."""

    def respond(asked: ReceivedRequest) -> ScriptedResponse:
        request = asked.json()
        if request["system"] == "You help.":
            return message(text(f"On {request['messages'][0]['content']}: hocus pocus."), delay_s=0.05)
        if len(request["messages"]) == 1:
            blocks = [tool_use("helper", {"task": f"look into {name}"}) for name in ("alpha", "beta")]
            return reply(asked, message(text("I ask two."), *blocks))
        return reply(asked, message(text("All done.")))

    (tmp_path / "agent.py").write_text(LEAD)
    shown = {}
    for content in ("full", "metadata"):
        with ScriptedClaude(respond) as claude:
            env = environment(tmp_path / content, claude.url, TRACEKIT_CONTENT=content)
            done = tracekit("run", str(tmp_path / "agent.py"), way, env=env)
            assert done.returncode == 0, done.stderr
        shown[content] = tracekit_json("show", "last", env=env)
    assert len(nodes(shown["full"]["root"], "agent")) == 3
    assert outline(shown["metadata"]["root"]) == outline(shown["full"]["root"])
    assert "alpha" not in everything(tmp_path / "metadata")


def test_export_refuses_what_looks_like_a_credential(tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text(ASK.replace("ticket ACME", "password = hunter2hunter2, ticket ACME"))
    with ScriptedClaude(lambda asked: message(text("fine"))) as claude:
        env = environment(tmp_path / "home", claude.url)
        tracekit("run", str(tmp_path / "agent.py"), env=env)
    out = tmp_path / "run.jsonl"
    done = tracekit("export", "last", "-o", str(out), env=env)
    assert done.returncode == 2
    assert "password = hun…" in done.stderr
    assert "hunter2hunter2" not in done.stderr
    assert not out.exists()
    page = tmp_path / "run.html"
    done = tracekit("export", "last", "-o", str(page), "--format", "html", env=env)
    assert (done.returncode, page.exists()) == (2, False)
    assert "password = hun…" in done.stderr
    assert tracekit("export", "last", "-o", str(out), "--allow-secrets", env=env).returncode == 0
    assert "hunter2hunter2" in out.read_text()
    assert out.stat().st_mode & 0o077 == 0
