"""One broker: start, stop, kill, pause, and start again on the same port and data."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from tests.broker.java import BrokerError, jars, java

LIFE_S = 3600
"""No broker lives longer, whatever becomes of the tests."""

# Dies with the thread that started it (PR_SET_PDEATHSIG) and after LIFE_S at the latest: an alarm outlives exec.
_SHIM = """
import ctypes, os, signal, sys
try:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
except (OSError, AttributeError):
    pass
if os.getppid() != int(sys.argv[1]):
    sys.exit("its parent is gone")
signal.alarm(int(sys.argv[2]))
os.execv(sys.argv[3], sys.argv[3:])
"""

# Small and quick instead of durable: one host, few internal partitions, no waiting before a first rebalance.
_SMALL: Mapping[str, object] = {
    "auto.create.topics.enable": "false",
    # A node that was killed is let in again when its old session has ended, 9 s by default.
    "broker.session.timeout.ms": 2000,
    "broker.heartbeat.interval.ms": 500,
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 1000,
    "offsets.topic.num.partitions": 3,
    "transaction.state.log.num.partitions": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    "num.network.threads": 2,
    "num.io.threads": 2,
    "num.recovery.threads.per.data.dir": 1,
    "background.threads": 2,
    "log.cleaner.threads": 1,
    "log.cleaner.dedupe.buffer.size": 4 * 2**20,
    "log.cleaner.backoff.ms": 200,
    "log.segment.bytes": 64 * 2**20,
}


class Node:
    """A broker and controller in one process, on loopback.

    Args:
        ports: Of its listeners by name; the clients' is PLAINTEXT, the controllers' CONTROLLER.
        voters: All controllers.
        replication: Copies of each partition.
        config: Settings above the defaults of tests.
        short_lived: See `Cluster`.
    """

    def __init__(
        self,
        *,
        number: int,
        ports: Mapping[str, int],
        voters: str,
        cluster_id: str,
        folder: Path,
        replication: int,
        config: Mapping[str, object],
        short_lived: bool,
    ) -> None:
        self.addresses = {name: f"localhost:{port}" for name, port in ports.items()}
        self.log = folder / "server.log"
        self._number = number
        self._port = ports["PLAINTEXT"]
        self._cluster_id = cluster_id
        self._folder = folder
        self._short_lived = short_lived
        self._started_at = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._properties = folder / "server.properties"
        folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "process.roles": "broker,controller",
            "node.id": number,
            "controller.quorum.voters": voters,
            "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items()),
            "advertised.listeners": ",".join(f"{n}://{a}" for n, a in self.addresses.items() if n != "CONTROLLER"),
            "listener.security.protocol.map": ",".join(
                f"{name}:{'PLAINTEXT' if name == 'CONTROLLER' else name}" for name in ports
            ),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": folder / "log",
            "default.replication.factor": replication,
            "min.insync.replicas": min(2, replication),
            "offsets.topic.replication.factor": replication,
            "transaction.state.log.replication.factor": replication,
            "transaction.state.log.min.isr": min(2, replication),
            "share.coordinator.state.topic.replication.factor": replication,
            "share.coordinator.state.topic.min.isr": min(2, replication),
            **_SMALL,
            **config,
        }
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))

    @property
    def address(self) -> str:
        """Where clients without any security find it."""
        return self.addresses["PLAINTEXT"]

    @property
    def pid(self) -> int | None:
        """Its process while it runs; a paused one runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def launch(self) -> None:
        """Start the process and return at once."""
        if self.pid is not None:
            return
        self._format()
        self._started_at = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", "-c", _SHIM, str(os.getpid()), str(LIFE_S)),
                    *self._command("kafka.Kafka", str(self._properties)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C of the tests is not for the broker
            )

    def wait(self, timeout_s: float, brokers: int = 1) -> None:
        """Until it answers, and knows so many live brokers. Raises BrokerError."""
        process = self._process
        if process is None:
            raise BrokerError("not launched")
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise BrokerError(f"broker {self._number} ended with {process.returncode}:\n{self.tail()}")
            if self._says_started() and live_brokers(self._port) >= brokers:
                return
            time.sleep(0.05)
        raise BrokerError(f"broker {self._number} is not ready after {timeout_s} s:\n{self.tail()}")

    def start(self, timeout_s: float = 60.0) -> None:
        """Start, or start again on the same port and data; clients can work when it returns."""
        self.launch()
        self.wait(timeout_s)

    def terminate(self) -> None:
        """Ask for an orderly end and return at once."""
        if self.pid is not None:
            self.resume()
            os.kill(self.pid, signal.SIGTERM)

    def stop(self, timeout_s: float = 20.0) -> None:
        """An orderly end; kill -9 where that takes too long."""
        self.terminate()
        if self._process is not None:
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """kill -9: nothing is flushed or announced."""
        if self._process is not None and self.pid is not None:
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nothing answers, like a host that hangs."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Undo `pause`."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGCONT)

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-3000:]

    def _format(self) -> None:
        if (self._folder / "log" / "meta.properties").exists():
            return
        done = subprocess.run(
            self._command("kafka.tools.StorageTool", "format", "-t", self._cluster_id, "-c", str(self._properties)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise BrokerError(f"the broker's folder could not be made:\n{done.stdout[-2000:]}")

    def _says_started(self) -> bool:
        with self.log.open("rb") as log:
            log.seek(self._started_at)
            return b"Kafka Server started" in log.read()

    def _command(self, *words: str) -> list[str]:
        return [
            java(),
            "-Xmx512m",
            *(("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1") if self._short_lived else ()),
            "-Djava.awt.headless=true",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dorg.slf4j.simpleLogger.log.kafka.server=info",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            f"-Dkafka.logs.dir={self._folder}",
            "-cp",
            f"{jars()}/*",
            *words,
        ]


def live_brokers(port: int) -> int:
    """How many live brokers the one at `port` knows, by a Metadata request of version 4; 0 without an answer."""
    body = struct.pack(">hhihi?", 3, 4, 1, -1, 0, False)  # API, version, correlation, no client id, no topics
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2.0) as connection:
            connection.sendall(struct.pack(">i", len(body)) + body)
            with connection.makefile("rb") as reply:
                head = reply.read(4)
                data = reply.read(struct.unpack(">i", head)[0]) if len(head) == 4 else b""
    except OSError:
        return 0
    return int(struct.unpack_from(">i", data, 8)[0]) if len(data) >= 12 else 0  # after correlation and throttle time
