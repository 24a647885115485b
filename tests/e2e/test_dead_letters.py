"""Dead letters on the command line: listed, shown, sent again where they come in order, dropped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from pipeline.bus.memory import MemoryBus
from pipeline.cli import dead_letters
from pipeline.config import Config
from pipeline.core.errors import InvalidRecord, SchemaError
from pipeline.core.letters import letter_of
from pipeline.core.numbering import Mark, Progress
from pipeline.core.ports import BusRecord, Outgoing, Snapshot
from pipeline.core.records import Record
from pipeline.core.values import DeadLetter
from pipeline.database import Database, open_database
from pipeline.runners.worker import Worker
from pipeline.state.changelog import ChangelogStore
from pipeline.topics import PARTITIONS
from pipeline.topology import CHANGELOGS, Topology, kafka_topics
from pipeline.workers import WorkerParts
from tests.e2e.conftest import Program
from tests.e2e.terminal import Ended
from tests.samples import poses, stamp


class Bus(MemoryBus):
    """One that outlives the commands."""

    def close(self) -> None:
        return


class Site:
    """A bus, a database, the program, and a camera whose first five frames the stages have taken."""

    def __init__(self, program: Program, dsn: str, database: Database, bus: Bus) -> None:
        self._program, self._dsn, self._database = program, dsn, database
        self.bus = bus
        bus.ensure(kafka_topics())
        database.registry().camera_no("gym")
        config = Config()
        self.topology = Topology(config, WorkerParts(config), strict=True)
        self.store = ChangelogStore(bus, "test", CHANGELOGS)

    def __call__(self, *words: str) -> Ended:
        return self._program("dead-letters", *words, "--db", self._dsn)

    def listed(self, *words: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self("ls", "--format", "json", *words).done().out)
        return found

    def value(self, n: int, topic: str = "poses") -> bytes:
        """A record of the camera that can be read."""
        return self.topology.codec(topic).encode(Record(stamp(n), poses(1, seed=n))).value

    def bury(
        self, content: bytes, offset: int, *, stage: str = "track", topic: str = "poses", told: int | None = None
    ) -> str:
        """Put a dead letter into the database; gives the beginning of its id."""
        raw = BusRecord(topic, 1, offset, b"gym", content)
        letter = letter_of(stage, raw, SchemaError("no schema"), stamp=None if told is None else stamp(told))
        self._database.sink().write([letter])
        assert isinstance(letter.value, DeadLetter)
        return str(letter.value.letter_id)[:13]

    def taken(self, stage: str, *, last_in: int | None = None, sent: int | None = None, topic: str = "poses") -> None:
        """A stage has kept how far it has come."""
        progress = Progress()
        if last_in is not None:
            progress.last_in[topic] = Mark(1, last_in)
        if sent is not None:
            progress.next_out[topic] = Mark(1, sent)
        content = self.topology.state_codec("progress", Progress).encode(progress)
        self.store.save([Snapshot(stage, "gym", 1, {}, 1, {}, content)])

    def on(self, topic: str) -> list[bytes]:
        return [raw.value or b"" for raw in self.bus.read(topic, frozenset(range(PARTITIONS)))]


@pytest.fixture
def site(program: Program, dsn: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    bus = Bus()
    monkeypatch.setattr(dead_letters, "bus_of", lambda settings, client: bus)
    with open_database(dsn, Path("unused"), migrate=False) as database:
        yield Site(program, dsn, database, bus)


def test_they_are_listed_by_stage_reason_camera_and_time(site: Site) -> None:
    first = site.bury(b"rubbish", 7)
    second = site.bury(b"rubbish", 8, stage="smooth", topic="tracks", told=3)

    assert [letter["letter_id"][:13] for letter in site.listed()] == [first, second]
    assert [letter["stage"] for letter in site.listed("--stage", "smooth")] == ["smooth"]
    assert site.listed("--reason", "DecodeError") == []
    assert len(site.listed("--reason", "SchemaError", "--camera", "gym")) == 2
    assert site.listed("--camera", "ward") == []
    # The second was taken in November 2023; the first does not tell when.
    assert [letter["time"] for letter in site.listed("--since", "2024-01-01")] == [None]
    assert len(site.listed("--since", "2023-01-01", "--until", "2024-01-01")) == 2
    shown = site("ls", "--limit", "1").done()
    assert "(1 dead letter)" in shown.out
    shown.noted("there are more than 1")


def test_one_is_shown_decoded_where_that_can_be_done(site: Site) -> None:
    good, bad = site.bury(site.value(3), 3), site.bury(b"\x00rubbish", 4)
    described = site.bury(b"Motions(...)", 5, stage="sink", topic="Motions")

    shown = json.loads(site("show", good, "-f", "json").done().out)
    assert (shown["stamp"]["camera"], shown["stamp"]["n"]) == ("gym", 3)
    assert shown["value"]["kind"] == "Poses"
    assert shown["value"]["keypoints"][0][0] == poses(1, seed=3).keypoints[0][0].tolist()
    shown = json.loads(site("show", bad, "-f", "json").done().out)
    assert (shown["content"], shown["error"]) == (b"\x00rubbish".hex(), "no schema")
    assert shown["undecodable"]
    assert "no record of a topic, but a description of a Motions" in site("show", described).done().out


def test_what_comes_next_for_its_camera_is_sent_again_and_taken(site: Site) -> None:
    producer = site.bus.producer("pose")
    for n in range(5):
        producer.send(Outgoing("poses", 1, b"gym", site.value(n)))
    producer.flush(1)
    seconds = count()
    worker = Worker(
        site.topology.chain(["track"]),
        site.bus,
        site.store,
        client="track",
        checkpoint_s=1,
        clock=lambda: float(next(seconds)),
    )
    while worker.step(0):
        pass
    worker.checkpoint()
    site.taken("pose", sent=7)
    later, next_ = site.bury(site.value(6), 6), site.bury(site.value(5), 5)

    assert "2 sent again" in site("replay", later, next_).done().out

    while worker.step(0):
        pass
    worker.checkpoint()
    codec = site.topology.codec("tracks")
    assert [codec.decode(value).stamp.n for value in site.on("tracks")] == list(range(7))
    assert site.listed() == []
    assert [letter["handled"] for letter in site.listed("--all")] == ["replayed"] * 2


@pytest.mark.parametrize(
    ("n", "last_in", "sent", "why"),
    [
        (3, 4, 5, "track has taken later records of gym already"),
        (4, 4, 5, "track has taken later records of gym already"),
        (5, 4, 8, "later records of gym are on their way to track"),
    ],
)
def test_what_would_come_too_late_is_refused_and_posebus_replay_is_named(
    site: Site, n: int, last_in: int, sent: int, why: str
) -> None:
    site.taken("track", last_in=last_in)
    site.taken("pose", sent=sent)
    letter = site.bury(site.value(n), n)

    site("replay", letter).refused(2, f"{letter[:8]} cannot be sent again: {why}", "posebus replay computes")

    assert site.on("poses") == []
    assert len(site.listed()) == 1


def test_what_still_cannot_be_read_is_refused(site: Site) -> None:
    site.bury(b"rubbish", 5)
    picture = site.bury(b"", 6, stage="pose", topic="detections")

    site("replay", "--stage", "track").refused(2, "cannot be sent again: ", "posebus dead-letters drop")
    site("replay", picture).refused(2, "pixels are not kept", "posebus dead-letters drop")


def test_some_are_sent_though_others_are_refused(site: Site) -> None:
    site.taken("track", last_in=4)
    letters = {n: site.bury(site.value(n), n) for n in (2, 5)}

    ended = site("replay", "--stage", "track", "-f", "json")

    assert ended.code == 2
    said = json.loads(ended.out)
    assert [each[:13] for each in said["sent"]] == [letters[5]]
    assert [each["letter_id"][:13] for each in said["refused"]] == [letters[2]]
    assert site.on("poses") == [site.value(5)]


def test_for_the_sink_nothing_is_too_late(site: Site) -> None:
    for n in (9, 2):
        site.bury(site.value(n), n, stage="sink", topic="poses")

    site("replay", "--stage", "sink").done()

    assert sorted(site.on("poses")) == sorted([site.value(2), site.value(9)])


def test_one_that_was_sent_again_in_vain_is_open_again(site: Site) -> None:
    letter = site.bury(site.value(5), 5, stage="sink")
    site("replay", letter).done()
    assert site.listed() == []

    site.bury(site.value(5), 5, stage="sink")  # only the old one, written once more
    assert site.listed() == []
    site.bury(site.value(5), 77, stage="sink")

    assert [(each["letter_id"][:13], each["offset"]) for each in site.listed()] == [(letter, 77)]


def test_those_that_are_dropped_are_kept_and_listed_no_more(site: Site) -> None:
    kept, dropped = site.bury(b"one", 1), site.bury(b"two", 2, stage="smooth", topic="tracks")

    assert "1 dropped" in site("drop", "--stage", "smooth").done().out

    assert [letter["letter_id"][:13] for letter in site.listed()] == [kept]
    assert {letter["letter_id"][:13]: letter["handled"] for letter in site.listed("--all")} == {
        kept: None,
        dropped: "dropped",
    }


def test_who_does_not_say_which_is_asked(site: Site) -> None:
    site.bury(b"one", 1)

    site("drop").refused(2, "which dead letters", "--stage, --reason")
    site("drop", "no!").refused(2, "'no!' is no id", "dead-letters ls")
    site("show", "0123456789").refused(2, "no dead letter has an id that begins with 0123456789", "ls --all")
    site("ls", "--since", "yesterday").refused(2, "--since yesterday is no time", "2026-01-31")


def test_a_letter_that_is_no_letter_of_a_stage_is_no_trouble(site: Site) -> None:
    assert issubclass(SchemaError, InvalidRecord)
    odd = site.bury(site.value(1), 1, stage="smooth", topic="poses")

    site("replay", odd).refused(2, "smooth does not read poses", "posebus dead-letters drop")
