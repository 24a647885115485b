"""Changes of the registry while cameras are read: how soon they take effect, and that others are read on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil

from tests.e2e.history import History, until
from tests.rtsp.promised import CHANGED_S


@dataclass
class Changes:
    """Carries changes out and asks when they took effect.

    Attributes:
        camera: Runs `posebus camera` with words.
        pids: Processes that have readers, a child each.
    """

    history: History
    camera: Callable[..., str]
    pids: Sequence[int]

    def readers(self) -> set[int]:
        """Processes that read a camera now."""
        children = [child for pid in self.pids for child in psutil.Process(pid).children()]
        return {child.pid for child in children if "pipeline.video.reader.child" in _words(child)}

    def enters(self, name: str, state: str, *words: str) -> float:
        """After `posebus camera` with these words the camera enters a state in time, and no other reader ends."""
        before, began = self.readers(), time.time()
        self.camera(*words)
        returned = time.time()
        until(lambda: self._entered(name, state, began) is not None, 20, f"{name} {state} after {words}")
        entered = self._entered(name, state, began)
        assert entered is not None
        took_s = max(entered - returned, 0.0)
        assert took_s <= CHANGED_S, f"{words} took effect after {took_s:.2f} s"
        assert len(before - self.readers()) <= 1, "other readers ended too"
        return took_s

    def leaves(self, *words: str) -> float:
        """After `posebus camera` with these words one reader ends in time, and no other."""
        before = self.readers()
        self.camera(*words)
        took_s = until(lambda: before != self.readers(), 20, f"the end of a reader after {words}")
        assert took_s <= CHANGED_S, f"{words} took effect after {took_s:.2f} s"
        assert len(before - self.readers()) == 1, "other readers ended too"
        return took_s

    def live(self, name: str) -> None:
        """The camera gives pictures again."""
        until(lambda: self.history.state(name) == "live", 20, f"{name} live")

    def rate(self, name: str, over_s: float) -> float:
        """Frames a second of a camera, of those to come."""
        began = time.time()
        until(lambda: self.history.frames(name, began + over_s) > 0, over_s + 20, f"frames of {name}")
        return (self.history.frames(name, began) - self.history.frames(name, began + over_s)) / over_s

    def _entered(self, name: str, state: str, since_s: float) -> float | None:
        found = self.history.ask(
            "SELECT extract(epoch FROM min(ts))::float8 FROM pose.camera_status"
            " WHERE camera = %s AND state = %s AND ts > to_timestamp(%s)",
            name,
            state,
            since_s,
        )
        return None if found[0][0] is None else float(found[0][0])


def check_changes(changes: Changes, name: str, other: str, source: str, elsewhere: str) -> dict[str, float]:
    """Every kind of change of one camera of 5 pictures a second, while `other` goes on undisturbed; seconds each took.

    Args:
        source: Of the camera that is added; `elsewhere`: what it is given then, over UDP.
    """
    sessions = _sessions(changes, other)
    took = {"add": changes.enters(name, "connecting", "add", name, source)}
    changes.live(name)
    took["fps"] = changes.enters(name, "connecting", "edit", name, "--fps", "2")
    changes.live(name)
    assert changes.rate(name, 3.0) <= 3
    udp = ("edit", name, "--source", elsewhere, "--transport", "udp", "--fps", "0")
    took["source and transport"] = changes.enters(name, "connecting", *udp)
    changes.live(name)
    assert changes.rate(name, 2.0) >= 3
    took["pause"] = changes.enters(name, "paused", "pause", name)
    until(lambda: changes.history.frames(name, time.time() - 1) == 0, 20, "no more rows")
    took["resume"] = changes.enters(name, "connecting", "resume", name)
    changes.live(name)
    took["rm"] = changes.leaves("rm", name)
    assert _sessions(changes, other) == sessions, f"{other} was read anew"
    return took


def _sessions(changes: Changes, name: str) -> int:
    return int(
        changes.history.ask("SELECT count(DISTINCT session) FROM pose.frame_outcomes WHERE camera = %s", name)[0][0]
    )


def _words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
