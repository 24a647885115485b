"""Where the parts of all people lie on the picture, and what hides what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.core.types import F64, I64, Bool
from pipeline.video.simulate.camera import Camera
from pipeline.video.simulate.head import HALF_AXES, HeadView
from pipeline.video.simulate.kinematics import POINT, Figures
from pipeline.video.simulate.parts import SAMPLES, Parts

STEPS = 128
"""Samples along a part on the picture, round ends included."""


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """P parts and N heads on the picture; lengths in pixels.

    Attributes:
        points: (N, M, 2) all points of the bodies.
        depth: (N, M) metres from the camera.
        start: (P, 2) where the axis begins, its round end included.
        along, across: (P, 2) unit vectors of the picture along the axis and at right angles to it.
        length: (P,) of the axis with both round ends.
        half_width: (P, STEPS) along the axis; negative beyond the ends.
        bow: (P, STEPS) how far the middle line lies off the axis, toward `across`.
        sample: (P, STEPS) int64, which sample of the part's colours is there.
        fade: (P, STEPS) how much of the part shows, 0 to 1.
        part_box: (P, 4) xyxy around each part.
        part_depth: (P,) metres, what is painted first is farther.
        heads: N views of heads, centred at the point `skull`.
    """

    points: F64
    depth: F64
    start: F64
    along: F64
    across: F64
    length: F64
    half_width: F64
    bow: F64
    sample: I64
    fade: F64
    part_box: F64
    part_depth: F64
    heads: tuple[HeadView, ...]


def lay_out(figures: Figures, parts: Parts, camera: Camera, heights: F64) -> Layout:
    """Project N people, `heights` (N,) metres, with all their parts."""
    points, depth = camera.project(figures.points)
    person = parts.person
    a, b, bend = (points[person, column] for column in (parts.a, parts.b, parts.bend))
    part_depth = (depth[person, parts.a] + depth[person, parts.b]) / 2
    scale = camera.focal_px / part_depth

    reach = b - a
    axis = np.sqrt(np.sum(reach * reach, axis=1))
    along = np.where(axis[:, None] > 1e-3, reach / np.maximum(axis, 1e-3)[:, None], (0.0, 1.0))
    across = along[:, ::-1] * (-1.0, 1.0)
    half = _half_widths(figures, parts, across @ camera.axes[:2]) * scale[:, None]

    begin, end = half[:, 0] * parts.cap[:, 0], half[:, -1] * parts.cap[:, 1]
    length = axis + begin + end
    at = np.linspace(0.0, 1.0, STEPS) * length[:, None] - begin[:, None]
    share = np.clip(at / np.maximum(axis, 1e-3)[:, None], 0.0, 1.0)
    place = share * (SAMPLES - 1)
    sample = np.minimum(place.astype(np.int64), SAMPLES - 2)
    low = np.take_along_axis(half, sample, axis=1)
    high = np.take_along_axis(half, sample + 1, axis=1)
    width = low + (high - low) * (place - sample)
    past = np.maximum(-at / np.maximum(begin, 1e-3)[:, None], (at - axis[:, None]) / np.maximum(end, 1e-3)[:, None])
    width *= np.sqrt(np.maximum(1 - np.maximum(past, 0.0) ** 2, 0.0))
    width[:, [0, -1]] = -1.0

    off = bend - a
    bent_at = np.clip(np.sum(off * along, axis=1) / np.maximum(axis, 1e-3), 0.2, 0.8)
    bow = (np.sum(off * across, axis=1) / (bent_at * (1 - bent_at)))[:, None] * share * (1 - share)
    start = a - along * begin[:, None]
    soft = np.clip((at + begin[:, None]) / np.maximum(parts.fade * begin, 1e-3)[:, None], 0.0, 1.0)
    heads = tuple(
        HeadView(np.array(HALF_AXES) * height * camera.focal_px / d, camera.axes @ head)
        for height, d, head in zip(heights, depth[:, POINT["skull"]], figures.head, strict=True)
    )
    return Layout(
        points=points,
        depth=depth,
        start=start,
        along=along,
        across=across,
        length=length,
        half_width=width,
        bow=bow,
        sample=np.rint(place).astype(np.int64),
        fade=np.where(parts.fade[:, None] > 0, soft, 1.0),
        part_box=_part_boxes(start, along, across, length, np.maximum(width, 0.0), bow),
        part_depth=part_depth - parts.nearer_m,
        heads=heads,
    )


def boxes(layout: Layout, parts: Parts) -> F64:
    """(N, 4) xyxy in pixels around all that is drawn of each person, also what lies outside the picture."""
    first = np.searchsorted(parts.person, np.arange(len(layout.heads)))
    skull = layout.points[:, POINT["skull"]]
    extent = np.stack([view.extent for view in layout.heads])
    low = np.minimum(np.minimum.reduceat(layout.part_box[:, :2], first), skull - extent)
    high = np.maximum(np.maximum.reduceat(layout.part_box[:, 2:], first), skull + extent)
    return np.concatenate([low, high], axis=1)


def order(layout: Layout) -> list[int]:
    """People from the farthest to the nearest, as they are painted."""
    hips = layout.depth[:, POINT["crotch"]]
    return [int(n) for n in np.argsort(-hips, kind="stable")]


def hidden(layout: Layout, parts: Parts, keypoints: int) -> Bool:
    """(N, keypoints) whether a keypoint lies behind another person, who is painted later."""
    result = np.zeros((len(layout.heads), keypoints), dtype=np.bool_)
    sequence = order(layout)
    for place, near in enumerate(sequence):
        far = sequence[:place]
        if far:
            result[far] |= _covered(layout, parts.person == near, near, layout.points[far, :keypoints])
    return result


def _covered(layout: Layout, mine: Bool, person: int, where: F64) -> Bool:
    """Whether pixels (F, K, 2) lie within the drawn parts or the head of one person."""
    offset = where[:, :, None] - layout.start[mine]
    along = np.sum(offset * layout.along[mine], axis=-1) / layout.length[mine]
    aside = np.sum(offset * layout.across[mine], axis=-1)
    step = np.clip(np.rint(along * (STEPS - 1)), 0, STEPS - 1).astype(np.int64)
    part = np.arange(int(mine.sum()))
    within = np.abs(aside - layout.bow[mine][part, step]) <= layout.half_width[mine][part, step]
    extent = layout.heads[person].extent
    head = np.sum(((where - layout.points[person, POINT["skull"]]) / extent) ** 2, axis=-1) <= 1
    covered: Bool = np.any(within & (along >= 0) & (along <= 1), axis=-1) | head
    return covered


def _part_boxes(start: F64, along: F64, across: F64, length: F64, width: F64, bow: F64) -> F64:
    """(P, 4) xyxy around the parts."""
    gone = length[:, None] * np.linspace(0.0, 1.0, STEPS)
    box = np.empty((len(start), 4))
    for i in (0, 1):
        middle = start[:, i, None] + along[:, i, None] * gone + across[:, i, None] * bow
        aside = np.abs(across[:, i, None]) * width
        box[:, i] = (middle - aside).min(axis=1)
        box[:, i + 2] = (middle + aside).max(axis=1)
    return box


def _half_widths(figures: Figures, parts: Parts, across: F64) -> F64:
    """(P, S) metres: half-widths of the elliptic cross-sections toward `across` (P, 3), a direction of the room."""
    axes = np.stack([figures.pelvis, figures.chest, figures.head], axis=1)[parts.person, parts.frame]
    forward, left = (np.sum(axes[..., i] * across, axis=1) ** 2 for i in (0, 1))
    total = np.maximum(forward + left, 1e-6)
    half: F64 = np.sqrt(parts.broad**2 * (left / total)[:, None] + parts.deep**2 * (forward / total)[:, None])
    return half
