from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.cameras import CameraSpec
from pipeline.core.errors import BusUnavailable, ConfigError, SourceError, TransientError
from pipeline.core.ports import Outgoing, Snapshot
from pipeline.core.values import Frame
from pipeline.feeds import open_recorded
from pipeline.runners.worker.cameras import CameraFeed
from pipeline.runners.worker.reading import Reading
from pipeline.state.memory import MemoryStore
from pipeline.topics import CAMERAS
from tests.unit.runners.site import START_US, Sent, Site, film, kill, numbers, spec, to_the_end, until

FRAMES = 30
RECORDS = FRAMES + 2
"""With the ticks of the second second and of the end."""


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("films")
    return {name: film(folder / name, FRAMES, seed=seed) for seed, name in enumerate(("gym", "ward", "hall"))}


@pytest.fixture(scope="module")
def undisturbed(films: dict[str, str]) -> Sent:
    site = Site()
    site.register(spec("gym", 1, films["gym"]), spec("ward", 2, films["ward"]))
    to_the_end(site.ingest())
    sent = site.sent()
    site.close()
    assert sorted(sent) == [(name, 1, n) for name in ("gym", "ward") for n in range(RECORDS)]
    assert all(len(values) == 1 for values in sent.values())
    return sent


# -- which cameras -----------------------------------------------------------------------------------------------------


def test_a_camera_that_is_added_later_is_read(site: Site, films: dict[str, str]) -> None:
    site.register(spec("gym", 1, films["gym"]))
    worker = site.ingest()
    until(lambda: len(site.sent()) > 5, worker)

    site.register(spec("ward", 2, films["ward"]))
    until(lambda: set(worker.cameras) == {"gym", "ward"}, worker)
    to_the_end(worker)

    assert numbers(site.sent(), "gym") == numbers(site.sent(), "ward") == list(range(RECORDS))


def test_a_camera_that_is_removed_is_left_and_read_on_when_it_comes_back(
    site: Site, films: dict[str, str], undisturbed: Sent
) -> None:
    site.register(spec("gym", 1, films["gym"]), spec("ward", 2, films["ward"]))
    worker = site.ingest()
    until(lambda: len(numbers(site.sent(), "gym")) > 3, worker)
    site.remove("gym", 1)
    until(lambda: set(worker.cameras) == {"ward"}, worker)
    before = len(numbers(site.sent(), "gym"))
    until(lambda: worker.finished, worker)
    assert len(numbers(site.sent(), "gym")) == before < RECORDS

    site.register(spec("gym", 1, films["gym"]))
    until(lambda: len(worker.cameras) == 2, worker)
    to_the_end(worker)

    assert site.sent() == undisturbed


def test_a_paused_camera_is_not_read_and_goes_on_where_it_was(
    site: Site, films: dict[str, str], undisturbed: Sent
) -> None:
    site.register(spec("gym", 1, films["gym"]), spec("ward", 2, films["ward"]))
    worker = site.ingest()
    until(lambda: len(numbers(site.sent(), "gym")) > 3, worker)
    site.register(spec("gym", 1, films["gym"], paused=True))
    until(lambda: worker.cameras["gym"].paused, worker)
    before = len(numbers(site.sent(), "gym"))
    until(lambda: worker.finished, worker)
    assert len(numbers(site.sent(), "gym")) == before < RECORDS

    site.register(spec("gym", 1, films["gym"]))
    until(lambda: not worker.cameras["gym"].paused, worker)
    to_the_end(worker)

    assert site.sent() == undisturbed


def test_cameras_that_are_not_read_are_told_of(site: Site, films: dict[str, str]) -> None:
    def absent(spec: CameraSpec, reading: Reading | None, wake: Callable[[], None]) -> CameraFeed:
        raise SourceError("it is not there")

    told: list[tuple[str, str, str]] = []
    worker = site.ingest(open_camera=absent, told=lambda each: told.append((each.name, each.state, each.reason)))
    site.register(spec("gym", 1, films["gym"]), spec("ward", 2, films["ward"], paused=True))
    until(lambda: len(told) >= 2, worker)

    assert set(told) == {("gym", "failed", "it is not there"), ("ward", "paused", "")}


def test_other_zones_and_rules_leave_the_reader_alone(site: Site, films: dict[str, str]) -> None:
    opened: list[CameraSpec] = []

    def noted(spec: CameraSpec, reading: Reading | None, wake: Callable[[], None]) -> CameraFeed:
        opened.append(spec)
        return open_recorded(spec, reading, wake)

    site.register(spec("gym", 1, films["gym"]))
    worker = site.ingest(open_camera=noted)
    until(lambda: len(site.sent()) > 3, worker)
    site.register(spec("gym", 1, films["gym"], zones="zones: {}", rules="rules: []"))
    until(lambda: worker.cameras["gym"].zones != "", worker)
    to_the_end(worker)

    assert len(opened) == 1


def test_another_source_of_a_camera_begins_a_new_session(site: Site, films: dict[str, str]) -> None:
    site.register(spec("gym", 1, films["gym"]))
    worker = site.ingest()
    until(lambda: len(site.sent()) > 5, worker)

    site.register(spec("gym", 1, films["hall"]))
    until(lambda: worker.cameras["gym"].source == films["hall"], worker)
    to_the_end(worker)

    sent = site.sent()
    assert numbers(sent, "gym", 1) == list(range(len(numbers(sent, "gym", 1))))
    assert numbers(sent, "gym", 2) == list(range(RECORDS))
    stamps = [record.stamp for record in site.records()]
    later = [stamp.captured_at_us for stamp in stamps if stamp.session == 2]
    assert min(later) > max(stamp.captured_at_us for stamp in stamps if stamp.session == 1)


def test_changed_content_of_a_file_begins_a_new_session(site: Site, tmp_path: Path) -> None:
    source = film(tmp_path / "gym", 10)
    site.register(spec("gym", 1, source))
    to_the_end(site.ingest("first"))

    Path(source).rename(tmp_path / "before")
    film(tmp_path / "gym", 12, seed=9)
    to_the_end(site.ingest("second"))
    to_the_end(site.ingest("third"))  # the same content a second time: nothing more

    sent = site.sent()
    assert (len(numbers(sent, "gym", 1)), len(numbers(sent, "gym", 2))) == (11, 13)
    assert {session for _, session, _ in sent} == {1, 2}


def test_a_record_of_the_registry_that_cannot_be_read_costs_that_camera_alone(
    site: Site, films: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    producer = site.bus.producer("somebody")
    producer.send(Outgoing(CAMERAS, 3, b"hall", b"rubbish"))
    producer.flush(1)
    site.register(spec("gym", 1, films["gym"]))

    to_the_end(site.ingest())

    assert {name for name, _, _ in site.sent()} == {"gym"}
    assert "camera hall: its record cannot be read" in caplog.text


def test_specs_of_long_ago_are_not_acted_upon(site: Site, films: dict[str, str]) -> None:
    opened: list[str] = []

    def noting(spec: CameraSpec, reading: Reading | None, wake: Callable[[], None]) -> CameraFeed:
        opened.append(spec.source)
        return open_recorded(spec, reading, wake)

    sources = [films["hall"], films["ward"]] * 300  # more than one poll brings
    site.register(*(spec("gym", 1, source) for source in sources), spec("gym", 1, films["gym"]))

    to_the_end(site.ingest(open_camera=noting))

    assert opened == [films["gym"]]
    assert {session for _, session, _ in site.sent()} == {1}


# -- sources -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [SourceError, ConfigError], ids=["unreadable", "wrong in its spec"])
def test_a_source_that_cannot_be_opened_is_tried_again_and_holds_up_nobody(
    error: type[ConfigError], site: Site, films: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    now, opened = 0.0, count(1)

    def stubborn(spec: CameraSpec, reading: Reading | None, wake: Callable[[], None]) -> CameraFeed:
        if spec.name == "gym" and next(opened) < 3:
            raise error("gym is not there")
        return open_recorded(spec, reading, wake)

    site.register(spec("gym", 1, films["gym"]), spec("ward", 2, films["ward"]))
    worker = site.ingest(open_camera=stubborn, clock=lambda: now)
    until(lambda: len(numbers(site.sent(), "ward")) == RECORDS, worker)
    assert next(opened) == 2
    assert caplog.text.count("gym is not there") == 1

    now = 11.0
    until(lambda: next(opened) > 3, worker)
    now = 22.0
    to_the_end(worker)

    assert numbers(site.sent(), "gym") == list(range(RECORDS))


def test_the_beginning_of_a_session_is_kept_before_its_first_frame(site: Site, films: dict[str, str]) -> None:
    class Crash(BaseException):
        pass

    def die(operation: str, client: str) -> None:
        if operation == "flush" and client == "first":
            raise Crash

    site.register(spec("gym", 1, films["gym"], start_us=0))  # its time is that of the first reading
    now = 0.0
    first = site.ingest("first", clock=lambda: now)
    until(lambda: len(site.sent()) > 5, first)
    site.bus.faults.before = die
    now = 99.0
    with pytest.raises(Crash):
        until(lambda: False, first)
    kill(first, site, "first")
    assert len(site.sent()) < RECORDS  # some of it is out, though no checkpoint was ever finished

    to_the_end(site.ingest("second"))

    sent = site.sent()
    assert RECORDS <= len(sent) <= RECORDS + 1  # a tick for each second that began, whenever the first one did
    assert sorted(sent) == [("gym", 1, n) for n in range(len(sent))]
    assert all(len(values) == 1 for values in sent.values())


def test_the_position_is_in_the_snapshot_of_ingest(site: Site, films: dict[str, str]) -> None:
    site.register(spec("gym", 1, films["gym"]))
    store = MemoryStore()
    worker = site.ingest(store=store)
    until(lambda: 5 < len(site.sent()) < RECORDS, worker)
    worker.checkpoint()

    snapshot = store.load("ingest", frozenset({1}))["gym"]
    reading: Reading = worker._readings.decode(snapshot.content)
    frames = [r for r in site.records() if isinstance(r.value, Frame)]
    kill(worker, site, "one")

    assert (reading.session, reading.start_us, reading.finished) == (1, START_US, False)
    assert reading.seq == len(frames)
    assert reading.last_captured_at_us == frames[-1].stamp.captured_at_us


# -- crashes and hand-over ---------------------------------------------------------------------------------------------


class Crash(BaseException):
    """The process is gone."""


class CrashingStore(MemoryStore):
    """Dies before or after the n-th save; goes on as a store that never did."""

    def __init__(self, point: str, nth: int) -> None:
        super().__init__()
        self._point, self._nth, self._saves = point, nth, count(1)

    def save(self, snapshots: Sequence[Snapshot]) -> None:
        number = next(self._saves)
        if self._point == "before save" and number == self._nth:
            raise Crash
        super().save(snapshots)
        if self._point == "after save" and number == self._nth:
            raise Crash


@pytest.mark.parametrize("nth", [1, 2, 4])
@pytest.mark.parametrize("point", ["send", "flush", "before save", "after save", "poll"])
@pytest.mark.parametrize("held", [False, True], ids=["sent at once", "sent at the flush"])
def test_a_crash_at_any_point_leaves_the_same_bytes(
    point: str, nth: int, held: bool, site: Site, films: dict[str, str], undisturbed: Sent
) -> None:
    site.register(spec("gym", 1, films["gym"]), spec("ward", 2, films["ward"]))
    site.bus.faults.hold_sends = held
    store, calls = CrashingStore(point, nth), count(1)

    def die(operation: str, client: str) -> None:
        if client == "first" and operation == point and next(calls) == nth:
            raise Crash

    site.bus.faults.before = die
    first = site.ingest("first", store=store)
    with pytest.raises(Crash):
        until(lambda: False, first)
    kill(first, site, "first")

    to_the_end(site.ingest("second", store=store))

    assert site.sent() == undisturbed


def test_a_worker_that_is_told_to_end_leaves_nothing_out(site: Site, films: dict[str, str], undisturbed: Sent) -> None:
    site.register(spec("gym", 1, films["gym"]), spec("ward", 2, films["ward"]))
    for number in range(6):  # each has pictures decoded that it never sends
        worker = site.ingest(f"worker{number}", clock=lambda: 0.0)
        before = len(site.sent())
        until(lambda worker=worker, before=before: len(site.sent()) > before or worker.finished, worker)  # type: ignore[misc]
        worker.close()

    to_the_end(site.ingest("last"))

    assert site.sent() == undisturbed


@pytest.mark.parametrize("nth", range(1, 5))
@pytest.mark.parametrize("what", ["send", "save", "first save"])
def test_a_bus_that_fails_now_and_then_costs_nothing(
    what: str, nth: int, site: Site, films: dict[str, str], undisturbed: Sent
) -> None:
    site.register(spec("gym", 1, films["gym"]), spec("ward", 2, films["ward"]))
    worker = site.ingest()
    failures, struck = 0, what == "first save"
    if what == "first save":
        site.bus.faults.fail_next_sends("changelog-ingest", nth)
    while not worker.finished or not struck:
        if not struck and len(site.sent()) > 10 * nth:
            topic = "frames" if what == "send" else "changelog-ingest"
            site.bus.faults.fail_next_sends(topic, delivered=nth % 2 == 0)
            struck = True
        try:
            worker.step()
            if worker.finished:
                worker.checkpoint()
        except TransientError:
            failures += 1
            worker.recover()
    worker.close()

    assert failures >= 1
    assert site.sent() == undisturbed


def test_news_of_the_registry_that_meet_an_outage_are_not_lost(site: Site, films: dict[str, str]) -> None:
    site.register(spec("gym", 1, films["gym"]))
    worker = site.ingest(clock=lambda: 0.0)  # nothing is kept but where it has to be
    until(lambda: len(site.sent()) > 5, worker)
    site.bus.faults.fail_next_sends("frames")
    reached = worker._cameras["gym"].feed.position.seq
    until(lambda: worker._cameras["gym"].feed.position.seq > reached, worker)  # a send has failed, and nobody knows
    site.register(spec("gym", 1, films["hall"]), spec("ward", 25, films["ward"]))
    with pytest.raises(BusUnavailable):
        until(lambda: False, worker)
    worker.recover()
    until(lambda: len(worker.cameras) == 2, worker)

    assert worker.cameras["gym"].source == films["hall"]
    to_the_end(worker)
    assert numbers(site.sent(), "ward") == list(range(RECORDS))


def test_states_that_could_not_be_loaded_at_the_assignment_are_loaded_later(
    site: Site, films: dict[str, str], undisturbed: Sent
) -> None:
    class Away(MemoryStore):
        away = False

        def load(self, stage: str, partitions: frozenset[int]) -> Any:
            if self.away:
                raise BusUnavailable("the changelog is not there")
            return super().load(stage, partitions)

    store = Away()
    site.register(spec("gym", 1, films["gym"]), spec("ward", 2, films["ward"]))
    first = site.ingest("first", store=store)
    until(lambda: len(site.sent()) > 12, first)
    first.checkpoint()
    kill(first, site, "first")
    second = site.ingest("second", store=store)
    store.away = True
    with pytest.raises(BusUnavailable):
        second.step()
    with pytest.raises(BusUnavailable):
        second.recover()
    store.away = False

    second.recover()
    to_the_end(second)

    assert site.sent() == undisturbed


def test_a_second_worker_takes_half_of_the_cameras_and_gives_them_back(
    site: Site, films: dict[str, str], tmp_path: Path
) -> None:
    names = {f"camera{number}": number for number in range(1, 24, 4)}
    site.register(*(spec(name, number, films["gym"]) for name, number in names.items()))
    alone = Site()
    alone.register(*(spec(name, number, films["gym"]) for name, number in names.items()))
    to_the_end(alone.ingest())
    wanted = alone.sent()
    alone.close()
    first = site.ingest("first")
    until(lambda: len(site.sent()) > 20, first)

    second = site.ingest("second")
    until(lambda: bool(first.cameras) and bool(second.cameras), first, second)
    until(lambda: len(first.cameras) + len(second.cameras) == 6, first, second)
    shared = (set(first.cameras), set(second.cameras))
    until(lambda: len(site.sent()) > 90, first, second)
    kill(second, site, "second")
    until(lambda: len(first.cameras) == 6, first)  # it may have come to the end of its own already
    to_the_end(first)

    assert shared[0].isdisjoint(shared[1])
    assert site.sent() == wanted


def test_a_zombie_that_comes_back_takes_no_state_back(site: Site, films: dict[str, str], undisturbed: Sent) -> None:
    site.register(spec("gym", 1, films["gym"]), spec("ward", 2, films["ward"]))
    store = MemoryStore()
    zombie = site.ingest("zombie", store=store)
    until(lambda: len(site.sent()) > 8, zombie)
    site.bus.expire("zombie")
    to_the_end(site.ingest("second", store=store))
    saved = dict(store.load("ingest", frozenset(range(24))))

    zombie.checkpoint()

    assert store.load("ingest", frozenset(range(24))) == saved
    assert site.sent() == undisturbed
    kill(zombie, site, "zombie")
