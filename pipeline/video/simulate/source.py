"""A simulated camera as a source of pictures."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from pipeline.core.ports import Picture, SourceInfo
from pipeline.video.simulate.scene import SceneSpec
from pipeline.video.simulate.simulation import Simulation


class SimulatedSource:
    """Gives the pictures of a simulated clip; implements `pipeline.core.ports.Source`.

    Attributes:
        spec: What it shows.
    """

    def __init__(self, spec: SceneSpec) -> None:
        self.spec = spec

    @cached_property
    def scene(self) -> Simulation:
        """The clip behind it, with its truth."""
        return Simulation(self.spec)

    @property
    def info(self) -> SourceInfo:
        """What is known before reading; the fingerprint is the full address."""
        return SourceInfo(
            name=self.spec.scene,
            kind="sim",
            fingerprint=self.spec.url,
            width=self.spec.width,
            height=self.spec.height,
            fps=self.spec.fps,
            frames=self.spec.frames,
        )

    def pictures(self, start: int = 0) -> Iterator[Picture]:
        """All pictures from number `start` on."""
        for k in range(start, self.spec.frames):
            yield Picture(k, round(self.spec.time_s(k) * 1_000_000), self.scene.picture(k))
