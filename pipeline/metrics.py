"""The numbers that are watched: their names, each with a sentence, and where a process keeps them."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

MetricName = Literal[
    "records_skipped",
    "numbering_gaps",
    "records_lost",
    "dead_letters",
    "records_too_large",
    "deliveries",
    "clock_skews",
    "decode_s",
    "camera_states",
    "stage_s",
    "hop_s",
    "age_s",
    "lag_records",
    "queue_records",
    "queue_bytes",
    "frames_ahead",
    "kept_share",
    "ease",
]

METRICS: Mapping[MetricName, str] = {
    "records_skipped": "Records that a stage had seen before, as after a crash. Labels: stage.",
    "numbering_gaps": "Holes in the numbering within a session: each is a defect. Labels: stage.",
    "records_lost": "Records that retention deleted before the sink or the archive took them. Labels: stage, topic.",
    "dead_letters": "Records that a stage could not use. Labels: stage.",
    "records_too_large": "Records that no topic takes for their size: their frames are dropped. Labels: stage.",
    "deliveries": "Steps of incidents that a channel was told of. Labels: channel, state (delivered or refused).",
    "clock_skews": "Records that came 50 ms or more before they were sent: clocks of hosts differ. Labels: stage.",
    "decode_s": "Seconds to read and decode a frame. Labels: camera.",
    "camera_states": "Times that a live camera entered a state. Labels: camera, state.",
    "stage_s": "Seconds that a stage worked on a frame. Labels: stage.",
    "hop_s": "Seconds from the sending of a record to its taking by the next worker. Labels: stage, which takes it.",
    "age_s": "Seconds from a live camera's picture to what a stage sends of it, or the sink writes. Labels: stage.",
    "lag_records": "Records that wait on a broker for this worker. Labels: stage, topic.",
    "queue_records": "Records that were fetched and wait in memory. Labels: stage.",
    "queue_bytes": "Bytes that were fetched and wait in memory. Labels: stage.",
    "frames_ahead": "Frames of a recorded camera that were sent and are not done by pose. Labels: camera.",
    "kept_share": "Share of a live camera's pictures that the ladder keeps (0 to 1). Labels: camera.",
    "ease": "What the ladder does for a live camera: 0 all, 1 fewer looks, 2 lighter model too. Labels: camera.",
}

GAUGES: frozenset[MetricName] = frozenset(
    ("lag_records", "queue_records", "queue_bytes", "frames_ahead", "kept_share", "ease")
)
"""Those that go up and down. Names that end in `_s` are durations; the others only grow."""

_Labels = tuple[tuple[str, str], ...]

# Neighbouring buckets differ by 2 %: a percentile is off by at most 1 %, and a microsecond to a day are 1,271 buckets.
_GROWTH = math.log(1.02)
_SMALLEST_S = 1e-6


class Metrics:
    """Counts and times of one process, by name and labels. Safe to use from any thread; its memory is bounded.

    Questions with some of the labels, or none, are answered over all series that have them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[MetricName, Counter[_Labels]] = {}
        self._gauges: dict[MetricName, dict[_Labels, float]] = {}
        self._times: dict[MetricName, dict[_Labels, _Histogram]] = {}

    def count(self, name: MetricName, value: int = 1, **labels: str) -> None:
        """Add to a counter."""
        with self._lock:
            self._counts.setdefault(name, Counter())[_key(labels)] += value

    def observe(self, name: MetricName, seconds: float, **labels: str) -> None:
        """Note one duration."""
        with self._lock:
            self._times.setdefault(name, {}).setdefault(_key(labels), _Histogram()).add(seconds)

    def gauge(self, name: MetricName, value: float, **labels: str) -> None:
        """Set what goes up and down."""
        with self._lock:
            self._gauges.setdefault(name, {})[_key(labels)] = value

    def total(self, name: MetricName, **labels: str) -> int:
        """Sum of a counter; of a duration, how often it was observed."""
        return sum(value for _, value in self._matching(name, labels))

    def totals(self, name: MetricName, by: str, **labels: str) -> dict[str, int]:
        """Sums of a counter for each value of the label `by`, sorted by it."""
        sums: Counter[str] = Counter()
        for key, value in self._matching(name, labels):
            sums[dict(key).get(by, "")] += value
        return dict(sorted(sums.items()))

    def percentile(self, name: MetricName, q: float, **labels: str) -> float | None:
        """The duration in seconds that the share `q` in [0, 1] stays at or below, within 1 %; None if there is none."""
        merged = _Histogram()
        with self._lock:
            for key, histogram in self._times.get(name, {}).items():
                if labels.items() <= dict(key).items():
                    merged.merge(histogram)
        return merged.percentile(q)

    def counts(self, name: MetricName) -> list[tuple[dict[str, str], int]]:
        """All series of a counter: labels and value."""
        with self._lock:
            return [(dict(key), value) for key, value in self._counts.get(name, {}).items()]

    def gauges(self, name: MetricName) -> list[tuple[dict[str, str], float]]:
        """All series of a gauge: labels and value."""
        with self._lock:
            return [(dict(key), value) for key, value in self._gauges.get(name, {}).items()]

    def times(self, name: MetricName, edges_s: Sequence[float]) -> list[tuple[dict[str, str], Times]]:
        """All series of a duration: labels, and how many were at or below each of the edges, in seconds."""
        with self._lock:
            return [(dict(key), histogram.times(edges_s)) for key, histogram in self._times.get(name, {}).items()]

    def _matching(self, name: MetricName, labels: Mapping[str, str]) -> Iterator[tuple[_Labels, int]]:
        with self._lock:
            counted = list(self._counts.get(name, {}).items())
            counted += [(key, histogram.count) for key, histogram in self._times.get(name, {}).items()]
        return ((key, value) for key, value in counted if labels.items() <= dict(key).items())


class Times(NamedTuple):
    """Durations of one series.

    Attributes:
        below: How many were at or below each edge, within 1 % of it.
        number: How many there were.
        sum_s: All together, seconds.
    """

    below: Sequence[int]
    number: int
    sum_s: float


@dataclass(slots=True)
class _Histogram:
    """Counts of durations in buckets that grow by a constant factor."""

    buckets: Counter[int] = field(default_factory=Counter)
    count: int = 0
    least: float = math.inf
    most: float = 0.0
    sum_s: float = 0.0

    def add(self, seconds: float) -> None:
        seconds = max(seconds, 0.0)
        self.sum_s += seconds
        self.buckets[math.floor(math.log(max(seconds, _SMALLEST_S)) / _GROWTH)] += 1
        self.count += 1
        self.least = min(self.least, seconds)
        self.most = max(self.most, seconds)

    def merge(self, other: _Histogram) -> None:
        self.buckets.update(other.buckets)
        self.count += other.count
        self.least = min(self.least, other.least)
        self.most = max(self.most, other.most)
        self.sum_s += other.sum_s

    def times(self, edges_s: Sequence[float]) -> Times:
        below = [sum(n for bucket, n in self.buckets.items() if bucket < math.log(edge) / _GROWTH) for edge in edges_s]
        return Times(below, self.count, self.sum_s)

    def percentile(self, q: float) -> float | None:
        if not self.count:
            return None
        rank = max(1, math.ceil(q * self.count))
        seen = 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= rank:
                middle = math.exp((bucket + 0.5) * _GROWTH)
                return min(max(middle, self.least), self.most)
        raise AssertionError("the buckets hold fewer than were counted")


def _key(labels: Mapping[str, str]) -> _Labels:
    return tuple(sorted(labels.items()))
