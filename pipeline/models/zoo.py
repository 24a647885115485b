"""The models known by name: what they are, and where on this machine their files lie."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import yaml

from pipeline.core.errors import ModelError

BUNDLED = "blazepose"
"""The pack of the models that are used where none is named."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A model of the zoo.

    Attributes:
        name: What it is called in the configuration.
        task: Finds people, or finds their keypoints.
        kind: Which adapter runs it, a key of `kinds.DETECTORS` or `kinds.ESTIMATORS`.
        pack: Models that are pulled together.
        file: Name of its file in the folder of models.
        input, output: What goes in and comes out, for people to read.
        skeleton: Of its keypoints, a key of `skeletons.SKELETONS`; None for a detector.
        sha256: Of the file.
        licence: SPDX name.
        source: Where the file was published, for people.
        size: Side of its pictures where the file leaves it open.
        wheel: The published wheel that carries the file, as a pinned requirement, and
        path: of the file in that wheel; or
        url: where the file itself is fetched; or none of them: who uses it puts it in the folder of models.
    """

    name: str
    task: Literal["detect", "pose"]
    kind: str
    pack: str
    file: str
    input: str
    output: str
    skeleton: str | None
    sha256: str
    licence: str
    source: str
    size: int | None = None
    wheel: str | None = None
    path: str | None = None
    url: str | None = None

    @property
    def bundled(self) -> bool:
        """Whether it is among the models that a configuration without any uses."""
        return self.pack == BUNDLED


@cache
def entries() -> Mapping[str, Entry]:
    """All models by name."""
    content = yaml.safe_load(Path(__file__).with_name("zoo.yaml").read_text(encoding="utf-8"))
    return {name: Entry(name=name, **fields) for name, fields in content.items()}


def entry(name: str) -> Entry:
    """The model of this name. Raises ModelError."""
    if name not in entries():
        raise ModelError(f"no model is called {name!r}, there are {', '.join(entries())}", hint="posebus models ls")
    return entries()[name]


def find(name: str, home: Path) -> Path:
    """Where the file of a model lies: in the folder of models under `home`, else in an installed wheel that carries it.

    Raises ModelError where it is nowhere, or where the file in the folder of models is not the one that it should be.
    """
    model = entry(name)
    own = models_folder(home) / model.file
    if own.is_file():
        checked(own, model.sha256, hint=how_to_get(model))
        return own
    carried = _in_installed_wheel(model.path) if model.path else None
    if carried is not None and sha256_of(carried) == model.sha256:
        return carried
    raise ModelError(f"the file of model {name} is not on this machine: {own}", hint=how_to_get(model))


def how_to_get(model: Entry) -> str:
    """What to do about a file that is absent."""
    if model.wheel:
        return f"posebus models pull {model.pack} puts the right file there (out of the wheel {model.wheel})"
    if model.url:
        return f"posebus models pull {model.pack} puts the right file there (from {model.url})"
    return f"put it there: it is from {model.source}, and nothing that can be pulled carries it"


def models_folder(home: Path) -> Path:
    """Where pulled models rest."""
    return home / "models"


def checked(path: Path, sha256: str, *, hint: str) -> None:
    """Raises ModelError where the file cannot be read or its hash is another one."""
    try:
        found = sha256_of(path)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})", hint=hint) from error
    if found != sha256.lower():
        raise ModelError(f"{path}: its sha256 is {found}, expected {sha256.lower()}", hint=hint)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _in_installed_wheel(path: str) -> Path | None:
    """Where a file of an installed package lies; the package is not imported."""
    package, _, rest = path.partition("/")
    spec = find_spec(package)
    for folder in spec.submodule_search_locations or () if spec else ():
        place = Path(folder) / rest
        if place.is_file():
            return place
    return None
