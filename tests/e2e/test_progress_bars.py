"""What a terminal shows while poses are exported and imported."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.database import open_database
from tests.e2e.screen import Screen
from tests.homes import Server, new_database
from tests.stored_people import motions

_BAR = re.compile("\u2501{10,}")


def shown(*words: str, home: Path) -> str:
    """All that it wrote, without what moves the cursor."""
    with Screen(*words, home=home) as screen:
        assert screen.ended() == 0, screen.text
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.text)


def test_bars_of_an_export_and_an_import(server: Server, tmp_path: Path) -> None:
    dsn, other = new_database(server), new_database(server)
    with open_database(dsn, Path("unused"), migrate=False) as database:
        database.registry().camera_no("gym")
        database.sink().write(motions(seconds=40.0))
    file = tmp_path / "gym.parquet"

    written = shown("export", "--db", dsn, "-o", str(file), home=tmp_path)
    read = shown("import", "--db", other, str(file), home=tmp_path)

    assert _BAR.search(written)
    assert "100%" in written
    assert "2000 poses, up to 2023-11-14 22:13" in written
    assert "gym.parquet: 2000 poses, 1 file" in written
    assert _BAR.search(read)
    assert "1000 frames" in read
    size = file.stat().st_size / 1e3
    assert f"{size:.1f}/{size:.1f} kB" in read
    assert "2000 poses of 1000 frames as gym" in read
