"""`posebus tail`: the records of a topic as they come, decoded."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

import typer

from pipeline.cli.options import ConfigOption
from pipeline.cli.signals import stopped_by_signals
from pipeline.cli.terminal import OUT, cell
from pipeline.config import Config, load_config
from pipeline.config.problems import did_you_mean
from pipeline.core.cameras import CameraSpec, CameraStatus
from pipeline.core.errors import ConfigError, InvalidRecord, StateError
from pipeline.core.ports import BusRecord
from pipeline.core.records import Dropped, Record, Tick
from pipeline.core.redact import HIDDEN, redact
from pipeline.installation import bus_of, registry_of
from pipeline.logs import setup_logging
from pipeline.sinks.plain import kind_of, plain, plain_record
from pipeline.topics import CAMERA_STATUS, CAMERAS, PARTITIONS, TOPICS
from pipeline.topology import Topology

EXAMPLES = """
Examples:

  posebus tail events

  posebus tail motions --camera gym --last 3 --no-follow --format json

  posebus tail alerts --format json | jq .value.text

  posebus tail cameras --no-follow --last 1000
"""

_READABLE = (*TOPICS, CAMERAS, CAMERA_STATUS)

_Shown = tuple[Mapping[str, Any], str]
"""A record as JSON has it, and in a line."""


def tail(
    topic: Annotated[
        str,
        typer.Argument(help="Name of a topic, such as poses, events, cameras or camera-status.", show_default=False),
    ],
    camera: Annotated[str | None, typer.Option(help="Only records of this camera.", show_default=False)] = None,
    last: Annotated[int, typer.Option(min=0, max=100_000, help="Begin with so many of each partition.")] = 10,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Go on with what comes.")] = True,
    ticks: Annotated[bool, typer.Option("--ticks", help="Also the ticks of each second.")] = False,
    form: Annotated[Literal["text", "json"], typer.Option("--format", "-f", help="How records are written.")] = "text",
    config: ConfigOption = None,
) -> None:
    """Show the records of a topic as they come.

    Reading them takes nothing from anybody: no group notices.
    """
    if topic not in _READABLE:
        raise ConfigError(
            f"no topic of records is named {topic}{did_you_mean(topic, _READABLE)}",
            hint=f"there are: {', '.join(_READABLE)}",
        )
    settings = load_config(config, os.environ)
    setup_logging(settings.log.level, settings.log.format)
    shown = _reader(settings, topic, ticks)
    bus = bus_of(settings, "posebus-tail")
    stop = threading.Event()
    try:
        with stopped_by_signals(stop) as came:
            for raw in bus.follow(topic, frozenset(range(PARTITIONS)), last=last, endless=follow):
                if stop.is_set():
                    raise typer.Exit(128 + came[0])
                if raw is not None and (camera is None or raw.key.decode(errors="replace") == camera):
                    _show(raw, shown, form)
    finally:
        bus.close()


def _reader(settings: Config, topic: str, ticks: bool) -> Callable[[BusRecord], _Shown | None]:
    """What shows a record of a topic; None is not shown. It raises InvalidRecord, StateError."""
    topology = Topology(settings, None, registry=registry_of(settings))
    if topic in TOPICS:
        codec = topology.codec(topic)

        def of_record(raw: BusRecord) -> _Shown | None:
            record = codec.decode(raw.value or b"", raw.attachment)
            if isinstance(record.value, Tick) and not ticks:
                return None
            return plain_record(record), _short(record)

        return of_record
    kind: type = CameraSpec if topic == CAMERAS else CameraStatus
    states = topology.state_codec("camera" if topic == CAMERAS else "camera_status", kind)

    def of_camera(raw: BusRecord) -> _Shown:
        if raw.value is None:
            return {"kind": "removed", "camera": raw.key.decode(errors="replace")}, "removed"
        value = states.decode(raw.value)
        if isinstance(value, CameraSpec):
            # Where a password is found may be told; what is sealed need not.
            password = value.password if value.password.startswith("${") or not value.password else HIDDEN
            value = replace(value, source=redact(value.source), password=password)
        return {"kind": kind_of(value), "value": plain(value)}, _about(value)

    return of_camera


def _show(raw: BusRecord, shown: Callable[[BusRecord], _Shown | None], form: str) -> None:
    place = {"topic": raw.topic, "partition": raw.partition, "offset": raw.offset}
    where = f"{raw.partition}/{raw.offset} {raw.key.decode(errors='replace')}"
    try:
        found = shown(raw)
    except (InvalidRecord, StateError) as error:
        unreadable = {
            **place,
            "key": raw.key.decode(errors="replace"),
            "error": error.message,
            "nbytes": len(raw.value or b""),
        }
        _write(unreadable, form, f"{where} cannot be read: {error.message}")
        return
    if found is not None:
        content, text = found
        _write({**place, **content}, form, f"{where} {text}")


def _write(content: Mapping[str, Any], form: str, text: str) -> None:
    if form == "json":
        sys.stdout.write(json.dumps(content) + "\n")
        sys.stdout.flush()
    else:
        OUT.print(cell(text))


def _short(record: Record[Any]) -> str:
    """Time, number and what it is, in a line."""
    stamp, value = record.stamp, record.value
    head = f"{stamp.session}:{stamp.n} frame {stamp.seq} {stamp.captured_at_us / 1e6:.3f} {kind_of(value)}"
    if isinstance(value, Dropped):
        return f"{head} by {value.stage}: {value.reason}"
    if isinstance(value, Tick):
        return f"{head} {value.state}"
    words = [
        str(getattr(value, name))
        for name in ("kind", "label", "rule", "state", "text", "reason")
        if hasattr(value, name)
    ]
    if hasattr(value, "__len__"):
        words.append(f"people={len(value)}")
    elif (ids := getattr(value, "track_id", None)) is not None and not isinstance(ids, int):
        words.append(f"people={len(ids)}")
    return " ".join([head, *words])


def _about(value: CameraSpec | CameraStatus) -> str:
    """A camera, or how it is, in a line."""
    if isinstance(value, CameraSpec):
        return f"camera {value.camera_no} {value.mode} {value.source}{' paused' if value.paused else ''}"
    age = "" if value.age_ms is None else f" age {value.age_ms} ms"
    why = f": {value.reason}" if value.reason else ""
    return f"camera {value.camera_no} {value.at_us / 1e6:.3f} {value.state}{why} {value.fps:.1f} fps{age}"
