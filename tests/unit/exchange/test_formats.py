"""Each format, read back by a program that is not ours."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pybvh
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from trc import TRCData

from pipeline.core.skeletons import SKELETONS
from pipeline.core.tables import PoseTable
from pipeline.core.vocabulary import ANGLES
from pipeline.exchange.arrow import read_parquet
from pipeline.exchange.bvh import BONES, POINTS, body_points
from pipeline.exchange.export import converted
from pipeline.exchange.files import scratch_file, whole_file
from pipeline.exchange.formats import FORMATS
from pipeline.exchange.writer import WriterOptions
from tests.stored_people import motions, table_of
from tests.unit.exchange.strict import read_mot, read_trc

ARRAYS = [name for name in PoseTable.__slots__ if name not in ("camera", "skeleton")]


def write(name: str, folder: Path, *tables: PoseTable, fps: float | None = None) -> tuple[Path, int]:
    form = FORMATS[name]
    path = folder / f"out{form.suffix}"
    with whole_file(path) as out, scratch_file(folder) as scratch:
        writer = form.open(out, scratch, WriterOptions(path.name, fps))
        for table in tables:
            writer.write(table)
        rows = writer.finish()
    return path, rows


def person(table: PoseTable, number: int = 1) -> PoseTable:
    return table.taken(table.track_id & 0xFF == number)


def same(a: PoseTable, b: PoseTable) -> None:
    assert (a.camera, a.skeleton) == (b.camera, b.skeleton)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


@pytest.fixture(scope="module")
def table() -> PoseTable:
    return table_of(motions(seconds=2.0))


def test_parquet_by_pyarrow_and_duckdb(table: PoseTable, tmp_path: Path) -> None:
    path, rows = write("parquet", tmp_path, table.taken(slice(0, 30)), table.taken(slice(30, None)))

    assert rows == len(table)
    file = pq.read_table(path)
    assert file["track_id"].to_pylist() == table.track_id.tolist()
    np.testing.assert_array_equal(np.array(file["x"].to_pylist(), np.float32), table.keypoints[:, :, 0])
    np.testing.assert_array_equal(np.array(file["world_y"].to_pylist(), np.float32), table.world[:, :, 1])
    about = json.loads(file.schema.metadata[b"posebus"])
    assert about["keypoints"]["blazepose33"] == list(SKELETONS["blazepose33"].keypoints)
    asked = (
        duckdb.connect()
        .execute(
            f"SELECT epoch_us(ts), camera, frame_no, skeleton, x1, score, keypoint_score[4], posture FROM '{path}'"
            " ORDER BY ts, track_id"
        )
        .fetchall()
    )
    expected = list(
        zip(
            *(table.at_us.tolist(), ["gym"] * len(table), table.seq.tolist(), ["blazepose33"] * len(table)),
            *(table.xyxy[:, 0].tolist(), table.score.tolist(), table.keypoint_score[:, 3].tolist()),
            [("unknown", "stand", "walk")[i] for i in table.posture.tolist()],
            strict=True,
        )
    )
    assert asked == expected


def test_parquet_is_read_back_to_the_bit(table: PoseTable, tmp_path: Path) -> None:
    flat = table_of(motions(seconds=1.0, skeleton="coco17", world=False, camera="ward", camera_no=2))
    path, _ = write("parquet", tmp_path, table, flat)

    first, second = read_parquet(path)

    same(first, table)
    same(second, flat)


def test_parquet_long_by_duckdb(table: PoseTable, tmp_path: Path) -> None:
    path, rows = write("parquet-long", tmp_path, table)

    assert rows == len(table) * 33
    asked = (
        duckdb.connect()
        .execute(
            f"SELECT x, y, z, score, world_x, flags FROM '{path}' WHERE keypoint = 'left_wrist' ORDER BY ts, track_id"
        )
        .fetchall()
    )
    wrist = SKELETONS["blazepose33"].index["left_wrist"]
    expected = np.column_stack(
        (table.keypoints[:, wrist], table.keypoint_score[:, wrist], table.world[:, wrist, 0], table.flags[:, wrist])
    )
    np.testing.assert_array_equal(np.array(asked, np.float32), expected)
    unseen = duckdb.connect().execute(f"SELECT count(*) FROM '{path}' WHERE x IS NULL AND y IS NULL").fetchone()
    assert unseen == (int(np.isnan(table.keypoints[:, :, 0]).sum()),)


def test_csv_by_duckdb(table: PoseTable, tmp_path: Path) -> None:
    named = PoseTable('a "b", c', table.skeleton, *(getattr(table, name) for name in ARRAYS))
    path, rows = write("csv", tmp_path, named)

    columns = ("x", "y", "z", "score", "world_x", "world_y", "world_z")
    asked = duckdb.connect().execute(f"SELECT * FROM read_csv('{path}') ORDER BY ts, track_id").fetchnumpy()
    assert rows == len(asked["x"]) == len(table) * 33
    assert set(asked["camera"]) == {'a "b", c'}
    assert list(asked["keypoint"][:33]) == list(SKELETONS["blazepose33"].keypoints)
    np.testing.assert_array_equal(asked["track_id"][::33], table.track_id)
    expected = np.concatenate((table.keypoints, table.keypoint_score[..., None], table.world), axis=2).reshape(-1, 7)
    found = np.column_stack([np.ma.filled(asked[name].astype(np.float32), np.nan) for name in columns])
    np.testing.assert_array_equal(found, expected)


def test_coco_by_pycocotools(table: PoseTable, tmp_path: Path) -> None:
    path, rows = write(
        "coco",
        tmp_path,
        converted(table, "coco17").taken(slice(0, 50)),
        converted(table, "coco17").taken(slice(50, None)),
    )

    with redirect_stdout(io.StringIO()):
        coco = COCO(str(path))
        results = [
            {key: annotation[key] for key in ("image_id", "category_id", "keypoints", "score", "bbox")}
            for annotation in coco.loadAnns(coco.getAnnIds())
        ]
        judged = COCOeval(coco, coco.loadRes(results), "keypoints")
        judged.params.catIds = coco.getCatIds()
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    assert rows == len(table) == len(results)
    assert len(coco.getImgIds()) == 50
    category = coco.loadCats(coco.getCatIds())[0]
    assert category["keypoints"] == list(SKELETONS["coco17"].keypoints)
    # A file judged by itself: every person is found, exactly.
    assert judged.stats[0] == 1.0
    assert judged.stats[5] == 1.0


def test_trc_by_trc_data_reader_and_a_strict_one(table: PoseTable, tmp_path: Path) -> None:
    one = person(table)
    path, frames = write("trc", tmp_path, one.taken(slice(0, 20)), one.taken(slice(20, None)))

    expected = one.world * np.float32([1, -1, -1])
    read = read_trc(path.read_text())
    assert (read.rate, read.units, frames) == (25.0, "m", len(one))
    assert read.markers == list(SKELETONS["blazepose33"].keypoints)
    np.testing.assert_allclose(read.positions, expected, atol=1e-5)  # five decimals
    data: Any = TRCData()
    data.load(str(path))
    assert data["NumFrames"] == len(one)
    np.testing.assert_allclose(np.array(data["left_knee"]), expected[:, 25], atol=1e-5)


def test_a_real_trc_goes_through_the_same_readers(shared_data: Path) -> None:
    path = shared_data / "pose3d" / "multi_P1.trc"
    if not path.exists():
        pytest.skip("shared data: no pose3d/multi_P1.trc")

    read = read_trc(path.read_text())

    assert (read.rate, read.units, len(read.markers), len(read.times)) == (60.0, "m", 21, 100)
    data: Any = TRCData()
    data.load(str(path))
    np.testing.assert_allclose(np.array(data["RKnee"]), read.positions[:, read.markers.index("RKnee")])


def test_mot_by_a_strict_reader(table: PoseTable, tmp_path: Path) -> None:
    one = person(table)
    path, frames = write("mot", tmp_path, one)

    read = read_mot(path.read_text())

    known = [i for i in range(len(ANGLES)) if np.isfinite(one.angles[:, i]).any()]
    assert len(known) == len(ANGLES) - 1  # one is never known
    assert read.in_degrees
    assert frames == len(one)
    assert read.names == [ANGLES[i].name for i in known]
    np.testing.assert_allclose(read.values, one.angles[:, known], atol=1e-3)


@pytest.mark.parametrize("skeleton", ["blazepose33", "halpe26"])
def test_bvh_by_pybvh_has_the_directions_of_all_bones(skeleton: str, tmp_path: Path) -> None:
    one = person(table_of(motions(seconds=2.0, skeleton=skeleton)))
    path, frames = write("bvh", tmp_path, one)

    read = pybvh.read_bvh_file(str(path))
    names = [node.name for node in read.nodes]
    positions = np.asarray(read.node_positions())  # by forward kinematics

    assert frames == len(positions) == len(one)
    assert read.frame_time == pytest.approx(0.04)
    points = body_points(one)
    for i, bone in enumerate(BONES):
        if bone.parent < 0:
            continue
        below = next((other.name for other in BONES if other.parent == i), f"EndSite{bone.name}")
        start, end = names.index(bone.name), names.index(below)
        found = positions[:, end] - positions[:, start]
        wanted = points[:, POINTS.index(bone.end)] - points[:, POINTS.index(bone.start)]
        cosine = (found * wanted).sum(axis=1) / np.linalg.norm(found, axis=1) / np.linalg.norm(wanted, axis=1)
        # Angles have four decimals; a chain of five of them adds up to some thousandths of a degree.
        assert cosine[np.isfinite(cosine)].min() > np.cos(np.radians(0.01)), bone.name
        lengths = np.linalg.norm(wanted, axis=1) * 100
        assert np.linalg.norm(found, axis=1) == pytest.approx(np.nanmean(lengths), rel=1e-3), bone.name


def test_formats_for_one_person_without_metres_or_angles_are_empty(tmp_path: Path) -> None:
    flat = person(
        table_of([r for r in motions(seconds=0.4, skeleton="coco17", world=False) if hasattr(r.value, "poses")])
    )

    assert {name: write(name, tmp_path, flat)[1] for name in ("trc", "mot", "bvh")} == {"trc": 0, "mot": 0, "bvh": 0}


def test_the_same_poses_give_the_same_bytes_however_they_are_cut(table: PoseTable, tmp_path: Path) -> None:
    one = person(table)
    for name in FORMATS:
        whole = write(name, tmp_path, one)[0].read_bytes()
        pieces = [one.taken(slice(i, i + 11)) for i in range(0, len(one), 11)]
        assert write(name, tmp_path, *pieces)[0].read_bytes() == whole, name
