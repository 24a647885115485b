"""Runs sources through the embedded pipeline into a database: what `run`, `render` and `demo` share."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import cv2

from pipeline.bus.memory import MemoryBus
from pipeline.cli.take_up import TakenUp, Wishes, take_up
from pipeline.cli.tally import CameraTally
from pipeline.cli.terminal import run_progress, warn
from pipeline.config import Config
from pipeline.core.errors import SourceError
from pipeline.core.ports import Cut, Source
from pipeline.database import Database
from pipeline.metrics import Metrics
from pipeline.models import load_models
from pipeline.notify import Notifier
from pipeline.runners.embedded.deliver import Courier
from pipeline.runners.embedded.feed import Camera
from pipeline.runners.embedded.run import EmbeddedRun
from pipeline.topology import Parts, Topology, embedded_groups, embedded_topics


@dataclass
class Outcome:
    """What a run did.

    Attributes:
        tallies: By camera; cameras whose source was stored already are left out.
        stored: Cameras whose source was stored already.
        damage: Sources that broke in the middle.
        signal: The signal that stopped it, or None.
        unfinished: Next frame of each camera that did not reach its end.
    """

    metrics: Metrics
    tallies: dict[str, CameraTally] = field(default_factory=dict)
    stored: list[str] = field(default_factory=list)
    damage: Mapping[str, SourceError] = field(default_factory=dict)
    signal: int | None = None
    unfinished: dict[str, int] = field(default_factory=dict)


def run_sources(
    config: Config,
    database: Database,
    sources: Sequence[tuple[str, Source]],
    wishes: Wishes,
    *,
    strict: bool = False,
    notifier: Notifier | None = None,
) -> Outcome:
    """Run named sources to their ends. Raises PosebusError; what was cut until then rests.

    Args:
        strict: Pixels are packed into the records.
        notifier: Gets the incidents of these sources, also of those that are stored already; None: nobody does.
    """
    for _, source in sources:
        _ = source.info  # a source that cannot be read is told of before anything is started
    outcome = Outcome(Metrics())
    with ExitStack() as held:
        for name, _ in sources:
            held.enter_context(database.registry().hold(database.registry().camera_no(name), name))
        taken: list[TakenUp] = []
        cameras: list[Camera] = []
        for name, source in sources:
            up = take_up(database, name, source, wishes, time.time_ns() // 1000)
            cameras.append(up.camera)
            if up.stored:
                outcome.stored.append(name)
            else:
                taken.append(up)
        courier = Courier(database.outbox(), notifier or Notifier(()), cameras)
        if taken:
            _run(config, database, taken, outcome, courier, strict=strict)
        else:
            with _signals(outcome, courier.abandon, courier.abandon), courier:
                pass
    return outcome


def _run(
    config: Config, database: Database, taken: Sequence[TakenUp], outcome: Outcome, courier: Courier, *, strict: bool
) -> None:
    metrics = outcome.metrics
    cv2.setNumThreads(1)  # every stage has a thread of its own already
    detector, estimator = load_models(config.models, config.home)
    topology = Topology(
        config, Parts(detector, estimator), strict=strict, count=lambda name, stage: metrics.count(name, stage=stage)
    )
    bus = MemoryBus()
    bus.ensure(embedded_topics())
    for topic, groups in embedded_groups().items():
        bus.expect(topic, groups)
    names = {up.camera.number: up.camera.name for up in taken}
    outcome.tallies = {name: CameraTally() for name in names.values()}
    started = 0.0
    totals = {up.camera.name: up.camera.source.info.frames for up in taken}
    with run_progress(totals) as progress:

        def committed(cut: Cut) -> None:
            name = names[cut.camera_no]
            tally = outcome.tallies[name]
            tally.add(cut, time.monotonic() - started)
            progress.stored(name, cut.position.seq, tally.frames / max(tally.wall_s, 1e-9))
            if cut.position.finished:
                outcome.unfinished.pop(name, None)
            else:
                outcome.unfinished[name] = cut.position.seq
            courier.rested(cut)

        run = EmbeddedRun(
            topology.embedded(bus),
            [up.camera for up in taken],
            {up.camera.name: up.snapshots for up in taken},
            database.cuts(),
            metrics=metrics,
            committed=committed,
            cut_s=config.embedded.cut_s,
        )

        def leave() -> None:
            run.abort()
            courier.abandon()

        with _signals(outcome, run.stop, leave), courier:
            started = time.monotonic()
            outcome.damage = run.run()


_GRACE_S = 2.0


@contextmanager
def _signals(outcome: Outcome, stop: Callable[[], None], leave: Callable[[], None]) -> Iterator[None]:
    """The first SIGINT or SIGTERM stores what is in flight and ends the run; a second one leaves at once.

    A thread that waits for a database that does not answer cannot be ended: after a second signal the process does not
    wait for it, nor for anything else, longer than `_GRACE_S`.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, _: object) -> None:
        if outcome.signal is None:
            outcome.signal = number
            stop()
            warn("stopping as soon as what is in flight is stored; Ctrl-C once more leaves at once")
        else:
            leave()
            late = threading.Timer(_GRACE_S, os._exit, (128 + outcome.signal,))
            late.daemon = True
            late.start()

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
