"""The sink that reads topics: who owns a partition, what the database refuses, outages."""

from __future__ import annotations

from dataclasses import replace
from threading import Event as Flag
from threading import Thread

import pytest

from pipeline.core.errors import BusUnavailable, InvalidRecord, SinkUnavailable
from pipeline.core.ports import TopicPartition
from pipeline.core.records import Record
from pipeline.database import Database, PostgresSink
from pipeline.database.connect import Address, Connection
from tests import samples
from tests.integration.database.test_sink import MOTIONS, count, failing, frames

A, B = TopicPartition("motions@1", 0), TopicPartition("motions@1", 1)


def test_who_claims_a_place_hears_where_to_read_on(database: Database) -> None:
    first, second = database.sink(), database.sink()

    assert first.claim(frozenset({A, B})) == {}
    first.write(frames(0, 2), {A: 10})

    assert second.claim(frozenset({A, B})) == {A: 10}
    assert database.sink("others").claim(frozenset({A})) == {}
    assert first.claim(frozenset()) == {}


def test_a_zombie_writes_nothing_over_its_successor(database: Database) -> None:
    zombie, owner = database.sink(), database.sink()
    zombie.claim(frozenset({A, B}))
    zombie.write(frames(0, 2), {A: 10, B: 10})
    owner.claim(frozenset({A}))
    owner.write(frames(2, 3), {A: 12})

    with pytest.raises(BusUnavailable, match=r"another sink has taken over motions@1\[0\]"):
        zombie.write(frames(3, 6), {A: 30, B: 11})
    assert count(database) == 6
    assert owner.offsets("motions@1") == {A: 12, B: 10}

    zombie.write(frames(3, 4), {B: 11})  # what is still its own
    assert zombie.claim(frozenset({A})) == {A: 12}
    with pytest.raises(BusUnavailable):
        owner.write(frames(6, 7), {A: 13})


def test_a_claim_waits_for_a_write_on_its_way(database: Database, owner: Connection) -> None:
    old, new = database.sink(), database.sink()
    old.claim(frozenset({A}))
    heard: dict[TopicPartition, int] = {}
    begun, done = Flag(), Flag()

    def claim() -> None:
        begun.set()
        heard.update(new.claim(frozenset({A})))
        done.set()

    with owner.transaction():
        # The write stops at a track that somebody holds, its offsets locked.
        owner.execute("LOCK TABLE pose_raw.tracks IN EXCLUSIVE MODE")
        writing = Thread(target=lambda: old.write(frames(0, 1), {A: 7}))
        writing.start()
        wait_for_lock(database)
        claiming = Thread(target=claim)
        claiming.start()
        begun.wait()
        assert not done.wait(0.3)
    writing.join()
    claiming.join()

    assert heard == {A: 7}


def wait_for_lock(database: Database) -> None:
    with database.address.connect("owner") as watcher:
        waiting = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted"
        for _ in range(2000):
            if watcher.execute(waiting).fetchone() == (True,):
                return
    raise AssertionError("nobody waits")


def test_two_sinks_that_fight_for_a_place_leave_each_row_once(database: Database) -> None:
    def fight(sink: PostgresSink) -> None:
        at = None
        while at is None or at < 40:
            try:
                if at is None:
                    at = sink.claim(frozenset({A})).get(A, 0)
                if at < 40:
                    sink.write(frames(at, at + 5), {A: at + 5})
                    at += 5
            except BusUnavailable:
                at = None

    fighters = [Thread(target=fight, args=(database.sink(),)) for _ in range(2)]
    for fighter in fighters:
        fighter.start()
    for fighter in fighters:
        fighter.join(60)

    assert count(database) == 80
    assert database.sink().offsets("motions@1") == {A: 40}


def test_what_is_refused_becomes_a_dead_letter_and_the_rest_lands(database: Database) -> None:
    sink = database.sink()
    future = Record(samples.stamp(50, at_us=4_102_444_800_000_000), MOTIONS)
    endless = Record(replace(samples.stamp(51), seq=2**40), MOTIONS)
    batch = [*frames(0, 5), future, *frames(5, 9), endless, *frames(9, 12)]

    for _ in range(2):
        sink.write(batch, {A: 14})

    assert count(database) == 24
    rows = database.query("SELECT stage, reason, topic, error, key FROM dead_letters ORDER BY error DESC").rows
    assert [(stage, reason, topic, key) for stage, reason, topic, _, key in rows] == [
        ("sink", "InvalidRecord", "Motions", b"gym")
    ] * 2
    errors = " ".join(row[3] for row in rows)
    assert "does not fit its column" in errors
    assert "more than a year ahead" in errors
    assert sink.offsets("motions@1") == {A: 14}
    assert sink.refused == 4
    with pytest.raises(InvalidRecord):
        sink.write(batch)


def test_an_outage_is_asked_about_less_and_less_often(database: Database, owner: Connection) -> None:
    sink = database.sink()
    waits = []
    with failing(owner, "frame_outcomes", "57P01", "gone"):
        for _ in range(8):
            with pytest.raises(SinkUnavailable) as caught:
                sink.write(frames(0, 1), {A: 1})
            waits.append(caught.value.retry_after_s)
    sink.write(frames(0, 1), {A: 1})
    full = []
    with failing(owner, "frame_outcomes", "53100", "the disk is full"):
        for _ in range(2):
            with pytest.raises(SinkUnavailable) as caught:
                sink.write(frames(1, 2), {A: 2})
            full.append(caught.value.retry_after_s)
    sink.write(frames(1, 2), {A: 2})
    with failing(owner, "frame_outcomes", "57P01", "gone"), pytest.raises(SinkUnavailable) as caught:
        sink.write(frames(2, 3), {A: 3})

    assert waits == [1, 2, 4, 5, 5, 5, 5, 5]
    assert full == [10, 10]
    assert caught.value.retry_after_s == 1
    assert count(database) == 4


def test_a_server_that_is_gone_is_told_without_keeping_records() -> None:
    sink = PostgresSink(Address("postgresql://x@127.0.0.1:1/x"))
    with pytest.raises(SinkUnavailable, match="Connection refused"):
        sink.write(frames(0, 1), {A: 1})
    with pytest.raises(SinkUnavailable):
        sink.claim(frozenset({A}))
    sink.close()
