"""What is said to who names workers wrongly: before any broker or database is looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import Program


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (["worker", "trak"], "no stage is named 'trak'", "ingest, detect, pose, track, smooth, analyze, alert"),
        (["worker", "track+analyze"], "analyze does not read what track writes: only neighbours", r"track\+smooth"),
        (["worker", "smooth+track"], "track does not read what smooth writes", r"smooth\+analyze"),
        (["worker", "alert+track"], "track does not read what alert writes", "nothing follows alert"),
        (["worker", "track+sink"], "no stage is named 'sink'", "the stages"),
        (["worker", "track+"], "no stage is named ''", "the stages"),
        (
            ["up", "--layout", "ingest,detect,pose,track,smooth,alert,sink"],
            "the layout lacks analyze",
            "it has: ingest",
        ),
        (["up", "--layout", "ingest+detect+pose,track+smooth+analyze+alert"], "the layout lacks sink", "it has: "),
        (["up", "--layout", "pose,everything"], "no stage is named 'everything'", "the stages"),
        (
            ["up", "--layout", "ingest,detect+pose,pose,track+smooth+analyze+alert,sink"],
            r"pose in two kinds of process: detect\+pose, pose",
            "two chains with one stage do not mix",
        ),
        (
            ["up", "--layout", "ingest,pose+detect,track+smooth+analyze+alert,sink"],
            "detect does not read what pose",
            "",
        ),
    ],
)
def test_what_cannot_be_a_worker_is_refused(program: Program, words: list[str], error: str, hint: str) -> None:
    program(*words).refused(2, error, hint)


def test_a_layout_of_the_configuration_is_checked_too(program: Program, tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("worker: {layout: [ingest, detect, pose, sink]}\n")

    program("up", "--config", "site.yaml").refused(2, "the layout lacks track, smooth, analyze, alert", "it has: ")


def test_ports_beyond_the_last_one_are_refused(program: Program) -> None:
    program("up", "--metrics-port", "65535").refused(2, "workers need as many ports", "at most --metrics-port 655")


def test_a_worker_without_a_name_is_told_how_it_is_used(program: Program) -> None:
    program("worker").misused("Missing argument")


@pytest.mark.parametrize("words", [["worker", "track"], ["worker", "sink"], ["up"]])
def test_without_a_broker_it_says_where_to_name_one(program: Program, words: list[str]) -> None:
    program(*words).refused(2, "no Kafka broker is configured", "POSEBUS_KAFKA_SERVERS")
