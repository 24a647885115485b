"""Where the cluster is, and clients of kafka-python that reach it."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Container
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from kafka import errors
from kafka.net.compat import KafkaNetClient

from pipeline.bus.kafka.failures import absent, hung_up, in_our_words, not_let_in
from pipeline.bus.kafka.security import Security
from pipeline.core.errors import ConfigError


class _Reasons(logging.Handler):
    """Why a client could not connect: kafka-python tells it to its log only, and tries again."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: deque[tuple[float, int | None, BaseException]] = deque(maxlen=100)

    def emit(self, record: logging.LogRecord) -> None:
        arguments = record.args if isinstance(record.args, tuple) else ()
        found = (each for each in arguments if isinstance(each, BaseException))
        now = time.monotonic()
        self.found += ((now, record.thread, each) for each in found if not isinstance(each, _GAVE_UP))

    def since(self, began: float, others: Container[int | None]) -> list[BaseException]:
        """What was told since then, but for what these threads told: they belong to other clients."""
        return [reason for at, thread, reason in list(self.found) if at >= began and thread not in others]


_GAVE_UP = (errors.KafkaTimeoutError, errors.RequestTimedOutError)
"""When our patience ended; it is no reason."""

_REASONS = _Reasons()


def _quiet() -> None:
    """Each line of kafka-python about an outage would be repeated for every partition and attempt."""
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    connecting = logging.getLogger("kafka.net.manager")
    connecting.setLevel(logging.WARNING)
    connecting.propagate = False
    connecting.addHandler(_REASONS)


_quiet()


@dataclass(frozen=True, slots=True)
class Link:
    """The way to a cluster.

    Attributes:
        prefix: Stands before the name of every topic and group.
        timeout_s: How long a client looks for a broker that answers.
        session_s: A member of a group that is not heard of for so long loses its partitions.
        commit_s: How long a commit, or a question about offsets, may take.
    """

    servers: tuple[str, ...]
    prefix: str
    security: Security
    timeout_s: float
    session_s: float
    commit_s: float = 5.0

    def connect(self, kind: Callable[..., Any], client: str, settings: dict[str, Any]) -> Any:
        """A client of kafka-python. Raises BusUnavailable, ConfigError."""
        began, others = time.monotonic(), {thread.ident for thread in threading.enumerate()}
        others.discard(threading.get_ident())
        try:
            return self._made(kind, client, settings)
        except (errors.KafkaTimeoutError, errors.KafkaConnectionError) as error:
            reasons = _REASONS.since(began, others) or [error]
            if self.security.protocol != "plaintext" and all(map(hung_up, reasons)):
                raise not_let_in(self.servers) from error
            raise absent(self.servers, self.timeout_s, reasons[-1]) from error
        except (errors.KafkaError, ConnectionError) as error:
            raise in_our_words("connecting", error, self.servers) from error
        except (OSError, ValueError, RuntimeError) as error:  # a file of certificates, or a codec without its package
            raise ConfigError(
                f"a Kafka client cannot be made: {error}", hint="look at kafka.security and kafka.compression"
            ) from error

    def _made(self, kind: Callable[..., Any], client: str, settings: dict[str, Any]) -> Any:
        with ExitStack() as stack:

            def network(**config: Any) -> Any:
                made = KafkaNetClient(**config)
                stack.callback(made.close)  # where the rest fails: its thread would try to connect for ever
                return made

            made = kind(
                bootstrap_servers=list(self.servers),
                client_id=client,
                bootstrap_timeout_ms=int(self.timeout_s * 1000),
                kafka_client=network,
                **self.security.settings(),
                **settings,
            )
            stack.pop_all()
            return made

    def full(self, name: str) -> str:
        """A topic's or group's name as the cluster knows it."""
        return self.prefix + name

    def short(self, name: str) -> str:
        """A topic's name as we know it."""
        return name.removeprefix(self.prefix)
