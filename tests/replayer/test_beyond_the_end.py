"""A lane that the program does not wait for: it ends as in the recording, before the program's end."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import anthropic
import pytest

from tests.support.replaying import echo, play, question, record, sync_client, words_of
from tracekit.errors import ReplayDivergence

_real_sleep = time.sleep


def program(process_s: dict[bool, str], ends: list[Callable[[], None]]) -> Any:
    """A daemon that sends requests beside a process, until the one of `ends` that it adds stops it.

    `process_s` is how long the process runs, in the recording and in the replay.
    """

    def run(url: str) -> Any:
        is_replay = url.endswith(":9")
        client, over, asking = sync_client(url, max_retries=0), threading.Event(), threading.Event()

        def beat() -> None:
            for number in range(1000):
                if over.is_set():
                    return
                asking.set()
                with suppress(ReplayDivergence, anthropic.APIConnectionError):  # it outlives the program
                    client.messages.create(**question(f"beat {number}"))
                asking.clear()
                time.sleep(0.4)

        first = words_of(client.messages.create(**question("first")))
        daemon = threading.Thread(target=beat, daemon=True)
        daemon.start()

        def end() -> None:
            over.set()
            daemon.join()

        ends.append(end)
        code = subprocess.run(["sleep", process_s[is_replay]], timeout=60, check=True).returncode
        while not is_replay and asking.is_set():
            _real_sleep(0.001)  # a recording that is cut in the middle of a call cannot be replayed
        return first, code

    return run


@pytest.mark.parametrize("in_replay", ["0.1", "1", "3.2"], ids=["quicker", "the same", "slower"])
@pytest.mark.slow
def test_a_process_ends_the_program(in_replay: str, home: Path) -> None:
    ends: list[Callable[[], None]] = []
    run = program({False: "1.0", True: in_replay}, ends)
    try:
        seen, recording = record(run, echo())
        ends[0]()
        assert len(recording.exchanges) > 1
        again, replay = play(recording, run)
    finally:
        # One that went on to ask would do so in other tests.
        for end in ends:
            end()
    assert again == seen
    assert (replay.mode, replay.unplayed) == ("followed", [])


def test_one_too_many_of_what_the_program_waits_for(home: Path) -> None:
    """The report comes at the end, and the time after that belongs to no lane."""

    def run(url: str) -> Any:
        with sync_client(url) as client:
            asked = ["a", "b"] if url.endswith(":9") else ["a"]
            return [words_of(client.messages.create(**question(words))) for words in asked]

    _, recording = record(run, echo())
    with pytest.raises(ReplayDivergence, match="this request is not in the recording"):
        play(recording, run)


def test_a_request_that_the_program_gave_up_is_told_with_what_is_missing(home: Path) -> None:
    """The thread gets no response; the program abandons it, and then omits a recorded step."""

    def run(url: str) -> Any:
        with sync_client(url) as client:
            if url.endswith(":9"):

                def ask() -> None:
                    with suppress(ReplayDivergence):
                        client.messages.create(**question("changed"))

                thread = threading.Thread(target=ask, daemon=True)
                thread.start()
                thread.join(5)
                return []
            return [words_of(client.messages.create(**question(words))) for words in ("a", "b")]

    _, recording = record(run, echo())
    with pytest.raises(ReplayDivergence) as raised:
        play(recording, run)
    said = str(raised.value)
    assert "the program ended before it had made all recorded calls" in said
    assert "it asked once more than in the recording, and waited for its end: POST /v1/messages" in said
