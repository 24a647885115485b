"""Topics of a cluster: made, described, removed."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from kafka import KafkaAdminClient, errors
from kafka.admin import ConfigResource, ConfigResourceType

from pipeline.bus.kafka.failures import translated
from pipeline.bus.kafka.link import Link
from pipeline.bus.kafka.settings import ADMIN, LARGE_BYTES, MIB, OVERHEAD, REQUEST_BYTES
from pipeline.core.errors import BusUnavailable, ConfigError
from pipeline.core.ports import TopicSpec

_LEGAL_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_DEFAULT_BYTES = MIB + 12  # a broker's default: 1 MiB and the frame of a batch
_PATIENCE_S = 15.0
_UNKNOWN_TOPIC = 3


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """A topic as the cluster keeps it.

    Attributes:
        id: Another one for each topic ever made.
        max_bytes: Bound of key, value and headers of one record.
        settings: What is set on it, by Kafka's names.
    """

    name: str
    id: str
    partitions: int
    replication: int
    compacted: bool
    max_bytes: int
    settings: Mapping[str, str]

    @property
    def large(self) -> bool:
        """It takes pictures."""
        return self.max_bytes > LARGE_BYTES


class Topics:
    """Asks and changes what the cluster knows of topics. Threads may share it.

    Args:
        replication: Copies of each partition of a new topic; the cluster's default by default.
    """

    def __init__(self, link: Link, client: str, replication: int | None) -> None:
        self._link = link
        self._client = client
        self._replication = -1 if replication is None else replication
        self._lock = Lock()
        self._admin: Any = None

    def admin(self) -> Any:
        """The client that the cluster is asked with. Its callers hold `lock`."""
        if self._admin is None:
            self._admin = self._link.connect(KafkaAdminClient, self._client, ADMIN)
        return self._admin

    @property
    def lock(self) -> Lock:
        """Held while the admin client is used."""
        return self._lock

    def facts(self, names: Sequence[str]) -> dict[str, TopicFacts]:
        """What is known of those of these topics that are there. Raises BusUnavailable, ConfigError."""
        full = [self._link.full(name) for name in names]
        with self._lock, translated("asking for topics", self._link.servers):
            admin = self.admin()
            found = {topic["name"]: topic for topic in admin.describe_topics(full)}
            for topic in found.values():
                if topic["error_code"] not in (0, _UNKNOWN_TOPIC):
                    raise errors.for_code(topic["error_code"])(topic["name"])
            there = [name for name in full if found.get(name, {}).get("error_code") == 0]
            settings = _settings(admin, there) if there else {}
        return {self._link.short(name): self._facts(found[name], settings.get(name, {})) for name in there}

    def fact(self, name: str) -> TopicFacts:
        """What is known of a topic. Raises ConfigError where there is none."""
        found = self.facts([name])
        if name not in found:
            raise ConfigError(
                f"no topic named {self._link.full(name)} in Kafka at {', '.join(self._link.servers)}",
                hint="make the topics: posebus topics ensure",
            )
        return found[name]

    def names(self) -> list[str]:
        """All topics with our prefix."""
        with self._lock, translated("asking for topics", self._link.servers):
            names = self.admin().list_topics()
        return sorted(self._link.short(n) for n in names if n.startswith(self._link.prefix) and not n.startswith("__"))

    def partitions(self, names: Collection[str]) -> dict[str, int]:
        """How many each of these topics has, as far as it is there. Raises BusUnavailable."""
        if not names:
            return {}
        with self._lock, translated("asking for topics", self._link.servers):
            found = self.admin().describe_topics([self._link.full(name) for name in sorted(names)])
        return {self._link.short(topic["name"]): len(topic["partitions"]) for topic in found}

    def ensure(self, specs: Sequence[TopicSpec]) -> list[str]:
        """Make the topics that are missing; their names. Raises ConfigError for another partition count."""
        for spec in specs:
            if not _LEGAL_NAME.fullmatch(self._link.full(spec.name)) or spec.partitions < 1:
                raise ConfigError(
                    f"a topic named {self._link.full(spec.name)!r} with {spec.partitions} partitions cannot be made",
                    hint="letters, digits, dot, dash and underscore, and one partition at least",
                )
        known = self.facts([spec.name for spec in specs])
        missing = [spec for spec in specs if spec.name not in known]
        if missing:
            self._make(missing)
            known |= self.facts([spec.name for spec in missing])
        for spec in specs:
            partitions = known[spec.name].partitions if spec.name in known else 0
            if partitions != spec.partitions:
                raise ConfigError(
                    f"{self._link.full(spec.name)} has {partitions} partitions, expected {spec.partitions}",
                    hint="the count of a topic never changes: delete it, or keep the old count",
                )
        return [spec.name for spec in missing]

    def delete(self, name: str) -> None:
        """Remove a topic and wait until it is gone. Raises ConfigError for an unknown one."""
        self.fact(name)
        with self._lock, translated(f"deleting {name}", self._link.servers):
            self.admin().delete_topics([self._link.full(name)])
        deadline = time.monotonic() + _PATIENCE_S
        while self.facts([name]):
            if time.monotonic() > deadline:
                raise BusUnavailable(f"the topic {name} is still there {_PATIENCE_S:g} s after it was deleted")
            time.sleep(0.05)

    def close(self) -> None:
        """Let go of the cluster."""
        with self._lock:
            if self._admin is not None:
                self._admin.close()
                self._admin = None

    def _make(self, specs: Sequence[TopicSpec]) -> None:
        wanted = {
            self._link.full(spec.name): {
                "num_partitions": spec.partitions,
                "replication_factor": self._replication,
                "configs": settings_of(spec),
            }
            for spec in specs
        }
        with self._lock, translated("making topics", self._link.servers):
            admin = self.admin()
            made = admin.create_topics(wanted, raise_errors=False)
            for topic in made["topics"]:
                error = errors.for_code(topic["error_code"])
                if error in (errors.InvalidReplicationFactorError, errors.InvalidConfigurationError):
                    raise ConfigError(f"the topic {topic['name']} cannot be made: {topic.get('error_message')}")
                if error not in (errors.NoError, errors.TopicAlreadyExistsError):  # another process was first
                    raise error(topic.get("error_message"))
            admin.wait_for_topics(list(wanted), timeout_ms=_PATIENCE_S * 1000)

    def _facts(self, topic: Mapping[str, Any], settings: Mapping[str, str]) -> TopicFacts:
        bound = int(settings.get("max.message.bytes", _DEFAULT_BYTES))
        return TopicFacts(
            name=self._link.short(topic["name"]),
            id=str(topic["topic_id"]),
            partitions=len(topic["partitions"]),
            replication=min(len(partition["replica_nodes"]) for partition in topic["partitions"]),
            compacted="compact" in settings.get("cleanup.policy", ""),
            max_bytes=min(bound - OVERHEAD, REQUEST_BYTES),
            settings=settings,
        )


def settings_of(spec: TopicSpec) -> dict[str, str]:
    """Kafka's settings of a topic."""
    # With the producer's time a record that is stamped an hour ahead is refused, and old ones are deleted unread.
    settings: dict[str, object] = {"message.timestamp.type": "LogAppendTime"}
    if spec.compacted:
        # What lies in the newest segment is not compacted.
        settings |= {"cleanup.policy": "compact", "segment.ms": 300_000, "min.cleanable.dirty.ratio": 0.1}
    elif spec.retention_s is None:
        settings["retention.ms"] = -1
    else:
        # Whole segments are dropped.
        settings |= {"retention.ms": spec.retention_s * 1000, "segment.ms": max(spec.retention_s * 200, 10_000)}
    if spec.retention_bytes is not None and not spec.compacted:
        settings |= {
            "retention.bytes": spec.retention_bytes,
            "segment.bytes": min(max(spec.retention_bytes // 8, MIB), 2**30),
        }
    if spec.max_message_bytes is not None:
        settings["max.message.bytes"] = spec.max_message_bytes + OVERHEAD
    return {name: str(value) for name, value in settings.items()}


def _settings(admin: Any, names: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    try:
        described = admin.describe_configs(resources, config_filter="all")
    except errors.AuthorizationError:  # of a client that may only read or write: the defaults are as good as known
        return {}
    return {
        name: {key: str(entry["value"]) for key, entry in settings.items()}
        for name, settings in described.get("topic", {}).items()
    }
