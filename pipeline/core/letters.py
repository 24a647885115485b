"""Dead letters: what is kept of a record that a stage could not use."""

from __future__ import annotations

import hashlib

from pipeline.core.errors import InvalidRecord
from pipeline.core.ids import make_id
from pipeline.core.ports import BusRecord
from pipeline.core.records import Record, Stamp
from pipeline.core.values import DeadLetter


def letter_of(
    stage: str, raw: BusRecord, error: InvalidRecord, *, stamp: Stamp | None = None, pixels: bool = False
) -> Record[DeadLetter]:
    """The dead letter of a record.

    Args:
        stage: Who refused it.
        raw: The record as it lay on the bus.
        error: Why.
        stamp: Of the record, where it could be read; else only its key is known.
        pixels: It holds pixels: a hash is kept in place of the content.
    """
    content = raw.value or b""
    digest = hashlib.sha256(content).digest()
    letter = DeadLetter(
        letter_id=make_id("dead-letter", stage, raw.topic, raw.key.hex(), digest.hex()),
        stage=stage,
        reason=type(error).__name__,
        error=error.message,
        topic=raw.topic,
        partition=raw.partition,
        offset=raw.offset,
        key=raw.key,
        sha256=digest,
        content=b"" if pixels else content,
    )
    return Record(stamp or Stamp(0, raw.key.decode(errors="replace"), 0, 0, 0, 0, 0, 0, "arrival"), letter)
