"""Zones and lines: who enters, stays and leaves, how many there are, and who crosses which way.

A side changes where the feet are beyond the border by a margin, and counts when it has held for a time: who stands on
the border, or whose feet jitter there, makes one event. Its time is that of the first frame beyond the margin; of a
line that of the crossing itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.core.masks import any_of
from pipeline.core.types import F32, F64, I64, Bool
from pipeline.core.zones import Outlines, Scene, Strokes
from stages.analyze.feet import Feet, People
from stages.analyze.options import AnalyzeOptions
from stages.analyze.told import Told
from stages.analyze.watched import Placed, Watched

ZONE, LINE = "zone", "line"
ENTER, LEAVE, DWELL, COUNT = "enter", "leave", "dwell", "count"

_HEIGHT_OF_BOX = 0.9  # nose to ankle over the box around a standing person
_MOST_OF_BREADTH = 0.5  # in a zone narrower than a person the margin shrinks, so that its middle is inside
_LEFT, _RIGHT = 1, 2


@dataclass(frozen=True)
class _Drawn:
    """A scene on a picture of one size."""

    outlines: Outlines | None
    strokes: Strokes | None


class Places:
    """The zones and lines of one camera."""

    def __init__(self, scene: Scene, options: AnalyzeOptions) -> None:
        self.zones, self.lines = list(scene.zones), list(scene.lines)
        self._scene = scene
        self._margin = options.zone_margin
        self._hold_us = round(options.zone_hold_s * 1e6)
        times = [zone.dwell_s for zone in scene.zones.values()]
        self._dwell_us = np.full((len(times), max(map(len, times), default=0) + 1), np.iinfo(np.int64).max)
        for i, each in enumerate(times):
            self._dwell_us[i, : len(each)] = np.round(np.array(each) * 1e6)
        self._directions = [(line.to_left, line.to_right) for line in scene.lines.values()]
        self._drawn: dict[tuple[int, int], _Drawn] = {}

    def follow(self, placed: Placed, watched: Watched, people: People, feet: Feet, before_us: I64, told: Told) -> None:
        """Take a frame; its people are the first rows of the tables. `watched.foot` is still where they stood before,
        `before_us` (N,) when that was.
        """
        n = len(before_us)
        if n:
            drawn = self._draw(people.width, people.size_y)
            box_height = _HEIGHT_OF_BOX * (people.box[:, 3] - people.box[:, 1])
            height = np.where(people.height == people.height, people.height, box_height)
            margin = self._margin * height[:, None]
            new = watched.seen_us[:n] == 0
            if drawn.outlines is not None:
                depth = drawn.outlines.depth(feet.at.T)
                least = np.minimum(margin, _MOST_OF_BREADTH * drawn.outlines.breadth)
                self._follow_zones(placed, watched, people, feet, depth, least, new, told)
            if drawn.strokes is not None:
                self._follow_lines(placed, watched, people, feet, drawn.strokes, margin, new, before_us, told)

    def end(self, placed: Placed, watched: Watched, row: int, told: Told) -> None:
        """Somebody was not seen for long: is in no zone any more, and what was crossed last was crossed."""
        at_us = int(watched.seen_us[row])
        for zone in np.flatnonzero(placed.inside[row]).tolist():
            self._leave(placed, watched, row, zone, at_us, {}, told)
        for line in np.flatnonzero(placed.shore[row] != placed.stood[row]).tolist():
            self._cross(placed, watched, row, line, {}, told)

    def count(self, placed: Placed, told: Told) -> None:
        """Tell how many are in each zone where that has changed for a while."""
        if not self.zones:
            return
        now_us = told.now_us
        count = placed.inside.sum(axis=0, dtype=np.int32)
        changed = count != placed.count_next
        if any_of(changed):
            placed.count_next_us[changed] = now_us
            placed.count_next[changed] = count[changed]
        due = (placed.count_next != placed.count) & (now_us - placed.count_next_us >= self._hold_us)
        if any_of(due):
            for zone in np.flatnonzero(due).tolist():
                placed.count[zone] = placed.count_next[zone]
                value = float(placed.count[zone])
                told.event(ZONE, f"{self.zones[zone]}:{COUNT}", None, int(placed.count_us[zone]), value=value)

    def _draw(self, width: int, height: int) -> _Drawn:
        drawn = self._drawn.get((width, height))
        if drawn is None:
            zones, lines = list(self._scene.zones.values()), list(self._scene.lines.values())
            drawn = _Drawn(
                Outlines(zones, width, height) if zones else None, Strokes(lines, width, height) if lines else None
            )
            self._drawn[width, height] = drawn
        return drawn

    def _follow_zones(
        self,
        placed: Placed,
        watched: Watched,
        people: People,
        feet: Feet,
        depth: F64,
        margin: F64,
        new: Bool,
        told: Told,
    ) -> None:
        n, now_us = len(depth), people.now_us
        side, side_us = placed.side[:n], placed.side_us[:n]
        inside, inside_us = placed.inside[:n], placed.inside_us[:n]
        beyond = depth >= margin
        shown = np.where(beyond | (depth <= -margin), beyond, side == 1)
        if any_of(new):
            shown[new] = depth[new] >= 0.0
            side_us[new] = now_us
        changed = shown != side
        if any_of(changed):
            side[changed] = shown[changed]
            side_us[changed] = now_us
        moved = (shown != inside) & (now_us - side_us >= self._hold_us)
        if any_of(moved):
            for row, zone in np.argwhere(moved).tolist():
                at_us, evidence = int(side_us[row, zone]), _where(feet, people, row)
                if inside[row, zone]:
                    self._leave(placed, watched, row, zone, at_us, evidence, told)
                else:
                    inside[row, zone], inside_us[row, zone], placed.dwelt[row, zone] = 1, at_us, 0
                    placed.count_us[zone] = at_us
                    told.event(
                        ZONE, f"{self.zones[zone]}:{ENTER}", int(watched.track_id[row]), at_us, evidence=evidence
                    )
        if self._dwell_us.shape[1] > 1 and any_of(inside == 1):
            due_us = self._dwell_us[np.arange(len(self.zones)), placed.dwelt[:n]]
            # Nobody has dwelt who is on the way out: the margin is passed, only the time is not up.
            dwelt = (inside == 1) & shown & (now_us - inside_us >= due_us)
            for row, zone in np.argwhere(dwelt).tolist():
                seconds = float(self._dwell_us[zone, placed.dwelt[row, zone]]) / 1e6
                placed.dwelt[row, zone] += 1
                at_us = int(inside_us[row, zone])
                label, track_id = f"{self.zones[zone]}:{DWELL}", int(watched.track_id[row])
                told.event(ZONE, label, track_id, at_us, None, seconds, _where(feet, people, row))

    def _leave(
        self,
        placed: Placed,
        watched: Watched,
        row: int,
        zone: int,
        at_us: int,
        evidence: dict[str, float],
        told: Told,
    ) -> None:
        seconds = (at_us - int(placed.inside_us[row, zone])) / 1e6
        placed.inside[row, zone] = 0
        placed.count_us[zone] = at_us
        label, track_id = f"{self.zones[zone]}:{LEAVE}", int(watched.track_id[row])
        told.event(ZONE, label, track_id, at_us, value=seconds, evidence=evidence)

    def _follow_lines(
        self,
        placed: Placed,
        watched: Watched,
        people: People,
        feet: Feet,
        strokes: Strokes,
        margin: F64,
        new: Bool,
        before_us: I64,
        told: Told,
    ) -> None:
        n, now_us = len(before_us), people.now_us
        bank, shore, shore_us, stood = (
            table[:n] for table in (placed.bank, placed.shore, placed.shore_us, placed.stood)
        )
        across = strokes.across(feet.at.T)
        here = np.where(across >= 0.0, _RIGHT, _LEFT)
        if any_of(new):
            bank[new] = shore[new] = stood[new] = here[new]
        turned = here != bank
        if any_of(turned):
            self._note_crossing(placed, strokes, across, watched.foot[:n], feet.at.T, turned, before_us, now_us)
            bank[turned] = here[turned]
        landed = (np.abs(across) >= margin) & (here != shore)
        if any_of(landed):
            shore[landed], shore_us[landed] = here[landed], now_us
        crossed = (shore != stood) & (now_us - shore_us >= self._hold_us)
        if any_of(crossed):
            for row, line in np.argwhere(crossed).tolist():
                self._cross(placed, watched, row, line, _where(feet, people, row), told)

    @staticmethod
    def _note_crossing(
        placed: Placed,
        strokes: Strokes,
        across: F64,
        before: F32,
        now: F64,
        turned: Bool,
        before_us: I64,
        now_us: int,
    ) -> None:
        """Where and when the straight way between two frames met the lines."""
        # Of those who changed sides alone: of others nobody may know where they were before.
        rows = np.flatnonzero(turned.any(axis=1))
        before, now, turned = before[rows], now[rows], turned[rows]
        was = strokes.across(before)
        # What was on the line counted as right of it; rounding may put it on the left.
        way = np.where(was == across[rows], 1.0, was - across[rows])
        share = np.clip(was / way, 0.0, 1.0)
        from_, to = strokes.along(before), strokes.along(now)
        along = from_ + share * (to - from_)
        between = (along >= 0.0) & (along <= 1.0)
        ago_us = (now_us - before_us[rows])[:, None]
        at_us = before_us[rows, None] + np.round(share * ago_us).astype(np.int64)
        placed.cross_us[rows] = np.where(turned, at_us, placed.cross_us[rows])
        placed.cross_ok[rows] = np.where(turned, between, placed.cross_ok[rows])

    def _cross(
        self, placed: Placed, watched: Watched, row: int, line: int, evidence: dict[str, float], told: Told
    ) -> None:
        shore = placed.shore[row, line]
        placed.stood[row, line] = shore
        if not placed.cross_ok[row, line]:
            return  # around an end
        direction = self._directions[line][int(shore) - _LEFT]
        label, track_id = f"{self.lines[line]}:{direction}", int(watched.track_id[row])
        told.event(LINE, label, track_id, int(placed.cross_us[row, line]), evidence=evidence)


def _where(feet: Feet, people: People, row: int) -> dict[str, float]:
    x, y = feet.at[:, row].tolist()
    return {"x": x / people.width, "y": y / people.size_y, "feet_seen": float(feet.seen[row])}
