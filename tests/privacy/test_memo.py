"""The memo of redaction, where the process's hash seed is known to whoever wrote the text."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.support.waiting import LONG_S
from tracekit.privacy.memo import memo_key

CODE = """
from tracekit.privacy.memo import memo_key
text = "what a stranger wrote"
print(hash(text), memo_key(text), hash(text.encode()), memo_key(text.encode()))
"""


def test_the_key_of_a_text_is_known_to_its_process_alone() -> None:
    env = {**os.environ, "PYTHONHASHSEED": "1"}
    outs = [
        subprocess.run(
            [sys.executable, "-c", CODE], env=env, capture_output=True, text=True, check=True, timeout=LONG_S
        ).stdout
        for _ in range(2)
    ]
    (text, key, data, data_key), (text_2, key_2, data_2, data_key_2) = (out.split() for out in outs)
    assert (text, data) == (text_2, data_2), "the hashes themselves are known"
    assert key != key_2
    assert data_key != data_key_2


def test_the_key_of_a_text_stays_the_same() -> None:
    assert memo_key("a" * 300) == memo_key("a" * 300) != memo_key("a" * 299 + "b")
    assert memo_key(b"a" * 300) == memo_key(b"a" * 300) != memo_key(b"a" * 301)
