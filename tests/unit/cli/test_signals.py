"""SIGINT and SIGTERM while somebody waits, and one right after the other."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.cli.signals import stopped_by_signals, told_of_signals

pytestmark = pytest.mark.timeout(60)

_ROUNDS = 300
_PATIENCE_S = 10.0

_TWICE = """
import sys, threading, time
from pipeline.cli.signals import told_of_signals

def busy():
    while True:
        sum(range(2000))
        time.sleep(0.0005)

for _ in range(3):
    threading.Thread(target=busy, daemon=True).start()
sys.setswitchinterval(0.0001)
for _ in range(int(sys.argv[1])):
    second, came = threading.Event(), []
    waiting = threading.Thread(target=second.wait, daemon=True)

    def told(number):
        came.append(number)
        print("told", flush=True)
        if len(came) == 2:
            second.set()

    with told_of_signals(told):
        waiting.start()
        print("ready", flush=True)
        waiting.join()
    print("left", flush=True)
"""


@pytest.fixture
def handlers() -> Iterator[None]:
    """They are afterwards what they were before."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    yield
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    wakeup = signal.set_wakeup_fd(-1)
    assert wakeup == -1


@pytest.mark.usefixtures("handlers")
def test_what_is_told_may_take_a_lock_that_the_main_thread_holds() -> None:
    lock, told = threading.Lock(), threading.Event()

    def take(_: int) -> None:
        with lock:
            told.set()

    with told_of_signals(take):
        with lock:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
            assert not told.is_set()
        assert told.wait(_PATIENCE_S)


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_sent_inside_the_block_is_told_by_its_end(number: signal.Signals) -> None:
    came: list[int] = []
    with told_of_signals(came.append):
        os.kill(os.getpid(), number)
    assert came == [number]


@pytest.mark.usefixtures("handlers")
def test_other_signals_are_not_told() -> None:
    came: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        with told_of_signals(came.append):
            os.kill(os.getpid(), signal.SIGUSR1)
            os.kill(os.getpid(), signal.SIGTERM)
        assert came == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_second_one_right_after_the_first_is_told_while_the_main_thread_waits(tmp_path: Path) -> None:
    """It comes just when the main thread is about to wait again: one in 25 of them once was lost."""
    script = tmp_path / "twice.py"
    script.write_text(_TWICE)
    with subprocess.Popen([sys.executable, script, str(_ROUNDS)], stdout=subprocess.PIPE, bufsize=0) as process:
        try:
            for _ in range(_ROUNDS):
                assert _line(process) == "ready"
                for _ in range(2):
                    process.send_signal(signal.SIGINT)
                    assert _line(process) == "told"
                assert _line(process) == "left"
            assert process.wait(_PATIENCE_S) == 0
        finally:
            process.kill()


def _line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], _PATIENCE_S)
    assert ready, "nothing is told"
    return process.stdout.readline().decode().strip()


@pytest.mark.usefixtures("handlers")
def test_stop_is_set_by_the_first() -> None:
    stop = threading.Event()
    with stopped_by_signals(stop) as came:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(_PATIENCE_S)
    assert came == [signal.SIGTERM]


def test_the_second_of_a_kind_ends_the_process_that_does_not_stop(tmp_path: Path) -> None:
    script = tmp_path / "deaf.py"
    script.write_text(
        "import threading\n"
        "from pipeline.cli.signals import stopped_by_signals\n"
        "stop = threading.Event()\n"
        "with stopped_by_signals(stop):\n"
        "    print('ready', flush=True)\n"
        "    stop.wait()\n"
        "    print('stopped', flush=True)\n"
        "    threading.Event().wait()\n"
    )
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, bufsize=0) as process:
        try:
            assert _line(process) == "ready"
            process.send_signal(signal.SIGTERM)
            assert _line(process) == "stopped"
            process.send_signal(signal.SIGINT)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.3)
            process.send_signal(signal.SIGINT)
            assert process.wait(_PATIENCE_S) == 128 + signal.SIGINT
        finally:
            process.kill()
