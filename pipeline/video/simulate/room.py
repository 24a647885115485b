"""Paints the room behind the people, once for a clip: floor, walls, and furniture made of boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np

from pipeline.core.types import F32, F64, U8
from pipeline.video.simulate.camera import Camera

Pixels = TypeVar("Pixels", U8, F32)
Colour = tuple[float, float, float]
Span = tuple[float, float]

_FINE = 2
_BITS = 4
_NEAR_M = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class Scenery:
    """What stands in a scene beside the people.

    Attributes:
        picture: (H, W, 3) uint8, BGR, the scene without people.
        stands_m: (H, W) float32, how far away along the floor the furniture in each pixel stands that may hide
            people; infinite where there is none. None: nothing hides people.
    """

    picture: U8
    stands_m: F32 | None = None


class Room:
    """A room of a back wall, two side walls and a floor, seen through the camera.

    Args:
        camera: What the picture is seen through.
        back_m: How far away the back wall stands.
        half_width_m: How far to the left and right the side walls stand.
        floor, wall: BGR.
        height_m: Of the walls.
    """

    def __init__(
        self, camera: Camera, back_m: float, half_width_m: float, floor: Colour, wall: Colour, height_m: float = 3.2
    ) -> None:
        self._camera = camera
        width, height = self._size = _straight_size(camera)
        self._fine = Camera(
            width * _FINE, height * _FINE, camera.focal_px * _FINE, camera.above_floor_m, camera.tilt_rad
        )
        self._picture = np.zeros((self._fine.height, self._fine.width, 3), np.uint8)
        self._stands: F32 | None = None
        self.back_m = back_m
        self.half_width_m = half_width_m
        self.height_m = height_m
        self.box((-half_width_m, half_width_m), (back_m, back_m), (0, self.height_m), wall)
        for out in (-1, 1):
            x = out * half_width_m
            corners = [(x, _NEAR_M, 0), (x, back_m, 0), (x, back_m, self.height_m), (x, _NEAR_M, self.height_m)]
            self.polygon(corners, tinted(wall, 0.90 if out < 0 else 0.84))
        self.on_floor((-half_width_m, half_width_m), (_NEAR_M, back_m), floor)

    def polygon(self, corners: list[tuple[float, float, float]], colour: Colour) -> None:
        """A flat piece with corners in the room."""
        pixels, _ = self._fine.project(np.array(corners, dtype=np.float64))
        scaled = np.clip(np.rint(pixels * (1 << _BITS)), -(2**24), 2**24).astype(np.int32)
        cv2.fillPoly(self._picture, [scaled], colour, cv2.LINE_AA, _BITS)

    def on_floor(self, x: Span, y: Span, colour: Colour) -> None:
        """A rectangle on the floor."""
        self.polygon([(x[0], y[0], 0), (x[1], y[0], 0), (x[1], y[1], 0), (x[0], y[1], 0)], colour)

    def on_wall(self, x: Span, z: Span, colour: Colour) -> None:
        """A rectangle on the back wall."""
        y = self.back_m
        self.polygon([(x[0], y, z[0]), (x[1], y, z[0]), (x[1], y, z[1]), (x[0], y, z[1])], colour)

    def hide(self, corners: list[tuple[float, float, float]], stands_m: float) -> None:
        """Let a flat piece hide people who stand farther away than `stands_m`."""
        if self._stands is None:
            self._stands = np.full(self._picture.shape[:2], np.inf, np.float32)
        pixels, _ = self._fine.project(np.array(corners, dtype=np.float64))
        cv2.fillPoly(self._stands, [np.clip(np.rint(pixels), -(2**20), 2**20).astype(np.int32)], stands_m)

    def block(self, x: Span, y: Span, z: Span, colour: Colour) -> None:
        """A box that hides people who stand behind it."""
        self.box(x, y, z, colour)
        for depth in y:
            self.hide([(x[0], depth, z[0]), (x[1], depth, z[0]), (x[1], depth, z[1]), (x[0], depth, z[1])], sum(y) / 2)
        for side in x:
            self.hide([(side, y[0], z[0]), (side, y[1], z[0]), (side, y[1], z[1]), (side, y[0], z[1])], sum(y) / 2)
        top = [(x[0], y[0], z[1]), (x[1], y[0], z[1]), (x[1], y[1], z[1]), (x[0], y[1], z[1])]
        self.hide(top, sum(y) / 2)

    def box(self, x: Span, y: Span, z: Span, colour: Colour) -> None:
        """A box: its top, the side that shows, its front."""
        top = [(x[0], y[0], z[1]), (x[1], y[0], z[1]), (x[1], y[1], z[1]), (x[0], y[1], z[1])]
        if z[1] < self._fine.above_floor_m:
            self.polygon(top, tinted(colour, 1.08))
        side = x[0] if x[0] > 0 else x[1]
        if x[0] > 0 or x[1] < 0:
            self.polygon(
                [(side, y[0], z[0]), (side, y[1], z[0]), (side, y[1], z[1]), (side, y[0], z[1])], tinted(colour, 0.78)
            )
        self.polygon([(x[0], y[0], z[0]), (x[1], y[0], z[0]), (x[1], y[0], z[1]), (x[0], y[0], z[1])], colour)

    def planks(self, step_m: float, colour: Colour, random: np.random.Generator) -> None:
        """Boards along y, each of a slightly different tone."""
        for left in np.arange(-self.half_width_m, self.half_width_m, step_m):
            tone = tinted(colour, float(random.uniform(0.965, 1.035)))
            right = min(float(left) + step_m, self.half_width_m)
            self.on_floor((float(left), right), (_NEAR_M, self.back_m), tone)
            self.on_floor((float(left), float(left) + 0.008), (_NEAR_M, self.back_m), tinted(colour, 0.88))

    def tiles(self, step_m: float, colour: Colour) -> None:
        """Joints between square tiles."""
        joint = tinted(colour, 0.93)
        for x in np.arange(-self.half_width_m, self.half_width_m, step_m):
            self.on_floor((float(x), float(x) + 0.010), (_NEAR_M, self.back_m), joint)
        for y in np.arange(1.0, self.back_m, step_m):
            self.on_floor((-self.half_width_m, self.half_width_m), (float(y), float(y) + 0.012), joint)

    def skirting(self, height_m: float, colour: Colour) -> None:
        """A board along the foot of the back wall."""
        self.on_wall((-self.half_width_m, self.half_width_m), (0, height_m), colour)

    def shade(self, x: Span, y: Span, depth: float) -> None:
        """A soft shadow on the floor, as under furniture."""
        mask = np.zeros(self._picture.shape[:2], np.uint8)
        corners = np.array([(x[0], y[0], 0), (x[1], y[0], 0), (x[1], y[1], 0), (x[0], y[1], 0)], dtype=np.float64)
        pixels, _ = self._fine.project(corners)
        cv2.fillPoly(mask, [np.rint(pixels).astype(np.int32)], round(255 * depth))
        soft = cv2.GaussianBlur(mask, (0, 0), self._fine.width / 130)
        self._picture = _darkened(self._picture, 1 - soft.astype(np.float64) / 255)

    def finish(self, random: np.random.Generator) -> U8:
        """(H, W, 3) the picture, with corners a little darker, light from the left and the grain of surfaces."""
        picture = np.asarray(cv2.resize(self._picture, self._size, interpolation=cv2.INTER_AREA), np.uint8)
        width, height = self._size
        y, x = np.mgrid[0:height, 0:width]
        x, y = x / width - 0.5, y / height - 0.5
        light = 1.05 - 0.16 * (x + 0.25) ** 2 - 0.30 * (x * x + y * y) - 0.06 * x
        coarse = random.normal(0, 0.004, (height // 16 + 2, width // 16 + 2)).astype(np.float32)
        light += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        light += random.normal(0, 0.006, (height, width))
        return self._through_lens(_darkened(picture, light), cv2.INTER_LINEAR)

    def scenery(self, random: np.random.Generator) -> Scenery:
        """The finished picture, with what hides people."""
        stands = None if self._stands is None else self._stands[_FINE // 2 :: _FINE, _FINE // 2 :: _FINE]
        return Scenery(self.finish(random), None if stands is None else self._through_lens(stands, cv2.INTER_NEAREST))

    def _through_lens(self, straight: Pixels, how: int) -> Pixels:
        """(H, W, ...) as the camera's lens shows the straight picture."""
        camera = self._camera
        if not camera.k1:
            return straight
        y, x = np.mgrid[0 : camera.height, 0 : camera.width].astype(np.float64)
        where = camera.straightened(np.stack([x, y], axis=-1) + 0.5) - 0.5
        where += ((self._size[0] - camera.width) / 2, (self._size[1] - camera.height) / 2)
        where = where.astype(np.float32)
        bent = cv2.remap(straight, where[..., 0], where[..., 1], how, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(bent, straight.dtype)


def _straight_size(camera: Camera) -> tuple[int, int]:
    """Of a picture without distortion that holds all the lens shows, even numbers more than the camera's."""
    size = np.array([camera.width, camera.height])
    if not camera.k1:
        return camera.width, camera.height
    edge = np.array([[0.0, 0.0], [size[0] / 2, 0.0], [0.0, size[1] / 2]])
    beyond = np.max(np.abs(camera.straightened(edge) - size / 2), axis=0) - size / 2
    width, height = (size + 2 * np.ceil(np.maximum(beyond, 0.0)).astype(int)).tolist()
    return width, height


def tinted(colour: Colour, by: float) -> Colour:
    """The colour brighter or darker by a factor."""
    b, g, r = (min(255.0, c * by) for c in colour)
    return b, g, r


def _darkened(picture: U8, light: F64) -> U8:
    return np.clip(np.rint(picture * light[..., None]), 0, 255).astype(np.uint8)
