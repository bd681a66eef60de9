"""The folder of journals: ``TRACEKIT_HOME``, or the platform's folder for user data. For the user alone."""

from __future__ import annotations

import os
from pathlib import Path

from tracekit.errors import HomeError
from tracekit.origin import pass_on

__all__ = ["HOME_VARIABLE", "home", "make_day_folder", "make_home", "received_folder", "received_path", "runs_folder"]

HOME_VARIABLE = "TRACEKIT_HOME"


def home() -> Path:
    """Return the folder for journals and the store, which may not exist yet.

    Raises:
        HomeError: The user has no home folder that it could be in.
    """
    configured = os.environ.get(HOME_VARIABLE)
    try:
        if configured:
            return Path(configured).expanduser().absolute()
        from platformdirs import user_data_path  # noqa: PLC0415  only where the variable does not say

        folder = user_data_path("tracekit", appauthor=False)
    except RuntimeError as error:
        pass_on(error)
        folder = Path()
    if folder.is_absolute():
        return folder
    raise HomeError(
        f"there is no folder for journals: HOME is not set, and the system knows no user of the id {os.getuid()}; "
        f"set {HOME_VARIABLE} to a folder that you can write to"
    )


def runs_folder() -> Path:
    """The folder that holds a folder of journals for each day."""
    return home() / "runs"


def received_folder() -> Path:
    """The folder with the spans that were received, from which journals are made."""
    return home() / "received"


def received_path(trace: str) -> Path:
    """The file for the spans of `trace` that were received."""
    return received_folder() / trace[:2] / f"{trace}.jsonl"


def make_home() -> Path:
    """The folder for journals, made if it is missing.

    Raises:
        HomeError: It is a file, or cannot be made.
    """
    folder = home()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        pass_on(error)
        raise HomeError(
            f"{HOME_VARIABLE}={folder} is a file, or lies below one; journals need a folder: set {HOME_VARIABLE} to one"
        ) from error
    except OSError as error:
        pass_on(error)
        raise HomeError(
            f"the folder for journals cannot be made: {folder}: {error.strerror}; set {HOME_VARIABLE} to a folder that "
            "you can write to"
        ) from error
    return folder


def make_day_folder(day: str) -> Path:
    """The folder for the journals of `day`, made if it is missing.

    Raises:
        HomeError: The folder for journals is a file, or cannot be made.
        OSError: A folder in it cannot be made.
    """
    make_home()
    folder = runs_folder() / day
    # One by one: `parents` would make those above with the user's default mode.
    for each in (folder.parent, folder):
        each.mkdir(mode=0o700, exist_ok=True)
    return folder
