"""Runs sources through the embedded pipeline into a database: what `run`, `render` and `demo` share."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial

import cv2

from pipeline.bus.memory import MemoryBus
from pipeline.cli.live import Follower, source_of
from pipeline.cli.signals import told_of_signals
from pipeline.cli.take_up import TakenUp, Wishes, take_up
from pipeline.cli.tally import CameraTally
from pipeline.cli.terminal import run_progress, warn
from pipeline.cli.upkeep import history_kept
from pipeline.config import Config
from pipeline.core.cameras import CameraSpec
from pipeline.core.errors import ConfigError, SourceError
from pipeline.core.ports import Cut, LiveSource, Source
from pipeline.database import Database
from pipeline.metrics import Metrics
from pipeline.models import identity, load_lighter, load_models
from pipeline.notify import Notifier, notifier_of
from pipeline.runners.embedded.deliver import Courier
from pipeline.runners.embedded.feed import Camera
from pipeline.runners.embedded.run import EmbeddedRun
from pipeline.runners.ladder import Ladder
from pipeline.runners.live import LIVE
from pipeline.runners.statuses import StatusKeeper
from pipeline.topics import embedded_topics
from pipeline.topology import Parts, Topology, embedded_groups


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
    sources: Sequence[tuple[str, Source | LiveSource]],
    wishes: Wishes,
    *,
    strict: bool = False,
    notifier: Notifier | None = None,
    follow: bool = False,
    metrics: Metrics | None = None,
    alive: Callable[[], None] = lambda: None,
) -> Outcome:
    """Run named sources to their ends. Raises PosebusError; what was cut until then rests.

    Args:
        strict: Pixels are packed into the records.
        notifier: Gets the incidents of these sources, also of those that are stored already; None: nobody does. Live
            cameras tell the configured channels in any case.
        follow: Read the cameras of the registry too, as they come and go, until a signal or the limit.
        metrics: Gets what is counted and timed; None: new ones.
        alive: Called all the time while the stages and the database's thread come round.
    """
    for _, source in sources:
        _ = source.info  # a source that cannot be read is told of before anything is started
    outcome = Outcome(Metrics() if metrics is None else metrics)
    with ExitStack() as held:
        held.enter_context(history_kept(database, config.history.policy()))
        for name, _ in sources:
            held.enter_context(database.registry().hold(database.registry().camera_no(name), name))
        taken: list[TakenUp] = []
        cameras: list[Camera] = []
        for name, source in sources:
            known = config.cameras.get(name)
            begins_us = (known.start_us if known else 0) or time.time_ns() // 1000
            up = take_up(database, name, source, wishes, begins_us)
            cameras.append(up.camera)
            if up.stored:
                outcome.stored.append(name)
            else:
                taken.append(up)
        told = [camera for camera in cameras if notifier or isinstance(camera.source, LiveSource)]
        live = follow or any(isinstance(camera.source, LiveSource) for camera in cameras)
        courier = Courier(database.outbox(), notifier or (notifier_of(config.notify) if live else Notifier(())), told)
        if taken or follow:
            _run(config, database, taken, outcome, courier, wishes if follow else None, strict=strict, alive=alive)
        else:
            with _signals(outcome, courier.abandon, courier.abandon), courier:
                pass
    return outcome


def _check_models(topology: Topology, up: TakenUp, models: str) -> None:
    """Raises ConfigError where a run goes on that other models began: exactly on it cannot go with these."""
    before = topology.models_of(up.snapshots)
    if up.camera.position.seq > 0 and before not in ("", models):
        raise ConfigError(
            f"camera {up.camera.name}: the run that was cut short at frame {up.camera.position.seq} had the models"
            f" {before}, this one has {models}",
            hint="go on with those models (`models:` in the configuration), or read it anew with --again",
        )


def _run(
    config: Config,
    database: Database,
    taken: Sequence[TakenUp],
    outcome: Outcome,
    courier: Courier,
    follow: Wishes | None,
    *,
    strict: bool,
    alive: Callable[[], None],
) -> None:
    metrics = outcome.metrics
    cv2.setNumThreads(1)  # every stage has a thread of its own already
    detector, estimator = load_models(config.models, config.home)
    lighter = load_lighter(config.models, config.home) if config.embedded.ladder else None
    known = {spec.name: spec for spec in database.cameras().cameras()} if follow is not None else {}
    topology = Topology(
        config,
        Parts(detector, estimator, models=identity(config.models), lighter=lighter),
        strict=strict,
        count=lambda name, stage: metrics.count(name, stage=stage),
        specs=known.get,
    )
    for up in taken:
        _check_models(topology, up, identity(config.models))
    bus = MemoryBus()
    bus.ensure(embedded_topics())
    for topic, groups in embedded_groups().items():
        bus.expect(topic, groups)
    statuses = StatusKeeper(
        database.cameras().note, lambda status: metrics.count("camera_states", camera=status.name, state=status.state)
    )
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
            elif cut.position.fingerprint != LIVE:
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
            told=statuses.put,
            open_end=follow is not None,
            ladder=partial(Ladder, lighter=lighter is not None) if config.embedded.ladder else None,
            alive=alive,
        )

        def leave() -> None:
            run.abort()
            courier.abandon()

        def add(spec: CameraSpec) -> None:
            assert follow is not None
            source = source_of(spec, config)
            wishes = replace(follow, fps=spec.fps or None, limit_us=None, resume=True)
            up = take_up(database, spec.name, source, wishes, time.time_ns() // 1000)
            names[spec.camera_no] = spec.name
            outcome.tallies.setdefault(spec.name, CameraTally())
            courier.also(up.camera)
            run.add(up.camera, up.snapshots)

        with _signals(outcome, run.stop, leave), courier, statuses, ExitStack() as following:
            started = time.monotonic()
            if follow is not None:
                follower = Follower(
                    database,
                    add=add,
                    remove=run.remove,
                    has_left=run.has_left,
                    told=statuses.put,
                    now_us=lambda: time.time_ns() // 1000,
                    known=known,
                )
                following.enter_context(_beside(follower.run))
                if follow.limit_us is not None:
                    timer = threading.Timer(follow.limit_us / 1e6, run.stop)
                    timer.daemon = True
                    timer.start()
                    following.callback(timer.cancel)
            outcome.damage = run.run()


@contextmanager
def _beside(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Do this on a thread while the block lasts."""
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(stop,), name="registry", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


_GRACE_S = 2.0


@contextmanager
def _signals(outcome: Outcome, stop: Callable[[], None], leave: Callable[[], None]) -> Iterator[None]:
    """The first SIGINT or SIGTERM stores what is in flight and ends the run; a second one leaves at once.

    A thread that waits for a database that does not answer cannot be ended: after a second signal the process does not
    wait for it, nor for anything else, longer than `_GRACE_S`.
    """

    def told(number: int) -> None:
        if outcome.signal is None:
            outcome.signal = number
            stop()
            with suppress(OSError):  # the terminal may be gone
                warn("stopping as soon as what is in flight is stored; Ctrl-C once more leaves at once")
        else:
            late = threading.Timer(_GRACE_S, os._exit, (128 + outcome.signal,))
            late.daemon = True
            late.start()
            leave()

    with told_of_signals(told):
        yield
