"""Models of other kinds than the bundled ones, through everything into the database."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

from tests.e2e.conftest import Program
from tests.published import MOVENET, RTMDET, TINYPOSE, YOLOX

SCENE = "sim://gym?fps=15&people=1&seconds=3&seed=1001"


@pytest.mark.parametrize(
    ("detector", "detector_kind", "pose", "pose_kind"),
    [(RTMDET, "rtmdet", TINYPOSE, "heatmap"), (YOLOX, "yolox", MOVENET, "movenet")],
)
def test_published_models_run_through_the_whole_pipeline(
    detector: str,
    detector_kind: str,
    pose: str,
    pose_kind: str,
    published_models: Path,
    program: Program,
    dsn: str,
    tmp_path: Path,
) -> None:
    config = tmp_path / "models.yaml"
    config.write_text(
        "models:\n"
        f"  detector: {{path: {published_models / detector}, kind: {detector_kind}}}\n"
        f"  pose: {{path: {published_models / pose}, kind: {pose_kind}}}\n"
    )

    done = program("run", SCENE, "--config", str(config), "--db", dsn)

    assert done.code == 0, done.err
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("SELECT count(DISTINCT track_id), count(*) FROM pose.poses").fetchall()
    ((people, frames),) = rows
    assert people == 1
    # 3 s of 15 frames, of which the first second may pass until the person is found.
    assert frames >= 30


def test_kinds_are_named_where_one_is_wrong(program: Program, tmp_path: Path) -> None:
    config = tmp_path / "models.yaml"
    config.write_text("models: {detector: {path: a.onnx, kind: rtmdt}, pose: {path: a.onnx, kind: yolo}}\n")

    done = program("run", SCENE, "--config", str(config))

    assert done.code == 2
    assert "found 'rtmdt', allowed: blazepose, rtmdet, yolox, yolo; did you mean rtmdet?" in done.err
    assert "found 'yolo', allowed: blazepose, heatmap, simcc, movenet" in done.err


def test_bench_times_the_models_that_are_here(program: Program, tmp_path: Path) -> None:
    done = program("models", "bench", "--frames", "1", "--json")

    assert done.code == 0, done.err
    timed = json.loads(done.out)
    assert {"blazepose-detector", "blazepose-full"} <= {each["model"] for each in timed}
    for each in timed:
        assert set(each["ms"]) == {"1", "2", "4", "8"}
        assert min(each["ms"].values()) > 0
