"""`make test-compose`: docker-compose.yml brought up for real."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import tempfile
from pathlib import Path

from tests.compose.check import Check, write_site
from tests.compose.engine import NoEngine, engine
from tests.compose.stack import Stack

TIMESCALE = "POSEBUS_TEST_TIMESCALE_DIR"


def main() -> int:
    """0: all well, or skipped; 1: not, or skipped under CI."""
    parser = argparse.ArgumentParser(prog="python -m tests.compose", description=__doc__)
    parser.add_argument("--seconds", type=int, default=120, help="length of each of two films")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what follows is taken down
    named = os.environ.get(TIMESCALE)
    try:
        with engine(Path(named) if named else None) as environment, tempfile.TemporaryDirectory() as folder:
            write_site(Path(folder), arguments.seconds)
            return _checked(Stack(environment, Path(folder), _free_port()), arguments.seconds)
    except NoEngine as error:
        print(f"SKIP: docker-compose.yml was NOT tried: {error}", file=sys.stderr)  # noqa: T201
        return int(os.environ.get("CI", "").lower() == "true")


def _checked(stack: Stack, seconds: int) -> int:
    try:
        Check(stack, seconds).run()
    except (AssertionError, RuntimeError) as error:
        print(f"FAILED: {error}", file=sys.stderr)  # noqa: T201
        print(stack.compose("ps", "-a", check=False), file=sys.stderr)  # noqa: T201
        print(stack.compose("logs", "--tail", "20", check=False), file=sys.stderr)  # noqa: T201
        return 1
    finally:
        stack.forget()
        stack.compose("down", "-v", check=False)
    return 0


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
