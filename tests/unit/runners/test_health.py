from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.core.errors import ConfigError
from pipeline.metrics import Metrics
from pipeline.runners.worker import health as module
from pipeline.runners.worker.health import EDGES_S, Health


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def health(metrics: Metrics) -> Iterator[Health]:
    health = Health(metrics, "track+smooth", "127.0.0.1", 0)
    yield health
    health.close()


def get(health: Health, path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{health.port}{path}")


def test_what_is_counted_and_timed_is_read_by_prometheus_own_parser(metrics: Metrics, health: Health) -> None:
    metrics.count("records_skipped", 3, stage="track")
    metrics.count("records_skipped", 4, stage="smooth")
    metrics.count("dead_letters", stage='a "strange"\nname')
    for seconds in (0.002, 0.03, 0.03, 20.0):
        metrics.observe("stage_s", seconds, stage="track")
    metrics.observe("stage_s", 0.1, stage="smooth")

    answer = get(health, "/metrics")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    skipped = {sample.labels["stage"]: sample.value for sample in families["posebus_records_skipped"].samples}
    assert skipped == {"track": 3, "smooth": 4}
    assert families["posebus_records_skipped"].type == "counter"
    (letters,) = families["posebus_dead_letters"].samples
    assert letters.labels == {"worker": "track+smooth", "stage": 'a "strange"\nname'}
    histogram = families["posebus_stage_seconds"]
    assert histogram.type == "histogram"
    track = [sample for sample in histogram.samples if sample.labels["stage"] == "track"]
    buckets = {s.labels["le"]: s.value for s in track if s.name.endswith("_bucket")}
    assert [buckets["0.001"], buckets["0.0025"], buckets["0.025"], buckets["0.05"]] == [0, 1, 1, 3]
    assert (buckets["10"], buckets["+Inf"]) == (3, 4)
    assert len(buckets) == len(EDGES_S) + 1
    assert {s.name: s.value for s in track if not s.name.endswith("_bucket")} == {
        "posebus_stage_seconds_count": 4,
        "posebus_stage_seconds_sum": pytest.approx(20.062),
    }


def test_each_family_is_told_of_once(metrics: Metrics, health: Health) -> None:
    for stage in ("track", "smooth"):
        metrics.count("records_skipped", stage=stage)
        metrics.observe("stage_s", 0.1, stage=stage)

    types = [line for line in get(health, "/metrics").text.splitlines() if line.startswith("# TYPE")]

    assert len(types) == len(set(types)) == 3


def test_a_loop_that_stands_still_is_told_until_it_comes_round_again(
    health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (get(health, "/healthz").status_code, get(health, "/healthz").text) == (200, "ok\n")

    monkeypatch.setattr(module, "DEAD_AFTER_S", 0.0)
    still = get(health, "/healthz")
    monkeypatch.setattr(module, "DEAD_AFTER_S", 30.0)
    health.beat()

    assert still.status_code == 503
    assert "the loop has stood still for" in still.text
    assert get(health, "/healthz").status_code == 200


def test_there_is_nothing_else(health: Health) -> None:
    assert get(health, "/").status_code == 404


def test_a_port_that_is_taken_is_told(metrics: Metrics, health: Health) -> None:
    with pytest.raises(ConfigError, match=f"metrics cannot be shown on 127.0.0.1:{health.port}: .*in use"):
        Health(metrics, "other", "127.0.0.1", health.port)


def test_what_goes_up_and_down_is_a_gauge(metrics: Metrics, health: Health) -> None:
    metrics.gauge("lag_records", 7, stage="track", topic="poses")
    metrics.gauge("lag_records", 3, stage="track", topic="poses")
    metrics.gauge("queue_bytes", 1000, stage="track")

    families = {family.name: family for family in text_string_to_metric_families(get(health, "/metrics").text)}

    (lag,) = families["posebus_lag_records"].samples
    assert (families["posebus_lag_records"].type, lag.value, lag.labels["topic"]) == ("gauge", 3, "poses")
    assert families["posebus_queue_bytes"].samples[0].value == 1000
