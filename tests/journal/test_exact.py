"""Lines are read to the values that `json` reads, whatever parses them."""

from __future__ import annotations

import json

import pytest

from tracekit.journal.decode import Decoder
from tracekit.journal.lines import parsed
from tracekit.model.events import SpanEnd

VALUES = (
    "123456789012345678901234567890",
    "-123456789012345678901234567890",
    "18446744073709551616",
    "9223372036854775808",
    "0.1000000000000000055511151231257827",
    "1e16",
    "[1e-7,-0.0,5e-324]",
    r'"\ud800 \udc00"',
    '"12345678901234567890123"',
)


@pytest.mark.parametrize("text", VALUES)
def test_a_line_is_read_as_json_reads_it(text: str) -> None:
    line = f'{{"e":"end","id":"{"1" * 16}","t":1,"status":"ok","attributes":{{"x":{text}}}}}\n'.encode()
    expected = json.loads(text)
    event = Decoder().event(line)
    assert isinstance(event, SpanEnd)
    assert repr(event.attributes["x"]) == repr(expected)
    assert repr(parsed(line)["attributes"]["x"]) == repr(expected)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999", "{", "01"])
def test_what_is_no_json_is_refused(text: str) -> None:
    line = f'{{"e":"end","id":"{"1" * 16}","t":1,"status":"ok","attributes":{{"x":{text}}}}}\n'.encode()
    with pytest.raises(ValueError, match=r"."):
        Decoder().event(line)
