"""infra/docker/healthy.py: what a container's health check says."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.metrics import Metrics
from pipeline.runners.worker.health import DEAD_AFTER_S, Health
from tests.compose.engine import ROOT

PROGRAM = ROOT / "infra" / "docker" / "healthy.py"


@pytest.fixture
def health() -> Iterator[Health]:
    served = Health(Metrics(), "pose", "127.0.0.1", 0)
    yield served
    served.close()


def check(port: int, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "POSEBUS_WORKER_METRICS_PORT": str(port), "TMPDIR": str(folder)}
    command = [sys.executable, "-S", "-E", str(PROGRAM)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)


def test_a_worker_that_works_is_healthy(health: Health, tmp_path: Path) -> None:
    done = check(health.port, tmp_path)

    assert (done.returncode, done.stdout) == (0, "ok\n")


def test_a_worker_that_stands_still_is_not_and_the_reason_is_told(health: Health, tmp_path: Path) -> None:
    check(health.port, tmp_path)
    health._beat -= DEAD_AFTER_S + 1

    done = check(health.port, tmp_path)

    assert done.returncode == 1
    assert done.stdout.startswith("the loop has stood still for 3")
    assert (tmp_path / "healthy").read_text() == "1"


def test_a_good_answer_forgets_bad_ones(health: Health, tmp_path: Path) -> None:
    (tmp_path / "healthy").write_text("3")

    check(health.port, tmp_path)

    assert (tmp_path / "healthy").read_text() == "0"


def test_a_worker_that_never_answered_is_given_its_time(tmp_path: Path) -> None:
    done = check(_closed_port(), tmp_path)

    assert done.returncode == 1
    assert "no answer on port" in done.stdout
    assert not (tmp_path / "healthy").exists()


def test_a_process_that_is_stopped_takes_connections_and_is_unhealthy_nevertheless(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = check(silent.getsockname()[1], tmp_path)

    assert done.returncode == 1
    assert "timed out" in done.stdout


def _closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
