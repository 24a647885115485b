"""What `posebus top` shows where there is no broker: cameras out of the database."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from pipeline.cli.overview import DROPS_S, RATE_S, CameraRow, Picture, StageRow
from pipeline.core.cameras import CameraSpec, CameraStatus
from pipeline.core.errors import PosebusError
from pipeline.database import Database
from pipeline.database.query import Row

_RESTS_S = 1.0
"""Results rest after so long: rates end there, or the last second would lack some."""
_BACK_S = _RESTS_S + RATE_S

# One row of each camera that has results, and one for each reason of its dropped frames.
_LATELY = f"""
SELECT camera, outcome, stage, reason, count(*),
       count(*) FILTER (WHERE now() - ts >= interval '{_RESTS_S:g} s' AND now() - ts < interval '{_BACK_S:g} s'),
       extract(epoch FROM now() - max(ts))::float8,
       (array_agg(people ORDER BY ts DESC) FILTER (WHERE now() - ts < interval '{_BACK_S:g} s'))[1]
FROM frame_outcomes WHERE ts > now() - interval '{DROPS_S:g} s' GROUP BY 1, 2, 3, 4
"""


class DatabaseWatching:
    """Asks the database every second, on a thread of its own, until it is closed.

    Args:
        database: Answered when it was opened; closed by whoever opened it.
        stages: Gives what the stages do, where their metrics are at hand; waits for them briefly.
    """

    wait_s = 2.0
    """What cameras do rests; what stages do is told by two looks."""

    def __init__(self, database: Database, stages: Callable[[], Sequence[StageRow]], *, every_s: float = 1.0) -> None:
        self._database = database
        self._stages = stages
        self._every_s = every_s
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._picture = Picture((), (), None)
        self._problem: tuple[str, float] | None = None
        self.ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watching", daemon=True)
        self._thread.start()

    def picture(self) -> Picture:
        """How it was when the database last answered, and for how long it has not."""
        with self._lock:
            picture, problem = self._picture, self._problem
        told = problem and f"{problem[0]} (for {time.monotonic() - problem[1]:.0f} s)"
        return Picture(picture.workers, picture.cameras, told, picture.stages)

    def close(self) -> None:
        """Ask no more; a question that waits for the database is left behind."""
        self._stop.set()
        self._thread.join(2.0)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                cameras = self._database.cameras()
                rows = camera_rows(
                    cameras.cameras(), cameras.statuses(), self._database.query(_LATELY).rows, time.time_ns() // 1000
                )
                stages = self._stages()
            except PosebusError as error:
                with self._lock:
                    since = self._problem[1] if self._problem is not None else time.monotonic()
                    self._problem = error.message, since
            else:
                with self._lock:
                    self._picture, self._problem = Picture((), rows, None, stages), None
                self.ready.set()
            self._stop.wait(self._every_s)


def camera_rows(
    specs: Sequence[CameraSpec], statuses: Sequence[CameraStatus], lately: Sequence[Row], now_us: int
) -> list[CameraRow]:
    """The cameras of the registry, and others of which something was heard in the last minute, by name.

    Args:
        lately: Of the last minute: camera, outcome, stage, reason, frames, those of the last seconds, seconds since the
            newest one, people in it.
        now_us: Microseconds since the epoch.
    """
    paused = {spec.name for spec in specs if spec.paused}
    known = {status.name: status for status in statuses}
    stored: dict[str, Row] = {}
    dropped: dict[str, Counter[str]] = {}
    for row in lately:
        camera, outcome, stage, reason, frames = row[:5]
        if outcome == "stored":
            stored[camera] = row
        else:
            dropped.setdefault(camera, Counter())[f"{stage}: {reason}"] += frames
    heard = {name for name, status in known.items() if now_us - status.at_us < DROPS_S * 1e6}
    names = {spec.name for spec in specs} | heard | stored.keys() | dropped.keys()
    return [
        _row(name, known.get(name), name in paused, stored.get(name), dropped.get(name, {}), now_us)
        for name in sorted(names)
    ]


def _row(
    name: str, status: CameraStatus | None, paused: bool, stored: Row | None, dropped: Mapping[str, int], now_us: int
) -> CameraRow:
    people = None if stored is None else stored[7]
    if status is None:  # recorded: its time says nothing about now
        return CameraRow(name, "paused" if paused else "", None, None, None, people, dict(sorted(dropped.items())))
    heard_s = max(now_us - status.at_us, 0) / 1e6
    age_s = None if status.age_ms is None else status.age_ms / 1000 + heard_s
    return CameraRow(
        name,
        "paused" if paused else status.state,
        0.0 if stored is None else stored[5] / RATE_S,
        age_s if stored is None else max(stored[6], 0.0),
        None if paused or status.state == "paused" else heard_s,
        people,
        dict(sorted(dropped.items())),
    )
