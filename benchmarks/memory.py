"""Memory over 20,000 frames of the embedded pipeline with models that see painted marks."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from pipeline.cli.embedded_run import run_sources
from pipeline.cli.take_up import Wishes
from pipeline.config import load_config
from pipeline.core.ports import Picture, SourceInfo
from pipeline.database import open_database

FRAMES = 20_000
WARM = 4_000


class Still:
    """The same small picture again and again; notes the resident memory as it goes."""

    def __init__(self) -> None:
        self.info = SourceInfo("still", "bench", "still", 320, 240, 30.0, FRAMES)
        self.samples: list[tuple[int, float]] = []

    def pictures(self, start: int = 0) -> Iterator[Picture]:
        """FRAMES pictures."""
        pixels = np.full((240, 320, 3), 90, dtype=np.uint8)
        for k in range(start, FRAMES):
            if k % 500 == 0:
                self.samples.append((k, resident_mib()))
            yield Picture(k, k * 33_333, pixels)


def run() -> dict[str, float]:
    """Slope of resident memory behind the warm-up, KiB per 1,000 frames, and the memory at its end.

    In a process of its own: what other benchmarks have loaded does not count.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as own:
        return own.submit(_measured).result()


def _measured() -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="posebus-bench-") as home:
        folder = Path(home)
        folder.chmod(0o755)
        config = folder / "config.yaml"
        config.write_text("models: {detector: fake, pose: fake}\n")
        settings = load_config(config, {**os.environ, "POSEBUS_HOME": home})
        source = Still()
        with open_database(None, settings.home) as database:
            run_sources(settings, database, [("bench", source)], Wishes())
    frames, mib = np.array([sample for sample in source.samples if sample[0] >= WARM]).T
    slope = np.polyfit(frames, mib, 1)[0]
    return {"slope_kib_per_1000_frames": float(slope) * 1024 * 1000, "mib": float(mib[-1])}


def resident_mib() -> float:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
