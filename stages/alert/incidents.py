"""The life of an incident: events and conditions move it between its phases, and so does the clock."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from pipeline.core.values import Event
from pipeline.core.vocabulary import SEVERITIES
from stages.alert.rules import ESCALATED, EXPIRED, Rule
from stages.alert.state import AlertIncident, AlertState


class Phase(IntEnum):
    """Where an incident stands."""

    WAITING = 0
    OPEN = 1
    CLOSING = 2
    COOLING = 3


def find(state: AlertState, rule: str, track_id: int | None, zone: str = "") -> AlertIncident | None:
    """The incident of this rule, and of this person or zone."""
    for incident in state.incidents:
        if incident.rule == rule and incident.track_id == track_id and incident.zone == zone:
            return incident
    return None


def open_or_raise(state: AlertState, rule: Rule, event: Event, now_us: int, zone: str = "") -> bool:
    """Take an opening event. True when it made an open incident graver."""
    severity = SEVERITIES.index(rule.opens.get(event.label, rule.severity))
    incident = find(state, rule.name, event.track_id, zone)
    # A condition has been true for long enough by now.
    ready_us = now_us if rule.when is not None else now_us + _us(rule.for_s)
    if incident is None:
        incident = AlertIncident(
            rule.name,
            event.track_id,
            event,
            event.event_id,
            severity=severity,
            started_us=event.at_us,
            ready_us=ready_us,
            zone=zone,
        )
        state.incidents.append(incident)
    incident.seen_us = incident.judged_us = now_us
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


def close(state: AlertState, rule: Rule, event: Event, now_us: int, zone: str = "") -> None:
    """Take a closing event."""
    incident = find(state, rule.name, event.track_id, zone)
    if incident is None:
        return
    if incident.phase == Phase.OPEN:
        incident.phase, incident.closed_us, incident.event = Phase.CLOSING, now_us, event
        incident.judged_us = now_us
    elif incident.phase == Phase.WAITING and incident.cool_us:
        # What flickers during the cool-down prolongs it.
        incident.phase, incident.cool_us = Phase.COOLING, now_us + _us(rule.cool_down_s)
    elif incident.phase == Phase.WAITING:
        state.incidents.remove(incident)


def still_over(incident: AlertIncident, rule: Rule, now_us: int) -> None:
    """The condition of a closing incident is false again: time without a verdict did not count."""
    incident.closed_us += max(0, now_us - incident.judged_us - _us(rule.gap_s))
    incident.judged_us = now_us


def due(state: AlertState, rules: dict[str, Rule], now_us: int) -> Iterator[tuple[AlertIncident, Rule, str]]:
    """What the clock does now: incidents that open (`new`), grow graver (`escalated`), end by a close (`end`) or for
    want of evidence (`expired`).

    Each is in its next phase when it is given. Incidents whose rule or cool-down is gone are forgotten.
    """
    for incident in list(state.incidents):
        rule = rules.get(incident.rule)
        if rule is None:
            state.incidents.remove(incident)
            continue
        if incident.phase == Phase.WAITING:
            if now_us >= incident.ready_us and _may_open(state, incident, rule, now_us):
                incident.phase, incident.opened_us = Phase.OPEN, now_us
                yield incident, rule, "new"
            elif (rule.when is not None or rule.inhibited_by) and _stale(incident, rule, now_us):
                state.incidents.remove(incident)
        elif incident.phase == Phase.CLOSING and _settled(incident, rule, now_us):
            _cool(incident, rule, now_us)
            yield incident, rule, "end"
        elif _may_expire(incident, rule) and _stale(incident, rule, now_us):
            _cool(incident, rule, now_us)
            yield incident, rule, EXPIRED
        if incident.phase == Phase.OPEN and _escalate(incident, rule, now_us):
            yield incident, rule, ESCALATED
        if incident.phase == Phase.COOLING and now_us >= incident.cool_us:
            state.incidents.remove(incident)


def _may_open(state: AlertState, incident: AlertIncident, rule: Rule, now_us: int) -> bool:
    # Without a verdict at this moment nothing opens.
    return (rule.when is None or incident.seen_us == now_us) and not is_inhibited(state, rule, incident.track_id)


def is_inhibited(state: AlertState, rule: Rule, track_id: int | None) -> bool:
    """Whether an incident of another rule that is open stands before this one."""
    return bool(rule.inhibited_by) and any(
        other.rule in rule.inhibited_by
        and other.phase in (Phase.OPEN, Phase.CLOSING)
        and (other.track_id is None or track_id is None or other.track_id == track_id)
        for other in state.incidents
    )


def _settled(incident: AlertIncident, rule: Rule, now_us: int) -> bool:
    if rule.when is not None and incident.judged_us != now_us:
        return False
    return now_us - incident.closed_us >= _us(rule.settle_s)


def _may_expire(incident: AlertIncident, rule: Rule) -> bool:
    # A rule of events that is closing ends soon by its close; a condition may never have a verdict again.
    return incident.phase == Phase.OPEN or (incident.phase == Phase.CLOSING and rule.when is not None)


def _stale(incident: AlertIncident, rule: Rule, now_us: int) -> bool:
    return now_us - incident.seen_us >= _us(rule.hold_s)


def _escalate(incident: AlertIncident, rule: Rule, now_us: int) -> bool:
    if not rule.escalate:
        return False
    # States of older versions do not know when an incident opened.
    since_us = incident.opened_us or incident.started_us
    passed = [SEVERITIES.index(step.severity) for step in rule.escalate if now_us - since_us >= _us(step.after_s)]
    if max(passed, default=0) <= incident.severity:
        return False
    incident.severity = max(passed)
    return True


def _cool(incident: AlertIncident, rule: Rule, now_us: int) -> None:
    incident.phase, incident.cool_us = Phase.COOLING, now_us + _us(rule.cool_down_s)


def _us(seconds: float) -> int:
    return round(seconds * 1e6)
