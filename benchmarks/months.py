"""Months of history in seconds: ten simulated minutes, really smoothed and analysed, again and again at other times.

The minutes are a keypoint script with the measured noise of the bundled model, through the stages smooth and analyze.
Each time that they are laid down they belong to another track, a little aside on the picture and with other ids, so
that no two rows are alike. Rows go in by binary COPY, as the sink writes them, with rollups due like after a real run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np

from pipeline.config.exercises import load_exercises
from pipeline.core.ids import make_id, make_track_id
from pipeline.core.records import Record, Stamp
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import I16, I64, U8
from pipeline.core.units import ANGLE_UNIT_DEG, INT16_UNSEEN, SCORE_UNIT, WORLD_UNIT_M, to_int16, units_per_pixel
from pipeline.core.values import Event, Measures, Tracks
from pipeline.database.connect import Connection
from pipeline.database.copy import PG_EPOCH_US
from pipeline.database.rows import Rows, moment, pack
from pipeline.database.write import ensure_days, write_rows
from pipeline.video.simulate.measured import MEASURED
from pipeline.video.simulate.scripts import keypoints
from stages.analyze.stage import AnalyzeStage
from stages.smooth.stage import SmoothStage

SCENES = ("gym", "ward", "street")
_DAY_US = 86_400_000_000
_COCO = SKELETONS["blazepose33"].indices(*SKELETONS["coco17"].keypoints)


@dataclass(frozen=True)
class Months:
    """How much history.

    Attributes:
        cameras: How many; they see a gym, a ward, a street, a gym again ...
        days: How many, up to and with the day before `until`.
        until: Midnight UTC.
        hours: Of people in the picture on each day, from 8:00 on.
        skeleton: blazepose33 with metres, or coco17 without.
        world: Whether metres are kept, as `history.world` has it.
        people: At once, doing the same in different places.
        segment_s: How long each person stays, and how much of the script there is.
    """

    cameras: int = 1
    days: int = 2
    until: date = date(2026, 3, 1)
    hours: float = 2.0
    fps: float = 5.0
    skeleton: str = "blazepose33"
    people: int = 1
    segment_s: int = 600
    world: bool = True

    @property
    def names(self) -> list[str]:
        """Of the cameras."""
        return [f"{SCENES[i % len(SCENES)]}{i + 1}" for i in range(self.cameras)]


@dataclass
class Template:
    """Ten minutes of one person as columns: F frames, of which N show the person.

    Attributes:
        frame_us: (F,) microseconds since the beginning.
        seen: (N,) the frames with the person.
        arrays: (N, ...) by column of the tables `poses` and `measures`, in units of storage.
        flagged: (N,) whether any keypoint has a flag.
        events: What was told.
    """

    frame_us: I64
    seen: I64
    arrays: dict[str, Any]
    flagged: Any
    events: list[Event] = field(default_factory=list)


def fill(connection: Connection, months: Months, numbers: Sequence[int]) -> int:
    """Write all of it; the number of poses. `numbers` are the cameras' numbers."""
    poses, known, repeated = 0, set[date](), set[str]()
    for rows, count in batches(months, numbers):
        ensure_days(connection, rows, known)
        with connection.transaction():
            write_rows(connection, rows, repeated)
        poses += count
    return poses


def batches(months: Months, numbers: Sequence[int], done: int = 0) -> Iterator[tuple[Rows, int]]:
    """The rows of each camera and day, days first, and how many poses they are; without the first `done`."""
    first = datetime.combine(months.until - timedelta(days=months.days), datetime.min.time(), UTC)
    start_us = round(first.timestamp() * 1e6) + 8 * 3_600_000_000
    for index in range(done, months.days * len(numbers)):
        day, i = divmod(index, len(numbers))
        template = template_of(SCENES[i % len(SCENES)], months.fps, months.skeleton, months.segment_s)
        yield _day(template, months, numbers[i], day, start_us + day * _DAY_US)


@cache
def template_of(scene: str, fps: float, skeleton: str, seconds: int) -> Template:
    """One person in such a scene for so long."""
    smooth, analyze = SmoothStage(), AnalyzeStage(None, load_exercises(["library"]))
    smoothed, analyzed = smooth.initial_state(scene), analyze.initial_state(scene)
    ids = np.array([1], np.int64)
    frames, seen, motions, measures = [], [], [], []
    events: list[Event] = []
    script = keypoints(f"sim://{scene}?people=1&seed=7&seconds={seconds}", fps, MEASURED, 7)
    for k, frame in enumerate(script):
        frames.append(frame.t_us)
        stamp = Stamp(0, scene, 1, 1, k, k, frame.t_us + 1, frame.t_us + 1, "file")
        poses = frame.poses
        if skeleton == "coco17":
            flat = poses.keypoints[:, _COCO].copy()
            flat[:, :, 2] = np.nan
            poses = replace(
                poses,
                skeleton=skeleton,
                keypoints=flat,
                keypoint_score=poses.keypoint_score[:, _COCO],
                world=np.zeros((len(poses), 0, 3), np.float32),
            )
        smoothed, (moved,) = smooth.step(smoothed, Record(stamp, Tracks(poses, ids[: len(poses)])))
        analyzed, told = analyze.step(analyzed, Record(stamp, moved))
        if len(moved.poses):
            seen.append(k)
            motions.append(moved)
            measures.append(next(value for value in told if isinstance(value, Measures)))
        events += [value for value in told if isinstance(value, Event)]
    q = units_per_pixel(moved.poses.width, moved.poses.height)
    points = to_int16(np.concatenate([m.poses.keypoints for m in motions]), 1 / q)
    boxes = to_int16(np.concatenate([m.poses.xyxy for m in motions]), 1 / q)
    flags: U8 = np.concatenate([m.flags for m in motions])
    arrays: dict[str, Any] = {
        **{name: boxes[:, i] for i, name in enumerate(("x1", "y1", "x2", "y2"))},
        **{name: points[:, :, i] for i, name in enumerate("xyz")},
        "score": to_int16(np.concatenate([m.poses.score for m in motions]), SCORE_UNIT),
        "kscore": to_int16(np.concatenate([m.poses.keypoint_score for m in motions]), SCORE_UNIT),
        "flags": flags,
        "posture_no": np.concatenate([m.posture for m in measures]).astype(np.int16),
        "angles": to_int16(np.concatenate([m.angles for m in measures]), ANGLE_UNIT_DEG),
        "scalars": np.concatenate([m.scalars for m in measures]),
        "size": (moved.poses.width, moved.poses.height, q),
    }
    if moved.poses.world.shape[1]:
        world = to_int16(np.concatenate([m.poses.world for m in motions]), WORLD_UNIT_M)
        arrays |= {name: world[:, :, i] for i, name in enumerate(("wx", "wy", "wz"))}
    return Template(np.array(frames), np.array(seen), arrays, flags.any(axis=1), events)


def _day(template: Template, months: Months, number: int, day: int, start_us: int) -> tuple[Rows, int]:
    rows, segments = Rows(), round(months.hours * 3600 / months.segment_s)
    random = np.random.default_rng([number, day])
    n, f = len(template.seen), len(template.frame_us)
    first = (start_us // _DAY_US) % 100_000 * 1000
    ids = [make_track_id(number, first + 100 * p + s + 1) for p in range(months.people) for s in range(segments)]
    begins = start_us + np.arange(segments) * months.segment_s * 1_000_000
    # A live camera's clock: not quite even.
    frame_us = begins[:, None] + template.frame_us + random.integers(0, 3000, (segments, f))
    seq = np.arange(segments)[:, None] * f + np.arange(f)
    outcomes = _outcomes(template, months, (number, day), frame_us, seq)
    rows.packed["frame_outcomes"].append(pack(outcomes, f * segments))
    rows.days = {date(1970, 1, 1) + timedelta(days=int(each)) for each in np.unique(frame_us // _DAY_US)}
    rows.minutes = {(0, number, int(minute)) for minute in np.unique(frame_us // 60_000_000)}
    frame_us, seq, begins = (_again(each, months.people) for each in (frame_us, seq, begins))
    segments *= months.people
    ts = frame_us[:, template.seen]
    aside = random.integers(-400, 400, segments)
    track = np.repeat(np.array(ids, np.int64), n)
    head = (
        *(ts.ravel() - PG_EPOCH_US, track),
        *_same(n * segments, (0, np.int32), (day + 1, np.int32)),
        seq[:, template.seen].ravel().astype(np.int32),
        *_same(n * segments, (number, np.int16)),
    )
    arrays = {name: _again(values, segments) for name, values in template.arrays.items() if name != "size"}
    for name in ("x", "x1", "x2"):
        arrays[name] = _shifted(arrays[name], np.repeat(aside, n))
    q = template.arrays["size"][2]
    skeleton = SKELETONS[months.skeleton].number
    columns: list[Any] = [
        *head,
        *_same(n * segments, (skeleton, np.int16), (q, np.int16)),
        *(arrays[name] for name in ("x1", "y1", "x2", "y2", "score", "x", "y")),
        arrays["z"] if months.skeleton != "coco17" else None,
        arrays["kscore"],
        *(arrays.get(name) if months.world else None for name in ("wx", "wy", "wz")),
        arrays["flags"],
    ]
    flagged = np.tile(template.flagged, segments)
    for some in (False, True):
        chosen = flagged == some
        piece = [column[chosen] if isinstance(column, np.ndarray) else column for column in columns]
        if not some:
            piece[-1] = None
        if chosen.any():
            rows.packed["poses"].append(pack(piece, int(chosen.sum())))
    measured = [*head, *(arrays[name] for name in ("posture_no", "angles", "scalars"))]
    rows.packed["measures"].append(pack(measured, n * segments))
    rows.tracks = [
        (0, track_id, number, moment(int(times[0])), moment(int(times[-1])))
        for track_id, times in zip(ids, ts, strict=True)
    ]
    for track_id, begin in zip(ids, begins.tolist(), strict=True):
        _tell(rows, template, number, track_id, begin)
    return rows, n * segments


def _outcomes(template: Template, months: Months, whose: tuple[int, int], frame_us: I64, seq: I64) -> list[Any]:
    """The columns of the outcomes of all frames of a day."""
    (number, day), (width, height, _) = whose, template.arrays["size"]
    people = np.zeros(frame_us.shape, np.int16)
    people[:, template.seen] = months.people
    return [
        frame_us.ravel() - PG_EPOCH_US,
        *_same(frame_us.size, (0, np.int32), (day + 1, np.int32)),
        seq.ravel().astype(np.int32),
        *_same(frame_us.size, (number, np.int16)),
        people.ravel(),
        *_same(frame_us.size, (width, np.int16), (height, np.int16)),
        *("stored", None, None),
    ]


def _tell(rows: Rows, template: Template, number: int, track_id: int, begin_us: int) -> None:
    """The events of one segment, somebody at the till meanwhile, and an incident for each fall."""

    def event(kind: str, label: str, at_us: int, end_us: int | None, value: float | None, payload: str) -> None:
        event_id = make_id("event", number, track_id, kind, label, at_us)
        end = None if end_us is None else moment(end_us)
        rows.events.append((moment(at_us), end, event_id, value, track_id, 0, number, kind, label, payload))
        if kind == "fall" and end is None:
            incident = make_id("incident", event_id)
            for version, state, after in ((1, "new", 0), (2, "end", 30_000_000)):
                at = moment(at_us + after)
                ids = (incident, event_id, track_id, 0, version, number)
                words = ("fall", "critical", state, "a person fell", "{}")
                rows.steps.append((at, moment(at_us), at if state == "end" else None, *ids, *words))

    for told in template.events:
        end_us = None if told.end_us is None else begin_us + told.end_us
        payload = json.dumps({name: None if value != value else value for name, value in told.evidence.items()})
        event(told.kind, told.label, begin_us + told.at_us, end_us, told.value, payload)
    length_us = int(template.frame_us[-1])
    stayed_s = round(0.3 * length_us / 1e6, 3)
    for label, share, value in (
        ("enter", 0.1, None),
        ("count", 0.1, 1.0),
        ("leave", 0.4, stayed_s),
        ("count", 0.4, 0.0),
    ):
        event("zone", f"till:{label}", begin_us + round(share * length_us), None, value, "{}")


def _same(n: int, *constants: tuple[int, type]) -> list[Any]:
    return [np.full(n, value, kind) for value, kind in constants]


def _again(values: Any, times: int) -> Any:
    return np.tile(values, (times, *(1,) * (values.ndim - 1)))


def _shifted(values: I16, by: I64) -> I16:
    """Moved aside, but for what is not seen."""
    moved = values.astype(np.int32) + by.reshape(-1, *(1,) * (values.ndim - 1))
    shifted: I16 = np.where(values == INT16_UNSEEN, INT16_UNSEEN, moved).astype(np.int16)
    return shifted
