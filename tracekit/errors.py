"""The exceptions of tracekit, as one tree.

TracekitError
├── FilterError          a filter of runs cannot be understood
├── HomeError            the folder for journals cannot be used
├── JournalError         a journal file cannot be read
│   └── NewerJournalError    it was written by a newer tracekit
├── JudgeError           the judge of `check --judge` cannot be asked
├── LakeError            a lake of many hosts cannot be read or written
├── OtlpError            spans cannot be sent to a collector
├── OutputError          a file that a command writes cannot be written
├── PricesError          the user's own price table cannot be read
├── RunNotFoundError     a run's id, prefix or name matches nothing
├── AmbiguousRunError    it matches several runs
├── SecretsError         a recording that is to be exported holds what looks like a credential
├── SettingsError        a file of settings cannot be read or used
├── SourceError          another tool's record cannot be imported
├── StoreError           the store cannot be used
│   ├── DamagedStoreError    it is cut, or is no store
│   ├── NewerStoreError      a newer tracekit or DuckDB wrote it
│   ├── RowsError            it cannot take what a run says
│   └── StoreBusyError       somebody else holds it
├── QueryError           a query is wrong, or would write
└── UnsupportedSdkError  the installed anthropic lacks what tracekit reads
"""

from __future__ import annotations

__all__ = [
    "AmbiguousRunError",
    "DamagedStoreError",
    "FilterError",
    "HomeError",
    "JournalError",
    "JudgeError",
    "LakeError",
    "NewerJournalError",
    "NewerStoreError",
    "OtlpError",
    "OutputError",
    "PricesError",
    "QueryError",
    "RowsError",
    "RunNotFoundError",
    "SecretsError",
    "SettingsError",
    "SourceError",
    "StoreBusyError",
    "StoreError",
    "TracekitError",
    "UnsupportedSdkError",
]


class TracekitError(Exception):
    """Base of every error that tracekit raises on purpose. Its text says what happened and what would work."""


class FilterError(TracekitError):
    """A filter of runs cannot be understood: a key, a comparison or a value is wrong."""


class HomeError(TracekitError):
    """The folder for journals (``TRACEKIT_HOME``) is missing, is a file, or cannot be read."""


class JournalError(TracekitError):
    """A journal file cannot be read."""


class NewerJournalError(JournalError):
    """A journal file was written by a newer version of tracekit than this one."""


class JudgeError(TracekitError):
    """A judge cannot be asked: its key is missing or refused, its model is unknown, or its price is."""


class LakeError(TracekitError):
    """A lake cannot be used: it is none, a file is damaged, or a library is missing."""


class OtlpError(TracekitError):
    """Spans cannot be sent: the collector refuses them, does not answer, or a variable of its exporter makes no sense."""


class OutputError(TracekitError):
    """An output file cannot be written: its folder is missing or not ours, or the disk is full."""


class PricesError(TracekitError):
    """The user's own price table cannot be read."""


class RunNotFoundError(TracekitError):
    """A run's id, prefix, name or file matches nothing."""


class AmbiguousRunError(TracekitError):
    """A run's prefix matches several runs."""


class SecretsError(TracekitError):
    """A recording that is to be exported holds what looks like a credential."""


class SettingsError(TracekitError):
    """A file of settings cannot be read, or says what cannot be meant."""


class SourceError(TracekitError):
    """A record of another tool cannot be imported: it is missing, unreadable or of no known kind."""


class UnsupportedSdkError(TracekitError):
    """The installed anthropic SDK lacks a point that tracekit hooks into."""


class StoreError(TracekitError):
    """The store cannot be used."""


class DamagedStoreError(StoreError):
    """The store's file is cut or overwritten, or is another program's."""


class NewerStoreError(StoreError):
    """The store was written by a newer version of tracekit, or of DuckDB, than this one."""


class RowsError(StoreError):
    """The rows of one run cannot be put into the store."""


class StoreBusyError(StoreError):
    """Somebody else holds the store, and did not let go of it in time."""


class QueryError(TracekitError):
    """A query is wrong, or would write."""


class ReplayError(TracekitError):
    """A recording cannot be replayed, or this program cannot replay one. `tracekit replay` exits with 125."""


class ReplayDivergence(BaseException):
    """The program left the recording. Its text is the report.

    It is no `Exception`, so that a program that catches those does not go on as if nothing had happened.
    """


class ReplayImpossible(BaseException):
    """The program does what no replay can follow, such as running its tasks on uvloop."""
