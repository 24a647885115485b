"""The containers of docker-compose.yml, as the tests see them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg

from tests.compose.engine import ROOT
from tests.e2e.history import History

PROJECT = "posebus-test"


class Stack:
    """A project of its own, beside any other on this engine.

    Args:
        environment: In which `docker` works.
        site: Folder with posebus.yaml and demo.yaml.
        port: Of this machine, for the database.
        beside: Compose files that add to docker-compose.yml.
        profiles: Those that are on.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        site: Path,
        port: int,
        *,
        beside: Sequence[Path] = (),
        profiles: Sequence[str] = (),
    ) -> None:
        own = {"POSEBUS_SITE": str(site), "POSEBUS_DATABASE_PORT": str(port), "POSEBUS_IMAGE": "posebus:test"}
        self._environment = {**environment, **own}
        self._port = port
        self._options = [word for file in (ROOT / "docker-compose.yml", *beside) for word in ("-f", str(file))]
        self._options += ["-p", PROJECT, *(word for name in profiles for word in ("--profile", name))]
        self._password = ""
        self._connection: psycopg.Connection[Any] | None = None

    def compose(self, *words: str, check: bool = True) -> str:
        """What `docker compose` prints."""
        done = subprocess.run(
            ["docker", "compose", *self._options, *words],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            raise RuntimeError(f"docker compose {' '.join(words)}: exit code {done.returncode}\n{done.stderr or ''}")
        return done.stdout

    def up(self, *options: str) -> float:
        """Start all and wait until it is healthy; how long that took, seconds."""
        began = time.monotonic()
        self.compose("up", "-d", "--wait", "--wait-timeout", "600", *options)
        took = time.monotonic() - began
        reading = ("run", "--rm", "-T", "--no-deps", "--entrypoint", "cat", "posebus", "/run/posebus/reader/password")
        self._password = self.compose(*reading).strip()
        return took

    def services(self) -> list[str]:
        """Those that stay, sorted."""
        return sorted(self.compose("ps", "--services", "--status", "running").split())

    def signal(self, service: str, number: signal.Signals, *, child: bool = False) -> None:
        """Send a signal from outside, as the kernel would; `child`: to the program that `init` runs."""
        container = self.compose("ps", "-q", service).strip()
        found = self.docker("inspect", "-f", "{{.State.Pid}}", container)
        pid = int(found)
        if pid <= 0:
            raise RuntimeError(f"{service} does not run")
        if child:
            pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
        os.kill(pid, number)

    def state(self, service: str) -> str:
        """`running healthy` and the like."""
        container = self.compose("ps", "-aq", service).strip()
        form = "{{.State.Status}}{{if .State.Health}} {{.State.Health.Status}}{{end}}"
        return self.docker("inspect", "-f", form, container)

    def restarts(self, service: str) -> int:
        """How often the engine has started it again."""
        return int(self.docker("inspect", "-f", "{{.RestartCount}}", self.compose("ps", "-aq", service).strip()))

    def asks(self, service: str) -> bool:
        """Whether its own health check is content now."""
        words = ("exec", "-T", service, "python", "-S", "-E", "/opt/posebus/bin/healthy.py")
        return self.compose(*words, check=False).strip() == "ok"

    def metric(self, service: str, name: str, **labels: str) -> float:
        """Sum of the series of a metric of a worker that have these labels."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        script = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9100/metrics').read().decode())"
        said = self.compose("exec", "-T", service, "python", "-c", script)
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in said.splitlines()
            if line.startswith((f"{name}{{", f"{name} ")) and all(text in line for text in wanted)
        )

    def nobody_behind(self) -> bool:
        """Whether the workers have taken in all that there is."""
        said = self.compose("exec", "-T", "sink", "posebus", "lag", "--format", "json")
        return all(row["behind"] == 0 for row in json.loads(said))

    @property
    def history(self) -> History:
        """The same, for questions about cameras."""
        return History(self._dsn)

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask as the reader, through the port of this machine."""
        for attempt in range(2):
            try:
                if self._connection is None:
                    self._connection = psycopg.connect(self._dsn, autocommit=True)
                return self._connection.execute(statement.encode()).fetchall()
            except psycopg.OperationalError:
                self.forget()
                if attempt:
                    raise
        raise AssertionError

    def forget(self) -> None:
        """Let the connection go."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def _dsn(self) -> str:
        return f"host=127.0.0.1 port={self._port} dbname=posebus user=reader password={self._password}"

    def docker(self, *words: str) -> str:
        """What `docker` prints."""
        done = subprocess.run(["docker", *words], env=self._environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()


def until(what: str, found: Callable[[], bool], *, at_most_s: float) -> float:
    """Wait until it is so; how long that took, seconds. A database that is away answers nothing.

    Raises AssertionError.
    """
    began = time.monotonic()
    while time.monotonic() - began < at_most_s:
        try:
            if found():
                return time.monotonic() - began
        except psycopg.OperationalError:
            pass
        time.sleep(0.3)
    raise AssertionError(f"{what}: not within {at_most_s:g} s")


def note(what: str, took: float, more: str = "") -> None:
    """Say how long something took, seconds."""
    say(f"{what}: {took:.1f} s{f' ({more})' if more else ''}")


def say(text: str) -> None:
    """To whoever watches."""
    print(text, flush=True)  # noqa: T201  a program for people
