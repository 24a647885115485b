"""What the registry says of each camera, as stages ask for it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from pipeline.codec.schemas import SchemaBook
from pipeline.codec.states import AvroStateCodec
from pipeline.core.cameras import CameraSpec
from pipeline.core.ports import Outgoing
from pipeline.runners.worker.known import KnownCameras
from pipeline.topics import CAMERAS, PARTITIONS
from tests.unit.runners.site import Site, spec


def known(site: Site) -> KnownCameras:
    return KnownCameras(site.bus, CAMERAS, PARTITIONS, "one", AvroStateCodec(SchemaBook(), "camera", CameraSpec))


def within(what: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not what() and time.monotonic() < until:
        time.sleep(0.01)
    return what()


def test_it_is_known_before_the_first_record_and_changes_are_heard_within_two_seconds(site: Site) -> None:
    site.register(spec("gym", 1, "sim://gym"), spec("ward", 2, "sim://ward", zones="old"))
    site.register(spec("ward", 2, "sim://ward", zones="new"))
    found = known(site).start()
    gym, ward = found.get("gym"), found.get("ward")
    assert gym is not None
    assert ward is not None
    assert (gym.zones, ward.zones) == ("", "new")

    site.register(spec("gym", 1, "sim://gym", deadline_ms=80))
    assert within(lambda: (now := found.get("gym")) is not None and now.deadline_ms == 80, 2)
    site.remove("ward", 2)
    assert within(lambda: found.get("ward") is None, 2)


def test_what_is_read_again_from_its_beginning_says_nothing_before_its_end(site: Site) -> None:
    for zones in ("a", "b", "c"):
        site.register(spec("gym", 1, "sim://gym", zones=zones))
    found = known(site)
    found._specs = {"gym": spec("gym", 1, "sim://gym", zones="c")}
    consumer, seen = site.bus.consumer("one", "known", [CAMERAS]), []

    for _ in range(4):
        found.step(consumer)
        now = found.get("gym")
        seen.append("" if now is None else now.zones)

    assert seen == ["c"] * 4
    assert found._fresh is None


def test_a_record_that_cannot_be_read_costs_that_camera_alone(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    producer = site.bus.producer("somebody")
    producer.send(Outgoing(CAMERAS, 3, b"hall", b"rubbish"))
    producer.flush(1)
    site.register(spec("gym", 1, "sim://gym"))

    found = known(site).start()

    assert found.get("gym") is not None
    assert found.get("hall") is None
    assert "camera hall: its record cannot be read" in caplog.text


def test_who_leaves_in_order_says_nothing(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.register(spec("gym", 1, "sim://gym"))
    found = known(site).start()

    found.close()
    site.bus.close()

    assert not found._thread.is_alive()
    assert caplog.text == ""
