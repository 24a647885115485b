"""The notify worker with its notes in the database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.bus.memory import MemoryBus
from pipeline.core.ports import TopicSpec
from pipeline.database import Database
from pipeline.notify import Notifier
from pipeline.notify.base import key_of
from pipeline.runners.worker.notify import GROUP, TOPIC
from tests.integration.notify.builders import NURSE, key, noted, store, webhook
from tests.unit.notify.receiver import receiver
from tests.unit.runners.test_notify_worker import PARTITIONS, committed, live, send, until, worker


@pytest.fixture
def bus() -> Iterator[MemoryBus]:
    bus = MemoryBus()
    bus.ensure([TopicSpec(TOPIC, PARTITIONS)])
    yield bus
    bus.close()


def test_what_was_delivered_or_refused_is_a_row_and_is_not_told_again(bus: MemoryBus, database: Database) -> None:
    steps = [live(version) for version in (1, 2, 3)]
    store(database, *steps[:1])  # the sink is behind
    with receiver(204, 410) as web:
        first = worker(bus, Notifier([webhook(web.url)]), database.outbox(), "first")  # type: ignore[arg-type]
        send(bus, *steps)
        until(lambda: committed(bus) == 3, first)
        first.close()
        store(database, *steps)
        bus.forget_group(GROUP)  # as if no offset had ever been committed
        second = worker(bus, Notifier([webhook(web.url)]), database.outbox(), "second")  # type: ignore[arg-type]
        send(bus, live(4))
        until(lambda: committed(bus) == 4, second)
        second.close()

    assert web.keys == [key(version) for version in (1, 2, 3, 4)]
    assert [state for _, state, _ in noted(database)] == ["delivered", "refused", "delivered", "delivered"]


def test_settled_are_the_keys_of_these_steps_on_all_channels(database: Database) -> None:
    outbox = database.outbox()
    steps = [live(version) for version in (1, 2, 3)]
    with receiver(204, 400) as web:
        outbox.note(Notifier([webhook(web.url), webhook(web.url, "other")])([steps[0]]))
        outbox.note(Notifier([webhook(web.url)])([steps[1]]))

    assert outbox.settled([]) == frozenset()
    assert outbox.settled(steps) == {key(1), key_of(steps[0].value, "other"), key(2)}
    assert outbox.settled(steps[1:]) == {key_of(steps[1].value, NURSE)}
    assert outbox.settled(steps[2:]) == frozenset()
