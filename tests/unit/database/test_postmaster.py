from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from pipeline.database import postmaster
from pipeline.database.places import SOCKET_NAME
from pipeline.database.postmaster import Postmaster, find_postmaster, forget_stranger


@pytest.mark.parametrize("content", ["", "\n", "not a number\n", "0\n", "-1\n", "1\n"])
def test_a_file_that_names_no_process_names_no_server(content: str, tmp_path: Path) -> None:
    (tmp_path / "postmaster.pid").write_text(content)

    assert find_postmaster(tmp_path, tmp_path) is None
    forget_stranger(tmp_path, tmp_path)


def test_the_number_of_another_program_is_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "postmaster.pid"
    lock = tmp_path / ".s.PGSQL.5432.lock"
    for held in (file, lock):
        held.write_text(f"{os.getpid()}\n")

    assert find_postmaster(tmp_path, tmp_path) is None
    forget_stranger(tmp_path, tmp_path)
    assert not file.exists()
    assert not lock.exists()


def test_the_number_of_a_dead_server_is_left_to_postgresql(tmp_path: Path) -> None:
    file = tmp_path / "postmaster.pid"
    file.write_text("4194303\n")  # the highest number that Linux gives

    forget_stranger(tmp_path, tmp_path)

    assert file.exists()


def test_where_processes_are_hidden_a_server_is_known_by_its_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postmaster, "_command", lambda _: None)
    (tmp_path / "postmaster.pid").write_text(f"{os.getpid()}\n{tmp_path}\n1\n5432\n{tmp_path}\n\n\nready\n")
    assert find_postmaster(tmp_path, tmp_path) is None

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / SOCKET_NAME))
        listening.listen()
        found = find_postmaster(tmp_path, tmp_path)

    assert found == Postmaster(os.getpid(), str(tmp_path), ready=True)
