"""Sessions of Claude Code, in the shapes that its versions wrote, become the runs that they were."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.sources.transcripts import (
    CALL,
    MODEL,
    USAGE,
    Transcript,
    imported,
    nodes,
    runs,
    said,
    seconds,
    shape,
    the_run,
    uses,
)
from tracekit import semconv
from tracekit.analysis.content import Content
from tracekit.model.tree import Tokens
from tracekit.rules.default import default_findings


def test_a_message_of_several_lines_is_one_call_with_the_last_usage(main: Transcript) -> None:
    main.prompt(0, "Look around")
    first = {**USAGE, "output_tokens": 2}
    main.reply(1, "msg_1", said("I look."), first, None)
    for number in range(3):
        main.reply(1.1 + number / 10, "msg_1", uses("Bash", f"toolu_{number}", command=f"ls {number}"), stop="tool_use")
    for number in range(3):
        main.result(2 + number / 10, f"toolu_{number}", f"file {number}")
    main.reply(3, "msg_2", said("Three files."))
    run = the_run(main.path)
    calls = nodes(run, "llm")
    assert [call.tokens for call in calls] == [CALL, CALL]
    assert shape(run.root) == ["main", ["Bash", "Bash", "Bash"]]
    content = Content(run)
    asked = [dict(message) for message in content.messages(calls[1])]
    assert [message["role"] for message in asked] == ["user", "assistant", "user"]
    assert [block["type"] for block in asked[1]["content"]] == ["text", "tool_use", "tool_use", "tool_use"]
    assert [block["content"] for block in asked[2]["content"]] == ["file 0", "file 1", "file 2"]
    assert content.answer_text(calls[1]) == "Three files."
    tools = nodes(run, "tool")
    assert [tool.attributes[semconv.TOOL_CALL_RESULT] for tool in tools] == ["file 0", "file 1", "file 2"]
    assert [(seconds(tool.start_ns), seconds(tool.end_ns)) for tool in tools] == [(1.1, 2), (1.2, 2.1), (1.3, 2.2)]


def test_a_placeholder_is_no_count_of_tokens(main: Transcript) -> None:
    main.prompt(0, "Explore")
    main.reply(2, "msg_1", uses("Task", "toolu_1", prompt="Find the parser"), {**USAGE, "output_tokens": 60}, None)
    agent = main.subagent("aaaa1111")
    agent.prompt(2.1, "Find the parser")
    placeholder = {**USAGE, "output_tokens": 1}
    agent.reply(4, "msg_2", said("It is a long explanation. " * 10), placeholder, None)
    agent.reply(4.5, "msg_2", uses("Bash", "toolu_2", command="ls"), placeholder, None)
    agent.result(5, "toolu_2")
    agent.reply(6, "msg_3", said("The parser is in one file among several. " * 5), placeholder, None)
    detail = {
        "agentId": "aaaa1111",
        "status": "completed",
        "totalTokens": 33_854,
        "usage": {**USAGE, "output_tokens": 70},
    }
    main.result(6.5, "toolu_1", "It is in parse.py", detail=detail)
    main.reply(8, "msg_4", said("Found."), {**USAGE, "output_tokens": 4})
    run = the_run(main.path)
    outputs = {
        call.attributes[semconv.RESPONSE_ID]: call.attributes.get(semconv.OUTPUT_TOKENS) for call in nodes(run, "llm")
    }
    assert outputs == {"msg_1": 60, "msg_2": None, "msg_3": 70, "msg_4": 4}
    assert run.root.tokens.input == 4 * CALL.input
    assert not run.root.cost_complete


def test_lines_of_other_messages_and_results_stand_between(main: Transcript) -> None:
    main.prompt(0, "Go")
    ask_a = main.reply(1, "msg_1", uses("Bash", "toolu_a", command="a"), stop="tool_use")
    main.result(1.2, "toolu_a", "A")
    main.reply(1.4, "msg_1", uses("Bash", "toolu_b", command="b"), stop="tool_use")
    main.result(1.6, "toolu_b", "B")
    main.reply(3, "msg_2", said("Both."))
    assert ask_a
    run = the_run(main.path)
    assert [node.kind for node in run.root.children[0].children] == ["turn", "turn"]
    assert [len(turn.children) for turn in run.root.children[0].children] == [3, 1]
    (*_, last) = Content(run).messages(nodes(run, "llm")[1])
    assert [block["content"] for block in last["content"]] == ["A", "B"]
    assert run.root.tokens == CALL + CALL


def test_times_decide_not_the_order_of_lines(main: Transcript) -> None:
    prompt = main.prompt(5, "Later in time, earlier in the file")
    main.reply(7, "msg_2", said("Second."), parentUuid=prompt)
    main.prompt(0, "First", parentUuid=None)
    main.reply(2, "msg_1", said("First."))
    run = the_run(main.path)
    assert [seconds(call.start_ns) for call in nodes(run, "llm")] == [0, 5]
    assert all(node.end_ns is not None and node.end_ns >= node.start_ns for node in run.root.walk())


def test_a_lost_parent_and_a_compaction_lose_nothing(main: Transcript) -> None:
    main.prompt(0, "Go", parentUuid="not-in-this-file")
    main.reply(1, "msg_1", said("Going."))
    boundary = {"type": "system", "subtype": "compact_boundary", "compactMetadata": {"trigger": "auto"}}
    main.add(2, boundary, parentUuid=None, logicalParentUuid=main.newest)
    main.prompt(2.1, "This session is continued", isCompactSummary=True)
    main.reply(4, "msg_2", said("Going on."))
    main.reply(5, "msg_3", said("Lost."), parentUuid="gone-too")
    run = the_run(main.path)
    calls = nodes(run, "llm")
    assert run.root.tokens == CALL + CALL + CALL
    assert [call.attributes.get(semconv.ORPHAN) for call in calls] == [None, None, True]
    assert [len(Content(run).messages(call)) for call in calls] == [1, 1, 0]


def test_both_branches_of_an_edited_prompt_were_spent(main: Transcript) -> None:
    main.prompt(0, "Go")
    answer = main.reply(1, "msg_1", said("Where?"))
    main.prompt(2, "Left", parentUuid=answer)
    main.reply(3, "msg_2", said("Left it is."))
    main.prompt(4, "Right", parentUuid=answer)
    main.reply(5, "msg_3", said("Right it is."))
    run = the_run(main.path)
    assert run.root.tokens == CALL + CALL + CALL
    asked = [Content(run).question(call) for call in nodes(run, "llm")]
    assert asked == ["Go", "Left", "Right"]
    assert [len(Content(run).messages(call)) for call in nodes(run, "llm")] == [1, 3, 3]


def test_sidechains_of_old_versions_are_agents_each(main: Transcript) -> None:
    main.common["version"] = "1.0.24"
    main.prompt(0, "Ask three")
    prompts = ("Count the files", "Count the files", "Name the files")
    for number, prompt in enumerate(prompts):
        main.reply(1, "msg_1", uses("Task", f"toolu_{number}", prompt=prompt, subagent_type="counter"), stop="tool_use")
    newest = main.newest
    for number, prompt in enumerate(prompts):
        main.prompt(2, prompt, parentUuid=None, isSidechain=True)
        main.reply(3 + number, f"msg_s{number}", said("Some."), isSidechain=True)
    main.newest = newest
    for number in range(3):
        main.result(6 + number, f"toolu_{number}", "Some.")
    main.reply(10, "msg_2", said("Done."))
    run = the_run(main.path)
    assert shape(run.root) == ["main", ["Task", ["counter"]] * 3]
    agents = nodes(run, "agent")[1:]
    assert [(agent.inferred, agent.attributes[semconv.INFERRED_FROM]) for agent in agents] == [(True, "prompt")] * 3
    assert [agent.tokens for agent in agents] == [CALL] * 3


def test_flat_files_are_linked_and_warm_ups_serve_no_tool(main: Transcript) -> None:
    main.common["version"] = "2.0.28"
    main.prompt(0, "Explore")
    main.reply(1, "msg_1", uses("Task", "toolu_1", prompt="Look", subagent_type="Explore"), stop="tool_use")
    main.result(5, "toolu_1", "Seen", detail={"agentId": "aaaa0001", "status": "completed", "totalDurationMs": 3900})
    main.reply(6, "msg_2", said("Done."))
    for id, prompt in (("aaaa0001", "Look"), ("bbbb0001", "Warmup"), ("bbbb0002", "Warmup")):
        flat = Transcript(main.path.parent / f"agent-{id}.jsonl", agentId=id, isSidechain=True, version="2.0.28")
        flat.prompt(1.1, prompt)
        flat.reply(3, f"msg_{id}", said("I am ready."))
    run = the_run(main.path.parent)
    assert shape(run.root) == ["main", ["Task", ["Explore"], "agent", "agent"]]
    warm = [agent for agent in nodes(run, "agent") if agent.agent == "agent"]
    assert [agent.attributes[semconv.INFERRED_FROM] for agent in warm] == ["no call"] * 2
    assert run.root.tokens == CALL + CALL + CALL + CALL + CALL
    (task,) = nodes(run, "tool")
    assert seconds(task.start_ns) == 1.1


def test_an_agent_without_its_file_leaves_totals_open(main: Transcript) -> None:
    main.prompt(0, "Explore")
    main.reply(1, "msg_1", uses("Agent", "toolu_1", prompt="Look", subagent_type="Explore"), stop="tool_use")
    main.result(5, "toolu_1", "Seen", detail={"agentId": "aaaa0001", "status": "completed", "totalTokens": 33_854})
    main.reply(6, "msg_2", said("Done."))
    run = the_run(main.path)
    assert shape(run.root) == ["main", ["Agent", ["Explore"]]]
    assert run.root.tokens == CALL + CALL
    assert not run.root.cost_complete


@pytest.mark.parametrize("has_file", [True, False])
def test_progress_lines_count_only_without_the_file(main: Transcript, *, has_file: bool) -> None:
    main.common["version"] = "2.1.39"
    main.prompt(0, "Explore")
    main.reply(1, "msg_1", uses("Task", "toolu_1", prompt="Look", subagent_type="Explore"), stop=None)
    agent = main.subagent("aaaa0001", version="2.1.39")
    agent.prompt(1.5, "Look")
    agent.reply(3, "msg_2", said("Seen."), stop=None)
    lines = [json.loads(line) for line in agent.path.read_text(encoding="utf-8").splitlines()]
    for number, line in enumerate(lines):
        data = {"type": "agent_progress", "agentId": "aaaa0001", "message": line}
        main.add(3.1 + number / 10, {"type": "progress", "data": data, "parentToolUseID": "toolu_1"})
    if not has_file:
        agent.path.unlink()
    main.result(5, "toolu_1", "Seen.")
    main.reply(6, "msg_3", said("Done."))
    run = the_run(main.path)
    assert shape(run.root) == ["main", ["Task", ["Explore"]]]
    assert run.root.tokens == CALL + CALL + CALL
    assert not nodes(run, "agent")[1].inferred


def test_results_of_tools_that_fail_are_refused_or_missing(main: Transcript) -> None:
    main.prompt(0, "Go")
    for name in ("a", "b", "c"):
        main.reply(1, "msg_1", uses("Bash", f"toolu_{name}", command=name), stop="tool_use")
    main.result(2, "toolu_a", "Exit code 1", is_error=True, detail="Error: Exit code 1")
    refused = {"decision": "reject", "source": "user"}
    main.result(9, "toolu_b", "The user said no", is_error=True, permissionDecision=refused)
    main.prompt(10, "Go on without")
    main.reply(11, "msg_2", said("On."))
    run = the_run(main.path)
    told: dict[str, tuple[object, ...]] = {
        tool.attributes[semconv.TOOL_CALL_ID]: (
            tool.status,
            tool.failure and tool.failure.type,
            tool.duration_ns(0) / 1e9,
        )
        for tool in nodes(run, "tool")
    }
    assert told["toolu_a"] == ("error", "tool_error", 1)
    assert told["toolu_b"] == ("error", "rejected", 0)
    assert told["toolu_c"][:2] == ("error", "no_result")
    assert run.status == "ok"


def test_a_nested_agent_stands_under_the_tool_of_its_own_parent(main: Transcript) -> None:
    main.prompt(0, "Explore")
    main.reply(1, "msg_1", uses("Agent", "toolu_1", prompt="Look"), stop="tool_use")
    outer = main.subagent("aaaa", {"agentType": "outer", "toolUseId": "toolu_1", "spawnDepth": 1})
    outer.prompt(1.1, "Look")
    outer.reply(2, "msg_2", uses("Agent", "toolu_2", prompt="Look closer"), stop="tool_use")
    inner = main.subagent(
        "bbbb", {"agentType": "inner", "toolUseId": "toolu_2", "parentAgentId": "aaaa", "spawnDepth": 2}
    )
    inner.prompt(2.1, "Look closer")
    inner.reply(3, "msg_3", said("Closer."))
    outer.result(3.1, "toolu_2", "Closer.", detail={"agentId": "bbbb", "status": "completed"})
    outer.reply(4, "msg_4", said("Looked."))
    main.result(4.1, "toolu_1", "Looked.", detail={"agentId": "aaaa", "status": "completed"})
    main.reply(5, "msg_5", said("Done."))
    run = the_run(main.path)
    assert shape(run.root) == ["main", ["Agent", ["outer", ["Agent", ["inner"]]]]]
    assert [node.lane for node in nodes(run, "agent")] == ["m", "m/t0", "m/t0/t0"]
    assert run.root.tokens.output == 5 * CALL.output


def test_a_background_agent_outlives_its_tool_and_its_prompt(main: Transcript) -> None:
    main.prompt(0, "Start it")
    main.reply(1, "msg_1", uses("Agent", "toolu_1", prompt="Slowly", run_in_background=True), stop="tool_use")
    main.result(1.1, "toolu_1", "Launched", detail={"isAsync": True, "status": "async_launched", "agentId": "aaaa"})
    main.reply(2, "msg_2", said("Started."))
    agent = main.subagent("aaaa", {"agentType": "slow", "toolUseId": "toolu_1", "finished": True})
    agent.prompt(1.2, "Slowly")
    agent.reply(5, "msg_3", said("Done slowly."))
    main.prompt(5.2, "<task-notification>aaaa is done</task-notification>", origin={"kind": "task-notification"})
    main.reply(6, "msg_4", said("It is done."))
    run = the_run(main.path)
    (root_agent,) = run.root.children
    assert [(child.kind, child.name) for child in root_agent.children] == [
        ("span", "prompt"),
        ("span", "task notification"),
    ]
    assert shape(run.root) == ["main", ["Agent", ["slow"]]]
    (tool,) = nodes(run, "tool")
    assert (seconds(tool.end_ns), seconds(tool.children[0].end_ns)) == (1.1, 5)
    assert seconds(root_agent.children[0].end_ns) == 2
    assert seconds(run.root.end_ns) == 6


def test_an_agent_that_is_resumed_stands_under_its_first_tool(main: Transcript) -> None:
    main.common["version"] = "2.1.20"
    agent = main.subagent("aaaa0001", version="2.1.20")
    for number in range(2):
        at = 10 * number
        main.prompt(at, f"Round {number}")
        main.reply(at + 1, f"msg_{number}", uses("Task", f"toolu_{number}", subagent_type="worker"), stop="tool_use")
        agent.prompt(at + 1.1, f"Work {number}")
        agent.reply(at + 2, f"msg_a{number}", said("Worked."))
        main.result(at + 3, f"toolu_{number}", "Worked.", detail={"agentId": "aaaa0001", "status": "completed"})
        main.reply(at + 4, f"msg_e{number}", said("Done."))
    run = the_run(main.path)
    assert shape(run.root) == ["main", ["Task", ["worker"], "Task"]]
    assert [child.name for child in nodes(run, "agent")[1].children] == ["prompt", "prompt"]
    assert run.root.tokens.output == 6 * CALL.output


def test_attempts_of_a_subagent_are_its_requests(main: Transcript) -> None:
    main.prompt(0, "Go")
    main.request(0.1, "r1")
    main.reply(1, "msg_1", uses("Agent", "toolu_1", prompt="Look"), stop="tool_use", requestRef="r1")
    agent = main.subagent("aaaa", {"agentType": "worker", "toolUseId": "toolu_1"})
    agent.prompt(1.1, "Look")
    agent.request(1.2, "r2")
    agent.request(1.8, "r3")
    agent.reply(3, "msg_2", said("Seen."), requestRef="r3")
    main.result(3.1, "toolu_1", "Seen.", detail={"agentId": "aaaa"})
    main.request(3.2, "r4")
    main.reply(4, "msg_3", said("Done."), requestRef="r4")
    run = the_run(main.path)
    retried = next(call for call in nodes(run, "llm") if call.retries)
    attempts = [(seconds(each.start_ns), seconds(each.end_ns), each.status) for each in retried.children]
    assert attempts == [(1.2, 1.8, "error"), (1.8, 3, "ok")]
    assert semconv.INFERRED_BOUNDS not in retried.attributes
    assert run.root.retries == 1


def test_errors_of_the_main_loop_are_attempts_with_their_waits(main: Transcript) -> None:
    main.common["version"] = "2.0.40"
    main.prompt(0, "Go")
    error = {"type": "system", "subtype": "api_error", "error": {"status": 529, "message": "Overloaded"}}
    main.add(1, error, retryAttempt=1, retryInMs=500)
    main.reply(3, "msg_1", said("Gone."))
    (call,) = nodes(the_run(main.path), "llm")
    first, second = call.children
    assert (seconds(first.start_ns), seconds(first.end_ns), first.attributes[semconv.HTTP_STATUS]) == (0, 1, 529)
    assert (seconds(second.start_ns), second.attributes[semconv.WAIT_MS], second.status) == (1.5, 500, "ok")
    assert call.attributes[semconv.INFERRED_BOUNDS]
    assert call.status == "ok"


def test_a_call_that_fails_for_good_is_one_call_with_its_attempts(main: Transcript) -> None:
    main.prompt(0, "Go")
    for number in range(6):
        main.request(0.1 + number, f"r{number}")
    message = {
        "id": "local",
        "model": "<synthetic>",
        "role": "assistant",
        "content": [said("API Error: 400")],
        "usage": {},
    }
    failed = {
        "type": "assistant",
        "message": message,
        "isApiErrorMessage": True,
        "apiErrorStatus": 400,
        "error": "invalid",
    }
    main.add(6, failed)
    run = the_run(main.path)
    (call,) = nodes(run, "llm")
    assert (call.status, len(call.children), call.tokens) == ("error", 6, Tokens())
    assert call.children[-1].attributes[semconv.HTTP_STATUS] == 400
    assert run.root.cost_complete


def test_words_that_the_cli_wrote_itself_are_no_call(main: Transcript) -> None:
    main.prompt(0, "Go")
    main.reply(1, "msg_1", said("Gone."))
    message = {"id": "local", "model": "<synthetic>", "role": "assistant", "content": [said("No response requested.")]}
    main.add(2, {"type": "assistant", "message": message})
    main.prompt(3, "And back")
    main.reply(4, "msg_2", said("Back."))
    run = the_run(main.path)
    assert len(nodes(run, "llm")) == 2
    assert [len(Content(run).messages(call)) for call in nodes(run, "llm")] == [1, 3]


def test_a_killed_session_has_an_open_call_and_a_cut_line_is_read_later(main: Transcript) -> None:
    main.prompt(0, "Go")
    main.request(0.1, "r1")
    run = the_run(main.path)
    assert [node.status for node in nodes(run, "llm")] == ["interrupted"]
    assert run.status == "interrupted"
    before = main.path.read_bytes()
    main.reply(1, "msg_1", said("Gone."), requestRef="r1")
    whole = main.path.read_bytes()
    main.path.write_bytes(whole[:-20])
    assert the_run(main.path).status == "interrupted"
    assert whole.startswith(before)
    main.path.write_bytes(whole)
    again = the_run(main.path)
    assert (again.id, again.status, again.root.tokens) == (run.id, "ok", CALL)
    assert [node.id for node in nodes(again, "llm")] == [node.id for node in nodes(run, "llm")]


def test_a_session_that_ends_before_the_model_answered_was_cut(main: Transcript) -> None:
    main.common["version"] = "2.0.40"
    main.prompt(0, "Go")
    main.reply(1, "msg_1", uses("Bash", "toolu_1", command="ls"), stop="tool_use")
    main.result(2, "toolu_1")
    run = the_run(main.path)
    assert (run.status, run.root.children[0].status) == ("interrupted", "interrupted")
    assert len(nodes(run, "llm")) == 1
    main.add(3, {"type": "cost-state", "totalCostUSD": 0.1})
    assert the_run(main.path).status == "ok"


def test_equal_ids_of_other_requests_are_other_calls(main: Transcript) -> None:
    for number in range(2):
        main.prompt(2 * number, f"Question {number}")
        main.reply(2 * number + 1, "msg_1", said("The same."), requestId=f"req_{number}")
    assert the_run(main.path).root.tokens == CALL + CALL


def test_a_tool_that_begins_before_its_message_ends_keeps_its_time(main: Transcript) -> None:
    main.prompt(0, "Go")
    main.reply(1, "msg_1", uses("Bash", "toolu_1", command="ls"), stop="tool_use")
    main.result(1.5, "toolu_1")
    main.reply(4, "msg_1", uses("Bash", "toolu_2", command="ls"), stop="tool_use")
    main.result(5, "toolu_2")
    main.reply(6, "msg_2", said("Done."))
    run = the_run(main.path)
    first, _ = nodes(run, "llm")
    assert seconds(first.end_ns) == 4
    assert [(seconds(tool.start_ns), seconds(tool.end_ns)) for tool in nodes(run, "tool")] == [(1, 1.5), (4, 5)]


def test_sessions_and_files_cross(home: Path, tmp_path: Path) -> None:
    old, new = "5e551011-0000-4000-8000-00000000000a", "5e551011-0000-4000-8000-00000000000b"
    folder = tmp_path / "projects" / "-work"
    first = Transcript(folder / f"{old}.jsonl", session=old)
    first.prompt(0, "Begin")
    first.reply(1, "msg_1", said("Begun."))
    second = Transcript(folder / f"{new}.jsonl", session=old)
    second.path.write_bytes(first.path.read_bytes())
    second.newest = first.newest
    second.prompt(10, "Go on")
    second.reply(11, "msg_2", said("Gone on."))
    second.common["sessionId"] = new
    second.prompt(20, "And in the new one")
    second.reply(21, "msg_3", said("Here."))
    assert imported(folder).sessions == 2
    found = {run.name: run for run in runs()}
    assert {name: run.root.tokens.output for name, run in found.items()} == {"Begin": 180, "And in the new one": 90}


def test_what_no_user_wrote_is_no_prompt(main: Transcript) -> None:
    main.prompt(0, "<command-name>/clear</command-name>")
    main.prompt(0.1, "Caveat: local commands follow", isMeta=True)
    main.add(0.2, {"type": "attachment", "attachment": {"type": "context", "content": "x" * 50_000}})
    main.prompt(0.3, "The one prompt")
    main.reply(1, "msg_1", said("Yes."))
    main.prompt(2, "<local-command-stdout></local-command-stdout>")
    run = the_run(main.path)
    assert run.name == "The one prompt"
    assert [child.kind for child in run.root.children[0].children] == ["turn"]


def test_a_second_import_and_a_longer_session_are_the_same_run(main: Transcript) -> None:
    main.prompt(0, "Go")
    main.reply(1, "msg_1", said("Gone."))
    run = the_run(main.path)
    (file,) = {segment.path for segment in run.recording.segments}
    before = Path(file).read_bytes()
    done = imported(main.path)
    assert (done.sessions, done.unchanged) == (0, 1)
    assert Path(file).read_bytes() == before
    main.prompt(5, "Further")
    main.reply(6, "msg_2", said("There."))
    longer = the_run(main.path)
    assert (longer.id, longer.root.tokens) == (run.id, CALL + CALL)
    ids = {node.id for node in run.root.walk()}
    assert ids <= {node.id for node in longer.root.walk()}


def test_lines_that_are_not_understood_are_counted(main: Transcript) -> None:
    main.prompt(0, "Go")
    main.reply(1, "msg_1", said("Gone."), version="9.0.1")
    main.add(2, {"type": "hologram", "data": 1})
    with main.path.open("a", encoding="utf-8") as file:
        file.write("{broken\n[1]\n")
    done = imported(main.path)
    assert done.not_understood == {
        "a line of type 'hologram'": 1,
        "a line that is not a JSON object": 2,
        "version 9.0.1, newer than 2.1.332, the newest that was checked; a newer tracekit may know more of it": 1,
    }
    assert len(runs()) == 1


def test_odd_values_are_no_harm(main: Transcript) -> None:
    main.prompt(0, "A cut emoji \ud83d here")
    main.reply(1, "msg_1", uses("Agent", "toolu_1", prompt="\udc00"), {**USAGE, "output_tokens": -3, "speed": 7})
    main.result(2, "toolu_1", "\ud83d", detail={"agentId": "aaaa", "totalDurationMs": 1e300, "usage": [1]})
    main.add(3, {"type": "assistant", "message": {"id": 7, "model": None, "content": "text", "usage": "none"}})
    main.add(4, {"type": "user", "message": {"role": "user", "content": [1, None, {"type": "tool_result"}]}})
    main.add(5, {"type": "system", "subtype": "api_error", "error": "words", "retryInMs": 1e300})
    main.add(6, {"type": "user", "message": {"role": "user", "content": "late"}}, timestamp="9999-12-31T00:00:00Z")
    main.add(7, {"type": "progress", "data": {"type": "agent_progress", "agentId": "bbbb", "message": [1]}})
    main.add(8, {"type": "cost-state", "totalCostUSD": "much", "modelUsage": {"m": {"inputTokens": "many"}}})
    main.reply(9, "msg_2", said("Done."))
    run = the_run(main.path)
    first = nodes(run, "llm")[0]
    assert Content(run).question(first) == "A cut emoji \N{REPLACEMENT CHARACTER} here"
    assert semconv.OUTPUT_TOKENS not in first.attributes
    assert run.last_ns < (1 << 62)


def test_secrets_are_redacted_and_modes_keep_no_text(main: Transcript, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "sk-ant-api03-" + "a1B2" * 20 + "-AA"
    main.prompt(0, f"Use {secret}")
    main.reply(1, "msg_1", uses("Bash", "toolu_1", command=f"curl -H 'x-api-key: {secret}'"), stop="tool_use")
    main.result(2, "toolu_1", f"it was {secret}")
    main.reply(3, "msg_2", said(f"I used {secret}"))
    for mode in ("full", "metadata", "off"):
        monkeypatch.setenv("TRACEKIT_CONTENT", mode)
        (path,) = {Path(segment.path) for segment in the_run(main.path).recording.segments}
        text = path.read_text(encoding="utf-8")
        assert secret not in text
        assert ("curl" in text) == (mode == "full")
        assert ("I used" in text) == (mode == "full")
        (run,) = runs()
        assert run.root.tokens == CALL + CALL


def test_the_rules_of_the_project_redact_texts_in_every_place(
    main: Transcript, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.tracekit.redact]\nanimal = "[Ww]hales?"\n')
    monkeypatch.chdir(tmp_path)
    main.prompt(0, "Study whales")
    main.reply(1, "msg_1", uses("Bash", "toolu_1", command="grep whale"), stop="tool_use")
    main.result(2, "toolu_1", "a whale")
    main.reply(3, "msg_2", said("Whales are large."))
    run = the_run(main.path)
    text = Path(run.recording.segments[0].path).read_text(encoding="utf-8")
    assert "whale" not in text.lower()
    assert run.name == "Study [redacted:animal]"
    asked = [dict(message) for message in Content(run).messages(nodes(run, "llm")[1])]
    assert asked[2]["content"][0]["content"] == "a [redacted:animal]"


def test_rules_that_compare_whole_requests_say_nothing(main: Transcript, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = {"input_tokens": 9000, "output_tokens": 90}
    main.prompt(0, "Ask two reviewers")
    for name in ("security", "style"):
        main.reply(1, "msg_1", uses("Agent", f"toolu_{name}", prompt="Review it", subagent_type=name), stop="tool_use")
    for number, name in enumerate(("security", "style")):
        agent = main.subagent(name, {"agentType": name, "toolUseId": f"toolu_{name}"})
        agent.prompt(2 + 10 * number, "Review it")
        agent.reply(9 + 10 * number, f"msg_{name}", said("Nothing to say."), usage)
        main.result(10 + 10 * number, f"toolu_{name}", "Nothing to say.", detail={"agentId": name})
    main.reply(30, "msg_2", said("Done."))
    run = the_run(main.path)
    compared = {"TK301", "TK302", "TK401"}
    assert not compared & {finding.code for finding in default_findings(run)}
    monkeypatch.setattr(Content, "is_rebuilt", lambda *_: False)
    assert compared & {finding.code for finding in default_findings(run)}, (
        "they would, if they took the requests for whole"
    )


def test_the_recorded_cost_stands_beside_ours(main: Transcript) -> None:
    main.prompt(0, "Go")
    main.reply(1, "msg_1", said("Gone."))
    main.add(2, {"type": "cost-state", "totalCostUSD": 1.25, "modelUsage": {MODEL: {"inputTokens": 10}}})
    run = the_run(main.path)
    assert run.root.attributes[semconv.RECORDED_COST_USD] == 1.25
    assert run.root.cost_usd is not None
    assert run.root.cost_usd < 0.01
