"""`posebus record`: store what a camera sends, as it sends it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.camera_access import live_options
from pipeline.cli.options import ConfigOption, DatabaseOption
from pipeline.cli.terminal import OUT, cell
from pipeline.core.errors import ConfigError
from pipeline.video.live.probe import record as store

EXAMPLES = """
Example: posebus record hall -o clip.mkv --s 30
"""
_SUFFIXES = (".mkv", ".mp4", ".mov")


def record(
    name: Annotated[str, typer.Argument(help="Name of a camera, or its address.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to; .mkv is best.", show_default=False)],
    seconds: Annotated[float, typer.Option("--s", min=0.1, max=86_400, help="How long.")] = 30.0,
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Store what a camera sends, without decoding or re-encoding it."""
    if output.suffix.lower() not in _SUFFIXES:
        raise ConfigError(f"{output}: cannot record to '{output.suffix}'", hint=f"use {', '.join(_SUFFIXES)}")
    if not output.absolute().parent.is_dir():
        raise ConfigError(f"{output} cannot be written: there is no folder {output.parent}")
    count, length_s = store(live_options(name, None, None, None, None, db, config), output, seconds)
    OUT.print(f"{cell(output)}: {count} pictures, {length_s:.1f} s, {output.stat().st_size / 2**20:.1f} MiB")
