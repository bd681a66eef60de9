"""The shared folder: its tools, its bounds, and what the record says of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import nodes
from tests.support.teams import LEAD, WORKER, Script, perform, results, shown
from tracekit import Orchestrator, Subagent
from tracekit.demo.claude import ScriptedClaude, message, text, tool_use
from tracekit.runtime.workspace import Workspace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("secret")
    place = tmp_path / "work"
    (place / "sub").mkdir(parents=True)
    (place / "a.txt").write_text("Ä\r\n")
    (place / "sub" / "b.txt").write_text("b")
    (place / "out").symlink_to(tmp_path)
    (place / "out.txt").symlink_to(tmp_path / "secret.txt")
    (place / "in.txt").symlink_to("sub/b.txt")
    (place / "loop").symlink_to("loop")
    return place


def test_agents_are_told_of_it_and_what_they_do_is_recorded(recording: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "work"

    def said(body: dict[str, Any]) -> Any:
        if len(body["messages"]) == 1:
            return message(tool_use("write_file", {"path": "sub/new.txt", "content": "made"}))
        return message(text("Written."))

    asks = (
        message(tool_use("worker", {"task": "write"})),
        message(tool_use("read_file", {"path": "./sub/new.txt"})),
        message(tool_use("list_files", {})),
    )
    worker = Subagent("worker", "It works.", WORKER, "You work.")

    def build(client: Any) -> Orchestrator:
        return Orchestrator("lead", model=LEAD, system="You lead.", client=client, workspace=folder, subagents=[worker])

    with ScriptedClaude(Script(*asks, said=said)) as claude:
        perform(build, claude, "async", "Go.")
        for asked in claude.asked:
            assert str(folder) in asked.json()["system"]
            names = [tool["name"] for tool in asked.json()["tools"]]
            assert names[:3] == ["list_files", "read_file", "write_file"]
        assert results(claude, -2)[0]["content"] == "made"
        assert results(claude, -1)[0]["content"] == "sub/new.txt"
    assert (folder / "sub" / "new.txt").read_text() == "made"
    tools = {node["attributes"]["gen_ai.tool.name"]: node["attributes"] for node in nodes(shown()["root"], "tool")}
    assert tools["write_file"]["tracekit.workspace.writes"] == ["sub/new.txt"]
    assert tools["read_file"]["tracekit.workspace.reads"] == ["sub/new.txt"]
    assert tools["list_files"]["tracekit.workspace.reads"] == ["./"]
    assert "tracekit.workspace.reads" not in tools["worker"]


def test_a_team_within_has_the_outer_workspace_or_its_own(home: Path, tmp_path: Path) -> None:
    def inner(name: str, **more: Any) -> Orchestrator:
        return Orchestrator(name, description="A team.", model=WORKER, system="You work.", **more)

    asks = message(tool_use("same", {"task": "it"}), tool_use("other", {"task": "it"}))
    members = [inner("same"), inner("other", workspace=tmp_path / "two")]

    def build(client: Any) -> Orchestrator:
        return Orchestrator(
            "lead", model=LEAD, system="You lead.", client=client, workspace=tmp_path / "one", subagents=members
        )

    with ScriptedClaude(Script(asks)) as claude:
        perform(build, claude, "async", "Go.")
        told = sorted(asked.json()["system"].split("the folder ")[1].split(".")[0] for asked in claude.asked)
    assert told == [str(tmp_path / "one")] * 3 + [str(tmp_path / "two")]


def test_files_are_read_and_written_as_they_are(folder: Path) -> None:
    work = Workspace(folder)
    assert work.read_file("a.txt") == "Ä\r\n"
    assert work.read_file(str(folder / "a.txt")) == "Ä\r\n"
    assert work.read_file("sub/../in.txt") == "b"
    assert work.write_file("x/y/z.txt", "Ö\r\n") == "x/y/z.txt: 4 bytes written"
    assert (folder / "x" / "y" / "z.txt").read_bytes() == "Ö\r\n".encode()
    assert work.write_file("a.txt", "new") == "a.txt: 3 bytes written"
    assert work.write_file("in.txt", "through the link") == "sub/b.txt: 16 bytes written"
    assert work.list_files("x") == "x/y/z.txt"


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "out/secret.txt",
        "out.txt",
        "/etc/passwd",
        "sub/../../secret.txt",
        "out/new.txt",
        "out/made/new.txt",
        "/proc/self/root/etc/passwd",
    ],
)
def test_nothing_outside_can_be_reached(path: str, folder: Path) -> None:
    work = Workspace(folder)
    before = sorted(folder.parent.rglob("*"))
    for act in (work.read_file, work.list_files, lambda each: work.write_file(each, "bad")):
        with pytest.raises(PermissionError, match="is outside the workspace"):
            act(path)
    assert sorted(folder.parent.rglob("*")) == before
    assert (folder.parent / "secret.txt").read_text() == "secret"


def test_a_neighbour_with_the_same_beginning_is_outside(folder: Path) -> None:
    (folder.parent / "work2").mkdir()
    with pytest.raises(PermissionError):
        Workspace(folder).list_files("../work2")


@pytest.mark.parametrize("path", ["", ".", "sub", "nope.txt", "pipe", "loop", "a.txt/b", "x\0y"])
def test_what_is_no_file_is_refused_and_never_waited_for(path: str, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises((OSError, ValueError, RuntimeError)):
        Workspace(folder).read_file(path)


@pytest.mark.parametrize("path", ["", ".", "sub", "pipe"])
def test_only_files_are_written(path: str, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(FileExistsError, match="exists and is not a file"):
        Workspace(folder).write_file(path, "x")


def test_what_is_no_text_or_too_large_is_refused(folder: Path) -> None:
    (folder / "image.png").write_bytes(b"\x89PNG\xff")
    (folder / "big.log").write_bytes(b"x" * 1_000_001)
    with pytest.raises(UnicodeDecodeError):
        Workspace(folder).read_file("image.png")
    with pytest.raises(ValueError, match="1000001 bytes; read_file reads up to 1000000"):
        Workspace(folder).read_file("big.log")


def test_a_list_is_in_order_and_bounded(folder: Path) -> None:
    work = Workspace(folder)
    assert work.list_files().splitlines() == ["a.txt", "in.txt", "loop", "out.txt", "sub/b.txt"]
    (folder / "many").mkdir()
    for number in range(1100):
        (folder / "many" / f"{number:04}").touch()
    lines = work.list_files("many").splitlines()
    assert (len(lines), lines[0], lines[999], lines[-1]) == (
        1001,
        "many/0000",
        "many/0999",
        "… and more; list one of the folders",
    )
    (folder / "empty").mkdir()
    assert work.list_files("empty") == "(no files)"
    with pytest.raises(NotADirectoryError, match="is not a folder of the workspace"):
        work.list_files("a.txt")


def test_a_relative_path_is_told_as_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    work = Workspace("work")
    assert "the folder work." in work.instructions
    monkeypatch.chdir("/")
    assert work.read_file("sub/b.txt") == "b"
