"""Whole embedded runs, with models that see nobody and a rule by which every camera makes one incident."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.embedded_run import Outcome, run_sources
from pipeline.cli.take_up import Wishes
from pipeline.config import Config
from pipeline.database import Database, open_database
from pipeline.notify import Notifier
from pipeline.video.open import open_source
from stages.alert import AlertOptions, Rule
from tests.integration.database.processes import running, said
from tests.integration.notify.builders import nurse, wait_for
from tests.unit.notify.receiver import Receiver, receiver

SCENE = "sim://gym?people=1&seconds=4&fps=5"
SETTINGS = Config.model_validate(
    {
        "models": {"detector": {"name": "fake"}, "pose": {"name": "fake"}},
        "alert": AlertOptions((Rule("on-air", "camera", {"live": "info"}, ("ended",)),)),
        "embedded": {"cut_s": 0.05},
    }
)


def run_scene(database: Database, notifier: Notifier | None, **wishes: Any) -> Outcome:
    return run_sources(SETTINGS, database, [("gym", open_source(SCENE))], Wishes(**wishes), notifier=notifier)


def steps(database: Database) -> Sequence[tuple[Any, ...]]:
    """Of each step in the order of time: incident, version and what became of it."""
    return database.query(
        "SELECT s.incident_id, s.version, d.state FROM incident_steps s"
        " LEFT JOIN deliveries d USING (incident_id, version) ORDER BY s.ts"
    ).rows


def told(web: Receiver) -> list[tuple[str, int]]:
    return [(content["incident_id"], content["version"]) for content in (json.loads(body) for _, _, body in web.got)]


def test_every_step_of_a_run_is_delivered_once(database: Database) -> None:
    with receiver() as web:
        run_scene(database, nurse(web.url))
        assert run_scene(database, nurse(web.url)).stored == ["gym"]

    found = steps(database)
    assert [(version, state) for _, version, state in found] == [(1, "delivered"), (2, "delivered")]
    assert told(web) == [row[:2] for row in found]


def test_a_run_that_was_not_asked_delivers_nothing_and_the_next_recording_is_delivered_alone(
    database: Database,
) -> None:
    run_scene(database, None)

    with receiver() as web:
        run_scene(database, nurse(web.url), again=True)

    found = steps(database)
    assert [state for *_, state in found] == [None, None, "delivered", "delivered"]
    assert told(web) == [row[:2] for row in found[2:]]


def test_what_a_run_could_not_deliver_is_delivered_when_the_stored_source_is_named_again(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with receiver(*[500] * 99) as web:
        run_scene(database, nurse(web.url))
    assert [state for *_, state in steps(database)] == [None, None]
    assert "not all incidents are delivered" in caplog.text

    with receiver() as web:
        run_scene(database, nurse(web.url))

    assert told(web) == [row[:2] for row in steps(database)]


def test_a_run_reaches_its_end_while_a_receiver_keeps_its_answer_to_itself(database: Database) -> None:
    with receiver() as web:
        web.answering.clear()
        thread = threading.Thread(target=run_scene, args=(database, nurse(web.url)))
        thread.start()
        with open_database(database.url("owner"), Path("unused"), migrate=False) as watching:
            wait_for(lambda: (cut := watching.cuts().load(0, 1)) is not None and cut.position.finished)
        assert len(web.got) <= 1  # all is stored before the first post was answered
        web.answering.set()
        thread.join()

    assert [state for *_, state in steps(database)] == ["delivered", "delivered"]


def test_a_second_signal_leaves_at_once_and_the_next_run_delivers(database: Database, dsn: str, tmp_path: Path) -> None:
    script = """
from tests.integration.notify.builders import nurse
from tests.integration.notify.test_run import run_scene
sys.stderr = sys.stdout
with open_database(sys.argv[2], home, migrate=False) as database:
    print(run_scene(database, nurse(sys.argv[3])).signal, flush=True)
"""
    with receiver() as web:
        web.answering.clear()
        with running(script, tmp_path, dsn, web.url) as process:
            wait_for(lambda: bool(web.got) or process.poll() is not None)
            os.kill(process.pid, signal.SIGINT)
            assert "stopping as soon as" in said(process)
            os.kill(process.pid, signal.SIGTERM)
            assert process.communicate()[0].splitlines()[-1] == str(int(signal.SIGINT))
            assert process.returncode == 0
        assert len(web.got) == 1
    assert {state for *_, state in steps(database)} == {None}

    with receiver() as web:
        run_scene(database, nurse(web.url), resume=True)

    assert told(web) == [row[:2] for row in steps(database)]
