"""Pictures as networks want them: channels, order of colours, scale."""

from __future__ import annotations

import numpy as np

from pipeline.core.types import F32, U8

IMAGENET_MEAN_RGB = (123.675, 116.28, 103.53)
IMAGENET_STD_RGB = (58.395, 57.12, 57.375)
"""Mean and spread of the pictures of ImageNet, 0 to 255: what most networks are trained with."""


def planes(
    pictures: U8,
    *,
    rgb: bool,
    mean: tuple[float, ...] = (0.0, 0.0, 0.0),
    std: tuple[float, ...] = (1.0, 1.0, 1.0),
) -> F32:
    """(N, 3, H, W) float32 of (N, H, W, 3) uint8 BGR pictures: (pixel - mean) / std.

    Args:
        pictures: BGR.
        rgb: Whether red goes first; mean and std are in the order of the result.
        mean, std: Of each channel, 0 to 255.
    """
    ordered = pictures[..., ::-1] if rgb else pictures
    result = np.empty((len(pictures), 3, *pictures.shape[1:3]), dtype=np.float32)
    for channel in range(3):
        scale = np.float32(1.0 / std[channel])
        np.multiply(ordered[..., channel], scale, out=result[:, channel])
        result[:, channel] -= np.float32(mean[channel]) * scale
    return result
