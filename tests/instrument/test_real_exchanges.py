"""Every real exchange that we have, served again and asked for again: nothing of it is lost or changed."""

import asyncio
import hashlib
import inspect
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import anthropic
import pytest
from anthropic import AsyncStream, Stream
from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types.beta import BetaMessage, BetaRawMessageStreamEvent

import tracekit
from tests.support.recording import as_json, recordings
from tracekit.demo.claude import ReceivedRequest, ScriptedClaude, ScriptedResponse
from tracekit.model.recording import Exchange, RecordedSpan

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "messages-api-exchanges.jsonl"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.exists(), reason=f"the recorded exchanges are not on this machine: {DATA}"),
    pytest.mark.filterwarnings("ignore:The model:DeprecationWarning"),
]


@dataclass(frozen=True)
class Real:
    """One exchange: what was asked, and the very bytes of its answer."""

    number: int
    path: str
    request: dict[str, Any]
    status: int
    headers: dict[str, str]
    body: bytes
    is_stream: bool

    @property
    def is_beta(self) -> bool:
        return "beta" in self.path

    @property
    def request_id(self) -> str:
        return f"req_{self.number}"

    def answer(self) -> ScriptedResponse:
        """The answer as it was; a stream in pieces that end now here, now there."""
        if not self.is_stream:
            return ScriptedResponse(self.status, self.headers, self.body)
        size = (len(self.body), 100, 1013)[self.number % 3]
        pieces = tuple((0.0, self.body[at : at + size]) for at in range(0, len(self.body), size))
        return ScriptedResponse(self.status, self.headers, chunks=pieces)

    def usage(self) -> dict[str, Any]:
        """The usage that the answer tells, as attributes."""
        message = self._message()
        usage = message.get("usage") or {}
        created = usage.get("cache_creation") or {}
        server = usage.get("server_tool_use") or {}
        details = usage.get("output_tokens_details") or {}
        read, write = usage.get("cache_read_input_tokens"), usage.get("cache_creation_input_tokens")
        told = {
            "gen_ai.usage.output_tokens": usage.get("output_tokens"),
            "gen_ai.usage.reasoning.output_tokens": details.get("thinking_tokens"),
            "gen_ai.usage.cache_read.input_tokens": read,
            "gen_ai.usage.cache_write.input_tokens": write,
            "anthropic.usage.cache_creation.ephemeral_5m_input_tokens": created.get("ephemeral_5m_input_tokens"),
            "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": created.get("ephemeral_1h_input_tokens"),
            "anthropic.response.service_tier": usage.get("service_tier"),
            "tracekit.usage.inference_geo": usage.get("inference_geo"),
            "tracekit.usage.web_search_requests": server.get("web_search_requests"),
            "tracekit.usage.web_fetch_requests": server.get("web_fetch_requests"),
            "anthropic.message.stop_reason": message.get("stop_reason"),
            "gen_ai.response.id": message.get("id"),
            "gen_ai.response.model": message.get("model"),
        }
        if "input_tokens" in usage:
            told["gen_ai.usage.input_tokens"] = usage["input_tokens"] + (read or 0) + (write or 0)
        return {name: value for name, value in told.items() if value is not None}

    def _message(self) -> dict[str, Any]:
        if not self.is_stream:
            whole: dict[str, Any] = json.loads(self.body)
            return whole if whole["type"] == "message" else {}
        message: dict[str, Any] = {}
        for line in self.body.decode().splitlines():
            event = json.loads(line[5:]) if line.startswith("data:") else {}
            if event.get("type") == "message_start":
                message = event["message"]
            elif event.get("type") == "message_delta":
                message["stop_reason"] = event["delta"]["stop_reason"]
                message["usage"].update({key: value for key, value in event["usage"].items() if value is not None})
        return message


@cache
def real() -> list[Real]:
    """Every exchange of the data."""
    exchanges = []
    for number, line in enumerate(DATA.read_text().splitlines()):
        data = json.loads(line)
        is_stream = data["sse"]
        body = (
            data["response"] if is_stream else json.dumps(data["response"], separators=(",", ":"), ensure_ascii=False)
        )
        kind = "text/event-stream; charset=utf-8" if is_stream else "application/json"
        headers = {"content-type": kind, **data["headers"], "request-id": f"req_{number}"}
        request = {name: value for name, value in data["request"].items() if name != "stream"}
        exchanges.append(Real(number, data["path"], request, data["status"], headers, body.encode(), is_stream))
    return exchanges


def respond(asked: ReceivedRequest) -> ScriptedResponse:
    return real()[int(asked.headers["x-exchange"])].answer()


# ── asking again ─────────────────────────────────────────────────────────────────────────────────────────────────────


def posted(client: Any, exchange: Real, stream_cls: Any) -> Any:
    """Ask with the recorded body, as it is."""
    headers = {"headers": {"x-exchange": str(exchange.number)}}
    if not exchange.is_stream:
        cast_to: Any = BetaMessage if exchange.is_beta else Message
        return client.post(exchange.path, body=exchange.request, cast_to=cast_to, options=headers)
    event: Any = BetaRawMessageStreamEvent if exchange.is_beta else RawMessageStreamEvent
    body = {**exchange.request, "stream": True}
    return client.post(
        exchange.path, body=body, cast_to=event, stream=True, stream_cls=stream_cls[event], options=headers
    )


def called(client: Any, exchange: Real, _: Any) -> Any:
    """Ask with the method of the API; arguments that it has no more go into the extra body."""
    messages = client.beta.messages if exchange.is_beta else client.messages
    method = messages.stream if exchange.is_stream and exchange.number % 2 else messages.create
    known = inspect.signature(method).parameters
    arguments = {name: value for name, value in exchange.request.items() if name in known and name != "output_format"}
    extra = {name: value for name, value in exchange.request.items() if name not in arguments}
    if exchange.is_stream and method == messages.create:
        arguments["stream"] = True
    return method(**arguments, extra_body=extra, extra_headers={"x-exchange": str(exchange.number)})


def ask(client: Any, exchange: Real, how: Any) -> Any:
    try:
        result = how(client, exchange, Stream)
        if exchange.is_stream and hasattr(result, "__enter__"):
            with result as stream:
                return [as_json(event) for event in stream]
        return as_json(result)
    except Exception as error:  # noqa: BLE001  compared with what is raised without us
        return [type(error).__name__, str(error)]


async def ask_async(client: Any, exchange: Real, how: Any) -> Any:
    try:
        result = how(client, exchange, AsyncStream)
        if inspect.isawaitable(result):
            result = await result
        if exchange.is_stream and hasattr(result, "__aenter__"):
            async with result as stream:
                return [as_json(event) async for event in stream]
        return as_json(result)
    except Exception as error:  # noqa: BLE001  compared with what is raised without us
        return [type(error).__name__, str(error)]


def ask_all(url: str, how: Any) -> list[Any]:
    with anthropic.Anthropic(base_url=url, api_key="key", max_retries=0) as client:
        return [ask(client, exchange, how) for exchange in real()]


def ask_all_async(url: str, how: Any) -> list[Any]:
    async def main() -> list[Any]:
        eight = asyncio.Semaphore(8)

        async def one(exchange: Real) -> Any:
            async with eight:
                return await ask_async(client, exchange, how)

        async with anthropic.AsyncAnthropic(base_url=url, api_key="key", max_retries=0) as client:
            return await asyncio.gather(*map(one, real()))

    return asyncio.run(main())


# ── what is recorded ─────────────────────────────────────────────────────────────────────────────────────────────────


def recorded() -> Iterator[tuple[int, RecordedSpan, RecordedSpan, Exchange]]:
    """The number, call, attempt and exchange of each call that was recorded."""
    for run in recordings():
        for attempt in run.spans.values():
            if attempt.kind == "attempt":
                number = int(attempt.attributes["anthropic.request.id"].removeprefix("req_"))
                yield number, run.spans[attempt.parent or ""], attempt, run.exchanges[attempt.id]


@pytest.mark.parametrize("how", [posted, called], ids=["post", "method"])
@pytest.mark.parametrize("ask_them", [ask_all, ask_all_async], ids=["sync", "async"])
def test_nothing_is_lost(ask_them: Any, how: Any, home: Path) -> None:
    with warnings.catch_warnings(), ScriptedClaude(respond) as claude:
        warnings.simplefilter("ignore", DeprecationWarning)
        bare = ask_them(claude.url, how)
        tracekit.init()
        if ask_them is ask_all:
            with tracekit.run("all"):
                assert ask_them(claude.url, how) == bare
        else:
            assert ask_them(claude.url, how) == bare
    arrived = {int(asked.headers["x-exchange"]): asked for asked in claude.asked}
    assert len(claude.asked) == 2 * len(arrived) >= 2 * len(real()) - 20

    seen = set()
    for number, llm, attempt, exchange in recorded():
        wanted, asked = real()[number], arrived[number]
        assert number not in seen
        seen.add(number)
        assert exchange.request.body == asked.body
        assert exchange.digest == hashlib.sha256(asked.body).hexdigest()
        assert (exchange.request.path, exchange.request.query) == (asked.path, asked.query)
        assert exchange.status == wanted.status
        assert exchange.body == wanted.body
        told = wanted.usage()
        assert {name: llm.attributes.get(name) for name in told} == told
        assert llm.status == attempt.status == ("ok" if wanted.status == 200 else "error")
        assert {name for name in llm.attributes if "usage" in name} <= set(told)
    assert seen == set(arrived)
