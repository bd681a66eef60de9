"""A scripted Claude: an HTTP server on loopback that speaks the Messages API, with the faults of a real one.

with ScriptedClaude(lambda asked: reply(asked, message(text("Hello.")))) as claude:
    anthropic.Anthropic(base_url=claude.url, api_key="any").messages.create(...)
"""

import hashlib
import selectors
import socket
import socketserver
import threading
import time
from collections import Counter
from contextlib import suppress
from http.client import responses
from http.server import BaseHTTPRequestHandler
from typing import Any, Self
from urllib.parse import urlsplit

from tracekit.demo.answers import (
    Block,
    Fault,
    ReceivedRequest,
    Respond,
    ScriptedResponse,
    count_tokens,
    cut,
    dropped,
    early_end,
    error,
    message,
    reply,
    sse_error,
    stalled,
    stream,
    text,
    thinking,
    tool_use,
)

__all__ = [
    "Block",
    "Fault",
    "ReceivedRequest",
    "Respond",
    "ScriptedClaude",
    "ScriptedResponse",
    "count_tokens",
    "cut",
    "dropped",
    "early_end",
    "error",
    "message",
    "reply",
    "sse_error",
    "stalled",
    "stream",
    "text",
    "thinking",
    "tool_use",
]

_LONGEST_STALL_S = 30.0
_LONGEST_GOODBYE_S = 1.0


class ScriptedClaude:
    """A server that answers each request with what `respond` makes of it.

    Connections are kept alive and each has a thread, in which `respond` is called. If `respond` raises, the client gets
    a 500 that it does not retry, with the exception in its message.

    Args:
        respond: Decides on the answer to a request. It is called concurrently.
        port: The port to listen on; 0 lets the system choose.

    Attributes:
        url: The base URL to give to a client.
        asked: The requests so far, in the order of their arrival.
        most_at_once: The highest number of requests that were in progress at one moment: from the last byte of the
            request to just before the last of the answer.
    """

    def __init__(self, respond: Respond, *, port: int = 0) -> None:
        self.asked: list[ReceivedRequest] = []
        self.most_at_once = 0
        self._respond = respond
        self._lock = threading.Lock()
        self._in_progress = 0
        self._seen: Counter[bytes] = Counter()
        self._server = _Server(self, port)
        self._thread: threading.Thread | None = None
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to accept connections."""
        self._thread = threading.Thread(target=self._server.accept_until_stopped, name="scripted-claude", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the server and every open connection, even in the middle of a response."""
        if self._thread:
            self._server.stop_accepting()
            self._thread.join()
            self._thread = None
        self._server.server_close()
        self._server.hang_up()

    def begin(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[ReceivedRequest, str]:
        """Note a request that arrived; return it with the id that answers it.

        The id is derived from the request and from how many equal ones came before, so that it does not depend on the
        order in which concurrent requests arrive.
        """
        at_ns = time.monotonic_ns()
        url = urlsplit(target)
        digest = hashlib.sha256(f"{method} {target} ".encode() + body).digest()
        with self._lock:
            asked = ReceivedRequest(len(self.asked), method, url.path, url.query, headers, body, at_ns)
            self.asked.append(asked)
            self._in_progress += 1
            self.most_at_once = max(self.most_at_once, self._in_progress)
            times = self._seen[digest]
            self._seen[digest] += 1
        return asked, "req_01" + hashlib.sha256(digest + b"%d" % times).hexdigest()[:22]

    def decide(self, asked: ReceivedRequest) -> ScriptedResponse:
        """Return the script's answer, or an error that says how the script failed."""
        try:
            return self._respond(asked)
        except Exception as failure:  # noqa: BLE001 - whatever a test's script raises must reach that test's client
            return error(500, "api_error", f"the script raised {failure!r}", {"x-should-retry": "false"})

    def end(self) -> None:
        """Note that a request is no longer in progress."""
        with self._lock:
            self._in_progress -= 1


class _ClientGoneError(ConnectionError):
    """The client closed the connection, or the server is stopping."""


class _Server(socketserver.TCPServer):
    allow_reuse_address = True
    request_queue_size = 128
    timeout = 0.0  # seconds; `accept_until_stopped` has waited for a connection

    def __init__(self, claude: ScriptedClaude, port: int) -> None:
        self.claude = claude
        self._open: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._stop, self._stopped = socket.socketpair()
        super().__init__(("127.0.0.1", port), _Connection)

    def accept_until_stopped(self) -> None:
        """Accept connections until `stop_accepting`, which ends the wait at once: `serve_forever` looks from time to time."""
        with selectors.DefaultSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            selector.register(self._stopped, selectors.EVENT_READ)
            while all(key.fileobj is self for key, _ in selector.select()):
                self.handle_request()

    def stop_accepting(self) -> None:
        """End `accept_until_stopped`."""
        self._stop.sendall(b"x")

    def server_close(self) -> None:
        """Close the listening socket and the socket pair that interrupts the wait on it."""
        super().server_close()
        self._stop.close()
        self._stopped.close()

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(target=self._converse, args=(request, client_address), daemon=True)
        with self._lock:
            self._open[request] = thread
        thread.start()

    def _converse(self, connection: socket.socket, client_address: Any) -> None:
        try:
            # A client may go away at any moment, and a server that stops breaks off what it is saying.
            with suppress(OSError):
                self.finish_request(connection, client_address)
        finally:
            with self._lock:
                del self._open[connection]
            self.shutdown_request(connection)

    def hang_up(self) -> None:
        """Close every connection and wait, a short while, for its thread to end."""
        with self._lock:
            threads = list(self._open.values())
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        until = time.monotonic() + _LONGEST_GOODBYE_S
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))


class _Connection(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        claude = self.server.claude
        asked, request_id = claude.begin(self.command, self.path, headers, body)
        try:
            answer = claude.decide(asked)
            *parts, (last_wait_s, last_part) = _parts(answer, request_id)
            for wait_s, part in parts:
                self._wait(wait_s)
                self.wfile.write(part)
            self._wait(last_wait_s)
        finally:
            # A client that has the last byte may ask again before this thread goes on: the request ends before it.
            claude.end()
        self.wfile.write(last_part)
        self.close_connection |= answer.fault in {"drop", "cut", "stall"}

    do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815 - http.server looks the methods up by these names

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: the requests stand in `ScriptedClaude.asked`."""

    def _wait(self, seconds: float) -> None:
        """Wait, but no longer than the client does: it sends nothing while it is being answered, except its end."""
        if seconds <= 0:
            return
        self.connection.settimeout(seconds)
        with suppress(TimeoutError):
            if not self.connection.recv(1, socket.MSG_PEEK):
                raise _ClientGoneError
        self.connection.settimeout(None)


def _parts(answer: ScriptedResponse, request_id: str) -> list[tuple[float, bytes]]:
    """Return what to write to the connection, each with the seconds to wait before."""
    if answer.fault == "drop":
        return [(answer.delay_s, b"")]
    length = f"content-length: {len(answer.body)}" if answer.chunks is None else "transfer-encoding: chunked"
    headers = {"content-type": "application/json", "request-id": request_id, **answer.headers}
    lines = [f"HTTP/1.1 {answer.status} {responses.get(answer.status, '')}", length]
    head = "".join(f"{line}\r\n" for line in [*lines, *(f"{name}: {value}" for name, value in headers.items()), ""])
    if answer.chunks is None:
        return [(answer.delay_s, head.encode() + answer.body)]
    # An empty chunk would end the body.
    chunks = [(wait_s, b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunk else b"") for wait_s, chunk in answer.chunks]
    parts = [(answer.delay_s, head.encode()), *chunks]
    if answer.fault == "stall":
        parts.append((_LONGEST_STALL_S, b""))
    elif answer.fault != "cut":
        wait_s, last = parts.pop()
        parts.append((wait_s, last + b"0\r\n\r\n"))
    return parts
