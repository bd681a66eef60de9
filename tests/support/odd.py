"""Answers as no API should give them, but proxies and broken connections do: made from real-looking ones by a seed.

`OddServer` speaks on plain sockets, so that every byte is this module's. `python -m tests.support.odd COUNT SEED` records a
program that meets COUNT of them, replays it, and tells what the program saw otherwise.
"""

import asyncio
import gzip
import json
import logging
import os
import random
import re
import socketserver
import sys
import tempfile
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.calling import ANSWER
from tests.support.replays import record, replay_of

__all__ = ["OddAnswer", "OddServer", "odd_answer"]

MESSAGE = ANSWER.body
ERROR = b'{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: too many, s\xc3\xbcss"},"request_id":"req_1"}'
EVENTS = (
    (
        "message_start",
        {"type": "message_start", "message": {**json.loads(MESSAGE), "content": [], "stop_reason": None}},
    ),
    ("content_block_start", {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
    ("ping", {"type": "ping"}),
    *(
        (
            "content_block_delta",
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": each}},
        )
        for each in ("Zü", "rich ", '"\\\n', "漢字")
    ),
    ("content_block_stop", {"type": "content_block_stop", "index": 0}),
    ("message_delta", {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}}),
    ("message_stop", {"type": "message_stop"}),
)


@dataclass
class OddAnswer:
    """The parts of an answer, before they are put together. `said` names what was done to it."""

    is_stream: bool
    status: int = 200
    reason: bytes = b"OK"
    version: bytes = b"HTTP/1.1"
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    framing: str = "length"
    before: bytes = b""
    cut: int | None = None
    said: list[str] = field(default_factory=list)

    def wire(self, rng: random.Random) -> list[bytes]:
        """Return the bytes in the pieces in which they are sent."""
        body, headers = self.body, list(self.headers)
        match self.framing:
            case "length":
                headers.append((b"Content-Length", str(len(body)).encode()))
            case "short":
                headers.append((b"content-length", str(max(0, len(body) - 5)).encode()))
            case "long":
                headers.append((b"content-length", str(len(body) + 5).encode()))
            case "chunked" | "bad chunk":
                headers.append((b"Transfer-Encoding", b"chunked"))
                body = _chunked(body, rng, is_bad=self.framing == "bad chunk")
        head = b"%s %d %s\r\n" % (self.version, self.status, self.reason)
        head += b"".join(b"%s: %s\r\n" % pair for pair in headers) + b"\r\n"
        whole = self.before + head + body
        if self.cut is not None:
            whole = whole[: len(whole) - self.cut % (len(body) + 1)]
        places = sorted(rng.sample(range(1, len(whole)), min(3, len(whole) - 1))) if len(whole) > 1 else []
        return [whole[a:b] for a, b in zip([0, *places], [*places, len(whole)], strict=True)]


def _chunked(body: bytes, rng: random.Random, *, is_bad: bool) -> bytes:
    made, at = b"", 0
    while at < len(body):
        size = rng.choice([1, 7, 64, 1000])
        part = body[at : at + size]
        extension = rng.choice([b"", b"", b";a=b"])
        made += b"%x%s\r\n%s\r\n" % (len(part), extension, part)
        at += size
        if is_bad and at > len(body) // 2:
            return made + b"zz\r\nnonsense\r\n"
    return made + b"0\r\n" + rng.choice([b"", b"X-Trailer: 1\r\n"]) + b"\r\n"


def events(separator: bytes = b"\n") -> bytes:
    """Return a stream of events as the API sends it."""
    return b"".join(
        b"event: %s%sdata: %s%s%s"
        % (
            name.encode(),
            separator,
            json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode(),
            separator,
            separator,
        )
        for name, data in EVENTS
    )


# ── mutations ────────────────────────────────────────────────────────────────────────────────────────────────────────

Mutation = Callable[[OddAnswer, random.Random], None]
MUTATIONS: list[Mutation] = []


def mutation(function: Mutation) -> Mutation:
    MUTATIONS.append(function)
    return function


@mutation
def beyond_ascii(answer: OddAnswer, rng: random.Random) -> None:
    value = rng.choice(["Zürich".encode("latin-1"), "Zürich 漢".encode(), b"\xff\xfe", b"caf\xe9, \xc3\xa9"])
    answer.headers.append((rng.choice([b"X-City", b"request-id", b"Server"]), value))


@mutation
def duplicates(answer: OddAnswer, rng: random.Random) -> None:
    name = rng.choice([b"X-Twice", b"request-id", b"Content-Type", b"Via"])
    answer.headers += [(name, b"one"), (name.lower(), b"two, three"), (name.upper(), b"")]


@mutation
def order_and_casing(answer: OddAnswer, rng: random.Random) -> None:
    rng.shuffle(answer.headers)
    answer.headers = [(rng.choice([name.upper(), name.lower(), name.title()]), value) for name, value in answer.headers]


@mutation
def odd_headers(answer: OddAnswer, rng: random.Random) -> None:
    answer.headers += rng.sample(
        [
            *((b"X-Empty", b""), (b"X_Under", b"a"), (b"X-Long", b"y" * 9000), (b"X-Spaces", b"  a  b \t ")),
            *((b"Retry-After", b"soon"), (b"retry-after-ms", b"1"), (b"x-should-retry", b"false"), (b"Date", b"now")),
            *(
                (b"Connection", b"close"),
                (b"Set-Cookie", b"a=b"),
                (b"!#$%&'*+-.^_`|~", b"token"),
                (b"Content-Language", b"x"),
            ),
        ],
        3,
    )


@mutation
def status(answer: OddAnswer, rng: random.Random) -> None:
    answer.status = rng.choice(
        [200, 201, 202, 204, 206, 299, 304, 400, 401, 403, 404, 409, 413, 418, 422, 429, 451, 500, 502, 503, 529, 599]
    )
    if answer.status >= 400 and rng.random() < 0.7:
        answer.body, answer.is_stream = ERROR, False
        answer.headers = [(n, v) for n, v in answer.headers if n.lower() != b"content-type"]
        answer.headers.append((b"Content-Type", b"application/json"))


@mutation
def reason(answer: OddAnswer, rng: random.Random) -> None:
    answer.reason = rng.choice([b"", b"Fine", b"Sehr gut", b"S\xfc\xdf", b"OK OK  OK"])


@mutation
def old_version(answer: OddAnswer, rng: random.Random) -> None:
    answer.version = b"HTTP/1.0"
    answer.framing = rng.choice(["length", "close"])


@mutation
def encoding(answer: OddAnswer, rng: random.Random) -> None:
    name = rng.choice(
        [
            b"gzip",
            b"deflate",
            b"GZIP",
            b"gzip, gzip",
            b"br",
            b"zstd",
            b"foo",
            b"identity",
            b"x-gzip",
            b"",
            b"deflate, gzip",
        ]
    )
    packed = gzip.compress(answer.body, mtime=0) if b"zip" in name.lower() else zlib.compress(answer.body)
    if name.lower() == b"gzip, gzip":
        packed = gzip.compress(packed, mtime=0)
    done = rng.choice(["right", "plain", "broken", "cut"])
    answer.said.append(f"{name.decode()} {done}")
    match done:
        case "right":
            answer.body = packed
        case "broken":
            place = rng.randrange(len(packed))
            answer.body = packed[:place] + bytes([packed[place] ^ 0x55]) + packed[place + 1 :]
        case "cut":
            answer.body = packed[: rng.randrange(len(packed))]
    answer.headers.append((rng.choice([b"Content-Encoding", b"content-encoding"]), name))


@mutation
def framing(answer: OddAnswer, rng: random.Random) -> None:
    answer.framing = rng.choice(["short", "long", "close", "chunked", "chunked", "bad chunk"])


@mutation
def cut(answer: OddAnswer, rng: random.Random) -> None:
    answer.cut = rng.randrange(1, 400)


@mutation
def content_type(answer: OddAnswer, rng: random.Random) -> None:
    answer.headers = [(name, value) for name, value in answer.headers if name.lower() != b"content-type"]
    value = rng.choice(
        [
            *(
                b"",
                b"text/html",
                b"application/json; charset=latin-1",
                b"text/event-stream",
                b"application/json",
                b"text/plain",
            ),
            *(
                b"APPLICATION/JSON",
                b"text/event-stream; charset=utf-16",
                b"application/octet-stream",
                b"nonsense",
                b"a/b; charset=\xe9",
            ),
        ]
    )
    if value or rng.random() < 0.5:
        answer.headers.append((b"Content-Type", value))


@mutation
def odd_body(answer: OddAnswer, rng: random.Random) -> None:
    answer.body = rng.choice(
        [
            *(
                b"",
                b"null",
                b"[]",
                b"1",
                b'"text"',
                b"{",
                b"<html>502</html>",
                b"\xef\xbb\xbf" + MESSAGE,
                MESSAGE + b"\n\n",
            ),
            *(
                MESSAGE.replace(b"Z", b"\xff"),
                b"\x00\x01",
                MESSAGE[:-1],
                b'{"type":"error"}',
                b'{"error":"text"}',
                b'{"error":null}',
            ),
            *(
                b" " + MESSAGE,
                MESSAGE.replace(b",", b", "),
                MESSAGE.decode().encode("utf-16"),
                b"[" * 500,
                b'{"a":NaN,"b":1e999}',
            ),
        ]
    )


@mutation
def odd_events(answer: OddAnswer, rng: random.Random) -> None:
    if not answer.is_stream:
        return
    whole = events()
    answer.body = rng.choice(
        [
            *(
                events(b"\r\n"),
                events(b"\r"),
                whole.rstrip(b"\n"),
                whole + b": bye\n\n",
                whole.replace(b"event: ping\n", b""),
            ),
            *(
                b"\xef\xbb\xbf" + whole,
                whole.replace(b"data: ", b"data:"),
                b"id: 7\nretry: 10\n" + whole,
                whole.replace(b"\n\n", b"\n\n\n\n"),
            ),
            *(
                whole[: len(whole) // 2]
                + b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"M"}}\n\n',
            ),
            *(
                whole[: len(whole) // 2] + b"event: error\ndata: not json\n\n",
                whole.replace(b"rich", b"\xff"),
                b"\n\n\n",
                b"data: [DONE]\n\n",
            ),
            *(
                whole.replace(b'"text_delta"', b'"new_delta"'),
                whole.replace(b"message_stop", b"message_stopped"),
                b"event: x\ndata: {\n\n",
            ),
            whole.replace(b'{"type":"ping"}', b'{"type":\ndata: "ping"}'),
            whole.replace("漢".encode(), "\u2028\x85".encode()),
        ]
    )


@mutation
def informational(answer: OddAnswer, rng: random.Random) -> None:
    answer.before = rng.choice([b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])


@mutation
def no_http(answer: OddAnswer, rng: random.Random) -> None:
    if rng.random() < 0.2:
        answer.before = rng.choice(
            [
                b"nonsense\r\n\r\n",
                b"\x16\x03\x01",
                b"SSH-2.0-x\r\n",
                b"HTTP/9.9 200 OK\r\n\r\n",
                b"HTTP/1.1 abc\r\n\r\n",
            ]
        )


@mutation
def flipped(answer: OddAnswer, rng: random.Random) -> None:
    if answer.body:
        place = rng.randrange(len(answer.body))
        answer.body = answer.body[:place] + bytes([rng.randrange(256)]) + answer.body[place + 1 :]


def odd_answer(seed: str, *, is_stream: bool) -> OddAnswer:
    """Return the answer of this `seed`: one to three things are odd about it."""
    rng = random.Random(seed)
    answer = OddAnswer(is_stream, body=events() if is_stream else MESSAGE)
    kind = b"text/event-stream; charset=utf-8" if is_stream else b"application/json"
    answer.headers = [
        *(
            (b"Date", b"Sat, 28 Nov 2026 08:00:00 GMT"),
            (b"Content-Type", kind),
            (b"request-id", b"req_011"),
            (b"CF-RAY", b"8a-ZRH"),
        ),
        *(
            (b"anthropic-ratelimit-requests-remaining", b"99"),
            (b"Server", b"cloudflare"),
            (b"strict-transport-security", b"max-age=1"),
        ),
    ]
    answer.framing = "chunked" if is_stream else "length"
    for each in rng.sample(MUTATIONS, rng.choice([1, 1, 2, 3])):
        answer.said.append(each.__name__)
        each(answer, rng)
    return answer


# ── the server ───────────────────────────────────────────────────────────────────────────────────────────────────────


class OddServer(socketserver.ThreadingTCPServer):
    """Answers each request, whose body names a seed in ``seed:…;``, with the odd answer of it, and closes."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        length = 0
        while (line := self.rfile.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        found = re.search(rb"seed:([^;]*);", self.rfile.read(length))
        assert found is not None
        seed = found[1].decode()
        answer = odd_answer(seed, is_stream="stream" in seed)
        rng = random.Random(seed)
        try:
            for piece in answer.wire(rng):
                self.wfile.write(piece)
                self.wfile.flush()
        except OSError:
            # Who has read enough goes.
            return


# ── a program that meets them ────────────────────────────────────────────────────────────────────────────────────────


def said_of(error: BaseException) -> Any:
    """Everything that an exception of the SDK shows."""
    told: dict[str, Any] = {"kind": type(error).__name__, "text": str(error)}
    for name in ("status_code", "body", "request_id", "message", "type"):
        told[name] = repr(getattr(error, name, None))
    response = getattr(error, "response", None)
    if response is not None:
        told["response"] = head_of(response)
        told["content"] = _or_error(response.content.hex)
        told["content as text"] = _or_error(lambda: response.text)
    cause = error.__cause__
    # What the transport's own errors were caused by in turn is not recorded: there is no transport in a replay.
    if cause is not None and not type(error).__module__.startswith("httpx2"):
        told["cause"] = said_of(cause)
    return told


_HIDDEN = frozenset((b"set-cookie",))
"""Never recorded."""


def head_of(response: Any) -> Any:
    """Everything that the head of an answer shows."""
    return {
        "status": response.status_code,
        "raw": [(name.hex(), value.hex()) for name, value in response.headers.raw if name.lower() not in _HIDDEN],
        "items": [(name, value) for name, value in response.headers.multi_items() if name.encode() not in _HIDDEN],
        "reason": response.reason_phrase,
        "version": response.http_version,
        "encoding": _or_error(lambda: response.encoding),
    }


def _or_error(get: Callable[[], Any]) -> Any:
    try:
        return get()
    except Exception as error:  # noqa: BLE001  what is raised is what is seen
        return f"{type(error).__name__}: {error}"


WAYS = (
    *("create", "raw", "streaming", "stream", "stream helper", "stream lines", "stream bytes", "stream raw"),
    *("async create", "async stream"),
)


def look(client: Any, way: str, seed: str, seen: list[Any]) -> None:
    """Ask in one of the `WAYS`, and put into `seen` what there is to see on the way."""
    ask = {"model": "claude-sonnet-5", "max_tokens": 9, "messages": [{"role": "user", "content": f"seed:{seed};"}]}
    match way:
        case "create":
            seen.append(client.messages.create(**ask).model_dump(mode="json", warnings=False))
        case "raw":
            raw = client.messages.with_raw_response.create(**ask)
            seen += [head_of(raw.http_response), raw.http_response.content.hex(), raw.text(), repr(raw.parse())]
        case "streaming":
            with client.messages.with_streaming_response.create(**ask) as response:
                seen.append(head_of(response.http_response))
                seen.append(response.read().hex())
                seen.append(repr(response.parse()))
        case "stream":
            seen.extend(repr(event) for event in client.messages.create(**ask, stream=True))
        case "stream helper":
            with client.messages.stream(**ask) as stream:
                seen.append(head_of(stream.response))
                seen.extend(repr(event) for event in stream)
                seen.append(repr(stream.get_final_message()))
        case "stream lines":
            with client.messages.with_streaming_response.create(**ask, stream=True) as response:
                seen.append(head_of(response.http_response))
                seen.extend(response.iter_lines())
        case "stream bytes":
            with client.messages.with_streaming_response.create(**ask, stream=True) as response:
                pieces = list(response.iter_bytes())
                seen.append(b"".join(pieces).hex())
        case "stream raw":
            raw = client.messages.with_raw_response.create(**ask, stream=True)
            seen.append(head_of(raw.http_response))
            seen.extend(repr(event) for event in raw.parse())


async def look_async(url: str, way: str, seed: str, seen: list[Any]) -> None:
    """The same with an asynchronous client."""
    import anthropic

    ask: Any = {"model": "claude-sonnet-5", "max_tokens": 9, "messages": [{"role": "user", "content": f"seed:{seed};"}]}
    async with anthropic.AsyncAnthropic(base_url=url, api_key="key", max_retries=0, timeout=60) as client:
        if way == "async create":
            raw = await client.messages.with_raw_response.create(**ask)
            seen += [head_of(raw.http_response), raw.http_response.content.hex(), repr(await raw.parse())]
            return
        async with client.messages.with_streaming_response.create(**ask, stream=True) as response:
            seen.append(head_of(response.http_response))
            async for event in await response.parse():
                seen.append(repr(event))


def meet(url: str, count: int, seed: int) -> list[Any]:
    """Ask for `count` odd answers: what was seen of each."""
    met: list[Any] = []
    for number in range(count):
        way = WAYS[number % len(WAYS)]
        kind = "stream" if "stream" in way.split(" ") else "plain"
        meet_one(url, f"{seed}-{number}-{kind}", way, met)
    return met


def meet_one(url: str, named: str, way: str, met: list[Any]) -> None:
    """Ask for one odd answer, whose seed is `named`: adds what was seen of it."""
    import anthropic

    seen: list[Any] = []
    retries = 1 if int(named.split("-")[1]) % 16 < 2 else 0
    # A client each, since what one connection gets wrong is another matter.
    with anthropic.Anthropic(base_url=url, api_key="key", max_retries=retries, timeout=60) as client:
        try:
            if way.startswith("async"):
                asyncio.run(look_async(url, way, named, seen))
            else:
                look(client, way, named, seen)
        except Exception as error:  # noqa: BLE001  the SDK's, and whatever else comes
            seen.append(said_of(error))
    met.append([named, way, seen])


def main() -> None:
    """Compare what a program sees of many odd answers with what it sees of their replay."""
    count, seed = int(sys.argv[1]), int(sys.argv[2])
    for name in ("httpx2", "httpcore2", "anthropic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with OddServer() as server, tempfile.TemporaryDirectory() as home:
        os.environ["TRACEKIT_HOME"] = home
        threading.Thread(target=server.serve_forever, daemon=True).start()
        live, run = record(lambda: meet(server.url, count, seed), "odd")
        again, replay = replay_of(run, lambda: meet(server.url, count, seed), "odd")
        server.shutdown()
    different = [(was, now) for was, now in zip(live, again, strict=True) if json.dumps(was) != json.dumps(now)]
    for (named, way, was), (_, _, now) in different[:10]:
        print(f"{named} {way} {odd_answer(named, is_stream='stream' in named).said}\n  {was}\n  {now}")
    print(f"{len(different)} of {count} were seen otherwise; the replay {replay.mode}")


if __name__ == "__main__":
    main()
