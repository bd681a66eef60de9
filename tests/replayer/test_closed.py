"""Closed replays: no request reaches the API, whatever the program does, and no key is needed."""

import asyncio
import http.client
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import anthropic
import httpx2
import pytest

from tests.instrument.test_clients import CLIENTS
from tests.instrument.test_clients import respond as respond_of_platform
from tests.support.calling import ANSWER, QUESTION, Way, call, client_of, sync_and_async
from tests.support.recording import as_json
from tests.support.replays import Watched, record, replay_of, untouched
from tracekit.demo.claude import ScriptedClaude, message, reply, text
from tracekit.errors import ReplayDivergence, ReplayError
from tracekit.model.recording import Recording

OTHER: Any = {**QUESTION, "messages": [{"role": "user", "content": "What was never asked?"}]}


def ask(url: str, question: Any = QUESTION, **options: Any) -> Any:
    with anthropic.Anthropic(base_url=url, **{"api_key": "key", **options}) as client:
        return as_json(client.messages.create(**question))


@pytest.fixture
def claude() -> Any:
    with Watched(lambda asked: reply(asked, ANSWER)) as server:
        yield server


@pytest.fixture
def run(claude: Watched, home: Path) -> Recording:
    return record(lambda: ask(claude.url))[1]


# ── connections of the program's own ─────────────────────────────────────────────────────────────────────────────────


def by_urllib(url: str) -> None:
    urllib.request.urlopen(f"{url}/v1/messages", b"{}", timeout=5).read()


def by_http_client(url: str) -> None:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=5)
    connection.request("GET", "/v1/models")


def by_socket(url: str) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    socket.create_connection((host, int(port)), timeout=5)


def by_name(url: str) -> None:
    socket.create_connection(("localhost", int(url.rpartition(":")[2])), timeout=5)


def by_httpx(url: str) -> None:
    httpx2.post(f"{url}/v1/messages", json={})


def by_aiohttp(url: str) -> None:
    async def main() -> None:
        async with aiohttp.ClientSession() as session, session.post(f"{url}/v1/messages", json={}):
            pass

    asyncio.run(main())


def by_asyncio(url: str) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    asyncio.run(asyncio.wait_for(asyncio.open_connection(host, int(port)), 5))


def by_thread(url: str) -> None:
    thread = threading.Thread(target=swallowing(by_urllib), args=(url,))
    thread.start()
    thread.join()


def to_anthropic(_: str) -> None:
    socket.create_connection(("api.anthropic.com", 443), timeout=5)


def swallowing(connect: Callable[[str], None]) -> Callable[[str], None]:
    def swallow(url: str) -> None:
        with suppress(BaseException):
            connect(url)

    return swallow


CONNECTIONS = [
    by_urllib,
    by_http_client,
    by_socket,
    by_name,
    by_httpx,
    by_aiohttp,
    by_asyncio,
    by_thread,
    to_anthropic,
]


@pytest.mark.parametrize("connect", CONNECTIONS, ids=lambda each: each.__name__)
def test_a_connection_of_its_own(connect: Any, claude: Watched, run: Recording) -> None:
    def program() -> None:
        ask(claude.url)
        swallowing(connect)(claude.url)

    with (
        untouched(claude),
        pytest.raises(ReplayDivergence, match="opened a connection to the API's host outside the SDK"),
    ):
        replay_of(run, program)


@pytest.mark.parametrize("catch", [Exception, BaseException])
def test_a_program_that_swallows_everything_gets_no_more_answers(
    catch: type[BaseException], claude: Watched, run: Recording
) -> None:
    got: list[Any] = []

    def program() -> None:
        for question in (OTHER, QUESTION, OTHER):
            try:
                got.append(ask(claude.url, question))
            except catch:
                got.append(None)

    with untouched(claude), pytest.raises(ReplayDivergence, match="this request is not in the recording") as raised:
        replay_of(run, program)
    assert got == ([None] * 3 if catch is BaseException else [])
    assert "+ What was never asked?" in str(raised.value)


def test_a_client_made_in_a_thread(claude: Watched, home: Path) -> None:
    def program() -> Any:
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(ask(claude.url)))
        thread.start()
        thread.join()
        return found

    seen, run = record(program)
    with untouched(claude):
        assert replay_of(run, program)[0] == seen


def test_tools_reach_what_they_need(claude: Watched, run: Recording) -> None:
    """Other hosts, and other ports of the host, unless all connections are to be refused."""
    with ScriptedClaude(lambda _: message(text("a tool's server"))) as other:

        def program() -> None:
            ask(claude.url)
            by_urllib(other.url)

        with untouched(claude):
            replay_of(run, program)
            with pytest.raises(ReplayDivergence, match="opened a connection"):
                replay_of(run, program, block_network=True)
        assert len(other.asked) == 1
    # The hook stays in the process, and refuses nothing after.
    by_urllib(claude.url)


# ── clients ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def fetch_no_token(*_: Any) -> str:
    raise AssertionError("a token was fetched")


WITHOUT: dict[str, dict[str, Any]] = {
    "Anthropic": {},
    "AnthropicBedrock": {"aws_region": "eu-central-1"},
    "AnthropicBedrockMantle": {"aws_region": "eu-central-1"},
    "AnthropicVertex": {"project_id": "project", "region": "europe-west1"},
    "AnthropicFoundry": {"azure_ad_token_provider": fetch_no_token},
    "AnthropicAWS": {"aws_region": "eu-central-1", "workspace_id": "w"},
    "AnthropicGoogleCloud": {
        "token_provider": fetch_no_token,
        "project": "project",
        "location": "eu",
        "workspace_id": "w",
    },
}


def platform(way: Way, name: str, options: dict[str, Any], url: str) -> Any:
    kind = getattr(anthropic, name.replace("Anthropic", "AsyncAnthropic", 1) if way.is_async else name)
    return kind(base_url=url, max_retries=2, **options)


@pytest.mark.parametrize(("name", "options"), CLIENTS, ids=[name for name, _ in CLIENTS])
@sync_and_async("create", "stream_helper")
def test_every_client_without_credentials(
    way: Way, name: str, options: dict[str, Any], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in [each for each in os.environ if each.startswith(("AWS_", "GOOGLE_", "AZURE_"))]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    import google.auth
    from botocore import session  # type: ignore[import-untyped]

    with Watched(respond_of_platform) as claude:
        seen, run = record(lambda: call(way, platform(way, name, options, claude.url)))
        assert not seen.raised
        monkeypatch.setattr(google.auth, "default", fetch_no_token)
        monkeypatch.setattr(session.Session, "get_credentials", fetch_no_token)
        with untouched(claude):
            again, _ = replay_of(
                run, lambda: call(way, platform(way, name, WITHOUT[name], claude.url)), block_network=True
            )
    assert again == seen


@sync_and_async("create", "create_stream")
def test_a_transport_of_the_users_own_is_not_asked(way: Way, claude: Watched, home: Path) -> None:
    hooked: list[Any] = []

    def note(request: Any) -> None:
        hooked.append(request)

    async def note_async(request: Any) -> None:
        hooked.append(request)

    def client() -> Any:
        kind: Any = httpx2.AsyncClient if way.is_async else httpx2.Client
        hooks = {"request": [note_async if way.is_async else note]}
        return client_of(way, claude.url, http_client=kind(event_hooks=hooks))

    seen, run = record(lambda: call(way, client()))
    assert len(hooked) == 1
    with untouched(claude):
        assert replay_of(run, lambda: call(way, client()), block_network=True)[0] == seen


@sync_and_async("create", "stream_helper")
def test_aiohttp(way: Way, claude: Watched, home: Path) -> None:
    if not way.is_async:
        pytest.skip("aiohttp carries asynchronous clients only")

    def program() -> Any:
        return call(way, client_of(way, claude.url, http_client=anthropic.DefaultAioHttpClient()))

    seen, run = record(program)
    with untouched(claude):
        assert replay_of(run, program, block_network=True)[0] == seen


def test_middleware(claude: Watched, home: Path) -> None:
    def program() -> Any:
        statuses: list[int] = []

        def look(request: Any, call_next: Any) -> Any:
            response = call_next(request)
            statuses.append(response.status_code)
            return response

        return ask(claude.url, middleware=[look]), statuses

    seen, run = record(program)
    with untouched(claude):
        assert replay_of(run, program)[0] == seen


def test_behind_a_proxy(claude: Watched, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API's host is asked through the user's proxy, which is not reached either."""
    monkeypatch.setenv("HTTP_PROXY", claude.url)
    seen, run = record(lambda: ask("http://api.example.invalid"))
    assert {exchange.request.host for exchange in run.exchanges.values()} == {"http://api.example.invalid"}

    def program() -> Any:
        answer = ask("http://api.example.invalid")
        swallowing(by_httpx)("http://api.example.invalid")
        return answer

    with untouched(claude):
        assert replay_of(run, lambda: ask("http://api.example.invalid"))[0] == seen
        with pytest.raises(ReplayDivergence, match="opened a connection"):
            replay_of(run, program)


def test_no_key_is_needed(claude: Watched, run: Recording) -> None:
    def program() -> Any:
        with anthropic.Anthropic(base_url=claude.url) as client:
            return as_json(client.messages.create(**QUESTION))

    assert "ANTHROPIC_API_KEY" not in os.environ
    with untouched(claude):
        seen, replay = replay_of(run, program)
    assert seen == ["Message", json.loads(ANSWER.body)]
    assert replay.mode == "followed"


# ── processes of a program that replays itself ───────────────────────────────────────────────────────────────────────


def ask_in_a_process(url: str) -> Any:
    return ask(url)


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.slow
def test_processes_of_multiprocessing(method: str, claude: Watched, run: Recording) -> None:
    def program() -> None:
        ask(claude.url)
        with multiprocessing.get_context(method).Pool(1) as pool:
            pool.apply(ask_in_a_process, (claude.url,))

    with untouched(claude), pytest.raises(ReplayError, match="in another process"):
        replay_of(run, program)


@pytest.mark.slow
def test_processes_of_subprocess(claude: Watched, run: Recording) -> None:
    code = "import anthropic\nanthropic.Anthropic(max_retries=0).post('/v1/messages', body={}, cast_to=object)"
    given = {**os.environ, "ANTHROPIC_BASE_URL": claude.url, "ANTHROPIC_API_KEY": "key"}

    def program() -> list[int]:
        ask(claude.url)
        command = [sys.executable, "-c", code]
        return [
            subprocess.run(command, env=given, check=False, stderr=subprocess.DEVNULL).returncode,
            subprocess.Popen(command, -1, None, None, None, subprocess.DEVNULL, None, True, False, None, given).wait(),
        ]

    with untouched(claude), pytest.raises(ReplayDivergence, match="is not replayed"):
        assert replay_of(run, program)[0] == [1, 1]
    assert subprocess.run([sys.executable, "-c", code], env=given, check=False).returncode == 0
