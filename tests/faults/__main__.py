"""`make faults`: hundreds of outages on twenty cameras at once; the report goes to docs/reliability.md."""

from __future__ import annotations

import argparse
import gc
import random
import sys
import tempfile
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from pipeline.video.live.options import LiveOptions
from tests.faults.arena import GOP_S, clip_files
from tests.faults.report import write_report
from tests.rtsp.cameras import CameraServer
from tests.rtsp.proxy import Proxy, Weather
from tests.rtsp.watch import Watch

CODECS = ("h264", "b_frames", "h265", "mjpeg", "audio")


@dataclass
class Patient:
    """One camera: its server, the proxy before it, who reads it."""

    name: str
    server: CameraServer
    proxy: Proxy
    watch: Watch


@dataclass
class Outage:
    """One outage of one kind.

    Attributes:
        seen_s: From its beginning until the camera was anything but live; None where nothing has to be seen.
        back_s: From its end to the first picture.
    """

    kind: str
    camera: str
    seen_s: float | None
    back_s: float | None
    error: str = ""


Fault = Callable[[Patient, random.Random], Callable[[], None]]
"""Begins an outage; what it gives ends it."""

FAULTS: dict[str, Fault] = {}


def fault(name: str) -> Callable[[Fault], Fault]:
    def keep(work: Fault) -> Fault:
        FAULTS[name] = work
        return work

    return keep


@fault("refuse")
def _refuse(p: Patient, chance: random.Random) -> Callable[[], None]:
    p.proxy.refuse()
    return p.proxy.listen


@fault("say nothing")
def _mute(p: Patient, chance: random.Random) -> Callable[[], None]:
    p.proxy.mute()
    p.proxy.finish()
    return lambda: (p.proxy.mute(False), p.proxy.reset())[0]


@fault("answers 401")
def _unauthorized(p: Patient, chance: random.Random) -> Callable[[], None]:
    return _answering(p, "401 Unauthorized")


@fault("answers 404")
def _not_found(p: Patient, chance: random.Random) -> Callable[[], None]:
    return _answering(p, "404 Not Found")


@fault("answers 453")
def _busy(p: Patient, chance: random.Random) -> Callable[[], None]:
    return _answering(p, "453 Not Enough Bandwidth")


@fault("answers 503")
def _broken(p: Patient, chance: random.Random) -> Callable[[], None]:
    return _answering(p, "503 Service Unavailable")


@fault("network stalls")
def _stall(p: Patient, chance: random.Random) -> Callable[[], None]:
    p.proxy.stall()
    return p.proxy.go_on


@fault("frozen, reports alive")
def _freeze(p: Patient, chance: random.Random) -> Callable[[], None]:
    p.proxy.freeze()
    return p.proxy.go_on


@fault("process stopped")
def _pause(p: Patient, chance: random.Random) -> Callable[[], None]:
    p.server.pause()
    return p.server.go_on


@fault("reboot")
def _kill(p: Patient, chance: random.Random) -> Callable[[], None]:
    p.server.kill()
    return p.server.start


@fault("reset")
def _reset(p: Patient, chance: random.Random) -> Callable[[], None]:
    p.proxy.reset()
    return _nothing


@fault("finish")
def _finish(p: Patient, chance: random.Random) -> Callable[[], None]:
    p.proxy.finish()
    return _nothing


@fault("reader killed")
def _killed(p: Patient, chance: random.Random) -> Callable[[], None]:
    _signal(p, "kill")
    return _nothing


@fault("reader hangs")
def _hangs(p: Patient, chance: random.Random) -> Callable[[], None]:
    _signal(p, "suspend")
    return _nothing


@fault("damaged packets")
def _damage(p: Patient, chance: random.Random) -> Callable[[], None]:
    p.proxy.damage(flip=0.05, drop=0.05)
    time.sleep(chance.uniform(0.5, 2))
    p.proxy.damage()
    return _nothing


@fault("media time jumps")
def _jump(p: Patient, chance: random.Random) -> Callable[[], None]:
    p.proxy.jump_media_time(chance.choice((-900_000, 2**31, 450_000)))
    return _nothing


@fault("clock steps")
def _clock(p: Patient, chance: random.Random) -> Callable[[], None]:
    p.proxy.set_camera_clock(chance.choice((-3600, 0, 3600)))
    return _nothing


def _answering(p: Patient, status: str) -> Callable[[], None]:
    p.proxy.answer(status)
    p.proxy.reset()

    def end() -> None:
        p.proxy.answer(None)
        p.proxy.finish()

    return end


def _signal(p: Patient, what: str) -> None:
    pid = p.watch.camera.reader_pid
    if pid is not None:
        getattr(psutil.Process(pid), what)()


def _nothing() -> None:
    pass


_UNSEEN = ("damaged packets", "media time jumps", "clock steps")
"""Do not interrupt a camera."""


def outage(p: Patient, kind: str, chance: random.Random) -> Outage:
    """Carry one out."""
    watch = p.watch
    watch.wait(lambda: watch.state == "live", 60, "live before")
    began, before = time.monotonic(), len(watch.changes)
    end = FAULTS[kind](p, chance)
    seen: float | None = None
    if kind not in _UNSEEN:
        watch.wait(lambda: any(c.state != "live" for _, c in watch.changes[before:]), 20, "to be seen")
        seen = next(when for when, change in watch.changes[before:] if change.state != "live") - began
    if end is not _nothing:
        time.sleep(chance.uniform(0.2, 4.0))
    end()
    ended, pictures = time.monotonic(), len(watch.pictures)
    watch.wait(lambda: len(watch.pictures) > pictures and watch.state == "live", 60, "a picture")
    return Outage(kind, p.name, seen, time.monotonic() - ended)


@dataclass
class Held:
    """What this process and its children hold."""

    handles: int = 0
    threads: int = 0
    children: int = 0
    shared: int = 0
    rss: int = 0
    readers_rss: int = 0
    names: list[str] = field(default_factory=list)

    @classmethod
    def now(cls) -> Held:
        gc.collect()
        own = psutil.Process()
        readers = [child for child in own.children() if "pipeline.video.reader.child" in " ".join(child.cmdline())]
        links = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        return cls(
            handles=own.num_fds(),
            threads=own.num_threads(),
            children=len(own.children()),
            shared=sum("posebus-camera" in link for link in links),
            rss=own.memory_info().rss,
            readers_rss=max((child.memory_info().rss for child in readers), default=0),
            names=sorted(thread.name for thread in threading.enumerate()),
        )


def run(outages: int, cameras: int, seed: int, folder: Path) -> tuple[list[Outage], list[Held], float]:
    """All outages, what is held (before, with all cameras live, after all outages, at the end), and the seconds."""
    files = clip_files(folder)
    weather = Weather()
    levels = [Held.now()]
    patients: list[Patient] = []
    began = time.monotonic()
    try:
        for i in range(cameras):
            server = CameraServer({"x": files[CODECS[i % len(CODECS)]]})
            proxy = weather.proxy(server.port, seed + i)
            patients.append(Patient(f"camera {i}", server, proxy, Watch(LiveOptions(proxy.url("x")))))
        for patient in patients:
            patient.watch.wait(lambda p=patient: p.watch.state == "live", 60, "live")
        time.sleep(3)
        levels.append(Held.now())
        kinds = [kind for _ in range(-(-outages // len(FAULTS))) for kind in FAULTS][:outages]
        random.Random(seed).shuffle(kinds)
        shares: dict[int, list[str]] = defaultdict(list)
        for i, kind in enumerate(kinds):
            shares[i % cameras].append(kind)
        with ThreadPoolExecutor(cameras) as pool:
            done = [
                each
                for found in pool.map(
                    lambda i: _all_of(patients[i], shares[i], random.Random(seed + i)), range(cameras)
                )
                for each in found
            ]
        time.sleep(3)
        levels.append(Held.now())
        for patient in patients:
            _check_times(patient)
    finally:
        for patient in patients:
            patient.watch.close()
            patient.server.close()
        weather.close()
    levels.append(Held.now())
    return done, levels, time.monotonic() - began


def _all_of(patient: Patient, kinds: list[str], chance: random.Random) -> list[Outage]:
    found = []
    for kind in kinds:
        try:
            found.append(outage(patient, kind, chance))
        except Exception as error:  # noqa: BLE001  one lost outage is told, the others go on
            traceback.print_exc()
            found.append(Outage(kind, patient.name, None, None, str(error)))
        time.sleep(chance.uniform(0.0, 1.0))
    return found


def _check_times(patient: Patient) -> None:
    events = np.array([event for _, _, event in patient.watch.pictures])
    assert (np.diff(events) > 0).all(), f"{patient.name}: event time went back"


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--outages", type=int, default=500)
    words.add_argument("--cameras", type=int, default=20)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--report", type=Path, help="where to write it (docs/reliability.md)")
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outages, levels, took_s = run(given.outages, given.cameras, given.seed, Path(folder))
    text, failures = write_report(outages, levels, given.cameras, took_s, GOP_S, given.report)
    sys.stdout.write(text)
    if failures:
        sys.exit("; ".join(failures))


if __name__ == "__main__":
    main()
