"""The failure of a replay in one process: the first divergence, or the reason why it is impossible."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tracekit.errors import ReplayDivergence, ReplayError, ReplayImpossible
from tracekit.replayer.divergence import Divergence

__all__ = ["ReplayFailure"]


class ReplayFailure:
    """Keeps the first divergence, or the first reason why the replay is impossible. `tell` is called with it, once.

    `when_refused` is called with how often the program asked on after that; `extra` is what the program asked after all
    that was recorded, when the recording had not ended yet.
    """

    def __init__(self, tell: Callable[[Divergence | str], None] | None = None) -> None:
        self.divergence: Divergence | None = None
        self.impossible = ""
        self.extra = ""
        self.when_refused: Callable[[int], None] = lambda _: None
        self._refusals = 0
        self._tell = tell or (lambda _: None)

    @property
    def is_good(self) -> bool:
        """Return whether nothing has gone wrong so far."""
        return self.divergence is None and not self.impossible

    def leave(self, divergence: Divergence) -> ReplayDivergence:
        """The program has left the recording. Return what to raise: the first divergence stands for all."""
        if self.divergence is None:
            self.divergence = divergence.after_extra(self.extra)
            self._tell(self.divergence)
        return ReplayDivergence(str(self.divergence))

    def cannot(self, why: str) -> ReplayImpossible:
        """The program cannot be replayed. Return what to raise."""
        if not self.impossible:
            self.impossible = why
            self._tell(why)
        return ReplayImpossible(self.impossible)

    def raise_again(self) -> None:
        """Raise what was raised before, so that a program that swallowed it gets nothing more.

        Raises:
            ReplayImpossible: The program cannot be replayed.
            ReplayDivergence: It has left the recording.
        """
        if not self.is_good:
            self._refusals += 1
            self.when_refused(self._refusals)
        if self.impossible:
            raise ReplayImpossible(self.impossible)
        if self.divergence is not None:
            raise ReplayDivergence(str(self.divergence))

    @contextmanager
    def comparing(self) -> Iterator[None]:
        """Stop the replay if a request cannot be compared with the recording.

        Raises:
            ReplayImpossible: It cannot.
        """
        try:
            yield
        except ReplayError as error:
            raise self.cannot(str(error)) from None
