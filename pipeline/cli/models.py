"""`posebus models`: which models there are, whether their files are right, getting and timing them."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from pipeline.cli.options import ConfigOption
from pipeline.cli.terminal import OUT, cell, show_error, table, warn
from pipeline.config import Config, ModelChoice, load_config
from pipeline.core.errors import ModelError
from pipeline.core.types import U8
from pipeline.models import entries, find
from pipeline.models.bench import BATCHES, Timing, timings
from pipeline.models.load import FAKE
from pipeline.models.pull import pull
from pipeline.models.zoo import models_folder
from pipeline.video.open import open_source

app = typer.Typer(help="The models: ls, check, pull, bench.", no_args_is_help=True)


@app.command("ls")
def show(config: ConfigOption = None) -> None:
    """List the models that can be named in the configuration, and where their files lie."""
    home = load_config(config, os.environ).home
    rows = []
    for name, entry in entries().items():
        try:
            place: str | None = str(find(name, home))
        except ModelError:
            place = None
        rows.append((name, entry.task, entry.kind, entry.skeleton, entry.licence, place))
    OUT.print(table(("model", "task", "kind", "skeleton", "licence", "file"), rows))


@app.command()
def check(config: ConfigOption = None) -> None:
    """Compare the file of every model with the hash that it must have; of what is not bundled only what is there."""
    home = load_config(config, os.environ).home
    wrong: ModelError | None = None
    for name, entry in entries().items():
        if not entry.bundled and not (models_folder(home) / entry.file).exists():
            OUT.print(f"{name}: not here, and not needed unless named")
            continue
        try:
            OUT.print(f"{name}: right, {cell(find(name, home))}")
        except ModelError as error:
            show_error(error)
            wrong = error
    if wrong is not None:
        raise typer.Exit(wrong.exit_code)


@app.command("pull")
def fetch(
    pack: Annotated[str, typer.Argument(help="Name of a pack of models.")] = "blazepose", config: ConfigOption = None
) -> None:
    """Get the model files from where they are published into the home folder."""
    for file in pull(pack, load_config(config, os.environ).home):
        OUT.print(cell(file))


@app.command()
def bench(
    frames: Annotated[int, typer.Option(min=1, help="Pictures of each measurement.")] = 24,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON instead of a table.")] = False,
    config: ConfigOption = None,
) -> None:
    """Time each model that is on this machine, and those of the configuration: milliseconds a picture."""
    settings = load_config(config, os.environ)
    threads = tuple(dict.fromkeys((1, os.cpu_count() or 1)))
    picture = _picture()
    cv2.setNumThreads(1)  # as in a run
    found: list[Timing] = []
    for model, task, choice in _available(settings):
        try:
            found += timings(model, task, choice, settings.home, picture, threads=threads, frames=frames)
        except ModelError as error:
            warn(f"{error.message}; {error.hint}")
    if as_json:
        sys.stdout.write(json.dumps([dataclasses.asdict(each) for each in found], indent=1) + "\n")
        return
    columns = ("model", "task", "size", "threads", *(f"ms at {batch}" for batch in BATCHES), "cpu ms at 8")
    rows = [
        (t.model, t.task, t.size, t.threads, *(f"{t.ms[batch]:.1f}" for batch in BATCHES), f"{t.cpu_ms[8]:.1f}")
        for t in found
    ]
    OUT.print(table(columns, rows))


def _available(settings: Config) -> list[tuple[str, str, ModelChoice]]:
    """Name, task and place of the models whose files are here; of a file that is the place of several, each."""
    chosen: list[tuple[str, str, ModelChoice]] = []
    for name, entry in entries().items():
        try:
            find(name, settings.home)
        except ModelError:
            continue
        chosen.append((name, entry.task, ModelChoice(name=name)))
    for task, choice in (("detect", settings.models.detector), ("pose", settings.models.pose)):
        if choice.path is not None:
            chosen.append((Path(choice.path).name, task, choice))
        elif choice.name != FAKE and choice.size is not None:
            chosen.append((str(choice.name), task, choice))
    return chosen


def _picture() -> U8:
    """A square picture with a person."""
    pixels = next(iter(open_source("sim://gym?people=1&seconds=1").pictures())).pixels
    height, width = pixels.shape[:2]
    side, left = min(height, width), (width - min(height, width)) // 2
    return np.ascontiguousarray(pixels[:side, left : left + side])
