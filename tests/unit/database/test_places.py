from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.core.errors import DatabaseError
from pipeline.database import binaries
from pipeline.database.places import (
    SOCKET_NAME,
    SOCKET_PATH_LIMIT,
    Runner,
    database_folder,
    reachable_by_others,
    socket_folder,
)

US = Runner(os.geteuid(), os.getegid(), switch=False)


def test_a_short_folder_holds_its_own_socket(tmp_path: Path) -> None:
    folder = Path("/srv/with space")

    assert socket_folder(folder, US) == folder


@pytest.mark.parametrize("name", ["x" * 120, "a, b"])
def test_a_long_folder_or_one_with_a_comma_gets_a_short_private_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    folder = Path("/srv") / name

    short = socket_folder(folder, US)

    try:
        assert len(os.fsencode(short / SOCKET_NAME)) <= SOCKET_PATH_LIMIT
        assert short.stat().st_mode & 0o077 == 0
        assert socket_folder(folder, US) == short
    finally:
        short.rmdir()


def test_a_short_folder_that_others_can_enter_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    folder = Path("/srv") / ("y" * 120)
    short = socket_folder(folder, US)
    short.chmod(0o755)

    try:
        with pytest.raises(DatabaseError, match="no place for the socket"):
            socket_folder(folder, US)
    finally:
        short.rmdir()


def test_the_database_folder_is_private(tmp_path: Path) -> None:
    folder = database_folder(tmp_path / "home", US)

    assert folder == tmp_path / "home" / "database"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_home_that_the_servers_user_cannot_reach_links_to_a_folder_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "SYSTEM_FOLDER", tmp_path / "system")
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    assert not reachable_by_others(home)
    other = Runner(os.geteuid(), os.getegid(), switch=True)

    folder = database_folder(home, other)

    assert folder.parent == tmp_path / "system"
    assert (home / "database").resolve() == folder
    home.chmod(0o755)
    assert database_folder(home, other) == folder


def test_a_folder_of_another_user_is_told(tmp_path: Path) -> None:
    database_folder(tmp_path, US)

    with pytest.raises(DatabaseError, match="belongs to another user"):
        database_folder(tmp_path, Runner(US.uid + 1, US.gid, switch=False))


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")

    with pytest.raises(DatabaseError, match=r"cannot be made.*(File exists|Not a directory)"):
        database_folder(tmp_path / "home", US)
