"""Rules tried on a script: what is shown when, and which incidents must come of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np

from pipeline.core.ids import TRACK_BITS, make_id, make_track_id
from pipeline.core.records import Record, Stamp, Tick
from pipeline.core.types import F32
from pipeline.core.values import Event, Measures, Transition
from pipeline.core.vocabulary import ANGLES, EVENT_KINDS, MEASURES, POSTURES, SEVERITIES
from pipeline.core.zones import Scene
from stages.alert.options import AlertOptions
from stages.alert.stage import AlertStage
from stages.alert.words import ANGLE_COLUMNS, CAMERA_STATES, FOOT, MEASURE_COLUMNS, RuleError, require

_CAMERA_NO = 1
_MOST_FRAMES = 1_000_000


@dataclass(frozen=True, slots=True)
class Shown:
    """What is seen of a person from then on. What is not given is unknown."""

    posture: str = "unknown"
    """stand, walk, run, sit, crouch, bend, kneel, lie or unknown."""

    at: tuple[float, float] | None = None
    """Where they stand, [x, y] as shares of the picture's width and height."""

    measures: Mapping[str, float] = field(default_factory=dict)
    """Measures and joint angles by name, in their units."""

    def __post_init__(self) -> None:
        require("posture", (self.posture,), POSTURES)
        require("measure", self.measures, (*MEASURE_COLUMNS, *ANGLE_COLUMNS))


@dataclass(frozen=True, slots=True)
class Happening:
    """An event, as analyze would decide it."""

    kind: str
    """rep, fall, posture, enter, leave ..."""

    label: str
    """What of the kind, such as `confirmed`."""

    person: int | None = None
    """Number of the person, [1, 1000000]; without one it is the camera's."""

    value: float | None = None
    """Its value."""

    evidence: Mapping[str, float] = field(default_factory=dict)
    """Its numbers; `x` and `y` are where it happened, as shares of the picture."""

    def __post_init__(self) -> None:
        require("kind", (self.kind,), EVENT_KINDS)


@dataclass(frozen=True, slots=True)
class TrialStep:
    """What changes at a moment of the script."""

    at_s: float
    """When, seconds after the start, [0, 1000000]."""

    people: Mapping[str, Shown] = field(default_factory=dict)
    """By number: who is in view from then on, and how. Who is not named stays as they are."""

    gone: tuple[int, ...] = ()
    """Numbers of people who are out of view from then on."""

    events: tuple[Happening, ...] = ()
    """What is decided at that moment."""

    camera: str = ""
    """State of the camera from then on: live (at the start), stalled, waiting, ended, connecting, unauthorized, failed,
    paused. Only a live one gives frames."""

    times: int = 1
    """How often the step happens, [1, 100000]."""

    every_s: float = 0.0
    """Seconds from one time to the next, [0, 100000]."""

    def __post_init__(self) -> None:
        require("camera", (self.camera,) if self.camera else (), CAMERA_STATES)
        if self.times > 1 and not self.every_s > 0:
            raise RuleError("times without every_s: say how many seconds lie between")
        for name in self.people:
            if not name.isdigit():
                raise RuleError(f"people has the name {name!r}, allowed: a number")


@dataclass(frozen=True, slots=True)
class Expected:
    """An incident that must come of it."""

    rule: str
    """Name of the rule."""

    opens_s: float
    """When it opens, seconds after the start, give or take one frame."""

    ends_s: float | None = None
    """When it ends; without it, it is open at the end of the script."""

    person: int | None = None
    """Whom it concerns."""

    zone: str = ""
    """Which zone it concerns."""

    severity: str = ""
    """Its severity at the end; without it any."""

    def __post_init__(self) -> None:
        require("severity", (self.severity,) if self.severity else (), SEVERITIES)


@dataclass(frozen=True, slots=True)
class Trial:
    """A script and the incidents that must come of it: all of them, and no others."""

    name: str
    """What it shows."""

    steps: tuple[TrialStep, ...]
    """What changes when."""

    expect: tuple[Expected, ...] = ()
    """The incidents that must come; without any: none may."""

    rules: tuple[str, ...] = ()
    """Names of the rules that are tried; without any: all of the file."""

    lasts_s: float | None = None
    """Length of the script, seconds, (0, 1000000]; without it, until one second after the last step."""

    fps: float = 10.0
    """Frames a second, (0, 240]."""

    camera: str = "camera"
    """Name of the camera."""

    start: str = "2026-01-05T12:00:00+00:00"
    """When it begins, ISO 8601 with a time zone; this is a Monday."""

    def __post_init__(self) -> None:
        if not self.steps:
            raise RuleError(f"test {self.name}: steps is empty, expected at least one")
        if self.end_s * self.fps > _MOST_FRAMES:
            raise RuleError(f"test {self.name}: more than {_MOST_FRAMES} frames; make it shorter, or `fps` smaller")
        try:
            aware = datetime.fromisoformat(self.start).tzinfo is not None
        except ValueError:
            aware = False
        if not aware:
            raise RuleError(
                f"start is {self.start!r}, allowed: a date and time with its zone: 2026-01-05T12:00:00+01:00"
            )

    def check_rules(self, options: AlertOptions) -> None:
        """Raises RuleError for the name of a rule that there is not."""
        names = self.rules or [rule.name for rule in options.rules]
        require(f"test {self.name}: rule", self.rules, [rule.name for rule in options.rules])
        require(f"test {self.name}: rule", [each.rule for each in self.expect], names)

    @property
    def end_s(self) -> float:
        """When the script is over."""
        last_s = max((step.at_s + (step.times - 1) * step.every_s for step in self.steps), default=0.0)
        return last_s + 1.0 if self.lasts_s is None else self.lasts_s


@dataclass(frozen=True, slots=True)
class Told:
    """An incident that came.

    Attributes:
        person, zone: Whom and which zone it concerns.
        opened_s, ended_s: Seconds after the start; None = still open.
        severity: Its last.
        text: Its first sentence.
    """

    rule: str
    person: int | None
    zone: str
    opened_s: float
    ended_s: float | None
    severity: str
    text: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a trial.

    Attributes:
        incidents: All that came, in the order in which they opened.
        missing: What was expected and did not come.
        surplus: What came and was not expected.
    """

    incidents: tuple[Told, ...]
    missing: tuple[Expected, ...]
    surplus: tuple[Told, ...]

    @property
    def passed(self) -> bool:
        """Whether all came that was expected, and nothing else."""
        return not self.missing and not self.surplus


def run_trial(trial: Trial, options: AlertOptions, scenes: Mapping[str, Scene] | None = None) -> Outcome:
    """Play the script to the rules, on cameras with these zones. Raises RuleError for a rule or a zone that there is
    not.
    """
    trial.check_rules(options)
    if trial.rules:
        rules = tuple(
            replace(rule, inhibited_by=tuple(name for name in rule.inhibited_by if name in trial.rules))
            for rule in options.rules
            if rule.name in trial.rules
        )
        options = AlertOptions(rules=rules)
    stage = AlertStage(options, scenes)
    state = stage.initial_state(trial.camera)
    told: list[Transition] = []
    for record in records(trial):
        if isinstance(record.value, Tick):
            state, steps = stage.tick(state, Record(record.stamp, record.value))
        else:
            state, steps = stage.step(state, Record(record.stamp, record.value))
        told += steps
    return _compared(trial, _incidents(told, _start_us(trial)))


def records(trial: Trial) -> Iterator[Record[Measures] | Record[Tick]]:
    """The script as the stage sees it: a tick each second, and frames while the camera is live."""
    start_us, end_us = _start_us(trial), round(trial.end_s * 1e6)
    steps = _moments(trial)
    shown: dict[int, Shown] = {}
    camera, done, seq, tick_us = "live", 0, 0, 0
    period_us = 1e6 / trial.fps
    while (now_us := round(seq * period_us)) <= end_us:
        while tick_us <= now_us:
            yield Record(_stamp(trial, start_us + tick_us, seq), Tick(camera))
            tick_us += 1_000_000
        events: list[Event] = []
        while done < len(steps) and steps[done][0] <= now_us:
            at_us, step = steps[done]
            done += 1
            camera = step.camera or camera
            shown |= {int(name): each for name, each in step.people.items()}
            shown = {number: each for number, each in shown.items() if number not in step.gone}
            events += [_event(each, start_us + at_us, done) for each in step.events]
        if camera == "live" or events:
            people = shown if camera == "live" else {}
            yield Record(_stamp(trial, start_us + now_us, seq), _measures(people, events))
        seq += 1


def _moments(trial: Trial) -> list[tuple[int, TrialStep]]:
    moments = [(round((step.at_s + i * step.every_s) * 1e6), step) for step in trial.steps for i in range(step.times)]
    return sorted(moments, key=lambda moment: moment[0])


def _stamp(trial: Trial, at_us: int, seq: int) -> Stamp:
    return Stamp(0, trial.camera, _CAMERA_NO, 1, seq, seq, at_us, at_us, "file")


def _event(happening: Happening, at_us: int, number: int) -> Event:
    track_id = None if happening.person is None else make_track_id(_CAMERA_NO, happening.person)
    event_id = make_id("event", happening.kind, happening.label, track_id, at_us, number)
    return Event(
        event_id, happening.kind, happening.label, track_id, at_us, None, happening.value, dict(happening.evidence)
    )


def _measures(people: Mapping[int, Shown], events: Sequence[Event]) -> Measures:
    angles: F32 = np.full((len(people), len(ANGLES)), np.nan, np.float32)
    scalars: F32 = np.full((len(people), len(MEASURES)), np.nan, np.float32)
    for row, shown in enumerate(people.values()):
        for name, value in shown.measures.items():
            if name in ANGLE_COLUMNS:
                angles[row, ANGLE_COLUMNS[name]] = value
            else:
                scalars[row, MEASURE_COLUMNS[name]] = value
        if shown.at is not None:
            scalars[row, FOOT] = shown.at
    return Measures(
        track_id=np.array([make_track_id(_CAMERA_NO, number) for number in people], np.int64),
        posture=np.array([POSTURES.index(shown.posture) for shown in people.values()], np.uint8),
        angles=angles,
        scalars=scalars,
        events=tuple(events),
    )


def _incidents(told: Sequence[Transition], start_us: int) -> tuple[Told, ...]:
    found: dict[object, Told] = {}
    for step in told:
        at_s = (step.at_us - start_us) / 1e6
        person = None if step.track_id is None else step.track_id % (1 << TRACK_BITS)
        before = found.get(step.incident_id)
        if before is None:
            before = Told(step.rule, person, step.zone, at_s, None, step.severity, step.text)
        ended_s = at_s if step.state == "end" else None
        found[step.incident_id] = replace(before, severity=step.severity, ended_s=ended_s)
    return tuple(found.values())


def _compared(trial: Trial, incidents: tuple[Told, ...]) -> Outcome:
    """Each expectation takes the incident that fits it and opened nearest to it."""
    tolerance_s = 1.0 / trial.fps + 1e-6
    left, missing = list(incidents), []
    for wanted in trial.expect:
        fitting = [told for told in left if _fits(told, wanted, tolerance_s)]
        if fitting:
            left.remove(min(fitting, key=lambda told: abs(told.opened_s - wanted.opens_s)))
        else:
            missing.append(wanted)
    return Outcome(incidents, tuple(missing), tuple(left))


def _fits(told: Told, wanted: Expected, tolerance_s: float) -> bool:
    if (told.rule, told.person, told.zone) != (wanted.rule, wanted.person, wanted.zone):
        return False
    if wanted.severity and told.severity != wanted.severity:
        return False
    ended_s, ends_s = (math.inf if each is None else each for each in (told.ended_s, wanted.ends_s))
    return abs(told.opened_s - wanted.opens_s) <= tolerance_s and (
        ended_s == ends_s or abs(ended_s - ends_s) <= tolerance_s
    )


def _start_us(trial: Trial) -> int:
    return round(datetime.fromisoformat(trial.start).astimezone(UTC).timestamp() * 1e6)
