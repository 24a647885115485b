"""One broker or several that form a cluster."""

from __future__ import annotations

import base64
import shutil
import socket
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.broker.node import Node


class Cluster:
    """Brokers on loopback with ports and data that stay theirs; a context manager.

    Tests share a broker and keep apart by prefixes: a start costs seconds, a topic milliseconds.

    Args:
        folder: Where data and logs are kept; a temporary one by default.
        port: Of the first broker; any free one by default.
        listeners: Kinds of listeners beside PLAINTEXT: SSL, SASL_PLAINTEXT, SASL_SSL.
        config: Settings of each broker.
        short_lived: Its code is compiled for a quick start, not for speed; a test is over before that would pay.
    """

    def __init__(
        self,
        *,
        nodes: int = 1,
        folder: Path | None = None,
        port: int = 0,
        listeners: Sequence[str] = (),
        config: Mapping[str, object] | None = None,
        short_lived: bool = True,
    ) -> None:
        self._own = None if folder else Path(tempfile.mkdtemp(prefix="broker-"))
        root = folder or self._own or Path()
        names = ("PLAINTEXT", "CONTROLLER", *listeners)
        free = iter(free_ports(nodes * len(names)))
        ports = [{name: next(free) for name in names} for _ in range(nodes)]
        if port:
            for i, node in enumerate(ports):
                node["PLAINTEXT"] = port + i
        # The tool that formats takes a value that begins with a dash for an option.
        cluster_id = base64.b64encode(uuid.uuid4().bytes, b"AA").decode().rstrip("=")
        self.nodes = [
            Node(
                number=i,
                ports=own,
                voters=",".join(f"{j}@127.0.0.1:{other['CONTROLLER']}" for j, other in enumerate(ports, 1)),
                cluster_id=cluster_id,
                folder=root / f"node{i}",
                replication=min(3, nodes),
                config=config or {},
                short_lived=short_lived,
            )
            for i, own in enumerate(ports, 1)
        ]

    @property
    def servers(self) -> list[str]:
        """Addresses of all brokers."""
        return [node.address for node in self.nodes]

    def start(self, timeout_s: float = 90.0) -> None:
        """Start all and wait until they know each other. Raises BrokerError."""
        try:
            for node in self.nodes:
                node.launch()
            for node in self.nodes:
                node.wait(timeout_s, brokers=len(self.nodes))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all; data of a temporary folder is gone."""
        for node in self.nodes:
            # All at once: a controller that has lost its quorum would wait for the others.
            node.terminate()
        for node in self.nodes:
            node.stop()
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)

    def __enter__(self) -> Cluster:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def __getitem__(self, index: int) -> Node:
        return self.nodes[index]

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [int(sock.getsockname()[1]) for sock in sockets]
    finally:
        for sock in sockets:
            sock.close()
