"""Keeps a set of processes alive: one that ends is started again, with growing waits."""

from __future__ import annotations

import logging
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

log = logging.getLogger(__name__)

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0
_STEADY_S = 10.0
"""Who ran for so long before it ended is started again at once: it does not fail at its start."""
_POLL_S = 0.1
DRAIN_S = 10.0

NO_USE = frozenset((2, 5, 6))
"""Exit codes of what another start cannot mend: the configuration, the model, the saved state."""


@dataclass(slots=True)
class _Child:
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    start_at: float = 0.0
    wait_s: float = 0.0
    restarts: int = 0


class Supervisor:
    """Runs named processes until it is told to stop, or one of them cannot be helped.

    Args:
        commands: Program and arguments, by name.
        told: Called with the name and what happened.
    """

    def __init__(self, commands: Mapping[str, Sequence[str]], told: Callable[[str, str], None]) -> None:
        self._children = {name: _Child(command) for name, command in commands.items()}
        self._told = told

    @property
    def pids(self) -> Mapping[str, int]:
        """Process numbers of those that run."""
        return {name: child.process.pid for name, child in self._children.items() if child.process is not None}

    @property
    def restarts(self) -> Mapping[str, int]:
        """How often each was started again."""
        return {name: child.restarts for name, child in self._children.items()}

    def run(self, stop: threading.Event) -> int:
        """Until `stop` is set. Gives 0, or the exit code of a process that another start would not help."""
        code = 0
        try:
            while not stop.is_set() and not code:
                for name, child in self._children.items():
                    code = code or self._mind(name, child)
                stop.wait(_POLL_S)
        finally:
            self.end()
        return code

    def end(self) -> None:
        """Ask all to end, wait, and kill those that do not."""
        alive = {name: child.process for name, child in self._children.items() if child.process is not None}
        for process in alive.values():
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + DRAIN_S
        for name, process in alive.items():
            try:
                process.wait(max(deadline - time.monotonic(), 0.0))
            except subprocess.TimeoutExpired:
                self._told(name, f"did not end within {DRAIN_S:g} s: killed")
                process.kill()
                process.wait()
            self._children[name].process = None

    def _mind(self, name: str, child: _Child) -> int:
        now = time.monotonic()
        if child.process is None:
            if now >= child.start_at:
                # A group of its own: Ctrl-C reaches us alone, and we end them in our time.
                child.process = subprocess.Popen(child.command, stdin=subprocess.DEVNULL, start_new_session=True)
                child.started = now
            return 0
        code = child.process.poll()
        if code is None:
            return 0
        child.process = None
        if code in NO_USE:
            self._told(name, f"ended with code {code}: another start would not help")
            return code
        steady = now - child.started > _STEADY_S
        child.wait_s = 0.0 if steady else min(child.wait_s * 2 or _FIRST_WAIT_S, _LONGEST_WAIT_S)
        child.start_at = now + child.wait_s
        child.restarts += 1
        how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
        self._told(name, f"ended {how}: started again in {child.wait_s:g} s")
        return 0
