"""`make bench`: measures everything and writes docs/performance.md and docs/performance.json."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import chain, memory, sink
from benchmarks.clip import make_clip
from benchmarks.loops import record_looks

ROOT = Path(__file__).parents[1]
ROUNDS = int(os.environ.get("POSEBUS_ROUNDS", "5"))
SECONDS = int(os.environ.get("POSEBUS_SECONDS", "20"))
LOOPS = ("mediapipe", "bare", "posebus")


def main() -> None:
    """Measure and write."""
    with tempfile.TemporaryDirectory(prefix="posebus-bench-") as folder:
        clip = make_clip(Path(folder), SECONDS)
        frames = len(record_looks(clip))
        times: dict[str, list[float]] = {name: [] for name in LOOPS}
        for number in range(ROUNDS):
            for name in LOOPS:
                times[name].append(_loop(name, clip))
                print(f"round {number + 1} of {ROUNDS}: {name} {times[name][-1]:.1f} s", file=sys.stderr)
    median = {name: statistics.median(found) for name, found in times.items()}
    results = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "rounds": ROUNDS,
        "frames": frames,
        "seconds": times,
        "over_mediapipe": statistics.median(m / p for m, p in zip(times["mediapipe"], times["posebus"], strict=True)),
        "over_bare": statistics.median(b / p for b, p in zip(times["bare"], times["posebus"], strict=True)),
        "chain": _best_of_three(),
        "sink": sink.run(),
        "memory": memory.run(),
    }
    rows = [f"| {name} | {frames / median[name]:.1f} | {1000 * median[name] / frames:.1f} |" for name in LOOPS]
    (ROOT / "docs" / "performance.json").write_text(json.dumps(results, indent=2) + "\n")
    (ROOT / "docs" / "performance.md").write_text(
        (ROOT / "benchmarks" / "report.md").read_text().format(loops="\n".join(rows), **results)
    )
    print((ROOT / "docs" / "performance.md").read_text())


def _loop(name: str, clip: Path) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.loops", name, str(clip)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"the loop {name} failed:\n{done.stderr[-2000:]}")
    return float(json.loads(done.stdout.splitlines()[-1])["seconds"])


def _best_of_three() -> dict[str, float]:
    """Of three runs that with the most frames/s: CPU time is only ever lengthened by the neighbours."""
    return max((chain.run() for _ in range(3)), key=lambda found: found["frames_per_s"])


if __name__ == "__main__":
    main()
