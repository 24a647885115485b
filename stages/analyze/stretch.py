"""Frames of a camera that follow each other with the same people: measured all at once, then followed one by one.

On the few people of a frame numpy's calls cost more than what they compute. So whatever of a frame does not depend on
what was decided before it is computed for all frames together. One frame is a stretch too: what comes out does not
depend on how a recording is cut into stretches, to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.core.records import Record, Tick
from pipeline.core.types import F32, F64, I64
from pipeline.core.values import Motions
from stages.analyze.body import Bodies, Standing, measure_bodies, stand
from stages.analyze.features import features_of
from stages.analyze.feet import head_of
from stages.analyze.gestures import arms_hang
from stages.analyze.layout import Layout
from stages.analyze.learn import learn_lengths, learn_up, up_of
from stages.analyze.movement import Shape, move, shape_of
from stages.analyze.options import AnalyzeOptions
from stages.analyze.state import AnalyzedPerson, AnalyzeState

_BODY_HEIGHT = Shape._fields.index("body_height")

_LONGEST_S = 1.0
"""More since somebody was seen last counts as this where gravity is learned."""


def stretches(records: Sequence[Record[Motions | Tick]], longest_us: int) -> Iterator[list[Record[Motions | Tick]]]:
    """Cut where somebody comes or goes, or where the picture or the skeleton is another.

    Ticks belong to the frame before them; with none before them in `records` they make a stretch of their own. There is
    a cut too after `longest_us` without a frame: people may be forgotten in it who are new in the next one.
    """
    stretch: list[Record[Motions | Tick]] = []
    shown: tuple[object, ...] | None = None
    seen_us = 0
    for record in records:
        at_us = record.stamp.captured_at_us
        shows = shown if isinstance(record.value, Tick) else _shown(record.value)
        if stretch and (shows != shown or at_us - seen_us >= longest_us):
            yield stretch
            stretch, shown = [], None
        if not isinstance(record.value, Tick):
            shown, seen_us = shows, at_us
        stretch.append(record)
    if stretch:
        yield stretch


def _shown(motions: Motions) -> tuple[object, ...]:
    poses = motions.poses
    return motions.track_id.tobytes(), poses.skeleton, poses.world.shape[1] > 0, poses.width, poses.height


@dataclass(frozen=True)
class Stretch:
    """What T frames with the same N people show; R = T N rows, all people of a frame beside each other.

    Attributes:
        times_us: Event times of the frames.
        size: Width and height of the picture, pixels.
        track_id: (N,) int64.
        bodies, standing: Of the rows.
        shapes: Of each row.
        arms_hang: (T,) nobody has a hand above its elbow or an arm away from the trunk.
    """

    times_us: Sequence[int]
    size: tuple[int, int]
    track_id: I64
    bodies: Bodies
    standing: Standing
    shapes: list[Shape]
    arms_hang: list[bool]

    @property
    def people(self) -> int:
        """N."""
        return len(self.track_id)

    def rows(self, frame: int) -> slice:
        """Of this frame."""
        return slice(frame * self.people, (frame + 1) * self.people)

    @cached_property
    def shape_columns(self) -> F64:
        """(R, S) the fields of `shapes`."""
        return np.array(self.shapes, np.float64).reshape(len(self.shapes), len(Shape._fields))

    @property
    def body_height(self) -> F64:
        """(R,) pixels; NaN = unknown."""
        return self.shape_columns[:, _BODY_HEIGHT]

    @cached_property
    def head(self) -> F64:
        """(R,) y of the heads on the picture, pixels; NaN = not seen."""
        return head_of(self.bodies.picture)

    @cached_property
    def features(self) -> F32:
        """(R, F) as `features_of` gives them."""
        return features_of(self.bodies, self.standing, self.shape_columns)


def measured(
    state: AnalyzeState,
    people: Sequence[AnalyzedPerson],
    records: Sequence[Record[Motions]],
    layout: Layout,
    options: AnalyzeOptions,
) -> Stretch:
    """These frames; the lengths of the people, their ways and where up is are learned on the way.

    Args:
        state: Before the first of the frames; `people` are in it.
        people: In the order of the frames.
    """
    poses = records[0].value.poses
    times = [record.stamp.captured_at_us for record in records]
    seen_us = [person.seen_us for person in people]
    bodies = measure_bodies([record.value for record in records], layout, options)
    ups = _learned_ups(state, bodies, seen_us, times)
    standing = stand(bodies, np.array(ups, np.float64).repeat(len(people), axis=0))
    shapes = _followed(people, bodies, ups, seen_us, times, options)
    hang = arms_hang(bodies.picture, bodies.angles, options.gestures).reshape(len(times), len(people))
    all_hang = np.logical_and.reduce(hang, axis=1).tolist()
    size = poses.width, poses.height
    return Stretch(times, size, records[0].value.track_id, bodies, standing, shapes, all_hang)


def _learned_ups(
    state: AnalyzeState, bodies: Bodies, seen_us: Sequence[int], times: Sequence[int]
) -> list[tuple[float, float, float]]:
    """The vector against gravity as it is known at each frame; `state` learns on."""
    if not (bodies.metric and seen_us):
        return [up_of(state, bodies.metric)] * len(times)
    n = len(seen_us)
    leans = bodies.leans()
    elapsed_s = max(min((times[0] - us) / 1e6, _LONGEST_S) for us in seen_us)
    ups = []
    for frame, now_us in enumerate(times):
        if frame:
            elapsed_s = min((now_us - times[frame - 1]) / 1e6, _LONGEST_S)
        ups.append(up_of(state, metric=True))
        learn_up(state, leans[frame * n : (frame + 1) * n], max(elapsed_s, 0.0))
    return ups


def _followed(
    people: Sequence[AnalyzedPerson],
    bodies: Bodies,
    ups: Sequence[tuple[float, float, float]],
    seen_us: Sequence[int],
    times: Sequence[int],
    options: AnalyzeOptions,
) -> list[Shape]:
    """The shape of each row, with what is known of the person then; the people's lengths and ways go on."""
    shapes = []
    extents = iter(bodies.extents())
    last_us: Sequence[int] = seen_us
    for now_us, (up_x, up_y, _) in zip(times, ups, strict=True):
        for person, seen in zip(people, last_us, strict=True):
            extent = next(extents)
            learn_lengths(person, extent, bodies.metric, (now_us - seen) / 1e6, options)
            move(person, extent, now_us, options)
            shapes.append(shape_of(person, extent, up_x, up_y))
        last_us = [now_us] * len(people)
    return shapes
