"""What a worker shows of itself over HTTP: its metrics for Prometheus, and whether it is alive."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from pipeline.core.errors import ConfigError
from pipeline.metrics import GAUGES, METRICS, MetricName, Metrics

EDGES_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Of the buckets that are shown."""

DEAD_AFTER_S = 30.0
"""A worker whose loop has not come round for so long stands still: one inference or write takes a fraction of it."""


class Health:
    """Serves `/metrics` and `/healthz` (200, or 503 with the reason) until it is closed.

    Args:
        metrics: Of this process.
        worker: Its name, a label of every series.
        host, port: Where to listen; port 0 takes a free one.
    """

    def __init__(self, metrics: Metrics, worker: str, host: str, port: int) -> None:
        self._beat = time.monotonic()
        self._registry = CollectorRegistry()
        self._registry.register(_Collector(metrics, worker, self.age_s))
        health = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                health._answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: whoever watches asks every few seconds."""

        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except OSError as error:
            raise ConfigError(
                f"metrics cannot be shown on {host}:{port}: {error.strerror or error}",
                hint="another port: --metrics-port, or worker.metrics_port in the configuration",
            ) from error
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def beat(self) -> None:
        """The worker's loop has come round."""
        self._beat = time.monotonic()

    def age_s(self) -> float:
        """Seconds since the last beat."""
        return time.monotonic() - self._beat

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        status, kind, content = 404, "text/plain", b"/metrics or /healthz\n"
        if request.path == "/metrics":
            status, kind, content = 200, "text/plain; version=0.0.4; charset=utf-8", generate_latest(self._registry)
        elif request.path == "/healthz":
            age = self.age_s()
            alive = age < DEAD_AFTER_S
            status = 200 if alive else 503
            content = b"ok\n" if alive else f"the loop has stood still for {age:.0f} s\n".encode()
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)


class _Collector:
    """The metrics of a process as Prometheus knows them."""

    def __init__(self, metrics: Metrics, worker: str, age_s: Callable[[], float]) -> None:
        self._metrics = metrics
        self._worker = worker
        self._age_s = age_s

    def collect(self) -> Iterator[Metric]:
        """All series, anew at each scrape."""
        age = GaugeMetricFamily("posebus_worker_loop_age_seconds", "Since the loop last came round.", labels=["worker"])
        age.add_metric([self._worker], self._age_s())
        yield age
        for name, text in METRICS.items():
            yield from self._family(name, text)

    def _family(self, name: MetricName, text: str) -> Iterator[Metric]:
        """One for each metric, whatever the labels of its series: a label that a series lacks is empty."""
        family: Metric
        if name in GAUGES:
            set_to = self._metrics.gauges(name)
            labels = _labels_of([own for own, _ in set_to])
            family = gauge = GaugeMetricFamily(f"posebus_{name}", text, labels=["worker", *labels])
            for own, level in set_to:
                gauge.add_metric(self._values(own, labels), level)
        elif name.endswith("_s"):
            timed = self._metrics.times(name, EDGES_S)
            labels = _labels_of([own for own, _ in timed])
            shown = f"posebus_{name.removesuffix('_s')}_seconds"
            family = histogram = HistogramMetricFamily(shown, text, labels=["worker", *labels])
            edges = [f"{edge:g}" for edge in EDGES_S] + ["+Inf"]
            for own, times in timed:
                buckets = list(zip(edges, [*times.below, times.number], strict=True))
                histogram.add_metric(self._values(own, labels), buckets=buckets, sum_value=times.sum_s)
        else:
            counted = self._metrics.counts(name)
            labels = _labels_of([own for own, _ in counted])
            family = counter = CounterMetricFamily(f"posebus_{name}", text, labels=["worker", *labels])
            for own, value in counted:
                counter.add_metric(self._values(own, labels), value)
        if family.samples:
            yield family

    def _values(self, own: Mapping[str, str], labels: Sequence[str]) -> list[str]:
        return [self._worker, *(own.get(label, "") for label in labels)]


def _labels_of(series: Sequence[Mapping[str, str]]) -> list[str]:
    return sorted({label for own in series for label in own})
