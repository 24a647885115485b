"""Cuts the squares of regions out of a frame."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.core.regions import to_frame_matrices
from pipeline.core.types import F32, U8


def crops(pixels: U8, regions: F32, size: int) -> U8:
    """(N, size, size, 3) pictures of the regions, turned upright; beyond the frame its edge goes on."""
    pictures = np.empty((len(regions), size, size, 3), dtype=np.uint8)
    matrices = to_frame_matrices(regions, size)
    # OpenCV counts from the middle of a pixel, we count from its corner.
    matrices[:, :, 2] += matrices[:, :, :2].sum(axis=2) * 0.5 - 0.5
    for picture, matrix in zip(pictures, matrices, strict=True):
        cv2.warpAffine(
            pixels,
            matrix,
            (size, size),
            dst=picture,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return pictures
