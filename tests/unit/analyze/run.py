"""Runs analyze over clips and keeps what it said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.config.exercises import load_exercises
from pipeline.core.records import Record, Tick
from pipeline.core.values import Event, Measures
from pipeline.core.vocabulary import POSTURES
from stages.analyze import AnalyzeOptions, AnalyzeStage, AnalyzeState, Exercise
from tests.unit.analyze.figures import START_US


@dataclass
class Analyzed:
    """What came out: one Measures a frame, all events, and the state at the end."""

    state: AnalyzeState
    measures: list[Measures] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    at_s: list[float] = field(default_factory=list)

    def labels(self, kind: str) -> list[str]:
        return [event.label for event in self.events if event.kind == kind]

    def of(self, kind: str, label: str) -> Event:
        found = [event for event in self.events if (event.kind, event.label) == (kind, label)]
        assert len(found) == 1, f"{len(found)} events {kind} {label}"
        return found[0]

    def last_posture(self, person: int = 0) -> str:
        return POSTURES[int(self.measures[-1].posture[person])]


def analyze(
    records: Iterable[Record[Any]],
    options: AnalyzeOptions | None = None,
    state: AnalyzeState | None = None,
    exercises: Sequence[Exercise] | None = None,
) -> Analyzed:
    stage = AnalyzeStage(options, load_exercises(["library"]) if exercises is None else exercises)
    done = Analyzed(state or stage.initial_state("ward"))
    for record in records:
        if isinstance(record.value, Tick):
            done.state, out = stage.tick(done.state, record)
        else:
            done.state, out = stage.step(done.state, record)
        for value in out:
            if isinstance(value, Measures):
                done.measures.append(value)
            else:
                done.events.append(value)
        done.at_s.append(seconds(record.stamp.captured_at_us))
    return done


def seconds(at_us: int) -> float:
    return (at_us - START_US) / 1e6
