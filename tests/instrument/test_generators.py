"""Decorated generators: the whole protocol as it was, and a span that is current while the generator runs, never longer."""

import asyncio
import gc
import inspect
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import context as otel_context

import tracekit
from tests.support.recording import assert_closed, name_of_current, recordings, spans, the_run, tree


def conversation() -> Any:
    """A generator that uses all of the protocol."""
    heard: list[Any] = []
    try:
        while True:
            try:
                word = yield len(heard)
            except KeyError as error:
                heard.append(repr(error))
                continue
            if word == "stop":
                return heard
            heard.append(word)
    finally:
        heard.append("closed")


def drive(make: Any) -> list[Any]:
    """Do everything that a caller can do with a generator, and return the results."""
    seen: list[Any] = []
    one = make()
    seen += [next(one), one.send("a"), one.throw(KeyError("b")), one.send("c")]
    with pytest.raises(StopIteration) as stop:
        one.send("stop")
    seen.append(stop.value.value)
    with pytest.raises(StopIteration):
        next(one)
    two = make()
    next(two)
    with pytest.raises(LookupError):
        two.throw(LookupError("x"))
    three = make()
    next(three)
    seen.append(three.close())
    make().close()
    four = make()
    next(four)
    with pytest.raises(RuntimeError):
        four.throw(StopIteration())
    return seen


def test_generator_protocol(either: bool) -> None:
    decorated = tracekit.agent("talk")(conversation)
    assert inspect.isgeneratorfunction(decorated)
    assert drive(decorated) == drive(conversation)

    def delegate() -> Any:
        return (yield from decorated())

    assert drive(delegate) == drive(conversation)
    for run in recordings():
        assert_closed(run)


def test_generator_that_ignores_its_end(either: bool) -> None:
    @tracekit.agent
    def stubborn() -> Iterator[int]:
        try:
            yield 1
        except GeneratorExit:
            yield 2

    one = stubborn()
    next(one)
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        one.close()  # type: ignore[attr-defined]


def test_async_generator_protocol(either: bool) -> None:
    async def talk() -> Any:
        heard: list[Any] = []
        while True:
            try:
                word = yield len(heard)
            except KeyError as error:
                word = repr(error)
            if word == "stop":
                return
            heard.append(word)

    async def main(make: Any) -> list[Any]:
        one = make()
        seen = [await anext(one), await one.asend("a"), await one.athrow(KeyError("b"))]
        with pytest.raises(StopAsyncIteration):
            await one.asend("stop")
        two = make()
        await anext(two)
        with pytest.raises(LookupError):
            await two.athrow(LookupError("x"))
        three = make()
        await anext(three)
        await three.aclose()
        return seen

    decorated = tracekit.agent("talk")(talk)
    assert inspect.isasyncgenfunction(decorated)
    assert asyncio.run(main(decorated)) == asyncio.run(main(talk))
    for run in recordings():
        assert_closed(run)


def test_consumer_stands_outside_the_generator(recording: Path) -> None:
    @tracekit.agent("stream")
    def words() -> Iterator[str]:
        with tracekit.tool("inner"):
            yield "a"
            assert name_of_current() == "execute_tool inner"
        yield "b"

    with tracekit.agent("lead"):
        for _ in words():
            assert name_of_current() == "invoke_agent lead"
            with tracekit.tool("outer"):
                pass
    run = the_run()
    assert_closed(run)
    names = {span.id: span.name for span in run.spans.values()}
    parents = {tool.name: names[tool.parent or ""] for tool in spans(run, "tool")}
    assert parents == {"execute_tool inner": "invoke_agent stream", "execute_tool outer": "invoke_agent lead"}


@pytest.mark.parametrize("how", ["closed late", "collected", "in another thread", "in another task"])
def test_generator_that_ends_elsewhere(how: str, recording: Path, caplog: pytest.LogCaptureFixture) -> None:
    @tracekit.agent("stream")
    def words() -> Iterator[str]:
        with tracekit.tool("inner"):
            yield "a"
            yield "b"

    @tracekit.agent("stream")
    async def a_words() -> AsyncIterator[str]:
        with tracekit.tool("inner"):
            yield "a"
            yield "b"

    async def tasks() -> None:
        one = a_words()
        await asyncio.create_task(one.__anext__())  # type: ignore[arg-type]
        with tracekit.agent("lead"):
            await one.aclose()  # type: ignore[attr-defined]
            assert name_of_current() == "invoke_agent lead"

    caplog.set_level(logging.DEBUG)
    if how == "in another task":
        asyncio.run(tasks())
    else:
        one = words()
        next(one)
        with tracekit.agent("lead"):
            if how == "closed late":
                one.close()  # type: ignore[attr-defined]
            elif how == "collected":
                del one
                gc.collect()
            else:
                thread = threading.Thread(target=one.close)  # type: ignore[attr-defined]
                thread.start()
                thread.join()
            assert name_of_current() == "invoke_agent lead"
    assert name_of_current() is None
    assert otel_context.get_current() == {}
    assert "Failed to detach" not in caplog.text
    for run in recordings():
        assert_closed(run)


def test_async_generator_left_to_the_loop(recording: Path, caplog: pytest.LogCaptureFixture) -> None:
    @tracekit.agent("stream")
    async def words() -> AsyncIterator[str]:
        async with tracekit.tool("inner"):
            yield "a"
            yield "b"

    async def main() -> None:
        async for _ in words():
            break
        assert name_of_current() is None
        with tracekit.agent("next"):
            gc.collect()
            await asyncio.sleep(0.01)
            assert name_of_current() == "invoke_agent next"
        assert name_of_current() is None

    asyncio.run(main())
    assert "Failed to detach" not in caplog.text
    for run in recordings():
        assert_closed(run)
    assert [tree(run)[0] for run in recordings()] == ["agent invoke_agent stream", "agent invoke_agent next"]
