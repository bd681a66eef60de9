"""The pytest plugin, on a user's project, in processes of its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.sample_project.claude import claude
from tests.support.cli import environment
from tests.support.waiting import LONG_S
from tests.support.warm import warm_python
from tracekit import pytest_plugin
from tracekit.demo.claude import ScriptedClaude
from tracekit.pytest_plugin import Policy

SAMPLE = Path(__file__).parent / "sample_project"
SERIAL, XDIST = ("-p", "no:xdist"), ("-n", "2")
REPLAYED = "tests/test_reviews.py::test_marked"
RECORDING = "tests/recordings/test_reviews/test_marked.jsonl"


class Project:
    """A copy of the sample project."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root, self.home = root, home
        shutil.copytree(SAMPLE, root, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
        # Where nobody answers, and without a key.
        self.env = environment(home, "http://127.0.0.1:9")
        del self.env["ANTHROPIC_API_KEY"]
        del self.env["PYTHONWARNINGS"]

    def pytest(self, *arguments: str, code: int = 0) -> str:
        """Return the output of pytest with `arguments`, which must end with `code`."""
        # anyio is imported before its plugin is here, and so are its assertions.
        imported = ("-W", "ignore:Module already imported::")
        command = [warm_python(), "-m", "pytest", "-p", "no:cacheprovider", "-q", *imported, *arguments]
        done = subprocess.run(
            command, cwd=self.root, env=self.env, capture_output=True, text=True, timeout=LONG_S, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def ask(self, server: ScriptedClaude) -> None:
        """From here on, requests reach `server`."""
        self.env |= {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "test"}

    def edit(self, name: str, before: str, after: str) -> None:
        """Change the file `name`."""
        path = self.root / name
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after))

    def test(self, body: str) -> None:
        """Add a module with one more test to the project."""
        (self.root / "tests" / "test_more.py").write_text(
            f"import asyncio\nimport anthropic\nimport pytest\nfrom reviews import *\n\n{body}"
        )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project", tmp_path / "home")


@pytest.fixture
def server() -> Iterator[ScriptedClaude]:
    with claude() as started:
        yield started


# ── unused ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_unused_it_loads_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import json, sys\n\ndef test_it():\n    print('loaded', json.dumps([name for name in sys.modules]))\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "test_it.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout.partition("loaded ")[2].partition("\n")[0])
    assert [name for name in loaded if name.startswith("tracekit")] == ["tracekit", "tracekit.pytest_plugin"]
    assert not {"anthropic", "duckdb", "opentelemetry", "asyncio.runners"} & set(loaded) - {"asyncio.runners"}
    assert "recordings" not in done.stdout


# ── recording ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_missing_recording_says_what_makes_it(project: Project, server: ScriptedClaude) -> None:
    (project.root / RECORDING).unlink()
    project.ask(server)
    said = project.pytest(REPLAYED, code=1)
    assert f"there is no recording {RECORDING}" in said
    assert f"pytest --tracekit-record=once {REPLAYED}" in said
    assert server.asked == []
    project.pytest(REPLAYED, "--tracekit-record=once")
    assert len(server.asked) == 1
    header = json.loads((project.root / RECORDING).read_text().partition("\n")[0])
    assert (header["name"], header["root"]["argv"]) == ("test_marked", ["pytest", REPLAYED])


@pytest.mark.slow
def test_all_are_recorded_anew(project: Project, server: ScriptedClaude) -> None:
    before = {path: path.stat().st_mtime_ns for path in project.root.rglob("*.jsonl")}
    project.ask(server)
    assert "no test replays" not in project.pytest("--tracekit-record=all", *XDIST)
    after = {path: path.stat().st_mtime_ns for path in project.root.rglob("*.jsonl")}
    assert after.keys() == before.keys()
    assert all(after[path] > before[path] for path in before)
    assert not list(project.home.rglob("*.jsonl")), "a test's runs are not among the user's"


@pytest.mark.slow
def test_a_test_that_fails_keeps_no_recording(project: Project, server: ScriptedClaude) -> None:
    project.ask(server)
    project.test(
        "def test_fails(replay):\n    review_one('cart.py')\n    assert False\n\n"
        "def test_is_skipped(replay):\n    review_one('cart.py')\n    pytest.skip('not today')\n\n"
        "def test_asks_nothing(replay):\n    pass\n\n"
        "@pytest.fixture\ndef broken():\n    review_one('cart.py')\n    raise OSError('broken')\n\n"
        "def test_is_not_called(replay, broken):\n    pass\n"
    )
    said = project.pytest("tests/test_more.py", "--tracekit-record=all", code=1)
    assert "2 failed, 1 skipped, 1 error" in said
    assert "there is nothing to keep: the test has made no call to Claude" in said
    assert not (project.root / "tests/recordings/test_more").exists()


@pytest.mark.slow
def test_what_a_test_records_is_its_own_whatever_records_around_it(project: Project, server: ScriptedClaude) -> None:
    project.ask(server)
    project.test(
        "import tracekit\ntracekit.init()\n\n"
        "def test_it(replay):\n    review_one('cart.py')\n    assert replay.mode == 'recorded'\n\n"
        "def test_other():\n    review_one('cart.py')\n"
    )
    project.pytest("tests/test_more.py", "--tracekit-record=all")
    assert (project.root / "tests/recordings/test_more/test_it.jsonl").is_file()
    assert len(list(project.home.rglob("*.jsonl"))) == 1, "what the program records by itself goes on"


@pytest.mark.slow
def test_a_first_snapshot_keeps_its_recording(project: Project, server: ScriptedClaude) -> None:
    project.ask(server)
    project.test(
        "def test_it(replay, snapshot):\n    assert review_one('cart.py') == snapshot\n\n"
        "def test_other(replay, snapshot):\n    words = review_one('cart.py')\n    assert words == ''\n"
        "    assert words == snapshot\n"
    )
    said = project.pytest("tests/test_more.py", "--tracekit-record=once", *SERIAL, code=1)
    assert "only the snapshot does not exist yet" in said
    assert "pytest --snapshot-update tests/test_more.py::test_it" in said
    kept = project.root / "tests/recordings/test_more"
    assert [path.name for path in kept.iterdir()] == ["test_it.jsonl"], "the other fails by itself"
    asked = len(server.asked)
    del project.env["ANTHROPIC_API_KEY"]
    project.pytest("--snapshot-update", "tests/test_more.py::test_it", *SERIAL)
    project.pytest("tests/test_more.py::test_it", *SERIAL)
    assert len(server.asked) == asked
    # A snapshot that exists and differs says that the run is not what it should be.
    (kept / "test_it.jsonl").unlink()
    project.edit("tests/__snapshots__/test_more.ambr", "has a finding", "has none")
    project.env["ANTHROPIC_API_KEY"] = "test"
    said = project.pytest("tests/test_more.py::test_it", "--tracekit-record=once", *SERIAL, code=1)
    assert "snapshot does not exist" not in said
    assert not list(kept.iterdir())


@pytest.mark.slow
def test_a_recording_is_for_whoever_may_read_the_repository(project: Project, server: ScriptedClaude) -> None:
    project.ask(server)
    (project.root / "tests/conftest.py").write_text("import os\n\nos.umask(0o022)\n")
    project.pytest(REPLAYED, "--tracekit-record=all", *SERIAL)
    assert (project.root / RECORDING).stat().st_mode & 0o777 == 0o644
    (project.root / "tests/conftest.py").write_text("import os\n\nos.umask(0o027)\n")
    project.pytest(REPLAYED, "--tracekit-record=all", *SERIAL)
    assert (project.root / RECORDING).stat().st_mode & 0o777 == 0o640
    assert [path.name for path in (project.root / RECORDING).parent.glob(".*")] == []


REPEATED = """
@pytest.mark.parametrize("path", ["cart.py", "orders.py", "1-2", "a/b ü[3-3]"])
def test_params(path, replay):
    review_one('cart.py')

@pytest.mark.tracekit("recordings/one_file.jsonl")
def test_again():
    review_one('orders.py')

class TestClass:
    @pytest.mark.repeat(2)
    def test_it(self, replay):
        review_one('cart.py')
"""


@pytest.mark.slow
def test_a_repeated_test_finds_its_recording(project: Project, server: ScriptedClaude) -> None:
    project.ask(server)
    project.test(REPEATED)
    project.pytest("tests/test_more.py", "--tracekit-record=once", "--count=1", *SERIAL)
    made = sorted(path.name for path in (project.root / "tests/recordings/test_more").iterdir())
    assert len(made) == 5
    asked = len(server.asked)
    header = json.loads((project.root / "tests/recordings/test_more" / made[0]).read_text().partition("\n")[0])
    assert header["name"] == "test_it", made
    said = project.pytest("tests/test_more.py", "--count=3", *XDIST)
    assert "17 passed" in said
    assert len(server.asked) == asked
    assert sorted(path.name for path in (project.root / "tests/recordings/test_more").iterdir()) == made


@pytest.mark.parametrize(
    ("option", "marked", "policy"),
    [
        (None, None, "none"),
        ("none", None, "none"),
        ("once", None, "once"),
        ("all", None, "all"),
        (None, "once", "once"),
        ("once", "all", "once"),
        ("all", "none", "none"),
        ("none", "all", "none"),
    ],
)
def test_who_decides_what_is_recorded(option: Policy | None, marked: Policy | None, policy: Policy) -> None:
    assert pytest_plugin._policy(option, marked) == policy


@pytest.mark.slow
def test_a_marker_that_cannot_be_meant(project: Project) -> None:
    project.test("@pytest.mark.tracekit(speeed=1)\ndef test_it():\n    pass\n")
    said = project.pytest("tests/test_more.py", code=4)
    assert "test_more.py::test_it: tracekit(speeed=1) takes a file" in said


def test_names_of_recordings_are_files_and_differ() -> None:
    ids = ["a", "A", "a/b", "a b", "a-b", "../../x", "", "-", "ä", "x" * 300, "x" * 301, "a\nb", "CON", "a.jsonl", "a]"]
    nodeids = [
        *(f"tests/test_x.py::test_it[{id}]" for id in ids),
        "tests/test_x.py::test_it",
        "tests/test_x.py::TestA::test_it",
        "tests/test_x.py::TestA::test_it[a]",
    ]
    paths = []
    for nodeid in nodeids:
        item = SimpleNamespace(nodeid=nodeid, name="test_it", path=Path("/p/tests/test_x.py"))
        path = pytest_plugin._default_path(item)  # type: ignore[arg-type]
        assert path.parent == Path("/p/tests/recordings/test_x")
        assert len(path.name) < 200
        assert set(path.name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-")
        paths.append(str(path).lower())
    assert len(set(paths)) == len(paths)


# ── traces ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_a_check_that_fails_says_what_was_seen(project: Project) -> None:
    project.test(
        "from tracekit.testing import check\n\n"
        "def test_it(trace):\n    read_file('cart.py')\n    check(trace).times('read_file', 2)\n"
    )
    said = project.pytest("tests/test_more.py", code=1)
    assert "E       AssertionError: read_file was at work 1 time, not 2, in run test_it" in said
    assert "tracekit/testing/checks.py" not in said, "the traceback ends in the test"


# ── recordings that no test replays ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("how", [SERIAL, XDIST])
@pytest.mark.slow
def test_recordings_that_no_test_plays_are_told(project: Project, how: tuple[str, ...]) -> None:
    (project.root / "tests/test_traced.py").unlink()
    shutil.copytree(project.root / "tests/recordings/test_reviews", project.root / "tests/recordings/test_gone")
    for path in (project.root / "tests/recordings/test_gone").iterdir():
        if path.name != "test_marked.jsonl":
            path.unlink()
    said = project.pytest(*how)
    assert said.count("recordings that no test replays") == 1
    told = [line for line in said.splitlines() if line.endswith(".jsonl")]
    assert told == ["tests/recordings/test_gone/test_marked.jsonl"]


@pytest.mark.parametrize(
    ("args", "narrowed", "whole"),
    [
        (["tests"], {}, True),
        (["tests", "."], {"verbose": 2}, True),
        (["tests/test_reviews.py"], {}, False),
        (["tests", "tests/test_reviews.py::test_plain"], {}, False),
        (["tests"], {"keyword": "plain"}, False),
        (["tests"], {"markexpr": "not slow"}, False),
        (["tests"], {"lf": True}, False),
        (["tests"], {"deselect": ["tests/test_reviews.py::test_plain"]}, False),
    ],
)
def test_nothing_is_told_where_not_all_were_run(args: list[str], narrowed: dict[str, object], whole: bool) -> None:
    config = SimpleNamespace(
        args=args, option=SimpleNamespace(**narrowed), invocation_params=SimpleNamespace(dir=SAMPLE)
    )
    assert pytest_plugin._is_whole(config) is whole  # type: ignore[arg-type]


@pytest.mark.slow
def test_of_the_environment_nothing_reaches_a_recording(project: Project, server: ScriptedClaude) -> None:
    project.ask(server)
    project.env["TRACEKIT_CONTENT"] = "off"
    project.pytest(REPLAYED, "--tracekit-record=all")
    text = (project.root / RECORDING).read_text()
    assert "You review one file." in text, "what was not kept cannot be replayed"
    assert os.uname().nodename not in json.loads(text.partition("\n")[0]).values()
    assert str(project.root) not in text


# ── replaying ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("how", [SERIAL, XDIST])
def test_everything_is_replayed_without_a_server_or_a_key(project: Project, how: tuple[str, ...]) -> None:
    said = project.pytest(*how)
    assert "16 passed" in said
    assert "no test replays" not in said


ONE = "@pytest.mark.tracekit('recordings/one_file.jsonl')\n"
TWO = "@pytest.mark.tracekit('recordings/test_reviews/test_asyncio.jsonl')\n"

LEAVING = f"""
{ONE}def test_other_words():
    review_one('cart.py')

{ONE}def test_swallowed():
    try:
        review_one('cart.py')
    except BaseException:
        pass

{ONE}def test_swallowed_and_checked(replay):
    for work in (lambda: review_one('cart.py'), lambda: replay.run):
        try:
            work()
        except BaseException:
            pass

{ONE}def test_twice():
    review_one('orders.py')
    review_one('orders.py')

{TWO}def test_once():
    asyncio.run(one())

{TWO}def test_fails_by_itself():
    asyncio.run(one())
    assert 1 == 2, 'its own failure'

{TWO}@pytest.mark.asyncio
async def test_async():
    await review_all(['cart.py', 'a mail.py'])

{TWO}@pytest.mark.anyio
async def test_anyio():
    await review_all(['cart.py', 'a mail.py'])

@pytest.mark.tracekit('test_more.py')
def test_no_recording():
    pass

async def one():
    async with anthropic.AsyncAnthropic() as client:
        await review(client, 'cart.py')
"""

STAYING = f"""
{ONE}def test_skipped():
    pytest.skip('not today')

{ONE}def test_asked(replay):
    review_one('orders.py')
    run = replay.run
    assert (replay.mode, replay.divergence, list(replay.unplayed)) == ('followed', None, [])
    assert replay.path.name == 'one_file.jsonl' and run is replay.run

@pytest.fixture
def skips():
    pytest.skip('not today')

{ONE}def test_skipped_by_a_fixture(skips):
    pass

{TWO}@pytest.mark.asyncio
async def test_parallel_now(replay):
    await review_all(['cart.py', 'orders.py'])

def test_after():
    assert read_file('cart.py')
"""


def test_a_divergence_is_the_failure_of_its_test_alone(project: Project) -> None:
    project.test(LEAVING + STAYING)
    said = project.pytest("tests/test_more.py", *SERIAL, code=1)
    assert "8 failed, 3 passed, 2 skipped, 1 error" in said
    assert "- orders.py: raise Exception('out of stock')\nE               + cart.py: total = 0.1 + 0.2" in said
    assert "_base_client.py" not in said
    assert said.count("the replay left its recording") >= 7
    assert "its own failure" in said
    assert "test_more.py cannot be replayed: " in said
    assert "never retrieved" not in said


@pytest.mark.slow
def test_divergences_beside_other_workers(project: Project) -> None:
    project.test(LEAVING + STAYING)
    said = project.pytest("tests/test_more.py", *XDIST, code=1)
    assert "8 failed, 3 passed, 2 skipped, 1 error" in said


def test_a_prompt_that_was_changed_is_told_with_its_words(project: Project) -> None:
    project.edit("reviews.py", "You sum up.", "You sum up well.")
    said = project.pytest("tests/test_reviews.py::test_plain", *SERIAL, code=1)
    assert "- You sum up." in said
    assert "+ You sum up well." in said
    # Where pytest finds that it runs in CI, its summary repeats the whole message.
    failure = said.partition("short test summary info")[0]
    assert failure.count("meant? pytest --tracekit-record=all tests/test_reviews.py::test_plain") == 1
