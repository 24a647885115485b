"""`posebus import`: poses of other programs, and our own exports, into the history."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.cli.imported import ImportOptions, record, restore
from pipeline.cli.options import ConfigOption, DatabaseOption, database_address
from pipeline.cli.times import event_time_us
from pipeline.config import load_config
from pipeline.config.problems import did_you_mean
from pipeline.core.errors import ConfigError, SourceError
from pipeline.core.skeletons import SKELETONS
from pipeline.database import open_database
from pipeline.exchange.arrow import pyarrow
from pipeline.exchange.coco_reader import read_coco
from pipeline.exchange.csv_reader import read_csv
from pipeline.logs import setup_logging

EXAMPLES = """
Examples:

  posebus import annotations.json --camera gym --fps 30 --start-time 2026-01-31T09:00:00Z

  posebus import landmarks.csv --size 1280x720 --fps 25 --analyze

  posebus import archive/                                  a folder that posebus export wrote, as it was
"""

_AHEAD_US = 360 * 86_400_000_000
"""The database takes event times from 1970 to a year ahead."""

_FORMATS = {".json": "coco", ".parquet": "parquet", ".csv": "csv"}


def import_(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="COCO keypoints JSON, CSV with a row a pose, Parquet or folders of posebus export.", metavar="FILE"
        ),
    ],
    camera: Annotated[
        str | None, typer.Option(help="Name of the camera; else that of the file.", show_default=False)
    ] = None,
    start_time: Annotated[
        str | None,
        typer.Option(help="When the first frame was taken, ISO 8601 (UTC without a zone).", show_default=False),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(min=0.01, max=1000, help="Frames a second, for files without times.", show_default=False),
    ] = None,
    form: Annotated[
        Literal["coco", "csv", "parquet"] | None,
        typer.Option("--format", "-f", help="What the files are; else by their names.", show_default=False),
    ] = None,
    skeleton: Annotated[
        str | None, typer.Option(help=f"What the keypoints are: {', '.join(SKELETONS)}.", show_default=False)
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(
            help="A keypoint of the file and its name here; may be given again.",
            metavar="FILES=OURS",
            show_default=False,
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(help="Of the picture in pixels, where the file does not say.", metavar="WxH", show_default=False),
    ] = None,
    run: Annotated[
        int | None, typer.Option(min=0, help="Into which run; else 0, or the one of an export.", show_default=False)
    ] = None,
    analyze: Annotated[
        bool, typer.Option("--analyze", help="Also measure, count and alert on them, as `run` does.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Read a file anew, as a later recording.")] = False,
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Put poses of other programs, or of an export, into the history."""
    settings = load_config(config, os.environ)
    setup_logging(settings.log.level, settings.log.format)
    options = ImportOptions(
        camera=camera,
        start_us=None if start_time is None else _start(start_time),
        fps=fps,
        skeleton=_skeleton(skeleton),
        size=_size(size),
        rename=_renamed(rename or []),
        run=run,
        again=again,
        analyze=analyze,
    )
    named = [(path, kind) for file in files for path, kind in _expanded(file, form)]
    if camera is not None and len({kind for _, kind in named} - {"parquet"}) and len(named) > 1:
        raise ConfigError("one camera, but several files", hint="import them one after the other")
    exported = [path for path, kind in named if kind == "parquet"]
    with open_database(database_address(settings, db), settings.home, world=settings.history.world) as database:
        if exported:
            restore(settings, database, exported, options)
        for path, kind in named:
            if kind == "coco":
                record(settings, database, read_coco(path, options.skeleton, options.size), options)
            elif kind == "csv":
                recorded = read_csv(path, options.skeleton, options.size, options.rename)
                record(settings, database, recorded, options)


def _expanded(path: Path, form: str | None) -> list[tuple[Path, str]]:
    """The files that are meant, with their format."""
    if path.is_dir():
        found = sorted(path.rglob("*.parquet"))
        if not found:
            raise SourceError(f"{path} holds no .parquet files", hint="name a folder that posebus export wrote")
        pyarrow()
        return [(each, "parquet") for each in found]
    if not path.is_file():
        raise SourceError(f"there is no file {path}")
    kind = form or _FORMATS.get(path.suffix.lower())
    if kind is None:
        raise ConfigError(f"{path}: its name does not tell the format", hint="give --format coco, csv or parquet")
    if kind == "parquet":
        pyarrow()
    return [(path, kind)]


def _start(text: str) -> int:
    at_us = event_time_us(text, "--start-time")
    if not 0 <= at_us <= time.time_ns() // 1000 + _AHEAD_US:
        raise ConfigError(
            f"--start-time {text} is no time of a recording: it lies before 1970 or about a year ahead",
            hint="write it like 2026-01-31T09:00:00Z",
        )
    return at_us


def _skeleton(name: str | None) -> str | None:
    if name is not None and name not in SKELETONS:
        raise ConfigError(
            f"--skeleton {name} is not known; there are: {', '.join(SKELETONS)}{did_you_mean(name, SKELETONS)}"
        )
    return name


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text.strip())
    if match is None or not 0 < int(match[1]) <= 16_000 or not 0 < int(match[2]) <= 16_000:
        raise ConfigError(f"--size {text} is no size of a picture", hint="write it like 1280x720")
    return int(match[1]), int(match[2])


def _renamed(pairs: list[str]) -> dict[str, str]:
    known = {name for skeleton in SKELETONS.values() for name in skeleton.keypoints}
    result = {}
    for pair in pairs:
        theirs, _, ours = pair.partition("=")
        if not theirs or ours not in known:
            raise ConfigError(
                f"--rename {pair}: {ours or 'nothing'} is no keypoint{did_you_mean(ours, sorted(known))}",
                hint="write it like --rename RHnd=right_wrist",
            )
        result[theirs] = ours
    return result
