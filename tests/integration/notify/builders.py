"""Steps of incidents as stages would have stored them, and couriers that do not wait long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from pipeline.core.deliveries import DeliveryStore
from pipeline.core.ids import make_id, make_track_id
from pipeline.core.ports import Cut, Position
from pipeline.core.records import Record, Stamp
from pipeline.core.values import Transition
from pipeline.database import Database
from pipeline.notify import Notifier
from pipeline.notify.webhook import WebhookChannel
from pipeline.runners.embedded.deliver import Courier
from pipeline.runners.embedded.feed import Camera
from pipeline.video.open import open_source

START_US = 1_700_000_000_000_000
NURSE = "webhook:nurse"


def step(
    version: int = 1,
    state: str = "new",
    *,
    incident: int = 1,
    at_s: float | None = None,
    camera_no: int = 1,
    run: int = 0,
    **other: Any,
) -> Record[Transition]:
    """A step `at_s` (its version, if left out) seconds after the start."""
    at_us = START_US + round((version if at_s is None else at_s) * 1e6)
    stamp = Stamp(run, f"camera{camera_no}", camera_no, 1, version, 9, at_us, at_us, "file")
    values: dict[str, Any] = {
        "incident_id": make_id("incident", run, camera_no, incident),
        "version": version,
        "state": state,
        "rule": "fall",
        "severity": "critical",
        "track_id": make_track_id(camera_no, 3),
        "started_at_us": START_US + 1_000_000,
        "at_us": at_us,
        "event_id": make_id("event", incident),
        "text": f"fall, step {version}",
        "evidence": {"trunk_tilt": 88.25},
    }
    return Record(stamp, Transition(**values | other))


def key(version: int, incident: int = 1, channel: str = NURSE) -> str:
    """The idempotency key of a step."""
    return f"{make_id('incident', 0, 1, incident)}/{version}/{channel}"


def cut(number: int, *records: Record[Any]) -> Cut:
    """A cut of camera 1 with these records."""
    return Cut(0, 1, number, Position(1, number, START_US, "sha256:abc"), {}, records)


def camera(number: int = 1, *, since_s: float = 0.0, run: int = 0) -> Camera:
    """A camera whose source began `since_s` seconds after the start."""
    begun = START_US + round(since_s * 1e6)
    return Camera(run, f"camera{number}", number, open_source("sim://gym"), begun, Position(1, 0, 0, ""), 0)


def store(database: Database, *records: Record[Transition]) -> None:
    """Put steps into the database."""
    for number in sorted({record.stamp.camera_no for record in records}):
        database.registry().camera_no(f"camera{number}")
    database.sink().write(records)


def nurse(url: str) -> Notifier:
    """A notifier with one webhook that is patient with slow answers and tries each post once at a time."""
    return Notifier([webhook(url)])


def webhook(url: str, name: str = NURSE) -> WebhookChannel:
    """A webhook that is patient with slow answers and tries each post once at a time."""
    return WebhookChannel(url, name=name, attempts=1, timeout_s=60)


def courier(
    outbox: DeliveryStore, notifier: Notifier, cameras: Sequence[Camera] | None = None, *, last_s: float = 60.0
) -> Courier:
    """A courier of camera 1 that tries again soon."""
    return Courier(outbox, notifier, cameras or [camera()], first_wait_s=0.01, last_s=last_s)


def threads() -> list[threading.Thread]:
    """The threads that deliver."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("deliver-")]


def wait_for(what: Callable[[], bool]) -> None:
    """Until it is so; the limit of the test ends a wait for nothing."""
    while not what():
        time.sleep(0.01)


def noted(database: Database) -> list[tuple[Any, ...]]:
    """What is in `deliveries`: key, state and error."""
    return database.query("SELECT key, state, error FROM deliveries ORDER BY at, key").rows
