"""The track stage: ByteTrack (Zhang et al., 2022) with time in seconds and a cost of boxes and keypoints.

Every frame's poses give one `Tracks` with the people who have a number. A person in plain sight (`sure_score`), or in
the first frame, has one at once; a doubtful one with the second sight, and if there is none is never reported. People
out of sight are not reported; they keep their number for `lost_s`. For `remember_s` their looks are remembered: a
newcomer who may be one of them is looked at for up to `recall_s` before it is reported, by the old number or a new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib import import_module

import numpy as np

from pipeline.core import boxes, ids
from pipeline.core.errors import InvalidRecord
from pipeline.core.masks import all_of, any_of
from pipeline.core.records import Record, Tick
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32, F64, I64, Bool
from pipeline.core.values import Poses, Tracks
from stages.track import kalman
from stages.track.association import BODY, box_costs, covered, is_lying, likeness, matched
from stages.track.kalman import Noise
from stages.track.looks import looks_of, unlikeness
from stages.track.options import TrackOptions
from stages.track.returns import away, known_again, leave
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
        n = len(poses)
        rows = poses.keypoints.reshape(n, poses.keypoints.shape[1] * 3)
        body = rows.take(_body_indices(poses.skeleton), axis=1).reshape(n, len(BODY), 2)
        # Nobody is so new that a second sight cannot be waited for, unless the frames themselves are too far apart.
        alone = state.at_us == 0 or now_us - state.at_us > self._options.confirm_s * 1e6
        state.resize(poses.width, poses.height)
        self._forget(state, now_us)
        self._predict(state, now_us)

        track_of, taken = self._match(state, poses, body, now_us)
        named = track_of >= 0
        self._update(state, poses, body, track_of, named.nonzero()[0], now_us)

        fresh = () if all_of(named) else self._newcomers(poses, body, track_of, taken)
        if len(fresh):
            named[fresh] = alone | (poses.score[fresh] >= self._options.sure_score)
            mean, covariance = kalman.start(boxes.centre_and_size(poses.xyxy[fresh]), self._noise)
            track_of[fresh] = len(state.track_id) + np.arange(len(fresh))
            state.append(now_us, mean, covariance, body[fresh])

        self._learn(state, poses, track_of, now_us)
        if 0 in state.track_id.tolist():
            self._give_numbers(state, track_of[named], alone, now_us, record.stamp.camera_no)
        reported = named.nonzero()[0]
        track_id = state.track_id.take(track_of.take(reported))
        if len(track_id) and min(track_id.tolist()) <= 0:
            reported, track_id = reported[track_id > 0], track_id[track_id > 0]
        if len(state.track_id) and min(state.track_id.tolist()) < 0:
            state.keep(state.track_id >= 0)
        state.at_us = max(state.at_us, now_us)
        whole = len(reported) == n and not poses.colour.shape[1]
        return state, (Tracks(poses=poses if whole else _chosen(poses, reported), track_id=track_id),)

    def _forget(self, state: TrackState, now_us: int) -> None:
        o = self._options
        if len(state.past_us) and now_us - min(state.past_us.tolist()) > o.remember_s * 1e6:
            state.keep_past(now_us - state.past_us <= o.remember_s * 1e6)
        if len(state.track_id) == 0 or now_us - min(state.seen_us.tolist()) <= min(o.lost_s, o.confirm_s) * 1e6:
            return
        keep_us = np.where(state.track_id > 0, o.lost_s * 1e6, o.confirm_s * 1e6)
        kept = now_us - state.seen_us <= keep_us
        left = ~kept & (state.track_id > 0) & (now_us - state.seen_us <= o.remember_s * 1e6)
        if any_of(left):
            leave(state, o, left)
        state.keep(kept)

    def _predict(self, state: TrackState, now_us: int) -> None:
        dt_s = max(now_us - state.at_us, 0) / 1e6
        if dt_s == 0.0 or len(state.track_id) == 0:
            return
        # As in the paper, the box of someone out of sight moves on but neither grows nor shrinks.
        if dt_s > self._options.recover_s:
            state.mean[:, 6:] = 0.0
        elif min(state.seen_us.tolist()) < state.at_us:
            state.mean[state.seen_us < state.at_us, 6:] = 0.0
        mean, state.covariance = kalman.predict(state.mean, state.covariance, dt_s, self._noise)
        way = np.subtract(mean[:, :2], state.mean[:, :2]).astype(np.float32)
        state.keypoints = state.keypoints + way[:, None]
        state.mean = mean

    def _match(self, state: TrackState, poses: Poses, body: F32, now_us: int) -> tuple[I64, Bool]:
        """For each pose the row of its track or -1, and which poses had a score that takes part."""
        o = self._options
        track_of = np.empty(len(poses), np.int64)
        track_of.fill(-1)
        valid = boxes.valid(poses.xyxy)
        high = poses.score >= o.high_score
        high &= valid
        if len(state.track_id) == 0 or len(poses) == 0:
            return track_of, high
        cost = self._costs(state, poses, body, now_us)
        handicap = np.zeros(len(state.track_id))
        if min(state.seen_us.tolist()) < state.at_us:
            handicap[state.seen_us < state.at_us] = o.lost_handicap
        free: Bool | None = None
        for tracks, people, max_cost in self._rounds(state, poses, valid, high, now_us):
            if free is None:
                rows, columns = tracks.nonzero()[0], people.nonzero()[0]
                free = np.ones(len(state.track_id), np.bool_)
            else:
                rows, columns = (tracks & free).nonzero()[0], (people & (track_of < 0)).nonzero()[0]
            rows, columns = matched(cost, rows, columns, max_cost, handicap[rows])
            track_of[columns] = rows
            free[rows] = False
            if not any_of(free):
                break
        return track_of, high

    def _rounds(
        self, state: TrackState, poses: Poses, valid: Bool, high: Bool, now_us: int
    ) -> Iterator[tuple[Bool, Bool, float]]:
        """Which tracks (T,) and poses (N,) take part in each round, and the largest cost of a match in it."""
        o = self._options
        # Who is only waited for, to be known again, has been seen twice too.
        confirmed = (state.track_id > 0) | (state.seen_us > state.since_us)
        yield confirmed, high, o.high_cost
        recent = state.seen_us >= min(state.at_us, now_us - o.recover_s * 1e6)
        yield confirmed & recent, valid & ~high & (poses.score >= o.low_score), o.low_cost
        yield ~confirmed, high, o.new_cost

    def _costs(self, state: TrackState, poses: Poses, body: F32, now_us: int) -> F64:
        """(T, N) cost of each match in [0, 1]; infinite beyond the gate."""
        o = self._options
        predicted = boxes.from_centre_and_size(state.mean[:, :4])
        unseen_us = now_us - state.seen_us
        size = kalman.size_of(state.mean)
        doubt = o.limb_speed * size
        doubt *= doubt
        doubt += state.covariance[:, 2]
        slack = unseen_us / 1e6
        slack *= np.sqrt(doubt)
        alike = likeness(state.keypoints, body, predicted, slack)
        of_boxes = box_costs(predicted, poses.xyxy)
        cost = 1.0 - alike
        cost -= of_boxes
        cost *= o.pose_weight
        cost += of_boxes
        unlike = np.isnan(alike)
        if any_of(unlike):
            cost = np.where(unlike, of_boxes, cost)
        centres = poses.xyxy[:, :2] + poses.xyxy[:, 2:]
        centres *= _HALF
        far = kalman.distance2(state.mean, state.covariance, centres, self._noise) > o.gate
        if any_of(far):
            cost[far & ~(alike >= o.gate_oks)] = np.inf
        doubtful = self._doubtful(cost)
        if doubtful is not None and any_of(state.look_count > 0):
            cost += o.look_weight * doubtful * unlikeness(state.looks, looks_of(poses, np.arange(len(poses))))
        # Not of people whom no frame could show: they are where they are foretold as well as any.
        missed, edge = state.seen_us < state.at_us, self._at_edge(state)
        misses = any_of(missed)
        if misses or any_of(edge):
            limit = np.where(missed & (unseen_us > o.recover_s * 1e6), o.lost_cost, np.inf)
            limit[edge] = o.edge_cost
            cost[cost > limit[:, None]] = np.inf
        vanished = missed & (unseen_us <= o.fallen_s * 1e6) if misses else missed
        if misses and any_of(vanished):
            way = np.linalg.norm(state.mean[:, None, :2] - centres[None], axis=2)
            fallen = vanished[:, None] & is_lying(body)[None] & (way <= size[:, None])
            cost[fallen] = np.minimum(cost[fallen], o.fallen_cost)
        return cost

    def _at_edge(self, state: TrackState) -> Bool:
        """(T,) who is foretold to be on the way over the left or right edge of the picture."""
        x, half = state.mean[:, 0], state.mean[:, 2] * 0.5
        result: Bool = x < half
        result |= x > state.width - half
        return result

    def _doubtful(self, cost: F64) -> Bool | None:
        """(T, N) the likely matches that looks have a say in: dear ones, and where another one is as likely. None where
        there is none.
        """
        o = self._options
        cheapest = np.minimum(np.minimum.reduce(cost, axis=0), np.minimum.reduce(cost, axis=1)[:, None])
        cheapest += o.near_cost
        near = cost < np.minimum(cheapest, o.high_cost, out=cheapest)
        dear = cost > o.sure_cost
        dear &= near
        rows, columns = (places.tolist() for places in near.nonzero())
        if len(set(rows)) == len(rows) == len(set(columns)):
            return dear if any_of(dear) else None
        rival = np.add.reduce(near, axis=0) > 1
        doubtful: Bool = rival | (np.add.reduce(near, axis=1) > 1)[:, None]
        doubtful &= near
        doubtful |= dear
        return doubtful

    def _update(self, state: TrackState, poses: Poses, body: F32, track_of: I64, people: I64, now_us: int) -> None:
        """Take what was measured of these people of the frame, each of whom has a track."""
        if len(people) == 0:
            return
        rows = track_of.take(people)
        if len(people) == len(state.track_id) == len(poses) and rows.tolist() == list(range(len(rows))):
            state.mean, state.covariance = kalman.update(
                state.mean, state.covariance, boxes.centre_and_size(poses.xyxy), self._noise
            )
            state.keypoints = body
            state.seen_us = np.full(len(rows), now_us, np.int64)
            return
        state.mean[rows], state.covariance[rows] = kalman.update(
            state.mean.take(rows, axis=0),
            state.covariance.take(rows, axis=0),
            boxes.centre_and_size(poses.xyxy.take(people, axis=0)),
            self._noise,
        )
        state.keypoints[rows] = body.take(people, axis=0)
        state.seen_us[rows] = now_us

    def _newcomers(self, poses: Poses, body: F32, track_of: I64, high: Bool) -> I64:
        """Indices of the poses that begin a track: good enough, and no second skeleton on someone already here."""
        candidates = (high & (track_of < 0) & (poses.score >= self._options.new_score)).nonzero()[0]
        if len(candidates) == 0:
            return candidates
        alike = likeness(body[candidates], body, poses.xyxy[candidates])
        rivals = np.tile(track_of >= 0, (len(candidates), 1))
        rivals[:, candidates] = np.tri(len(candidates), k=-1, dtype=np.bool_)  # and the candidates before it
        double = (rivals & (alike >= self._options.duplicate_oks)).any(axis=1)
        return candidates[~double]

    def _learn(self, state: TrackState, poses: Poses, track_of: I64, now_us: int) -> None:
        """Take in the looks of people who were not looked at for `look_s` and do not overlap with others."""
        least_us = self._options.look_s * 1e6
        if not len(state.looked_us) or now_us - min(state.looked_us.tolist()) < least_us:
            return
        people = (track_of >= 0).nonzero()[0]
        rows = track_of.take(people)
        due = now_us - state.looked_us.take(rows) >= least_us
        if not any_of(due):
            return
        people, rows = people[due], rows[due]
        state.looked_us[rows] = now_us
        apart = covered(poses.xyxy)[people] <= self._options.most_covered
        if any_of(apart):
            state.looks.learn(rows[apart], looks_of(poses, people[apart]))

    def _give_numbers(self, state: TrackState, rows: I64, alone: bool, now_us: int, camera_no: int) -> None:
        """The old number or a new one for those who have none, in the order of the frame's people.

        Who may yet be known again stays without one for a while. A track whose number goes to a newcomer gets -1.
        """
        rows = rows[state.track_id[rows] == 0]
        if not len(rows):
            return
        numbers, looks = away(state, self._options, now_us)
        found, decided = known_again(state, self._options, rows, looks, now_us, last=alone)
        for row, known in zip(rows[decided].tolist(), found[decided].tolist(), strict=True):
            if known < 0:
                state.counter += 1
                state.track_id[row] = ids.make_track_id(camera_no, state.counter)
            else:
                state.track_id[state.track_id == numbers[known]] = -1
                state.keep_past(state.past_id != numbers[known])
                state.track_id[row] = numbers[known]


# An operand without axes: numpy takes it in half the time of Python's numbers.
_HALF = np.array(0.5, np.float32)


@lru_cache(maxsize=64)
def _body_indices(skeleton: str) -> I64:
    """(34,) places of x and y of the body in a person's row of keypoints (K * 3)."""
    known = SKELETONS.get(skeleton)
    if known is None:
        raise InvalidRecord(f"unknown skeleton {skeleton!r}, expected one of {', '.join(SKELETONS)}")
    x = 3 * known.indices(*BODY.keypoints)
    return np.stack((x, x + 1), axis=1).ravel()


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
