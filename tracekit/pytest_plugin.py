"""The pytest plugin: fixtures `trace` and `replay`, the marker `tracekit`, and the option ``--tracekit-record``.

It is loaded with every pytest of an environment that has tracekit, so nothing heavy is imported before a test asks.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Generator, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import pytest

if TYPE_CHECKING:
    from tracekit.model.tree import Run
    from tracekit.replayer import Divergence
    from tracekit.testing.playing import Active
    from tracekit.testing.recording import TestRecording

__all__ = ["ReplayFixture", "Trace"]

Policy: TypeAlias = Literal["none", "once", "all"]
"""Which recordings are made: none, those that are missing, or all."""

FOLDER = "recordings"
"""Where recordings lie: beside the tests, in a folder for each module."""

_OPTION = "--tracekit-record"
_ACTIVE: pytest.StashKey[Active] = pytest.StashKey()
_OWNED: pytest.StashKey[set[str]] = pytest.StashKey()
_NO_TESTS = frozenset(("__pycache__", "build", "dist", "node_modules", "site-packages", "venv"))
_PLAIN = re.compile(r"[a-z0-9_.+-]{1,80}")


# ── options and marker ───────────────────────────────────────────────────────────────────────────────────────────────


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--tracekit-record``."""
    parser.getgroup("tracekit", "tracekit: record and replay agents").addoption(
        _OPTION,
        choices=get_args(Policy),
        default=None,
        help="Which recordings are made, by asking the real API: none (the default), those that are missing (once), or all.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Describe the marker."""
    config.addinivalue_line(
        "markers",
        "tracekit(file, *, ignore=(), speed=None, record=None): replay the test from its recording, by default "
        f"{FOLDER}/MODULE/TEST.jsonl beside it. ignore: JSON paths and patterns of what varies; speed: 1 paces it in "
        "real time; record: stands for --tracekit-record where that is not given.",
    )
    config.stash[_OWNED] = set()


class _Marked:
    """The settings of a test's marker."""

    def __init__(self, item: pytest.Item) -> None:
        mark = item.get_closest_marker("tracekit")
        args, kwargs = (mark.args, mark.kwargs) if mark is not None else ((), {})
        unknown = set(kwargs) - {"ignore", "speed", "record"}
        if len(args) > 1 or unknown or kwargs.get("record") not in (None, *get_args(Policy)):
            said = ", ".join([*map(repr, args), *(f"{name}={value!r}" for name, value in kwargs.items())])
            raise pytest.UsageError(
                f"{item.nodeid}: tracekit({said}) takes a file, ignore=[…], speed=… and record={'|'.join(get_args(Policy))}"
            )
        self.path = item.path.parent / args[0] if args else _default_path(item)
        self.ignore: Sequence[str] = kwargs.get("ignore", ())
        self.speed: float | None = kwargs.get("speed")
        self.policy: Policy = _policy(item.config.getoption(_OPTION), kwargs.get("record"))


def _policy(option: Policy | None, marked: Policy | None) -> Policy:
    """Return the marker's value if the command line has none; `none` on either side wins."""
    if "none" in (option, marked):
        return "none"
    return option or marked or "none"


def _default_path(item: pytest.Item) -> Path:
    """Return the path of a test's recording. The name is valid for a file, and unique."""
    names = _nodeid(item).partition("::")[2] or item.name
    function, bracket, parameters = names.replace("::", ".").partition("[")
    parameters = parameters.removesuffix("]")
    name = f"{function}-{parameters}" if bracket else function
    if bracket and not (_PLAIN.fullmatch(parameters) and len(name) <= 120):
        digest = sha256(parameters.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        name = f"{function}-{re.sub(r'[^A-Za-z0-9_.+-]+', '-', parameters)[:40]}-{digest}"
    return item.path.parent / FOLDER / item.path.stem / f"{name}.jsonl"


def _nodeid(item: pytest.Item) -> str:
    """The id of a test, the same each time that pytest-repeat runs it."""
    return _without_step(item, item.nodeid)


def _without_step(item: pytest.Item, name: str) -> str:
    """`name` of a test without what pytest-repeat adds to its parameters: ``2-10`` for the second of ten times."""
    step = getattr(getattr(item, "callspec", None), "params", {}).get("__pytest_repeat_step_number")
    if step is None:
        return name
    return re.sub(rf"\[(?:(.*)-)?{step + 1}-\d+\]$", lambda found: f"[{found[1]}]" if found[1] else "", name)


def _is_replayed(item: pytest.Item) -> bool:
    names = getattr(item, "fixturenames", ())
    return "replay" in names or item.get_closest_marker("tracekit") is not None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let a marked test have the fixture `replay`, before all others; remember whose recordings there are."""
    for item in items:
        if not _is_replayed(item):
            continue
        _put_first(item)
        config.stash[_OWNED].add(str(_Marked(item).path.resolve()))


def _put_first(item: pytest.Item) -> None:
    """Let `replay` begin before the other fixtures of the test, and after those that tests share."""
    names = [name for name in getattr(item, "fixturenames", ()) if name != "replay"]
    definitions: Mapping[str, Any] = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    shared = [name for name in names if name in definitions and definitions[name][-1].scope != "function"]
    # The list is that of all parameters of the test.
    item.fixturenames = [*shared, "replay", *(name for name in names if name not in shared)]  # type: ignore[attr-defined]


# ── fixtures ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Trace:
    """The fixture `trace`: the test as a run."""

    def __init__(self, recording: TestRecording) -> None:
        self._recording = recording

    @property
    def run(self) -> Run:
        """The test so far as a run, or the only run that the test began.

        Raises:
            RunNotFoundError: Nothing.
        """
        return self._recording.run


class ReplayFixture:
    """The fixture `replay`: the replay of the test's recording, or the recording in progress.

    `path` is the recording. `mode` is `followed`, `projected` or `diverged`; `recorded` where it is being made.
    """

    def __init__(self, path: Path, active: Active) -> None:
        self.path = path
        self._active = active

    @property
    def run(self) -> Run:
        """The run of the test. Reading it ends the replay: later requests are not replayed.

        Raises:
            ReplayDivergence: It is not what was recorded.
        """
        return self._active.run()

    @property
    def mode(self) -> str:
        """The outcome of the replay."""
        replay = self._active.replay
        return "recorded" if replay is None else str(replay.mode)

    @property
    def divergence(self) -> Divergence | None:
        """The place where the test left the recording, or None."""
        return self._active.replay.divergence if self._active.replay else None

    @property
    def unplayed(self) -> Sequence[str]:
        """The places of the recorded calls that were not made."""
        return self._active.replay.unplayed if self._active.replay else ()


@pytest.fixture
def trace(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Trace | ReplayFixture]:
    """Records what the test does as one run: ``check(trace).parallel(…)``, ``trace.run``. In a replay, the replay's."""
    if _is_replayed(request.node):
        yield request.getfixturevalue("replay")
        return
    from tracekit.testing.recording import TestRecording  # noqa: PLC0415  only for tests that ask

    monkeypatch.setenv("TRACEKIT_HOME", str(tmp_path_factory.mktemp("tracekit")))
    recording = TestRecording(request.node.name, ("pytest", request.node.nodeid))
    try:
        yield Trace(recording)
    finally:
        recording.stop()


@pytest.fixture
def replay(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ReplayFixture]:
    """Runs the test against its recording: ``recordings/MODULE/TEST.jsonl``, or what the marker says."""
    from tracekit.testing.playing import ActiveRecording, Replaying  # noqa: PLC0415  only for tests that ask

    marked = _Marked(request.node)
    monkeypatch.setenv("TRACEKIT_HOME", str(tmp_path_factory.mktemp("tracekit")))
    is_there = marked.path.is_file()
    if marked.policy == "all" or (marked.policy == "once" and not is_there):
        # What was not kept as a whole cannot be replayed.
        monkeypatch.setenv("TRACEKIT_CONTENT", "full")
        name = _without_step(request.node, request.node.name)
        active: Active = ActiveRecording(marked.path, name, ("pytest", _nodeid(request.node)))
    elif not is_there:
        pytest.fail(_missing(request.node, marked), pytrace=False)
    else:
        active = Replaying(marked.path, marked.ignore, marked.speed)
    request.node.stash[_ACTIVE] = active
    try:
        yield ReplayFixture(marked.path, active)
    finally:
        active.abandon()


def _missing(item: pytest.Item, marked: _Marked) -> str:
    path = _shown(marked.path, item.config)
    return f"there is no recording {path}. This makes it, by asking the real API:\n  pytest {_OPTION}=once {shlex.quote(_nodeid(item))}"


def _shown(path: Path, config: pytest.Config) -> Path:
    return path.relative_to(config.rootpath) if path.is_relative_to(config.rootpath) else path


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """End the replay with the test, so that a divergence is the test's failure, even where the test swallowed it."""
    active = item.stash.get(_ACTIVE, None)
    if active is None:
        return (yield)
    __tracebackhide__ = True
    from tracekit.testing.hints import accepting, lacks_a_snapshot_only, making_the_snapshot  # noqa: PLC0415  see below
    from tracekit.testing.playing import ActiveRecording, finish  # noqa: PLC0415  only for tests that ask

    hint = accepting(_OPTION, _nodeid(item))
    try:
        result = yield
    except BaseException as error:
        if isinstance(active, ActiveRecording) and lacks_a_snapshot_only(item, error):
            finish(active, None, hint)
            error.add_note(making_the_snapshot(_shown(_Marked(item).path, item.config), _nodeid(item)))
        else:
            finish(active, error, hint)
        raise
    finish(active, None, hint)
    return result


# ── recordings that no test replays ────────────────────────────────────────────────────────────────────────────────────


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of xdist tells the controller whose recordings there are."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        owned = session.config.stash[_OWNED]
        output["tracekit_owned"] = sorted(owned)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """The controller hears it."""
    output: Mapping[str, Any] = getattr(node, "workeroutput", None) or {}
    node.config.stash[_OWNED].update(output.get("tracekit_owned", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config) -> None:
    """Tell of recordings that no test replays, where whole folders were run."""
    owned = config.stash[_OWNED]
    is_done = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    if not owned or not is_done or not _is_whole(config):
        return
    orphans = [path for path in sorted(set(_recordings(config))) if str(path) not in owned]
    if orphans:
        terminalreporter.section("recordings that no test replays")
        for path in orphans:
            terminalreporter.line(str(_shown(path, config)))


def _is_whole(config: pytest.Config) -> bool:
    """Return whether every test of the requested folders was collected."""
    option = config.option
    narrowed = ("keyword", "markexpr", "lf", "deselect", "ignore", "ignore_glob", "stepwise", "collectonly")
    return not any(getattr(option, name, None) for name in narrowed) and all(path.is_dir() for path in _folders(config))


def _folders(config: pytest.Config) -> list[Path]:
    return [config.invocation_params.dir / arg for arg in config.args]


def _recordings(config: pytest.Config) -> Iterator[Path]:
    """The recordings that lie where ours do: in a folder for a module, beside the module."""
    for folder in _folders(config):
        for place, below, _ in os.walk(folder.resolve()):
            below[:] = [name for name in below if not name.startswith(".") and name not in _NO_TESTS]
            if Path(place).name == FOLDER:
                yield from Path(place).glob("*/*.jsonl")
