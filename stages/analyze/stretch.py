"""Frames of a camera that follow each other with the same people: measured all at once, then followed one by one.

On the few people of a frame numpy's calls cost more than what they compute. So whatever of a frame does not depend on
what was decided before it is computed for all frames together. One frame is a stretch too: what comes out does not
depend on how a recording is cut into stretches, to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np

from pipeline.core.records import Record
from pipeline.core.types import F32, F64
from pipeline.core.values import Motions
from stages.analyze.body import Bodies, Standing, measure_bodies, stand
from stages.analyze.features import features_of
from stages.analyze.layout import Layout
from stages.analyze.learn import learn_lengths, learn_up, up_of
from stages.analyze.movement import Shape, move, shape_of
from stages.analyze.options import AnalyzeOptions
from stages.analyze.state import AnalyzedPerson, AnalyzeState

_BODY_HEIGHT = Shape._fields.index("body_height")

_LONGEST_S = 1.0
"""More since somebody was seen last counts as this where gravity is learned."""


def stretches(records: Sequence[Record[Motions]]) -> Iterator[list[Record[Motions]]]:
    """Cut where somebody comes or goes, or where the picture or the skeleton is another."""
    for _, group in groupby(records, lambda record: _same(record.value)):
        yield list(group)


def _same(motions: Motions) -> tuple[object, ...]:
    poses = motions.poses
    return motions.track_id.tobytes(), poses.skeleton, poses.world.shape[1] > 0, poses.width, poses.height


@dataclass(frozen=True)
class Stretch:
    """What T frames with the same N people show; R = T N rows, all people of a frame beside each other.

    Attributes:
        size: Width and height of the picture, pixels.
        people: N.
        bodies, standing: Of the rows.
        shapes: Of each row.
    """

    size: tuple[int, int]
    people: int
    bodies: Bodies
    standing: Standing
    shapes: list[Shape]

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
    return Stretch((poses.width, poses.height), len(people), bodies, standing, shapes)


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
