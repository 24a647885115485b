"""All stages on one thread, one after the other: what each costs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

from pipeline.config import load_config
from pipeline.core.perception import Estimated, Found, PersonDetector, PoseEstimator
from pipeline.core.ports import BusRecord, Outgoing, Source
from pipeline.core.records import Record, Stamp
from pipeline.core.types import U8
from pipeline.core.values import Captured
from pipeline.models import load_models
from pipeline.topology import STAGES, Parts, Topology

MODELS = ("detect", "pose")


class Timed:
    """A detector or an estimator that keeps account of its CPU time."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.size, self.skeleton = model.size, getattr(model, "skeleton", "")
        self.seconds, self.pictures = 0.0, 0

    def detect(self, pictures: U8) -> list[Found]:
        """As the one inside does."""
        return self._run(self._model.detect, pictures)

    def estimate(self, crops: U8) -> Estimated:
        """As the one inside does."""
        return self._run(self._model.estimate, crops)

    def _run(self, run: Any, pictures: U8) -> Any:
        started = time.process_time()
        try:
            return run(pictures)
        finally:
            self.seconds += time.process_time() - started
            self.pictures += len(pictures)


def frames(source: Source) -> Iterator[dict[str, float]]:
    """For each frame the CPU seconds of `decode`, of each stage, and of the models (`detect model`, `pose model`)."""
    cv2.setNumThreads(1)
    settings = load_config(None, {**os.environ, "POSEBUS_MODELS_THREADS": "1"})
    detector, estimator = load_models(settings.models, settings.home)
    timed = dict(zip(MODELS, (Timed(detector), Timed(estimator)), strict=True))
    topology = Topology(settings, Parts(_detector(timed["detect"]), _estimator(timed["pose"])))
    drivers = [topology.driver(name) for name in STAGES]
    offsets: dict[str, int] = {}
    at = time.process_time()
    for picture in source.pictures():
        spent = {"decode": time.process_time() - at}
        before = {name: model.seconds for name, model in timed.items()}
        captured_at = 1_700_000_000_000_000 + picture.pts_us
        stamp = Stamp(0, "bench", 1, 1, 0, picture.seq, captured_at, captured_at, "file")
        flow: list[Outgoing] = []
        for driver in drivers:
            started = time.process_time()
            if driver is drivers[0]:
                flow = driver.feed_values([Record(stamp, Captured(np.asarray(picture.pixels)))])
            else:
                flow = driver.feed([taken(sent, offsets) for sent in flow if sent.topic in driver.topics])
            spent[driver.name] = time.process_time() - started
        yield spent | {f"{name} model": model.seconds - before[name] for name, model in timed.items()}
        at = time.process_time()


def taken(sent: Outgoing, offsets: dict[str, int]) -> BusRecord:
    """What a reader gets of it."""
    offset = offsets[sent.topic] = offsets.get(sent.topic, -1) + 1
    return BusRecord(sent.topic, sent.partition, offset, sent.key, sent.value, (), sent.attachment)


def _detector(model: Timed) -> PersonDetector:
    return model


def _estimator(model: Timed) -> PoseEstimator:
    return model
