from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.runners import supervise
from pipeline.runners.supervise import NO_USE, Supervisor


class Told:
    """What a supervisor says, and the supervisor at work on a thread."""

    def __init__(self, **programs: str) -> None:
        self.said: list[tuple[str, str]] = []
        commands = {name: [sys.executable, "-c", program] for name, program in programs.items()}
        self.supervisor = Supervisor(commands, lambda name, what: self.said.append((name, what)))
        self.stop = threading.Event()
        self.code: int | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.code = self.supervisor.run(self.stop)

    def until(self, reached: Callable[[], bool], timeout_s: float = 20.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not reached():
            assert time.monotonic() < deadline, self.said
            time.sleep(0.01)

    def end(self) -> int | None:
        self.stop.set()
        self._thread.join(20)
        return self.code


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "_FIRST_WAIT_S", 0.05)


SLEEPS = "import time; time.sleep(100)"


def test_who_is_killed_is_started_again_and_its_neighbour_is_left_alone() -> None:
    told = Told(one=SLEEPS, two=SLEEPS)
    told.until(lambda: len(told.supervisor.pids) == 2)
    before = dict(told.supervisor.pids)

    os.kill(before["one"], signal.SIGKILL)
    told.until(lambda: told.supervisor.pids.get("one", before["one"]) != before["one"])
    after = dict(told.supervisor.pids)
    told.end()

    assert after["two"] == before["two"]
    assert dict(told.supervisor.restarts) == {"one": 1, "two": 0}
    assert [name for name, _ in told.said] == ["one"]
    assert told.said[0][1].startswith("ended by signal SIGKILL: started again in ")
    assert told.code == 0


def test_who_ends_at_once_is_started_again_after_longer_and_longer_waits() -> None:
    told = Told(one="raise SystemExit(1)")

    told.until(lambda: len(told.said) == 3)
    told.end()

    waits = [float(what.rsplit("in ", 1)[1].removesuffix(" s")) for _, what in told.said[:3]]
    assert waits == [pytest.approx(waits[0] * factor, rel=0.01) for factor in (1, 2, 4)]
    assert all(what.startswith("ended with code 1") for _, what in told.said)


@pytest.mark.parametrize("code", sorted(NO_USE))
def test_nothing_is_started_again_where_that_would_not_help_and_all_are_ended(code: int) -> None:
    told = Told(one=f"raise SystemExit({code})", two=SLEEPS)

    told.until(lambda: told.code is not None)

    assert told.code == code
    assert told.said == [("one", f"ended with code {code}: another start would not help")]
    assert not told.supervisor.pids


def test_the_end_waits_for_who_has_to_finish_something(tmp_path: Path) -> None:
    done = tmp_path / "done"
    drains = (
        "import signal, sys, time, pathlib\n"
        f"def end(*_): time.sleep(0.5); pathlib.Path({str(done)!r}).write_text('all'); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        f"pathlib.Path({str(tmp_path / 'ready')!r}).touch()\n" + SLEEPS
    )
    told = Told(one=drains)
    told.until((tmp_path / "ready").exists)

    told.end()

    assert done.read_text() == "all"
    assert told.said == []


def test_who_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "DRAIN_S", 0.3)
    deaf = (
        "import signal, pathlib\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"pathlib.Path({str(tmp_path / 'ready')!r}).touch()\n" + SLEEPS
    )
    told = Told(one=deaf)
    told.until(lambda: (tmp_path / "ready").exists() and "one" in told.supervisor.pids)
    pid = told.supervisor.pids["one"]

    told.end()

    assert told.said == [("one", "did not end within 0.3 s: killed")]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
