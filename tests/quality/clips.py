"""Real clips through the stages: what was told of each beside what was counted by eye."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.video.open import open_source
from tests.quality import pose2sim
from tests.quality.chain import Seen, pictured
from tests.quality.overlays import Tiles


@dataclass
class Watched:
    """What was told of a real clip beside what was counted by eye.

    Attributes:
        name: Of the file.
        annotation: Counted by eye.
        at_once: Most people in one frame that half a second of frames agree on.
        tracks: Track ids of people seen for at least half a second.
        repetitions: Told, by exercise.
        gestures: Told, by label.
        falls: Told as suspected.
        angles: A line about its angles beside those of markers; empty where there are none.
        tiles: Pictures of it with what was seen, as JPEG.
    """

    name: str
    annotation: dict[str, Any]
    at_once: int = 0
    tracks: int = 0
    repetitions: dict[str, int] = field(default_factory=dict)
    gestures: Counter[str] = field(default_factory=Counter)
    falls: int = 0
    angles: str = ""
    tiles: list[bytes] = field(default_factory=list)

    @property
    def row(self) -> str:
        """A line of the table."""
        told = ", ".join(f"{count} {label}" for label, count in self.repetitions.items()) or "-"
        gestures = ", ".join(f"{count} {label}" for label, count in self.gestures.items()) or "-"
        people = self.annotation["people"]
        at_once = self.annotation.get("max_simultaneous", people)
        by_eye = self.annotation["reps"]
        return (
            f"| {self.name} | {people}, {at_once} at once | {self.tracks}, {self.at_once} at once "
            f"| {'-' if by_eye is None else by_eye} | {told} | {gestures} | {self.falls} |"
        )


def watch(path: str, annotation: dict[str, Any]) -> Watched:
    """Run a clip through the stages and count."""
    watched = Watched(Path(path).name, annotation)
    seen_us: dict[int, list[float]] = {}
    counts: list[tuple[float, int]] = []
    tiles = Tiles(Path(path).name, open_source(path).info.frames or 0)
    seen: list[Seen] = []
    for picture, frame in pictured(open_source(path)):
        tiles.take(picture, frame)
        seen.append(frame)
        counts.append((frame.at_s, len(frame.motions.track_id)))
        for track in frame.motions.track_id.tolist():
            seen_us.setdefault(track, []).append(frame.at_s)
        for event in frame.events:
            if event.kind == "rep":
                watched.repetitions[event.label] = watched.repetitions.get(event.label, 0) + 1
            if event.kind == "gesture" and not event.label.endswith(":end"):
                watched.gestures[event.label] += 1
            watched.falls += event.kind == "fall" and event.label == "suspected"
    step_s = float(np.median(np.diff([at_s for at_s, _ in counts]))) if len(counts) > 1 else 1.0
    enough = max(1, round(0.5 / step_s))
    watched.tracks = sum(len(times) >= enough for times in seen_us.values())
    numbers = sorted((number for _, number in counts), reverse=True)
    watched.at_once = numbers[min(enough, len(numbers)) - 1] if numbers else 0
    watched.tiles = tiles.made
    name, markers = Path(path).stem, Path(path).parents[1] / "pose3d"
    if name.startswith("pose2sim_multi_cam") and markers.is_dir():
        watched.angles = pose2sim.row_of(name, pose2sim.differences(seen, markers, int(name[-1])))
    return watched


def annotations_of(folder: Path) -> dict[str, dict[str, Any]]:
    """What was counted by eye, by the path of the clip; empty where the clips are not at hand."""
    file = folder / "annotations.json"
    if not file.is_file():
        return {}
    found = {str(folder / name): entry for name, entry in json.loads(file.read_text()).items()}
    return {path: entry for path, entry in found.items() if Path(path).is_file()}
