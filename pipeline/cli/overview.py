"""What `posebus top` shows: records and backlogs of an installation, folded into a picture of it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pipeline.core.records import Dropped, Record, Tick

RATE_S = 5.0
"""Rates are means over the last seconds, so many."""
DROPS_S = 60.0
"""Drops are counted over so many seconds."""


class GroupBacklog(Protocol):
    """What a group has not committed of a partition (`pipeline.bus.kafka.Backlog`)."""

    @property
    def group(self) -> str:
        """Name of the group."""
        ...

    @property
    def topic(self) -> str:
        """The topic that it reads."""
        ...

    @property
    def committed(self) -> int | None:
        """The next offset that it will read."""
        ...

    @property
    def end(self) -> int:
        """The offset of the next record to come."""
        ...

    @property
    def records(self) -> int:
        """How many it is behind."""
        ...


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """One group of workers on one topic.

    Attributes:
        members: Processes in the group; None where nobody asked.
        behind, most: Records not taken in for good; those of the partition that has most.
        taken, coming: Records a second that it takes, and that are written; None before two looks.
    """

    group: str
    topic: str
    members: int | None
    behind: int
    most: int
    taken: float | None
    coming: float | None


@dataclass(frozen=True, slots=True)
class CameraRow:
    """One camera.

    Attributes:
        state: What its ticks say, empty before the first.
        fps: Frames a second that come out of `smooth`, dropped ones left out; None where that cannot be said.
        age_s: Since the newest picture arrived from a live camera; None for a recorded one.
        silent_s: Since its last record was read here; None where that was written before the watching began.
        people: In the newest frame; None where none was seen yet.
        dropped: Frames given up in the last minute, by `stage: reason`.
    """

    camera: str
    state: str
    fps: float | None
    age_s: float | None
    silent_s: float | None
    people: int | None
    dropped: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class StageRow:
    """One stage of the one process of an installation without a broker.

    Attributes:
        fps: Frames a second, of all cameras; None before two looks.
        ms: Milliseconds that it takes for one; None where it had none.
    """

    stage: str
    fps: float | None
    ms: float | None


@dataclass(frozen=True, slots=True)
class Picture:
    """All of it at one moment."""

    workers: Sequence[WorkerRow]
    cameras: Sequence[CameraRow]
    problem: str | None
    stages: Sequence[StageRow] = ()


@dataclass(slots=True)
class _Camera:
    state: str = ""
    people: int | None = None
    arrived_at_us: int | None = None
    heard_s: float | None = None
    frames: deque[float] = field(default_factory=deque)
    drops: deque[tuple[float, str]] = field(default_factory=deque)


@dataclass(slots=True)
class _Totals:
    """Offsets of one group on one topic, summed over partitions, at one look."""

    at_s: float
    committed: int
    end: int


class Overview:
    """Folds what is read into a picture. Times are monotonic seconds, but for those that say otherwise.

    Args:
        started_s: When the watching began. Rates count from there.
    """

    def __init__(self, started_s: float) -> None:
        self._started_s = started_s
        self._cameras: dict[str, _Camera] = {}
        self._backlogs: list[GroupBacklog] = []
        self._members: Mapping[str, int] = {}
        self._looks: dict[tuple[str, str], deque[_Totals]] = {}
        self._problem: tuple[str, float] | None = None

    def took(self, record: Record[Any], now_s: float, *, new: bool = True) -> None:
        """A record of `motions` was read.

        Args:
            new: It was written since the watching began; an older one tells of the camera, and counts nowhere.
        """
        camera = self._cameras.setdefault(record.stamp.camera, _Camera())
        if new:
            camera.heard_s = now_s
        value, stamp = record.value, record.stamp
        if isinstance(value, Tick):
            camera.state = value.state
            return
        if stamp.clock != "file":
            camera.arrived_at_us = max(stamp.arrived_at_us, camera.arrived_at_us or 0)
        if isinstance(value, Dropped):
            if new:
                camera.drops.append((now_s, f"{value.stage}: {value.reason}"))
            return
        camera.people = len(value.track_id)
        if new:
            camera.frames.append(now_s)

    def looked(self, backlogs: Sequence[GroupBacklog], members: Mapping[str, int], now_s: float) -> None:
        """The cluster said how far each group is."""
        self._problem = None
        self._backlogs, self._members = list(backlogs), members
        sums: dict[tuple[str, str], _Totals] = {}
        for each in backlogs:
            totals = sums.setdefault((each.group, each.topic), _Totals(now_s, 0, 0))
            # Before its first commit a group has taken nothing of what lies there.
            totals.committed += each.committed if each.committed is not None else each.end - each.records
            totals.end += each.end
        for key, totals in sums.items():
            looks = self._looks.setdefault(key, deque())
            if looks and (totals.committed < looks[-1].committed or totals.end < looks[-1].end):
                looks.clear()  # the topic was made anew
            looks.append(totals)
            while looks[0].at_s < now_s - RATE_S and len(looks) > 2:
                looks.popleft()

    def failed(self, what: str, now_s: float) -> None:
        """The cluster did not answer."""
        since = self._problem[1] if self._problem is not None else now_s
        self._problem = what, since

    def picture(self, now_s: float, now_us: int) -> Picture:
        """All of it now.

        Args:
            now_us: Microseconds since the epoch.
        """
        problem = self._problem and f"{self._problem[0]} (for {now_s - self._problem[1]:.0f} s)"
        cameras = [self._camera_row(name, now_s, now_us) for name in sorted(self._cameras)]
        return Picture(self._worker_rows(), cameras, problem)

    def _camera_row(self, name: str, now_s: float, now_us: int) -> CameraRow:
        camera = self._cameras[name]
        while camera.frames and camera.frames[0] <= now_s - RATE_S:
            camera.frames.popleft()
        while camera.drops and camera.drops[0][0] <= now_s - DROPS_S:
            camera.drops.popleft()
        # Over what was watched of it: a first second is not a fifth of the rate.
        watched_s = min(max(now_s - self._started_s, 1.0), RATE_S)
        age_us = None if camera.arrived_at_us is None else max(now_us - camera.arrived_at_us, 0)
        return CameraRow(
            name,
            camera.state,
            len(camera.frames) / watched_s,
            None if age_us is None else age_us / 1e6,
            None if camera.heard_s is None else now_s - camera.heard_s,
            camera.people,
            dict(sorted(Counter(reason for _, reason in camera.drops).items())),
        )

    def _worker_rows(self) -> list[WorkerRow]:
        behind: dict[tuple[str, str], list[int]] = {}
        for each in self._backlogs:
            behind.setdefault((each.group, each.topic), []).append(each.records)
        rows = []
        for (group, topic), records in sorted(behind.items()):
            looks = self._looks[group, topic]
            first, last = looks[0], looks[-1]
            took_s = last.at_s - first.at_s
            rates = (
                ((last.committed - first.committed) / took_s, (last.end - first.end) / took_s)
                if took_s > 0
                else (None, None)
            )
            rows.append(WorkerRow(group, topic, self._members.get(group), sum(records), max(records), *rates))
        return rows
