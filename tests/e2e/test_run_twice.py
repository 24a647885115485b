"""What a second run over the same source does: nothing, go on, or begin anew, as it was told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pipeline.core.ports import Cut, Position
from pipeline.database import open_database
from pipeline.video.open import open_source
from tests.e2e.conftest import Program
from tests.e2e.dump import dump
from tests.e2e.painted import CONFIG, painted
from tests.published import MOVENET

FRAMES = 100
START = ("--start-time", "2026-01-01T09:00:00Z")


class Runs:
    """Runs over a painted folder into one database."""

    def __init__(self, program: Program, dsn: str, source: str, folder: Path) -> None:
        (folder / "c.yaml").write_text(CONFIG)
        self.program, self.dsn, self.source = program, dsn, source
        self._words = ("--config", str(folder / "c.yaml"), "--db", dsn)

    def __call__(self, *words: str, source: str | None = None) -> Any:
        return self.program("run", source or self.source, *self._words, *words)

    def sessions(self) -> list[tuple[int, int]]:
        """Session and number of frames."""
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(
                "SELECT session, count(*) FROM pose_raw.frame_outcomes GROUP BY 1 ORDER BY 1"
            ).fetchall()


@pytest.fixture(scope="module")
def gym(tmp_path_factory: pytest.TempPathFactory) -> str:
    return painted(tmp_path_factory.mktemp("painted") / "gym", FRAMES)


@pytest.fixture
def run(program: Program, dsn: str, gym: str, tmp_path: Path) -> Runs:
    return Runs(program, dsn, gym, tmp_path)


def test_a_source_that_is_stored_is_left_alone(run: Runs) -> None:
    run(*START).done()
    before = dump(run.dsn)

    for words in ((), ("--resume",), START, ("--limit-s", "1")):
        done = run(*words).done()
        done.noted("camera gym: this source is stored already; --again reads it anew")

    assert dump(run.dsn) == before


def test_a_run_that_was_cut_short_asks_what_to_do(run: Runs) -> None:
    run("--limit-s", "2").done().noted("camera gym: stored up to frame 50; go on with --resume")

    run().refused(2, "camera gym: a run over this source was cut short at frame 50", "--resume, or .* --again")
    assert run.sessions() == [(1, 50)]


def test_a_run_that_was_cut_short_before_its_first_frame_was_stored_begins(run: Runs) -> None:
    with open_database(run.dsn, Path("unused"), migrate=False) as database:
        number = database.registry().camera_no("gym")
        database.cuts().commit(Cut(0, number, 1, Position(1, 0, 0, open_source(run.source).info.fingerprint), {}))

    run().done()

    assert run.sessions() == [(1, FRAMES)]


def test_resume_goes_on_as_if_nothing_had_been(run: Runs, own_dsn: str, program: Program) -> None:
    run(*START, "--limit-s", "1.2").done()
    run("--resume", "--limit-s", "2.0").done().noted("stored up to frame 50")
    run("--resume").done()

    program("run", run.source, "--config", "c.yaml", "--db", own_dsn, *START).done()
    rows = dump(run.dsn)
    assert rows == dump(own_dsn)
    assert len(rows["frame_outcomes"]) == FRAMES
    assert rows["incidents"]


def test_again_reads_a_source_anew_as_a_later_recording(run: Runs) -> None:
    run(*START).done()

    run("--again").done()

    assert run.sessions() == [(1, FRAMES), (2, FRAMES)]
    with psycopg.connect(run.dsn) as connection:
        order = "SELECT bool_and(later) FROM (SELECT ts > lag(ts) OVER (ORDER BY session, frame_no) AS later"
        assert connection.execute(f"{order} FROM pose_raw.frame_outcomes) AS t").fetchone() == (True,)


def test_again_after_a_run_that_was_cut_short_begins_at_the_first_frame(run: Runs) -> None:
    run("--limit-s", "1").done()

    run("--again").done()

    assert run.sessions() == [(1, 25), (2, FRAMES)]


def test_resume_of_another_source_says_that_it_begins(run: Runs, tmp_path: Path) -> None:
    run("--limit-s", "1").done()

    done = run("--resume", "--camera", "gym", source=painted(tmp_path / "other", 30, walk=0.2)).done()

    done.noted("camera gym: .* cut short at frame 25 was over another source")
    assert run.sessions() == [(1, 25), (2, 30)]


def test_resume_with_other_models_is_refused_and_again_begins_with_them(
    run: Runs, tmp_path: Path, published_models: Path
) -> None:
    run("--limit-s", "1").done()
    path = published_models / MOVENET
    (tmp_path / "c.yaml").write_text(f"models: {{detector: fake, pose: {{path: {path}, kind: movenet}}}}\n")

    run("--resume").refused(
        2,
        r"camera gym: .* cut short at frame 25 had the models fake and fake, this one has fake and movenet_.*\(movenet",
        "go on with those models .* --again",
    )
    run("--again", "--limit-s", "1").done()

    assert run.sessions() == [(1, 25), (2, 25)]


def test_a_start_before_what_is_stored_is_refused(run: Runs) -> None:
    run(*START).done()

    done = run("--again", "--start-time", "2025-12-31")

    done.refused(
        2, r"camera gym has frames up to 2026-01-01T09:00:03.*, a start at 2025-12-31T00:00:00", "--start-time"
    )
    assert run.sessions() == [(1, FRAMES)]


def test_the_same_file_is_another_recording_for_another_camera(run: Runs) -> None:
    run(*START, "--camera", "left").done()
    run(*START, "--camera", "right").done()

    rows = run.program(
        "query", "SELECT camera, count(*) FROM frame_outcomes GROUP BY 1 ORDER BY 1", "--db", run.dsn, "-f", "csv"
    )
    assert rows.done().out.split() == ["camera,count", f"left,{FRAMES}", f"right,{FRAMES}"]


def test_a_source_thinned_out_is_another_one(program: Program, dsn: str, fake: str) -> None:
    words = ("run", "sim://gym?seconds=2&width=160&height=120", "--config", fake, "--db", dsn)
    program(*words, "--fps", "5").done()
    assert not [line for line in program(*words).done().err.splitlines() if "stored already" in line]

    counts = program("query", "SELECT session, count(*) FROM frame_outcomes GROUP BY 1", "--db", dsn, "-f", "csv")

    assert sorted(counts.done().out.split()[1:]) == ["1,10", "2,30"]


def test_the_summary_says_what_was_stored(run: Runs, tmp_path: Path) -> None:
    done = run("--summary", "-").done()
    (name, camera), *others = json.loads(done.out)["cameras"].items()
    assert not others

    assert name == "gym"
    rows = dump(run.dsn)
    assert camera["frames"] == len(rows["frame_outcomes"]) == FRAMES
    assert camera["dropped"] == {}
    for kind in ("poses", "tracks", "incidents"):
        assert camera[kind] == len(rows[kind]) > 0
    assert sum(camera["events"].values()) == len(rows["events"])
    assert camera["events"]["fall"] >= 1
    assert camera["wall_s"] > 0
    assert camera["fps"] > 0
    stages = ["ingest", "detect", "pose", "track", "smooth", "analyze", "alert"]
    assert list(camera["latency_ms"]) == stages
    assert all(0 < times["p50"] <= times["p95"] for times in camera["latency_ms"].values())
    run("--again", "--summary", "s.json").done()
    assert json.loads((tmp_path / "s.json").read_text())["cameras"]["gym"]["frames"] == FRAMES


def test_pixels_packed_into_records_give_every_frame_too(run: Runs, own_dsn: str, program: Program) -> None:
    run(*START).done()

    program("run", run.source, "--config", "c.yaml", "--db", own_dsn, "--strict", *START).done()

    packed, passed = dump(own_dsn), dump(run.dsn)
    assert len(packed["frame_outcomes"]) == len(passed["frame_outcomes"]) == FRAMES
    assert packed["poses"]
    assert not packed["dead_letters"]
