"""The head of a response as it was written, with the details that a mapping of headers loses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tracekit.origin import pass_on

__all__ = ["HeadForm"]


@dataclass(frozen=True, slots=True)
class HeadForm:
    """The order and the casing of headers, and other unusual details of a head, without values.

    `names` are the names of all headers as they were written, with spaces between; one that comes several times is
    followed by a colon and the number of characters of its value there. It is empty for lower case and no repetition.
    `encoding` is that of the values, empty for ASCII. `reason` is None where the phrase is the status's own, and
    `version` empty for HTTP/1.1.
    """

    names: str = ""
    encoding: str = ""
    reason: str | None = None
    version: str = ""

    @classmethod
    def of(cls, headers: Sequence[tuple[str, str]], encoding: str, reason: str | None, version: str) -> HeadForm:
        """Make the form of a head with these `headers`, each as it was written."""
        counts = Counter(name.lower() for name, _ in headers)
        is_usual = all(name == name.lower() for name, _ in headers) and len(counts) == len(headers)
        names = [f"{name}:{len(value)}" if counts[name.lower()] > 1 else name for name, value in headers]
        return cls("" if is_usual else " ".join(names), "" if encoding == "ascii" else encoding, reason, version)

    @classmethod
    def read(cls, data: Any) -> HeadForm | None:
        """Read what `json` wrote; None for anything else."""
        if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
            return None
        return cls(data.get("names", ""), data.get("encoding", ""), data.get("reason"), data.get("version", ""))

    def json(self) -> dict[str, str]:
        """Return what is not usual; empty if everything is."""
        members = {"names": self.names, "encoding": self.encoding, "version": self.version}
        told = {name: value for name, value in members.items() if value}
        return told if self.reason is None else {**told, "reason": self.reason}

    def raw(self, headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
        """Return `headers`, by their names in lower case, as they were written."""
        named = self._written(headers) if self.names else list(headers.items())
        return [(self._bytes(name), self._bytes(value)) for name, value in named]

    def _written(self, headers: Mapping[str, str]) -> list[tuple[str, str]]:
        entries = [entry.partition(":") for entry in self.names.split(" ")]
        lengths: dict[str, list[int]] = {}
        for name, _, length in entries:
            lengths.setdefault(name.lower(), []).append(int(length) if length.isdecimal() and len(length) < 10 else -1)
        values = {name: _parts(value, lengths.get(name, [-1])) for name, value in headers.items()}
        # What was told of later, such as a header that was added by hand, comes last.
        order = [name for name, _, _ in entries] + [name for name in headers if name not in lengths]
        return [(name, values[name.lower()].pop(0)) for name in order if values.get(name.lower())]

    def _bytes(self, text: str) -> bytes:
        try:
            return text.encode(self.encoding or "ascii")
        except (UnicodeEncodeError, LookupError) as error:
            pass_on(error)
            return text.encode("utf-8", "surrogateescape")


def _parts(value: str, lengths: Sequence[int]) -> list[str]:
    """Split `value`, whose parts were joined by a comma; a value that was redacted meanwhile stays whole."""
    if len(value) != sum(lengths) + 2 * (len(lengths) - 1):
        return [value]
    parts, at = [], 0
    for length in lengths:
        parts.append(value[at : at + length])
        at += length + 2
    return parts
