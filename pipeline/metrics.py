"""The numbers that are watched: their names, each with a sentence, and where a process keeps them."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

MetricName = Literal["records_skipped", "numbering_gaps", "dead_letters", "decode_s", "stage_s"]

METRICS: Mapping[MetricName, str] = {
    "records_skipped": "Records that a stage had seen before, as after a crash. Labels: stage.",
    "numbering_gaps": "Holes in the numbering within a session: each is a defect. Labels: stage.",
    "dead_letters": "Records that a stage could not use. Labels: stage.",
    "decode_s": "Seconds to read and decode a frame. Labels: camera.",
    "stage_s": "Seconds that a stage worked on a frame. Labels: stage.",
}

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
        self._times: dict[MetricName, dict[_Labels, _Histogram]] = {}

    def count(self, name: MetricName, value: int = 1, **labels: str) -> None:
        """Add to a counter."""
        with self._lock:
            self._counts.setdefault(name, Counter())[_key(labels)] += value

    def observe(self, name: MetricName, seconds: float, **labels: str) -> None:
        """Note one duration."""
        with self._lock:
            self._times.setdefault(name, {}).setdefault(_key(labels), _Histogram()).add(seconds)

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

    def _matching(self, name: MetricName, labels: Mapping[str, str]) -> Iterator[tuple[_Labels, int]]:
        with self._lock:
            counted = list(self._counts.get(name, {}).items())
            counted += [(key, histogram.count) for key, histogram in self._times.get(name, {}).items()]
        return ((key, value) for key, value in counted if labels.items() <= dict(key).items())


@dataclass(slots=True)
class _Histogram:
    """Counts of durations in buckets that grow by a constant factor."""

    buckets: Counter[int] = field(default_factory=Counter)
    count: int = 0
    least: float = math.inf
    most: float = 0.0

    def add(self, seconds: float) -> None:
        seconds = max(seconds, 0.0)
        self.buckets[math.floor(math.log(max(seconds, _SMALLEST_S)) / _GROWTH)] += 1
        self.count += 1
        self.least = min(self.least, seconds)
        self.most = max(self.most, seconds)

    def merge(self, other: _Histogram) -> None:
        self.buckets.update(other.buckets)
        self.count += other.count
        self.least = min(self.least, other.least)
        self.most = max(self.most, other.most)

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
