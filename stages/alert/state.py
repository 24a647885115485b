"""What alert remembers of a camera: its incidents that live or cool down."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

import numpy as np

from pipeline.core.types import I64
from pipeline.core.values import Event


@dataclass(slots=True)
class AlertIncident:
    """An incident of one rule and person, from its first evidence to the end of its cool-down.

    Attributes:
        rule: Name of the rule.
        track_id: Whom it concerns, or None for the camera.
        phase: 0 waiting (to last, or for a cool-down to end), 1 open, 2 closing, 3 cooling down.
        event: The last event that opened, raised or closed it; the camera's state is one without a record of its own.
        incident_id, version: Of its last transition; None and 0 before the first.
        severity: Index into `vocabulary.SEVERITIES`, the gravest so far.
        opened_by: Id of the event that opened it.
        started_us: When it began, event time.
        seen_us: Last evidence, event time.
        ready_us: When it opens if it still waits then.
        closed_us: Since when closing.
        cool_us: When the cool-down ends; 0 before there was one.
        zone: The zone that it concerns, or empty.
        opened_us: When it opened.
        judged_us: When the condition of its rule last had a verdict.
    """

    rule: str
    track_id: int | None
    event: Event
    opened_by: UUID
    phase: int = 0
    incident_id: UUID | None = None
    version: int = 0
    severity: int = 0
    started_us: int = 0
    seen_us: int = 0
    ready_us: int = 0
    closed_us: int = 0
    cool_us: int = 0
    zone: str = ""
    opened_us: int = 0
    judged_us: int = 0


@dataclass(slots=True)
class AlertWatch:
    """Which columns of the memory belong to a rule.

    Attributes:
        rule, zone: Whose; a rule by zones has columns for each.
        digest: Of its conditions: others remember nothing of these.
        width: Number of columns.
    """

    rule: str
    zone: str
    digest: str
    width: int


@dataclass(slots=True, eq=False)
class AlertState:
    """State of one camera.

    Attributes:
        incidents: Those that live or cool down.
        camera_state: By the last tick; empty before the first.
        watches: Rules with conditions, in the order of their columns.
        people: (R,) int64, track ids; the first row is -1, the camera itself.
        people_us: (R,) int64, when each was last seen, event time.
        memory: (R, S) int64, what the conditions remember of each: event times, or 0 and 1.
    """

    incidents: list[AlertIncident] = field(default_factory=list)
    camera_state: str = ""
    watches: list[AlertWatch] = field(default_factory=list)
    people: I64 = field(default_factory=lambda: np.empty(0, np.int64))
    people_us: I64 = field(default_factory=lambda: np.empty(0, np.int64))
    memory: I64 = field(default_factory=lambda: np.empty((0, 0), np.int64))
