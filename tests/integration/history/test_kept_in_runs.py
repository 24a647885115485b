"""The history is kept within its policy by whatever writes to it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from pipeline.cli import upkeep
from pipeline.cli.embedded_run import run_sources
from pipeline.cli.take_up import Wishes
from pipeline.cli.upkeep import history_kept
from pipeline.config import Config
from pipeline.core.history import HistoryPolicy
from pipeline.database import Database
from pipeline.video.open import open_source
from tests.integration.history.conftest import day
from tests.integration.history.test_upkeep import DAY_S, days_of


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "UPKEEP_S", 0.1)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_policy_that_is_changed_meanwhile_stays(days: Database) -> None:
    first, second = HistoryPolicy(retention_s=30 * DAY_S), HistoryPolicy(retention_s=1.5 * DAY_S)
    with history_kept(days, first):
        until(lambda: days.status().policy == first)
        until(lambda: not days.maintain(second).waiting)
        kept_at = days.status().kept_at
        until(lambda: days.status().kept_at != kept_at)
        until(lambda: str(day(3)) not in days_of(days))

        assert days.status().policy == second


def test_without_a_policy_that_of_the_database_is_carried_out(days: Database) -> None:
    policy = HistoryPolicy(retention_s=1.5 * DAY_S)
    with days.address.connect("owner") as owner:
        owner.execute("UPDATE pose_raw.history SET retention = '36 h'")
    with history_kept(days, None):
        until(lambda: str(day(3)) not in days_of(days))

    assert days.status().policy == policy


def test_an_embedded_run_keeps_it_too(days: Database) -> None:
    settings = Config.model_validate(
        {
            "models": {"detector": {"name": "fake"}, "pose": {"name": "fake"}},
            "history": {"retention": "36h"},
        }
    )

    run_sources(settings, days, [("ward", open_source("sim://ward?seconds=60&fps=10"))], Wishes())

    assert str(day(3)) not in days_of(days)
    assert days.status().policy == HistoryPolicy(retention_s=1.5 * DAY_S)
