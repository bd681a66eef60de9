"""Write a run as a pytest test, which replays its program or checks its recording."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tracekit.model.tree import Run
from tracekit.testing.outline import names

__all__ = ["WrittenTest", "written_test"]

_FOLDER = "recordings"
_MOST_LINES = 200
_MOST_WORD = 60


@dataclass(frozen=True, slots=True)
class WrittenTest:
    """A test as text, and the place of its recording.

    Attributes:
        text: The source of the test.
        recording: The file that the test reads.
        is_replay: Whether the test runs the program; else the test reads the recording alone.
    """

    text: str
    recording: Path
    is_replay: bool


def written_test(run: Run, file: Path, folder: Path) -> WrittenTest:
    """Return the test of `run` for `file`, whose program is started in `folder`."""
    name = f"test_{_word(run.name) or 'run'}"
    recording = file.parent / _FOLDER / file.stem / f"{name}.jsonl"
    program = _Program.of(run, folder)
    if program is None:
        lines = [*_reading(run, name, f"{_FOLDER}/{file.stem}/{name}.jsonl")]
    else:
        lines = [*_replaying(run, name, program, os.path.relpath(folder, file.parent))]
    return WrittenTest("\n".join(lines) + "\n", recording, program is not None)


@dataclass(frozen=True, slots=True)
class _Program:
    """A Python program that a test can run: a script or a module, with its arguments."""

    script: str
    module: str
    arguments: tuple[str, ...]

    @classmethod
    def of(cls, run: Run, folder: Path) -> _Program | None:
        """Return the program of `run` if it can be replayed and started in `folder`, else None."""
        recording = run.recording
        if recording.source or any(segment.content != "full" for segment in recording.segments):
            return None
        root = recording.process_root
        words = list(root.argv) if root is not None else []
        if words and re.fullmatch(r"python[\d.]*", Path(words[0]).name):
            del words[0]
        if len(words) > 1 and words[0] == "-m":
            return cls("", words[1], tuple(words[2:]))
        if words and words[0].endswith(".py") and (folder / words[0]).is_file():
            return cls(words[0], "", tuple(words[1:]))
        return None


def _replaying(run: Run, name: str, program: _Program, folder: str) -> Iterator[str]:
    yield f'"""The run {_word(run.name) or "run"}, replayed: the program runs again, answered from its recording."""'
    yield ""
    yield from ("import runpy", "import sys", "from pathlib import Path", "")
    yield from ("from tracekit.testing import check", "")
    yield f"FOLDER = Path(__file__).parent / {_quoted(folder)}"
    yield f"ARGUMENTS = [{', '.join(map(_quoted, program.arguments))}]"
    yield from _tree(run)
    yield from ("", "")
    yield f"def {name}(replay, monkeypatch):"
    yield "    monkeypatch.chdir(FOLDER)"
    above = Path(program.script).parent if program.script else Path()
    yield f"    monkeypatch.syspath_prepend(FOLDER / {_quoted(str(above))})"
    yield f"    monkeypatch.setattr(sys, 'argv', [{_quoted(program.script or program.module)}, *ARGUMENTS])".replace(
        "'argv'", '"argv"'
    )
    yield "    try:"
    if program.script:
        yield f'        runpy.run_path({_quoted(program.script)}, run_name="__main__")'
    else:
        yield f'        runpy.run_module({_quoted(program.module)}, run_name="__main__", alter_sys=True)'
    yield "    except SystemExit as end:"
    yield f"        assert {'not end.code' if run.status == 'ok' else 'end.code'}"
    yield f"    check(replay){_checks(run)}"


def _reading(run: Run, name: str, recording: str) -> Iterator[str]:
    yield f'"""The run {_word(run.name) or "run"} as it was recorded. To replay it, call your program in a test with `replay`."""'
    yield from ("", "from pathlib import Path", "", "from tracekit.testing import check", "")
    yield f"RECORDING = Path(__file__).parent / {_quoted(recording)}"
    yield from _tree(run)
    yield from ("", "")
    yield f"def {name}():"
    yield f"    check(RECORDING){_checks(run)}"


def _tree(run: Run) -> Iterator[str]:
    """Yield the constant TREE, unless the tree has names that a test does not show well, or very many."""
    lines = names(run).splitlines()
    if _shows_tree(run):
        yield "TREE = ("
        yield from (f"    {_quoted(line + chr(10))}" for line in lines)
        yield ")"


def _shows_tree(run: Run) -> bool:
    lines = names(run).split("\n")
    return any(lines) and len(lines) <= _MOST_LINES and all(line.isprintable() for line in lines)


def _checks(run: Run) -> str:
    failed = any(node.kind != "attempt" and node.status != "ok" for node in run.root.walk())
    checks = [".tree(TREE)"] if _shows_tree(run) else []
    checks += [f".retries({run.root.retries})"]
    checks += [] if failed else [".no_errors()"]
    return "".join(checks)


def _word(name: str) -> str:
    """Return `name` as a part of an identifier; "" where nothing is left of it."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower())[:_MOST_WORD].strip("_")


def _quoted(text: str) -> str:
    """Return `text` as a literal in double quotes, in ASCII."""
    inner = ascii(text)[1:-1].replace("\\'", "'")
    return f'"{inner}"' if '"' not in inner else ascii(text)
