"""What ingest remembers between frames."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.core.types import U8


@dataclass(slots=True, eq=False)
class IngestState:
    """What ingest remembers of one camera.

    Attributes:
        grey: (h, w) uint8, the background: the picture in grey cells, averaged over a fraction of a second; (0, 0)
            before the first frame. At most 16,000 cells.
        followed_us: Event time of the frame that the background last followed, microseconds.
    """

    grey: U8
    followed_us: int
