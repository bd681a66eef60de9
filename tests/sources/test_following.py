"""Sessions that go on while they are followed."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.sources.transcripts import Transcript, imported, nodes, runs, said, shape, uses
from tracekit.analysis.structure import structure
from tracekit.journal.follow import Follower
from tracekit.sources.claude_code.find import ClaudeCode
from tracekit.sources.following import SessionFollower
from tracekit.sources.importing import Imported


def test_lines_and_new_agents_are_followed(main: Transcript) -> None:
    main.prompt(0, "Go")
    main.request(0.1, "r1")
    follower = SessionFollower(ClaudeCode(), [main.path.parent])
    follower.poll(Imported())
    (run,) = runs()
    assert [call.status for call in nodes(run, "llm")] == ["open"]
    reader = Follower(run.id)
    assert reader.poll() is not None
    main.reply(1, "msg_1", uses("Agent", "toolu_1", prompt="Look"), stop="tool_use", requestRef="r1")
    # The agent's file may be there before its tool's line is read, or after.
    agent = main.subagent("aaaa", {"agentType": "finder", "toolUseId": "toolu_1"})
    agent.prompt(1.1, "Look")
    agent.request(1.2, "r2")
    follower.poll(Imported())
    followed = reader.poll()
    assert followed is not None
    seen = structure(followed)
    assert shape(seen.root) == ["main", ["Agent", ["finder"]]]
    assert [call.status for call in nodes(seen, "llm")] == ["ok", "open"]
    journal = Path(seen.recording.segments[0].path)
    size = journal.stat().st_size
    follower.poll(Imported())
    assert journal.stat().st_size == size
    agent.reply(2, "msg_2", said("Seen."), requestRef="r2")
    main.result(2.1, "toolu_1", "Seen.", detail={"agentId": "aaaa"})
    follower.poll(Imported())
    assert imported(main.path).busy == 1
    follower.close()
    (at_end,) = runs()
    imported(main.path)
    (anew,) = runs()
    assert at_end.root == anew.root
    assert reader.poll() is not None, "another file took the journal's place"


def test_an_old_session_is_not_followed_until_it_goes_on(main: Transcript) -> None:
    main.prompt(0, "Go")
    main.reply(1, "msg_1", said("Gone."))
    old = time.time() - 3600
    os.utime(main.path, (old, old))
    follower = SessionFollower(ClaudeCode(), [main.path.parent])
    follower.poll(Imported())
    assert runs() == []
    main.prompt(2, "And on")
    follower.poll(Imported())
    follower.close()
    assert len(runs()) == 1
