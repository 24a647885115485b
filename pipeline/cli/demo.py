"""`posebus demo`: two simulated cameras through everything, and what came of it."""

from __future__ import annotations

import os
import shlex
import time
from pathlib import Path
from typing import Annotated

import cv2
import typer

from pipeline.cli.embedded_run import Outcome, run_sources
from pipeline.cli.options import ConfigOption, DatabaseOption, database_address
from pipeline.cli.render import draw
from pipeline.cli.run import cameras_table, latency_table
from pipeline.cli.take_up import Wishes
from pipeline.cli.terminal import ERR, OUT, cell, table
from pipeline.config import load_config
from pipeline.core.errors import ConfigError
from pipeline.core.ports import Source
from pipeline.database import Database, open_database
from pipeline.database.history import stored_frames
from pipeline.logs import setup_logging
from pipeline.video.open import open_source
from pipeline.video.sheet import skeleton_picture

SCENES = {"demo-gym": "sim://gym?people=2&seed=7&seconds=40&fps=15", "demo-ward": "sim://ward?seed=4&seconds=40&fps=15"}

QUERIES = {
    "Who did how many squats, and how deep?": """\
SELECT track_id, count(*) AS squats, round(max((payload->>'knee_flexion')::numeric)) AS deepest_knee_bend
FROM events WHERE camera = 'demo-gym' AND kind = 'rep' AND ts >= '{since}'
GROUP BY track_id ORDER BY track_id""",
    "What needed attention?": """\
SELECT to_char(ts, 'HH24:MI:SS') AS at, rule, severity, state, text
FROM incidents WHERE camera = 'demo-ward' AND ts >= '{since}' ORDER BY ts""",
    "Where was the left wrist of each person when it was highest?": """\
SELECT DISTINCT ON (camera, track_id) camera, track_id, to_char(ts, 'HH24:MI:SS.MS') AS at, round(x) AS x, round(y) AS y
FROM keypoints WHERE keypoint = 'left_wrist' AND score > 0.5 AND ts >= '{since}'
ORDER BY camera, track_id, y""",
}


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the videos and the picture.")] = Path(
        "posebus-demo"
    ),
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Run a simulated gym and a simulated ward through all seven stages into SQL, and show what was seen."""
    settings = load_config(config, os.environ)
    setup_logging(settings.log.level, settings.log.format)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{output} cannot be made: {error.strerror}", hint="name another folder: --output") from error
    sources = [(name, open_source(scene)) for name, scene in SCENES.items()]
    OUT.print("[bold]Two simulated cameras through ingest, detect, pose, track, smooth, analyze and alert into SQL[/]")
    with open_database(database_address(settings, db), settings.home, world=settings.history.world) as database:
        started = time.monotonic()
        outcome = run_sources(settings, database, sources, Wishes(again=True))
        took_s = time.monotonic() - started
        if outcome.signal is not None:
            raise typer.Exit(128 + outcome.signal)
        _show_seen(outcome, took_s)
        _show_queries(database, _since(database))
        files = _draw(database, sources, output)
    _show_next(files)


def _show_seen(outcome: Outcome, took_s: float) -> None:
    frames = sum(tally.frames for tally in outcome.tallies.values())
    OUT.print(f"\n[bold]What was seen[/]: {frames} frames in {took_s:.1f} s, {frames / took_s:.0f} frames/s")
    OUT.print(cameras_table(outcome))
    OUT.print("\n[bold]Time that each stage works on a frame[/]")
    OUT.print(latency_table(outcome))


def _since(database: Database) -> str:
    """Event time of the first frame of this demo, as text."""
    starts = []
    for name in SCENES:
        number = database.registry().camera_no(name)
        cut = database.cuts().load(0, number)
        start = database.times().start_of(number, cut.position.fingerprint) if cut else None
        if start is not None:
            starts.append(start)
    at_s = min(starts) / 1e6
    return time.strftime("%Y-%m-%d %H:%M:%S+00", time.gmtime(at_s))


def _show_queries(database: Database, since: str) -> None:
    for question, statement in QUERIES.items():
        text = statement.format(since=since)
        OUT.print(f"\n[bold]{question}[/]\n[dim]{cell(text)}[/]")
        answer = database.query(text)
        OUT.print(table(answer.names, list(answer.rows)))


def _draw(database: Database, sources: list[tuple[str, Source]], output: Path) -> list[Path]:
    files = []
    for name, source in sources:
        files.append(output / f"{name}.mp4")
        draw(database, name, source, files[-1])
    number = database.registry().camera_no("demo-ward")
    cut = database.cuts().load(0, number)
    frames = stored_frames(database.address, number, cut.position.session if cut else 0)
    sheet = skeleton_picture([(frame.at_us, frame.motions) for frame in frames if frame.motions is not None])
    files.append(output / "skeletons.png")
    cv2.imwrite(str(files[-1]), sheet)
    return files


def _show_next(files: list[Path]) -> None:
    OUT.print("\n[bold]Look at[/]")
    for file in files:
        OUT.print(f"  {file}")
    OUT.print("\n[bold]Try next[/]")
    prefix = "" if _on_path() else ".venv/bin/"
    for words in (
        ["posebus", "query", "SELECT kind, label, count(*) FROM events GROUP BY 1, 2 ORDER BY 3 DESC"],
        ["posebus", "run", "your-video.mp4"],
        ["posebus", "render", "your-video.mp4", "-o", "overlay.mp4"],
        ["posebus", "--help"],
    ):
        OUT.print(f"  {prefix}{cell(shlex.join(words))}")
    ERR.print()


def _on_path() -> bool:
    return any((Path(folder) / "posebus").is_file() for folder in os.environ.get("PATH", "").split(os.pathsep))
