from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import generate_latest
from prometheus_client.core import CollectorRegistry

from pipeline.metrics import METRICS, Metrics
from pipeline.runners.worker.health import _Collector

FOLDER = Path(__file__).resolve().parents[2] / "infra" / "prometheus"
SERVICES: dict[str, Any] = yaml.safe_load((FOLDER.parents[1] / "docker-compose.yml").read_text())["services"]


def test_every_worker_is_read_on_the_port_that_it_listens_on() -> None:
    job = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"][0]["dns_sd_configs"][0]
    workers = {name: service for name, service in SERVICES.items() if service.get("command", [""])[0] == "worker"}

    assert set(job["names"]) == set(workers)
    assert {service["environment"]["POSEBUS_WORKER_METRICS_PORT"] for service in workers.values()} == {str(job["port"])}


def test_alerts_ask_for_metrics_that_workers_have() -> None:
    metrics = Metrics()
    for name in METRICS:
        if not name.endswith("_s"):
            metrics.count(name, stage="pose")
    registry = CollectorRegistry()
    registry.register(_Collector(metrics, "pose", lambda: 0.0))
    served = set(re.findall(r"^(posebus_\w+)", generate_latest(registry).decode(), re.M))
    rules = yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"][0]["rules"]

    asked = {name for rule in rules for name in re.findall(r"posebus_\w+", rule["expr"])}

    assert asked
    assert asked <= served
