"""Credentials and matches of own rules that no single event of a stream shows."""

from __future__ import annotations

import base64
import json
import random
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer  # type: ignore[import-untyped]

from tests.support.journals import RUN, asking, end, lines_of
from tests.support.planted import CREDENTIALS
from tracekit.demo.claude import message, stream, text, thinking, tool_use
from tracekit.journal.export import export
from tracekit.journal.reader import read_run
from tracekit.journal.writer import JournalSink
from tracekit.model.events import Answered, Chunk
from tracekit.model.messages import answer_of
from tracekit.privacy.joined import redacted_pieces
from tracekit.privacy.own_rules import OwnRules
from tracekit.privacy.patterns import Pattern
from tracekit.privacy.pipeline import Privacy

KEY = CREDENTIALS[0]
NOBODYS = Privacy(OwnRules({}))


def pieces(*deltas: str, kind: str = "text_delta", field: str = "text", index: int = 0) -> list[bytes]:
    events = [
        {"type": "content_block_delta", "index": index, "delta": {"type": kind, field: delta}} for delta in deltas
    ]
    return [f"event: content_block_delta\ndata: {json.dumps(event)}\n\n".encode() for event in events]


def bedrock_frame(event: dict[str, Any]) -> bytes:
    """A frame of AWS's event stream with `event`."""
    payload = json.dumps({"bytes": base64.b64encode(json.dumps(event).encode()).decode(), "p": "abc"}).encode()
    headers = b""
    for name, value in ((":event-type", "chunk"), (":content-type", "application/json"), (":message-type", "event")):
        headers += bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
    head = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    whole = head + struct.pack(">I", zlib.crc32(head)) + headers + payload
    return whole + struct.pack(">I", zlib.crc32(whole))


def texts(bodies: Any) -> list[str]:
    """The text of each delta."""
    deltas = [json.loads(body.split(b"data: ")[1])["delta"] for body in bodies]
    return [next(value for name, value in delta.items() if name != "type") for delta in deltas]


@pytest.mark.parametrize("size", [1, 2, 5, 11, 40, 1000])
@pytest.mark.parametrize("secret", CREDENTIALS[::7])
def test_a_credential_in_pieces_becomes_one_placeholder(secret: str, size: int) -> None:
    whole = f"The key is {secret} , as you asked."
    cut = [whole[at : at + size] for at in range(0, len(whole), size)]
    redacted = texts(redacted_pieces(pieces(*cut), NOBODYS))
    assert len(redacted) == len(cut)
    assert "".join(redacted) == NOBODYS.text(whole)
    assert secret not in "".join(redacted)
    assert redacted[0] == cut[0] or size > 10, "what comes before stays where it was"


def test_a_tools_input_in_pieces_stays_json() -> None:
    rng = random.Random(0)
    whole = json.dumps({"path": f'a "{KEY}"\n', KEY: [KEY]})
    for _ in range(20):
        cuts = sorted(rng.sample(range(1, len(whole)), 8))
        cut = [whole[begin:to] for begin, to in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
        redacted = texts(redacted_pieces(pieces(*cut, kind="input_json_delta", field="partial_json"), NOBODYS))
        value = json.loads("".join(redacted))
        assert value == {
            "path": 'a "[redacted:anthropic-key]"\n',
            "[redacted:anthropic-key]": ["[redacted:anthropic-key]"],
        }


def test_blocks_are_not_joined_with_each_other() -> None:
    both = [*pieces(KEY[:9]), *pieces(KEY[9:], index=1)]
    assert redacted_pieces(both, NOBODYS) == both
    interleaved = [*pieces(KEY[:9]), *pieces("other", index=1), *pieces(KEY[9:])]
    assert texts(redacted_pieces(interleaved, NOBODYS)) == ["[redacted:anthropic-key]", "other", ""]


def test_what_says_nothing_is_not_touched() -> None:
    plain = pieces("The answer", " is", " 42.")
    assert redacted_pieces(plain, NOBODYS) is plain
    odd = [b"event: content_block_delta\ndata: {\n\n", b"\xff\xfe", b": ping\n\n"]
    assert redacted_pieces(odd, NOBODYS) == odd


def test_own_rules_see_joined_texts() -> None:
    own = Privacy(OwnRules({"ticket": Pattern(r"ACME-\d+")}))
    assert texts(redacted_pieces(pieces("AC", "ME-", "47", "11 is open"), own)) == [
        "[redacted:ticket]",
        "",
        "",
        " is open",
    ]


def test_a_body_that_is_no_stream_is_joined_too() -> None:
    body = json.dumps({"a": KEY}).encode()
    cut = [body[:20], body[20:40], body[40:]]
    redacted = redacted_pieces(cut, NOBODYS)
    assert json.loads(b"".join(redacted)) == {"a": "[redacted:anthropic-key]"}
    assert redacted[0] == cut[0][:7] + b"[redacted:anthropic-key]"


def journal_of_a_split_key(home: Path) -> Path:
    answer = stream(message(text(f"It is {KEY}."), tool_use("look", {"path": KEY}), thinking(KEY)))
    sink = JournalSink()
    sink.write(RUN, asking(1, b'{"messages":[]}'))
    id = f"{1:016x}"
    sink.write(RUN, Answered(id, 2, 200, {"content-type": "text/event-stream"}))
    for at, (_, data) in enumerate(answer.chunks or ()):
        sink.write(RUN, Chunk(id, 3 + at, data))
    sink.write(RUN, end(1))
    sink.exit(10**7)
    (path,) = home.rglob("*.jsonl")
    return path


def test_whoever_reads_a_journal_never_joins_a_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACEKIT_HOME", str(tmp_path / "home"))
    path = journal_of_a_split_key(tmp_path / "home")
    out = tmp_path / "out.jsonl"
    export([path], out)
    export([path], tmp_path / "normal.jsonl", normal=True)
    spelled_in_file = "".join(
        str(item[1].get("delta", {}).get("partial_json", ""))
        for line in out.read_text().splitlines()
        for item in json.loads(line).get("sse", ())
        if isinstance(item[1], dict)
    )
    assert json.loads(spelled_in_file) == {"path": "[redacted:anthropic-key]"}
    for file in (path, out, tmp_path / "normal.jsonl"):
        (exchange,) = read_run([file]).exchanges.values()
        said = answer_of(exchange.body, "text/event-stream").message
        assert said is not None
        assert said["content"][0]["text"] == "It is [redacted:anthropic-key]."
        assert said["content"][1]["input"] == {"path": "[redacted:anthropic-key]"}
        assert said["content"][2]["thinking"] == "[redacted:anthropic-key]"


def test_a_credential_in_the_frames_of_bedrock() -> None:
    event = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": f"a {KEY} b"}}
    frame = bedrock_frame(event)
    (line,) = lines_of([Chunk("a" * 16, 1, frame)])
    kept = base64.b64decode(json.loads(line)["b64"])
    assert KEY.encode() not in base64.b64decode(json.loads(kept[kept.index(b"{") : kept.rindex(b"}") + 1])["bytes"])
    split = [bedrock_frame({**event, "delta": {"type": "text_delta", "text": part}}) for part in (KEY[:9], KEY[9:])]
    body = b"".join(redacted_pieces(split, NOBODYS))
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    events = [json.loads(base64.b64decode(json.loads(message.payload)["bytes"])) for message in buffer]
    assert [each["delta"]["text"] for each in events] == ["[redacted:anthropic-key]", ""]
