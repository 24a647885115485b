"""Pose stands still while a recording and a live camera share a partition, on a real broker with short retention.

Times are scaled down: in the long form (`make outages`) the recording lasts 20 minutes, pose is away for 2.5 and 10,
and pictures are kept for 5.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from pipeline.bus.kafka import KafkaBus
from pipeline.camera_registry import add_cameras
from pipeline.config import Config
from pipeline.core.cameras import DEADLINE_MS, CameraSpec
from pipeline.core.headers import ARRIVED
from pipeline.core.ports import BusRecord
from pipeline.core.records import Dropped, Tick
from pipeline.runners.worker.pace import MOST_FRAMES
from pipeline.runners.worker.watch import SENT
from pipeline.topics import PARTITIONS
from pipeline.topology import Topology, kafka_topics
from tests.broker import Cluster
from tests.broker.fixtures import NewCluster
from tests.e2e.painted import FPS, painted
from tests.e2e.processes import Posebus, ended
from tests.homes import NewHome

LONG = bool(os.environ.get("POSEBUS_LONG"))
pytestmark = pytest.mark.timeout(3600 if LONG else 300)
FRAMES = 20 * 60 * FPS if LONG else 300
SHORTER, LONGER = (150.0, 600.0) if LONG else (4.0, 10.0)
"""So long is pose away."""
PATIENCE_S = 1800.0 if LONG else 90.0
NUMBER = 1
WORK_S = 0.5
"""From the check of the deadline until the result is sent; on a busy machine."""


@dataclass
class Site:
    """Processes of one installation over a broker that keeps pictures for a while."""

    bus: KafkaBus
    posebus: Posebus
    config: Path

    @contextmanager
    def worker(self, name: str) -> Iterator[Popen[str]]:
        with self.posebus.started("worker", name, "--config", str(self.config)) as process:
            yield process
            process.terminate()
            done = ended(process)
            assert done.code == 0, done

    def poses(self) -> list[BusRecord]:
        """All that pose has sent."""
        return list(self.bus.read("poses", frozenset((NUMBER,))))


@pytest.fixture
def site(request: pytest.FixtureRequest, new_cluster: NewCluster, new_home: NewHome, tmp_path: Path) -> Iterator[Site]:
    kept_s, resend_s = (300.0, 300.0) if LONG else request.param
    looks = {"log.retention.check.interval.ms": 300, "log.initial.task.delay.ms": 0, "log.segment.delete.delay.ms": 0}
    cluster, home, prefix = new_cluster(config=looks), new_home(), "b."
    config = tmp_path / "site.yaml"
    config.write_text(
        f"kafka: {{servers: '{','.join(cluster.servers)}', prefix: {prefix}}}\nmodels: {{detector: fake, pose: fake}}\n"
        f"worker: {{resend_s: {resend_s}}}\n"
    )
    with closing(KafkaBus(cluster.servers, prefix=prefix)) as bus:
        bus.ensure(kafka_topics())
        keep_pictures(cluster, [f"{prefix}frames", f"{prefix}detections"], kept_s)
        clip = painted(tmp_path / "clip", min(FRAMES, 300))
        recording = longer(clip, tmp_path / "long", FRAMES) if LONG else clip
        film = longer(clip, tmp_path / "film", FRAMES + 90 * FPS)
        add_cameras(
            bus,
            [
                CameraSpec("hall", NUMBER, recording, start_us=1_700_000_000_000_000),
                CameraSpec("door", NUMBER + PARTITIONS, film, mode="live", fps=5.0),  # the same partition
            ],
            "test",
        )
        yield Site(bus, Posebus(home), config)


def longer(clip: str, folder: Path, frames: int) -> str:
    """So many frames out of the pictures of twelve seconds, again and again."""
    pictures = sorted(Path(clip).iterdir())
    folder.mkdir()
    for number in range(frames):
        os.link(pictures[number % len(pictures)], folder / f"{number:05}.png")
    return str(folder)


def keep_pictures(cluster: Cluster, topics: Sequence[str], seconds: float) -> None:
    """Retention of these topics, in segments that end soon."""
    settings = {"retention.ms": int(seconds * 1000), "segment.ms": int(seconds * 200)}
    admin: Any = KafkaAdminClient(bootstrap_servers=cluster.servers)
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=settings) for topic in topics])
    admin.close()


@pytest.mark.parametrize("site", [(20.0, 60.0)], indirect=True)
def test_a_recording_waits_for_pose_and_a_live_camera_beside_it_stays_young(site: Site) -> None:
    codec = Topology(Config(), None).codec("poses")
    with ExitStack() as held:
        for name in ("ingest", "detect"):
            held.enter_context(site.worker(name))
        with site.worker("pose"):
            wait_for(lambda: len(site.poses()) > 20, "the first poses")
        before = len([raw for raw in site.poses() if raw.key == b"hall"])
        time.sleep(SHORTER)
        ahead = sum(raw.key == b"hall" for raw in site.bus.read("detections", frozenset((NUMBER,)))) - before
        seen = len(looked_at(site, codec))
        held.enter_context(site.worker("pose"))
        wait_for_the_end(site, codec)
        wait_for(lambda: len(looked_at(site, codec)) > seen + 5, "the live camera, looked at again")
    hall = decoded(codec, site.poses(), "hall")
    worked_on = looked_at(site, codec)

    assert ahead <= MOST_FRAMES + MOST_FRAMES // FPS + 1  # with a tick a second
    assert sorted(stamp.seq for stamp, _, _ in hall) == list(range(FRAMES))
    assert not [value for _, value, _ in hall if isinstance(value, Dropped)]
    assert len(worked_on) > 5
    assert max(worked_on) < DEADLINE_MS / 1000 + WORK_S
    assert any(isinstance(value, Dropped) for _, value, _ in decoded(codec, site.poses(), "door"))


@pytest.mark.parametrize("site", [(4.0, 5.0)], indirect=True)
def test_a_recording_survives_a_pose_that_is_away_for_longer_than_pictures_are_kept(site: Site) -> None:
    topology = Topology(Config(), None)
    codec = topology.codec("poses")
    with ExitStack() as held:
        for name in ("ingest", "detect"):
            held.enter_context(site.worker(name))
        with site.worker("pose"):
            wait_for(lambda: len(site.poses()) > 20, "the first poses")
        took = max(stamp.seq for stamp, _, _ in decoded(codec, site.poses(), "hall"))
        time.sleep(LONGER)
        kept = decoded(topology.codec("detections"), site.bus.read("detections", frozenset((NUMBER,))), "hall")
        assert (1, took + 1) not in [(stamp.session, stamp.seq) for stamp, _, _ in kept]  # deleted unread
        held.enter_context(site.worker("pose"))
        wait_for_the_end(site, codec)

    assert sorted(stamp.seq for stamp, _, _ in decoded(codec, site.poses(), "hall")) == list(range(FRAMES))


def wait_for_the_end(site: Site, codec: Any) -> None:
    """Until pose has sent the last frame of the recording."""

    def through() -> bool:
        return max((stamp.seq for stamp, _, _ in decoded(codec, site.poses(), "hall")), default=0) == FRAMES - 1

    wait_for(through, "the end of the recording")


def looked_at(site: Site, codec: Any) -> list[float]:
    """Ages of the frames of the live camera that pose looked at, seconds."""
    return [age for _, value, age in decoded(codec, site.poses(), "door") if not isinstance(value, Dropped)]


def decoded(codec: Any, records: Sequence[BusRecord], camera: str) -> list[tuple[Any, Any, float]]:
    """Stamp, value, and age in seconds when it was sent, of each frame of a camera."""
    found = []
    for raw in records:
        if raw.key.decode() != camera:
            continue
        record = codec.decode(raw.value or b"")
        if not isinstance(record.value, Tick):
            headers = dict(raw.headers)
            age_s = (int(headers[SENT]) - int(headers[ARRIVED])) / 1e6 if ARRIVED in headers else 0.0
            found.append((record.stamp, record.value, age_s))
    return found


def wait_for(reached: Any, what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < deadline, f"not within {PATIENCE_S:g} s: {what}"
        time.sleep(0.2)
