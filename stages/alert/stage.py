"""The stage alert: measures with their events in, transitions of incidents out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.core.ids import make_id
from pipeline.core.records import Record, Stamp, Tick
from pipeline.core.types import Floats
from pipeline.core.values import Event, Measures, Transition
from pipeline.core.vocabulary import POSTURES
from pipeline.core.zones import Scene
from stages.alert.incidents import Phase, close, due, find, open_or_raise, still_over
from stages.alert.judges import TRUE
from stages.alert.look import NOBODY, Look, look_at
from stages.alert.options import AlertOptions
from stages.alert.rules import BEGUN, OVER, Rule
from stages.alert.schedules import hold
from stages.alert.state import AlertIncident, AlertState
from stages.alert.telling import CAMERA, CONDITION, numbers_of, transition
from stages.alert.watches import Verdict, Watch, Watches
from stages.alert.words import FOOT
from stages.alert.zones import Ground, zone_names


class AlertStage:
    """A `KeyedStage` from Measures to Transitions. Time passes by the stamps of frames and ticks alone.

    Args:
        options: The rules.
        scenes: What is drawn on the picture of each camera, by its name. Raises RuleError for a rule that names a zone
            of none of them.
    """

    def __init__(self, options: AlertOptions | None = None, scenes: Mapping[str, Scene] | None = None) -> None:
        options, scenes = options or AlertOptions(), scenes or {}
        options.check_zones(zone_names(scenes))
        self._rules = {rule.name: rule for rule in options.rules}
        self._of_events = [rule for rule in options.rules if rule.when is None]
        self._allowed = {rule.name: Ground(rule.zones, scenes) for rule in self._of_events}
        self._excluded = {rule.name: Ground(rule.excluded, scenes) for rule in self._of_events}
        self._kept_by = {rule.name: {POSTURES.index(name) for name in rule.kept_by} for rule in options.rules}
        self._watches = Watches(options, scenes)

    def initial_state(self, camera: str) -> AlertState:
        """No incident."""
        return AlertState()

    def step(self, state: AlertState, record: Record[Measures]) -> tuple[AlertState, Sequence[Transition]]:
        """Take the events of a frame, its measures, and its postures as evidence of what is open."""
        if not (state.incidents or record.value.events or self._watches.all):
            return state, []
        self._keep(state, record)
        return state, self._take(state, record.value, record.value.events, record.stamp)

    def tick(self, state: AlertState, record: Record[Tick]) -> tuple[AlertState, Sequence[Transition]]:
        """A second passed; the camera's state is an event of the kind `camera` to the rules."""
        stamp, label = record.stamp, record.value.state
        event_id = make_id("camera-state", stamp.run, stamp.camera, label, stamp.captured_at_us)
        event = Event(event_id, CAMERA, label, None, stamp.captured_at_us, None, None)
        state.camera_state = label
        return state, self._take(state, None, (event,), stamp)

    def _keep(self, state: AlertState, record: Record[Measures]) -> None:
        for incident in state.incidents:
            kept_by = self._kept_by.get(incident.rule)
            if incident.phase == Phase.OPEN and kept_by:
                shown = record.value.posture[record.value.track_id == incident.track_id].tolist()
                if not kept_by.isdisjoint(shown):
                    incident.seen_us = record.stamp.captured_at_us

    def _take(
        self, state: AlertState, measures: Measures | None, events: Sequence[Event], stamp: Stamp
    ) -> list[Transition]:
        now_us = stamp.captured_at_us
        out: list[Transition] = []
        for event in events:
            for rule in self._of_events:
                if rule.kind != event.kind:
                    continue
                if event.label in rule.opens and self._may_open(rule, event, measures, stamp):
                    if open_or_raise(state, rule, event, now_us):
                        incident = find(state, rule.name, event.track_id)
                        if incident is not None:
                            out.append(transition(incident, rule, "update", stamp))
                elif event.label in rule.closes:
                    close(state, rule, event, now_us)
                # At once, so that what opens and closes within one frame is told.
                out.extend(transition(*step, stamp) for step in due(state, self._rules, now_us))
        if self._watches.all:
            happened = events if measures is not None else ()
            self._watches.fit(state)
            look = look_at(state, stamp.camera, now_us, measures, happened, self._watches.keep_us)
            for watch in self._watches.all:
                if not watch.rule.cameras or stamp.camera in watch.rule.cameras:
                    _judge(state, watch, look, stamp)
        out.extend(transition(*step, stamp) for step in due(state, self._rules, now_us))
        return out

    def _may_open(self, rule: Rule, event: Event, measures: Measures | None, stamp: Stamp) -> bool:
        """Whether place, camera and hour of an event are those of the rule."""
        if rule.cameras and stamp.camera not in rule.cameras:
            return False
        if rule.zones or rule.excluded:
            place = _place(event, measures)
            if self._excluded[rule.name].holds(stamp.camera, place).any():
                return False
            if rule.zones and not self._allowed[rule.name].holds(stamp.camera, place).any():
                return False
        return hold(rule.schedule, stamp.captured_at_us)


def _place(event: Event, measures: Measures | None) -> Floats:
    """(1, 2) where an event happened, or else where its person stands now; (0, 2) or NaN where nobody knows."""
    if "x" in event.evidence and "y" in event.evidence:
        return np.array([[event.evidence["x"], event.evidence["y"]]])
    if measures is None or event.track_id is None or measures.scalars.shape[1] <= max(FOOT):
        return np.empty((0, 2))
    where: Floats = measures.scalars[measures.track_id == event.track_id][:, FOOT]
    return where


def _judge(state: AlertState, watch: Watch, look: Look, stamp: Stamp) -> None:
    """Move the incidents of a rule to where its condition says."""
    rule, verdict = watch.rule, watch.judged(look)
    for incident in state.incidents:
        if incident.rule == rule.name and incident.zone == watch.zone and incident.phase != Phase.COOLING:
            _go_on(state, incident, watch, verdict, look)
    if not verdict.ready.any():
        return
    on_time = hold(rule.schedule, look.now_us)
    for k in np.flatnonzero(verdict.ready).tolist():
        track_id = int(look.track_id[k])
        found = find(state, rule.name, None if track_id == NOBODY else track_id, watch.zone)
        if found is not None and found.phase == Phase.OPEN:
            continue
        if on_time or (found is not None and found.phase == Phase.CLOSING):
            open_or_raise(state, rule, _begun(watch, verdict, k, look, stamp), look.now_us, watch.zone)


def _go_on(state: AlertState, incident: AlertIncident, watch: Watch, verdict: Verdict, look: Look) -> None:
    if incident.track_id is None:
        k = 0
    else:
        rows = np.flatnonzero(look.track_id == incident.track_id)
        if not len(rows):
            return
        k = int(rows[0])
    true, over = verdict.when[k] == TRUE, bool(verdict.over[k])
    if true:
        if incident.phase != Phase.WAITING:
            incident.phase = Phase.OPEN
            incident.seen_us = incident.judged_us = look.now_us
    elif incident.phase == Phase.CLOSING:
        if over:
            still_over(incident, watch.rule, look.now_us)
    elif over:
        lasted_s = (look.now_us - incident.started_us) / 1e6
        ended = Event(incident.opened_by, CONDITION, OVER, incident.track_id, incident.started_us, None, lasted_s)
        close(state, watch.rule, ended, look.now_us, watch.zone)


def _begun(watch: Watch, verdict: Verdict, k: int, look: Look, stamp: Stamp) -> Event:
    """What opens an incident: the event that the condition waited for, or one without a record of its own."""
    rule, track_id = watch.rule, int(look.track_id[k])
    whose = None if track_id == NOBODY else track_id
    since_us = int(verdict.since_us[k])
    parts = (stamp.run, stamp.camera, rule.name, watch.zone, whose, since_us)
    row = verdict.row if whose is None else k
    return Event(
        event_id=make_id("condition", *parts),
        kind=CONDITION,
        label=BEGUN,
        track_id=whose,
        at_us=since_us,
        end_us=None,
        value=(look.now_us - since_us) / 1e6,
        evidence=numbers_of(rule, look, row),
    )
