"""Opens the cameras of an ingest worker, recorded and live, where they were left."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from pipeline.cameras import reveal
from pipeline.core.cameras import NO_QUESTIONS, CameraSpec, CameraStatus, Trust
from pipeline.core.errors import ConfigError, SourceError
from pipeline.core.ports import LiveCamera, Position
from pipeline.runners.live import LiveRecords, live_source
from pipeline.runners.recorded import fingerprint_of
from pipeline.runners.worker.cameras import CameraFeed, LiveFeed, RecordedFeed
from pipeline.runners.worker.reading import Reading
from pipeline.video.live import EventClock
from pipeline.video.live.options import SCHEMES
from pipeline.video.open import open_source
from pipeline.video.paced import PacedCamera


def open_camera(
    spec: CameraSpec,
    reading: Reading | None,
    wake: Callable[[], None],
    told: Callable[[CameraStatus], None] = lambda _: None,
    trust: Trust = NO_QUESTIONS,
) -> CameraFeed:
    """A camera where it was left; `told` gets how it is, if it is live. Raises SourceError."""
    if spec.mode == "archive":
        return open_recorded(spec, reading, wake)
    last_us, session = (0, 0) if reading is None else (reading.last_captured_at_us, reading.session)
    camera: LiveCamera
    if urlsplit(spec.source).scheme.lower() in SCHEMES:
        try:
            camera = live_source(spec, partial(reveal, spec.password, os.environ), trust).open()
        except ConfigError as error:  # of one camera: the others go on
            raise SourceError(error.message, hint=error.hint) from error
    else:
        camera = PacedCamera(open_source(spec.source, fps=spec.fps or None))
    deadline_us = spec.deadline_ms * 1000
    records = LiveRecords(0, spec.name, spec.camera_no, session, EventClock(last_us), last_us, deadline_us)
    return LiveFeed(camera, records, told)


def open_recorded(spec: CameraSpec, reading: Reading | None, wake: Callable[[], None]) -> CameraFeed:
    """A camera whose source can be read again, where it was left. Raises SourceError."""
    fps = spec.fps or None
    source = open_source(spec.source, fps=fps)
    fingerprint = fingerprint_of(source, fps)
    if reading is not None and reading.fingerprint == fingerprint:
        position, start_us = reading.position, reading.start_us
    else:
        last = 0 if reading is None else reading.last_captured_at_us
        session = 1 if reading is None else reading.session + 1
        position = Position(session, 0, last, fingerprint)
        start_us = max(spec.start_us or time.time_ns() // 1000, last + 1_000_000 if last else 0)
    return RecordedFeed(spec.name, spec.camera_no, source, start_us, position, wake)
