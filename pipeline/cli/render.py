"""`posebus render`: a video with what the database knows drawn on it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track

from pipeline.cli.embedded_run import run_sources
from pipeline.cli.options import ConfigOption, DatabaseOption, database_address
from pipeline.cli.run import FpsOption, named_sources
from pipeline.cli.take_up import Wishes
from pipeline.cli.terminal import ERR, OUT, cell, warn
from pipeline.config import load_config
from pipeline.core.errors import ConfigError, SourceError
from pipeline.core.ports import LiveSource, Source
from pipeline.database import Database, open_database
from pipeline.database.history import stored_frames
from pipeline.logs import setup_logging
from pipeline.runners.recorded import fingerprint_of
from pipeline.video.overlay import Overlay
from pipeline.video.writer import VideoWriter, check_target

EXAMPLES = """
Examples:

  posebus render clip.mp4 -o overlay.mp4

  posebus render 'sim://ward?seed=2' -o ward.mp4
"""


def render(
    source: Annotated[str, typer.Argument(help="As for `posebus run`.", metavar="SOURCE")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The video to write: .mp4, .mkv or .mov.")],
    camera: Annotated[str | None, typer.Option(help="Name of the camera.", show_default=False)] = None,
    db: DatabaseOption = None,
    config: ConfigOption = None,
    fps: FpsOption = None,
) -> None:
    """Draw skeletons, identities, angles and events on a video; a source that is not stored yet is run first."""
    settings = load_config(config, os.environ)
    setup_logging(settings.log.level, settings.log.format)
    check_target(output)
    ((name, opened),) = named_sources(settings, [source], [camera] if camera else [], fps)
    if isinstance(opened, LiveSource):
        raise SourceError(f"{name} is a live camera", hint="record it first: posebus record NAME -o clip.mkv --s 30")
    with open_database(database_address(settings, db), settings.home) as database:
        if not _is_stored(database, name, opened, fps):
            outcome = run_sources(settings, database, [(name, opened)], Wishes(fps=fps, resume=True))
            if outcome.signal is not None:
                raise typer.Exit(128 + outcome.signal)
        frames = draw(database, name, opened, output)
    OUT.print(f"{cell(output)}: {frames} frames of camera {cell(name)}")


def draw(database: Database, name: str, source: Source, output: Path) -> int:
    """Draw what is stored of a source on its pictures. Gives the number of frames drawn."""
    number = database.registry().camera_no(name)
    cut = database.cuts().load(0, number)
    if cut is None:
        raise ConfigError(f"nothing is stored of camera {name}", hint="run it first: posebus run")
    info = source.info
    overlay = Overlay(name)
    drawn = 0
    pictures = source.pictures()
    with VideoWriter(output, info.width, info.height, info.fps) as writer:
        frames = stored_frames(database.address, number, cut.position.session)
        for frame in track(frames, "drawing", total=cut.position.seq, console=ERR, transient=True):
            picture = next((p for p in pictures if p.seq == frame.seq), None)
            if picture is None:
                warn(f"{info.name} has no picture {frame.seq}: it is not what was stored")
                break
            writer.write(overlay.draw(picture.pixels, frame.at_us, frame.motions, frame.measures), picture.pts_us)
            drawn += 1
    return drawn


def _is_stored(database: Database, name: str, source: Source, fps: float | None) -> bool:
    cut = database.cuts().load(0, database.registry().camera_no(name))
    return cut is not None and cut.position.finished and cut.position.fingerprint == fingerprint_of(source, fps)
