"""Delivers steps of incidents while cuts go on: a thread for each channel, so that nobody waits for a slow receiver."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self

from pipeline.core.deliveries import Delivery, DeliveryStore
from pipeline.core.errors import PosebusError, SinkUnavailable
from pipeline.core.ports import Cut
from pipeline.core.records import Record
from pipeline.core.values import Transition
from pipeline.notify import Notifier
from pipeline.runners.embedded.feed import Camera

log = logging.getLogger(__name__)

LONGEST_WAIT_S = 60.0
_POLL_S = 0.05


@dataclass(eq=False)
class _Route:
    """One channel on its way through the outbox.

    Attributes:
        wake: There may be something new.
        done: Delivered or refused, and not yet noted.
        wait_s: Before the next attempt after a failure.
    """

    channel: str
    notifier: Notifier
    wait_s: float
    wake: threading.Event = field(default_factory=threading.Event)
    done: list[Delivery] = field(default_factory=list)


class Courier:
    """Tells the channels of a notifier what the outbox holds of some cameras, for as long as its `with` block lasts.

    Each step is delivered, then noted, then the next one: after a crash between the two it is delivered again under
    the same key, and there is one row of it. What fails is tried again after a wait that doubles. Steps from before a
    camera's `start_us` are left alone: what an earlier recording kept to itself is not told by a later one.

    At the end of the block everything is tried once more. What remains is told in one log line and stays in the outbox
    for the next run of the same source.

    Args:
        store: The outbox.
        notifier: Whom to tell; without channels there is nothing to do, and no thread.
        cameras: Whose incidents.
        first_wait_s: After the first failure; doubles up to a minute, until something is delivered.
        last_s: How long the end of the block waits at most.
    """

    def __init__(
        self,
        store: DeliveryStore,
        notifier: Notifier,
        cameras: Sequence[Camera],
        *,
        first_wait_s: float = 1.0,
        last_s: float = 10.0,
    ) -> None:
        self._store = store
        self._notifier = notifier
        self._cameras = [camera for camera in cameras if notifier.takes(camera.run)]
        self._routes = [_Route(name, notifier.only(name), first_wait_s) for name in notifier.channels]
        self._first_wait_s = first_wait_s
        self._last_s = last_s
        self._threads: list[threading.Thread] = []
        self._failure: BaseException | None = None
        self._ending = threading.Event()
        self._abandoned = False
        self._store_turn = threading.Lock()
        self._left = False

    def also(self, camera: Camera) -> None:
        """Another camera, while the block lasts."""
        if self._notifier.takes(camera.run) and camera.number not in {known.number for known in self._cameras}:
            self._cameras = [*self._cameras, camera]
            self._start()

    def __enter__(self) -> Self:
        self._start()
        return self

    def _start(self) -> None:
        if self._cameras and not self._threads:
            self._threads = [
                threading.Thread(target=partial(self._guarded, route), name=f"deliver-{route.channel}", daemon=True)
                for route in self._routes
            ]
            for thread in self._threads:
                thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ending.set()
        self._wake()
        try:
            self._wait()
        finally:
            self._leave()
        if self._failure is not None and error is None:
            raise self._failure

    def rested(self, cut: Cut) -> None:
        """Look for steps to deliver, now that the cut is in the database. Returns at once."""
        if any(isinstance(record.value, Transition) for record in cut.records):
            self._wake()

    def abandon(self) -> None:
        """The end of the block waits for nobody. From any thread."""
        self._abandoned = True

    def _wake(self) -> None:
        for route in self._routes:
            route.wake.set()

    def _wait(self) -> None:
        deadline = time.monotonic() + self._last_s
        for thread in self._threads:
            while thread.is_alive() and not self._abandoned and time.monotonic() < deadline:
                thread.join(_POLL_S)

    def _leave(self) -> None:
        """From here on no thread touches the outbox, also one that still waits for its receiver."""
        with self._store_turn:
            self._left = True
            if not self._threads:
                return
            try:
                remaining = {
                    route.channel: sum(len(self._pending(route, camera)) for camera in self._cameras)
                    for route in self._routes
                }
            except PosebusError as error:
                log.warning("what remains to be delivered cannot be told", extra={"error": error.message})
                return
        if any(remaining.values()):
            log.warning(
                "not all incidents are delivered: the next run of the same source with --notify goes on",
                extra={"remaining": {channel: count for channel, count in remaining.items() if count}},
            )

    # -- one thread --------------------------------------------------------------------------------------------------

    def _guarded(self, route: _Route) -> None:
        try:
            self._work(route)
        except BaseException as error:  # noqa: BLE001  the outermost loop of a thread: the block's end raises it again
            if not self._left:
                log.error("delivery has stopped", extra={"channel": route.channel, "error": str(error)})
                self._failure = self._failure or error

    def _work(self, route: _Route) -> None:
        while True:
            # In this order: whoever ends or commits after these lines wakes us again.
            route.wake.clear()
            last = self._ending.is_set()
            everything = self._round(route)
            if last or self._left:
                return
            if everything:
                route.wake.wait()
            else:
                self._ending.wait(route.wait_s)
                route.wait_s = min(2 * route.wait_s, LONGEST_WAIT_S)

    def _round(self, route: _Route) -> bool:
        """Deliver what is pending, up to the first failure. Tells whether there was none."""
        try:
            self._note(route)
            for camera in self._cameras:
                with self._store_turn:
                    pending = [] if self._left else self._pending(route, camera)
                for record in pending:
                    if self._left:
                        return True
                    route.done = route.notifier([record])
                    if any(delivery.state == "failed" for delivery in route.done):
                        route.done = []
                        return False
                    self._note(route)
                    route.wait_s = self._first_wait_s
        except SinkUnavailable as error:
            log.warning("the outbox is not at hand", extra={"channel": route.channel, "error": error.message})
            return False
        return True

    def _pending(self, route: _Route, camera: Camera) -> Sequence[Record[Transition]]:
        return self._store.pending(camera.run, camera.number, camera.start_us, [route.channel])

    def _note(self, route: _Route) -> None:
        with self._store_turn:
            if route.done and not self._left:
                self._store.note(route.done)
                route.done = []
