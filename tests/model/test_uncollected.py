"""Work without the search for cycles: what is switched off is on again, and what a program froze stays frozen."""

import gc

import pytest

from tracekit.model.uncollected import _Process, uncollected


def test_the_search_is_off_meanwhile_and_as_before_after_that() -> None:
    with uncollected():
        assert not gc.isenabled()
        with uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled(), "the outer block is not over"
    assert gc.isenabled()
    with pytest.raises(LookupError), uncollected():
        raise LookupError
    assert gc.isenabled()


def test_what_a_program_has_frozen_stays_so_and_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python counts frozen objects one by one: 200,000 take as long as reading a small run."""
    counted: list[int] = []
    count = gc.get_freeze_count

    def counting() -> int:
        counted.append(count())
        return counted[-1]

    monkeypatch.setattr(gc, "get_freeze_count", counting)
    monkeypatch.setattr(_Process, "has_frozen", False)
    gc.freeze()
    for _ in range(3):
        with uncollected():
            pass
    assert len(counted) == 1
    assert count() > 0


def test_nothing_is_left_frozen_where_nothing_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gc, "get_freeze_count", lambda: 0)
    monkeypatch.setattr(_Process, "has_frozen", False)
    done: list[str] = []
    monkeypatch.setattr(gc, "freeze", lambda: done.append("freeze"))
    monkeypatch.setattr(gc, "unfreeze", lambda: done.append("unfreeze"))
    with uncollected():
        pass
    assert done == ["freeze", "unfreeze"]
