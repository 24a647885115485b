"""What camera and network do to a picture after it was painted: shake, light, blur, noise, compression."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.core.types import F64, I16, U8
from pipeline.video.jpeg import decode, encode
from pipeline.video.simulate.scene import SceneSpec

_NOISE_MARGIN = 61
"""The noise of a picture is a window of one field of noise, at a place of its own: drawing it anew takes longer than
the picture. Rows and columns by which the field is larger."""

_SHAKE_HZ = (0.9, 2.3, 5.1)
"""Sway of a pole, hand-held unrest and a passing lorry."""

_UNCOMPRESSED = 100


class Effects:
    """The effects of one clip; what frame k looks like is a function of the spec and k alone."""

    def __init__(self, spec: SceneSpec) -> None:
        self._spec = spec
        random = spec.random("effects")
        self._phase = random.uniform(0, 2 * np.pi, (2, len(_SHAKE_HZ)))
        # As a camera's gamma and gain would: dark pictures lose contrast in the shadows first.
        levels = np.arange(256) / 255.0
        self._levels = np.rint(255 * np.minimum(levels * spec.light, 1.0) ** (1 / spec.light**0.15)).astype(np.uint8)
        self._field: I16 | None = None

    def shake(self, k: int) -> F64:
        """(2,) pixels by which frame k is moved, right and down."""
        if not self._spec.shake:
            return np.zeros(2)
        turns = 2 * np.pi * np.array(_SHAKE_HZ) * self._spec.time_s(k)
        # Three sines of equal size: each of variance 1/2.
        moved: F64 = self._spec.shake * np.sin(turns + self._phase).sum(axis=1) * np.sqrt(2 / 3)
        return moved

    def apply(self, picture: U8, k: int) -> U8:
        """(H, W, 3) uint8: frame k as it arrives; `picture` may be changed."""
        spec = self._spec
        if spec.shake:
            move = np.column_stack([np.eye(2), self.shake(k)])
            size = (spec.width, spec.height)
            moved = cv2.warpAffine(picture, move, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            picture = np.asarray(moved, np.uint8)
        if spec.blur:
            picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), spec.blur), np.uint8)
        if spec.light != 1.0:
            picture = np.asarray(cv2.LUT(picture, self._levels), np.uint8)
        if spec.noise:
            picture = self._noisy(picture, k)
        if spec.jpeg < _UNCOMPRESSED:
            picture = decode(encode(picture, spec.jpeg))
        return picture

    def _noisy(self, picture: U8, k: int) -> U8:
        if self._field is None:
            size = (self._spec.height + _NOISE_MARGIN, self._spec.width + _NOISE_MARGIN, 3)
            drawn = self._spec.random("noise").normal(0, self._spec.noise, size)
            self._field = np.clip(np.rint(drawn), -127, 127).astype(np.int16)
        y, x = self._spec.random("noise at", k).integers(_NOISE_MARGIN, size=2)
        window = self._field[y : y + self._spec.height, x : x + self._spec.width]
        noisy: U8 = np.clip(picture + window, 0, 255).astype(np.uint8)
        return noisy
