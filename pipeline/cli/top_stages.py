"""What the stages of one process do, by its metrics."""

from __future__ import annotations

import time
import urllib.request
from collections import deque
from collections.abc import Callable, Sequence

from prometheus_client.parser import text_string_to_metric_families

from pipeline.cli.overview import RATE_S, StageRow
from pipeline.topology import STAGES

_PATIENCE_S = 2.0
_SERIES = "posebus_stage_seconds"


class StageMetrics:
    """Reads `/metrics` again and again; what it gives is of the last seconds.

    Args:
        host, port: Where they are shown.
        clock: Monotonic seconds.
    """

    def __init__(self, host: str, port: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = f"http://{host}:{port}/metrics"
        self._clock = clock
        self._looks: deque[tuple[float, dict[str, tuple[float, float]]]] = deque()

    def __call__(self) -> Sequence[StageRow]:
        """A row for each stage, in their order; none where nothing answers there."""
        try:
            # A process on this machine or in this network: no proxy knows it better.
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(self._url, timeout=_PATIENCE_S) as answer:
                text = answer.read().decode()
        except (OSError, UnicodeDecodeError):
            self._looks.clear()
            return ()
        return self.took(text)

    def took(self, text: str) -> Sequence[StageRow]:
        """Compare with what was said some seconds ago."""
        now_s, totals = self._clock(), _totals(text)
        if self._looks and any(totals.get(stage, (0,))[0] < was[0] for stage, was in self._looks[-1][1].items()):
            self._looks.clear()  # another process
        self._looks.append((now_s, totals))
        while len(self._looks) > 2 and self._looks[1][0] <= now_s - RATE_S:
            self._looks.popleft()
        began_s, first = self._looks[0]
        rows = []
        for stage in (stage for stage in STAGES if stage in totals):
            frames, seconds = totals[stage]
            before, before_s = first.get(stage, (0.0, 0.0))
            done, took_s = frames - before, seconds - before_s
            rate = done / (now_s - began_s) if now_s > began_s else None
            rows.append(StageRow(stage, rate, 1000 * took_s / done if done else None))
        return rows


def _totals(text: str) -> dict[str, tuple[float, float]]:
    """Frames that each stage worked on, and seconds that it took for all of them."""
    totals: dict[str, list[float]] = {}
    try:
        families = [family for family in text_string_to_metric_families(text) if family.name == _SERIES]
    except ValueError:  # another program is there
        return {}
    for family in families:
        for sample in family.samples:
            place = {f"{_SERIES}_count": 0, f"{_SERIES}_sum": 1}.get(sample.name)
            if place is not None:
                totals.setdefault(sample.labels.get("stage", ""), [0.0, 0.0])[place] += sample.value
    return {stage: (count, seconds) for stage, (count, seconds) in totals.items()}
