"""`make test-compose`: docker-compose.yml brought up for real."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.compose.cameras import CamerasCheck, write_cameras
from tests.compose.check import Check, write_site
from tests.compose.engine import STAND_INS, NoEngine, engine
from tests.compose.stack import Stack

TIMESCALE = "POSEBUS_TEST_TIMESCALE_DIR"


def main() -> int:
    """0: all well, or skipped; 1: not, or skipped under CI."""
    parser = argparse.ArgumentParser(prog="python -m tests.compose", description=__doc__)
    parser.add_argument("--seconds", type=int, default=120, help="length of each of two films")
    parser.add_argument("--only", choices=("crashes", "cameras"), help="one of the two parts")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what follows is taken down
    named = os.environ.get(TIMESCALE)
    if named and not all((Path(named) / part).is_dir() for part in ("lib", "extension")):
        sys.exit(f"{TIMESCALE}: {named} holds no TimescaleDB; expected a folder with `lib` (*.so) and `extension`")
    try:
        with engine(Path(named) if named else None) as environment:
            well = True
            if arguments.only != "cameras":
                well = _crashes(environment, arguments.seconds)
            if arguments.only != "crashes" and well:
                well = _cameras(environment)
            return int(not well)
    except NoEngine as error:
        print(f"SKIP: docker-compose.yml was NOT tried, or not all of it: {error}", file=sys.stderr)  # noqa: T201
        return int(os.environ.get("CI", "").lower() == "true")


def _crashes(environment: Mapping[str, str], seconds: int) -> bool:
    with _site() as folder:
        write_site(folder, seconds)
        stack = Stack(environment, folder, _free_port(), profiles=["demo"])
        return _checked(stack, Check(stack, seconds).run)


def _cameras(environment: Mapping[str, str]) -> bool:
    if not STAND_INS.is_dir():
        raise NoEngine("the image of the RTSP server lies beside the project, and is not there")
    with _site() as folder:
        stack = Stack(environment, folder, _free_port(), beside=[write_cameras(folder)])
        return _checked(stack, CamerasCheck(stack, folder).run)


@contextmanager
def _site() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="posebus-site-") as folder:
        yield Path(folder)


def _checked(stack: Stack, run: Callable[[], None]) -> bool:
    try:
        run()
    except (AssertionError, RuntimeError) as error:
        print(f"FAILED: {error}", file=sys.stderr)  # noqa: T201
        print(stack.compose("ps", "-a", check=False), file=sys.stderr)  # noqa: T201
        print(stack.compose("logs", "--tail", "20", check=False), file=sys.stderr)  # noqa: T201
        return False
    finally:
        stack.forget()
        stack.compose("down", "-v", check=False)
    return True


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
