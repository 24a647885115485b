"""`posebus export`: stored poses to files that other programs read."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from pipeline.cli.options import ConfigOption, DatabaseOption, database_address
from pipeline.cli.terminal import ERR, OUT, cell, warn
from pipeline.cli.times import event_time_us
from pipeline.config import load_config
from pipeline.config.problems import did_you_mean
from pipeline.core.errors import ConfigError
from pipeline.core.skeletons import SKELETONS
from pipeline.core.tables import ALWAYS_US, NEVER_US, Selection
from pipeline.database import open_database
from pipeline.database.extract import PoseReader
from pipeline.exchange.arrow import pyarrow
from pipeline.exchange.export import Export, Progressed, Seen, export_file, export_folder
from pipeline.exchange.formats import FORMATS
from pipeline.logs import setup_logging

EXAMPLES = """
Examples:

  posebus export -o gym.parquet --camera gym

  posebus export -o archive/ --format parquet              a file a camera and day; goes on where it was cut off

  posebus export -o gym.csv --from 2026-01-31T09:00 --to 2026-01-31T10:00

  posebus export -o gym.json --format coco --skeleton coco17

  posebus export -o people/ --format trc --track 281474976710657
"""

_SUFFIXES = {".parquet": "parquet", ".csv": "csv", ".json": "coco", ".trc": "trc", ".mot": "mot", ".bvh": "bvh"}


def export(
    out: Annotated[
        str,
        typer.Option(
            "--out", "-o", help="File to write; a name that ends in / is a folder of files.", show_default=False
        ),
    ],
    form: Annotated[
        Literal["parquet", "csv", "coco", "trc", "mot", "bvh"] | None,
        typer.Option("--format", "-f", help="How poses are written; else by the name of the file.", show_default=False),
    ] = None,
    long: Annotated[
        bool, typer.Option("--long", help="Parquet with one row a keypoint instead of one a pose.")
    ] = False,
    begin: Annotated[
        str | None,
        typer.Option("--from", help="From this time on, ISO 8601 (UTC without a zone).", show_default=False),
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="Up to, without, this time.", show_default=False)] = None,
    camera: Annotated[
        list[str] | None, typer.Option(help="Only of this camera; may be given again.", show_default=False)
    ] = None,
    track: Annotated[
        list[int] | None, typer.Option(help="Only of this track; may be given again.", show_default=False)
    ] = None,
    run: Annotated[int, typer.Option(min=0, help="Of which run; 0 is the live system.")] = 0,
    skeleton: Annotated[
        str | None, typer.Option(help=f"Convert keypoints: {', '.join(SKELETONS)}.", show_default=False)
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(
            min=0.01, max=1000, help="Frames a second in TRC, MOT and BVH; else as filmed.", show_default=False
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write anew what is there already.")] = False,
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Write stored poses to Parquet, CSV, COCO, TRC, MOT or BVH."""
    settings = load_config(config, os.environ)
    setup_logging(settings.log.level, settings.log.format)
    folder, path = out.endswith(("/", os.sep)) or Path(out).is_dir(), Path(out)
    wish = Export(
        form=FORMATS[_format(path, form, folder=folder, long=long)],
        selection=_selection(begin, end, tuple(camera or ()), tuple(track or ()), run),
        skeleton=_skeleton(skeleton),
        fps=fps,
        overwrite=overwrite,
    )
    if wish.fps is not None and wish.form.per == "day":
        raise ConfigError(f"--fps has no meaning for {wish.form.name}", hint="it is for TRC, MOT and BVH")
    address = database_address(settings, db)
    with open_database(address, settings.home, migrate=address is None) as database:
        reader = PoseReader(database.address)
        try:
            _known(reader.known_cameras(), wish.selection.cameras)
            with _progress() as seen:
                if folder:
                    done = export_folder(reader, wish, path, time.time_ns() // 1000, seen)
                else:
                    done = export_file(reader, wish, path, seen)
        finally:
            reader.close()
    if done.kept:
        warn(f"{done.kept} files were there already")
    if done.without:
        warn(f"{done.without} tracks have no {wish.form.needs}: there is no file of them")
    if folder and not (done.files or done.kept):
        warn("no poses are stored there")
    OUT.print(f"{cell(out)}: {done.poses} poses, {done.files} file{'' if done.files == 1 else 's'}")


def _format(path: Path, form: str | None, *, folder: bool, long: bool) -> str:
    name = form or (None if folder else _SUFFIXES.get(path.suffix.lower()))
    if name is None:
        raise ConfigError(
            f"-o {path} does not tell the format", hint=f"name it with --format: {', '.join(_SUFFIXES.values())}"
        )
    if long and name not in ("parquet", "csv"):
        raise ConfigError(
            f"--long has no meaning for {name}", hint="it is for Parquet; CSV always has a row a keypoint"
        )
    if name == "parquet":
        pyarrow()  # before anything is opened
        return "parquet-long" if long else "parquet"
    return name


def _selection(
    begin: str | None, end: str | None, cameras: tuple[str, ...], tracks: tuple[int, ...], run: int
) -> Selection:
    from_us = NEVER_US if begin is None else event_time_us(begin, "--from")
    to_us = ALWAYS_US if end is None else event_time_us(end, "--to")
    if from_us >= to_us:
        raise ConfigError(f"--from {begin} is not before --to {end}", hint="--to is the first moment not exported")
    for track in tracks:
        if not 0 < track < 1 << 63:
            raise ConfigError(f"--track {track} is no track", hint='posebus query "SELECT * FROM tracks" shows them')
    return Selection(run, from_us, to_us, tuple(dict.fromkeys(cameras)), tuple(dict.fromkeys(tracks)))


def _skeleton(name: str | None) -> str | None:
    if name is not None and name not in SKELETONS:
        raise ConfigError(
            f"--skeleton {name} is not known; there are: {', '.join(SKELETONS)}{did_you_mean(name, SKELETONS)}"
        )
    return name


def _known(cameras: list[str], wanted: tuple[str, ...]) -> None:
    for name in wanted:
        if name not in cameras:
            raise ConfigError(
                f"no camera {name} was ever stored{did_you_mean(name, cameras)}",
                hint=f"there are: {', '.join(cameras[:20]) or 'none'}",
            )


@contextmanager
def _progress() -> Iterator[Seen]:
    """A bar over the time that is exported, on standard error; nothing where that is no terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    began = time.monotonic()
    with Progress(*columns, console=ERR, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("reading", total=None, rate="")

        def seen(so_far: Progressed) -> None:
            at = datetime.fromtimestamp(so_far.at_us / 1e6, UTC)
            rate = so_far.poses / max(time.monotonic() - began, 1e-9)
            progress.update(
                task,
                description=f"{so_far.poses} poses, up to {at:%Y-%m-%d %H:%M}",
                completed=so_far.done_us,
                total=so_far.total_us,
                rate=f"{rate:.0f} poses/s",
            )

        yield seen
