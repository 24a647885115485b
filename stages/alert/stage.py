"""The stage alert: measures with their events in, transitions of incidents out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pipeline.core.ids import TRACK_BITS, make_id
from pipeline.core.records import Record, Stamp, Tick
from pipeline.core.values import Event, Measures, Transition
from pipeline.core.vocabulary import POSTURES, SEVERITIES
from stages.alert.incidents import Phase, close, due, find, open_or_raise
from stages.alert.options import AlertOptions
from stages.alert.rules import EXPIRED, Rule
from stages.alert.state import AlertIncident, AlertState
from stages.alert.zones import inside

_CAMERA = "camera"


class AlertStage:
    """A `KeyedStage` from Measures to Transitions. Time passes by the stamps of frames and ticks alone."""

    def __init__(self, options: AlertOptions | None = None) -> None:
        rules = (options or AlertOptions()).rules
        self._rules = {rule.name: rule for rule in rules}
        self._kept_by = {rule.name: {POSTURES.index(name) for name in rule.kept_by} for rule in rules}

    def initial_state(self, camera: str) -> AlertState:
        """No incident."""
        return AlertState()

    def step(self, state: AlertState, record: Record[Measures]) -> tuple[AlertState, Sequence[Transition]]:
        """Take the events of a frame, and its postures as evidence of what is open."""
        if not (state.incidents or record.value.events):
            return state, []
        self._keep(state, record)
        return state, self._take(state, record.value.events, record.stamp)

    def tick(self, state: AlertState, record: Record[Tick]) -> tuple[AlertState, Sequence[Transition]]:
        """A second passed; the camera's state is an event of the kind `camera` to the rules."""
        stamp, label = record.stamp, record.value.state
        event_id = make_id("camera-state", stamp.run, stamp.camera, label, stamp.captured_at_us)
        event = Event(event_id, _CAMERA, label, None, stamp.captured_at_us, None, None)
        return state, self._take(state, (event,), stamp)

    def _keep(self, state: AlertState, record: Record[Measures]) -> None:
        for incident in state.incidents:
            kept_by = self._kept_by.get(incident.rule)
            if incident.phase == Phase.OPEN and kept_by:
                shown = record.value.posture[record.value.track_id == incident.track_id].tolist()
                if not kept_by.isdisjoint(shown):
                    incident.seen_us = record.stamp.captured_at_us

    def _take(self, state: AlertState, events: Sequence[Event], stamp: Stamp) -> list[Transition]:
        now_us = stamp.captured_at_us
        out: list[Transition] = []
        for event in events:
            for rule in self._rules.values():
                if rule.kind != event.kind:
                    continue
                if event.label in rule.opens and not _is_excluded(rule, event):
                    if open_or_raise(state, rule, event, now_us):
                        incident = find(state, rule.name, event.track_id)
                        if incident is not None:
                            out.append(_transition(incident, rule, "update", stamp))
                elif event.label in rule.closes:
                    close(state, rule, event, now_us)
                # At once, so that what opens and closes within one frame is told.
                out.extend(_transition(*step, stamp) for step in due(state, self._rules, now_us))
        out.extend(_transition(*step, stamp) for step in due(state, self._rules, now_us))
        return out


def _transition(incident: AlertIncident, rule: Rule, what: str, stamp: Stamp) -> Transition:
    if what == "new":
        incident.incident_id = make_id("incident", stamp.run, stamp.camera, rule.name, incident.opened_by)
        incident.version = 0
    incident.version += 1
    event = incident.event
    by_clock = what == "expired"
    incident_id = incident.incident_id
    assert incident_id is not None, "an incident has an id from its first transition on"
    return Transition(
        incident_id=incident_id,
        version=incident.version,
        state="end" if by_clock else what,
        rule=rule.name,
        severity=SEVERITIES[incident.severity],
        track_id=incident.track_id,
        started_at_us=incident.started_us,
        at_us=stamp.captured_at_us,
        event_id=None if by_clock or event.kind == _CAMERA else event.event_id,
        text=_sentence(rule, EXPIRED if by_clock else event.label, event, stamp),
        evidence={} if by_clock else event.evidence,
    )


def _sentence(rule: Rule, label: str, event: Event, stamp: Stamp) -> str:
    template = rule.texts.get(label, "{camera}: {rule} {label} at {at}")
    return template.format(
        camera=stamp.camera,
        person="?" if event.track_id is None else event.track_id % (1 << TRACK_BITS),
        at=datetime.fromtimestamp(event.at_us / 1e6, UTC).strftime("%H:%M:%S"),
        seconds="?" if event.value is None else round(event.value),
        label=label,
        rule=rule.name,
    )


def _is_excluded(rule: Rule, event: Event) -> bool:
    x, y = event.evidence.get("x"), event.evidence.get("y")
    if x is None or y is None:
        return False
    return any(inside(polygon, x, y) for polygon in rule.excluded)
