"""Ways in which a process connects by itself. Each takes the live API, and sends ``/way/NAME`` there if it can.

A generator does what comes before its `yield` before the replay begins.
"""

import _socket
import asyncio
import ctypes
import http.client
import os
import socket
import ssl
import threading
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import import_module
from typing import Any, NamedTuple


class Live(NamedTuple):
    """The API as a way reaches it: a server on every address of this machine. `name` is the way's own."""

    port: int
    name: str

    @property
    def line(self) -> bytes:
        """A request that tells the way's name."""
        return f"GET /way/{self.name} HTTP/1.1\r\nHost: api\r\n\r\n".encode()

    @property
    def url(self) -> str:
        """The address that tells it."""
        return f"http://127.0.0.1:{self.port}/way/{self.name}"


WAYS: dict[str, Callable[[Live], Any]] = {}


def way(name: str) -> Callable[[Callable[[Live], Any]], Callable[[Live], Any]]:
    """Give a way the name by which the manual's table knows it."""

    def add(function: Callable[[Live], Any]) -> Callable[[Live], Any]:
        WAYS[name] = function
        return function

    return add


def send(host: Any, live: Live, family: int = socket.AF_INET) -> None:
    """Send the request over a plain socket."""
    with socket.socket(family, socket.SOCK_STREAM) as plain:
        plain.settimeout(60)
        plain.connect((host, live.port))
        plain.sendall(live.line)
        plain.recv(100)


# ── sockets ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@way("socket.create_connection")
def _(live: Live) -> None:
    with socket.create_connection(("127.0.0.1", live.port), 5) as made:
        made.sendall(live.line)
        made.recv(100)


@way("socket.connect_ex")
def _(live: Live) -> None:
    with socket.socket() as plain:
        assert plain.connect_ex(("127.0.0.1", live.port)) == 0
        plain.sendall(live.line)
        plain.recv(100)


@way("a non-blocking connect")
def _(live: Live) -> None:
    with socket.socket() as plain:
        plain.setblocking(False)
        with suppress(BlockingIOError):
            plain.connect(("127.0.0.1", live.port))
        plain.setblocking(True)
        plain.sendall(live.line)
        plain.recv(100)


@way("_socket")
def _(live: Live) -> None:
    plain = _socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    plain.connect(("127.0.0.1", live.port))
    plain.send(live.line)
    plain.recv(100)
    plain.close()


@way("UDP: sendto")
def _(live: Live) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.sendto(live.line, ("127.0.0.1", live.port))


@way("UDP: sendmsg")
def _(live: Live) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.sendmsg([live.line], [], 0, ("127.0.0.1", live.port))


@way("UDP: connect, as QUIC")
def _(live: Live) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.connect(("127.0.0.1", live.port))
        datagrams.send(live.line)


@way("asyncio.open_connection")
def _(live: Live) -> None:
    async def main() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
        writer.write(live.line)
        await reader.read(100)
        writer.close()

    asyncio.run(main())


@way("asyncio: sock_connect")
def _(live: Live) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket.socket() as plain:
            plain.setblocking(False)
            await loop.sock_connect(plain, ("127.0.0.1", live.port))
            await loop.sock_sendall(plain, live.line)
            await loop.sock_recv(plain, 100)

    asyncio.run(main())


@way("asyncio: datagrams")
def _(live: Live) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=("127.0.0.1", live.port)
        )
        transport.sendto(live.line)
        await asyncio.sleep(0)
        transport.close()

    asyncio.run(main())


@way("TLS, by the name of its host")
def _(_live: Live) -> None:
    ours, theirs = socket.socketpair()
    context = ssl.create_default_context()
    ours.settimeout(0.2)
    with ours, theirs, suppress(OSError):
        context.wrap_socket(ours, server_hostname="api.anthropic.com")


@way("TLS in memory, as asyncio does")
def _(_live: Live) -> None:
    ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="API.anthropic.com.")


# ── libraries ────────────────────────────────────────────────────────────────────────────────────────────────────────


@way("urllib")
def _(live: Live) -> None:
    urllib.request.urlopen(live.url, timeout=60).read()


@way("http.client")
def _(live: Live) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=60)
    connection.request("GET", f"/way/{live.name}")
    connection.getresponse().read()


@way("requests")
def _(live: Live) -> None:
    import_module("requests").get(live.url, timeout=60)


@way("urllib3")
def _(live: Live) -> None:
    import_module("urllib3").PoolManager(retries=False).request("GET", live.url)


@way("httpx2")
def _(live: Live) -> None:
    import_module("httpx2").get(live.url)


@way("aiohttp")
def _(live: Live) -> None:
    import aiohttp

    async def main() -> None:
        async with aiohttp.ClientSession() as session, session.get(live.url):
            pass

    asyncio.run(main())


@way("aiohttp with aiodns")
def _(live: Live) -> None:
    import aiohttp

    import_module("aiodns")

    async def main() -> None:
        connector = aiohttp.TCPConnector(resolver=aiohttp.AsyncResolver())
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.get(live.url.replace("127.0.0.1", "localhost")),
        ):
            pass

    asyncio.run(main())


@way("anyio")
def _(live: Live) -> None:
    import anyio

    async def main() -> None:
        async with await anyio.connect_tcp("127.0.0.1", live.port) as stream:
            await stream.send(live.line)
            await stream.receive()

    anyio.run(main)


@way("Trio")
def _(live: Live) -> None:
    import trio

    async def main() -> None:
        stream = await trio.open_tcp_stream("127.0.0.1", live.port)
        await stream.send_all(live.line)
        await stream.receive_some()

    trio.run(main)


@way("pycurl")
def _(live: Live) -> None:
    pycurl = import_module("pycurl")
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, live.url)
    curl.setopt(pycurl.WRITEFUNCTION, len)
    with suppress(pycurl.error):
        curl.perform()


@way("uvloop, plain HTTP")
def _(live: Live) -> None:
    async def main() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
        writer.write(live.line)
        await reader.read(100)
        writer.close()

    import_module("uvloop").run(main())


@way("a thread")
def _(live: Live) -> None:
    def body() -> None:
        with suppress(BaseException):
            send("127.0.0.1", live)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()


@way("a pool of threads")
def _(live: Live) -> None:
    with ThreadPoolExecutor() as pool:
        pool.submit(send, "127.0.0.1", live).result()


@way("ctypes: connect")
def _(live: Live) -> None:
    by_ctypes(live, ctypes.CDLL(None).connect)


@way("ctypes, looked up before the replay")
def _(live: Live) -> Iterator[None]:
    connect = ctypes.CDLL(None).connect
    yield
    by_ctypes(live, connect)


def by_ctypes(live: Live, connect: Any) -> None:
    with socket.socket() as plain:
        address = (
            socket.AF_INET.to_bytes(2, "little")
            + live.port.to_bytes(2, "big")
            + socket.inet_aton("127.0.0.1")
            + bytes(8)
        )
        assert connect(plain.fileno(), address, len(address)) == 0
        plain.sendall(live.line)
        plain.recv(100)


# ── spellings ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _spelling(host: Any, family: int = socket.AF_INET) -> None:
    name = f"{bytes(host)!r}" if isinstance(host, (bytes, bytearray)) else host
    WAYS[name] = lambda live: send(host, live, family)


for _host in ("localhost", "LOCALHOST", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "127.0.0.2", "0.0.0.0"):
    _spelling(_host)
for _other in ("１２７.０.０.１", b"127.0.0.1", bytearray(b"localhost")):  # noqa: RUF001  full-width, on purpose
    _spelling(_other)
for _host in ("::1", "::ffff:127.0.0.1", "::"):
    _spelling(_host, socket.AF_INET6)


@way("the machine's own name")
def _(live: Live) -> None:
    send(socket.gethostname(), live)


@way("the machine's own address")
def _(live: Live) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # Nothing is sent: it only asks the machine from where it would be.
        probe.connect(("192.0.2.1", 9))
        own = probe.getsockname()[0]
    send(own, live)


def _name(host: Any) -> None:
    WAYS[str(host)] = lambda _: socket.create_connection((host, 443), 5)


for _far in ("api.anthropic.com", "API.Anthropic.COM.", "ａｐｉ.anthropic.com", b"api.anthropic.com"):  # noqa: RUF001
    _name(_far)


@way("gethostbyname")
def _(_live: Live) -> None:
    socket.gethostbyname("api.anthropic.com")


# ── connections that were open before ────────────────────────────────────────────────────────────────────────────────


@way("a socket, opened before")
def _(live: Live) -> Iterator[None]:
    with socket.create_connection(("127.0.0.1", live.port), 5) as opened:
        yield
        opened.sendall(live.line)
        opened.recv(100)


@way("http.client, opened before")
def _(live: Live) -> Iterator[None]:
    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=60)
    connection.request("GET", "/before")
    connection.getresponse().read()
    yield
    with suppress(http.client.HTTPException):
        connection.request("GET", f"/way/{live.name}")
        connection.getresponse().read()
    connection.close()


@way("requests, a session used before")
def _(live: Live) -> Iterator[None]:
    with import_module("requests").Session() as session:
        session.get(f"http://127.0.0.1:{live.port}/before", timeout=60)
        yield
        session.get(live.url, timeout=60)


@way("httpx2, a client used before")
def _(live: Live) -> Iterator[None]:
    with import_module("httpx2").Client() as client:
        client.get(f"http://127.0.0.1:{live.port}/before")
        yield
        client.get(live.url)


@way("an address that was looked up before")
def _(live: Live) -> Iterator[None]:
    found = socket.getaddrinfo("localhost", live.port, socket.AF_INET, socket.SOCK_STREAM)
    yield
    send(found[0][4][0], live)


@way("os.environ")
def _(live: Live) -> None:
    """The program's own variables stand: what it finds there is its API."""
    urllib.request.urlopen(f"{os.environ['ANTHROPIC_BASE_URL']}/way/{live.name}", timeout=60).read()
