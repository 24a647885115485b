"""`make bench`: measures everything and writes docs/performance.md and docs/performance.json."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import chain, empty, memory, over_kafka, parts, replay, sink
from benchmarks.clip import make_clip
from benchmarks.loops import record_work, run_loop
from tests.sections import put_section, sections

ROOT = Path(__file__).parents[1]
ROUNDS = int(os.environ.get("POSEBUS_ROUNDS", "5"))
SECONDS = int(os.environ.get("POSEBUS_SECONDS", "20"))


def main() -> None:
    """Measure and write."""
    with tempfile.TemporaryDirectory(prefix="posebus-bench-") as folder:
        alone = _compared(make_clip(Path(folder), SECONDS), ("mediapipe", "bare", "posebus"))
        three = _compared(make_clip(Path(folder), SECONDS, people=3), ("bare", "posebus"))
        spent = {people: parts.run(make_clip(Path(folder), SECONDS, people)) for people in (1, 3)}
    results = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "rounds": ROUNDS,
        "alone": alone,
        "three": three,
        "over_mediapipe": _ratio(alone, "mediapipe"),
        "over_bare": _ratio(alone, "bare"),
        "three_over_bare": _ratio(three, "bare"),
        "spread": {
            "mediapipe": _spread(alone, "mediapipe"),
            "bare": _spread(alone, "bare"),
            "three": _spread(three, "bare"),
        },
        "parts_ms": spent,
        "own_ms": spent[1]["own"],
        "bound": parts.bound(spent[1]),
        "chain": chain.table(),
        "empty": empty.run(),
        "sink": sink.run(),
        "memory": memory.run(),
    }
    (ROOT / "docs" / "performance.json").write_text(json.dumps(results, indent=2) + "\n")
    text = (ROOT / "benchmarks" / "report.md").read_text()
    rows = {"alone_rows": _rows(alone), "three_rows": _rows(three), "chain_rows": chain.rows(results["chain"])}
    rows["part_rows"] = "\n".join(
        f"| {name} | {spent[1][name]:.2f} | {spent[3][name]:.2f} |" for name in spent[1] if name != "own"
    )
    page = ROOT / "docs" / "performance.md"
    others = sections(page.read_text())  # each by a command of its own
    page.write_text(text.format(**rows, **results).rstrip() + "\n")
    ours = sections(page.read_text())
    for title, section in others.items():
        if title not in ours:
            put_section(page, title, section)
    replay.write()
    over_kafka.write()
    print(page.read_text())


def _compared(clip: Path, names: Sequence[str]) -> dict[str, Any]:
    """Frames of the clip, crops a frame, and the seconds of each loop in every round; they take turns."""
    work = record_work(clip)
    times: dict[str, list[float]] = {name: [] for name in names}
    for number in range(ROUNDS):
        for name in names:
            times[name].append(run_loop(name, clip))
            print(f"{clip.stem}, round {number + 1} of {ROUNDS}: {name} {times[name][-1]:.1f} s", file=sys.stderr)
    looks, crops = (sum(column) / len(work) for column in zip(*work, strict=True))
    return {"frames": len(work), "looks": looks, "crops": crops, "seconds": times}


def _ratios(compared: dict[str, Any], other: str) -> list[float]:
    """Frames/s of posebus over those of another loop, in each round."""
    seconds = compared["seconds"]
    return [theirs / ours for theirs, ours in zip(seconds[other], seconds["posebus"], strict=True)]


def _ratio(compared: dict[str, Any], other: str) -> float:
    return statistics.median(_ratios(compared, other))


def _spread(compared: dict[str, Any], other: str) -> str:
    ratios = _ratios(compared, other)
    return f"{min(ratios):.2f} to {max(ratios):.2f}"


def _rows(compared: dict[str, Any]) -> str:
    frames = compared["frames"]
    median = {name: statistics.median(seconds) for name, seconds in compared["seconds"].items()}
    return "\n".join(f"| {name} | {frames / s:.1f} | {1000 * s / frames:.1f} |" for name, s in median.items())


if __name__ == "__main__":
    main()
