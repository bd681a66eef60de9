"""The judges by their names: Claude, and those that installed packages bring."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

from tracekit.errors import SettingsError
from tracekit.judges.settings import JudgeSettings
from tracekit.rules.judge import GROUP, Judge

__all__ = ["CLAUDE", "judge_called", "known_judges"]

CLAUDE = "claude"


def known_judges() -> list[str]:
    """Return the names of all judges, ours first."""
    return [CLAUDE, *sorted({entry.name for entry in entry_points(group=GROUP)} - {CLAUDE})]


def judge_called(
    settings: JudgeSettings, folder: Path, tell: Callable[[str], None], *, is_batch: bool = False
) -> Judge:
    """Return the judge that `settings` name; with `is_batch`, Claude through the Batch API.

    `folder` keeps what is known of batches; `tell` takes sentences for the user.

    Raises:
        SettingsError: There is no judge of that name, or it cannot be made of the settings.
    """
    if settings.name == CLAUDE:
        from tracekit.judges.claude import claude_judge  # noqa: PLC0415  loads the prices

        return claude_judge(settings, folder, tell, is_batch=is_batch)
    entry = next(iter(entry_points(group=GROUP, name=settings.name)), None)
    if entry is None:
        raise SettingsError(f"there is no judge {settings.name!r}; there is {', '.join(known_judges())}")
    if is_batch:
        raise SettingsError(f"--judge-batch is for the judge {CLAUDE}; the judge {settings.name} has no batches")
    try:
        judge: object = entry.load()(settings.options)
    except Exception as error:
        raise SettingsError(f"the judge {entry.name} of {entry.value} cannot be made: {error!r}") from error
    if not _is_judge(judge):
        raise SettingsError(
            f"the judge {entry.name} of {entry.value} is {judge!r}; a judge has name, version, estimate_usd and judge"
        )
    return judge  # type: ignore[return-value]  # checked above


def _is_judge(judge: object) -> bool:
    has_names = all(isinstance(getattr(judge, name, None), str) for name in ("name", "version"))
    return has_names and all(callable(getattr(judge, name, None)) for name in ("estimate_usd", "judge"))
