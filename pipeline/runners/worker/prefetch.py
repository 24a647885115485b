"""Polls a consumer on a thread of its own: however long a stage thinks, the group sees a member that polls."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import TypeVar

from pipeline.core.errors import BusUnavailable
from pipeline.core.headers import is_live
from pipeline.core.ports import BusRecord, Consumer, Polled, TopicPartition

T = TypeVar("T")
Places = frozenset[TopicPartition]

POLL_S, IDLE_POLL_S = 0.02, 0.2
"""How long one poll waits for records: a commit of the stage's thread waits for it. Where nothing has come for
`_IDLE_AFTER_S` there is nothing to commit, and a tenth of the polls cost a tenth of the CPU."""
_IDLE_AFTER_S = 1.0
_NEXT_S = 0.002
_FETCH = 500
_ANSWER_S = 30.0
_EMPTY = Polled()


class PrefetchingConsumer:
    """A consumer whose records wait in memory, within bounds, while the thread that works on them is busy.

    The consumer behind it is made, used and closed by one thread. Where the bounds are reached its partitions are
    paused, and it is polled on: a member of a group that does not poll is thrown out. Partitions that are taken away
    take their waiting records with them.

    Args:
        make: Makes the consumer.
        max_records, max_bytes: No more is fetched while more than that waits; fetched again below half of it.
        rest_s: After records came, so long nothing is asked for: a fetch costs the same for one record as for many.
        recorded_rest_s: The same where all that came are of recordings, whose age nobody minds, and are less than
            `enough_bytes`: where there is more a rest would hold it up.
    """

    def __init__(
        self,
        make: Callable[[], Consumer],
        *,
        max_records: int = 1000,
        max_bytes: int = 32 * 2**20,
        rest_s: float = 0.0,
        recorded_rest_s: float = 0.0,
        enough_bytes: int = 32 * 2**10,
    ) -> None:
        self._make = make
        self._rest_s = rest_s
        self._recorded_rest_s = max(rest_s, recorded_rest_s)
        self._enough_bytes = enough_bytes
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._changes: deque[Polled] = deque()
        self._records: deque[BusRecord] = deque()
        self._bytes = 0
        self._busy_until = 0.0
        self._asked: deque[Callable[[], None]] = deque()
        self._assigned: Places = frozenset()
        self._held: Places = frozenset()
        """Paused because the bounds are reached."""
        self._paused: Places = frozenset()
        """Paused by our user."""
        self._failure: BaseException | None = None
        self._defect: Exception | None = None
        self._closing = False
        self._consumer: Consumer | None = None
        self._made = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prefetch", daemon=True)
        self._thread.start()
        self._made.wait()
        if self._failure is not None:
            raise self._failure

    # -- the thread that works ---------------------------------------------------------------------------------------

    def poll(self, timeout_s: float, max_records: int = 500) -> Polled:
        """What waits; changes of the assignment first, before any record that came after them."""
        with self._changed:
            if not self._changes and not self._records and self._failure is None and self._defect is None:
                self._changed.wait(timeout_s)
            self._check()
            if self._changes:
                return self._changes.popleft()
            if not self._records:
                return _EMPTY
            taken = [self._records.popleft() for _ in range(min(max_records, len(self._records)))]
            self._bytes -= sum(map(_size, taken))
            return Polled(taken)

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Raises BusUnavailable when one of them is no longer ours."""
        self._ask(lambda consumer: consumer.commit(dict(offsets)))

    def committed(self, place: TopicPartition) -> int | None:
        """The group's committed offset, or None."""
        return self._ask(lambda consumer: consumer.committed(place))

    def seek(self, place: TopicPartition, offset: int) -> None:
        """Read on from `offset`; what waits of this partition is dropped. Raises ValueError if it is not ours."""

        def seek(consumer: Consumer) -> None:
            self._drop(frozenset((place,)))
            consumer.seek(place, offset)

        self._ask(seek)

    def pause(self, places: Places) -> None:
        """Poll gives nothing of these until `resume`, but what has been fetched."""

        def pause(consumer: Consumer) -> None:
            self._paused |= places
            consumer.pause(places)

        self._ask(pause)

    def resume(self, places: Places) -> None:
        """Undo `pause`."""

        def resume(consumer: Consumer) -> None:
            self._paused -= places
            consumer.resume(places - self._held)

        self._ask(resume)

    def generation(self) -> int:
        """Of the group, when the assignment last changed."""
        return self._ask(lambda consumer: consumer.generation())

    def lag(self) -> Mapping[TopicPartition, int]:
        """Records not yet given to the stage, of each partition that is ours."""

        def lag(consumer: Consumer) -> Mapping[TopicPartition, int]:
            behind = dict(consumer.lag())
            with self._lock:
                for record in self._records:
                    behind[record.place] = behind.get(record.place, 0) + 1
            return behind

        return self._ask(lag)

    def waiting(self) -> Sequence[BusRecord]:
        """What is in memory and not yet given to the stage, in order."""
        with self._lock:
            return list(self._records)

    def queue(self) -> tuple[int, int]:
        """Records that wait in memory, and their bytes."""
        with self._lock:
            return len(self._records), self._bytes

    def close(self) -> None:
        """Leave the group."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def _check(self) -> None:
        if self._defect is not None:
            raise self._defect
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        if self._closing or not self._thread.is_alive():
            raise BusUnavailable("the consumer is closed")

    def _ask(self, question: Callable[[Consumer], T]) -> T:
        """Let the other thread call the consumer."""
        answer: Future[T] = Future()

        def call() -> None:
            consumer = self._consumer
            assert consumer is not None
            try:
                answer.set_result(question(consumer))
            except BaseException as error:  # noqa: BLE001  handed to the thread that asked
                answer.set_exception(error)

        with self._changed:
            self._check()
            self._asked.append(call)
            self._changed.notify_all()
        try:
            return answer.result(_ANSWER_S)
        except TimeoutError:
            raise BusUnavailable(f"the bus did not answer within {_ANSWER_S:g} s") from None

    # -- the thread that polls ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._consumer = self._make()
        except BaseException as error:  # noqa: BLE001  handed to whoever makes us
            self._failure = error
            return
        finally:
            self._made.set()
        try:
            rest_s = 0.0
            while not self._closing:
                self._answer(rest_s)
                rest_s = self._fetch(self._consumer)
        except Exception as error:  # noqa: BLE001  a defect: whoever works hears of it at each call, and ends
            with self._changed:
                self._defect = error
                self._changed.notify()
        finally:
            self._answer()
            self._consumer.close()

    def _answer(self, wait_s: float = 0.0) -> None:
        """One question comes seldom alone: there is one for each partition of a new assignment."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._asked) or self._closing, wait_s)
                if not self._asked:
                    return
                call = self._asked.popleft()
            call()
            wait_s = _NEXT_S

    def _fetch(self, consumer: Consumer) -> float:
        """Take what comes; gives the seconds to rest."""
        self._mind_bounds(consumer)
        try:
            idle = not self._held and time.monotonic() > self._busy_until
            polled = consumer.poll(IDLE_POLL_S if idle else POLL_S, _FETCH)
        except Exception as error:  # noqa: BLE001  handed to the thread that works
            with self._changed:
                self._failure = error
                self._changed.notify()
            return 0.0
        if polled.revoked:
            self._drop(polled.revoked)
        if polled.revoked or polled.assigned:
            self._assigned = (self._assigned - polled.revoked) | polled.assigned
            self._held -= polled.revoked
            self._paused -= polled.revoked
        if not (polled.records or polled.revoked or polled.assigned):
            return 0.0
        self._busy_until = time.monotonic() + _IDLE_AFTER_S
        with self._changed:
            if polled.revoked or polled.assigned:
                self._changes.append(Polled((), polled.revoked, polled.assigned))
            self._records.extend(polled.records)
            came = sum(map(_size, polled.records))
            self._bytes += came
            self._changed.notify()
        if not polled.records:
            return 0.0
        gathers = came < self._enough_bytes and not any(map(is_live, polled.records))
        return self._recorded_rest_s if gathers else self._rest_s

    def _mind_bounds(self, consumer: Consumer) -> None:
        with self._lock:
            fullness = max(len(self._records) / self._max_records, self._bytes / self._max_bytes)
        if fullness > 1:
            # Newly assigned ones too: they are not paused by themselves.
            if new := self._assigned - self._held:
                consumer.pause(new)
                self._held |= new
        elif fullness < 0.5 and self._held:
            held, self._held = self._held, frozenset()
            consumer.resume((held & self._assigned) - self._paused)

    def _drop(self, places: Places) -> None:
        with self._lock:
            self._records = deque(record for record in self._records if record.place not in places)
            self._bytes = sum(map(_size, self._records))


def _size(record: BusRecord) -> int:
    return len(record.value or b"") + getattr(record.attachment, "nbytes", 0)
