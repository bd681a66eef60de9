"""Every real exchange that we have, recorded and replayed: the SDK gives the same objects."""

import warnings
from pathlib import Path
from typing import Any

import pytest

from tests.instrument.test_real_exchanges import DATA, ask_all, ask_all_async, called, posted, real, respond
from tests.support.replays import Watched, record, replay_of, untouched

pytestmark = [
    pytest.mark.skipif(not DATA.exists(), reason=f"the recorded exchanges are not on this machine: {DATA}"),
    pytest.mark.filterwarnings("ignore:The model:DeprecationWarning"),
]


@pytest.mark.parametrize("how", [posted, called], ids=["post", "method"])
@pytest.mark.parametrize("ask_them", [ask_all, ask_all_async], ids=["sync", "async"])
@pytest.mark.slow
def test_the_same_objects(ask_them: Any, how: Any, home: Path) -> None:
    with warnings.catch_warnings(), Watched(respond) as claude:
        warnings.simplefilter("ignore", DeprecationWarning)
        seen, run = record(lambda: ask_them(claude.url, how))
        with untouched(claude):
            again, replay = replay_of(run, lambda: ask_them(claude.url, how))
    assert len(seen) == len(real()) > 480
    assert len(run.exchanges) >= len(real()) - 20
    for number, (was, is_now) in enumerate(zip(seen, again, strict=True)):
        assert is_now == was, number
    assert replay.mode == "followed"
