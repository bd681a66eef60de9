"""A script that serves: what reaches it by a connection is no part of what it does by itself."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.request import urlopen

import anthropic
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import tracekit

trace.set_tracer_provider(TracerProvider())
TRACER = trace.get_tracer("app")


def ask(words: str) -> None:
    """Ask with a client of its own."""
    with anthropic.Anthropic() as client:
        client.messages.create(model="claude-sonnet-5", max_tokens=9, messages=[{"role": "user", "content": words}])


class Handler(BaseHTTPRequestHandler):
    """Asks twice at once, in jobs of a pool, unless the path is `/token`."""

    def do_GET(self) -> None:
        """Answer."""
        if self.path != "/token":
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(ask, [f"handler{self.path}"] * 2))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ask twice at once, in tasks, for each connection."""
    words = (await reader.readline()).decode().strip()
    await asyncio.gather(*(asyncio.to_thread(ask, f"stream/{words}") for _ in range(2)))
    writer.write(b"done\n")
    await writer.drain()
    writer.close()


async def serve_streams() -> None:
    """Serve three connections, and ask meanwhile."""
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def use(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{number}\n".encode())
        await reader.readline()
        writer.close()

    async with server:
        await asyncio.gather(asyncio.to_thread(ask, "own"), *(use(number) for number in range(3)))


def main() -> None:
    """Take one connection, as a login does; ask; then serve in two ways."""
    tracekit.init()
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        browser = threading.Thread(target=lambda: urlopen(f"{url}/token").close())
        browser.start()
        server.handle_request()
        browser.join()
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(ask, ["own", "own"]))
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        for number in range(3):
            urlopen(f"{url}/{number}").close()
        server.shutdown()
        serving.join()
    asyncio.run(serve_streams())
    with TRACER.start_as_current_span("step"):
        ask("own")
    with TRACER.start_as_current_span("message", kind=trace.SpanKind.CONSUMER):
        ask("consumed")
    ask("own")


if __name__ == "__main__":
    main()
