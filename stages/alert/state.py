"""What alert remembers of a camera: its incidents that live or cool down."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

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


@dataclass(slots=True)
class AlertState:
    """State of one camera."""

    incidents: list[AlertIncident] = field(default_factory=list)
