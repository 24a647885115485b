from __future__ import annotations

from pathlib import Path

from pipeline.cli.up import _commands


def ports(port: int) -> list[list[str]]:
    commands = _commands(["ingest", "pose", "pose", "sink"], Path("c.yaml"), port)
    return [list(words[words.index("--metrics-port") :]) for words in commands.values() if "--metrics-port" in words]


def test_each_worker_shows_metrics_on_a_port_of_its_own() -> None:
    assert ports(9100) == [["--metrics-port", str(port)] for port in (9100, 9101, 9102, 9103)]


def test_without_a_port_none_does() -> None:
    assert ports(0) == []
