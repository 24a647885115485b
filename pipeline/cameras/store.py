"""Where the registry of cameras rests: in the database, or in a compacted topic; both look like this."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pipeline.core.cameras import CameraSpec, CameraStatus


class CameraStore(Protocol):
    """The cameras of an installation and how they are."""

    def camera_no(self, name: str) -> int:
        """The number of a camera, issued when it is new."""
        ...

    def cameras(self) -> Sequence[CameraSpec]:
        """All of them, by name."""
        ...

    def put(self, spec: CameraSpec) -> None:
        """Add a camera, or change it."""
        ...

    def remove(self, name: str) -> bool:
        """Take a camera out; its history and its number stay. Tells whether it was there."""
        ...

    def note(self, statuses: Sequence[CameraStatus]) -> None:
        """Keep how cameras are: the last of each, and each change of state or reason as history."""
        ...

    def statuses(self) -> Sequence[CameraStatus]:
        """How each camera was when it was last heard of, with the newest error that is known."""
        ...
