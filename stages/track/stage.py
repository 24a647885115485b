"""The track stage: ByteTrack (Zhang et al., 2022) with time in seconds and a cost of boxes and keypoints.

Every frame's poses give one `Tracks` with the people who have a number. A person in plain sight (`sure_score`), or in
the first frame, has one at once; a doubtful one with the second sight, and if there is none is never reported. People
out of sight are not reported; they keep their number for `lost_s`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib import import_module

import numpy as np

from pipeline.core import boxes, ids
from pipeline.core.errors import InvalidRecord
from pipeline.core.records import Record, Tick
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32, F64, I64, Bool
from pipeline.core.values import Poses, Tracks
from stages.track import kalman
from stages.track.association import BODY, box_costs, is_lying, likeness, matched
from stages.track.kalman import Noise
from stages.track.options import TrackOptions
from stages.track.state import TrackState


class TrackStage:
    """Gives people numbers that stay. Numbers are `ids.make_track_id(camera_no, counter)`, the counter in the state."""

    def __init__(self, options: TrackOptions | None = None) -> None:
        o = self._options = options or TrackOptions()
        self._noise = Noise(o.measure_noise, o.drift, o.acceleration, o.start_speed)
        # Half a second that `matched` would take of the first frame.
        import_module("scipy.optimize")

    def initial_state(self, camera: str) -> TrackState:
        """Nobody, and no number given yet."""
        return TrackState()

    def tick(self, state: TrackState, record: Record[Tick]) -> tuple[TrackState, Sequence[Tracks]]:
        """Forget who has been out of sight for too long."""
        self._forget(state, record.stamp.captured_at_us)
        return state, ()

    def step(self, state: TrackState, record: Record[Poses]) -> tuple[TrackState, Sequence[Tracks]]:
        """Match the people of the frame with the tracks; begin and end tracks."""
        poses, now_us = record.value, record.stamp.captured_at_us
        body = poses.keypoints[:, _body_indices(poses.skeleton), :2]
        # Nobody is so new that a second sight cannot be waited for, unless the frames themselves are too far apart.
        alone = state.at_us == 0 or now_us - state.at_us > self._options.confirm_s * 1e6
        state.resize(poses.width, poses.height)
        self._forget(state, now_us)
        self._predict(state, now_us)

        track_of, taken = self._match(state, poses, body, now_us)
        people = np.flatnonzero(track_of >= 0)
        self._update(state, track_of[people], poses.xyxy[people], body[people], now_us)

        fresh = self._newcomers(poses, body, track_of, taken)
        named = track_of >= 0
        if len(fresh):
            named[fresh] = alone | (poses.score[fresh] >= self._options.sure_score)
            mean, covariance = kalman.start(boxes.centre_and_size(poses.xyxy[fresh]), self._noise)
            track_of[fresh] = len(state.track_id) + np.arange(len(fresh))
            state.append(np.zeros(len(fresh), np.int64), now_us, mean, covariance, body[fresh])

        reported = np.flatnonzero(named)
        self._give_numbers(state, track_of[reported], record.stamp.camera_no)
        state.at_us = max(state.at_us, now_us)
        track_id = state.track_id[track_of[reported]]
        return state, (
            Tracks(poses=poses if len(reported) == len(poses) else _chosen(poses, reported), track_id=track_id),
        )

    def _forget(self, state: TrackState, now_us: int) -> None:
        o = self._options
        if len(state.track_id) == 0 or now_us - int(state.seen_us.min()) <= min(o.lost_s, o.confirm_s) * 1e6:
            return
        keep_us = np.where(state.track_id > 0, o.lost_s * 1e6, o.confirm_s * 1e6)
        state.keep(now_us - state.seen_us <= keep_us)

    def _predict(self, state: TrackState, now_us: int) -> None:
        dt_s = max(now_us - state.at_us, 0) / 1e6
        if dt_s == 0.0 or len(state.track_id) == 0:
            return
        # As in the paper, the box of someone out of sight moves on but neither grows nor shrinks.
        if dt_s > self._options.recover_s:
            state.mean[:, 6:] = 0.0
        else:
            state.mean[state.seen_us < state.at_us, 6:] = 0.0
        mean, state.covariance = kalman.predict(state.mean, state.covariance, dt_s, self._noise)
        state.keypoints = state.keypoints + (mean[:, None, :2] - state.mean[:, None, :2]).astype(np.float32)
        state.mean = mean

    def _match(self, state: TrackState, poses: Poses, body: F32, now_us: int) -> tuple[I64, Bool]:
        """For each pose the row of its track or -1, and which poses had a score that takes part."""
        o = self._options
        track_of = np.full(len(poses), -1, np.int64)
        valid = boxes.valid(poses.xyxy)
        high = valid & (poses.score >= o.high_score)
        if len(state.track_id) == 0 or len(poses) == 0:
            return track_of, high
        cost = self._costs(state, poses, body, now_us)
        free = np.ones(len(state.track_id), np.bool_)
        handicap = np.where(state.seen_us < state.at_us, o.lost_handicap, 0.0)
        for tracks, people, max_cost in self._rounds(state, poses, valid, high, now_us):
            rows, columns = np.flatnonzero(tracks & free), np.flatnonzero(people & (track_of < 0))
            rows, columns = matched(cost, rows, columns, max_cost, handicap[rows])
            track_of[columns] = rows
            free[rows] = False
            if not free.any():
                break
        return track_of, high

    def _rounds(
        self, state: TrackState, poses: Poses, valid: Bool, high: Bool, now_us: int
    ) -> Iterator[tuple[Bool, Bool, float]]:
        """Which tracks (T,) and poses (N,) take part in each round, and the largest cost of a match in it."""
        o = self._options
        confirmed = state.track_id > 0
        yield confirmed, high, o.high_cost
        recent = state.seen_us >= min(state.at_us, now_us - o.recover_s * 1e6)
        yield confirmed & recent, valid & ~high & (poses.score >= o.low_score), o.low_cost
        yield ~confirmed, high, o.new_cost

    def _costs(self, state: TrackState, poses: Poses, body: F32, now_us: int) -> F64:
        """(T, N) cost of each match in [0, 1]; infinite beyond the gate."""
        o = self._options
        predicted = boxes.from_centre_and_size(state.mean[:, :4])
        limb_speed = o.limb_speed * kalman.size_of(state.mean)
        slack = (now_us - state.seen_us) / 1e6 * np.sqrt(limb_speed**2 + state.covariance[:, 2])
        alike = likeness(state.keypoints, body, predicted, slack)
        of_boxes = box_costs(predicted, poses.xyxy)
        cost = of_boxes + o.pose_weight * (1.0 - alike - of_boxes)
        unlike = np.isnan(alike)
        if unlike.any():
            cost = np.where(unlike, of_boxes, cost)
        centres = (poses.xyxy[:, :2] + poses.xyxy[:, 2:]) * np.float32(0.5)
        far = kalman.distance2(state.mean, state.covariance, centres, self._noise) > o.gate
        cost[far & ~(alike >= o.gate_oks)] = np.inf
        vanished = (state.seen_us < state.at_us) & (now_us - state.seen_us <= o.fallen_s * 1e6)
        if vanished.any():
            way = np.linalg.norm(state.mean[:, None, :2] - centres[None], axis=2)
            fallen = vanished[:, None] & is_lying(body)[None] & (way <= kalman.size_of(state.mean)[:, None])
            cost[fallen] = np.minimum(cost[fallen], o.fallen_cost)
        return cost

    def _update(self, state: TrackState, rows: I64, xyxy: F32, body: F32, now_us: int) -> None:
        if len(rows) == 0:
            return
        state.mean[rows], state.covariance[rows] = kalman.update(
            state.mean[rows], state.covariance[rows], boxes.centre_and_size(xyxy), self._noise
        )
        state.keypoints[rows] = body
        state.seen_us[rows] = now_us

    def _newcomers(self, poses: Poses, body: F32, track_of: I64, high: Bool) -> I64:
        """Indices of the poses that begin a track: good enough, and no second skeleton on someone already here."""
        candidates = np.flatnonzero(high & (track_of < 0) & (poses.score >= self._options.new_score))
        if len(candidates) == 0:
            return candidates
        alike = likeness(body[candidates], body, poses.xyxy[candidates])
        rivals = np.tile(track_of >= 0, (len(candidates), 1))
        rivals[:, candidates] = np.tri(len(candidates), k=-1, dtype=np.bool_)  # and the candidates before it
        double = (rivals & (alike >= self._options.duplicate_oks)).any(axis=1)
        return candidates[~double]

    def _give_numbers(self, state: TrackState, rows: I64, camera_no: int) -> None:
        """A number for those who have none, in the order of the frame's people."""
        for row in rows[state.track_id[rows] == 0].tolist():
            state.counter += 1
            state.track_id[row] = ids.make_track_id(camera_no, state.counter)


@lru_cache(maxsize=64)
def _body_indices(skeleton: str) -> I64:
    known = SKELETONS.get(skeleton)
    if known is None:
        raise InvalidRecord(f"unknown skeleton {skeleton!r}, expected one of {', '.join(SKELETONS)}")
    return known.indices(*BODY.keypoints)


def _chosen(poses: Poses, rows: I64) -> Poses:
    return Poses(
        skeleton=poses.skeleton,
        width=poses.width,
        height=poses.height,
        xyxy=poses.xyxy[rows],
        score=poses.score[rows],
        keypoints=poses.keypoints[rows],
        keypoint_score=poses.keypoint_score[rows],
        world=poses.world[rows],
    )
