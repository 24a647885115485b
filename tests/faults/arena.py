"""What the scripts of faults share: clips, cameras, proxies, watchers; all closed at the end."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pipeline.video.live.options import LiveOptions
from tests.rtsp import clips
from tests.rtsp.cameras import CameraServer
from tests.rtsp.proxy import Proxy, Weather
from tests.rtsp.watch import Watch

GOP_S = clips.GOP / clips.FPS
BACK_S = 2.0 + GOP_S
"""A camera that is there again gives pictures within this."""

PASSWORD = "p@ss:w/rd#1"


@dataclass
class Arena:
    """Use it in a `with` block.

    Attributes:
        files: Clips by name: h264, b_frames, h265, mjpeg, audio, sizes (raw, changes its size), slow (5 pictures/s).
        main: Serves them all, as long as the block lasts.
    """

    folder: Path
    weather: Weather = field(init=False)
    files: dict[str, Path] = field(init=False)
    main: CameraServer = field(init=False)
    _stack: ExitStack = field(default_factory=ExitStack)
    _lock: Lock = field(default_factory=Lock)

    def __enter__(self) -> Self:
        self.files = clip_files(self.folder)
        self.weather = Weather()
        self._stack.callback(self.weather.close)
        self.main = self.server(self.files, fps=clips.FPS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def server(self, mounts: dict[str, Path], **settings: Any) -> CameraServer:
        """A camera server of one's own."""
        return self._closed_at_end(lambda: CameraServer(mounts, **settings))

    def proxy(self, server: CameraServer | None = None, seed: int = 0) -> Proxy:
        """A proxy of one's own, before `main` or another server."""
        return self.weather.proxy((server or self.main).port, seed)

    def watch(self, url: str, *, keep: bool = False, **options: Any) -> Watch:
        """Read a camera."""
        return self._closed_at_end(lambda: Watch(LiveOptions(url, **options), keep))

    def certificate(self) -> tuple[Path, Path]:
        """A self-signed certificate of 127.0.0.1 with its key in one file, and alone."""
        return make_certificate(self.folder)

    def _closed_at_end(self, make: Callable[[], Any]) -> Any:
        made = make()
        with self._lock:
            self._stack.callback(made.close)
        return made


def clip_files(folder: Path) -> dict[str, Path]:
    """The clips, made in this folder."""
    small = clips.write(folder / "small.h264", pictures=20)
    large = clips.write(folder / "large.h264", pictures=20, size=(480, 288), first=20)
    sizes = folder / "sizes.h264"
    sizes.write_bytes(small.read_bytes() + large.read_bytes())
    return {
        "h264": clips.write(folder / "h264.mp4"),
        "b_frames": clips.write(folder / "b.mp4", b_frames=2),
        "h265": clips.write(folder / "h265.mp4", "libx265"),
        "mjpeg": clips.write(folder / "mjpeg.mkv", "mjpeg"),
        "audio": clips.write(folder / "audio.mp4", audio=True),
        "slow": clips.write(folder / "slow.mp4", fps=5, gop=5, pictures=20),
        "sizes": sizes,
    }


def make_certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    alone = folder / "camera.crt"
    alone.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    both = folder / "camera.pem"
    both.write_bytes(
        alone.read_bytes()
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return both, alone
