"""What analyze remembers, as arrays over people, of where they stand and what their arms do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from pipeline.core.types import F32, F64, I64, U8

GESTURES: tuple[str, ...] = ("wave", "hands_up", "point")
"""Labels of gestures, in the order of the arrays."""

BINS = 16
"""Stripes of the picture from top to bottom, in each of which the height of people is learned."""

_I8 = npt.NDArray[np.int8]
_I32 = npt.NDArray[np.int32]


@dataclass(slots=True, eq=False)
class Watched:
    """P people who are in view or were less than `leave_s` ago; those of the last frame first, in its order.

    Attributes:
        track_id: (P,) int64.
        seen_us: (P,) int64, when last in view.
        foot: (P, 2) float32, where they stood then, pixels.
        leg: (P, 2) float32, the feet from the hips when last seen, body heights; NaN = never.
        floor: (P, 2) float32, that place on the floor across and along the view, metres; NaN = unknown.
        pace: (P, 2) float32, velocity there, m/s; NaN = unknown.
        arm: (P,) float32, learned length of an arm, pixels; NaN = unknown.
        way: (P, 2) int8, which way the raised left and right hand moves: -1 left, 1 right on the picture, 0 unknown.
        turn, turn_us: (P, 2, 2) float32 and (P, 2) int64, where (pixels from the shoulder) and when it turned last, or
            was raised; 0 = not raised.
        far, far_us: The same of the place farthest from there since.
        swings: (P, 2) uint8, swings in a row that may be a wave's.
        wave_us: (P, 2) int64, when the first of them began.
        raised_us: (P, 2) int64, when the hand was last seen raised.
        anchor: (P, 2, 2) float32, where the stretched arm's hand was when it began to point, pixels from the shoulder.
        since_us, last_us, told: (P, 3) int64, int64 and uint8: since when and until when each of GESTURES is seen,
            0 = not, and whether that was told.
        frame_us: When the last frame with people was.
    """

    track_id: I64
    seen_us: I64
    foot: F32
    leg: F32
    floor: F32
    pace: F32
    arm: F32
    way: _I8
    turn: F32
    turn_us: I64
    far: F32
    far_us: I64
    swings: U8
    wave_us: I64
    raised_us: I64
    anchor: F32
    since_us: I64
    last_us: I64
    told: U8
    frame_us: int = 0


@dataclass(slots=True, eq=False)
class Placed:
    """The same P people about the Z zones and L lines of the camera.

    Attributes:
        zones, lines: Their names.
        side, side_us: (P, Z) uint8 and int64: 1 = beyond the margin inside (or was last), and since when.
        inside, inside_us: (P, Z) uint8 and int64: 1 = entered and not left, and when that was.
        dwelt: (P, Z) uint8, how many of the zone's times to dwell were told.
        bank: (P, L) uint8: 2 = right of the line, 1 = left, by its bare position.
        cross_us, cross_ok: (P, L) int64 and uint8: when that changed last, and whether it was between the ends.
        shore, shore_us: (P, L) uint8 and int64: the same beyond the margin, and since when.
        stood: (P, L) uint8, the same as last told, or as first seen.
        count, count_next: (Z,) int32, people inside as last told, and as they are now.
        count_us, count_next_us: (Z,) int64, when somebody entered or left last, and when the number changed for that.
    """

    zones: list[str]
    lines: list[str]
    side: U8
    side_us: I64
    inside: U8
    inside_us: I64
    dwelt: U8
    bank: U8
    cross_us: I64
    cross_ok: U8
    shore: U8
    shore_us: I64
    stood: U8
    count: _I32
    count_next: _I32
    count_us: I64
    count_next_us: I64


@dataclass(slots=True, eq=False)
class Ground:
    """How tall people look by where their feet are; lengths are shares of the picture's height.

    Attributes:
        seconds: (B,) float64, seconds of people seen standing in each stripe of the picture.
        foot, tall: (B,) float64, mean of where their feet were, y down, and of nose to ankle.
        sampled_us, fitted_us: When a sample was taken last, and the line fitted.
        slope, level: Height = slope * y + level; NaN = not known yet.
        low, high: Between which y the line is known well enough.
    """

    seconds: F64
    foot: F64
    tall: F64
    sampled_us: int = 0
    fitted_us: int = 0
    slope: float = float("nan")
    level: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")


class _Column(NamedTuple):
    dtype: Any
    tail: tuple[int, ...] = ()
    blank: float = 0


_WATCHED: dict[str, _Column] = {
    "track_id": _Column(np.int64),
    "seen_us": _Column(np.int64),
    "foot": _Column(np.float32, (2,), np.nan),
    "leg": _Column(np.float32, (2,), np.nan),
    "floor": _Column(np.float32, (2,), np.nan),
    "pace": _Column(np.float32, (2,), np.nan),
    "arm": _Column(np.float32, (), np.nan),
    "way": _Column(np.int8, (2,)),
    "turn": _Column(np.float32, (2, 2)),
    "turn_us": _Column(np.int64, (2,)),
    "far": _Column(np.float32, (2, 2)),
    "far_us": _Column(np.int64, (2,)),
    "swings": _Column(np.uint8, (2,)),
    "wave_us": _Column(np.int64, (2,)),
    "raised_us": _Column(np.int64, (2,)),
    "anchor": _Column(np.float32, (2, 2)),
    "since_us": _Column(np.int64, (len(GESTURES),)),
    "last_us": _Column(np.int64, (len(GESTURES),)),
    "told": _Column(np.uint8, (len(GESTURES),)),
}
_BY_ZONE = {"side": np.uint8, "side_us": np.int64, "inside": np.uint8, "inside_us": np.int64, "dwelt": np.uint8}
_BY_LINE = {
    "bank": np.uint8,
    "cross_us": np.int64,
    "cross_ok": np.uint8,
    "shore": np.uint8,
    "shore_us": np.int64,
    "stood": np.uint8,
}
_OF_ZONES = {"count": np.int32, "count_next": np.int32, "count_us": np.int64, "count_next_us": np.int64}


def nobody_watched() -> Watched:
    """No people."""
    columns: dict[str, Any] = {name: np.zeros((0, *c.tail), c.dtype) for name, c in _WATCHED.items()}
    return Watched(**columns)


def nobody_placed(zones: list[str], lines: list[str], people: int = 0) -> Placed:
    """People of whom nothing is known about these zones and lines."""
    return Placed(
        zones,
        lines,
        **{name: np.zeros((people, len(zones)), dtype) for name, dtype in _BY_ZONE.items()},
        **{name: np.zeros((people, len(lines)), dtype) for name, dtype in _BY_LINE.items()},
        **{name: np.zeros(len(zones), dtype) for name, dtype in _OF_ZONES.items()},
    )


def no_ground() -> Ground:
    """Nothing learned."""
    return Ground(np.zeros(BINS), np.zeros(BINS), np.zeros(BINS))


def arrange(watched: Watched, placed: Placed | None, track_id: I64) -> None:
    """Put the people of a frame first, in its order; who is new gets a blank row."""
    if watched.track_id[: len(track_id)].tobytes() == track_id.tobytes():
        return
    row = {track: i for i, track in enumerate(watched.track_id.tolist())}
    now = track_id.tolist()
    present = set(now)
    rows = [row.get(track, -1) for track in now] + [i for track, i in row.items() if track not in present]
    _pick(watched, {name: c.blank for name, c in _WATCHED.items()}, np.array(rows, np.int64))
    watched.track_id[: len(now)] = track_id
    if placed is not None:
        _pick(placed, dict.fromkeys((*_BY_ZONE, *_BY_LINE), 0), np.array(rows, np.int64))


def forget(watched: Watched, placed: Placed | None, before_us: int) -> None:
    """Drop the rows of people who were last in view before a time, or then."""
    stay = np.flatnonzero(watched.seen_us > before_us)
    if len(stay) < len(watched.seen_us):
        _pick(watched, {name: c.blank for name, c in _WATCHED.items()}, stay)
        if placed is not None:
            _pick(placed, dict.fromkeys((*_BY_ZONE, *_BY_LINE), 0), stay)


def redrawn(placed: Placed | None, zones: list[str], lines: list[str], people: int) -> Placed:
    """The columns of these zones and lines; what is remembered stays with the names."""
    new = nobody_placed(zones, lines, people)
    if placed is None:
        return new
    for fields, axis, old_names, new_names in (
        (_BY_ZONE, 1, placed.zones, zones),
        (_BY_LINE, 1, placed.lines, lines),
        (_OF_ZONES, 0, placed.zones, zones),
    ):
        kept = [name for name in new_names if name in old_names]
        from_, to = [old_names.index(name) for name in kept], [new_names.index(name) for name in kept]
        for name in fields:
            column: npt.NDArray[Any] = getattr(placed, name)
            if axis:
                getattr(new, name)[:, to] = column[:, from_]
            else:
                getattr(new, name)[to] = column[from_]
    return new


_Table = TypeVar("_Table", Watched, Placed)


def _pick(table: _Table, blanks: dict[str, float], rows: I64) -> None:
    """The rows in this order; -1 stands for a blank one."""
    blank = rows < 0
    for name, value in blanks.items():
        old: npt.NDArray[Any] = getattr(table, name)
        new = old[rows] if len(old) else np.zeros((len(rows), *old.shape[1:]), old.dtype)
        new[blank] = value
        setattr(table, name, new)
