"""A container engine for the tests: this machine's Docker, else stand-ins that lie beside the project."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STAND_INS = ROOT.parent / "shared" / "tools" / "images"
CANNOT = 77
"""Exit code of a stand-in that this machine cannot run."""

_OLDEST = (2, 20)


class NoEngine(Exception):
    """This machine cannot run containers; says why."""


@contextmanager
def engine(timescale: Path | None) -> Iterator[Mapping[str, str]]:
    """The environment in which `docker` works; what was started for it ends with the block.

    Args:
        timescale: Folder with `lib` and `extension`, put into the stand-in of the database.

    Raises NoEngine.
    """
    if _works(os.environ):
        yield dict(os.environ)
        return
    if os.geteuid() != 0 or not STAND_INS.is_dir():
        raise NoEngine("no Docker engine answers, and there are no stand-ins that this user can run")
    with tempfile.TemporaryDirectory(prefix="posebus-images-") as folder:
        # A copy that can be written: Kafka's stand-in keeps the rights of its files, and writes over them.
        tools = Path(shutil.copytree(STAND_INS, Path(folder) / "images"))
        for path in tools.rglob("*"):
            path.chmod(path.stat().st_mode | 0o600)
        _tool(tools / "engine", "start")
        try:
            said = _tool(tools / "engine", "env")
            found = dict(shlex.split(line)[1].split("=", 1) for line in said.splitlines() if line.startswith("export "))
            environment = {**os.environ, **found}
            options = [] if timescale is None else ["--force", "--extra-dir", str(timescale)]
            project = ["--for", "--", "-f", str(ROOT / "docker-compose.yml")]
            _tool(tools / "make-images", *project, fine=(0, 3))
            if timescale is not None:
                _tool(tools / "make-images", *options, _database_image(environment))
            yield environment
        finally:
            if not os.environ.get("POSEBUS_TEST_KEEP_ENGINE"):
                _tool(tools / "engine", "stop")


def _works(environment: Mapping[str, str]) -> bool:
    """Whether an engine and a docker compose that is new enough answer."""
    if shutil.which("docker") is None:
        return False
    for command in (["docker", "info"], ["docker", "compose", "version", "--short"]):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            return False
    version = tuple(int(part) for part in done.stdout.strip().lstrip("v").split(".")[:2])
    return version >= _OLDEST


def _database_image(environment: Mapping[str, str]) -> str:
    command = ["docker", "compose", "-f", str(ROOT / "docker-compose.yml"), "config", "--images", "db"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return next(line for line in done.stdout.splitlines() if "timescale" in line)


def _tool(program: Path, *words: str, fine: Sequence[int] = (0,)) -> str:
    done = subprocess.run([program, *words], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode == CANNOT:
        raise NoEngine(f"{program.name} says that this machine cannot run containers")
    if done.returncode not in fine:
        raise RuntimeError(f"{program.name} {' '.join(words)}: exit code {done.returncode}")
    return done.stdout
