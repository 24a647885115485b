"""Counts what a run has stored, for the summary."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pipeline.core.ports import Cut
from pipeline.core.records import Dropped
from pipeline.core.values import Event, Motions, Transition
from pipeline.metrics import Metrics


@dataclass
class CameraTally:
    """What was stored of one camera in this run.

    Attributes:
        wall_s: Seconds from the start of the run to the last cut.
    """

    frames: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    poses: int = 0
    tracks: set[int] = field(default_factory=set)
    events: Counter[str] = field(default_factory=Counter)
    incidents: set[object] = field(default_factory=set)
    wall_s: float = 0.0

    def add(self, cut: Cut, wall_s: float) -> None:
        """Count the records of a cut that rests."""
        self.wall_s = wall_s
        for record in cut.records:
            value = record.value
            if isinstance(value, Motions):
                self.frames += 1
                self.poses += len(value.poses)
                self.tracks.update(value.track_id.tolist())
            elif isinstance(value, Dropped):
                self.dropped[value.reason] += 1
            elif isinstance(value, Event):
                self.events[value.kind] += 1
            elif isinstance(value, Transition):
                self.incidents.add(value.incident_id)


def summary(tallies: dict[str, CameraTally], metrics: Metrics, stages: list[str]) -> dict[str, Any]:
    """What `posebus run --summary` writes. Latencies are the time that a stage works on one frame."""
    return {
        "cameras": {
            name: {
                "frames": tally.frames + sum(tally.dropped.values()),
                "dropped": dict(tally.dropped),
                "poses": tally.poses,
                "tracks": len(tally.tracks),
                "events": dict(sorted(tally.events.items())),
                "incidents": len(tally.incidents),
                "wall_s": round(tally.wall_s, 3),
                "fps": round(tally.frames / tally.wall_s, 1) if tally.wall_s else 0.0,
                "latency_ms": latencies(metrics, stages),
            }
            for name, tally in tallies.items()
        }
    }


def latencies(metrics: Metrics, stages: list[str]) -> dict[str, dict[str, float]]:
    """p50 and p95 of each stage's work on one frame, milliseconds, over all cameras of the run."""
    found = {}
    for stage in stages:
        quantiles = [metrics.percentile("stage_s", q, stage=stage) for q in (0.5, 0.95)]
        if None not in quantiles:
            found[stage] = {f"p{q}": round((s or 0) * 1000, 3) for q, s in zip((50, 95), quantiles, strict=True)}
    return found
