"""What every sink does."""

from __future__ import annotations

from typing import Any

from pipeline.core.records import Dropped, Record, Tick
from tests import samples
from tests.contract.sinks import SinkUnderTest

KINDS = ("motions", "measures", "event", "transition")


def stream(start: int, stop: int, *, session: int = 1) -> list[Record[Any]]:
    """Records of the topics that end in a sink, frame by frame; every fifth frame was dropped."""
    values = [samples.values()[kind][0] for kind in KINDS]
    result: list[Record[Any]] = []
    for n in range(start, stop):
        stamp = samples.stamp(n, session=session, at_us=1_700_000_000_000_000 + (session * 1000 + n) * 40_000)
        kinds = [Dropped("pose", "late"), Dropped("pose", "late"), Tick("live")] if n % 5 == 4 else values
        result += [Record(stamp, value) for value in kinds]
    return result


def written(sinks: SinkUnderTest, *batches: list[Record[Any]], reopen: bool = False) -> Any:
    name = sinks.fresh()
    sink = sinks.open(name)
    for batch in batches:
        sink.write(batch)
        if reopen:
            sink.close()
            sink = sinks.open(name)
    sink.close()
    return sinks.content(name)


def test_the_same_records_twice_leave_the_same_rows_once(sinks: SinkUnderTest) -> None:
    once = written(sinks, stream(0, 12))

    assert written(sinks, stream(0, 12), stream(0, 12)) == once
    assert written(sinks, stream(0, 12), stream(0, 12), reopen=True) == once


def test_batches_that_overlap_leave_each_row_once(sinks: SinkUnderTest) -> None:
    once = written(sinks, stream(0, 12))

    assert written(sinks, stream(0, 5), stream(3, 9), stream(0, 12)) == once
    assert written(sinks, stream(0, 5), stream(3, 9), stream(6, 12), reopen=True) == once


def test_other_records_are_other_rows(sinks: SinkUnderTest) -> None:
    assert written(sinks, stream(0, 12)) != written(sinks, stream(0, 11))
    assert written(sinks, stream(0, 6), stream(0, 6, session=2)) != written(sinks, stream(0, 6))


def test_nothing_written_is_nothing_there(sinks: SinkUnderTest) -> None:
    assert written(sinks, []) == written(sinks)
