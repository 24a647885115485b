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


def taken(records: list[Record[Any]], most: int) -> tuple[list[Any], bytes]:
    stage = AnalyzeStage(AnalyzeOptions(), load_exercises(["library"]))
    state, found = stage.initial_state("ward"), []
    for first, last in pairwise((*range(0, len(records), most), len(records))):
        state, results = stage.steps(state, records[first:last])
        assert len(results) == last - first
        found += [told(value) for values in results for value in values]
    return found, AvroStateCodec(SchemaBook(), "analyze", AnalyzeState).encode(state)


def told(value: Measures | Event) -> Any:
    if isinstance(value, Event):
        return value
    return [np.asarray(part).tobytes() for part in (value.track_id, value.posture, value.angles, value.scalars)]


@pytest.mark.parametrize("most", [2, 7, 10_000])
def test_pauses_and_ticks_are_the_same_however_they_are_cut(most: int) -> None:
    records = list(pauses())

    one_by_one = taken(records, 1)

    assert taken(records, most) == one_by_one
    labels = [value.label for value in one_by_one[0] if isinstance(value, Event) and value.kind in ("enter", "leave")]
    assert labels == ["enter"] * 2 + (["leave"] * 2 + ["enter"] * 2) * 3 + ["leave"] * 2
