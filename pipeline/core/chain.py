"""A chain: neighbouring stages that run one after another in one process, with no hop over the bus between them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

from pipeline.core.driver import Driver
from pipeline.core.ports import HANDED_ON, BusRecord, Outgoing, RecordCodec, Snapshot
from pipeline.core.records import Record


class Chain:
    """Runs the drivers of neighbouring stages as if they were one.

    Args:
        drivers: Upstream first; each reads what the one before writes. A single one is a chain too.
        sent: Topics that go to the bus although the next stage gets them by hand, because others read them.
    """

    def __init__(self, drivers: Sequence[Driver], sent: Container[str] = ()) -> None:
        self.drivers = tuple(drivers)
        self._sent = sent

    @property
    def name(self) -> str:
        """The names of its stages, such as `track+smooth`."""
        return "+".join(driver.name for driver in self.drivers)

    @property
    def topics(self) -> list[str]:
        """The topics that its first stage reads."""
        return self.drivers[0].topics

    def feed(self, records: Sequence[BusRecord], given_up: Container[int] = ()) -> list[Outgoing]:
        """As `Driver.feed`."""
        return self._through(self.drivers[0].feed(records, given_up))

    def feed_values(self, records: Sequence[Record[Any]]) -> list[Outgoing]:
        """The same for records that were never on a bus, as a camera's pictures are."""
        return self._through(self.drivers[0].feed_values(records))

    def results(self, records: Sequence[Record[Any]], codecs: Mapping[str, RecordCodec]) -> list[Record[Any]]:
        """What would be sent for records that were never on a bus, as whoever reads it sees it.

        Each is decoded once, for the next stage and for the caller. A record that a stage refuses lives on as a dropped
        frame, and is buried nowhere.

        Args:
            codecs: Of the topics that its stages write.
        """
        out: list[Record[Any]] = []
        for driver, following in zip(self.drivers, (*self.drivers[1:], None), strict=True):
            produced, records = driver.feed_values(records), []
            for each in produced:
                record = codecs[each.topic].decode(each.value or b"", each.attachment)
                handed_on, sent = self._ways(each.topic, following)
                if handed_on:
                    records.append(record)
                if sent:
                    out.append(record)
        return out

    def _through(self, produced: list[Outgoing]) -> list[Outgoing]:
        out: list[Outgoing] = []
        for driver in self.drivers[1:]:
            handed: list[BusRecord] = []
            for each in produced:
                handed_on, sent = self._ways(each.topic, driver)
                if handed_on:
                    handed.append(
                        BusRecord(
                            each.topic, each.partition, HANDED_ON, each.key, each.value, each.headers, each.attachment
                        )
                    )
                if sent:
                    out.append(each)
            produced = driver.feed(handed)
        return out + produced

    def _ways(self, topic: str, following: Driver | None) -> tuple[bool, bool]:
        """Whether a record of this topic is handed to the next stage, and whether it is sent."""
        handed_on = following is not None and topic in following.topics
        return handed_on, not handed_on or topic in self._sent

    def snapshots(self, topic_ids: Mapping[str, str], epochs: Mapping[int, int]) -> list[list[Snapshot]]:
        """Snapshots of what was touched since the last call, in groups to be saved one after the other.

        The last stage's come first. After a crash between two groups a stage is then ahead of the one before it, which
        sends it what it has taken already: it leaves that out by its numbers. The other way round it would miss some.
        """
        return [driver.snapshots(topic_ids, epochs) for driver in reversed(self.drivers)]

    def forget(self, partitions: Iterable[int]) -> None:
        """Drop the state of all cameras in these partitions."""
        gone = set(partitions)
        for driver in self.drivers:
            driver.forget(gone)
