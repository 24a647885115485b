from __future__ import annotations

from pipeline.codec.schemas import SchemaBook
from pipeline.codec.states import AvroStateCodec
from pipeline.config.exercises import load_exercises
from pipeline.core.records import Record
from pipeline.core.values import Event, Measures, Transition
from stages.alert import AlertStage, AlertState
from stages.analyze import AnalyzeStage, AnalyzeState
from tests.unit.analyze.figures import FALLEN, KNEEL, STAND, Clip, hold, squats
from tests.unit.analyze.run import analyze

CLIP = Clip(
    [squats(3), hold((2.0, STAND), (0.8, FALLEN, "fall"), (4.0, FALLEN), (2.0, KNEEL), (1.5, STAND), (4.0, STAND))],
    fps=10,
    noise=0.005,
)


def test_states_saved_and_loaded_after_each_frame_change_nothing() -> None:
    book = SchemaBook()
    analyze_codec = AvroStateCodec(book, "analyze", AnalyzeState)
    alert_codec = AvroStateCodec(book, "alert", AlertState)
    analyze_stage, alert_stage = AnalyzeStage(None, load_exercises(["library"])), AlertStage()
    state, alert_state = analyze_stage.initial_state("ward"), alert_stage.initial_state("ward")
    events: list[Event | Measures] = []
    transitions: list[Transition] = []

    for record in CLIP.records():
        state, (measures, *new) = analyze_stage.step(state, record)
        assert isinstance(measures, Measures)
        alert_state, steps = alert_stage.step(alert_state, Record(record.stamp, measures))
        events += new
        transitions += steps
        state = analyze_codec.decode(analyze_codec.encode(state))
        alert_state = alert_codec.decode(alert_codec.encode(alert_state))

    assert events == analyze(CLIP.records()).events
    assert [(step.state, step.severity) for step in transitions] == [
        ("new", "warning"),
        ("update", "critical"),
        ("end", "critical"),
    ]


def test_state_of_a_person_is_small() -> None:
    codec = AvroStateCodec(SchemaBook(), "analyze", AnalyzeState)
    done = analyze(CLIP.records())

    assert len(codec.encode(done.state)) / len(done.state.people) < 4096
