"""Files of other programs into the history."""

from __future__ import annotations

import json
import re
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from pipeline.cli.main import app
from pipeline.core.errors import PosebusError
from pipeline.core.skeletons import SKELETONS
from pipeline.core.tables import joined
from pipeline.core.values import Motions
from pipeline.database import Database, PostgresSink
from pipeline.database.history import stored_frames
from tests.builders import figure
from tests.integration.exchange.history import Posebus, read, rows

START = ("--start-time", "2026-03-04T05:06:07Z")
START_US = 1_772_600_767_000_000


def beginning(shared_data: Path, name: str, into: Path, lines: int = 1000) -> Path:
    """So many lines of a real file, which is enough to see that all are read."""
    path = shared_data / "keypoints" / name
    if not path.exists():
        pytest.skip(f"shared data: no keypoints/{name}")
    copy = into / name
    with path.open() as file:
        copy.write_text("".join(islice(file, lines)))
    return copy


def test_mediapipe_csv_with_names(
    database: Database, dsn: str, posebus: Posebus, shared_data: Path, tmp_path: Path
) -> None:
    path = beginning(shared_data, "ngoquocbao_squat_model_train.csv", tmp_path)
    for _ in range(2):
        posebus("import", "--db", dsn, str(path), "--camera", "squats", "--fps", "30", "--size", "1280x720", *START)

    table = joined(read(database))
    assert (table.camera, table.skeleton, len(table)) == ("squats", "blazepose33", 999)
    assert table.at_us[0] == START_US
    assert table.at_us[-1] == START_US + round(998 * 1e6 / 30)
    index = SKELETONS["blazepose33"].index
    # The first row of the file: nose at (0.60025, 0.43327), z -0.00664, visibility 0.99995; 1/8 px, 1/1000.
    np.testing.assert_allclose(table.keypoints[0, index["nose"]], (768.317, 311.953, -8.495), atol=1 / 16)
    assert table.keypoint_score[0, index["nose"]] == 1.0
    known = np.isfinite(table.keypoints[:, :, 0]).all(axis=0)
    assert sorted(np.array(SKELETONS["blazepose33"].keypoints)[known]) == sorted(
        ["nose", *(f"{side}_{name}" for side in ("left", "right") for name in ("shoulder", "hip", "knee", "ankle"))]
    )
    assert len(rows(dsn, "frame_outcomes")) == 999


def test_ml_kit_csv_without_a_header(
    database: Database, dsn: str, posebus: Posebus, shared_data: Path, tmp_path: Path
) -> None:
    path = beginning(shared_data, "mlkit_fitness_pose_samples.csv", tmp_path)
    told = posebus("import", "--db", dsn, str(path), "--camera", "mlkit", "--fps", "1", *START)

    table = joined(read(database))
    assert (table.skeleton, len(table)) == ("blazepose33", 812)
    np.testing.assert_allclose(table.keypoints[0, 0], (1251.0012, 384.75177, -1716.2709), atol=1 / 16)
    assert np.isfinite(table.keypoints).all()
    assert "the picture is taken to be" in told.output


def test_openpose_csv_with_names_of_its_own(
    database: Database, dsn: str, posebus: Posebus, shared_data: Path, tmp_path: Path
) -> None:
    path = beginning(shared_data, "omkar_data.csv", tmp_path)
    posebus("import", "--db", dsn, str(path), "--camera", "omkar", "--fps", "10", "--size", "640x480", *START)

    table = joined(read(database))
    index = SKELETONS[table.skeleton].index
    assert len(table) == 999
    np.testing.assert_allclose(table.keypoints[0, index["right_shoulder"], :2], (0.51 * 640, 0.52 * 480), atol=1 / 16)
    assert np.isnan(table.keypoints[0, index["left_eye"], :2]).all()  # 0, 0 in the file
    assert table.keypoint_score[0, index["left_eye"]] == 0


def coco(people: int = 2, images: int = 3, **more: Any) -> dict[str, Any]:
    names = SKELETONS["coco17"].keypoints
    body = figure("coco17")[:, :2] * 300 + (320, 240)
    annotations = []
    for i in range(images):
        for j in range(people):
            xyv = np.column_stack((body + np.array((40 * j, i)), np.full(17, 2)))
            xyv[4] = 0
            xyv[5, 2] = 1
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": 10 + i,
                    "category_id": 1,
                    "keypoints": xyv.ravel().tolist(),
                    "bbox": [1.0, 2.0, 30.0, 40.0],
                    "iscrowd": 0,
                    "num_keypoints": 16,
                }
            )
    return {
        "images": [{"id": 10 + i, "width": 640, "height": 480, "file_name": f"{i}.jpg"} for i in range(images)],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person", "keypoints": list(names), "skeleton": []}],
    } | more


def test_coco_of_others(database: Database, dsn: str, posebus: Posebus, tmp_path: Path) -> None:
    content = coco()
    content["images"].append({"id": 99, "width": 640, "height": 480})
    content["annotations"].append({"id": 77, "image_id": 99, "category_id": 1, "keypoints": [0] * 51})
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))

    told = posebus("import", "--db", dsn, str(path), "--fps", "2", *START).output

    table = joined(read(database))
    assert (table.camera, table.skeleton, len(table)) == ("a.json", "coco17", 6)
    assert table.at_us.tolist() == [START_US + i * 500_000 for i in (0, 0, 1, 1, 2, 2)]
    assert np.isnan(table.keypoints[:, 4, 0]).all()
    assert (table.keypoint_score[:, 5] == 0.5).all()
    assert (table.keypoint_score[:, 6] == 1.0).all()
    assert table.xyxy[0].tolist() == [1, 2, 31, 42]
    assert len(set(table.track_id.tolist())) == 2
    assert "1 annotations without keypoints" in told
    assert len(rows(dsn, "frame_outcomes")) == 4  # one with nobody
    posebus("import", "--db", dsn, str(path), "--fps", "2", *START)
    assert len(rows(dsn)) == 6
    posebus("import", "--db", dsn, str(path), "--fps", "2", "--again")
    later = joined(read(database))
    assert len(later) == 12
    assert sorted(set(later.session.tolist())) == [1, 2]
    assert len(set(later.track_id.tolist())) == 4


def test_an_import_that_was_killed_goes_on_as_the_same_recording(
    database: Database, dsn: str, posebus: Posebus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(coco(images=1200)))
    write = PostgresSink.write
    batches: list[int] = []

    def breaking(self: PostgresSink, records: Any, *more: Any) -> Any:
        batches.append(len(records))
        if len(batches) == 2:
            raise KeyboardInterrupt
        return write(self, records, *more)

    arguments = ("import", "--db", dsn, str(path), "--fps", "25")  # it begins now, and keeps that
    with monkeypatch.context() as patch:
        patch.setattr(PostgresSink, "write", breaking)
        assert CliRunner().invoke(app, arguments).exit_code != 0
    before = joined(read(database))
    assert 0 < len(before) < 2400

    posebus(*arguments)

    table = joined(read(database))
    assert len(table) == 2400
    assert set(table.session.tolist()) == {1}
    assert len(set(table.track_id.tolist())) == 2
    np.testing.assert_array_equal(table.at_us[: len(before)], before.at_us)
    assert len(rows(dsn, "frame_outcomes")) == 1200


def test_results_of_coco_need_a_size(database: Database, dsn: str, posebus: Posebus, tmp_path: Path) -> None:
    results = [{"image_id": i, "category_id": 1, "keypoints": [5.0, 6.0, 0.75] * 17, "score": 0.9} for i in (3, 1, 2)]
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results))
    arguments = ("import", "--db", dsn, str(path), "--fps", "10")
    with pytest.raises(PosebusError, match="does not say how large"):
        posebus(*arguments)

    posebus(*arguments, "--size", "640x480")

    table = joined(read(database))
    assert len(table) == 3
    assert (table.keypoint_score == 0.75).all()


def test_imported_people_are_analysed(database: Database, dsn: str, posebus: Posebus, tmp_path: Path) -> None:
    lines = ["frame,time_s,person,label," + ",".join(f"{n}_{a}" for n in SKELETONS["coco17"].keypoints for a in "xyv")]
    for i in range(100):
        for person in range(2):
            body = figure("coco17")[:, :2] * 300 + (200 + 200 * person, 240)
            lines.append(f"{i},{i / 25},p{person},stand," + ",".join(f"{x:.2f},{y:.2f},0.9" for x, y in body))
    path = tmp_path / "people.csv"
    path.write_text("\n".join(lines))

    told = posebus("import", "--db", dsn, str(path), "--camera", "hall", "--size", "640x480", "--analyze", *START)

    assert "left out: label" in told.output
    assert len(rows(dsn)) == len(rows(dsn, "measures")) == 200
    kinds = {row[0] for row in database.query("SELECT DISTINCT kind FROM events").rows}
    assert {"enter", "posture"} <= kinds
    angle = database.query("SELECT avg(degrees) FROM angles WHERE angle = 'left_knee'").rows[0][0]
    assert angle < 5  # they stand
    # The frames come back as `analyze` reads them.
    frames = list(stored_frames(database.address, database.registry().camera_no("hall"), 1))
    assert len(frames) == 100
    assert all(isinstance(frame.motions, Motions) and len(frame.motions.poses) == 2 for frame in frames)
    assert frames[25].at_us == START_US + 1_000_000


@pytest.mark.parametrize(
    ("name", "text", "arguments", "said"),
    [
        ("a.json", "{", (), "is no JSON"),
        ("a.json", "{}", (), "has no lists of images"),
        ("a.json", json.dumps(coco(categories=[{"id": 1, "name": "person"}])), (), "no category with names"),
        ("a.json", json.dumps(coco(images=0)), (), "has no images"),
        (
            "a.json",
            json.dumps(coco(annotations=[{"image_id": 10, "category_id": 1, "keypoints": [1, 2]}])),
            (),
            "expected 3 for each of 17",
        ),
        ("a.json", json.dumps(coco(categories=[{"id": 1, "keypoints": ["tail"]}])), (), "has a keypoint tail"),
        ("a.csv", "nose_x,nose_y,nose_z,nose_v\n0.1,0.2,0,1\n", (), "shares of the picture"),
        ("a.csv", "nose_x,nose_y,nose_z,nose_v\n0.1,0.2,0\n", (), "line 2: 3 columns, the first has 4"),
        ("a.csv", "nose_x,nose_y,nose_z,nose_v\n0.1,abc,0,1\n", (), "line 2: 'abc' is no number"),
        ("a.csv", "nose_x,nose_z,a,b\n", (), "no column nose_y"),
        ("a.csv", "a,b,c,d\n1,2,3,4\n", (), "no column is named like a coordinate"),
        ("a.csv", "x,1,2,3,4,5\n", (), "are not 2, 3 or 4 for each keypoint"),
        ("a.csv", "", (), "no CSV"),
        ("a.csv", "nose_x,nose_y,tail_x,tail_y\n1,2,3,4\n", (), "--rename tail=NAME"),
        ("a.parquet", "PAR1", (), "cannot be read as Parquet"),
        ("a.txt", "", (), "does not tell the format"),
        ("a.json", json.dumps(coco()), ("--start-time", "then"), "is no time"),
        ("a.json", json.dumps(coco()), ("--size", "big"), "is no size"),
        ("a.json", json.dumps(coco()), ("--start-time", "1960-01-01"), "before 1970|1970"),
    ],
)  # fmt: skip
def test_what_is_no_such_file_is_told(
    name: str,
    text: str,
    arguments: tuple[str, ...],
    said: str,
    dsn: str,
    posebus: Posebus,
    tmp_path: Path,
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(PosebusError) as told:
        posebus("import", "--db", dsn, name, *(() if name.endswith("parquet") else ("--fps", "5")), *arguments)

    assert re.search(said, f"{told.value.message} {told.value.hint}")
    assert rows(dsn) == []
