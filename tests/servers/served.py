"""Applications that ask Claude for each request, task, job or cell, as servers run them, after a bare `init()`.

Each piece of work asks three times: once by itself, and twice at the same time in whatever way suits its kind.
"""

import asyncio
import functools
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import tracekit

tracekit.init()

import anthropic  # noqa: E402  the SDK is hooked when it is imported

LIMIT_S = 100.0
CLIENT = anthropic.Anthropic(max_retries=0, timeout=LIMIT_S)
ASYNC_CLIENT = anthropic.AsyncAnthropic(max_retries=0, timeout=LIMIT_S)
"""Each of the programs below has one event loop."""


def request(number: str, part: str) -> dict[str, Any]:
    """A request of the piece of work `number`."""
    return {"model": "claude-sonnet-5", "max_tokens": 9, "messages": [{"role": "user", "content": f"{number} {part}"}]}


def ask(number: str, part: str) -> None:
    """Ask in this thread."""
    CLIENT.messages.create(**request(number, part))


def work(number: str) -> str:
    """Ask, and then twice at once: in a thread, and in a pool's job."""
    ask(number, "first")
    thread = threading.Thread(target=ask, args=(number, "thread"))
    thread.start()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(ask, number, "pool").result()
    thread.join()
    return "done"


async def work_async(number: str) -> str:
    """Ask twice at once, as tasks of their own, with nothing asked before."""
    both = (ASYNC_CLIENT.messages.create(**request(number, part)) for part in ("left", "right"))
    await asyncio.gather(*both)
    await ASYNC_CLIENT.messages.create(**request(number, "last"))
    return "done"


# ── web servers ──────────────────────────────────────────────────────────────────────────────────────────────────────


def fast() -> Any:
    """An ASGI application whose functions run partly in the event loop and partly in its thread pool."""
    from fastapi import Depends, FastAPI

    app = FastAPI()

    def first(number: str) -> str:
        ask(number, "dependency")
        return number

    @app.get("/async/{number}")
    async def in_loop(number: str) -> str:
        return await work_async(number)

    @app.get("/sync/{number}")
    def in_pool(number: Annotated[str, Depends(first)]) -> str:
        ask(number, "one")
        with ThreadPoolExecutor(1) as pool:
            pool.submit(ask, number, "two").result()
        return "done"

    return app


def flask() -> Any:
    """A WSGI application."""
    from flask import Flask

    app = Flask(__name__)

    @app.get("/sync/<number>")
    def answer(number: str) -> str:
        return work(number)

    return app


def serve_flask(port: int) -> None:
    """Flask's own server, with a thread for each connection."""
    flask().run(port=port, threaded=True)


def serve_aiohttp(port: int) -> None:
    """A server that is neither WSGI nor ASGI."""
    from aiohttp import web

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=await work_async(request.match_info["number"]))

    app = web.Application()
    app.router.add_get("/async/{number}", answer)
    web.run_app(app, port=port, print=None)


def serve_handler(port: int) -> None:
    """The standard library's server, with one thread for all."""
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            work(self.path.rpartition("/")[2])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    HTTPServer(("127.0.0.1", port), Handler).serve_forever()


# ── jobs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@functools.cache
def queue() -> Any:
    """A task queue whose broker is a folder."""
    from celery import Celery

    folder = os.environ["SERVED_BROKER"]
    app = Celery("served", broker="filesystem://")
    app.conf.broker_transport_options = {
        "data_folder_in": folder,
        "data_folder_out": folder,
        "processed_folder": f"{folder}/done",
        "polling_interval": 0.02,
    }
    app.task(work, name="work")
    return app


def __getattr__(name: str) -> Any:
    if name == "celery":
        return queue()
    raise AttributeError(name)


def schedule(kind: str) -> None:
    """Schedulers of APScheduler's; each runs its jobs at once and is then stopped."""
    import apscheduler.schedulers.asyncio as on_loop
    import apscheduler.schedulers.background as in_background
    import apscheduler.schedulers.blocking as in_foreground

    jobs = int(os.environ["SERVED_JOBS"])
    done = threading.Semaphore(0)

    def job(number: str) -> None:
        work(number)
        done.release()

    async def async_job(number: str) -> None:
        await work_async(number)
        done.release()

    def wait() -> None:
        for _ in range(jobs):
            done.acquire()

    def add(scheduler: Any, function: Any) -> None:
        for number in range(jobs):
            scheduler.add_job(function, args=[str(number)], misfire_grace_time=None)

    if kind == "asyncio":

        async def main() -> None:
            scheduler = on_loop.AsyncIOScheduler()
            add(scheduler, async_job)
            scheduler.start()
            await asyncio.to_thread(wait)
            scheduler.shutdown()

        asyncio.run(main())
        return
    blocking = in_foreground.BlockingScheduler() if kind == "blocking" else None
    scheduler = blocking or in_background.BackgroundScheduler()
    add(scheduler, job)
    if blocking is not None:
        threading.Thread(target=lambda: (wait(), blocking.shutdown(wait=False))).start()
    scheduler.start()
    if blocking is None:
        wait()


if __name__ == "__main__":
    {"flask": serve_flask, "aiohttp": serve_aiohttp, "handler": serve_handler}.get(
        sys.argv[1], lambda _: schedule(sys.argv[1])
    )(int(sys.argv[2]))
