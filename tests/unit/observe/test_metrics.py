from __future__ import annotations

import threading
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.metrics import METRICS, MetricName, Metrics


def test_each_name_has_a_sentence() -> None:
    assert tuple(METRICS) == get_args(MetricName)
    assert all(sentence.endswith(".") for sentence in METRICS.values())


def test_counts_are_summed_over_labels_that_are_not_asked_for() -> None:
    metrics = Metrics()
    metrics.count("dead_letters", camera="gym", stage="detect", reason="late")
    metrics.count("dead_letters", 3, camera="ward", stage="detect", reason="late")
    metrics.count("dead_letters", 2, camera="ward", stage="ingest", reason="invalid")

    assert metrics.total("dead_letters") == 6
    assert metrics.total("dead_letters", camera="ward") == 5
    assert metrics.totals("dead_letters", "reason", camera="ward") == {"invalid": 2, "late": 3}
    assert metrics.totals("dead_letters", "camera") == {"gym": 1, "ward": 5}
    assert metrics.total("numbering_gaps") == 0


@given(st.lists(st.floats(1e-6, 1e4), min_size=1, max_size=300), st.floats(0, 1))
def test_percentiles_are_within_one_percent(seconds: list[float], q: float) -> None:
    metrics = Metrics()
    for each in seconds:
        metrics.observe("stage_s", each, stage="track")

    exact = float(np.quantile(seconds, q, method="inverted_cdf"))
    assert metrics.percentile("stage_s", q) == pytest.approx(exact, rel=0.01)


def test_percentile_of_all_series_together() -> None:
    metrics = Metrics()
    for camera, seconds in (("gym", 0.1), ("gym", 0.1), ("ward", 0.4)):
        metrics.observe("stage_s", seconds, stage="pose", camera=camera)

    assert metrics.percentile("stage_s", 0.5, stage="pose") == pytest.approx(0.1, rel=0.01)
    assert metrics.percentile("stage_s", 1.0) == pytest.approx(0.4, rel=0.01)
    assert metrics.percentile("stage_s", 0.5, camera="bed") is None
    assert metrics.total("stage_s", camera="gym") == 2


def test_memory_does_not_grow_with_observations() -> None:
    metrics = Metrics()
    for each in np.random.default_rng(0).lognormal(-4, 2, 20_000):
        metrics.observe("stage_s", float(each))

    (histogram,) = metrics._times["stage_s"].values()
    assert len(histogram.buckets) < 1_300


def test_threads_lose_no_count() -> None:
    metrics = Metrics()

    def work() -> None:
        for _ in range(5_000):
            metrics.count("records_skipped", camera="gym")
            metrics.observe("stage_s", 0.001)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert metrics.total("records_skipped") == metrics.total("stage_s") == 20_000
