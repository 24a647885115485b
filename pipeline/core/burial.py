"""What becomes of records that a stage cannot use: dead letters, and an end when nothing else comes."""

from __future__ import annotations

from pipeline.core.ends import Output
from pipeline.core.errors import DeadLetterLimit, InvalidRecord
from pipeline.core.letters import letter_of
from pipeline.core.numbering import Count
from pipeline.core.ports import BusRecord, Outgoing
from pipeline.core.records import Stamp


class Burial:
    """Makes dead letters of invalid records.

    Args:
        stage: Who refuses them.
        output: Where they go.
        limit: So many in a row stop the stage.
        count: Called for each of them.
    """

    def __init__(self, stage: str, output: Output, limit: int, count: Count) -> None:
        self._stage = stage
        self._output = output
        self._limit = limit
        self._count = count
        self._in_a_row = 0

    def one_was_valid(self) -> None:
        """The row has an end."""
        self._in_a_row = 0

    def bury(self, raw: BusRecord, stamp: Stamp | None, error: InvalidRecord, *, pixels: bool) -> Outgoing:
        """The dead letter of a record, with a hash in place of what holds pixels, or is too large with all that is said
        about it. Raises DeadLetterLimit.
        """
        self._in_a_row += 1
        if self._in_a_row > self._limit:
            raise DeadLetterLimit(
                f"{self._stage}: {self._in_a_row} invalid records in a row on {raw.topic}: {error.message}",
                hint="look at the dead letters, mend whoever writes this topic, then start again",
            ) from error
        self._count("dead_letters", self._stage)
        value = self._encoded(raw, stamp, error, pixels=pixels)
        if self._output.max_bytes is not None and len(value) > self._output.max_bytes:
            value = self._encoded(raw, stamp, error, pixels=True)
        return Outgoing(self._output.topic, raw.partition, raw.key, value)

    def _encoded(self, raw: BusRecord, stamp: Stamp | None, error: InvalidRecord, *, pixels: bool) -> bytes:
        value, _ = self._output.codec.encode(letter_of(self._stage, raw, error, stamp=stamp, pixels=pixels))
        return value
