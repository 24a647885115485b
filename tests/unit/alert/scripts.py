"""Scripts for rules: people who are seen like this from then on, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.codec.schemas import SchemaBook
from pipeline.codec.states import AvroStateCodec
from pipeline.core.records import Record, Tick
from pipeline.core.values import Transition
from pipeline.core.zones import Scene, Zone
from stages.alert import AlertOptions, AlertStage, AlertState, Rule
from stages.alert.conditions import Condition, Count, EventIs, MeasureIs
from stages.alert.trial import Happening, Shown, Told, Trial, TrialStep, records, run_trial

LIES = Condition(posture=("lie",))
LEFT = Zone(((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))
RIGHT = Zone(((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)))
ZONES = Scene({"left": LEFT, "right": RIGHT})
CAMERA = {"camera": ZONES}
FAST = Condition(measure=MeasureIs("speed", above=2.0, clear=1.5))


def rule(when: Condition, **more: Any) -> Rule:
    return Rule(name=more.pop("name", "r"), when=when, **more)


def at(at_s: float, *events: Happening, times: int = 1, every_s: float = 0.0, **people: Any) -> TrialStep:
    """`p1="lie"` shows person 1 lying, `p1=1.5` with that speed, `p1=None` sends them away; or give a Shown."""
    shown: dict[str, Shown] = {}
    gone: list[int] = []
    for name, what in people.items():
        if what is None:
            gone.append(int(name[1:]))
        elif isinstance(what, Shown):
            shown[name[1:]] = what
        elif isinstance(what, str):
            shown[name[1:]] = Shown(posture=what)
        else:
            shown[name[1:]] = Shown(posture="stand", measures={"speed": what})
    return TrialStep(at_s=at_s, people=shown, gone=tuple(gone), events=events, times=times, every_s=every_s)


def came(
    rules: Rule | Sequence[Rule], *steps: TrialStep, lasts_s: float | None = None, fps: float = 10.0, **more: Any
) -> tuple[Told, ...]:
    """The incidents."""
    options = AlertOptions(rules=(rules,) if isinstance(rules, Rule) else tuple(rules))
    trial = Trial(name="t", steps=steps, lasts_s=lasts_s, fps=fps, **more)
    return run_trial(trial, options, {trial.camera: ZONES}).incidents


def lives(incidents: Sequence[Told]) -> list[tuple[float, float | None]]:
    """When they open and end."""
    return [(round(each.opened_s, 3), None if each.ended_s is None else round(each.ended_s, 3)) for each in incidents]


def people(**limits: int) -> Condition:
    return Condition(count=Count(**limits))


def event(kind: str, *label: str, **more: Any) -> Condition:
    return Condition(event=EventIs(kind, label, **more))


def taken(stage: AlertStage, state: AlertState, record: Record[Any]) -> tuple[AlertState, list[Transition]]:
    """The stage at a frame or a tick."""
    step = stage.tick if isinstance(record.value, Tick) else stage.step
    state, steps = step(state, record)
    return state, list(steps)


def played(
    script: Trial, options: AlertOptions, scenes: Mapping[str, Scene] | None = None, *, saved: bool = False
) -> list[Transition]:
    """The transitions of a script; `saved`: the state is encoded and decoded after each record."""
    stage, state, out = AlertStage(options, scenes), AlertState(), []
    codec = AvroStateCodec(SchemaBook(), "alert", AlertState)
    for record in records(script):
        state, steps = taken(stage, state, record)
        out += steps
        if saved:
            state = codec.decode(codec.encode(state))
    return out
