"""The smooth stage: jitter filtered, gaps filled forward, left-right swaps repaired, doubts flagged, units rounded.

Every frame's tracks give one `Motions` of the same people in the same order: nobody is added or left out. A keypoint
comes out smoothed where it was seen; FILLED where it was seen up to `fill_s` ago, its score falling to 0; else NaN with
score 0. DOUBTFUL ones (impossible bone, joint or speed) keep their score, and the filter hardly follows them.

Lag of One Euro behind a steady motion: 1 / (2 pi (min_cutoff_hz + beta x speed)), see `SmoothOptions`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.core.errors import InvalidRecord
from pipeline.core.keypoints import seen
from pipeline.core.masks import all_of, any_of
from pipeline.core.records import Record, Tick
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32, U8, Bool
from pipeline.core.values import DOUBTFUL, FILLED, Motions, Tracks
from stages.smooth import bones
from stages.smooth.filters import filter_of
from stages.smooth.limits import bent_too_far
from stages.smooth.options import SmoothOptions
from stages.smooth.sides import sides_of
from stages.smooth.state import SmoothState, nobody
from stages.smooth.storage import Smoothed, as_stored, coordinates_of, pixel_coordinates

_BODY_M = np.float32(1.7)
_NAN = np.float32(np.nan)
# Two frames with the same time would divide by zero.
_LEAST_S = 0.001
# Without axes, as the options are: numpy takes these in half the time of numbers.
# Displacement that is no reason to doubt: a tenth of the size.
_NOISE, _ONE = np.array(0.1, np.float32), np.array(1, np.float32)
_DOUBTFUL, _FILLED = np.array(DOUBTFUL, np.uint8), np.array(FILLED, np.uint8)


class SmoothStage:
    """A `StretchStage`: smooths keypoints and world coordinates of everyone in a frame at once."""

    def __init__(self, options: SmoothOptions | None = None) -> None:
        self._options = options or SmoothOptions()
        self._filter = filter_of(self._options)
        o = self._options
        self._full_score, self._doubt_trust = np.array(o.full_score, np.float32), np.array(o.doubt_trust, np.float32)
        self._reset_s, self._max_speed = np.array(o.reset_s, np.float32), np.array(o.max_speed, np.float32)

    def initial_state(self, camera: str) -> SmoothState:
        """Nobody yet."""
        return nobody()

    def tick(self, state: SmoothState, record: Record[Tick]) -> tuple[SmoothState, Sequence[Motions]]:
        """Forget who has been out of sight for too long."""
        return state.recent(self._remembered_since(record.stamp.captured_at_us)), ()

    def step(self, state: SmoothState, record: Record[Tracks]) -> tuple[SmoothState, Sequence[Motions]]:
        """Smooth the people of one frame. Raises InvalidRecord for a skeleton that is unknown."""
        state, (values,) = self.steps(state, [record])
        return state, values

    def steps(
        self, state: SmoothState, records: Sequence[Record[Tracks | Tick]]
    ) -> tuple[SmoothState, Sequence[Sequence[Motions]]]:
        """See `StretchStage.steps`."""
        for record in records:
            if not isinstance(record.value, Tick) and (skeleton := record.value.poses.skeleton) not in SKELETONS:
                raise InvalidRecord(f"unknown skeleton {skeleton!r}, expected one of {', '.join(SKELETONS)}")
        smoothed: list[Smoothed] = []
        others: dict[int, tuple[Motions, ...]] = {}
        for place, record in enumerate(records):
            tracks, now_us = record.value, record.stamp.captured_at_us
            if not isinstance(tracks, Tick) and len(tracks.poses):
                state, frame = self._smoothed(state, tracks, now_us)
                smoothed.append(frame)
            else:
                others[place] = () if isinstance(tracks, Tick) else (_of_nobody(tracks),)
                state = state.recent(self._remembered_since(now_us))
        stored = iter(as_stored(smoothed))
        return state, [others[place] if place in others else (next(stored),) for place in range(len(records))]

    def _smoothed(self, state: SmoothState, tracks: Tracks, now_us: int) -> tuple[SmoothState, Smoothed]:
        """Take a frame with people in it."""
        poses = tracks.poses
        if state.skeleton != poses.skeleton:
            state = nobody()
        measured = coordinates_of(poses, remembered=state.value.shape[2])
        if state.value.shape[2] != measured.shape[2]:
            state = nobody(poses.skeleton, poses.width, poses.height, *measured.shape[1:])
        state.resize(poses.width, poses.height)
        people = state.of(tracks.track_id)
        sides = poses.xyxy[:, 2:] - poses.xyxy[:, :2]
        size = np.fmax(np.maximum(sides[:, 0], sides[:, 1]), _ONE)
        coordinates, score, flags = self._smooth(people, measured, poses.keypoint_score, size, now_us)
        if people is not state:
            people = people.with_absent(state, self._remembered_since(now_us))
        return people, Smoothed(tracks, coordinates, score, flags)

    def _remembered_since(self, now_us: int) -> int:
        return now_us - round(self._options.forget_s * 1e6)

    def _smooth(self, people: SmoothState, measured: F32, score: F32, size: F32, now_us: int) -> tuple[F32, F32, U8]:
        """Coordinates (N, K, C), scores (N, K) and flags (N, K) of the people, whose memory is brought up to date."""
        o = self._options
        waits = [min(max((now_us - at_us) / 1e6, _LEAST_S), o.forget_s) for at_us in people.at_us.tolist()]
        dt_s = np.array(waits, np.float32)
        is_seen = seen(measured, score, o.seen_score)
        all_seen = all_of(is_seen)
        xy = measured[:, :, :2].copy()
        if not all_seen:
            xy[~is_seen] = _NAN
        take, anew = sides_of(people, xy, dt_s, size, o)
        if take is not None:
            score, is_seen = np.take_along_axis(score, take, axis=1), np.take_along_axis(is_seen, take, axis=1)
            measured = np.take_along_axis(measured, take[:, :, None], axis=1)
            xy = np.take_along_axis(xy, take[:, :, None], axis=1)
        elapsed = people.age_s + dt_s[:, None]
        fresh = elapsed > o.reset_s
        if anew is not None:
            fresh |= anew
        # Who crouches can be as quick as who stands.
        jumped, fresh = self._jumped(people, xy, elapsed, fresh, np.fmax(size, people.stature))
        doubtful = jumped | self._unlikely_bones(people, xy, dt_s)
        flat = pixel_coordinates(measured.shape[2])
        bent = bent_too_far(measured[:, :, flat:], people.skeleton) if measured.shape[2] > flat else None
        if bent is not None:
            doubtful |= bent & is_seen

        value, rate = self._filtered(people, measured, score, doubtful, elapsed, fresh, size)
        smoothed, flags = value, doubtful.view(np.uint8) * _DOUBTFUL
        if not all_seen:
            value, rate = _carried(people, value, rate, is_seen, is_seen & ~fresh & ~doubtful, elapsed <= o.reset_s)
            filled = ~is_seen & (elapsed <= o.fill_s)
            fading = people.score * (1 - np.minimum(elapsed / max(o.fill_s, _LEAST_S), 1))
            smoothed = np.where((is_seen | filled)[:, :, None], value, _NAN)
            flags |= filled.view(np.uint8) * _FILLED
            people.score = np.where(is_seen, score, people.score)
            score = np.where(is_seen, score, np.where(filled, fading, np.float32(0)))
        else:
            people.score = score.copy()
        people.at_us = np.empty(len(people.at_us), np.int64)
        people.at_us.fill(now_us)
        people.value, people.rate = value, rate
        people.age_s = elapsed
        people.age_s[is_seen & ~jumped] = 0.0
        return smoothed, score, flags

    def _filtered(
        self, people: SmoothState, measured: F32, score: F32, doubtful: Bool, elapsed: F32, fresh: Bool, size: F32
    ) -> tuple[F32, F32]:
        o = self._options
        trust = score / self._full_score
        np.maximum(trust, self._doubt_trust, out=trust)
        np.minimum(trust, _ONE, out=trust)
        if any_of(doubtful):
            trust[doubtful] = o.doubt_trust
        since_s = np.minimum(elapsed, self._reset_s)
        scale = np.empty((len(size), 1, measured.shape[2]), np.float32)
        scale.fill(_BODY_M)
        scale[:, 0, : pixel_coordinates(measured.shape[2])] = size[:, None]
        value, rate = self._filter(people.value, people.rate, measured, since_s[:, :, None], trust[:, :, None], scale)
        begin = np.isnan(value)
        if any_of(fresh):
            begin |= fresh[:, :, None]
        if any_of(begin):
            value, rate = np.where(begin, measured, value), np.where(begin, np.float32(0), rate)
        return value, rate

    def _jumped(self, people: SmoothState, xy: F32, elapsed: F32, fresh: Bool, size: F32) -> tuple[Bool, Bool]:
        """Keypoints faster than a body can be, and which begin anew: if most of a person jumped, all of it does."""
        moved = xy - people.value[:, :, :2]
        reach = elapsed * self._max_speed
        reach += _NOISE
        reach *= size[:, None]
        reach *= reach
        jumped: Bool = np.einsum("nkd,nkd->nk", moved, moved) > reach
        jumped &= ~fresh
        if any_of(jumped):
            whole = 2 * jumped.sum(axis=1) > (~np.isnan(xy[:, :, 0])).sum(axis=1)
            jumped, fresh = jumped & ~whole[:, None], fresh | whole[:, None]
        return jumped, fresh

    def _unlikely_bones(self, people: SmoothState, xy: F32, dt_s: F32) -> Bool:
        """Keypoints to blame for bones that are too long. The learned stature is brought up to date."""
        statures = bones.suggested_statures(xy, people.skeleton)
        people.stature, current = bones.learned_stature(people.stature, statures, dt_s)
        limit = np.fmax(people.stature, current) * self._options.bone_excess
        impossible = statures > limit[:, None]
        if not any_of(impossible):
            return np.zeros(xy.shape[:2], np.bool_)
        return bones.to_blame(impossible, people.skeleton)


def _of_nobody(tracks: Tracks) -> Motions:
    flags = np.empty(tracks.poses.keypoint_score.shape, np.uint8)
    return Motions(poses=tracks.poses, track_id=tracks.track_id, flags=flags)


def _carried(
    people: SmoothState, value: F32, rate: F32, is_seen: Bool, leading: Bool, remembered: Bool
) -> tuple[F32, F32]:
    """Values and rates in which unseen keypoints moved along with the `leading` ones, or are forgotten."""
    step = np.where(leading[:, :, None], value[:, :, :2] - people.value[:, :, :2], 0).sum(axis=1)
    step /= np.maximum(leading.sum(axis=1), 1)[:, None]
    kept = np.where(remembered[:, :, None], people.value, _NAN)
    kept[:, :, :2] += step[:, None]
    mask = is_seen[:, :, None]
    return np.where(mask, value, kept), np.where(mask, rate, people.rate)
