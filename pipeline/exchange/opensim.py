"""OpenSim's text formats: TRC with positions of markers, MOT with angles, each of one person, evenly spaced in time.

https://opensimconfluence.atlassian.net/wiki/spaces/OpenSim/pages/53089972 (TRC) and .../53089980 (MOT).
"""

from __future__ import annotations

import shutil
from typing import BinaryIO

import numpy as np

from pipeline.core.skeletons import SKELETONS
from pipeline.core.tables import PoseTable
from pipeline.core.types import F64
from pipeline.core.vocabulary import ANGLES
from pipeline.exchange.uniform import Uniform
from pipeline.exchange.writer import WriterOptions


def upright(world: F64) -> F64:
    """Positions with x to the right of the picture, y up and z towards the camera, as OpenSim and BVH have y up."""
    return world * (1.0, -1.0, -1.0)


class Trc:
    """Markers are the keypoints, in metres about the middle of the hips; an unknown one is empty."""

    def __init__(self, out: BinaryIO, scratch: BinaryIO, options: WriterOptions) -> None:
        self._out = out
        self._body = scratch
        self._name = options.name
        self._even = Uniform(options.fps)
        self._markers: tuple[str, ...] = ()
        self._frames = 0

    def write(self, table: PoseTable) -> None:
        """Add these poses of one person; those without world metres are left out."""
        markers = SKELETONS[table.skeleton].keypoints
        if table.world.shape[1] == 0 or (self._markers and markers != self._markers):
            return
        self._markers = markers
        positions = upright(table.world.astype(np.float64)).reshape(len(table), -1)
        for times, rows in self._even.add(table.at_us, positions):
            self._lines(times, rows)

    def finish(self) -> int:
        """Write the header and what was gathered; the number of frames."""
        for times, rows in self._even.end():
            self._lines(times, rows)
        n, fps = len(self._markers), f"{self._even.fps or 0:g}"
        axes = "\t".join(f"X{i}\tY{i}\tZ{i}" for i in range(1, n + 1))
        header = (
            f"PathFileType\t4\t(X/Y/Z)\t{self._name}\n"
            "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames\n"
            f"{fps}\t{fps}\t{self._frames}\t{n}\tm\t{fps}\t1\t{self._frames}\n"
            "Frame#\tTime\t" + "\t\t\t".join(self._markers) + "\t\t\n"
            f"\t\t{axes}\n"
            "\n"
        )
        self._out.write(header.encode())
        self._body.seek(0)
        shutil.copyfileobj(self._body, self._out)
        return self._frames

    def abandon(self) -> None:
        """There is nothing to let go of."""

    def _lines(self, times: F64, rows: F64) -> None:
        form = "%d\t%.6f" + "\t%.5f" * rows.shape[1]
        lines = [
            form % (number, at, *row)
            for number, (at, row) in enumerate(zip(times.tolist(), rows.tolist(), strict=True), self._frames + 1)
        ]
        self._body.write(("\n".join(lines) + "\n").replace("nan", "").encode())
        self._frames += len(lines)


class Mot:
    """The angles of docs/angles.md in degrees under their own names; those that are never known have no column."""

    def __init__(self, out: BinaryIO, scratch: BinaryIO, options: WriterOptions) -> None:
        self._out = out
        self._values = scratch
        self._name = options.name
        self._even = Uniform(options.fps)
        self._known = np.zeros(len(ANGLES), np.bool_)

    def write(self, table: PoseTable) -> None:
        """Add these poses of one person."""
        for times, rows in self._even.add(table.at_us, table.angles.astype(np.float64)):
            self._keep(times, rows)

    def finish(self) -> int:
        """Write the file out of what was gathered; the number of rows, 0 where no angle is known."""
        for times, rows in self._even.end():
            self._keep(times, rows)
        names = [angle.name for angle, known in zip(ANGLES, self._known, strict=True) if known]
        if not names:
            return 0
        header = (
            f"{self._name}\nversion=1\nnRows={self._even.rows}\nnColumns={len(names) + 1}\ninDegrees=yes\n\n"
            "Angles of posebus in degrees, docs/angles.md has their signs; NaN = unknown.\n\nendheader\n"
            "time\t" + "\t".join(names) + "\n"
        )
        self._out.write(header.encode())
        self._values.seek(0)
        form, width = "%.6f" + "\t%.3f" * len(names), 8 * (1 + len(ANGLES))
        kept = np.concatenate(([True], self._known))
        while block := self._values.read(width * 8192):
            rows = np.frombuffer(block, np.float64).reshape(-1, 1 + len(ANGLES))[:, kept]
            lines = "\n".join([form % tuple(row) for row in rows.tolist()])
            self._out.write((lines + "\n").replace("nan", "NaN").encode())
        return self._even.rows

    def abandon(self) -> None:
        """There is nothing to let go of."""

    def _keep(self, times: F64, rows: F64) -> None:
        self._known |= np.isfinite(rows).any(axis=0)
        self._values.write(np.concatenate((times[:, None], rows), axis=1).tobytes())
