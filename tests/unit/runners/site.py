"""An installation on a bus in memory: folders of pictures, the registry of cameras, ingest workers that read them."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pipeline.bus.memory import MemoryBus
from pipeline.camera_registry import add_cameras
from pipeline.config import Config
from pipeline.core.cameras import CameraSpec, CameraStatus
from pipeline.core.numbering import Mark, Progress
from pipeline.core.ports import Outgoing, Snapshot, StateStore
from pipeline.core.records import Record
from pipeline.feeds import open_recorded
from pipeline.runners.worker import IngestWorker
from pipeline.runners.worker.ingest import Open
from pipeline.runners.worker.pace import Pace
from pipeline.runners.worker.reading import Reading
from pipeline.state.changelog import ChangelogStore
from pipeline.topics import CAMERAS, PARTITIONS
from pipeline.topology import CHANGELOGS, Topology, kafka_topics
from pipeline.workers import WorkerParts

START_US = 1_750_000_000_000_000
FRAME_US = 40_000

Sent = dict[tuple[str, int, int], set[bytes]]
"""Value bytes by camera, session and n: more than one where they differ."""


def film(folder: Path, frames: int, *, seed: int = 0) -> str:
    """A folder of small pictures of noise, `FRAME_US` apart."""
    folder.mkdir()
    generator = np.random.default_rng(seed)
    for number in range(frames):
        cv2.imwrite(str(folder / f"{number:04}.png"), generator.integers(0, 255, (24, 32, 3)).astype(np.uint8))
    return str(folder)


def spec(name: str, number: int, source: str, start_us: int = START_US, **other: Any) -> CameraSpec:
    return CameraSpec(name, number, source, start_us=start_us, **other)


class Site:
    """Its bus, its cameras and what was sent."""

    def __init__(self) -> None:
        self.bus = MemoryBus()
        self.bus.ensure(kafka_topics())
        config = Config()
        self._topology = Topology(config, WorkerParts(config), strict=True)
        self._reader = self.bus.consumer("reader", "reader", ["frames"])
        self._seen: list[tuple[Record[Any], bytes]] = []
        self.progress = self._topology.state_codec("progress", Progress)

    def register(self, *specs: CameraSpec) -> None:
        add_cameras(self.bus, specs, "registrar")

    def remove(self, name: str, number: int) -> None:
        producer = self.bus.producer("registrar")
        producer.send(Outgoing(CAMERAS, number % PARTITIONS, name.encode(), None))
        producer.flush(1)

    def store(self, client: str) -> ChangelogStore:
        return ChangelogStore(self.bus, client, CHANGELOGS)

    def ingest(
        self,
        client: str = "one",
        *,
        store: StateStore | None = None,
        open_camera: Open = open_recorded,
        paced: bool = False,
        clock: Callable[[], float] | None = None,
        resend_s: float = 1e9,
        told: Callable[[CameraStatus], None] = lambda _: None,
    ) -> IngestWorker:
        """An ingest worker; by default its clock goes a second with each look, so that it checkpoints often."""
        seconds = count()
        clock = clock or (lambda: float(next(seconds)))
        pace = Pace(self.bus, CHANGELOGS["pose"], PARTITIONS, client, self.progress, resend_s=resend_s, clock=clock)
        return IngestWorker(
            self._topology.chain(["ingest"]),
            self.bus,
            store or self.store(client),
            self.bus.consumer(client, "posebus-ingest", [CAMERAS]),
            specs=self._topology.state_codec("camera", CameraSpec),
            readings=self._topology.state_codec("reading", Reading),
            open_camera=open_camera,
            pace=pace if paced else None,
            client=client,
            checkpoint_s=1,
            clock=clock,
            told=told,
        )

    def took(
        self, stage: str, camera: str, number: int, *, seq: int, session: int = 1, at_us: int | None = None
    ) -> None:
        """A stage has kept that it is behind this frame."""
        frame_us = START_US + seq * FRAME_US if at_us is None else at_us
        content = self.progress.encode(Progress(frame=Mark(session, seq), frame_us=frame_us))
        partition = number % PARTITIONS
        self.store("stage").save([Snapshot(stage, camera, partition, {}, seq, {}, content)])

    def forget(self, stage: str) -> None:
        """The changelog of a stage is deleted and made anew."""
        self.bus.delete(CHANGELOGS[stage])
        self.bus.ensure(kafka_topics())

    def records(self) -> list[Record[Any]]:
        """All of `frames`, in the order of each partition."""
        self._look()
        return [record for record, _ in self._seen]

    def sent(self) -> Sent:
        """What was sent, each record once where all its bytes are the same."""
        self._look()
        found: Sent = defaultdict(set)
        for record, value in self._seen:
            found[record.stamp.camera, record.stamp.session, record.stamp.n].add(value)
        return dict(found)

    def _look(self) -> None:
        """Read on."""
        codec = self._topology.codec("frames")
        self._reader.poll(0.0, 0)
        for raw in self._reader.poll(0.0, 100_000).records:
            self._seen.append((codec.decode(raw.value or b""), raw.value or b""))

    def close(self) -> None:
        self.bus.close()


def until(reached: Callable[[], bool], *workers: IngestWorker, timeout_s: float = 20.0) -> None:
    """Give the workers turns until it is so."""
    deadline = time.monotonic() + timeout_s
    while not reached():
        assert time.monotonic() < deadline, "it did not come to that"
        busy = [worker.step() for worker in workers]
        if not any(busy):
            time.sleep(0.001)


def to_the_end(worker: IngestWorker) -> None:
    """Until all its cameras have ended; then it leaves."""
    until(lambda: worker.finished, worker)
    worker.checkpoint()
    worker.close()


def kill(worker: IngestWorker, site: Site, client: str) -> None:
    """Its process is gone: what its threads hold is let go, nothing is written any more."""
    for camera in worker._cameras.values():
        if camera.feed is not None:
            camera.feed.close()
    site.bus.expire(client)


def numbers(sent: Iterable[tuple[str, int, int]], camera: str, session: int = 1) -> list[int]:
    return sorted(n for name, number, n in sent if name == camera and number == session)
