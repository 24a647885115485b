"""The section of workers."""

from __future__ import annotations

from typing import Literal

from pipeline.config.section import Section

Runner = Literal["own", "faust"]


class WorkerSection(Section):
    """How worker processes run (`posebus worker`, `posebus up`)."""

    checkpoint_s: float = 0.2
    """Seconds between two checkpoints, [0.05, 10]. What came after the last one is done anew after a crash."""

    resend_s: float = 300.0
    """Seconds, [1, 86400], after which frames of a recording that pose has not taken are sent again. Topics keep
    pictures for 300."""

    metrics_port: int = 0
    """Port on which a worker, or a run of live cameras, shows its metrics and its health, [0, 65535]; 0 shows
    neither. `posebus up` gives it to its first worker, the next one to the second, and so on."""

    metrics_host: str = "127.0.0.1"
    """Address that it listens on."""

    layout: tuple[str, ...] = ("ingest", "detect", "pose", "track+smooth+analyze+alert", "sink")
    """Processes that `posebus up` starts: stages, neighbours joined by `+` without a hop between them, and what stands
    beside the stages. `ingest+detect+pose` keeps pixels out of the bus. A name twice is two processes that share the
    cameras."""

    runner: Runner = "own"
    """Who polls topics and commits offsets: `own`, or `faust` (needs `pip install 'posebus[faust]'`, and is slower).
    Ingest, which reads cameras, always runs by itself."""
