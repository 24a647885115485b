"""Strict readers of OpenSim's text formats, written from their published descriptions and from nothing of ours.

https://opensimconfluence.atlassian.net/wiki/spaces/OpenSim/pages/53089972 (TRC), .../53089980 (MOT).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pipeline.core.types import F64


class Trc(NamedTuple):
    rate: float
    units: str
    markers: list[str]
    times: F64
    positions: F64


class Mot(NamedTuple):
    in_degrees: bool
    names: list[str]
    times: F64
    values: F64


def read_trc(text: str) -> Trc:
    lines = text.splitlines()
    kind = lines[0].split("\t")
    assert kind[:3] == ["PathFileType", "4", "(X/Y/Z)"]
    head: dict[str, Any] = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=True))
    frames, count = int(head["NumFrames"]), int(head["NumMarkers"])
    cells = lines[3].split("\t")
    assert cells[:2] == ["Frame#", "Time"]
    markers = cells[2::3][:count]
    assert all(markers)
    assert len(set(markers)) == count
    axes = [cell for cell in lines[4].split("\t") if cell]
    assert axes == [f"{axis}{i}" for i in range(1, count + 1) for axis in "XYZ"]
    body = [line.split("\t") for line in lines[5:] if line.strip("\t ")]
    assert len(body) == frames
    numbers = np.array([[float(cell) if cell else np.nan for cell in row[: 2 + 3 * count]] for row in body])
    first = int(head["OrigDataStartFrame"])
    assert numbers[:, 0].tolist() == [*range(int(numbers[0, 0]), int(numbers[0, 0]) + frames)]
    assert numbers[0, 0] in (first, first + 1)
    assert np.allclose(np.diff(numbers[:, 1]), 1 / float(head["DataRate"]), atol=2e-6)
    return Trc(float(head["DataRate"]), head["Units"], markers, numbers[:, 1], numbers[:, 2:].reshape(frames, count, 3))


def read_mot(text: str) -> Mot:
    lines = text.splitlines()
    end = lines.index("endheader")
    head = dict(line.split("=", 1) for line in lines[1:end] if "=" in line)
    names = lines[end + 1].split("\t")
    assert names[0] == "time"
    assert len(names) == len(set(names)) == int(head["nColumns"])
    rows = np.array([[float(cell) for cell in line.split("\t")] for line in lines[end + 2 :]])
    assert rows.shape == (int(head["nRows"]), int(head["nColumns"]))
    steps = np.diff(rows[:, 0])
    assert np.allclose(steps, steps[:1], atol=2e-6)  # a motion file has evenly spaced rows
    return Mot(head["inDegrees"] == "yes", names[1:], rows[:, 0], rows[:, 1:])
