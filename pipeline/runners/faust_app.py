"""The same workers as agents of Faust: it polls, assigns and commits; the loops and drivers are those of `worker`.

Optional and slower: Faust takes about seven times as long for a record. Tables, Records and Faust's own processing
guarantees are not used: the state is in the changelogs, and offsets are committed after a checkpoint.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.core.errors import ConfigError, TransientError
from pipeline.core.ports import BusRecord, TopicPartition
from pipeline.runners.worker.pushed import PushedConsumer

log = logging.getLogger(__name__)

GROUP_SUFFIX = "-faust"
"""Its groups are others than those of `posebus worker`, whose assignors it does not speak."""

_TAKE = 500
_WITHIN_S = 0.02
_STOP_S = 5.0


class Loop(Protocol):
    """A worker that is stepped by hand."""

    def step(self, timeout_s: float) -> int:
        """Take what is there."""
        ...

    def checkpoint(self) -> None:
        """Bring it to rest."""
        ...

    def recover(self) -> None:
        """Go back to the last checkpoint."""
        ...

    def close(self) -> None:
        """Checkpoint and leave."""
        ...


@dataclass(frozen=True)
class Cluster:
    """Where Faust finds the brokers.

    Attributes:
        servers: Addresses `host:port`.
        prefix: Before every topic and group.
        credentials: As Faust takes them, or None.
    """

    servers: Sequence[str]
    prefix: str
    credentials: Any = None


class FaustWorker:
    """Runs a loop inside a Faust application.

    Args:
        loop: Polls `consumer`; made on the thread that calls it, which is one and always the same.
        consumer: What Faust's records are pushed into.
        group: Of the loop's consumer; the suffix is added.
        topics: That it reads.
    """

    def __init__(
        self,
        loop: Callable[[], Loop],
        consumer: PushedConsumer,
        cluster: Cluster,
        group: str,
        topics: Sequence[str],
    ) -> None:
        self._make = loop
        self._consumer = consumer
        self._cluster = cluster
        self._group = group
        self._topics = topics
        self._loop: Loop | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="driver")
        self._failure: BaseException | None = None

    def run(self, stop: threading.Event, alive: Callable[[], None] = lambda: None) -> None:
        """Work until `stop` is set. Raises what the loop raised."""
        try:
            import faust
        except ImportError as error:
            raise ConfigError(
                "the runner faust needs a package that is not installed", hint="pip install 'posebus[faust]'"
            ) from error
        self._loop = self._thread.submit(self._make).result()
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(self._run(faust, folder, stop, alive))
        self._thread.submit(self._loop.close).result()
        self._thread.shutdown()
        if self._failure is not None:
            raise self._failure

    async def _run(self, faust: Any, folder: str, stop: threading.Event, alive: Callable[[], None]) -> None:
        cluster = self._cluster
        app = faust.App(
            f"{cluster.prefix}{self._group}{GROUP_SUFFIX}",
            broker=[f"kafka://{server}" for server in cluster.servers],
            broker_credentials=cluster.credentials,
            key_serializer="raw",
            value_serializer="raw",
            store="memory://",
            datadir=folder,
            topic_allow_declare=False,
            topic_disable_leader=True,
            consumer_auto_offset_reset="earliest",
            stream_wait_empty=False,
            broker_session_timeout=6.0,
            broker_heartbeat_interval=1.0,
            broker_commit_interval=0.5,
            web_enabled=False,
        )
        app.on_partitions_revoked.connect(self._on(self._consumer.revoke), weak=False)
        app.on_partitions_assigned.connect(self._on(self._consumer.assign), weak=False)
        for topic in self._topics:
            channel = app.topic(
                cluster.prefix + topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
            )
            app.agent(channel, name=topic)(self._agent)
        app.finalize()
        await app.start()
        try:
            while not stop.is_set() and self._failure is None:
                alive()
                await asyncio.sleep(0.1)
        finally:
            try:
                await asyncio.wait_for(app.stop(), _STOP_S)
            except TimeoutError:
                log.warning("faust did not stop within %g s", _STOP_S)

    def _on(self, note: Callable[[frozenset[TopicPartition]], None]) -> Any:
        async def heard(app: Any, partitions: Any, **_: Any) -> None:
            ours = frozenset(
                TopicPartition(place.topic.removeprefix(self._cluster.prefix), place.partition)
                for place in partitions
                if place.topic.removeprefix(self._cluster.prefix) in self._topics
            )
            if ours:
                await asyncio.get_running_loop().run_in_executor(self._thread, note, ours)

        return heard

    async def _agent(self, stream: Any) -> None:
        async for events in stream.noack_take(_TAKE, within=_WITHIN_S):
            records = [self._record(event.message) for event in events]
            try:
                await asyncio.get_running_loop().run_in_executor(self._thread, self._work, records)
            except Exception as error:  # noqa: BLE001  `run` raises it; Faust would only log it and go on
                self._failure = error
                return
            for event in events:
                event.ack()

    def _record(self, message: Any) -> BusRecord:
        headers = message.headers or {}
        return BusRecord(
            message.topic.removeprefix(self._cluster.prefix),
            message.partition,
            message.offset,
            message.key or b"",
            message.value,
            tuple(headers.items() if isinstance(headers, dict) else headers),
        )

    def _work(self, records: Sequence[BusRecord]) -> None:
        """All of a batch, up to its checkpoint; a batch that fails is done again from the checkpoint before it."""
        loop = self._loop
        assert loop is not None
        while True:
            try:
                self._consumer.push(records)
                while not self._consumer.drained:
                    loop.step(0.0)
                loop.checkpoint()
                return
            except TransientError as error:
                log.warning("waits: %s", error.message)
                self._pause(error.retry_after_s)
                self._recover()

    def _recover(self) -> None:
        assert self._loop is not None
        while True:
            try:
                self._loop.recover()
                return
            except TransientError as error:
                self._pause(error.retry_after_s)

    @staticmethod
    def _pause(seconds: float) -> None:
        threading.Event().wait(seconds)
