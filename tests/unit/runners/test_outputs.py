"""Results and dead letters of a worker leave by ways of their own."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pipeline.bus.memory import MemoryBus
from pipeline.core.errors import BusUnavailable
from pipeline.core.ports import Outgoing, TopicSpec
from pipeline.runners.worker.outputs import DEAD_LETTERS, Outputs

RESULT, LETTER = Outgoing("tracks", 0, b"gym", b"result"), Outgoing(DEAD_LETTERS, 0, b"gym", b"letter")


@pytest.fixture
def bus() -> MemoryBus:
    bus = MemoryBus()
    bus.ensure([TopicSpec("tracks"), TopicSpec(DEAD_LETTERS)])
    return bus


def at_rest(bus: MemoryBus, topic: str) -> Sequence[bytes | None]:
    return [record.value for record in bus.read(topic, frozenset((0,)))]


def test_both_rest_after_a_flush(bus: MemoryBus) -> None:
    outputs = Outputs(bus, "w")
    for each in (RESULT, LETTER, RESULT):
        outputs.send(each)

    outputs.flush(1)

    assert at_rest(bus, "tracks") == [b"result", b"result"]
    assert at_rest(bus, DEAD_LETTERS) == [b"letter"]


def test_dead_letters_rest_though_a_result_poisons_its_producer(bus: MemoryBus) -> None:
    bus.faults.fail_next_sends("tracks")
    outputs = Outputs(bus, "w")
    outputs.send(RESULT)
    outputs.send(LETTER)

    with pytest.raises(BusUnavailable):
        outputs.flush(1)

    assert at_rest(bus, DEAD_LETTERS) == [b"letter"]
    assert at_rest(bus, "tracks") == []


def test_a_dead_letter_that_poisons_its_producer_is_sent_once_more_and_disturbs_no_result(bus: MemoryBus) -> None:
    bus.faults.fail_next_sends(DEAD_LETTERS)
    outputs = Outputs(bus, "w")
    for each in (RESULT, LETTER):
        outputs.send(each)

    outputs.flush(1)
    outputs.send(RESULT)
    outputs.flush(1)

    assert at_rest(bus, DEAD_LETTERS) == [b"letter"]
    assert at_rest(bus, "tracks") == [b"result", b"result"]


def test_nothing_is_a_checkpoint_while_dead_letters_cannot_leave(bus: MemoryBus) -> None:
    bus.faults.fail_next_sends(DEAD_LETTERS, 2)
    outputs = Outputs(bus, "w")
    for each in (RESULT, LETTER):
        outputs.send(each)

    with pytest.raises(BusUnavailable):
        outputs.flush(1)

    assert at_rest(bus, "tracks") == [b"result"]
    outputs.flush(1)
    assert at_rest(bus, DEAD_LETTERS) == [b"letter"]
