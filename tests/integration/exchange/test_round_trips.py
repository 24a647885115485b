"""Out of one database by `posebus export`, into another by `posebus import`."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from pipeline.cli.main import app
from pipeline.core.errors import ConfigError, DatabaseError, PosebusError
from pipeline.core.tables import PoseTable, Selection, joined
from pipeline.core.values import Motions
from pipeline.database import Database, open_database
from pipeline.database.extract import PoseReader
from pipeline.database.held import grant, revoke
from pipeline.exchange.export import DIARY
from tests.integration.exchange.history import Posebus, read, rows
from tests.stored_people import START_US, motions, of, table_of

DAY_US = 86_400_000_000


def stored(database: Database, *filmed: Sequence[Any]) -> None:
    for records in filmed:
        assert database.registry().camera_no(records[0].stamp.camera) == records[0].stamp.camera_no
        database.sink().write(records)


def same(found: Sequence[PoseTable], wanted: PoseTable) -> None:
    whole = joined(found)
    for name in PoseTable.__slots__:
        np.testing.assert_array_equal(getattr(whole, name), getattr(wanted, name), err_msg=name)


def test_what_was_stored_is_read_to_the_bit(database: Database) -> None:
    gym = motions(hide={1: (1.0, 2.0)})
    ward = motions(camera="ward", camera_no=2, skeleton="coco17", world=False, seconds=1.0, start_us=START_US + 5)
    night = motions(
        camera="ward", camera_no=2, skeleton="coco17", world=False, seconds=1.0, start_us=START_US + 3 * DAY_US
    )
    replay = motions(seconds=0.4, run=4)
    stored(database, gym, ward, night, replay)

    tables = read(database)

    same([t for t in tables if t.camera == "gym"], table_of(gym))
    same([t for t in tables if t.camera == "ward"], joined([table_of(ward), table_of(night)]))
    same(read(database, Selection(run=4)), table_of(replay))
    one = table_of(gym)
    track = int(one.track_id.max())
    same(read(database, Selection(tracks=(track,))), one.taken(one.track_id == track))
    within = Selection(from_us=START_US + 500_000, to_us=START_US + 700_000, cameras=("gym",))
    same(read(database, within), one.taken((one.at_us >= within.from_us) & (one.at_us < within.to_us)))
    assert read(database, Selection(to_us=START_US)) == []


@pytest.mark.parametrize("target", ["all.parquet", "folder/"])
def test_parquet_into_an_empty_database_gives_the_same_rows(
    target: str, database: Database, dsn: str, other_dsn: str, posebus: Posebus
) -> None:
    ward = motions(camera="ward", camera_no=2, skeleton="halpe26", world=False, seconds=1.0, session=7)
    stored(
        database,
        motions(hide={0: (1.0, 1.4)}),
        ward,
        motions(camera="ward", camera_no=2, session=8, start_us=START_US + DAY_US, seconds=0.4),
    )

    posebus("export", "--db", dsn, "-o", target, "--format", "parquet")
    posebus("import", "--db", other_dsn, target)

    assert rows(other_dsn) == rows(dsn) != []
    assert rows(other_dsn, "tracks") == rows(dsn, "tracks")
    assert rows(other_dsn, "frame_outcomes") == rows(dsn, "frame_outcomes")
    posebus("import", "--db", other_dsn, target)
    assert rows(other_dsn) == rows(dsn)
    assert rows(other_dsn, "frame_outcomes") == rows(dsn, "frame_outcomes")


def test_parquet_under_another_name_run_and_time(database: Database, dsn: str, posebus: Posebus) -> None:
    gym = motions(seconds=1.0)
    stored(database, gym)
    posebus("export", "--db", dsn, "-o", "gym.parquet")
    posebus(
        "import", "--db", dsn, "gym.parquet", "--camera", "copy", "--run", "3", "--start-time", "2024-02-03T04:05:06Z"
    )

    copy, original = joined(read(database, Selection(run=3))), table_of(gym)

    assert copy.camera == "copy"
    np.testing.assert_array_equal(copy.keypoints, original.keypoints)
    np.testing.assert_array_equal(copy.at_us - copy.at_us[0], original.at_us - original.at_us[0])
    assert copy.at_us[0] == 1_706_933_106_000_000
    assert set((copy.track_id >> 48).tolist()) == {2}


def test_a_folder_of_days_is_moved_as_a_whole(database: Database, dsn: str, posebus: Posebus) -> None:
    days = [motions(seconds=0.2, start_us=START_US + i * DAY_US, session=i + 1) for i in range(2)]
    stored(database, *days)
    posebus("export", "--db", dsn, "-o", "days/", "-f", "parquet")
    posebus("import", "--db", dsn, "days/", "--run", "2", "--start-time", "2024-02-03T04:05:06Z")

    moved = joined(read(database, Selection(run=2)))
    assert moved.at_us[0] == 1_706_933_106_000_000
    assert moved.at_us[-1] - moved.at_us[0] == DAY_US + 160_000


def test_two_exports_into_one_folder_do_not_mix(database: Database, dsn: str, posebus: Posebus, tmp_path: Path) -> None:
    stored(database, motions(seconds=0.2))
    (tmp_path / "out").mkdir()
    with (tmp_path / "out" / DIARY).open("a") as diary:
        fcntl.flock(diary, fcntl.LOCK_EX)
        with pytest.raises(ConfigError, match="another process exports into out"):
            posebus("export", "--db", dsn, "-o", "out/", "-f", "csv")


@pytest.fixture
def held(database: Database) -> Iterator[str]:
    """A login that sees the camera gym alone."""
    name = f"held_exporter_{os.getpid()}"
    database.registry().camera_no("gym")
    grant(database.address, name, ["gym"])
    yield name
    with database.address.connect("owner") as owner:
        owner.execute(f"DROP OWNED BY {name}; DROP ROLE {name}".encode())


def test_a_login_held_to_some_cameras_exports_these(
    database: Database, dsn: str, posebus: Posebus, held: str, tmp_path: Path
) -> None:
    ward = database.registry().camera_no("ward")
    stored(database, [*motions(seconds=0.4), *motions(camera="ward", camera_no=ward, seconds=0.4)])
    theirs = dsn.replace("postgres@", f"{held}@")

    posebus("export", "--db", theirs, "-o", "held.csv")
    posebus("export", "--db", theirs, "-o", "held/", "-f", "trc")
    posebus("export", "--db", dsn, "-o", "gym.csv", "--camera", "gym")

    assert (tmp_path / "held.csv").read_text() == (tmp_path / "gym.csv").read_text()
    assert {path.parent.name for path in (tmp_path / "held").rglob("*.trc")} == {"gym"}
    with pytest.raises(ConfigError, match="no camera ward was ever stored") as told:
        posebus("export", "--db", theirs, "-o", "ward.csv", "--camera", "ward")
    assert told.value.hint == "there are: gym"
    with pytest.raises(ConfigError, match="no poses are stored there"):
        posebus("export", "--db", theirs, "-o", "ward.csv", "--track", str(ward << 48 | 1))
    assert posebus("query", "SELECT DISTINCT camera FROM poses", "--db", theirs, "-f", "csv").output == "camera\ngym\n"


def test_a_login_without_cameras_is_told(database: Database, dsn: str, posebus: Posebus, held: str) -> None:
    stored(database, motions(seconds=0.2))
    revoke(database.address, held, None)

    with pytest.raises(DatabaseError, match="may not read the tables of poses") as told:
        posebus("export", "--db", dsn.replace("postgres@", f"{held}@"), "-o", "a.csv")

    assert "was granted cameras" in str(told.value.hint)


def test_coco_keeps_what_is_on_the_picture_and_who_it_is(
    database: Database, dsn: str, other_dsn: str, posebus: Posebus
) -> None:
    stored(database, motions(hide={1: (1.0, 2.0)}))
    posebus("export", "--db", dsn, "-o", "gym.json")
    posebus("import", "--db", other_dsn, "gym.json", "--camera", "gym")
    first = rows(other_dsn)
    posebus("import", "--db", other_dsn, "gym.json", "--camera", "gym")

    assert rows(other_dsn) == first
    with open_database(other_dsn, Path("unused"), migrate=False) as other:
        copy = joined(read(other))
    original = joined(read(database))
    for name in ("at_us", "seq", "width", "height", "xyxy", "score", "keypoint_score"):
        np.testing.assert_array_equal(getattr(copy, name), getattr(original, name), err_msg=name)
    np.testing.assert_array_equal(copy.keypoints[:, :, :2], original.keypoints[:, :, :2])
    np.testing.assert_array_equal(copy.flags, original.flags & 1)  # doubtful has no place in COCO
    pairs = set(zip(copy.track_id.tolist(), original.track_id.tolist(), strict=True))
    assert len(pairs) == 2


def test_an_export_that_was_cut_off_goes_on_and_writes_nothing_twice(
    database: Database, dsn: str, posebus: Posebus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [motions(seconds=0.4, start_us=START_US + i * DAY_US, session=i + 1) for i in range(4)]
    stored(database, *days)
    whole = posebus("export", "--db", dsn, "-o", "whole/", "-f", "parquet", "--long", "--to", "2024-01-01").output
    poses = PoseReader.poses
    asked: list[int] = []

    def breaking(self: PoseReader, selection: Selection) -> Any:
        asked.append(selection.from_us)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return poses(self, selection)

    arguments = ("export", "--db", dsn, "-o", "part/", "-f", "parquet", "--long", "--to", "2024-01-01")
    with monkeypatch.context() as patch:
        patch.setattr(PoseReader, "poses", breaking)
        assert CliRunner().invoke(app, arguments).exit_code != 0
    (tmp_path / "part/gym/.2023-11-16.parquet.partial").write_bytes(b"a process that was killed leaves this")
    done = sorted((tmp_path / "part").rglob("*.parquet"))
    assert len(done) == 2
    times = [path.stat().st_mtime_ns for path in done]

    again = posebus(*arguments)

    assert "80 poses, 4 files" in whole
    assert "40 poses, 2 files" in again.output
    assert [path.stat().st_mtime_ns for path in done] == times
    names = sorted(path.name for path in (tmp_path / "part" / "gym").iterdir())
    assert names == [f"2023-11-{day}.parquet" for day in (14, 15, 16, 17)]
    for name in names:
        assert (tmp_path / "part/gym" / name).read_bytes() == (tmp_path / "whole/gym" / name).read_bytes()
    with pytest.raises(ConfigError, match="holds all of this export already"):
        posebus(*arguments)
    with pytest.raises(ConfigError, match="holds another export: its format"):
        posebus("export", "--db", dsn, "-o", "part/", "-f", "csv", "--to", "2024-01-01")


def test_files_of_people_and_what_has_no_metres(database: Database, dsn: str, posebus: Posebus, tmp_path: Path) -> None:
    flat = motions(camera="ward", camera_no=2, skeleton="coco17", world=False, seconds=0.4)
    stored(database, motions(seconds=1.0), flat)

    for form in ("trc", "bvh", "mot"):
        told = posebus("export", "--db", dsn, "-o", f"{form}/", "-f", form)
        files = sorted(path.name for path in (tmp_path / form).rglob(f"*.{form}"))
        assert files[:2] == [f"1-20231114T221320Z.{form}", f"{'1' if form == 'mot' else '2'}-20231114T221320Z.{form}"]
        assert ("2 tracks have no world metres" in told.output) == (form != "mot")
    with pytest.raises(ConfigError, match="holds one person, 4 tracks are meant"):
        posebus("export", "--db", dsn, "-o", "one.trc")
    track = next(of(motions(seconds=0.1), Motions)).value.track_id[0]
    posebus("export", "--db", dsn, "-o", "one.trc", "--track", str(track))
    assert (tmp_path / "one.trc").read_text().startswith("PathFileType\t4\t(X/Y/Z)\tone.trc\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-o", "a.xyz"), "does not tell the format"),
        (("-o", "a.csv", "--camera", "gim"), "no camera gim was ever stored.*did you mean gym"),
        (("-o", "a.csv", "--camera", "'; DROP TABLE pose_raw.poses; --"), "was ever stored"),
        (("-o", "a.csv", "--from", "yesterday"), "--from yesterday is no time"),
        (("-o", "a.csv", "--from", "2024-01-02", "--to", "2024-01-01"), "is not before"),
        (("-o", "a.csv", "--to", "2020-01-01"), "no poses are stored there"),
        (("-o", "missing/a.csv"), "cannot be written: there is no folder missing"),
        (("-o", "full.csv"), "exists already"),
        (("-o", "full.csv/", "-f", "csv"), "is a file"),
        (("-o", "a.csv", "--skeleton", "coco71"), "--skeleton coco71 is not known"),
        (("-o", "a.coco", "-f", "coco", "--long"), "--long has no meaning"),
        (("-o", "a.csv", "--fps", "30"), "--fps has no meaning"),
    ],
)
def test_what_cannot_be_done_is_told(
    arguments: tuple[str, ...], said: str, database: Database, dsn: str, posebus: Posebus, tmp_path: Path
) -> None:
    stored(database, motions(seconds=0.1))
    (tmp_path / "full.csv").write_text("mine")

    with pytest.raises(PosebusError, match=f"(?s){said}"):
        posebus("export", "--db", dsn, *arguments)

    assert [path.name for path in tmp_path.iterdir()] == ["full.csv"]
    assert (tmp_path / "full.csv").read_text() == "mine"


def test_without_pyarrow_the_extra_is_named(dsn: str, posebus: Posebus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(ConfigError) as told:
        posebus("export", "--db", dsn, "-o", "a.parquet")

    assert told.value.hint == "pip install 'posebus[parquet]'"


def test_converted_to_coco17(database: Database, dsn: str, posebus: Posebus, tmp_path: Path) -> None:
    stored(database, motions(seconds=0.2))

    posebus("export", "--db", dsn, "-o", "a.json", "--skeleton", "coco17")

    content = json.loads((tmp_path / "a.json").read_text())
    assert len(content["categories"][0]["keypoints"]) == 17
    assert {len(annotation["keypoints"]) for annotation in content["annotations"]} == {51}
