"""Where the zones that rules name lie on the pictures of cameras."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from pipeline.core.types import Bool, Floats
from pipeline.core.zones import Outlines, Scene


def zone_names(scenes: Mapping[str, Scene]) -> list[str]:
    """The zones of all cameras, each once; those of one name on several cameras are one zone."""
    return list(dict.fromkeys(name for scene in scenes.values() for name in scene.zones))


class Ground:
    """Some zones, wherever they lie.

    Args:
        names: Their names.
        scenes: What is drawn on the picture of each camera, by its name.
    """

    def __init__(self, names: Iterable[str], scenes: Mapping[str, Scene]) -> None:
        wanted = set(names)
        here = {
            camera: [each for name, each in scene.zones.items() if name in wanted] for camera, scene in scenes.items()
        }
        self._outlines = {camera: Outlines(zones, 1, 1) for camera, zones in here.items() if zones}

    def holds(self, camera: str, points: Floats) -> Bool:
        """(N,) bool: who is in any of them, of (N, 2) points as shares of the picture; False for NaN, and on a camera
        that has none of them.
        """
        outlines = self._outlines.get(camera)
        if outlines is None:
            return np.zeros(len(points), np.bool_)
        return np.asarray(outlines.inside(points).any(axis=1))
