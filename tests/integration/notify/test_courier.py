from __future__ import annotations

import logging
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.core.deliveries import Delivery
from pipeline.core.errors import DatabaseError, SinkUnavailable
from pipeline.database import Database, Outbox
from pipeline.notify import LogChannel, Notifier
from tests.integration.database.processes import running
from tests.integration.notify.builders import (
    NURSE,
    camera,
    courier,
    cut,
    key,
    noted,
    nurse,
    step,
    store,
    threads,
    wait_for,
    webhook,
)
from tests.unit.notify.receiver import receiver


def test_a_receiver_that_was_down_gets_every_step_once_and_in_order(database: Database) -> None:
    store(database, *(step(version) for version in (1, 2, 3)))

    with receiver(None, 503, 503) as web, courier(database.outbox(), nurse(web.url)):
        wait_for(lambda: len(noted(database)) == 3)

    assert web.keys == [key(1)] * 3 + [key(1), key(2), key(3)]
    assert noted(database) == [(key(version), "delivered", None) for version in (1, 2, 3)]


def test_what_remains_is_told_once_and_delivered_by_the_next_run(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    store(database, *(step(version) for version in (1, 2, 3)))
    with receiver(204, *[500] * 99) as web, courier(database.outbox(), nurse(web.url)):
        wait_for(lambda: len(web.got) > 2)
    told = [r for r in caplog.records if "not all incidents are delivered" in r.getMessage()]
    assert [r.__dict__["remaining"] for r in told] == [{NURSE: 2}]
    caplog.clear()

    with receiver() as web, courier(database.outbox(), nurse(web.url)):
        pass

    assert web.keys == [key(2), key(3)]
    assert caplog.records == []


def test_a_refused_step_is_noted_and_not_tried_again(database: Database) -> None:
    store(database, step(1), step(2))
    with receiver(400) as web, courier(database.outbox(), nurse(web.url)):
        pass
    with receiver() as later, courier(database.outbox(), nurse(later.url)):
        pass

    assert web.keys == [key(1), key(2)]
    assert later.keys == []
    (first, second) = noted(database)
    assert first[:2] == (key(1), "refused")
    assert "answered 400" in first[2]
    assert second == (key(2), "delivered", None)


def test_steps_before_the_source_began_are_left_alone(database: Database) -> None:
    store(database, step(1), step(2), step(1, incident=2, camera_no=2, at_s=9))

    with receiver() as web, courier(database.outbox(), nurse(web.url), [camera(since_s=2.0)]):
        pass

    assert web.keys == [key(2)]


def test_replays_are_left_alone(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    store(database, step(run=4))

    with receiver() as web, courier(database.outbox(), nurse(web.url), [camera(run=4)]):
        pass

    assert web.got == []
    assert caplog.records == []


def test_a_process_killed_between_delivery_and_note_delivers_again_under_the_same_key(
    database: Database, dsn: str, tmp_path: Path
) -> None:
    store(database, step(1), step(2))
    script = """
import os, signal
from pipeline.database import Outbox
from pipeline.database.connect import Address
from tests.integration.notify.builders import courier, nurse

class KilledBeforeItsNote(Outbox):
    def note(self, deliveries):
        if deliveries[0].version == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        super().note(deliveries)

with courier(KilledBeforeItsNote(Address(sys.argv[2])), nurse(sys.argv[3])):
    pass
"""
    with receiver() as web:
        with running(script, tmp_path, dsn, web.url) as process:
            assert process.wait() == -signal.SIGKILL
        assert web.keys == [key(1), key(2)]
        assert noted(database) == [(key(1), "delivered", None)]

        with courier(database.outbox(), nurse(web.url)):
            pass

    assert web.keys == [key(1), key(2), key(2)]
    assert web.got[1][2] == web.got[2][2]
    assert noted(database) == [(key(1), "delivered", None), (key(2), "delivered", None)]


class _Unwilling(Outbox):
    """Refuses to note so many times."""

    def __init__(self, database: Database, *failures: Exception) -> None:
        super().__init__(database.address)
        self._failures = list(failures)

    def note(self, deliveries: Sequence[Delivery]) -> None:
        if self._failures:
            raise self._failures.pop(0)
        super().note(deliveries)


def test_a_database_that_is_away_for_the_note_costs_no_second_delivery(database: Database) -> None:
    store(database, step(1), step(2))
    outbox = _Unwilling(database, SinkUnavailable("away"), SinkUnavailable("away"))

    with receiver() as web, courier(outbox, nurse(web.url)):
        wait_for(lambda: len(noted(database)) == 2)

    assert web.keys == [key(1), key(2)]
    outbox.close()


def test_a_database_that_refuses_is_told_at_the_end(database: Database) -> None:
    store(database, step())
    outbox = _Unwilling(database, DatabaseError("permission denied for table deliveries"))

    with (
        receiver() as web,
        pytest.raises(DatabaseError, match="permission denied"),
        courier(outbox, nurse(web.url)),
    ):
        pass
    outbox.close()


def test_a_failure_of_the_run_itself_is_not_hidden_and_what_rests_is_delivered(database: Database) -> None:
    store(database, step())

    with receiver() as web, pytest.raises(ZeroDivisionError), courier(database.outbox(), nurse(web.url)):
        raise ZeroDivisionError

    assert web.keys == [key(1)]


def test_cuts_go_on_while_a_receiver_keeps_its_answer_to_itself(database: Database) -> None:
    store(database)
    database.registry().camera_no("camera1")
    with receiver() as web, courier(database.outbox(), nurse(web.url)) as carried:
        web.answering.clear()
        for number in range(1, 5):
            made = cut(number, step(number))
            database.cuts().commit(made)
            carried.rested(made)
            wait_for(lambda: bool(web.got))
        assert web.keys == [key(1)]  # four cuts rest, and the first post has no answer yet
        assert noted(database) == []
        web.answering.set()

    assert web.keys == [key(version) for version in (1, 2, 3, 4)]


def test_a_channel_that_hangs_holds_up_no_other(database: Database) -> None:
    store(database, step(1), step(2))
    with receiver() as slow, receiver() as quick:
        slow.answering.clear()
        channels = [webhook(slow.url, "slow"), webhook(quick.url, "quick")]
        with courier(database.outbox(), Notifier(channels)):
            wait_for(lambda: len(noted(database)) == 2)
            assert quick.keys == [key(1, channel="quick"), key(2, channel="quick")]
            slow.answering.set()

    assert slow.keys == [key(1, channel="slow"), key(2, channel="slow")]
    assert len(noted(database)) == 4


@pytest.mark.parametrize("abandoned", [True, False])
def test_the_end_does_not_wait_for_a_receiver_that_hangs(
    database: Database, caplog: pytest.LogCaptureFixture, abandoned: bool
) -> None:
    store(database, step())
    with receiver() as web:
        web.answering.clear()
        with courier(database.outbox(), nurse(web.url), last_s=3600 if abandoned else 0) as carried:
            wait_for(lambda: bool(web.got))
            if abandoned:
                carried.abandon()
        assert not web.answering.is_set()  # we are out, and it still hangs
        (thread,) = threads()
        web.answering.set()
        thread.join()

    assert noted(database) == []  # whoever has left touches the database no more
    assert [r.__dict__["remaining"] for r in caplog.records] == [{NURSE: 1}]


def test_log_lines_are_deliveries_too(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    store(database, step())
    for _ in range(2):
        with caplog.at_level(logging.INFO), courier(database.outbox(), Notifier([LogChannel()])):
            pass

    assert [r.getMessage() for r in caplog.records if r.name == "pipeline.notify.log"] == ["fall, step 1"]
    assert noted(database) == [(key(1, channel="log"), "delivered", None)]


def test_without_channels_nothing_is_started(database: Database) -> None:
    with courier(database.outbox(), Notifier([])) as carried:
        carried.rested(cut(1, step()))
        assert threads() == []
