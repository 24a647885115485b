"""The life of an incident: events move it between its phases, and so does the clock."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from pipeline.core.values import Event
from pipeline.core.vocabulary import SEVERITIES
from stages.alert.rules import Rule
from stages.alert.state import AlertIncident, AlertState


class Phase(IntEnum):
    """Where an incident stands."""

    WAITING = 0
    OPEN = 1
    CLOSING = 2
    COOLING = 3


def find(state: AlertState, rule: str, track_id: int | None) -> AlertIncident | None:
    """The incident of this rule and person."""
    for incident in state.incidents:
        if incident.rule == rule and incident.track_id == track_id:
            return incident
    return None


def open_or_raise(state: AlertState, rule: Rule, event: Event, now_us: int) -> bool:
    """Take an opening event. True when it made an open incident graver."""
    severity = SEVERITIES.index(rule.opens[event.label])
    incident = find(state, rule.name, event.track_id)
    ready_us = now_us + _us(rule.for_s)
    if incident is None:
        incident = AlertIncident(
            rule.name,
            event.track_id,
            event,
            event.event_id,
            severity=severity,
            started_us=event.at_us,
            ready_us=ready_us,
        )
        state.incidents.append(incident)
    incident.seen_us = now_us
    graver = severity > incident.severity
    if incident.phase == Phase.COOLING:
        # What is graver than all before does not wait for the end of the cool-down, the same again does.
        incident.phase, incident.severity = Phase.WAITING, severity
        incident.ready_us = ready_us if graver else max(ready_us, incident.cool_us)
        incident.event, incident.opened_by, incident.started_us = event, event.event_id, event.at_us
        return False
    if incident.phase == Phase.CLOSING:
        incident.phase, incident.event = Phase.OPEN, event
    if not graver:
        return False
    incident.severity, incident.event = severity, event
    if incident.phase == Phase.WAITING:
        incident.ready_us = min(incident.ready_us, ready_us)
    return incident.phase == Phase.OPEN


def close(state: AlertState, rule: Rule, event: Event, now_us: int) -> None:
    """Take a closing event."""
    incident = find(state, rule.name, event.track_id)
    if incident is None:
        return
    if incident.phase == Phase.OPEN:
        incident.phase, incident.closed_us, incident.event = Phase.CLOSING, now_us, event
    elif incident.phase == Phase.WAITING and incident.cool_us:
        # What flickers during the cool-down prolongs it.
        incident.phase, incident.cool_us = Phase.COOLING, now_us + _us(rule.cool_down_s)
    elif incident.phase == Phase.WAITING:
        state.incidents.remove(incident)


def due(state: AlertState, rules: dict[str, Rule], now_us: int) -> Iterator[tuple[AlertIncident, Rule, str]]:
    """What the clock does now: incidents that open (`new`), end by a close (`end`) or for want of evidence (`expired`).

    Each is in its next phase when it is given. Incidents whose rule or cool-down is gone are forgotten.
    """
    for incident in list(state.incidents):
        rule = rules.get(incident.rule)
        if rule is None:
            state.incidents.remove(incident)
        elif incident.phase == Phase.WAITING and now_us >= incident.ready_us:
            incident.phase = Phase.OPEN
            yield incident, rule, "new"
        elif incident.phase == Phase.CLOSING and now_us - incident.closed_us >= _us(rule.settle_s):
            _cool(incident, rule, now_us)
            yield incident, rule, "end"
        elif incident.phase == Phase.OPEN and now_us - incident.seen_us >= _us(rule.hold_s):
            _cool(incident, rule, now_us)
            yield incident, rule, "expired"
        if incident.phase == Phase.COOLING and now_us >= incident.cool_us:
            state.incidents.remove(incident)


def _cool(incident: AlertIncident, rule: Rule, now_us: int) -> None:
    incident.phase, incident.cool_us = Phase.COOLING, now_us + _us(rule.cool_down_s)


def _us(seconds: float) -> int:
    return round(seconds * 1e6)
