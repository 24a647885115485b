"""What all sections of the configuration have in common."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the configuration: nothing but what it names, and never changed."""

    SHORT: ClassVar[str | None] = None
    """The key that is meant where a text stands instead of the section."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
