from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import ConfigError
from pipeline.exchange.files import remove_leftovers, safe_name, whole_file


def test_a_file_that_fails_leaves_nothing_and_the_old_one_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def write_half() -> None:
        with whole_file(path) as file:
            file.write(b"new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()

    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert path.read_bytes() == b"old"


def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(ConfigError, match="cannot be written: Not a directory"), whole_file(tmp_path / "a" / "b"):
        pass


def test_a_full_disk_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    """The limit on the size of files stands for the disk: the same call fails in the same place."""
    code = (
        "import resource, signal, sys; from pathlib import Path; from pipeline.core.errors import ConfigError\n"
        "from pipeline.exchange.files import whole_file\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (5_000_000,) * 2)\n"
        "try:\n"
        "    with whole_file(Path(sys.argv[1])) as file:\n"
        "        for _ in range(10): file.write(bytes(1_000_000))\n"
        "except ConfigError as error: print(error.message, '|', error.hint)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a")], capture_output=True, text=True, check=True, timeout=60
    ).stdout

    assert "cannot be written: File too large | free some space" in told
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_program_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "gym").mkdir()
    (tmp_path / "gym" / ".2026.csv.partial").write_bytes(b"half")
    (tmp_path / "gym" / "2025.csv").write_bytes(b"whole")

    remove_leftovers(tmp_path)

    assert [p.name for p in (tmp_path / "gym").iterdir()] == ["2025.csv"]


@settings(deadline=None)
@given(st.text(min_size=1), st.text(min_size=1))
def test_names_of_cameras_are_names_of_files_each_its_own(a: str, b: str) -> None:
    assert (safe_name(a) == safe_name(b)) == (a == b)
    for name in (safe_name(a), safe_name("../" + a), safe_name(a * 200)):
        assert "/" not in name
        assert "\0" not in name
        assert not name.startswith(".")
        assert len(name.encode()) < 200
