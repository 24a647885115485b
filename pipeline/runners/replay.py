"""Works on stored records again: other rules or exercises on what was seen before, beside the live run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from pipeline.core.chain import Chain
from pipeline.core.ports import RecordCodec
from pipeline.core.records import Record, Tick

TICK_US = 1_000_000
_AT_ONCE = 256
"""Frames that the stages get together: for several at once they need half of the time."""


class Replay:
    """Feeds records of one camera to a chain with a state of its own, and gives what comes out from some time on.

    What lies before only warms the state up: people who were there are known when it begins to count. The same records
    give the same results, whenever it is run.

    Args:
        chain: Begins with the stage that takes these records; made for this camera alone.
        codecs: Of the topics that the chain writes.
        run: Number of the replay; never 0, which is the live run.
        from_us: Event time of the first record that is given out.
    """

    def __init__(self, chain: Chain, codecs: Mapping[str, RecordCodec], run: int, from_us: int) -> None:
        if run == 0:
            raise ValueError("run 0 is the live one")
        self._chain = chain
        self._codecs = codecs
        self._run = run
        self._from_us = from_us
        self._last_us = 0

    def results(self, records: Iterable[Record[Any]]) -> Iterator[Record[Any]]:
        """What the stages make of these records, in the order of event time. Ticks are put in where seconds pass."""
        source = iter(records)
        while batch := list(islice(source, _AT_ONCE)):
            found = self._chain.results([fed for record in batch for fed in self._fed(record)], self._codecs)
            # Of one stage after the other: put side by side by frames.
            found.sort(key=lambda result: result.stamp.captured_at_us)
            yield from (result for result in found if result.stamp.captured_at_us >= self._from_us)

    def _fed(self, record: Record[Any]) -> Iterator[Record[Any]]:
        stamp = replace(record.stamp, run=self._run)
        at_us = stamp.captured_at_us
        if self._last_us and at_us // TICK_US > self._last_us // TICK_US and not isinstance(record.value, Tick):
            yield Record(stamp, Tick("live"))
        self._last_us = at_us
        yield Record(stamp, record.value)
