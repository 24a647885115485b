"""`posebus run`: sources through all stages into the database."""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.embedded_run import Outcome, run_sources
from pipeline.cli.live import is_network, named_after, seed, source_of
from pipeline.cli.options import ConfigOption, DatabaseOption, MetricsPortOption, database_address
from pipeline.cli.take_up import Wishes
from pipeline.cli.tally import latencies, summary
from pipeline.cli.terminal import OUT, show_error, table, warn
from pipeline.config import Config, load_config
from pipeline.config.instants import EXAMPLE, instant_us
from pipeline.config.problems import did_you_mean
from pipeline.config.sections import Camera
from pipeline.config.worker import WorkerSection
from pipeline.core.errors import ConfigError, SourceError
from pipeline.core.ports import LiveSource, Source
from pipeline.database import open_database
from pipeline.logs import setup_logging
from pipeline.metrics import Metrics
from pipeline.notify import notifier_of
from pipeline.runners.live import live_source
from pipeline.runners.worker.aside import again_and_again
from pipeline.runners.worker.health import Health
from pipeline.topology import STAGES
from pipeline.video.open import open_source

EXAMPLES = """
Examples:

  posebus run clip.mp4                              one file, camera `clip.mp4`

  posebus run gym.mp4 ward.mp4 --camera gym --camera ward

  posebus run 'sim://gym?people=3&seed=7' --summary -

  posebus run clip.mp4 --start-time 2026-01-31T09:00:00Z --resume

  posebus run rtsp://10.0.0.5/stream1 --camera hall --fps 10

  posebus run --cameras                             those of `posebus camera add`, until Ctrl-C

  posebus run --cameras --metrics-port 9100         the same, watched by Prometheus
"""

_YEAR_S = 366 * 86400
_LONGEST_NAME = 200
FpsOption = Annotated[
    float | None, typer.Option(min=0.01, max=240, help="Keep at most so many pictures a second.", show_default=False)
]


def run(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            help="Network cameras rtsp://, video files, folders of images, sim:// scenes, or names of cameras in the"
            " configuration.",
            metavar="SOURCE",
            show_default=False,
        ),
    ] = None,
    camera: Annotated[
        list[str] | None, typer.Option(help="Name of the camera, once for each source in turn.", show_default=False)
    ] = None,
    db: DatabaseOption = None,
    config: ConfigOption = None,
    start_time: Annotated[
        str | None,
        typer.Option(help="When the first picture was taken, ISO 8601 (UTC without a zone).", show_default=False),
    ] = None,
    limit_s: Annotated[
        float | None,
        typer.Option(min=0.001, max=_YEAR_S, help="Stop after so many seconds of video.", show_default=False),
    ] = None,
    fps: FpsOption = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on exactly where a run was cut short.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Read a source anew, as a later recording.")] = False,
    summary_to: Annotated[
        str | None,
        typer.Option(
            "--summary", help="Write what was done as JSON; - for standard output.", metavar="FILE", show_default=False
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Pack pixels into the records, as between processes.")
    ] = False,
    cameras: Annotated[
        bool,
        typer.Option(
            "--cameras",
            help="Run the cameras of the registry (posebus camera add, and those of the configuration) until Ctrl-C;"
            " what is added, changed or removed there takes effect at once.",
        ),
    ] = False,
    notify: Annotated[
        bool,
        typer.Option(
            "--notify",
            help="Deliver incidents of recorded sources to the configured channels too, also what an earlier run of the"
            " same source could not deliver.",
        ),
    ] = False,
    metrics_port: MetricsPortOption = None,
    parent: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run video through all stages into the database: who was there, what they did, what needs attention."""
    settings = load_config(config, os.environ)
    setup_logging(settings.log.level, settings.log.format)
    if resume and again:
        raise ConfigError("--resume and --again exclude each other", hint="--resume goes on, --again begins anew")
    wishes = Wishes(
        start_us=None if start_time is None else _instant_us(start_time),
        resume=resume,
        again=again,
        limit_us=None if limit_s is None else round(limit_s * 1e6),
        fps=fps,
    )
    if summary_to not in (None, "-"):
        _check_writable(Path(summary_to))
    named = [] if cameras and not sources else named_sources(settings, sources or [], camera or [], fps)
    with (
        ExitStack() as held,
        open_database(database_address(settings, db), settings.home, world=settings.history.world) as database,
    ):
        if parent is not None:
            left = partial(_end_with, parent, threading.Event())
            held.enter_context(again_and_again("watch of the parent", left, 1.0))
        notifier = notifier_of(settings.notify) if notify else None
        if cameras:
            seed(database, settings)
        live = cameras or any(isinstance(source, LiveSource) for _, source in named)
        metrics = Metrics()
        outcome = run_sources(
            settings,
            database,
            named,
            wishes,
            strict=strict,
            notifier=notifier,
            follow=cameras,
            metrics=metrics,
            alive=_shown(metrics, settings.worker, metrics_port, live, held),
        )
    _tell(outcome, summary_to)
    _leave(outcome)


def _shown(
    metrics: Metrics, worker: WorkerSection, port: int | None, live: bool, held: ExitStack
) -> Callable[[], None]:
    """Show metrics where that is wanted; gives what to call while all goes on.

    A run of recordings does not take the configured port: it may be one beside that of the cameras.
    """
    port = (worker.metrics_port if live else 0) if port is None else port
    if not port:
        return lambda: None
    health = Health(metrics, "run", worker.metrics_host, port)
    held.callback(health.close)
    return health.beat


def _end_with(parent: int, ended: threading.Event) -> None:
    """Whoever started us would start another in our place when it comes back."""
    if os.getppid() != parent and not ended.is_set():
        ended.set()
        os.kill(os.getpid(), signal.SIGTERM)


def _tell(outcome: Outcome, summary_to: str | None) -> None:
    for name in outcome.stored:
        warn(f"camera {name}: this source is stored already; --again reads it anew as a later recording")
    if summary_to is not None:
        content = json.dumps(summary(outcome.tallies, outcome.metrics, list(STAGES)), indent=2)
        if summary_to == "-":
            sys.stdout.write(content + "\n")
        else:
            _write(Path(summary_to), content + "\n")
    if summary_to != "-" and outcome.tallies:
        OUT.print(cameras_table(outcome))
        OUT.print(latency_table(outcome))
    for name, seq in outcome.unfinished.items():
        warn(f"camera {name}: stored up to frame {seq}; go on with --resume")
    for name, damage in outcome.damage.items():
        warn(f"camera {name}: what could be read is stored")
        show_error(damage)


def _leave(outcome: Outcome) -> None:
    """The exit code: 128 + signal, or that of a damaged source."""
    if outcome.signal is not None:
        raise typer.Exit(128 + outcome.signal)
    if outcome.damage:
        raise typer.Exit(next(iter(outcome.damage.values())).exit_code)


def cameras_table(outcome: Outcome) -> Any:
    """What was stored of each camera."""
    rows = [
        (
            name,
            tally.frames,
            sum(tally.dropped.values()),
            tally.poses,
            len(tally.tracks),
            _counted(tally.events),
            len(tally.incidents),
            f"{tally.frames / tally.wall_s:.0f}" if tally.wall_s else None,
        )
        for name, tally in outcome.tallies.items()
    ]
    return table(("camera", "frames", "dropped", "poses", "people", "events", "incidents", "frames/s"), rows)


def latency_table(outcome: Outcome) -> Any:
    """The time that each stage works on a frame."""
    rows = [
        (stage, times["p50"], times["p95"])
        for stage, times in latencies(outcome.metrics, list(STAGES)).items()
    ]  # fmt: skip
    return table(("stage", "ms a frame, p50", "p95"), rows)


def _counted(events: Counter[str]) -> str:
    return ", ".join(f"{n} {kind}" for kind, n in sorted(events.items())) or "none"


def named_sources(
    settings: Config, texts: Sequence[str], cameras: Sequence[str], fps: float | None
) -> list[tuple[str, Source | LiveSource]]:
    """Open what was named, with the name of the camera of each. Raises ConfigError, SourceError."""
    if not texts:
        texts = list(settings.cameras)
        if not texts:
            raise ConfigError(
                "nothing to run: no source is named and the configuration has no cameras",
                hint="try: posebus run 'sim://gym?people=2'",
            )
    if cameras and len(cameras) != len(texts):
        raise ConfigError(
            f"{_of(len(texts), 'source')}, but {_of(len(cameras), 'camera name')}",
            hint="give --camera once for each source, in turn",
        )
    named: dict[str, Source | LiveSource] = {}
    for i, text in enumerate(texts):
        known = settings.cameras.get(text)
        source = _opened(settings, text, fps)
        name = _checked_name(cameras[i] if cameras else text if known else source.info.name)
        if name in named:
            raise ConfigError(f"two sources would be the camera {name}", hint="name them apart: --camera A --camera B")
        named[name] = source
    return list(named.items())


def _opened(settings: Config, text: str, fps: float | None) -> Source | LiveSource:
    known = settings.cameras.get(text)
    if known is not None:
        if known.spec(text, 0).mode == "live":
            return source_of(replace(known.spec(text, 0), fps=fps or known.fps or 0.0), settings)
        return open_source(known.source, fps=fps or known.fps)
    if is_network(text):
        alone = Camera(source=text)
        spec = replace(alone.spec(named_after(text), 0), fps=fps or 0.0)
        return live_source(spec, lambda: alone.secret, settings.rtsp.trust)
    if not text.strip():
        raise ConfigError("a source has no name", hint="name a video file, a folder of images or a scene: sim://gym")
    try:
        return open_source(text, fps=fps)
    except SourceError as error:
        if not settings.cameras or "://" in text or Path(text).expanduser().exists():
            raise
        guess = did_you_mean(text, settings.cameras)
        raise SourceError(
            f"{error.message}, nor does the configuration have a camera of this name",
            hint=f"its cameras: {', '.join(settings.cameras)}{guess}",
        ) from error


def _checked_name(name: str) -> str:
    if not name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
        raise ConfigError(
            f"{name[:_LONGEST_NAME]!r} cannot be the name of a camera",
            hint=f"name it with --camera: 1 to {_LONGEST_NAME} visible characters",
        )
    return name


def _of(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _instant_us(text: str) -> int:
    try:
        return instant_us(text)
    except ValueError as error:
        raise ConfigError(f"--start-time {text} is {error}", hint=f"write it like {EXAMPLE}") from None


def _check_writable(path: Path) -> None:
    """Raises ConfigError where a run would end without its summary, before it begins."""
    try:
        folder = stat.S_ISDIR(path.stat().st_mode)
    except FileNotFoundError:
        folder = False
        if not path.parent.is_dir():
            raise _not_writable(path, f"there is no folder {path.parent}") from None
    except OSError as error:
        raise _not_writable(path, error.strerror) from error
    if folder:
        raise _not_writable(path, "it is a folder")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise _not_writable(path, "no permission to write there")


def _write(path: Path, content: str) -> None:
    try:
        path.write_text(content)
    except OSError as error:
        raise _not_writable(path, error.strerror) from error


def _not_writable(path: Path, reason: str | None) -> ConfigError:
    return ConfigError(f"{path} cannot be written: {reason}", hint="name another file for --summary")
