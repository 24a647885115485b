"""Records of a camera that follow each other, for stages that take several at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from pipeline.core.records import Dropped, Record

Work = TypeVar("Work", bound=tuple[Any, Record[Any], Any])


def stretches(work: Sequence[Work], most: int) -> Iterator[list[Work]]:
    """At most so many records of a camera, in order, camera by camera. A dropped frame comes alone."""
    of_camera: dict[str, list[Work]] = {}
    for item in work:
        of_camera.setdefault(item[1].stamp.camera, []).append(item)
    for items in of_camera.values():
        stretch: list[Work] = []
        for item in items:
            alone = isinstance(item[1].value, Dropped)
            if stretch and (alone or len(stretch) == most):
                yield stretch
                stretch = []
            if alone:
                yield [item]
            else:
                stretch.append(item)
        if stretch:
            yield stretch
