"""Decorates functions, coroutines and generators of both kinds so that each call has a span.

What is decorated stays of its kind and behaves as before. A generator's span is current only while the generator runs,
so its consumer never stands in it, wherever and whenever the generator is closed.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import Any, Protocol, TypeVar

from tracekit.instrument.upstream import ToolReply

__all__ = ["OpenCall", "decorate"]

F = TypeVar("F", bound=Callable[..., Any])


class OpenCall(Protocol):
    """The span of one call of a decorated function. Nothing here raises but what is meant for the program."""

    def recorded(self) -> ToolReply | None:
        """Return the result to give in place of calling the function, if there is one."""

    def hold(self, until_ns: int) -> None:
        """Let time pass until `until_ns`."""

    async def hold_async(self, until_ns: int) -> None:
        """The same in a coroutine."""

    def returned(self, result: Any) -> None:
        """The call returned `result`: the span is over."""

    def end(self, error: BaseException | None = None) -> None:
        """The call raised `error`, or was closed: the span is over."""

    def pause(self) -> None:
        """The code of the call stops running for now."""

    def resume(self) -> None:
        """The code of the call runs again."""


Begin = Callable[[tuple[Any, ...], dict[str, Any]], OpenCall | None]
"""Begins the span of a call with these arguments; gives None where nothing is recorded."""


def decorate(function: F, begin: Begin) -> F:
    """Return `function` so that each of its calls begins with `begin`."""
    decorated = _decorator_for(function)(function, begin)
    return functools.wraps(function)(decorated)  # type: ignore[return-value]  # the same signature, by wraps


def _decorator_for(function: Callable[..., Any]) -> Callable[[Callable[..., Any], Begin], Callable[..., Any]]:
    kinds = (
        (inspect.isasyncgenfunction, _async_generator),
        (inspect.isgeneratorfunction, _generator),
        (inspect.iscoroutinefunction, _coroutine),
    )
    # An object that can be called is of the kind of its method.
    call = getattr(function, "__call__", None)  # noqa: B004  the method is wanted, not whether there is one
    return next((decorator for is_kind, decorator in kinds if is_kind(function) or is_kind(call)), _function)


def _function(function: Callable[..., Any], begin: Begin) -> Callable[..., Any]:
    def decorated(*args: Any, **kwargs: Any) -> Any:
        call = begin(args, kwargs)
        if call is None:
            return function(*args, **kwargs)
        reply = call.recorded()
        try:
            if reply is None:
                result = function(*args, **kwargs)
            else:
                result = reply.result
                call.hold(reply.end_ns)
        except BaseException as error:
            call.end(error)
            raise
        call.returned(result)
        return result

    return decorated


def _coroutine(function: Callable[..., Any], begin: Begin) -> Callable[..., Any]:
    async def decorated(*args: Any, **kwargs: Any) -> Any:
        call = begin(args, kwargs)
        if call is None:
            return await function(*args, **kwargs)
        reply = call.recorded()
        try:
            if reply is None:
                result = await function(*args, **kwargs)
            else:
                result = reply.result
                await call.hold_async(reply.end_ns)
        except BaseException as error:
            call.end(error)
            raise
        call.returned(result)
        return result

    return decorated


def _generator(function: Callable[..., Any], begin: Begin) -> Callable[..., Any]:
    def decorated(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        call = begin(args, kwargs)
        if call is None:
            return (yield from function(*args, **kwargs))
        call.pause()
        try:
            generator = function(*args, **kwargs)
            step: Callable[[], Any] = functools.partial(next, generator)
            while True:
                item = _run(call, step)
                try:
                    sent = yield item
                except GeneratorExit:
                    closed = _run(call, generator.close)
                    call.end()
                    return closed
                except BaseException as thrown:  # noqa: BLE001  handed on to the generator
                    step = functools.partial(generator.throw, thrown)
                else:
                    step = functools.partial(generator.send, sent)
        except StopIteration as stop:
            call.returned(stop.value)
            return stop.value
        except BaseException as error:
            call.end(error)
            raise

    return decorated


def _run(call: OpenCall, step: Callable[[], Any]) -> Any:
    call.resume()
    try:
        return step()
    finally:
        call.pause()


def _async_generator(function: Callable[..., Any], begin: Begin) -> Callable[..., Any]:
    async def decorated(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        call = begin(args, kwargs) or _Nothing()
        call.pause()
        try:
            generator = function(*args, **kwargs)
            step: Callable[[], Awaitable[Any]] = generator.__anext__
            while True:
                item = await _run_async(call, step)
                try:
                    sent = yield item
                except GeneratorExit:
                    await _run_async(call, generator.aclose)
                    call.end()
                    return
                except BaseException as thrown:  # noqa: BLE001  handed on to the generator
                    step = functools.partial(generator.athrow, thrown)
                else:
                    step = functools.partial(generator.asend, sent)
        except StopAsyncIteration:
            call.returned(None)
        except BaseException as error:
            call.end(error)
            raise

    return decorated


async def _run_async(call: OpenCall, step: Callable[[], Awaitable[Any]]) -> Any:
    call.resume()
    try:
        return await step()
    finally:
        call.pause()


class _Nothing:
    """Stands for the call's span where nothing is recorded: there is no `yield from` for asynchronous generators."""

    def recorded(self) -> ToolReply | None: ...
    def hold(self, until_ns: int) -> None: ...
    async def hold_async(self, until_ns: int) -> None: ...
    def returned(self, result: Any) -> None: ...
    def end(self, error: BaseException | None = None) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
