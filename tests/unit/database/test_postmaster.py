from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.database.postmaster import find_postmaster, forget_stranger


@pytest.mark.parametrize("content", ["", "\n", "not a number\n", "0\n", "-1\n", "1\n"])
def test_a_file_that_names_no_process_names_no_server(content: str, tmp_path: Path) -> None:
    (tmp_path / "postmaster.pid").write_text(content)

    assert find_postmaster(tmp_path) is None
    forget_stranger(tmp_path, tmp_path)


def test_the_number_of_another_program_is_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "postmaster.pid"
    lock = tmp_path / ".s.PGSQL.5432.lock"
    for held in (file, lock):
        held.write_text(f"{os.getpid()}\n")

    assert find_postmaster(tmp_path) is None
    forget_stranger(tmp_path, tmp_path)
    assert not file.exists()
    assert not lock.exists()


def test_the_number_of_a_dead_server_is_left_to_postgresql(tmp_path: Path) -> None:
    file = tmp_path / "postmaster.pid"
    file.write_text("4194303\n")  # the highest number that Linux gives

    forget_stranger(tmp_path, tmp_path)

    assert file.exists()
