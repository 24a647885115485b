"""Paints people on a picture: every part a solid, lit from the upper left, with soft edges."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.core.types import F32, F64, I64, U8
from pipeline.video.simulate.camera import Camera
from pipeline.video.simulate.kinematics import POINT, Figures
from pipeline.video.simulate.layout import STEPS, Layout, boxes, order
from pipeline.video.simulate.parts import Parts

# Toward the light, in the camera's frame (right, down, away); and how much of it comes from everywhere.
_LIGHT = np.array([-0.48, -0.62, -0.62])
_AMBIENT, _DIFFUSE = 0.60, 0.52
_TONES = 64
# Toward the light in the room, for shadows on the floor: how far they fall to the right and away, by height.
_SHADOW_RIGHT, _SHADOW_AWAY = 0.20, 0.10
_SHADOW_COARSE = 4
_SHADOW_DEPTH = 0.62
_NEAREST_DRAWN_M = 0.5


class Painter:
    """Paints the people of one clip.

    Args:
        parts: The parts of all people.
        faces: A painted head for each person (see `head.paint_face`).
        camera: What the pictures are seen through.
        stands_m: (H, W) how far away the furniture in each pixel stands (see `room.Scenery`); None = there is none.
    """

    def __init__(self, parts: Parts, faces: Sequence[U8], camera: Camera, stands_m: F32 | None = None) -> None:
        self._stands = stands_m
        self._parts = parts
        self._faces = faces
        self._camera = camera
        # (P, 3, S): colours by channel, so that a channel is one take.
        self._colours = np.ascontiguousarray(parts.colours.transpose(0, 2, 1), dtype=np.float32)
        self._plain = np.all(parts.colours == parts.colours[:, :1], axis=(1, 2)).tolist()
        self._fades = (parts.fade > 0).tolist()
        self._bends = (parts.bend != parts.a).tolist()
        self._members = [np.flatnonzero(parts.person == n) for n in range(len(faces))]

    def paint(self, picture: U8, figures: Figures, layout: Layout) -> None:
        """Paint all people onto `picture` (H, W, 3), the farthest first."""
        width, height = self._camera.width, self._camera.height
        around = boxes(layout, self._parts)
        shown = [
            n
            for n in order(layout)
            if layout.depth[n].min() > _NEAREST_DRAWN_M
            and around[n, 0] < width
            and around[n, 1] < height
            and around[n, 2] > 0
            and around[n, 3] > 0
        ]
        if not shown:
            return
        self._shadows(picture, figures, shown)
        stands_at = figures.points[:, POINT["crotch"], 1]
        tones = self._tones(layout)
        for n in shown:
            x0, y0 = (int(v) for v in np.floor(np.maximum(around[n, :2] - 1, 0)))
            x1, y1 = (int(v) for v in np.ceil(np.minimum(around[n, 2:] + 2, (width, height))))
            if x1 > x0 and y1 > y0:
                window = picture[y0:y1, x0:x1]
                before = None if self._stands is None else self._stands[y0:y1, x0:x1] < stands_at[n]
                if before is None or not before.any():
                    self._person(window, (x0, y0), n, layout, tones)
                else:
                    # Whoever was painted there before stands even farther away, so furniture is what shows.
                    furniture = window[before]
                    self._person(window, (x0, y0), n, layout, tones)
                    window[before] = furniture

    def _person(self, window: U8, corner: tuple[int, int], n: int, layout: Layout, tones: F32) -> None:
        canvas = np.stack(cv2.split(window)).astype(np.float32)
        members = self._members[n]
        depth = np.append(layout.part_depth[members], layout.depth[n, POINT["skull"]])
        limits = (window.shape[1], window.shape[0])
        around = layout.part_box[members] - (*corner, *corner)
        first = np.clip(np.floor(around[:, :2] - 1), 0, limits).astype(np.int64).tolist()
        last = np.clip(np.ceil(around[:, 2:] + 2), 0, limits).astype(np.int64).tolist()
        for item in np.argsort(-depth, kind="stable").tolist():
            if item == len(members):
                self._head(canvas, corner, n, layout)
                continue
            (x0, y0), (x1, y1) = first[item], last[item]
            if x1 > x0 and y1 > y0:
                p = int(members[item])
                self._part(canvas[:, y0:y1, x0:x1], (corner[0] + x0, corner[1] + y0), p, layout, tones[p])
        canvas += np.float32(0.5)
        np.minimum(canvas, np.float32(255), out=canvas)
        window[:] = cv2.merge(list(canvas.astype(np.uint8)))

    def _part(self, canvas: F32, corner: tuple[int, int], p: int, layout: Layout, tones: F32) -> None:
        _, height, width = canvas.shape
        (sx, sy), (dx, dy), (ex, ey) = layout.start[p], layout.along[p], layout.across[p]
        x = np.arange(width) + (corner[0] - sx)
        y = np.arange(height) + (corner[1] - sy)
        per_step = (STEPS - 1) / layout.length[p]
        step = _plane(x * (dx * per_step) + 0.5, y * (dy * per_step)).astype(np.intp)
        aside = _plane(x * ex, y * ey)
        if self._bends[p]:
            aside -= layout.bow[p].astype(np.float32).take(step, mode="clip")
        half = layout.half_width[p].astype(np.float32)
        # From one edge to the other, as an index of the tones.
        tone = (np.float32(_TONES / 2) / np.maximum(half, np.float32(0.5))).take(step, mode="clip")
        tone *= aside
        tone += np.float32(_TONES / 2)
        light = tones.take(tone.astype(np.intp), mode="clip")
        cover = half.take(step, mode="clip")
        cover -= np.abs(aside, out=aside)
        cover += np.float32(0.5)
        np.maximum(cover, np.float32(0), out=cover)
        np.minimum(cover, np.float32(1), out=cover)
        if self._fades[p]:
            cover *= layout.fade[p].astype(np.float32).take(step, mode="clip")
        if self._plain[p]:
            paint = self._colours[p][:, :1, None] * light
        else:
            paint = self._colours[p].take(layout.sample[p], axis=1).take(step, axis=1, mode="clip")
            paint *= light
        paint -= canvas
        paint *= cover
        canvas += paint

    def _head(self, canvas: F32, corner: tuple[int, int], n: int, layout: Layout) -> None:
        view = layout.heads[n]
        centre = layout.points[n, POINT["skull"]] - corner
        limits = (canvas.shape[2], canvas.shape[1])
        x0, y0 = np.clip(np.floor(centre - view.extent - 1), 0, limits).astype(np.int64).tolist()
        x1, y1 = np.clip(np.ceil(centre + view.extent + 2), 0, limits).astype(np.int64).tolist()
        if x1 <= x0 or y1 <= y0:
            return
        x = (np.arange(x0, x1) - centre[0]).astype(np.float32)
        y = (np.arange(y0, y1) - centre[1]).astype(np.float32)[:, None]
        cover, lit, colours = view.paint(x, y, self._faces[n], _LIGHT.astype(np.float32))
        light = np.float32(_AMBIENT) + np.float32(_DIFFUSE) * np.maximum(lit, 0)
        onto = canvas[:, y0:y1, x0:x1]
        onto += (colours.transpose(2, 0, 1) * light - onto) * cover

    def _tones(self, layout: Layout) -> F32:
        """(P, _TONES) light on the surface of each part from one edge to the other."""
        s = (np.arange(_TONES) + 0.5) / (_TONES / 2) - 1
        toward = -np.sqrt(1 - s * s) * _LIGHT[2]
        lit = np.maximum((layout.across @ _LIGHT[:2])[:, None] * s + toward, 0.0)
        tones: F32 = (_AMBIENT + _DIFFUSE * lit).astype(np.float32)
        return tones

    def _shadows(self, picture: U8, figures: Figures, shown: list[int]) -> None:
        """Darken the floor under the people."""
        members: I64 = np.flatnonzero(np.isin(self._parts.person, shown) & (self._parts.shadow > 0))
        person = self._parts.person[members]
        a = figures.points[person, self._parts.a[members]]
        b = figures.points[person, self._parts.b[members]]
        wide = self._parts.broad[members].max(axis=1)
        (pa, da), (pb, _) = (self._camera.project(_on_floor(end)) for end in (a, b))
        thick = 2 * wide * self._camera.focal_px / da / _SHADOW_COARSE
        above = np.maximum((a[:, 2] + b[:, 2]) / 2, 0.0)
        depth = 255 * _SHADOW_DEPTH / (1 + 2.2 * above)
        size = (-(-self._camera.height // _SHADOW_COARSE), -(-self._camera.width // _SHADOW_COARSE))
        mask = np.zeros(size, np.uint8)
        ends_a = np.rint(pa * (16 / _SHADOW_COARSE)).astype(np.int64).tolist()
        ends_b = np.rint(pb * (16 / _SHADOW_COARSE)).astype(np.int64).tolist()
        for i in np.argsort(depth, kind="stable").tolist():
            pen = max(1, round(float(thick[i])))
            cv2.line(mask, ends_a[i], ends_b[i], round(float(depth[i])), pen, cv2.LINE_8, 4)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not len(rows):
            return
        y0, y1 = max(int(rows[0]) - 6, 0), min(int(rows[-1]) + 7, size[0])
        x0, x1 = max(int(columns[0]) - 6, 0), min(int(columns[-1]) + 7, size[1])
        soft = 255 - cv2.GaussianBlur(np.ascontiguousarray(mask[y0:y1, x0:x1]), (0, 0), 1.3)
        onto = picture[y0 * _SHADOW_COARSE : y1 * _SHADOW_COARSE, x0 * _SHADOW_COARSE : x1 * _SHADOW_COARSE]
        full = cv2.resize(
            soft, ((x1 - x0) * _SHADOW_COARSE, (y1 - y0) * _SHADOW_COARSE), interpolation=cv2.INTER_LINEAR
        )
        full = full[: onto.shape[0], : onto.shape[1]]
        dark = cv2.multiply(onto, cv2.merge([full, full, full]), scale=1 / 255)
        if self._stands is not None:  # shadows lie on the floor
            on = self._stands[y0 * _SHADOW_COARSE :, x0 * _SHADOW_COARSE :][: onto.shape[0], : onto.shape[1]]
            furniture = np.isfinite(on)
            dark[furniture] = onto[furniture]
        onto[:] = dark


def _plane(x: F64, y: F64) -> F32:
    """(len(y), len(x)) sums."""
    plane: F32 = np.add.outer(y.astype(np.float32), x.astype(np.float32))
    return plane


def _on_floor(points: F64) -> F64:
    """Where the shadow of points (..., 3) falls on the floor."""
    height = np.maximum(points[..., 2], 0.0)
    return np.stack(
        [points[..., 0] + _SHADOW_RIGHT * height, points[..., 1] + _SHADOW_AWAY * height, np.zeros_like(height)],
        axis=-1,
    )
