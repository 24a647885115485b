"""Where everyone stands in each exercise, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from pipeline.core.types import F32, I64, U8


@dataclass(slots=True)
class RepTable:
    """Where P people stand in the R rows of a `plan.Plan`; what was not seen for a while is forgotten.

    Attributes:
        rows: Names of the rows.
        looked_us: Event time of the last frame that was looked at.
        track_id: (P,) int64, whose.
        at_us: (P,) int64, when last seen.
        phase: (P, R) uint8: 0 not ready, 1 in the first phase, 2 moving, 3 done and waiting to be counted.
        reached: (P, R) uint8, number of the last phase reached.
        rest_us: (P, R) int64, since when in the first phase (not ready), or when last in it; 0 = not.
        done_us: (P, R) int64, when it was done.
        hold_s: (P, R) float32, seconds in the phase that is to be reached or is the last.
        hidden_s: (P, R) float32, seconds in the last phase as far as was seen, less those in which something that was
            seen spoke against it.
        bad_s, unseen_s: (P, R) float32, seconds out of bounds and without a needed measure.
        foot: (P, R, 2) float32, where the feet stood in the first phase, pixels.
        gauge: (P, R, C) float32, greatest values so far times their sign; NaN = none.
        features: (P, F) float32, the measures that phases are told by, smoothed; NaN = unknown.
    """

    rows: list[str]
    looked_us: int
    track_id: I64
    at_us: I64
    phase: U8
    reached: U8
    rest_us: I64
    done_us: I64
    hold_s: F32
    hidden_s: F32
    bad_s: F32
    unseen_s: F32
    foot: F32
    gauge: F32
    features: F32


def with_people(
    table: RepTable | None,
    rows: tuple[str, ...],
    sizes: tuple[int, int],
    track_id: I64,
    now_us: int,
    max_gap_s: float,
) -> RepTable:
    """The table with these people first, in their order, then others who were seen lately.

    Args:
        table: As it was; None or one of other exercises: nothing is known of anyone.
        rows: Names of the rows.
        sizes: How many gauges and how many features there are.
        track_id: (N,) who is seen now.
    """
    n = len(track_id)
    if table is not None and table.hidden_s.shape != table.hold_s.shape:
        table.hidden_s = np.zeros_like(table.hold_s)  # of a state that was saved before there was any
    if table is None or tuple(table.rows) != rows or (table.gauge.shape[2], table.features.shape[1]) != sizes:
        table = _blank(rows, *sizes, 0)
    same = table.track_id[:n].tobytes() == track_id.tobytes()
    if same and len(table.track_id) == n:
        return table
    recent = now_us - table.at_us <= max_gap_s * 1e6
    absent = recent & ~np.isin(table.track_id, track_id)
    if same and np.count_nonzero(absent) == len(table.track_id) - n:
        return table
    place = {track: i for i, track in enumerate(table.track_id.tolist())}
    kept = np.nonzero(absent)[0]
    fresh = _blank(rows, *sizes, n + len(kept))
    fresh.track_id[:n], fresh.at_us[:n] = track_id, now_us
    new = [i for i, track in enumerate(track_id.tolist()) if track in place]
    old = [place[track] for track in track_id[new].tolist()]
    target, source = np.array([*new, *range(n, n + len(kept))], np.int64), np.array([*old, *kept], np.int64)
    for each in fields(RepTable):
        if each.name not in ("rows", "looked_us"):
            getattr(fresh, each.name)[target] = getattr(table, each.name)[source]
    return fresh


def _blank(rows: Sequence[str], gauges: int, features: int, people: int) -> RepTable:
    """The table of people of whom nothing is known."""
    shape = (people, len(rows))
    return RepTable(
        rows=list(rows),
        looked_us=0,
        track_id=np.zeros(people, np.int64),
        at_us=np.zeros(people, np.int64),
        phase=np.zeros(shape, np.uint8),
        reached=np.zeros(shape, np.uint8),
        rest_us=np.zeros(shape, np.int64),
        done_us=np.zeros(shape, np.int64),
        hold_s=np.zeros(shape, np.float32),
        hidden_s=np.zeros(shape, np.float32),
        bad_s=np.zeros(shape, np.float32),
        unseen_s=np.zeros(shape, np.float32),
        foot=np.full((*shape, 2), np.nan, np.float32),
        gauge=np.full((*shape, gauges), np.nan, np.float32),
        features=np.full((people, features), np.nan, np.float32),
    )
