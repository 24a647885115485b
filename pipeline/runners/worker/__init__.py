"""Workers: one process a stage or a chain of stages, over a bus that outlives them."""

from pipeline.runners.worker.ingest import IngestWorker
from pipeline.runners.worker.loop import Worker
from pipeline.runners.worker.prefetch import PrefetchingConsumer
from pipeline.runners.worker.sink import SinkWorker

__all__ = ["IngestWorker", "PrefetchingConsumer", "SinkWorker", "Worker"]
