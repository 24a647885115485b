"""All workers of an installation at once, on a bus in memory: the rows of an embedded run, byte for byte."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from pipeline.bus.memory import MemoryBus
from pipeline.camera_registry import add_cameras
from pipeline.config import load_config
from pipeline.core.cameras import CameraSpec
from pipeline.core.errors import BusUnavailable
from pipeline.database import Database, open_database
from pipeline.metrics import Metrics
from pipeline.runners.worker import IngestWorker, SinkWorker, Worker
from pipeline.topology import kafka_topics
from pipeline.workers import Workers
from tests.e2e.conftest import Program
from tests.e2e.dump import dump
from tests.e2e.painted import CONFIG, painted

START = "2026-01-01T09:00:00Z"
START_US = 1_767_258_000_000_000
FRAMES = {"gym": 110, "ward": 60}

SEPARATE = (("ingest",), ("detect",), ("pose",), ("track",), ("smooth",), ("analyze",), ("alert",))
CHAINED = (("ingest",), ("detect",), ("pose",), ("track", "smooth", "analyze", "alert"))
PRIVATE = (("ingest", "detect", "pose"), ("track", "smooth", "analyze", "alert"))

AnyWorker = Worker | IngestWorker | SinkWorker


class Crash(BaseException):
    """The process is gone."""


class Running:
    """A worker on a thread of its own, started again when it crashes."""

    def __init__(self, make: Callable[[], AnyWorker]) -> None:
        self._make = make
        self.worker = make()
        self.crashes = 0
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while True:
                try:
                    self.worker.run(self._stop)
                    return
                except Crash:
                    self.crashes += 1
                    _bury(self.worker)
                    self.worker = self._make()
        except BaseException as error:  # noqa: BLE001  raised again where the test can see it
            self._failure = error

    def until(self, reached: Callable[[], bool], timeout_s: float = 60.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not _holds(reached):
            self.check()
            assert time.monotonic() < deadline, "it did not come to that"
            time.sleep(0.02)

    def end(self) -> None:
        """It finishes what is at hand; what it has sent is out then."""
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()
        self.check()

    def check(self) -> None:
        if self._failure is not None:
            raise self._failure


def _bury(worker: AnyWorker) -> None:
    """Let go what only a process that is gone lets go by itself: threads and the seat in its group."""
    if isinstance(worker, IngestWorker):
        for camera in worker._cameras.values():
            if camera.feed is not None:
                camera.feed.close()
        worker._registry.close()
    else:
        worker._consumer.close()


def _holds(what: Callable[[], bool]) -> bool:
    try:
        return what()
    except BusUnavailable:  # it has just crashed
        return False


class Installation:
    """A bus, a database, and workers over them."""

    def __init__(self, config: Path, database: Database) -> None:
        self.bus = MemoryBus()
        self.bus.ensure(kafka_topics())
        self._config = load_config(config, {"POSEBUS_HOME": "/dev/null/home"})
        self._database = database
        self._numbers = count(1)
        self._died: Counter[str] = Counter()
        self._spared: set[str] = set()

    def stages(self, *stages: str) -> Running:
        def make() -> Worker | IngestWorker:
            made = self._workers(stages[0]).stages(stages)
            assert isinstance(made, Worker | IngestWorker)
            return made

        return Running(make)

    def sink(self) -> Running:
        return Running(lambda: self._workers("sink").sink(self._database.sink()))

    def _workers(self, name: str) -> Workers:
        return Workers(self._config, self.bus, f"{name}-{next(self._numbers)}", Metrics())

    def add(self, **sources: str) -> None:
        registry = self._database.registry()
        specs = [CameraSpec(name, registry.camera_no(name), path, start_us=START_US) for name, path in sources.items()]
        add_cameras(self.bus, specs, "up")

    def crash(self, point: str) -> None:
        """The first process of each kind crashes the first time that it does this, the second at its second."""
        seen: Counter[str] = Counter()

        def die(operation: str, client: str) -> None:
            kind = client.rsplit("-", 1)[0]
            if kind in self._spared or operation != point or client.count("-") > 1:
                return
            seen[client] += 1
            if seen[client] == self._died[kind] + 1 <= 2:
                self._died[kind] += 1
                raise Crash

        self.bus.faults.before = die

    def work_off(self, layout: Sequence[Sequence[str]]) -> dict[str, int]:
        """Until all that the cameras gave has come to rest. Gives the number of crashes of each kind."""
        running = {stages[0]: self.stages(*stages) for stages in layout} | {"sink": self.sink()}

        def read() -> bool:
            ingest = running["ingest"].worker
            assert isinstance(ingest, IngestWorker)
            return len(ingest.cameras) == len(FRAMES) and ingest.finished

        for kind, each in running.items():
            done = read if kind == "ingest" else partial(_idle, each)
            each.until(done)
            self._spared.add(kind)  # nobody would undo the crash of one that is told to end
            each.until(done)
            each.end()
        return {kind: each.crashes for kind, each in running.items()}


def _idle(running: Running) -> bool:
    """It has its partitions, and nothing waits in them."""
    worker = running.worker
    assert not isinstance(worker, IngestWorker)
    lag = worker._consumer.lag()
    return bool(lag) and not any(lag.values())


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("painted")
    walks = {"gym": 0.15, "ward": 0.05}
    return {name: painted(folder / name, frames, walk=walks[name]) for name, frames in FRAMES.items()}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(CONFIG + "worker: {checkpoint_s: 0.05}\n")
    return path


@pytest.fixture(scope="module")
def known() -> dict[str, list[bytes]]:
    """What the fixture `embedded` has found."""
    return {}


@pytest.fixture
def embedded(
    program: Program,
    known: dict[str, list[bytes]],
    request: pytest.FixtureRequest,
    sources: dict[str, str],
    config: Path,
) -> dict[str, list[bytes]]:
    """The rows of a run in one process."""
    if known:
        return known
    own_dsn: str = request.getfixturevalue("own_dsn")
    for name, source in sources.items():
        words = ("--config", str(config), "--db", own_dsn, "--strict", "--camera", name, "--start-time", START)
        program("run", source, *words).done()
    rows = dump(own_dsn)
    assert len(rows["frame_outcomes"]) == sum(FRAMES.values())
    assert rows["incidents"]
    known |= rows
    return rows


@pytest.mark.parametrize("layout", [SEPARATE, CHAINED, PRIVATE], ids=["apart", "chained", "no pixel on the bus"])
def test_workers_leave_the_rows_of_an_embedded_run(
    layout: Sequence[Sequence[str]], embedded: dict[str, list[bytes]], dsn: str, sources: dict[str, str], config: Path
) -> None:
    with open_database(dsn, Path("unused"), migrate=False) as database:
        site = Installation(config, database)
        site.add(**sources)

        site.work_off(layout)

        on_bus = {topic: site.bus.held_bytes(topic) for topic in ("frames", "detections")}
        site.bus.close()
    assert dump(dsn) == embedded
    assert all(on_bus.values()) == (len(layout[0]) == 1)


@pytest.mark.parametrize("point", ["flush", "send", "commit"])
def test_workers_that_crash_leave_them_too(
    point: str, embedded: dict[str, list[bytes]], dsn: str, sources: dict[str, str], config: Path
) -> None:
    with open_database(dsn, Path("unused"), migrate=False) as database:
        site = Installation(config, database)
        site.add(**sources)
        site.crash(point)

        crashes = site.work_off(CHAINED)

        site.bus.close()
    assert dump(dsn) == embedded
    reads_no_topic, sends_nothing = "ingest", "sink"
    spared = reads_no_topic if point == "commit" else sends_nothing
    assert [kind for kind, times in crashes.items() if not times] == [spared]
