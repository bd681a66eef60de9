"""The steady form: what varies stands in one line, and every line comes back byte for byte."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support.replaying import echo, question, record, sync_client, words_of
from tracekit.errors import OutputError
from tracekit.journal.catalog import segments_of
from tracekit.journal.export import export
from tracekit.journal.reader import read_run
from tracekit.journal.steady import Values, steady

FIXTURES = sorted((Path(__file__).parents[2] / "fixtures" / "runs").rglob("*.jsonl"))

ODD = [
    b'{"e":"begin","id":"0123456789abcdef","t":1795835534861316688,"name":"x"}\n',
    # What looks like a value in a text is part of the text.
    b'{"e":"end","id":"0123456789abcdef","t":1795835534861316689,"a":"\\"t\\":1795835534861316690,"}\n',
    '{"e":"end","t":1795835534861316691,"n":"ä req_ä1234567890 msg_01234567890abc \u2028"}\n'.encode(),
    b'{"server.port":123,"x":"http://127.0.0.1:123/v1 http://localhost:9","date":"Sat, 28 Nov 2026 03:14:30 GMT"}\n',
    b'{"gen_ai.response.time_to_first_chunk":1.5e-05,"b":[1795835534861316688],"c":18446744073709551616000}\n',
    b"not JSON \xff\xfe\n",
    b"\n",
    b"no line break",
]
HEADER = b'{"e":"header","format":"tracekit-journal","version":1,"run":"r","name":"n","recorded_at_ns":1,"root":null}\n'


def _filled(lines: list[bytes]) -> list[bytes]:
    values = Values(lines[1])
    return [values.fill(line) for line in lines[2:]]


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_recorded_runs_come_back(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    if sum(line.startswith(b'{"e":"header"') for line in lines) == 1:
        made = steady(lines)
        assert made[1].startswith(b'{"e":"values"')
        assert _filled(made) == lines[1:]
        assert steady(made) == made, "what is steady stays as it is"


def test_odd_lines_come_back() -> None:
    made = steady([HEADER, *ODD])
    assert _filled(made) == ODD
    assert made[2] == b'{"e":"begin","id":"~1~","t":"~","name":"x"}\n'
    assert rb"\"t\":1795835534861316690," in made[3]
    assert b'"server.port":"~' in made[5]
    assert json.loads(made[5])["date"].startswith("~")
    # Where a mark is part of what was recorded, nothing is marked.
    for mark in (b'{"text":"~1~"}\n', b'{"text":"~"}\n'):
        assert steady([HEADER, ODD[0], mark]) == [HEADER, ODD[0], mark]


@pytest.mark.parametrize(
    "values",
    [
        '{"e":"values","t":{},"v":[]}',
        '{"e":"values","t":[1],"v":[[1]]}',
        '{"e":"values","t":[1],"v":["' + "x" * 10_000 + '"]}',
        '{"e":"values","t":[],"v":[]}',
        '{"e":"values","t":[null],"v":["a"]}',
        '{"e":"values"',
    ],
)
def test_values_that_do_not_fit_are_damage(values: str, tmp_path: Path) -> None:
    lines = steady([HEADER, *ODD[:2]])
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"".join([lines[0], f"{values}\n".encode(), *lines[2:]]))
    (segment,) = read_run([path]).segments
    assert segment.damage


def _recorded(path: Path, words: str) -> None:
    def program(url: str) -> list[str]:
        with sync_client(url) as client:
            return [words_of(client.messages.create(**question(each))) for each in ("one", words, "three", "four")]

    _, recording = record(program, echo())
    export(segments_of(recording.id), path, shared=True)
    assert read_run([path]).exchanges.keys() == recording.exchanges.keys()
    assert read_run([path]).spans == read_run(segments_of(recording.id)).spans, "every time and id is kept"


def test_one_changed_word_is_a_few_changed_lines(home: Path, tmp_path: Path) -> None:
    texts = []
    for name, words in (("a", "two words"), ("b", "two words"), ("c", "two other words")):
        _recorded(tmp_path / name, words)
        texts.append((tmp_path / name).read_text().splitlines())
    first, again, other = texts
    assert len(first) == len(again) == len(other) > 12
    assert [number for number, pair in enumerate(zip(first, again, strict=True)) if len(set(pair)) > 1] == [0, 1]
    changed = [pair for pair in list(zip(again, other, strict=True))[2:] if len(set(pair)) > 1]
    assert len(changed) == 3, "the request, its answer, and what that tells of the tokens"
    assert ["two other words" in line for _, line in changed] == [True, True, False]
    assert "gen_ai.usage.input_tokens" in changed[2][1]


def test_a_file_of_a_repository_is_for_its_readers(home: Path, tmp_path: Path) -> None:
    _recorded(tmp_path / "shared", "hi")
    before = os.umask(0o022)
    try:
        _recorded(tmp_path / "shared", "hi")
    finally:
        os.umask(before)
    assert (tmp_path / "shared").stat().st_mode & 0o777 == 0o644
    with pytest.raises(OutputError, match="cannot be written"):
        export([tmp_path / "shared"], tmp_path / "none" / "x", shared=True)
    export([tmp_path / "shared"], tmp_path / "own")
    assert (tmp_path / "own").stat().st_mode & 0o777 == 0o600
