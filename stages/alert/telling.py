"""Steps of incidents as they are told: transitions, their sentences and their numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isnan

from pipeline.core.ids import TRACK_BITS, make_id
from pipeline.core.records import Stamp
from pipeline.core.values import Event, Transition
from pipeline.core.vocabulary import SEVERITIES
from stages.alert.look import Look
from stages.alert.rules import BEGUN, ESCALATED, EXPIRED, OVER, Rule
from stages.alert.state import AlertIncident
from stages.alert.words import ANGLE_COLUMNS, MEASURE_COLUMNS

CAMERA = "camera"
CONDITION = "condition"
"""Kinds of events that have no record of their own."""

_BY_CLOCK = {EXPIRED: "end", ESCALATED: "update"}
_WHO = {"person": "person {person}", "zone": "zone {zone}", "camera": "the camera", "": "person {person}"}
_USUAL = {
    BEGUN: "{camera}: {rule}, %s, since {at}",
    OVER: "{camera}: {rule}, %s, is over after {seconds} s",
    ESCALATED: "{camera}: {rule}, %s, since {at}, is {severity} now",
    EXPIRED: "{camera}: nothing more was seen of {rule}, %s, since {at}",
}


def transition(incident: AlertIncident, rule: Rule, what: str, stamp: Stamp) -> Transition:
    """The next step of an incident: new, update, end, or by the clock escalated or expired."""
    if what == "new":
        incident.incident_id = make_id("incident", stamp.run, stamp.camera, rule.name, incident.opened_by)
        incident.version = 0
    incident.version += 1
    event = incident.event
    by_clock = what in _BY_CLOCK
    incident_id = incident.incident_id
    assert incident_id is not None, "an incident has an id from its first transition on"
    return Transition(
        incident_id=incident_id,
        version=incident.version,
        state=_BY_CLOCK.get(what, what),
        rule=rule.name,
        severity=SEVERITIES[incident.severity],
        track_id=incident.track_id,
        started_at_us=incident.started_us,
        at_us=stamp.captured_at_us,
        event_id=None if by_clock or event.kind in (CAMERA, CONDITION) else event.event_id,
        text=_sentence(rule, what if by_clock else event.label, incident, stamp),
        evidence={} if by_clock else event.evidence,
        zone=incident.zone,
    )


def numbers_of(rule: Rule, look: Look, row: int) -> dict[str, float]:
    """The measures that the rule reads, as they are now, and how many people it counted."""
    found: dict[str, float] = {}
    for condition in rule.conditions():
        if condition.measure is not None:
            name = condition.measure.name
            values, index = (look.angles, ANGLE_COLUMNS) if name in ANGLE_COLUMNS else (look.scalars, MEASURE_COLUMNS)
            found[name] = round(float(values[row, index[name]]), 3)
        if condition.event is not None:
            for place, event in look.events:
                if place == row and condition.event.counts(event.kind, event.label, event.value):
                    found.update(event.evidence)
        if condition.count is not None and look.people is not None:
            found["people"] = float(look.people)
    return {name: value for name, value in found.items() if not isnan(value)}


def _sentence(rule: Rule, label: str, incident: AlertIncident, stamp: Stamp) -> str:
    event: Event = incident.event
    template = rule.texts.get(label)
    if template is None and (rule.when is not None or label == ESCALATED) and label in _USUAL:
        template = _USUAL[label] % _WHO[rule.scope]
    return (template or "{camera}: {rule} {label} at {at}").format(
        camera=stamp.camera,
        person="?" if event.track_id is None else event.track_id % (1 << TRACK_BITS),
        at=datetime.fromtimestamp(event.at_us / 1e6, UTC).strftime("%H:%M:%S"),
        seconds="?" if event.value is None else round(event.value),
        label=label,
        rule=rule.name,
        zone=incident.zone,
        severity=SEVERITIES[incident.severity],
    )
