"""The current span follows the work into tasks, threads and jobs, and nothing else of the program changes."""

import asyncio
import contextvars
import gc
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anthropic
import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest
import trio

import tracekit
from tests.support.recording import assert_closed, recordings, spans, stop, the_run, tree

USERS = contextvars.ContextVar("users", default="default")


def leaf(name: str) -> None:
    """A tool, which hangs where its code runs."""
    with tracekit.tool(name):
        pass


async def a_leaf(name: str) -> None:
    await asyncio.sleep(0)
    leaf(name)


class Subclass(threading.Thread):
    """A thread with a `run` of its own, as many programs have."""

    def run(self) -> None:
        leaf("of a subclass")


def in_thread() -> None:
    thread = threading.Thread(target=leaf, args=("a",))
    thread.start()
    thread.join()


def in_subclass() -> None:
    thread = Subclass()
    thread.start()
    thread.join()


def in_replaced_run() -> None:
    thread = threading.Thread()
    thread.run = lambda: leaf("a")  # type: ignore[method-assign]
    thread.start()
    thread.join()


def in_timer() -> None:
    timer = threading.Timer(0.001, leaf, ("a",))
    timer.start()
    timer.join()


def in_submit() -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(leaf, "a").result()


def in_map() -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(leaf, ["a", "b", "c"]))


def in_thread_of_a_thread() -> None:
    thread = threading.Thread(target=in_submit)
    thread.start()
    thread.join()


def in_task() -> None:
    async def main() -> None:
        await asyncio.create_task(a_leaf("a"))

    asyncio.run(main())


def in_gather() -> None:
    async def main() -> None:
        await asyncio.gather(a_leaf("a"), a_leaf("b"))

    asyncio.run(main())


def in_task_group() -> None:
    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(a_leaf("a"))

    asyncio.run(main())


def in_executor() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().run_in_executor(None, leaf, "a")

    asyncio.run(main())


def in_to_thread() -> None:
    async def main() -> None:
        await asyncio.to_thread(leaf, "a")

    asyncio.run(main())


def in_callback() -> None:
    async def main() -> None:
        done = asyncio.Event()

        def callback() -> None:
            leaf("a")
            done.set()

        asyncio.get_running_loop().call_soon(callback)
        await done.wait()

    asyncio.run(main())


async def anyio_main() -> None:
    async def work(name: str) -> None:
        await anyio.lowlevel.checkpoint()
        leaf(name)

    async with anyio.create_task_group() as group:
        group.start_soon(work, "a")
        group.start_soon(work, "b")
    await anyio.to_thread.run_sync(leaf, "c")

    def back() -> None:
        anyio.from_thread.run(work, "d")

    await anyio.to_thread.run_sync(back)


def in_anyio() -> None:
    anyio.run(anyio_main)


def in_anyio_on_trio() -> None:
    anyio.run(anyio_main, backend="trio")


def in_trio() -> None:
    async def work(name: str, *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        await trio.lowlevel.checkpoint()
        leaf(name)
        task_status.started()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(work, "a")
            await nursery.start(work, "b")
        await trio.to_thread.run_sync(leaf, "c")

    trio.run(main)


WORKS: list[tuple[Callable[[], None], int]] = [
    (in_thread, 1),
    (in_subclass, 1),
    (in_replaced_run, 1),
    (in_timer, 1),
    (in_submit, 1),
    (in_map, 3),
    (in_thread_of_a_thread, 1),
    (in_task, 1),
    (in_gather, 2),
    (in_task_group, 1),
    (in_executor, 1),
    (in_to_thread, 1),
    (in_callback, 1),
    (in_anyio, 4),
    (in_anyio_on_trio, 4),
    (in_trio, 3),
]
EVERYWHERE = pytest.mark.parametrize(("work", "count"), WORKS, ids=[work.__name__ for work, _ in WORKS])


@EVERYWHERE
def test_the_span_is_carried(work: Callable[[], None], count: int, recording: Path) -> None:
    with tracekit.run("task"):
        with tracekit.agent("other"):
            work()
        with tracekit.agent("lead"):
            work()
        leaf("after")
    run = the_run()
    assert_closed(run)
    names = {span.id: span.name for span in run.spans.values()}
    parents = [names[tool.parent or ""] for tool in spans(run, "tool")]
    assert parents == ["invoke_agent other"] * count + ["invoke_agent lead"] * count + ["task"]


@EVERYWHERE
def test_lanes_are_those_of_the_run_before(work: Callable[[], None], count: int, home: Path) -> None:
    lanes = []
    for _ in range(2):
        tracekit.init()
        with tracekit.run("task"):
            work()
            work()
        run = max(recordings(), key=lambda run: run.recorded_at_ns)
        lanes.append(sorted((span.name, span.lane) for span in spans(run, "tool")))
        # Every lane has its parents in the record.
        known = {lane.id for lane in run.lanes.values()}
        assert {span.lane for span in run.spans.values()} <= known
        assert {lane.parent for lane in run.lanes.values()} <= {*known, None}
        stop()
    assert lanes[0] == lanes[1]
    assert len(lanes[0]) == 2 * count


def test_lanes_do_not_depend_on_who_comes_first(recording: Path) -> None:
    async def work(name: str, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        leaf(name)

    async def main(*waits_s: float) -> None:
        await asyncio.gather(*(work(str(number), wait_s) for number, wait_s in enumerate(waits_s)))
        async with asyncio.TaskGroup() as group:
            for number, wait_s in enumerate(waits_s):
                group.create_task(work(str(number), wait_s))

    with tracekit.run("task"):
        asyncio.run(main(0.03, 0.01, 0.02))
    first = {(span.name, span.lane) for span in spans(the_run(), "tool")}
    assert len(first) == 6
    assert {lane.rpartition(".")[0] for _, lane in first} == {"m.t0"}
    assert {(name, lane) for name, lane in first if lane.endswith(("t0", "t3"))} == {
        ("execute_tool 0", "m.t0.t0"),
        ("execute_tool 0", "m.t0.t3"),
    }


def test_each_kind_of_child_is_counted_by_itself(recording: Path) -> None:
    with tracekit.run("task"):
        in_thread()
        in_submit()
        in_thread()
        in_task()
        in_submit()
    assert [span.lane for span in spans(the_run(), "tool")] == ["m.h0", "m.j0", "m.h1", "m.t0.t0", "m.j1"]


def test_trio_lanes_are_in_the_order_of_the_program(recording: Path) -> None:
    """Trio shuffles its tasks on purpose."""

    async def work(name: str) -> None:
        leaf(name)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for number in range(8):
                nursery.start_soon(work, str(number))

    with tracekit.run("task"):
        trio.run(main)
    lanes = {span.name: span.lane for span in spans(the_run(), "tool")}
    assert [lanes[f"execute_tool {number}"].rpartition(".")[2] for number in range(8)] == [f"n{n}" for n in range(8)]


def test_what_the_garbage_collector_closes_is_no_lane(recording: Path) -> None:
    async def abandon() -> None:
        client = anthropic.AsyncAnthropic(api_key="key")
        # The SDK closes it in a task, whenever it is collected.
        del client
        gc.collect()
        await asyncio.create_task(a_leaf("a"))

    asyncio.run(abandon())
    assert [span.lane for span in spans(the_run(), "tool")] == ["m.t0.t0"]


def test_lane_of_an_eager_task(recording: Path) -> None:
    """A task factory that begins the task at once, or that knows no `context`, changes nothing."""

    def factory(loop: Any, coro: Any) -> Any:
        return asyncio.Task(coro, loop=loop)

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(factory)
        await asyncio.gather(a_leaf("a"), a_leaf("b"))

    with tracekit.run("task"):
        asyncio.run(main())
    assert [span.lane for span in spans(the_run(), "tool")] == ["m.t0.t0", "m.t0.t1"]


def test_first_step_of_a_lane(recording: Path) -> None:
    async def work() -> None:
        await asyncio.sleep(0.05)
        leaf("a")

    async def main() -> None:
        task = asyncio.create_task(work())
        leaf("between its creation and its first step")
        await task

    with tracekit.run("task"):
        asyncio.run(main())
    run = the_run()
    before, tool = spans(run, "tool")
    lane = run.lanes[0, tool.lane]
    assert before.end_ns is not None
    assert before.end_ns <= lane.first_ns <= tool.start_ns - 50_000_000
    assert run.lanes[0, "m.t0"].kind == "task"


# ── what must not change ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("recorded", [True, False])
def test_context_variables_of_the_user(recorded: bool, home: Path) -> None:
    """A thread and a job begin with the defaults, a task with a copy: with us as without."""
    if recorded:
        tracekit.init()
    seen: dict[str, str] = {}

    def look(where: str) -> None:
        seen[where] = USERS.get()
        USERS.set("changed there")

    async def a_look(where: str) -> None:
        look(where)

    async def main() -> None:
        await asyncio.create_task(a_look("task"))
        await asyncio.to_thread(look, "to_thread")
        await asyncio.get_running_loop().run_in_executor(None, look, "executor")
        own = contextvars.Context()
        await asyncio.create_task(a_look("own context"), context=own)
        assert own[USERS] == "changed there"

    token = USERS.set("mine")
    thread = threading.Thread(target=look, args=("thread",))
    with tracekit.run("task"):
        thread.start()
        thread.join()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(look, "job").result()
        asyncio.run(main())
    assert seen == {
        "thread": "default",
        "job": "default",
        "task": "mine",
        "to_thread": "mine",
        "executor": "default",
        "own context": "default",
    }
    assert USERS.get() == "mine"
    USERS.reset(token)


def test_worker_of_a_pool_keeps_nothing(recording: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        with tracekit.agent("one"):
            pool.submit(leaf, "a").result()
        with tracekit.agent("two"):
            pool.submit(leaf, "b").result()
        seen: Future[Any] = pool.submit(threading.current_thread)
        assert seen.result().__class__ is threading.Thread
    assert [tree(run) for run in recordings()] == [
        ["agent invoke_agent one", "  tool execute_tool a"],
        ["agent invoke_agent two", "  tool execute_tool b"],
    ]


def test_errors_of_the_program_are_its_own(recording: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(TypeError, match="'str' object is not callable"):
            pool.submit("no function").result()  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="missing 1 required positional argument"):
            pool.submit(leaf).result()  # type: ignore[call-arg]
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        pool.submit(leaf, "a")
    thread = threading.Thread(target=leaf, args=("a",))
    thread.start()
    thread.join()
    with pytest.raises(RuntimeError, match="threads can only be started once"):
        thread.start()

    loop = asyncio.new_event_loop()
    loop.close()
    coroutine = a_leaf("a")
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.create_task(coroutine)  # noqa: RUF006
    coroutine.close()


def test_thread_object_is_left_as_it_was(recording: Path) -> None:
    seen = {}

    class Thread(threading.Thread):
        def run(self) -> None:
            seen["run"] = self.__dict__.get("run")

    thread = Thread()
    thread.start()
    thread.join()
    assert seen == {"run": None}


def test_threads_that_live_on_after_us(recording: Path) -> None:
    go = threading.Event()
    done = []

    def work() -> None:
        go.wait(60)
        leaf("late")
        done.append(1)

    with tracekit.run("task"):
        thread = threading.Thread(target=work)
        thread.start()
    stop()
    go.set()
    thread.join()
    assert done == [1]
