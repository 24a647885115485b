"""The stage `detect`: a frame in, where people may be out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.core.perception import Found, PersonDetector
from pipeline.core.records import Record
from pipeline.core.regions import centre_distance, keep_distinct
from pipeline.core.types import F32, I64, U8
from pipeline.core.values import FEWER_LOOKS, Detections, Frame, Image
from stages.detect.known import explained, remember, squares_of
from stages.detect.options import DetectOptions
from stages.detect.state import DetectState
from stages.detect.windows import cut, touched, windows

_GROWTH = 6.0
"""Seconds of quiet for each second between two looks at a quiet window."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A window to be looked at.

    Attributes:
        window: Its number.
        picture: (S, S, 3) uint8, BGR.
    """

    window: int
    picture: U8


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What was found in a window, in pixels of its picture."""

    window: int
    found: Found


class DetectStage:
    """Looks for people, a window or two a frame.

    The budget grows with event time, not with frames: as many looks in `sweep_s` as there are windows. It goes to the
    windows that are most overdue; one where something begins to move is, as it has not been looked at for long. Who was
    found is kept in sight by one window; that they move brings no look at the others.

    Args:
        options: Settings.
        detector: Finds people in small pictures.
        pixels: Unpacks an image: (H, W, 3) uint8 BGR. Called only for frames that are looked at.
    """

    def __init__(self, options: DetectOptions, detector: PersonDetector, pixels: Callable[[Image], U8]) -> None:
        self._options, self._detector, self._pixels = options, detector, pixels
        periods = ("sweep_s", "fresh_sweep_s", "shared_sweep_s", "quiet_sweep_s", "deserted_sweep_s", "calm_s")
        self._eased = replace(options, **{name: getattr(options, name) * options.eased for name in periods})
        self._planned: dict[str, tuple[DetectState, Record[Frame], DetectState]] = {}

    def initial_state(self, camera: str) -> DetectState:
        """The state of a camera never seen before."""
        return DetectState.fresh(0, 0, 0, 0)

    def plan(self, state: DetectState, record: Record[Frame]) -> Sequence[Look]:
        """The windows that are due, cut out of the picture."""
        image = record.value.image
        squares = self._windows(image)
        advanced = self._advanced(state, record)
        # For `fold`, which would find the same again.
        self._planned[record.stamp.camera] = state, record, advanced
        due = self._due(advanced, squares, self._options_of(record))
        if not len(due):
            return ()
        pixels = self._pixels(image)
        return [Look(int(w), cut(pixels, squares[w], self._detector.size)) for w in due]

    def infer(self, requests: Sequence[Look]) -> Sequence[Seen]:
        """The detector on all pictures at once."""
        found = self._detector.detect(np.stack([look.picture for look in requests])) if requests else ()
        return [Seen(look.window, one) for look, one in zip(requests, found, strict=True)]

    def fold(
        self, state: DetectState, record: Record[Frame], results: Sequence[Seen]
    ) -> tuple[DetectState, Sequence[Detections]]:
        """The people of all windows of this frame, each once."""
        before, planned, advanced = self._planned.pop(record.stamp.camera, (None, None, None))
        if advanced is None or before is not state or planned is not record:
            advanced = self._advanced(state, record)
        state = advanced
        image, now_us = record.value.image, record.stamp.captured_at_us
        if not results:
            nobody = Detections(image, 0, xyxy=_NONE, score=_NONE[:, 0], region=_NONE, ease=record.value.ease)
            return state, (nobody,)
        squares = self._windows(image)
        xyxy, score, region, clipped = _in_frame(results, squares, self._detector.size, image)
        window = np.repeat([seen.window for seen in results], [len(seen.found.score) for seen in results])
        # Within a window the detector itself has told people apart.
        limit = np.where(window[:, None] == window[None, :], self._options.apart, self._options.merge)
        same = centre_distance(region, region) < limit
        # Whoever reaches out of one window is better seen by the neighbour that holds the hips too.
        kept = keep_distinct(same, score - clipped)
        looked = np.array([seen.window for seen in results], dtype=np.int64)
        state.looked_us[looked] = now_us
        state.credit -= len(results)
        options, seen_here = self._options_of(record), (region[kept], score[kept], window[kept])
        remember(state, options, squares, looked, seen_here, now_us)
        value = Detections(
            image=image,
            looked=len(results),
            xyxy=xyxy[kept],
            score=score[kept],
            region=region[kept],
            ease=record.value.ease,
        )
        return state, (value,)

    def _options_of(self, record: Record[Frame]) -> DetectOptions:
        return self._eased if record.value.ease >= FEWER_LOOKS else self._options

    def _windows(self, image: Image) -> F32:
        return windows(image.width, image.height, self._options.window, self._options.overlap)

    def _advanced(self, state: DetectState, record: Record[Frame]) -> DetectState:
        """The state at the time of this record, before anything is looked at."""
        frame, now_us = record.value, record.stamp.captured_at_us
        squares = self._windows(frame.image)
        options, count = self._options_of(record), len(squares)
        sweep_s, passed_s = options.sweep_s, max(now_us - state.at_us, 0) / 1e6
        if (state.width, state.height) != (frame.image.width, frame.image.height) or len(state.looked_us) != count:
            return DetectState.fresh(frame.image.width, frame.image.height, now_us, count)
        earned = min(passed_s, sweep_s) * count / sweep_s
        news = touched(squares, frame.motion[~explained(frame.motion, state.region)])
        stirred_us = state.stirred_us if len(state.stirred_us) else state.active_us
        unseen = passed_s > options.calm_s  # what happened meanwhile did not move before our eyes
        return DetectState(
            width=state.width,
            height=state.height,
            at_us=now_us,
            # What is not used is not saved up for one expensive frame.
            credit=min(state.credit + earned, earned + 2.0),
            looked_us=state.looked_us.copy(),
            active_us=np.where(news | unseen, now_us, state.active_us),
            stirred_us=np.where(news & (now_us - state.active_us > options.calm_s * 1e6), now_us, stirred_us),
            region=state.region.copy(),
            seen_us=state.seen_us.copy(),
            home=state.home.copy(),
            home_score=state.home_score.copy(),
            home_us=state.home_us.copy(),
        )

    def _due(self, state: DetectState, squares: F32, o: DetectOptions) -> I64:
        """Numbers of the windows to look at now, the most overdue first, within the credit."""
        quiet_s = (state.at_us - state.active_us) / 1e6
        shared = touched(squares, squares_of(state.region))
        alone_s = np.minimum(np.maximum(quiet_s / _GROWTH, o.quiet_sweep_s), max(o.quiet_sweep_s, o.deserted_sweep_s))
        fresh = state.at_us - state.stirred_us < o.fresh_s * 1e6
        busy_s = np.where(fresh, min(o.fresh_sweep_s, o.sweep_s), o.sweep_s)
        period_s = np.where(quiet_s > o.calm_s, np.where(shared, o.shared_sweep_s, alone_s), busy_s)
        overdue = (state.at_us - state.looked_us) / (1e6 * period_s)
        order = np.argsort(-overdue, kind="stable")
        chosen: I64 = order[: int(state.credit + 1e-6)]
        return chosen[overdue[chosen] >= 1.0 - 1e-6]


_NONE: F32 = np.zeros((0, 4), dtype=np.float32)


def _in_frame(results: Sequence[Seen], squares: F32, size: int, image: Image) -> tuple[F32, F32, F32, F32]:
    """Boxes, scores and regions in pixels of the frame, and 1 for those whose centre their window does not hold."""
    corners = [squares[seen.window] for seen in results for _ in seen.found.score]
    square = np.array(corners, dtype=np.float32).reshape(-1, 3)
    xyxy = np.concatenate([_NONE, *(seen.found.xyxy for seen in results)])
    region = np.concatenate([_NONE, *(seen.found.region for seen in results)])
    score = np.concatenate([_NONE[:, 0], *(seen.found.score for seen in results)])
    scale = square[:, 2:] / np.float32(size)
    xyxy = xyxy * np.tile(scale, 4) + np.tile(square[:, :2], 2)
    region = np.column_stack((region[:, :2] * scale + square[:, :2], region[:, 2:3] * scale, region[:, 3]))
    inside = (region[:, :2] >= square[:, :2]) & (region[:, :2] <= square[:, :2] + square[:, 2:])
    frame = np.array([image.width, image.height], dtype=np.float32)
    of_frame = (region[:, :2] >= 0) & (region[:, :2] <= frame)
    clipped: F32 = np.asarray(of_frame.all(axis=1) & ~inside.all(axis=1), dtype=np.float32)
    return xyxy.astype(np.float32), score.astype(np.float32), region.astype(np.float32), clipped
