"""What can go wrong, as one tree.

TracekitError
├── HomeError            the folder for journals cannot be used
├── JournalError         a journal file cannot be read
│   └── NewerJournalError    it was written by a newer tracekit
├── PricesError          the user's own price table cannot be read
├── RunNotFoundError     a run's id, prefix or name matches nothing
├── AmbiguousRunError    it matches several runs
└── UnsupportedSdkError  the installed anthropic lacks what tracekit reads
"""

from __future__ import annotations

__all__ = [
    "AmbiguousRunError",
    "HomeError",
    "JournalError",
    "NewerJournalError",
    "PricesError",
    "RunNotFoundError",
    "TracekitError",
    "UnsupportedSdkError",
]


class TracekitError(Exception):
    """Base of every error that tracekit raises on purpose. Its text says what happened and what would work."""


class HomeError(TracekitError):
    """The folder for journals (``TRACEKIT_HOME``) is missing, is a file, or cannot be read."""


class JournalError(TracekitError):
    """A journal file cannot be read."""


class NewerJournalError(JournalError):
    """A journal file was written by a newer version of tracekit than this one."""


class PricesError(TracekitError):
    """The user's own price table cannot be read."""


class RunNotFoundError(TracekitError):
    """A run's id, prefix, name or file matches nothing."""


class AmbiguousRunError(TracekitError):
    """A run's prefix matches several runs."""


class UnsupportedSdkError(TracekitError):
    """The installed anthropic SDK lacks a point that tracekit hooks into."""
