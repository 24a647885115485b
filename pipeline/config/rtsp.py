"""The section of network cameras."""

from __future__ import annotations

from pathlib import Path

from pipeline.config.section import Section
from pipeline.core.cameras import Trust


class Rtsp(Section):
    """How network cameras are reached."""

    tls_verify: bool = False
    """Whether a camera at `rtsps://` must show a certificate that is trusted and fits its address. Most cameras sign
    their own, so it is not asked for by default."""

    tls_ca: Path | None = None
    """File of certificates (PEM) that are trusted in place of the system's, with `tls_verify`; relative to the
    configuration's folder. Every process that reads cameras needs it."""

    @property
    def trust(self) -> Trust:
        """The same for who reads cameras."""
        return Trust(self.tls_verify, None if self.tls_ca is None else str(self.tls_ca))

    def placed(self, folder: Path) -> Rtsp:
        """With an absolute path: that of the file is relative to its folder."""
        if self.tls_ca is None:
            return self
        return self.model_copy(update={"tls_ca": folder / self.tls_ca.expanduser()})
