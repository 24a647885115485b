"""How a live camera is reached, and how long it may be silent."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from pipeline.core.errors import ConfigError

SCHEMES = ("rtsp", "rtsps")
Transport = Literal["tcp", "udp"]


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """A camera's address and how it is read.

    A user and password within the address are taken out of it.

    Attributes:
        url: `rtsp://host[:port]/path` or `rtsps://`; shown in messages, so without a password.
        secret: Asked for the password at each try, in place of `password`: where it rests it may have been corrected.
            Raises ConfigError.
        fps: Keep at most so many pictures a second, chosen before their pixels are converted; None keeps all.
        transport: tcp loses nothing; udp is for cameras that know nothing else.
        tls_verify: Refuse a certificate that does not fit (rtsps only).
        ca_file: Certificates that are trusted, instead of the system's.
        open_s: How long opening may take.
        stall_s: Without a picture for so long it counts as stalled; three times the camera's own interval (see `Pace`)
            if that is longer.
        give_up_s: Stalled for so long again, its reader is ended and a new one begins.
        key_frame_s: How long data may come without a picture after opening: cameras send a key frame now and then.
        max_rss_bytes: A reader that uses more memory is replaced.
    """

    url: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    secret: Callable[[], str | None] | None = field(default=None, repr=False)
    fps: float | None = None
    transport: Transport = "tcp"
    tls_verify: bool = False
    ca_file: str | None = None
    open_s: float = 5.0
    stall_s: float = 2.0
    give_up_s: float = 2.0
    key_frame_s: float = 15.0
    max_rss_bytes: int = 512 * 2**20

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme.lower() not in SCHEMES or not parts.hostname:
            raise ConfigError(
                "the address of a camera cannot be read: expected rtsp://host/path or rtsps://host/path",
                hint="a / @ : or # within a password is written %2F %40 %3A %23; or give it with --password-file",
            )
        try:
            _ = parts.port
        except ValueError:
            raise ConfigError("the port in the address of a camera is no number between 0 and 65535") from None
        if self.fps is not None and not (math.isfinite(self.fps) and self.fps > 0):
            raise ConfigError(f"fps is {self.fps}, expected a number above 0")
        if self.transport not in ("tcp", "udp"):
            raise ConfigError(f"transport is {self.transport!r}, allowed: tcp, udp")
        if parts.username is not None:
            put = object.__setattr__
            put(self, "user", self.user if self.user is not None else unquote(parts.username))
            if self.password is None and parts.password is not None:
                put(self, "password", unquote(parts.password))
            put(self, "url", urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])))

    @property
    def address(self) -> str:
        """The whole address, with user and password as they are now: for the reader alone, never shown.

        Raises ConfigError where the password cannot be read.
        """
        if self.user is None:
            return self.url
        parts = urlsplit(self.url)
        password = self.password if self.secret is None else self.secret()
        shown = f":{quote(password, safe='')}" if password is not None else ""
        return urlunsplit(parts._replace(netloc=f"{quote(self.user, safe='')}{shown}@{parts.netloc}"))
