"""People who are away for a while, in frames that are taken one by one and many at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from pipeline.codec.schemas import SchemaBook
from pipeline.codec.states import AvroStateCodec
from pipeline.config.exercises import load_exercises
from pipeline.core.records import Record, Tick
from pipeline.core.values import Event, Measures
from stages.analyze import AnalyzeOptions, AnalyzeStage, AnalyzeState
from tests.unit.analyze.figures import STAND, Clip, hold, squats

CLIP = Clip([squats(2), hold((1.0, STAND))], fps=5, noise=0.005)
AWAY_S = (0.6, 5.0, 31.9, 33.5, 40.0)
"""Around the 2 s after which somebody has left, and the 32 s after which they are forgotten."""

EVERY = 110


def pauses() -> Iterator[Record[Any]]:
    """The same two people, as if known again by the same numbers, with a tick in each second without them."""
    begin_us = 0
    for away_s in AWAY_S:
        last_us = 0
        for record in CLIP.records():
            last_us = begin_us + record.stamp.captured_at_us
            yield replace(record, stamp=replace(record.stamp, captured_at_us=last_us))
        for second in range(1, int(away_s) + 1):
            yield Record(replace(record.stamp, captured_at_us=last_us + second * 1_000_000), Tick("live"))
        begin_us += last_us - next(CLIP.records()).stamp.captured_at_us + round(away_s * 1e6)


def taken(records: list[Record[Any]], most: int) -> tuple[list[Any], list[bytes]]:
    """What is told, and the state behind each so many records."""
    stage = AnalyzeStage(AnalyzeOptions(), load_exercises(["library"]))
    codec = AvroStateCodec(SchemaBook(), "analyze", AnalyzeState)
    state, found, states = stage.initial_state("ward"), [], []
    cuts = sorted({*range(0, len(records), most), *range(0, len(records), EVERY), len(records)})
    for first, last in pairwise(cuts):
        state, results = stage.steps(state, records[first:last])
        assert len(results) == last - first
        found += [told(value) for values in results for value in values]
        if last % EVERY == 0:
            states.append(codec.encode(state))
    return found, states


def one_by_one(records: list[Record[Any]]) -> tuple[list[Any], list[bytes]]:
    """The same by `step` and `tick`."""
    stage = AnalyzeStage(AnalyzeOptions(), load_exercises(["library"]))
    codec = AvroStateCodec(SchemaBook(), "analyze", AnalyzeState)
    state, found, states = stage.initial_state("ward"), [], []
    for number, record in enumerate(records, 1):
        state, values = (stage.tick if isinstance(record.value, Tick) else stage.step)(state, record)
        found += [told(value) for value in values]
        if number % EVERY == 0:
            states.append(codec.encode(state))
    return found, states


def told(value: Measures | Event) -> Any:
    if isinstance(value, Event):
        return value
    return [np.asarray(part).tobytes() for part in (value.track_id, value.posture, value.angles, value.scalars)]


@pytest.mark.parametrize("most", [2, 7, EVERY])
def test_pauses_and_ticks_are_the_same_however_they_are_cut(most: int) -> None:
    records = list(pauses())

    expected = one_by_one(records)

    assert taken(records, most) == expected
    events = [value for value in expected[0] if isinstance(value, Event)]
    labels = [event.label for event in events if event.kind in ("enter", "leave")]
    assert labels == ["enter"] * 2 + (["leave"] * 2 + ["enter"] * 2) * 3 + ["leave"] * 2
    assert [event.label for event in events if event.kind == "rep"] == ["squat"] * 2 * len(AWAY_S)
    assert len(set(expected[1])) > len(records) // EVERY // 2
