"""How a camera is reached that was named on the command line, and the registry where it stands."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

import typer

from pipeline.camera_registry import camera_topic
from pipeline.cameras import CameraStore, is_kept_elsewhere, reveal
from pipeline.cli.live import is_network
from pipeline.cli.options import database_address
from pipeline.config import Config, load_config
from pipeline.config.problems import did_you_mean
from pipeline.config.sections import Camera
from pipeline.core.cameras import CameraSpec
from pipeline.core.errors import ConfigError
from pipeline.database import open_database
from pipeline.installation import bus_of
from pipeline.logs import setup_logging
from pipeline.video.live.options import LiveOptions


def live_options(
    url: str,
    user: str | None,
    password: str | None,
    password_file: Path | None,
    transport: Literal["tcp", "udp"] | None,
    db: str | None,
    config: Path | None,
) -> LiveOptions:
    """How to reach what was named: an address, or a camera of the registry or the configuration."""
    settings = load_config(config, os.environ)
    setup_logging(settings.log.level, settings.log.format)
    if is_network(url):
        named = Camera(source=url)
        spec = named.spec("camera", 1)
        secret = _clear(said_secret(password, password_file)) or named.secret
        return _with_trust(
            settings,
            LiveOptions(spec.source, user=user or spec.user or None, password=secret, transport=transport or "tcp"),
        )
    if url in settings.cameras:
        camera = settings.cameras[url]
        spec, secret = camera.spec(url, 1), camera.secret
    else:
        with camera_store(config, db) as (store, _):
            spec = known_camera(store, url)
        secret = reveal(spec.password, os.environ)
    if not is_network(spec.source):
        raise ConfigError(f"{url} is no network camera: {spec.source}", hint="posebus run reads it")
    secret = _clear(said_secret(password, password_file)) or secret
    return _with_trust(
        settings,
        LiveOptions(
            spec.source, user=user or spec.user or None, password=secret, transport=transport or spec.transport
        ),
    )


def _with_trust(settings: Config, options: LiveOptions) -> LiveOptions:
    trust = settings.rtsp.trust
    return replace(options, tls_verify=trust.verify, ca_file=trust.ca_file)


@contextmanager
def camera_store(config: Path | None, db: str | None) -> Iterator[tuple[CameraStore, Config]]:
    """The registry: in the broker's topic where a broker is configured, else in the database, which numbers both."""
    settings = load_config(config, os.environ)
    setup_logging(settings.log.level, settings.log.format)
    with open_database(database_address(settings, db), settings.home) as database:
        if not settings.kafka.servers:
            yield database.cameras(), settings
            return
        bus = bus_of(settings, f"camera-{os.getpid()}")
        try:
            yield camera_topic(bus, f"camera-{os.getpid()}", database.registry().camera_no), settings
        finally:
            bus.close()


def known_camera(store: CameraStore, name: str) -> CameraSpec:
    """The camera of this name. Raises ConfigError."""
    specs = {spec.name: spec for spec in store.cameras()}
    if name not in specs:
        raise ConfigError(
            f"no camera is named {name}; there are: {', '.join(specs) or 'none'}{did_you_mean(name, specs)}",
            hint="posebus camera add attaches one",
        )
    return specs[name]


def said_secret(password: str | None, file: Path | None) -> str | None:
    """What was said of a password, None for nothing."""
    if password is not None and file is not None:
        raise ConfigError("--password and --password-file exclude each other")
    if file is not None:
        if not file.is_file():
            raise ConfigError(f"--password-file {file}: there is no such file")
        return f"${{file:{file.absolute()}}}"
    return typer.prompt("Password", hide_input=True, err=True) if password == "-" else password


def _clear(secret: str | None) -> str | None:
    return reveal(secret, os.environ) if secret and is_kept_elsewhere(secret) else secret
