"""Find commands that start a program with another environment than ours, which would not be closed.

Only the standard library is needed here, since closed child processes load this module as they start.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import dropwhile
from typing import Any, Final

from tracekit.replayer.environment import CLOSED_VARIABLES

__all__ = ["own_environment"]

_SHELLS: Final = frozenset(("sh", "bash", "dash", "zsh", "ksh", "busybox"))
_OTHER_USERS: Final = frozenset(("sudo", "su", "doas", "runuser", "systemd-run"))
"""Programs that start another one with the environment of another user, or with a fresh one."""

_CARRIERS: Final = frozenset(
    ("exec", "nohup", "time", "nice", "timeout", "xargs", "setsid", "command", "then", "do", "else")
)
"""Words of a shell after which a command may stand."""

_PROXY_OPTIONS: Final = {
    "curl": ("--noproxy", "--proxy", "-x", "--preproxy", "--socks5", "--socks5-hostname"),
    "wget": ("--no-proxy",),
}
_SETTERS: Final = frozenset(("export", "unset", "declare", "env"))
_ASSIGNMENT = re.compile(r"(\w+)=")
_NUMBER = re.compile(r"[\d.]+[smhd]?")


def own_environment(command: Any) -> str:
    """Return the part of `command`, a shell's text or a list of arguments, that leaves our environment; else ""."""
    if isinstance(command, (list, tuple)):
        return _of_arguments([os.fsdecode(each) for each in command if isinstance(each, (str, bytes, os.PathLike))])
    return _of_text(os.fsdecode(command)) if isinstance(command, (str, bytes, os.PathLike)) else ""


def _of_arguments(arguments: Sequence[str]) -> str:
    if not arguments:
        return ""
    name = os.path.basename(arguments[0])  # noqa: PTH119  an argument may be no path at all
    if name in _SHELLS:
        at = next((at for at, each in enumerate(arguments) if at and re.fullmatch(r"-\w*c", each)), 0)
        return _of_text(arguments[at + 1]) if 0 < at < len(arguments) - 1 else ""
    return _of_command(name, arguments[1:])


def _of_text(text: str) -> str:
    return next(filter(None, map(_of_words, _commands(text))), "")


def _of_words(words: Sequence[str]) -> str:
    """Return the words of a simple shell command that leave our environment, or ""."""
    words = list(dropwhile(lambda word: word in _CARRIERS or _NUMBER.fullmatch(word), words))
    changed = [word for word in words if _sets(word)]
    if words and words[0] in _SETTERS and any(_sets(f"{word}=") for word in words[1:]):
        changed = words
    if changed:
        return " ".join(changed)
    return _of_arguments(list(dropwhile(_ASSIGNMENT.match, words)))


def _sets(word: str) -> bool:
    match = _ASSIGNMENT.match(word)
    return match is not None and match[1] in CLOSED_VARIABLES


def _commands(text: str) -> Iterator[list[str]]:
    """Split a shell's text into its simple commands."""
    lexer = shlex.shlex(text.replace("\n", ";"), posix=True, punctuation_chars="();<>|&{}`")
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    try:
        for word in lexer:
            if set(word) <= set("();|&{}`"):
                yield words
                words = []
            else:
                words.append(word)
    except ValueError:
        # An open quotation: the shell refuses it, too.
        pass
    yield words


def _of_command(name: str, options: Sequence[str]) -> str:
    if name in _OTHER_USERS:
        return " ".join([name, *options[:1]])
    if name == "env":
        return _of_env(options)
    given = [each for each in options if each.partition("=")[0] in _PROXY_OPTIONS.get(name, ())]
    return f"{name} {given[0]}" if given else ""


def _of_env(options: Sequence[str]) -> str:
    for at, option in enumerate(options):
        if option in ("-", "-i", "--ignore-environment") or (re.fullmatch(r"-\w*i\w*", option)):
            return f"env {option}"
        if option.startswith(("-u", "--unset")) or _sets(option):
            return " ".join(["env", *options[at : at + 2]])
        if not option.startswith("-") and "=" not in option:
            return _of_arguments(options[at:])
    return ""
