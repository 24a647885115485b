from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

import numpy as np
import pytest

from pipeline.core.errors import ConfigError
from pipeline.core.ids import make_id, make_track_id
from pipeline.core.records import Record, Stamp, Tick
from pipeline.core.values import Event, Measures, Transition
from pipeline.core.vocabulary import ANGLES, MEASURES, POSTURES
from pipeline.core.zones import Scene, Zone
from stages.alert import CAMERA_SILENT, FALL, AlertOptions, AlertStage, AlertState, Rule

START_US = 1_700_000_000_000_000  # 22:13:20 UTC
PERSON = make_track_id(1, 3)
WAVE = Rule(name="wave", kind="wave", opens={"on": "info", "hard": "critical"}, closes=("off",))


def stamp(at_s: float) -> Stamp:
    now_us = START_US + round(at_s * 1e6)
    return Stamp(0, "ward", 1, 1, 0, round(at_s * 30), now_us, now_us, "file")


def event(
    kind: str, label: str, at_s: float, track: int | None = PERSON, value: float | None = None, **evidence: float
) -> Event:
    at_us = START_US + round(at_s * 1e6)
    return Event(make_id("event", kind, label, at_us, track), kind, label, track, at_us, None, value, evidence)


def frame(at_s: float, *events: Event, posture: str = "stand") -> Record[Measures]:
    measures = Measures(
        track_id=np.array([PERSON], np.int64),
        posture=np.array([POSTURES.index(posture)], np.uint8),
        angles=np.full((1, len(ANGLES)), np.nan, np.float32),
        scalars=np.full((1, len(MEASURES)), np.nan, np.float32),
        events=events,
    )
    return Record(stamp(at_s), measures)


def tick(at_s: float, state: str = "live") -> Record[Tick]:
    return Record(stamp(at_s), Tick(state))


WARD = {"ward": Scene({"bed": Zone(((0.5, 0.5), (1.0, 0.5), (1.0, 1.0), (0.5, 1.0)))})}


def run(
    records: Iterable[Record[Measures] | Record[Tick]], *rules: Rule, state: AlertState | None = None
) -> list[Transition]:
    stage = AlertStage(AlertOptions(rules=rules) if rules else None, WARD)
    held = state or stage.initial_state("ward")
    out: list[Transition] = []
    for record in records:
        if isinstance(record.value, Tick):
            held, steps = stage.tick(held, Record(record.stamp, record.value))
        else:
            held, steps = stage.step(held, Record(record.stamp, record.value))
        out.extend(steps)
    return out


def life(transitions: list[Transition]) -> list[tuple[str, str]]:
    return [(step.state, step.severity) for step in transitions]


def test_a_fall_is_a_warning_then_critical_then_over() -> None:
    steps = run(
        [
            frame(1.0, event("fall", "suspected", 0.5)),
            frame(4.0, event("fall", "confirmed", 0.5, value=3.4), posture="lie"),
            frame(9.0, event("fall", "recovered", 0.5, value=8.5)),
            frame(9.5),
            frame(10.1),
        ]
    )

    assert life(steps) == [("new", "warning"), ("update", "critical"), ("end", "critical")]
    assert [step.version for step in steps] == [1, 2, 3]
    assert len({step.incident_id for step in steps}) == 1
    assert {step.started_at_us for step in steps} == {START_US + 500_000}
    assert [step.text for step in steps] == [
        "ward: person 3 may have fallen at 22:13:20",
        "ward: person 3 fell at 22:13:20 and has been on the floor for 3 s",
        "ward: person 3, who fell at 22:13:20, is up again after 8 s",
    ]


def test_an_incident_is_named_by_what_opened_it() -> None:
    opened = event("fall", "suspected", 0.5)

    steps = run([frame(1.0, opened)])

    assert steps[0].incident_id == make_id("incident", 0, "ward", "fall", opened.event_id)
    assert steps[0].event_id == opened.event_id
    assert run([frame(1.0, opened)])[0] == steps[0]


def test_evidence_of_the_event_goes_along() -> None:
    steps = run([frame(1.0, event("fall", "suspected", 0.5, trunk_tilt=80.0))])

    assert steps[0].evidence == {"trunk_tilt": 80.0}


@pytest.mark.parametrize("period_s", [0.05, 0.6, 4.0, 9.0])
def test_a_thousand_flickers_are_one_incident(period_s: float) -> None:
    flickers = [
        frame(i * period_s, event("fall", "suspected" if i % 2 == 0 else "recovered", i * period_s))
        for i in range(2000)
    ]

    steps = run([*flickers, frame(2000 * period_s + 60)])

    assert len({step.incident_id for step in steps}) == 1
    assert life(steps) == [("new", "warning"), ("end", "warning")]


def test_a_confirmed_fall_in_the_cool_down_is_told_at_once() -> None:
    steps = run(
        [
            frame(1.0, event("fall", "suspected", 0.5)),
            frame(3.0, event("fall", "recovered", 0.5)),
            frame(4.0),
            frame(6.0, event("fall", "suspected", 5.5)),
            frame(8.5, event("fall", "confirmed", 5.5)),
        ],
        replace(FALL, cool_down_s=10.0),
    )

    assert life(steps) == [("new", "warning"), ("end", "warning"), ("new", "critical")]
    assert steps[2].at_us == START_US + 8_500_000
    assert len({step.incident_id for step in steps}) == 2


def test_what_lasts_longer_than_the_cool_down_is_told_after_it() -> None:
    cool = replace(WAVE, cool_down_s=5.0)
    steps = run(
        [frame(0.0, event("wave", "on", 0)), frame(1.0, event("wave", "off", 1)), frame(2.0, event("wave", "on", 2))]
        + [frame(float(s)) for s in range(3, 9)],
        cool,
    )

    assert [(step.state, step.at_us - START_US) for step in steps] == [
        ("new", 0),
        ("end", 1_000_000),
        ("new", 6_000_000),
    ]


def test_a_rule_may_wait_before_it_opens() -> None:
    patient = replace(WAVE, for_s=2.0)
    short = [frame(0.0, event("wave", "on", 0)), frame(1.0, event("wave", "off", 1)), frame(5.0)]
    long = [frame(0.0, event("wave", "on", 0)), frame(1.0), frame(2.5)]

    assert run(short, patient) == []
    assert [step.at_us - START_US for step in run(long, patient)] == [2_500_000]


def test_an_incident_ends_by_the_clock_without_evidence() -> None:
    rule = replace(WAVE, hold_s=10.0)

    steps = run([frame(0.0, event("wave", "on", 0)), tick(9.0), tick(10.0), tick(11.0)], rule)

    assert life(steps) == [("new", "info"), ("end", "info")]
    assert steps[1].event_id is None
    assert steps[1].at_us == START_US + 10_000_000


def test_a_posture_is_evidence() -> None:
    rule = replace(FALL, hold_s=10.0)
    records = [frame(0.0, event("fall", "suspected", 0))] + [frame(float(s), posture="lie") for s in range(1, 60)]

    assert life(run([*records, frame(65.0)], rule)) == [("new", "warning")]
    assert life(run([*records, frame(69.0)], rule)) == [("new", "warning"), ("end", "warning")]


def test_severity_only_rises() -> None:
    steps = run(
        [
            frame(0.0, event("wave", "hard", 0)),
            frame(1.0, event("wave", "on", 1)),
            frame(2.0, event("wave", "hard", 2)),
            frame(3.0, event("wave", "off", 3)),
        ],
        WAVE,
    )

    assert life(steps) == [("new", "critical"), ("end", "critical")]


def test_people_have_incidents_of_their_own() -> None:
    other = make_track_id(1, 4)
    steps = run(
        [
            frame(0.0, event("fall", "suspected", 0), event("fall", "suspected", 0, other)),
            frame(1.0, event("fall", "recovered", 0, other)),
            frame(3.0),
        ]
    )

    assert [(step.state, step.track_id) for step in steps] == [("new", PERSON), ("new", other), ("end", other)]


def test_excluded_zones_open_nothing() -> None:
    rule = replace(FALL, excluded=("bed",))

    assert run([frame(0.0, event("fall", "suspected", 0, x=0.7, y=0.8))], rule) == []
    assert life(run([frame(0.0, event("fall", "suspected", 0, x=0.3, y=0.8))], rule)) == [("new", "warning")]
    assert life(run([frame(0.0, event("fall", "suspected", 0))], rule)) == [("new", "warning")]


def test_what_opens_and_closes_in_one_frame_is_told() -> None:
    steps = run([frame(0.0, event("wave", "on", 0), event("wave", "off", 0))], WAVE)

    assert [step.state for step in steps] == ["new", "end"]


def test_a_silent_camera_is_an_incident() -> None:
    quiet = [tick(float(s), "stalled") for s in range(1, 20)]

    steps = run([tick(0.0), *quiet, tick(20.0), tick(21.0)])

    assert [(step.state, step.rule, step.track_id) for step in steps] == [
        ("new", "camera-silent", None),
        ("end", "camera-silent", None),
    ]
    assert steps[0].at_us == START_US + 11_000_000
    assert steps[0].text == "ward: no picture since 22:13:21"
    assert steps[0].event_id is None


def test_nothing_is_remembered_of_what_is_over() -> None:
    state = AlertState()

    run([frame(0.0, event("wave", "on", 0)), frame(1.0, event("wave", "off", 1)), frame(2.0)], WAVE, state=state)

    assert state.incidents == []


def test_incidents_of_a_rule_that_is_gone_are_forgotten() -> None:
    state = AlertState()
    run([frame(0.0, event("wave", "on", 0))], WAVE, state=state)

    assert run([frame(1.0, event("fall", "recovered", 1))], FALL, state=state) == []
    assert state.incidents == []


def test_events_that_no_rule_reads_give_nothing() -> None:
    assert run([frame(0.0, event("rep", "squat", 0)), frame(1.0)]) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"opens": {"on": "grave"}}, "grave"),
        ({"opens": {}}, "no label"),
        ({"closes": ("on",)}, "both opens and closes"),
        ({"kept_by": ("lying",)}, "lying"),
        ({"texts": {"on": "{who} waves"}}, "who"),
        ({"texts": {"on": "{camera.secret}"}}, "camera.secret"),
    ],
)
def test_a_wrong_rule_is_told(change: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        replace(WAVE, **change)  # type: ignore[arg-type]


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="wave"):
        AlertOptions(rules=(WAVE, WAVE))
    assert [rule.name for rule in AlertOptions().rules] == [FALL.name, CAMERA_SILENT.name]


def test_ids_are_uuids() -> None:
    assert isinstance(run([frame(0.0, event("fall", "suspected", 0))])[0].incident_id, UUID)
