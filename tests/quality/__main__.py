"""`make quality`: simulated scenes and real clips through all stages, compared with the truth, into docs/quality.md."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np

from tests.quality import angles, exercises, falls, identities
from tests.quality.clips import annotations_of, watch
from tests.quality.overlays import SCENES, sheet, tiles_of, write_sheet
from tests.quality.score import Score, score_scene

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
TUNING, REPORT = range(5), range(1000, 1010)
"""Seeds that thresholds were chosen on, and those that are reported: other bodies, clothes, cameras and motions."""


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="make quality", description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "quality.md")
    parser.add_argument("--clips", type=Path, default=ROOT.parent / "shared" / "data", help="folder of real clips")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--hours", type=float, default=3.0, help="of keypoint scripts in which nobody falls")
    parser.add_argument("--seeds", type=int, default=20, help="streets on which identities are followed")
    parser.add_argument("--exercises", type=int, default=10, help="seeds of each exercise")
    options = parser.parse_args()
    scenes = [url for seeds in (TUNING, REPORT) for seed in seeds for url in scenes_of(seed)]
    annotations = annotations_of(Path(os.environ.get("POSEBUS_SHARED_DATA") or options.clips))
    with ProcessPoolExecutor(options.workers) as pool:
        scored = pool.map(score_scene, scenes)
        watched = pool.map(watch, annotations, annotations.values())
        scores = dict(zip(scenes, _shown(scored, len(scenes), "scenes"), strict=True))
        clips = list(_shown(watched, len(annotations), "clips"))
        painted = dict(zip(SCENES, pool.map(tiles_of, SCENES), strict=True))
    write_sheet(options.output.parent / "people.jpg", sheet(painted))
    write_sheet(ROOT / "build" / "quality" / "clips.jpg", sheet({clip.name: clip.tiles for clip in clips}))
    text = (Path(__file__).parent / "report.md").read_text()
    options.output.write_text(
        text.format(
            summary=_summary(scores),
            scenes="\n".join(_row(str(seed), url, scores[url]) for seed in REPORT for url in scenes_of(seed)),
            clips="\n".join(clip.row for clip in clips) or "| none were at hand | | | | | | |",
            scripted=angles.report(angles.REPORT, options.workers),
            filters=angles.filters(angles.TUNING, options.workers),
            angles="\n".join(clip.angles for clip in clips if clip.angles) or "| none were at hand | | | | |",
            exercises=exercises.report(options.exercises, options.workers),
            falls=falls.report(options.hours, options.workers),
            identities=identities.report(options.seeds, options.workers),
        )
    )


def _shown(results: Iterable[T], count: int, what: str) -> Iterator[T]:
    """The results as they come, with a line about the progress on standard error."""
    for number, result in enumerate(results, start=1):
        sys.stderr.write(f"\r{number} of {count} {what} " + "\n" * (number == count))
        yield result


def scenes_of(seed: int) -> list[str]:
    """The two scenes of a seed, with one to three people."""
    return [f"sim://gym?people={1 + seed % 3}&seed={seed}&seconds=30", f"sim://ward?people={1 + seed % 3}&seed={seed}"]


def _summary(scores: dict[str, Score]) -> str:
    """Both columns, all people of all scenes of the seeds together."""
    columns = [_pooled([scores[url] for seed in seeds for url in scenes_of(seed)]) for seeds in (TUNING, REPORT)]
    return "\n".join(f"| {name} | {' | '.join(column[name] for column in columns)} |" for name in columns[0])


def _pooled(scores: Sequence[Score]) -> dict[str, str]:
    def total(name: str) -> int:
        return sum(getattr(score, name) for score in scores)

    errors = [error for score in scores for error in score.errors]
    delays = [delay for score in scores for delay in score.delays_s]
    return {
        "people found, of visible person-frames": f"{100 * total('found') / max(total('visible'), 1):.2f} %",
        "skeletons on somebody": f"{100 * (1 - total('ghosts') / max(total('given'), 1)):.2f} %",
        "changes of a track id": str(total("switches")),
        "keypoint error, body heights": f"{np.mean(errors):.4f} (median {np.median(errors):.4f})",
        "left and right taken for each other, of person-frames": f"{100 * total('mirrored') / len(errors):.1f} %",
        "repetitions: true, counted, extra": f"{total('repetitions')}, {total('counted')}, {total('extra')}",
        "falls: true, found, false": f"{total('falls')}, {total('falls_found')}, {total('falls_false')}",
        "fall told after the impact": f"{np.median(delays):+.2f} s (median; latest {max(delays):+.2f} s)",
    }


def _row(seed: str, url: str, score: Score) -> str:
    scene = url.removeprefix("sim://").split("&seed")[0].replace("?people=", ", ")
    return (
        f"| {seed} | {scene} | {100 * score.recall:.1f} | {100 * score.precision:.1f} | {score.switches} "
        f"| {score.error:.4f} | {score.repetitions} / {score.counted} / {score.extra} "
        f"| {score.falls} / {score.falls_found} / {score.falls_false} |"
    )


if __name__ == "__main__":
    main()
