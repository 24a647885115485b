"""The error of a source that gave what it could: cut off, or with parts that could not be decoded."""

from __future__ import annotations

from pipeline.core.errors import SourceError


class DamagedSource(SourceError):
    """Raised after the last picture that could be read, so that nothing is lost that is there.

    Attributes:
        given: Number of pictures that were given before it.
        cut_off: The end is missing; otherwise parts in the middle are.
    """

    def __init__(self, message: str, *, given: int, cut_off: bool, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.given = given
        self.cut_off = cut_off
