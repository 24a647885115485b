"""`make bench-kafka`: worker processes and the bus over a real broker; writes a section of docs/performance.md.

    python -m benchmarks.over_kafka

It is part of `make bench` too. The broker is that of the tests (Java 17+ and Maven).
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import chain, kafka_bus, workers
from benchmarks.chain import encoded_poses, no_models
from benchmarks.clip import make_clip
from benchmarks.loops import run_loop
from pipeline.config import load_config
from pipeline.core.records import Record, Stamp
from pipeline.core.values import Frame, Image
from pipeline.topology import Topology
from pipeline.video import jpeg
from pipeline.video.files import VideoFile
from tests.broker import Cluster
from tests.broker.java import BrokerError
from tests.e2e.painted import painted
from tests.sections import put_section

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
TITLE = "Over Kafka"
WARM_RUNS = 4
"""Through the broker, before those that count: within them its code is compiled, as that of one that runs for days."""
ROUNDS = int(os.environ.get("POSEBUS_ROUNDS", "5"))
SECONDS = int(os.environ.get("POSEBUS_SECONDS", "20"))
CLIPS = {"640x480": (640, 480), "1280x720": (1280, 720)}
FPS = 30
TIMES = 60
"""How often each part is timed, on one frame of the clip."""

TEXT = """Written by `make bench-kafka` and `make bench` (benchmarks/over_kafka.py); the broker had the same two cores,
and had passed {warm} runs before those that count.

One person, H.264, {frames} frames, models running, into the embedded database; medians of {rounds} rounds that took
turns, and the lowest and highest ratio of a round.
`embedded` is `posebus run`; `Kafka` is `posebus up` with its default layout, the pictures as JPEG through the broker,
measured behind the first fifth of the frames:

| pictures | embedded, frames/s | Kafka, frames/s | ratio | goal | cores idle | CPU ms a frame |
| --- | --- | --- | --- | --- | --- | --- |
{whole_rows}

Pose has most to do, and works on one picture after the other, since where it looks depends on what it saw before. It
shares the cores with the broker, with JPEG and with all other workers.

Five people from `poses` to `alerts`, off the broker and back onto it, by one chained worker; frames a second of the
worker's CPU time, its Kafka client included:

| runner | frames/s | goal |
| --- | --- | --- |
| own | {own:.0f} | 800 |
| faust | {faust:.0f} | - |
| without a broker, on one thread (benchmarks/chain.py) | {chain:.0f} | - |

How old a live picture is when another process reads its record of `motions`, with models that cost nothing, at {fps}
frames/s: what is more than with all stages in one process is the doing of the three hops between (goals 40 and 80 ms):

| layout | p50, ms | p95, ms |
| --- | --- | --- |
| ingest, detect, pose, track+... (four hops to the reader) | {apart_p50:.1f} | {apart_p95:.1f} |
| all stages in one process (one hop) | {one_p50:.1f} | {one_p95:.1f} |
| three hops | {hops_p50:.1f} | {hops_p95:.1f} |

Records of pictures' sizes through our bus, as a share of kafka-python's bare producer and consumer:

| bytes | sent/s | of bare | read/s | of bare |
| --- | --- | --- | --- | --- |
{share_rows}

What each part costs, in CPU milliseconds on one thread:

| part | 640x480 | 1280x720 |
| --- | --- | --- |
{part_rows}

One hop of a record of five people's keypoints ({value_bytes} bytes), sent and read, in CPU microseconds: {hop_rows}.
"""


def main() -> None:
    """Measure and write this section alone."""
    print(write())


def write() -> str:
    """Measure, put the section into the page, and give it. Nothing is written where no broker can be started."""
    try:
        cluster = Cluster(short_lived=False)
        cluster.start()
    except BrokerError as error:
        print(f"SKIPPED, no broker can be started: {error}", file=sys.stderr)
        return ""
    try:
        results = measured(cluster)
    finally:
        cluster.stop()
    (ROOT / "docs" / "performance-kafka.json").write_text(json.dumps(results, indent=2) + "\n")
    text = report(results)
    put_section(PAGE, TITLE, text)
    return text


def measured(cluster: Cluster) -> dict[str, Any]:
    """All numbers."""
    results: dict[str, Any] = {"rounds": ROUNDS, "frames": FPS * SECONDS, "whole": {}, "parts_ms": {}}
    with tempfile.TemporaryDirectory(prefix="posebus-bench-") as folder:
        clips = {name: make_clip(Path(folder), SECONDS, size=size) for name, size in CLIPS.items()}
        for _ in range(WARM_RUNS):
            workers.whole(cluster, clips["640x480"], FPS * SECONDS)
        for name, clip in clips.items():
            results["whole"][name] = _whole(cluster, clip)
            results["parts_ms"][name] = parts(clip)
            _tell(f"{name}: {results['whole'][name]}")
        source = painted(Path(folder) / "live", 75)
        for name, layout in (
            ("apart", ("ingest", "detect", "pose", workers.CHAINED, "sink")),
            ("one", (workers.ONE_PROCESS, "sink")),
        ):
            ages_s = workers.ages(cluster, layout, source)
            results[name] = {f"p{share}": 1000 * workers.percentile(ages_s, share / 100) for share in (50, 95)}
            _tell(f"{name}: {results[name]}")
    results["track_to_alert"] = {
        runner: max(workers.track_to_alert(cluster, runner) for _ in range(2)) for runner in ("own", "faust")
    }
    _tell(str(results["track_to_alert"]))
    results["chain"] = chain.best()["frames_per_s"]
    results["shares"] = kafka_bus.shares(cluster)
    value = encoded_poses(Topology(load_config(None, os.environ), no_models()))[100]
    results["value_bytes"], results["hops"] = len(value), kafka_bus.hops(cluster, value)
    return results


def report(results: dict[str, Any]) -> str:
    """The section."""
    apart, one = results["apart"], results["one"]
    hops = (
        f"compression {name}: {each['send_us']:.0f} and {each['read_us']:.0f}" for name, each in results["hops"].items()
    )
    return TEXT.format(
        frames=results["frames"],
        rounds=results["rounds"],
        warm=WARM_RUNS,
        fps=workers.LATENCY_FPS,
        chain=results["chain"],
        value_bytes=results["value_bytes"],
        hop_rows="; ".join(hops),
        apart_p50=apart["p50"],
        apart_p95=apart["p95"],
        one_p50=one["p50"],
        one_p95=one["p95"],
        hops_p50=apart["p50"] - one["p50"],
        hops_p95=apart["p95"] - one["p95"],
        **results["track_to_alert"],
        whole_rows="\n".join(
            f"| {name} | {row['embedded']:.1f} | {row['kafka']:.1f} | **{row['ratio']:.2f}** "
            f"({min(row['ratios']):.2f}-{max(row['ratios']):.2f}) | "
            f"{'0.7' if name == '640x480' else '-'} | {row['idle']:.0%} | "
            + ", ".join(f"{worker} {ms:.1f}" for worker, ms in row["cpu_ms"].items())
            + " |"
            for name, row in results["whole"].items()
        ),
        share_rows="\n".join(
            f"| {row['bytes']:,} | {row['sent_per_s']:.0f} | {row['send_share']:.2f} | {row['read_per_s']:.0f} | "
            f"{row['read_share']:.2f} |"
            for row in results["shares"]
        ),
        part_rows="\n".join(
            f"| {part} | " + " | ".join(f"{results['parts_ms'][size][part]:.2f}" for size in CLIPS) + " |"
            for part in results["parts_ms"]["640x480"]
        ),
    )


def parts(clip: Path) -> dict[str, float]:
    """CPU milliseconds to pack and unpack one frame of the clip."""
    picture = next(iter(VideoFile(clip).pictures())).pixels
    height, width = picture.shape[:2]
    packed = jpeg.encode(picture)
    topology = Topology(load_config(None, os.environ), no_models(), strict=True)
    codec = topology.codec("frames")
    stamp = Stamp(0, "bench", 1, 1, 0, 0, 0, 0, "file")
    # Packed beforehand: what is timed is Avro alone.
    record = Record(stamp, Frame(Image(width, height, "jpeg", packed), np.zeros((0, 4), np.float32)))
    plain = Topology(load_config(None, os.environ), no_models()).codec("frames")
    value, _ = plain.encode(record)
    return {
        "JPEG in": _timed_ms(lambda: jpeg.encode(picture)),
        "JPEG out": _timed_ms(lambda: jpeg.decode(packed)),
        "Avro in": _timed_ms(lambda: plain.encode(record)),
        "Avro out": _timed_ms(lambda: codec.decode(value)),
    }


def _whole(cluster: Cluster, clip: Path) -> dict[str, Any]:
    embedded, over = [], []
    for _ in range(ROUNDS):
        embedded.append(_embedded(clip))
        over.append(workers.whole(cluster, clip, FPS * SECONDS))
        _tell(f"embedded {embedded[-1]:.1f}, Kafka {over[-1].frames_per_s:.1f} frames/s")
    ratios = [ran.frames_per_s / plain for ran, plain in zip(over, embedded, strict=True)]
    median = workers.median_of(over)
    return {
        "embedded": statistics.median(embedded),
        "kafka": median.frames_per_s,
        "ratio": statistics.median(ratios),
        "ratios": ratios,
        "cpu_ms": median.cpu_ms,
        "idle": median.idle,
    }


def _embedded(clip: Path) -> float:
    return FPS * SECONDS / run_loop("posebus", clip)


def _timed_ms(work: Callable[[], object]) -> float:
    work()
    began = time.process_time()
    for _ in range(TIMES):
        work()
    return 1000 * (time.process_time() - began) / TIMES


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
