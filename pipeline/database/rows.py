"""Records as rows: what a batch of records puts into each table. Only the records decide; no clock, no sequence."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.core.errors import InvalidRecord
from pipeline.core.records import Dropped, Record, Stamp, Tick
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32, I64
from pipeline.core.units import ANGLE_UNIT_DEG, SCORE_UNIT, WORLD_UNIT_M, to_int16, units_per_pixel
from pipeline.core.values import DeadLetter, Event, Measures, Motions, Poses, Transition
from pipeline.database.copy import PG_EPOCH_US, Column, pack

Row = tuple[Any, ...]

COLUMNS: Mapping[str, str] = {
    "poses": "ts, track_id, run, session, frame_no, camera_no, skeleton_no, q, x1, y1, x2, y2, score,"
    " x, y, z, kscore, wx, wy, wz, flags",
    "measures": "ts, track_id, run, session, frame_no, camera_no, posture_no, angles, scalars",
    "frame_outcomes": "ts, run, session, frame_no, camera_no, people, width, height, outcome, stage, reason",
}
"""The tables that are filled by COPY, and the order of their columns."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_US = 86_400_000_000
_MINUTE_US = 60_000_000
_LONGEST_FRAME_US = 1_000_000
"""What a frame counts at most in the rollups (0006_rollups.sql)."""


@dataclass(slots=True)
class Rows:
    """The rows of a batch of records.

    Attributes:
        packed: By table of COLUMNS, pieces of binary COPY.
        days: Days (UTC) of the packed rows.
        minutes: (run, camera_no, minutes since 1970) of poses and measures: what the rollups have to take up.
        tracks: (run, track_id, camera_no, first_us, last_us), in order.
        events, steps, letters: One row each, see `pipeline.database.write`.
    """

    packed: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    days: set[date] = field(default_factory=set)
    minutes: set[tuple[int, int, int]] = field(default_factory=set)
    tracks: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    steps: list[Row] = field(default_factory=list)
    letters: list[Row] = field(default_factory=list)


def rows_of(records: Sequence[Record[Any]], *, world: bool = True) -> Rows:
    """All rows of these records, with or without the metres of keypoints.

    Motions give their poses and a `stored` frame, Dropped a `dropped` frame, Measures their rows (their events come
    as records of their own), Event, Transition and DeadLetter a row each, Tick nothing.

    Raises:
        InvalidRecord: A number does not fit its column.
        TypeError: A value that no table is for.
    """
    by_type: dict[type, list[Record[Any]]] = defaultdict(list)
    for record in records:
        by_type[type(record.value)].append(record)
    rows = Rows()
    if motions := by_type.pop(Motions, []):
        _motions(rows, motions, world=world)
    if measures := by_type.pop(Measures, []):
        if not motions:
            _tracks(rows, measures)  # a replay that begins behind smooth has no motions of its own
        _measures(rows, measures)
    if dropped := by_type.pop(Dropped, []):
        _dropped(rows, dropped)
    rows.events += [_event(r.stamp, r.value) for r in by_type.pop(Event, [])]
    rows.steps += [_step(r.stamp, r.value) for r in by_type.pop(Transition, [])]
    rows.letters += [_letter(r.stamp, r.value) for r in by_type.pop(DeadLetter, [])]
    by_type.pop(Tick, None)
    if by_type:
        raise TypeError(f"no table is for {', '.join(sorted(kind.__name__ for kind in by_type))}")
    return rows


class _Stamps:
    """The stamps of some records as columns, one entry for each of `counts` rows a record."""

    def __init__(self, records: Sequence[Record[Any]], counts: Sequence[int] | None = None) -> None:
        stamps = [record.stamp for record in records]
        repeats = np.ones(len(stamps), np.int64) if counts is None else np.array(counts, np.int64)
        self._camera = stamps[0].camera
        self.at_us: I64 = np.repeat(self._ints([s.captured_at_us for s in stamps], np.int64, "captured_at"), repeats)
        self.run, self.session, self.frame_no, self.camera_no = (
            np.repeat(self._ints([getattr(s, name) for s in stamps], kind, name), repeats)
            for name, kind in (("run", np.int32), ("session", np.int32), ("seq", np.int32), ("camera_no", np.int16))
        )
        self.ts: I64 = self.at_us - PG_EPOCH_US

    def _ints(self, values: Sequence[int], kind: type[np.signedinteger[Any]], name: str) -> npt.NDArray[Any]:
        return _small(values, kind, f"{name} of camera {self._camera}")

    def minutes(self) -> set[tuple[int, int, int]]:
        """Whose rollups change. A frame ends the time of the one before it, which may lie in the minute before."""
        whose = self.run.tolist(), self.camera_no.tolist()
        return {
            place
            for at_us in (self.at_us, self.at_us - _LONGEST_FRAME_US)
            for place in zip(*whose, (at_us // _MINUTE_US).tolist(), strict=True)
        }

    def days(self) -> set[date]:
        try:
            return {date(1970, 1, 1) + timedelta(days=int(day)) for day in np.unique(self.at_us // _DAY_US)}
        except OverflowError:
            raise InvalidRecord(
                f"camera {self._camera}: event time {np.abs(self.at_us).max()} us lies outside the years 1 to 9999",
                hint="set the clock of the camera",
            ) from None


def _small(values: Sequence[int], kind: type[np.signedinteger[Any]], what: str) -> npt.NDArray[Any]:
    try:
        return np.array(values, dtype=kind)
    except OverflowError:
        bounds = np.iinfo(kind)
        worst = max(values, key=abs)
        raise InvalidRecord(f"{what}: {worst} does not fit its column ({bounds.min} to {bounds.max})") from None


def _motions(rows: Rows, records: Sequence[Record[Motions]], *, world: bool) -> None:
    stamps = _Stamps(records)
    rows.days |= stamps.days()
    rows.minutes |= stamps.minutes()
    values = [record.value for record in records]
    size = [
        _small([getattr(v.poses, side) for v in values], np.int16, f"{side} of a frame") for side in ("width", "height")
    ]
    people = _small([len(v.poses) for v in values], np.int16, "people in a frame")
    _outcomes(rows, stamps, (people, *size, "stored", None, None))

    groups: dict[tuple[str, int, bool], list[Record[Motions]]] = defaultdict(list)
    for record in records:
        poses = record.value.poses
        if len(poses):
            _check_skeleton(record.stamp, poses)
            q = units_per_pixel(poses.width, poses.height)
            groups[poses.skeleton, q, world and poses.world.shape[1] > 0].append(record)
    for (skeleton, q, has_world), members in groups.items():
        _poses(rows, members, SKELETONS[skeleton].number, q, has_world)
    _tracks(rows, [record for members in groups.values() for record in members])


def _check_skeleton(stamp: Stamp, poses: Poses) -> None:
    skeleton, k = SKELETONS.get(poses.skeleton), poses.keypoints.shape[1]
    if skeleton is None or k != len(skeleton):
        raise InvalidRecord(
            f"camera {stamp.camera}: {k} keypoints of skeleton {poses.skeleton!r},"
            f" expected {len(skeleton) if skeleton else 'one of ' + ', '.join(SKELETONS)}"
        )


def _poses(rows: Rows, records: Sequence[Record[Motions]], skeleton_no: int, q: int, has_world: bool) -> None:
    values = [record.value for record in records]
    stamps = _Stamps(records, [len(v.poses) for v in values])
    n = len(stamps.ts)
    xyxy = to_int16(np.concatenate([v.poses.xyxy for v in values]), 1 / q)
    points = to_int16(np.concatenate([v.poses.keypoints for v in values]), 1 / q)
    raw_z = np.concatenate([v.poses.keypoints[:, :, 2] for v in values])
    world = to_int16(np.concatenate([v.poses.world for v in values]), WORLD_UNIT_M) if has_world else None
    flags = np.concatenate([v.flags for v in values])
    columns: list[Column] = [
        *(stamps.ts, np.concatenate([v.track_id for v in values])),
        *(stamps.run, stamps.session, stamps.frame_no, stamps.camera_no),
        *(np.full(n, skeleton_no, np.int16), np.full(n, q, np.int16)),
        *(xyxy[:, i] for i in range(4)),
        to_int16(np.concatenate([v.poses.score for v in values]), SCORE_UNIT),
        *(points[:, :, i] for i in range(3)),
        to_int16(np.concatenate([v.poses.keypoint_score for v in values]), SCORE_UNIT),
        *((world[:, :, i] for i in range(3)) if world is not None else (None, None, None)),
        flags,
    ]
    z_at, flags_at = 15, 20
    has_z, has_flags = ~np.isnan(raw_z).all(axis=1), flags.any(axis=1)
    for z in (False, True):
        for flagged in (False, True):
            chosen = (has_z == z) & (has_flags == flagged)
            if not (count := int(chosen.sum())):
                continue
            piece: list[Column] = [c[chosen] if isinstance(c, np.ndarray) else c for c in columns]
            piece[z_at] = piece[z_at] if z else None
            piece[flags_at] = piece[flags_at] if flagged else None
            rows.packed["poses"].append(pack(piece, count))


def _tracks(rows: Rows, records: Sequence[Record[Motions] | Record[Measures]]) -> None:
    """When each track of the batch was first and last seen."""
    seen: dict[tuple[int, int], tuple[int, int, int]] = {}
    for record in records:
        stamp = record.stamp
        at = stamp.captured_at_us
        for track_id in record.value.track_id.tolist():
            first, last, _ = seen.get((stamp.run, track_id), (at, at, 0))
            seen[stamp.run, track_id] = (min(first, at), max(last, at), stamp.camera_no)
    # In order, so that two writers lock the same rows in the same order.
    rows.tracks += [
        (run, track_id, camera_no, moment(first), moment(last))
        for (run, track_id), (first, last, camera_no) in sorted(seen.items())
    ]


def _measures(rows: Rows, records: Sequence[Record[Measures]]) -> None:
    records = [record for record in records if len(record.value.track_id)]
    if not records:
        return
    values = [record.value for record in records]
    stamps = _Stamps(records, [len(v.track_id) for v in values])
    rows.days |= stamps.days()
    rows.minutes |= _Stamps(records).minutes()
    columns = (
        *(stamps.ts, np.concatenate([v.track_id for v in values])),
        *(stamps.run, stamps.session, stamps.frame_no, stamps.camera_no),
        np.concatenate([v.posture for v in values]).astype(np.int16),
        to_int16(_one_below_another([v.angles for v in values]), ANGLE_UNIT_DEG),
        _one_below_another([v.scalars for v in values]),
    )
    rows.packed["measures"].append(pack(columns, len(stamps.ts)))


def _one_below_another(tables: Sequence[F32]) -> F32:
    """(N, W) all rows; those of a posebus that knew fewer words are unknown in the columns that it lacks."""
    width = max(table.shape[1] for table in tables)
    blanks = [np.full((len(table), width - table.shape[1]), np.nan, np.float32) for table in tables]
    return np.concatenate([np.concatenate(pair, axis=1) for pair in zip(tables, blanks, strict=True)])


def _dropped(rows: Rows, records: Sequence[Record[Dropped]]) -> None:
    groups: dict[tuple[str, str], list[Record[Dropped]]] = defaultdict(list)
    for record in records:
        groups[record.value.stage, record.value.reason].append(record)
    for (stage, reason), members in groups.items():
        stamps = _Stamps(members)
        rows.days |= stamps.days()
        _outcomes(rows, stamps, (None, None, None, "dropped", clean(stage), clean(reason)))


def _outcomes(rows: Rows, stamps: _Stamps, rest: Sequence[Column]) -> None:
    head = (stamps.ts, stamps.run, stamps.session, stamps.frame_no, stamps.camera_no)
    rows.packed["frame_outcomes"].append(pack((*head, *rest), len(stamps.ts)))


def _event(stamp: Stamp, event: Event) -> Row:
    end = None if event.end_us is None else moment(event.end_us)
    whose = (event.track_id, stamp.run, stamp.camera_no)
    what = (clean(event.kind), clean(event.label), _payload(event.evidence))
    return (moment(event.at_us), end, event.event_id, event.value, *whose, *what)


def _step(stamp: Stamp, step: Transition) -> Row:
    at = moment(step.at_us)
    ended = at if step.state == "end" else None
    ids = (step.incident_id, step.event_id, step.track_id, stamp.run, step.version, stamp.camera_no)
    words = (clean(step.rule), clean(step.severity), clean(step.state), clean(step.text))
    payload = _payload(step.evidence, **({"zone": clean(step.zone)} if step.zone else {}))
    return (at, moment(step.started_at_us), ended, *ids, *words, payload)


def _letter(stamp: Stamp, letter: DeadLetter) -> Row:
    place = (letter.offset, stamp.run, stamp.session, stamp.seq, letter.partition, stamp.camera_no)
    words = tuple(clean(word) for word in (letter.stage, letter.reason, letter.error, letter.topic))
    return (moment(stamp.captured_at_us), letter.letter_id, *place, *words, letter.key, letter.sha256, letter.content)


def moment(us: int) -> datetime:
    """Microseconds since the epoch as a time, exact. Raises InvalidRecord for what no calendar holds."""
    try:
        return _EPOCH + timedelta(microseconds=us)
    except OverflowError:
        raise InvalidRecord(f"event time {us} us lies outside the years 1 to 9999") from None


def clean(text: str) -> str:
    """Text as PostgreSQL takes it: no zero bytes, no halves of surrogate pairs (from odd file names)."""
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()


def _payload(evidence: Mapping[str, float], **words: str) -> str:
    """Evidence, and words beside it, as JSON, which knows no NaN (null here) and no infinity (text here)."""
    plain = {
        clean(name): None if math.isnan(value) else str(value) if math.isinf(value) else float(value)
        for name, value in evidence.items()
    }
    return json.dumps(plain | words, ensure_ascii=False)
