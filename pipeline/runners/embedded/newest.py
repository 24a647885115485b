"""Holds the newest frame of a live camera until it is its turn; what is overtaken or too old meanwhile is dropped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipeline.core.records import Dropped, Record
from pipeline.core.values import Captured
from pipeline.runners.embedded.turns import Turns
from pipeline.runners.ladder import Ladder
from pipeline.runners.live import OVERTAKEN

_STAGE = "ingest"


class Newest:
    """Records of one camera in order, each once: a frame as it is, or dropped as late.

    Args:
        name: Of the camera.
        turns: Gives turns; the camera takes part.
        send: Takes records.
        deadline_us: A frame that has waited longer since it arrived is dropped.
        ladder: Eases what comes while too much of it is late; None: nobody does.
    """

    def __init__(
        self,
        name: str,
        turns: Turns,
        send: Callable[[Record[Any]], None],
        deadline_us: int,
        ladder: Ladder | None = None,
    ) -> None:
        self._ladder = ladder
        self._name = name
        self._turns = turns
        self._send = send
        self._deadline_us = deadline_us
        self._frame: Record[Captured] | None = None
        self._behind: list[Record[Any]] = []
        """Came after the frame that waits, and may not overtake it."""

    @property
    def waits(self) -> bool:
        """Whether a frame waits for its turn."""
        return self._frame is not None

    def take(self, record: Record[Any]) -> None:
        """The next record of the camera."""
        if self._ladder is not None:
            record = self._thinned(record, self._ladder)
        if isinstance(record.value, Captured):
            self._drop()
            self._frame = record
        elif self._frame is not None:
            self._behind.append(record)
        else:
            self._pass(record)

    def look(self, now_us: int) -> None:
        """Send what has its turn."""
        if self._frame is None:
            return
        if now_us - self._frame.stamp.arrived_at_us > self._deadline_us:
            self._turns.waive(self._name)
            self._drop()
        elif self._turns.ask(self._name):
            self._let_go(self._frame)

    def end(self) -> None:
        """Nothing comes any more; what still waits is too late."""
        if self._frame is not None:
            self._turns.waive(self._name)
            self._drop()

    def _thinned(self, record: Record[Any], ladder: Ladder) -> Record[Any]:
        if isinstance(record.value, Captured):
            if not ladder.keeps():
                return Record(record.stamp, Dropped(_STAGE, "thinned"))
            return Record(record.stamp, Captured(record.value.pixels, ladder.rung.ease))
        if record.value == OVERTAKEN and ladder.keeps():
            ladder.late()  # before it came here
        return record

    def _drop(self) -> None:
        if self._frame is not None:
            if self._ladder is not None:
                self._ladder.late()
            self._let_go(Record(self._frame.stamp, OVERTAKEN))

    def _let_go(self, record: Record[Any]) -> None:
        self._frame = None
        behind, self._behind = self._behind, []
        for each in (record, *behind):
            self._pass(each)

    def _pass(self, record: Record[Any]) -> None:
        self._send(record)
        self._turns.sent(self._name)
