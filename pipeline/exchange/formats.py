"""The table of formats that are written."""

from __future__ import annotations

from pipeline.exchange.arrow import ParquetKeypoints, ParquetPoses
from pipeline.exchange.bvh import Bvh
from pipeline.exchange.coco import CocoKeypoints
from pipeline.exchange.keypoint_csv import KeypointCsv
from pipeline.exchange.opensim import Mot, Trc
from pipeline.exchange.writer import Format

FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        Format("parquet", ".parquet", "day", "", ParquetPoses),
        Format("parquet-long", ".parquet", "day", "", ParquetKeypoints),
        Format("csv", ".csv", "day", "", KeypointCsv),
        Format("coco", ".json", "day", "", CocoKeypoints),
        Format("trc", ".trc", "track", "world metres", Trc),
        Format("mot", ".mot", "track", "angles", Mot),
        Format("bvh", ".bvh", "track", "world metres", Bvh),
    )
}
