"""Start a broker for trying things: prints its address, and ends with Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from tests.broker import Cluster


def main() -> None:
    """Run until told to end."""
    parser = argparse.ArgumentParser(prog="python -m tests.broker", description=__doc__)
    parser.add_argument("--nodes", type=int, default=1, help="brokers in the cluster")
    parser.add_argument("--port", type=int, default=0, help="port of the first; any free one by default")
    parser.add_argument("--folder", type=Path, help="where data is kept; a temporary folder by default")
    parser.add_argument("--config", action="append", default=[], metavar="NAME=VALUE", help="a setting of the broker")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    config = dict(item.split("=", 1) for item in args.config)
    with Cluster(nodes=args.nodes, port=args.port, folder=args.folder, config=config) as cluster:
        sys.stdout.write(",".join(cluster.servers) + "\n")
        sys.stdout.flush()
        try:
            while all(node.pid for node in cluster):
                time.sleep(0.5)
        except KeyboardInterrupt:
            return
        sys.exit("a broker ended:\n" + "\n".join(node.tail() for node in cluster if not node.pid))


main()
