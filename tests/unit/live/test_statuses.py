"""How cameras are is kept by a thread of its own, in order, also after the place where it rests was away."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from pipeline.core.cameras import CameraStatus
from pipeline.core.errors import SinkUnavailable
from pipeline.runners.statuses import StatusKeeper


def status(state: str, at_us: int, name: str = "hall") -> CameraStatus:
    return CameraStatus(name, 1, at_us, state, "", 10.0, 5, 0)


def test_states_are_kept_in_order_and_repeats_give_way_to_the_newest() -> None:
    kept: list[CameraStatus] = []
    entered: list[str] = []
    with StatusKeeper(kept.extend, lambda each: entered.append(each.state)) as keeper:
        for each in (status("live", 1), status("live", 2), status("waiting", 3), status("live", 4)):
            keeper.put(each)

    assert kept == [status("live", 2), status("waiting", 3), status("live", 4)]
    assert entered == ["live", "waiting", "live"]


def test_what_could_not_be_kept_is_kept_later() -> None:
    kept: list[CameraStatus] = []
    away = threading.Event()

    def note(statuses: Sequence[CameraStatus]) -> None:
        if not away.is_set():
            away.set()
            raise SinkUnavailable("away")
        kept.extend(statuses)

    with StatusKeeper(note) as keeper:
        keeper.put(status("live", 1))
        assert away.wait(10)
        keeper.put(status("waiting", 2))
        until = time.monotonic() + 10
        while len(kept) < 2 and time.monotonic() < until:
            time.sleep(0.05)

    assert kept == [status("live", 1), status("waiting", 2)]
