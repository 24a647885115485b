"""The picture of skeletons: how people moved, side by side over time on plain paper."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.core.skeletons import SKELETONS, Skeleton
from pipeline.core.types import F32, U8
from pipeline.core.values import Motions
from pipeline.video.lettering import text_size, write
from pipeline.video.limbs import draw_skeleton
from pipeline.video.palette import FAINT, INK, PAPER, Colour, mixed, person_colour, person_number

_MIN_SCORE = 0.3
_FACE = ("nose", "eye", "ear", "mouth")

Seen = tuple[int, F32, F32, str]
"""Event time, (K, 2) keypoints, (K,) scores and skeleton of one person in one frame."""


def skeleton_picture(
    history: Sequence[tuple[int, Motions]], *, people: int = 2, steps: int = 12, width: int = 1600, height: int = 720
) -> U8:
    """A sheet with a row for each of the people seen longest: their skeletons at `steps` times from left to right.

    The rows share nothing; within a row all skeletons have one scale and one floor, so that rising and falling is seen.

    Args:
        history: Event times in microseconds and the people then, in the order of time.
        people: Rows at most.
        steps: Skeletons a row.
        width, height: Of the sheet, pixels.

    Returns:
        (height, width, 3) uint8 BGR. Without any person the sheet says so.
    """
    sheet = np.empty((height, width, 3), dtype=np.uint8)
    sheet[:] = PAPER
    tracks = _by_track(history)
    longest = sorted(tracks, key=lambda track: (-len(tracks[track]), track))[:people]
    if not longest:
        letters = height / 20
        wide, _ = text_size("nobody was seen", letters)
        write(sheet, "nobody was seen", (width - wide) / 2, height / 2, letters, INK)
        return sheet
    start_us = history[0][0]
    row_height = height // len(longest)
    for row, track in enumerate(sorted(longest)):
        _draw_row(sheet[row * row_height : (row + 1) * row_height], track, _spread(tracks[track], steps), start_us)
    return sheet


def _by_track(history: Sequence[tuple[int, Motions]]) -> dict[int, list[Seen]]:
    tracks: dict[int, list[Seen]] = {}
    for at_us, motions in history:
        poses = motions.poses
        for person, track_id in enumerate(motions.track_id.tolist()):
            keypoints, score = poses.keypoints[person, :, :2], poses.keypoint_score[person]
            if (np.isfinite(keypoints).all(axis=1) & (score >= _MIN_SCORE)).any():
                tracks.setdefault(track_id, []).append((at_us, keypoints, score, poses.skeleton))
    return tracks


def _spread(seen: list[Seen], steps: int) -> list[Seen]:
    """The moments nearest to `steps` times spread evenly from the first to the last."""
    times = np.array([moment[0] for moment in seen])
    wanted = np.linspace(times[0], times[-1], min(steps, len(seen)))
    return [seen[i] for i in dict.fromkeys(int(np.abs(times - at).argmin()) for at in wanted)]


def _draw_row(part: U8, track_id: int, moments: list[Seen], start_us: int) -> None:
    height, width = part.shape[:2]
    letters = max(height / 30, 7.0)
    margin, floor = 2.5 * letters, height - 3.2 * letters
    sure = [k[np.isfinite(k).all(axis=1) & (s >= _MIN_SCORE)] for _, k, s, _ in moments]
    top, bottom = min(float(k[:, 1].min()) for k in sure), max(float(k[:, 1].max()) for k in sure)
    cell = (width - 2 * margin) / len(moments)
    # Half of them fit into their cells; arms stretched to the sides may reach into the next.
    usual = float(np.median([np.ptp(k[:, 0]) for k in sure]))
    scale = min((floor - 3.5 * letters) / max(bottom - top, 1.0), cell / max(usual, 1.0))
    y = round(floor)
    cv2.line(part, (round(margin), y), (round(width - margin), y), FAINT, max(1, round(height / 300)), cv2.LINE_AA)
    for number, ((at_us, keypoints, score, skeleton), known) in enumerate(zip(moments, sure, strict=True)):
        centre = margin + cell * (number + 0.5)
        middle = float(known[:, 0].min() + known[:, 0].max()) / 2
        placed = (keypoints - np.array((middle, bottom), dtype=np.float32)) * np.float32(scale)
        placed += np.array((centre, floor), dtype=np.float32)
        colour = person_colour(track_id)
        line = max(height / 150, 1.5)
        body = _with_head(part, placed, score, SKELETONS[skeleton], colour, line)
        draw_skeleton(part, placed, body, SKELETONS[skeleton], colour, line, _MIN_SCORE, outline=None)
        text = f"{(at_us - start_us) / 1e6:.1f} s"
        wide, _ = text_size(text, letters)
        write(part, text, centre - wide / 2, floor + 2 * letters, letters, INK)
    write(part, f"person {person_number(track_id)}", margin, 2 * letters, letters * 1.1, person_colour(track_id))


def _with_head(part: U8, keypoints: F32, score: F32, skeleton: Skeleton, colour: Colour, line: float) -> F32:
    """Draw a head and neck for the keypoints of the face, and give the scores of those that are still to be drawn."""
    nose, left, right = skeleton.indices("nose", "left_shoulder", "right_shoulder")
    if score[[nose, left, right]].min() < _MIN_SCORE or not np.isfinite(keypoints[[nose, left, right]]).all():
        return score
    neck = (keypoints[left] + keypoints[right]) / 2
    face = skeleton.indices(*(name for name in skeleton.keypoints if any(word in name for word in _FACE)))
    centre = np.nanmean(keypoints[face], axis=0)
    # The nose is 0.9 of the head's width above the shoulders' line, near enough for a drawing.
    radius = float(np.hypot(*(keypoints[nose] - neck))) * 0.45
    towards = (neck - centre) / max(float(np.hypot(*(neck - centre))), 1e-6)
    start = centre + towards * radius
    thick = max(1, round(line))
    cv2.line(part, np.rint(start).astype(int).tolist(), np.rint(neck).astype(int).tolist(), colour, thick, cv2.LINE_AA)
    place = np.rint(centre).astype(int).tolist()
    cv2.circle(part, place, max(round(radius), 1), mixed(colour, PAPER, 0.6), -1, cv2.LINE_AA)
    cv2.circle(part, place, max(round(radius), 1), colour, thick, cv2.LINE_AA)
    body = score.copy()
    body[face] = 0.0
    return body
