"""What a broker is run with: a Java, and the jars that Maven fetches once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

_POM = Path(__file__).with_name("pom.xml")
_CACHE = Path(__file__).parents[2] / "build"
_OLDEST_JAVA = 17


class BrokerError(RuntimeError):
    """A broker did not start; the message ends with the tail of its log."""


class MissingProgram(BrokerError):
    """Java or Maven is not there."""


@cache
def java() -> str:
    """The Java to run with. Raises MissingProgram."""
    home = os.environ.get("JAVA_HOME")
    for candidate in (home and f"{home}/bin/java", shutil.which("java")):
        if candidate and os.access(candidate, os.X_OK):
            said = subprocess.run([candidate, "-version"], capture_output=True, text=True, check=False).stderr
            version = re.search(r'version "(\d+)', said)
            if version is not None and int(version[1]) >= _OLDEST_JAVA:
                return candidate
    raise MissingProgram(f"no Java {_OLDEST_JAVA} or newer")


@cache
def jars() -> Path:
    """The folder of jars; they are fetched when the pom has changed. Raises MissingProgram, BrokerError."""
    folder = _CACHE / f"kafka-{hashlib.sha256(_POM.read_bytes()).hexdigest()[:12]}"
    _CACHE.mkdir(exist_ok=True)
    with (_CACHE / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            partial = folder.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            _fetch(partial)
            partial.rename(folder)
    return folder


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise MissingProgram("no Maven (mvn)")
    said = ""
    for offline in (["--offline"], []):  # without a question to the network where nothing is missing
        done = subprocess.run(
            [maven, "-B", "-q", *offline, "-f", _POM, "dependency:copy-dependencies", f"-DoutputDirectory={folder}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
            check=False,
        )
        if done.returncode == 0:
            return
        said = done.stdout
    raise BrokerError(f"Maven could not fetch the jars of the broker:\n{said[-2000:]}")
