"""`posebus camera`: attach cameras, try them, see how they are."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.cameras import sealed
from pipeline.cli.camera_access import camera_store, known_camera, live_options, said_secret
from pipeline.cli.camera_advice import advice
from pipeline.cli.live import is_network
from pipeline.cli.options import ConfigOption, DatabaseOption
from pipeline.cli.terminal import OUT, cell, table, warn
from pipeline.cli.times import ago
from pipeline.config import Config
from pipeline.config.files import read_text
from pipeline.config.sections import Camera, check_camera_name
from pipeline.core.cameras import CameraSpec, CameraStatus
from pipeline.core.errors import ConfigError, SourceError
from pipeline.own_stages import check_own
from pipeline.video.live.options import LiveOptions
from pipeline.video.live.probe import Found, probe, save_picture
from pipeline.video.open import open_source

app = typer.Typer(no_args_is_help=True, help="Cameras: add, test, ls, edit, pause, resume, rm, discover, key.")

ADD_EXAMPLES = """
Examples:

  posebus camera add hall rtsp://10.0.0.5/stream1 --user viewer --password-file hall.secret --fps 10

  posebus camera add gym 'sim://gym?people=2' --mode live
"""
TEST_EXAMPLES = """
Examples:

  posebus camera test rtsp://10.0.0.5/stream1 --user viewer --password-file hall.secret --snapshot hall.jpg

  posebus camera test hall                          one that was added
"""

_STALE_S = 10.0
_LONGEST_TEXT = 100_000
_Name = Annotated[str, typer.Argument(help="Name of the camera.", show_default=False)]
_User = Annotated[str | None, typer.Option("--user", help="Who asks the camera for pictures.", show_default=False)]
_Password = Annotated[
    str | None,
    typer.Option(
        "--password",
        help="Of that user: best as '${env:NAME}' or '${file:PATH}', which says where it is kept; - asks for it.",
        show_default=False,
    ),
]
_PasswordFile = Annotated[
    Path | None,
    typer.Option("--password-file", help="File that holds the password; only its path is kept.", show_default=False),
]
_Transport = Annotated[Literal["tcp", "udp"] | None, typer.Option(help="How the camera sends.", show_default="tcp")]
_Mode = Annotated[
    Literal["live", "archive"] | None,
    typer.Option(help="live leaves out what is too old.", show_default="live for network cameras"),
]
_Fps = Annotated[
    float | None,
    typer.Option(min=0, max=240, help="Keep at most so many pictures a second; 0: all.", show_default=False),
]
_Deadline = Annotated[
    int | None,
    typer.Option(min=50, max=60_000, help="live: oldest picture that is still looked at, ms.", show_default="500"),
]
_Weight = Annotated[float | None, typer.Option(min=0.01, max=100, help="Share of the models' time.", show_default="1")]
_Zones = Annotated[
    Path | None,
    typer.Option(help="File of zones and lines of this camera; an empty one takes them away.", show_default=False),
]
_Rules = Annotated[
    Path | None,
    typer.Option(help="File of rules of this camera; an empty one takes them away.", show_default=False),
]


@app.command(epilog=ADD_EXAMPLES)
def add(
    name: _Name,
    source: Annotated[str, typer.Argument(help="rtsp://host/path, a file, a folder or a scene.", show_default=False)],
    user: _User = None,
    password: _Password = None,
    password_file: _PasswordFile = None,
    fps: _Fps = None,
    transport: _Transport = None,
    mode: _Mode = None,
    deadline_ms: _Deadline = None,
    weight: _Weight = None,
    zones: _Zones = None,
    rules: _Rules = None,
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Attach a camera; running workers read it within two seconds."""
    check_camera_name(name)
    named = Camera(source=source, mode=mode)
    secret = said_secret(password, password_file)
    if secret is None and named.secret is not None:
        secret = named.secret
    with camera_store(config, db) as (store, settings):
        if any(spec.name == name for spec in store.cameras()):
            raise ConfigError(f"there is a camera {name} already", hint=f"change it: posebus camera edit {name}")
        if name in settings.cameras:
            raise ConfigError(f"the camera {name} is in the configuration", hint="change it there, or choose a name")
        bare = named.spec(name, 1)
        spec = _changed(bare, user, secret, fps, transport, mode, deadline_ms, weight, zones, rules)
        _check(spec, settings)
        store.put(replace(spec, camera_no=store.camera_no(name)))
    OUT.print(f"{cell(name)} is added: {cell(spec.source)}")


@app.command(epilog="Example: posebus camera edit hall --fps 5 --transport udp")
def edit(
    name: _Name,
    source: Annotated[str | None, typer.Option(help="Another address.", show_default=False)] = None,
    user: _User = None,
    password: _Password = None,
    password_file: _PasswordFile = None,
    fps: _Fps = None,
    transport: _Transport = None,
    mode: _Mode = None,
    deadline_ms: _Deadline = None,
    weight: _Weight = None,
    zones: _Zones = None,
    rules: _Rules = None,
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Change a camera; what is not named stays."""
    with camera_store(config, db) as (store, settings):
        spec = known_camera(store, name)
        secret = said_secret(password, password_file)
        if source is not None:
            named = Camera(source=source, mode=mode or spec.mode)
            fresh = named.spec(name, spec.camera_no)
            spec = replace(spec, source=fresh.source, mode=fresh.mode, user=fresh.user or spec.user)
            secret = secret if secret is not None else named.secret
        spec = _changed(spec, user, secret, fps, transport, mode, deadline_ms, weight, zones, rules)
        _check(spec, settings)
        store.put(spec)
    OUT.print(f"{cell(name)} is changed")


@app.command()
def pause(name: _Name, db: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Read a camera no more, until it is resumed."""
    _set_paused(name, True, db, config)


@app.command()
def resume(name: _Name, db: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Read a paused camera again."""
    _set_paused(name, False, db, config)


@app.command()
def rm(name: _Name, db: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Take a camera out; its history and its number stay."""
    with camera_store(config, db) as (store, _):
        known_camera(store, name)
        store.remove(name)
    OUT.print(f"{cell(name)} is removed; its history stays")


@app.command()
def ls(db: DatabaseOption = None, config: ConfigOption = None) -> None:
    """List cameras: how each is, how many pictures come, how old the last one is, what was wrong."""
    with camera_store(config, db) as (store, _):
        specs, statuses = store.cameras(), {status.name: status for status in store.statuses()}
    now_us = time.time_ns() // 1000
    OUT.print(
        table(
            ("camera", "state", "fps", "age s", "restarts", "last error", "source"),
            [_row(spec, statuses.get(spec.name), now_us) for spec in specs],
        )
    )
    if not specs:
        OUT.print("no camera is attached; try: posebus camera add gym 'sim://gym?people=2'")


@app.command("test", epilog=TEST_EXAMPLES)
def try_out(
    url: Annotated[str, typer.Argument(help="Address, or the name of an added camera.", show_default=False)],
    user: _User = None,
    password: _Password = None,
    password_file: _PasswordFile = None,
    transport: _Transport = None,
    snapshot: Annotated[
        Path | None, typer.Option(help="Where to save a picture; .jpg or .png.", show_default="NAME.jpg")
    ] = None,
    seconds: Annotated[float, typer.Option("--s", min=0.5, max=60, help="How long to look.")] = 3.0,
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Open a camera and say what it sends; or what is wrong, and what to try."""
    options = live_options(url, user, password, password_file, transport, db, config)
    found = probe(options, seconds)
    if not isinstance(found, Found):
        raise SourceError(f"{options.url}: {found.reason}", hint=advice(options, found.reason))
    target = snapshot or Path(f"{_plain(url)}.jpg")
    save_picture(found.pixels, target)
    measured = "too few pictures" if found.fps is None else f"{found.fps:.1f} measured"
    rows = [
        ("codec", found.codec),
        ("size", f"{found.width} x {found.height}"),
        ("pictures a second", f"{measured}, {found.nominal_fps:g} as it says"),
        ("first picture after", f"{found.first_s:.2f} s"),
        ("its clock", _clock(found.clock_offset_s)),
        ("damaged", f"{found.suspect} of {found.pictures}"),
        ("snapshot", str(target)),
    ]
    OUT.print(table(("", ""), rows))
    if found.suspect > found.pictures // 10:
        warn("many pictures are damaged: use --transport tcp, or a better network")
    if found.clock_offset_s is not None and abs(found.clock_offset_s) > 1:
        warn("its clock is off by more than a second: frames get the time of their arrival; set NTP on the camera")


@app.command()
def discover(
    seconds: Annotated[float, typer.Option("--s", min=0.5, max=60, help="How long to listen.")] = 3.0,
) -> None:
    """Find cameras on the local network (ONVIF WS-Discovery)."""
    from pipeline.cameras.discovery import discover as ask

    found = ask(seconds)
    OUT.print(
        table(("address", "name", "hardware", "service"), [(d.address, d.name, d.hardware, d.service) for d in found])
    )
    OUT.print(
        "the address of the stream is in the camera's manual; then: posebus camera test rtsp://ADDRESS/PATH"
        if found
        else "no camera answered; many have ONVIF turned off, and it does not cross routers"
    )


@app.command()
def key() -> None:
    """Print a new key for POSEBUS_SECRET_KEY, which seals passwords."""
    from pipeline.cameras.sealing import new_key

    sys.stdout.write(new_key() + "\n")


def _changed(
    spec: CameraSpec,
    user: str | None,
    secret: str | None,
    fps: float | None,
    transport: Literal["tcp", "udp"] | None,
    mode: Literal["live", "archive"] | None,
    deadline_ms: int | None,
    weight: float | None,
    zones: Path | None,
    rules: Path | None,
) -> CameraSpec:
    wanted = {
        "user": user,
        "password": None if secret is None else sealed(secret, os.environ),
        "fps": fps,
        "transport": transport,
        "mode": mode,
        "deadline_ms": deadline_ms,
        "weight": weight,
        "zones": None if zones is None else _text_of(zones, "a YAML file of zones"),
        "rules": None if rules is None else _text_of(rules, "a YAML file of rules"),
    }
    return replace(spec, **{name: value for name, value in wanted.items() if value is not None})  # type: ignore[arg-type]


def _text_of(path: Path, which: str) -> str:
    """What a file says: it goes into the registry, for workers are on other machines. Nothing for an empty one."""
    text = read_text(path, f"name {which}")
    if len(text) > _LONGEST_TEXT:
        raise ConfigError(f"{path} has {len(text)} characters, expected at most {_LONGEST_TEXT}")
    return text if text.strip() else ""


def _check(spec: CameraSpec, settings: Config) -> None:
    """Raises ConfigError, SourceError for what can be seen to be wrong without asking the camera."""
    check_own(settings, spec)
    if is_network(spec.source):
        LiveOptions(spec.source, user=spec.user or None, fps=spec.fps or None)
        if spec.mode == "archive":
            raise ConfigError("a network camera is live: nothing of it can be read again")
    else:
        open_source(spec.source, fps=spec.fps or None)


def _set_paused(name: str, paused: bool, db: str | None, config: Path | None) -> None:
    with camera_store(config, db) as (store, _):
        store.put(replace(known_camera(store, name), paused=paused))
    OUT.print(f"{cell(name)} is {'paused' if paused else 'read again'}")


def _row(spec: CameraSpec, status: CameraStatus | None, now_us: int) -> tuple[object, ...]:
    if status is None or spec.paused:
        return (spec.name, "paused" if spec.paused else "not read yet", None, None, None, None, spec.source)
    heard_s = (now_us - status.at_us) / 1e6
    # Whoever reads it speaks every two seconds; a state that is told once only is none that gets old.
    gone = heard_s > _STALE_S and status.state != "paused" and status.age_ms is not None
    age_s = None if status.age_ms is None else round(status.age_ms / 1000 + max(heard_s, 0), 1)
    state = f"not read now (was {status.state})" if gone else status.state
    fps = round(status.fps, 1) if status.fps and not gone else None
    return (spec.name, state, fps, age_s, status.restarts, _error(status, now_us), spec.source)


def _error(status: CameraStatus, now_us: int) -> str | None:
    """What is wrong, or was wrong last, and how long ago that began."""
    if not status.error:
        return None
    return f"{status.error} ({ago((now_us - status.error_us) / 1e6)} ago)"


def _clock(offset_s: float | None) -> str:
    if offset_s is None:
        return "it does not say"
    return f"{abs(offset_s):.2f} s {'ahead of' if offset_s > 0 else 'behind'} ours, the way of the picture included"


def _plain(url: str) -> str:
    name = url.rpartition("@")[2].split("://")[-1]
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name).strip("_") or "camera"
