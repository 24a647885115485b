"""What all formats have in common: a writer of one file, and the table of formats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Literal, Protocol

from pipeline.core.tables import PoseTable


class Writer(Protocol):
    """Writes tables of poses into one file; holds a bounded number of them at a time."""

    def write(self, table: PoseTable) -> None:
        """Add these poses; they come in the order of time, of one person where the format holds one."""
        ...

    def finish(self) -> int:
        """Write what is left; the number of rows or frames in the file. 0: there was nothing that it can hold."""
        ...

    def abandon(self) -> None:
        """Let go of the file, which is not to be kept."""
        ...


@dataclass(frozen=True, slots=True)
class WriterOptions:
    """What a writer may need beside the poses.

    Attributes:
        name: Of the file, for formats that write it into their header.
        fps: Frames a second of formats that have them evenly spaced; None: as the poses come.
    """

    name: str
    fps: float | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """A format of files.

    Attributes:
        name: On the command line.
        suffix: Of its files.
        per: What one file of a folder holds: a day of a camera, or a person as followed by one camera.
        needs: What poses must have, in words, for people of whom nothing could be written; empty: nothing.
        open: Makes a writer, from the file, a scratch file and options.
    """

    name: str
    suffix: str
    per: Literal["day", "track"]
    needs: str
    open: Callable[[BinaryIO, BinaryIO, WriterOptions], Writer]
