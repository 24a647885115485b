"""Events in the making: their ids and numbers."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.core.ids import make_id
from pipeline.core.records import Stamp
from pipeline.core.values import Event
from stages.analyze.state import AnalyzeState


class Told:
    """The events that one record decides, numbered by the camera's state.

    Attributes:
        now_us: Event time of the record.
        events: In the order in which they were told.
    """

    def __init__(self, state: AnalyzeState, stamp: Stamp) -> None:
        self.now_us = stamp.captured_at_us
        self.events: list[Event] = []
        self._state = state
        self._stamp = stamp

    def next_number(self) -> int:
        """A number that no other event of the camera has."""
        self._state.events += 1
        return self._state.events

    def event(
        self,
        kind: str,
        label: str,
        track_id: int | None,
        at_us: int,
        end_us: int | None = None,
        value: float | None = None,
        evidence: Mapping[str, float] | None = None,
        number: int | None = None,
    ) -> None:
        """Tell an event, under the camera's next number or the given one (all steps of a fall have the same)."""
        stamp = self._stamp
        number = self.next_number() if number is None else number
        known = {name: round(v, 3) for name, v in (evidence or {}).items() if v == v}
        event_id = make_id("event", stamp.run, stamp.camera, stamp.session, track_id, kind, label, number)
        value = None if value is None else round(value, 3)
        self.events.append(Event(event_id, kind, label, track_id, at_us, end_us, value, known))
