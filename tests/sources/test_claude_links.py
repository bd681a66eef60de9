"""Teams, workflows, compactions and forks of Claude Code: where their agents stand, and what they are marked with."""

from __future__ import annotations

import pytest

from tests.sources.transcripts import (
    CALL,
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
from tracekit.cli.importing import summary
from tracekit.errors import SourceError
from tracekit.model.tree import Tokens
from tracekit.rules.default import default_findings
from tracekit.sources.importing import Imported, source_of


def test_teammates_stand_under_the_tools_that_started_them(main: Transcript) -> None:
    main.common |= {"version": "2.1.34", "teamName": "whales"}
    main.prompt(0, "Make a team")
    main.reply(1, "msg_1", uses("TeamCreate", "toolu_t", team_name="whales"), stop="tool_use")
    main.result(1.1, "toolu_t")
    asked = {"prompt": "Count the whales", "team_name": "whales", "subagent_type": "counter"}
    main.reply(2, "msg_2", uses("Task", "toolu_1", name="ann", **asked), stop="tool_use")
    main.result(2.1, "toolu_1", detail={"status": "teammate_spawned", "agent_id": "ann@whales", "name": "ann"})
    main.reply(3, "msg_3", said("Ann counts."))
    mate = main.subagent("aaaa0001")
    mate.prompt(
        2.2, '<teammate-message teammate_id="team-lead" summary="count">\nCount the whales\n</teammate-message>'
    )
    mate.reply(5, "msg_4", uses("SendMessage", "toolu_s", to="team-lead", message="Nine"), stop="tool_use")
    mate.result(5.1, "toolu_s")
    mate.reply(6, "msg_5", said("I told her."))
    main.prompt(7, '<teammate-message teammate_id="ann">Nine</teammate-message>')
    main.reply(8, "msg_6", said("Nine whales."))
    run = the_run(main.path)
    assert shape(run.root) == ["main", ["TeamCreate", "Task", ["counter", ["SendMessage"]]]]
    counter = nodes(run, "agent")[1]
    assert counter.attributes[semconv.INFERRED_FROM] == "prompt"
    assert [child.name for child in run.root.children[0].children if child.kind == "span"] == [
        "prompt",
        "teammate's message",
    ]
    assert run.root.attributes[semconv.TEAM_NAME] == "whales"
    assert run.root.tokens == sum((CALL for _ in range(6)), Tokens())
    assert run.root.cost_complete


def test_agents_of_a_workflow_stand_under_its_tool(main: Transcript) -> None:
    main.prompt(0, "Run the workflow")
    main.reply(1, "msg_1", uses("Workflow", "toolu_w", name="review"), stop="tool_use")
    folder = main.path.with_suffix("") / "subagents" / "workflows" / "wf_1"
    detail = {"isAsync": True, "runId": "wf_1", "taskId": "t1", "transcriptDir": str(folder)}
    main.result(1.1, "toolu_w", "Started", detail=detail)
    main.reply(2, "msg_2", said("It runs."))
    for number in range(2):
        agent = Transcript(folder / f"agent-aaaa000{number}.jsonl", agentId=f"aaaa000{number}", isSidechain=True)
        agent.prompt(1.5 + number, f"Phase {number}")
        agent.reply(3 + number, f"msg_w{number}", said("Reviewed."))
    (folder / "journal.jsonl").write_text('{"phase": 1}\n', encoding="utf-8")
    run = the_run(main.path)
    assert shape(run.root) == ["main", ["Workflow", ["workflow agent", "workflow agent"]]]
    assert not any(agent.inferred for agent in nodes(run, "agent"))
    (tool,) = nodes(run, "tool")
    assert (seconds(tool.end_ns), seconds(run.root.end_ns)) == (1.1, 4)
    assert run.root.tokens.output == 4 * CALL.output


def test_a_compaction_is_a_span_with_the_call_for_its_summary(main: Transcript) -> None:
    main.common["version"] = "2.1.20"
    main.prompt(0, "Go")
    main.reply(1, "msg_1", said("Going."))
    agent = main.subagent("acompact-1a2b", version="2.1.20")
    agent.prompt(1.5, "Summarise it")
    agent.reply(3, "msg_c", said("We go."), {**USAGE, "input_tokens": 5000})
    about = {"trigger": "auto", "preTokens": 150_000}
    boundary = {"type": "system", "subtype": "compact_boundary", "compactMetadata": about}
    main.add(3.5, boundary, parentUuid=None, logicalParentUuid=main.newest)
    main.prompt(3.6, "This session goes on from a summary: we go.", isCompactSummary=True)
    main.reply(5, "msg_2", said("Going on."))
    main.add(9, {**boundary, "compactMetadata": {"trigger": "manual"}}, parentUuid=None)
    run = the_run(main.path)
    first, second = (node for node in nodes(run, "span") if node.name == "compaction")
    assert (seconds(first.start_ns), seconds(first.end_ns)) == (1.5, 3.5)
    assert [first.attributes[key] for key in (semconv.COMPACTION_TRIGGER, semconv.COMPACTION_TOKENS)] == [
        "auto",
        150_000,
    ]
    (writer,) = first.children
    assert (writer.agent, writer.inferred, writer.tokens.input) == ("compaction", True, 5105)
    assert (seconds(second.start_ns), second.attributes[semconv.INFERRED_BOUNDS], second.children) == (9, True, ())
    assert run.root.tokens.input == 2 * CALL.input + 5105
    assert [len(Content(run).messages(call)) for call in nodes(run, "llm") if call.tokens == CALL] == [1, 1]


def test_only_the_branch_that_went_on_is_live(main: Transcript) -> None:
    main.prompt(0, "Go")
    answer = main.reply(1, "msg_1", said("Where?"))
    main.prompt(2, "Left", parentUuid=answer)
    main.reply(3, "msg_2", said("Left it is."))
    main.prompt(4, "Further left")
    main.reply(5, "msg_3", said("Still left."))
    main.prompt(6, "Right", parentUuid=answer)
    main.reply(7, "msg_4", said("Right it is."))
    run = the_run(main.path)
    prompts = [child for child in run.root.children[0].children if child.kind == "span"]
    marks = [(prompt.name, prompt.attributes.get(semconv.PROMPT_ABANDONED)) for prompt in prompts]
    assert marks == [("prompt", None), ("abandoned prompt", True), ("abandoned prompt", True), ("prompt", None)]
    assert run.root.tokens == CALL + CALL + CALL + CALL


def test_a_fork_without_its_origin_counts_its_own_calls(main: Transcript) -> None:
    main.prompt(0, "Go")
    main.reply(1, "msg_1", uses("Agent", "toolu_1", prompt="Look"), stop="tool_use", requestSessionId="another")
    main.result(2, "toolu_1", "Seen.", detail={"agentId": "aaaa", "status": "completed"})
    main.reply(3, "msg_2", said("Gone."), forkedFrom={"sessionId": "another", "messageUuid": "x"})
    assert imported(main.path).sessions == 0, "nothing of it is the fork's own"
    main.prompt(10, "Further")
    main.reply(11, "msg_3", said("Further it is."))
    run = the_run(main.path)
    assert shape(run.root) == ["main"]
    assert (run.root.tokens, run.root.cost_complete, seconds(run.root.start_ns)) == (CALL, True, 10)


def test_the_end_of_an_agent_that_the_api_refused_is_its_tools_error(main: Transcript) -> None:
    main.prompt(0, "Go")
    main.request(0.1, "r1")
    main.reply(1, "msg_1", uses("Agent", "toolu_1", prompt="Look"), stop="tool_use", requestRef="r1")
    agent = main.subagent("aaaa", {"agentType": "worker", "toolUseId": "toolu_1"})
    agent.prompt(1.1, "Look")
    for number in range(6):
        agent.request(1.2 + number, f"s{number}")
    message = {"id": "x", "model": "<synthetic>", "role": "assistant", "content": [said("API Error")], "usage": USAGE}
    failed = {"type": "assistant", "isApiErrorMessage": True, "apiErrorStatus": 400, "error": "invalid_request"}
    agent.add(7, {**failed, "message": message})
    main.result(7.1, "toolu_1", "Agent terminated early due to an API error", is_error=True, detail="Error: API error")
    main.request(7.2, "r2")
    main.reply(8, "msg_2", said("It failed."), requestRef="r2")
    run = the_run(main.path)
    refused = next(call for call in nodes(run, "llm") if call.status == "error")
    assert (len(refused.children), refused.tokens) == (6, Tokens())
    assert [(tool.status, tool.failure and tool.failure.type) for tool in nodes(run, "tool")] == [
        ("error", "tool_error")
    ]
    assert (run.status, run.root.tokens) == ("ok", CALL + CALL)


def test_a_session_that_went_on_after_its_end_can_be_cut(main: Transcript) -> None:
    main.common["version"] = "2.0.40"
    main.prompt(0, "Go")
    main.reply(1, "msg_1", said("Gone."))
    main.add(2, {"type": "cost-state", "totalCostUSD": 0.1})
    main.prompt(10, "And back")
    assert the_run(main.path).status == "interrupted"
    main.reply(11, "msg_2", said("Back."))
    assert the_run(main.path).status == "ok"
    assert len(runs()) == 1


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_imported(main: Transcript) -> None:
    broken = main.path.with_name("0-broken.jsonl")
    broken.symlink_to(broken)  # it cannot be opened by any user
    with pytest.raises(SourceError, match=r"0-broken.jsonl cannot be read: .*; make it readable"):
        source_of(main.path.parent)
    main.prompt(0, "Go")
    main.reply(1, "msg_1", said("Gone."))
    done = imported(main.path.parent)
    assert done.sessions == len(runs()) == 1
    (problem,) = done.warnings
    assert problem.startswith(f"{broken} is left out, since it cannot be read: ")


def test_a_folder_without_transcripts_says_what_would_be_imported(main: Transcript) -> None:
    with pytest.raises(SourceError, match=r"cannot be imported.*`tracekit import claude-code` looks where"):
        source_of(main.path.parent)
    assert summary(Imported(), is_limited=True) == [
        "no session with a call was found; without --since, older sessions are imported, too"
    ]


@pytest.mark.parametrize("second_asked_s", [1.1, 40])
def test_tools_are_late_only_from_the_end_of_their_own_blocks(main: Transcript, second_asked_s: float) -> None:
    main.prompt(0, "Ask two")
    main.reply(1, "msg_1", uses("Agent", "toolu_1", prompt="Count the files", subagent_type="a"), stop="tool_use")
    main.reply(second_asked_s, "msg_1", uses("Agent", "toolu_2", prompt="Name the dogs", subagent_type="b"), stop=None)
    for number, (name, begin) in enumerate((("a", 1), ("b", 41))):
        agent = main.subagent(name, {"agentType": name, "toolUseId": f"toolu_{number + 1}"})
        agent.prompt(begin + 0.1, f"{name} is to do its own")
        agent.reply(begin + 30, f"msg_{name}", said(f"{name}: done"))
        detail = {"agentId": name, "status": "completed", "totalDurationMs": 30_000}
        main.result(begin + 30, f"toolu_{number + 1}", f"{name}: done", detail=detail)
    main.reply(80, "msg_2", said("Both are done."))
    run = the_run(main.path)
    assert [seconds(tool.start_ns) for tool in nodes(run, "tool")] == [1, 41]
    codes = {finding.code for finding in default_findings(run)}
    assert ("TK102" in codes) == (second_asked_s < 31)
