"""How far exports and imports say that they are: over the time of the poses, and over the bytes of the file."""

from __future__ import annotations

import csv
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.tables import Selection
from pipeline.database import Database
from pipeline.database.extract import PoseReader
from pipeline.exchange.arrow import read_parquet
from pipeline.exchange.coco_reader import read_coco
from pipeline.exchange.csv_reader import read_csv
from pipeline.exchange.export import DIARY, Export, Progressed, export_file, export_folder
from pipeline.exchange.formats import FORMATS
from tests.builders import figure
from tests.integration.exchange.history import Posebus
from tests.stored_people import START_US, motions

HOUR_US = 3_600_000_000
SECOND_US = 1_000_000


@pytest.fixture
def history(database: Database) -> Database:
    """Two cameras: one films a second in each of three hours, the other two seconds."""
    hours = [motions(seconds=1.0, start_us=START_US + n * HOUR_US, session=n + 1) for n in range(3)]
    ward = motions(camera="ward", camera_no=2, seconds=2.0)
    for name in ("gym", "ward"):
        database.registry().camera_no(name)
    for records in (*hours, ward):
        database.sink().write(records)
    return database


def exported(database: Database, wish: Export, out: Path) -> list[Progressed]:
    """What was told of it, which only grows."""
    reader, told = PoseReader(database.address), list[Progressed]()
    try:
        if out.suffix:
            export_file(reader, wish, out, told.append)
        else:
            export_folder(reader, wish, out, START_US + 9 * HOUR_US, told.append)
    finally:
        reader.close()
    assert all(a.done_us <= b.done_us and a.poses <= b.poses for a, b in pairwise(told))
    return told


def test_an_export_goes_over_the_time_of_each_camera(history: Database, tmp_path: Path) -> None:
    frame_us = SECOND_US // 25
    gym_us, ward_us = 2 * HOUR_US + SECOND_US - frame_us + 1, 2 * SECOND_US - frame_us + 1

    told = exported(history, Export(FORMATS["csv"], Selection()), tmp_path / "all.csv")

    assert {each.total_us for each in told} == {gym_us + ward_us}
    # After each of the three hours, and the other camera.
    assert [each.done_us for each in told] == [
        *(n * HOUR_US + SECOND_US - frame_us + 1 for n in range(3)),
        gym_us + ward_us,
    ]
    assert [each.poses for each in told] == [50, 100, 150, 250]


def test_a_range_of_time_is_all_of_the_way(history: Database, tmp_path: Path) -> None:
    within = Selection(from_us=START_US + HOUR_US, to_us=START_US + HOUR_US + SECOND_US // 2, cameras=("gym",))

    told = exported(history, Export(FORMATS["coco"], within), tmp_path / "some.json")

    assert told[-1].done_us == told[-1].total_us <= SECOND_US // 2


def test_tracks_are_gone_through_one_by_one_and_what_is_kept_counts(history: Database, tmp_path: Path) -> None:
    wish = Export(FORMATS["trc"], Selection())
    out = tmp_path / "people"

    told = exported(history, wish, out)

    assert len(told) > 4
    assert told[-1].done_us == told[-1].total_us
    # As if killed before the last file was done.
    lines = (out / DIARY).read_text().splitlines(keepends=True)
    (out / DIARY).write_text("".join(lines[:-2]))
    again = exported(history, wish, out)
    assert len(again) == 1
    assert again[0].done_us == again[0].total_us


@pytest.mark.parametrize("form", ["parquet", "coco", "csv"])
def test_an_import_goes_over_the_bytes_of_the_file(
    database: Database, posebus: Posebus, dsn: str, tmp_path: Path, form: str
) -> None:
    path, told = tmp_path / f"poses.{form}", list[int]()
    if form == "csv":
        opened: Any = read_csv(walked(path), size=(1280, 720))
        assert sum(1 for _ in opened.people(25.0, told.append)) == 2000
    else:
        database.registry().camera_no("gym")
        database.sink().write(motions())
        posebus("export", "--db", dsn, "-o", str(path), "--format", form)
        if form == "coco":
            assert sum(1 for _ in read_coco(path).people(None, told.append)) == 100
        else:
            assert sum(map(len, read_parquet(path, told.append))) == 200

    assert told == sorted(told)
    assert told[-1] == path.stat().st_size
    if form != "parquet":  # that one has a single row group
        assert 0 < told[0] < told[len(told) // 2] < told[-1]


def walked(path: Path, frames: int = 2000) -> Path:
    """A CSV of one person who stands."""
    points = figure("coco17")[:, :2] * 300 + 350
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([f"{axis}{k + 1}" for k in range(len(points)) for axis in "xy"])
        writer.writerows([points.round(2).ravel().tolist()] * frames)
    return path


def test_nobody_needs_to_ask(history: Database, tmp_path: Path) -> None:
    assert exported(history, replace(Export(FORMATS["mot"], Selection()), fps=5.0), tmp_path / "mot")[-1].total_us > 0
