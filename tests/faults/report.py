"""The report of `make faults`: a table by kind, and what was held before and after."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.video.live.options import LiveOptions
from tests.sections import put_section

if TYPE_CHECKING:
    from tests.faults.__main__ import Held, Outage

TITLE = "Cameras that are lost"
SEEN_S = 3.0
LOADED_S = 1.0
"""What two cores add while all cameras are lost and found at once, and their servers run on the same two."""

GIVE_UP_S = LiveOptions.__dataclass_fields__["give_up_s"].default
_MIB = 2**20
_RSS_SLACK = 24 * _MIB
"""Of the process that watches: its lists of pictures and Python's own pools grow by a little."""

_TEXT = """Written by `make faults` (`FAULTS="--outages 500 --cameras 20 --seed 1"`).

{cameras} cameras (H.264, H.264 with B-frames, H.265, MJPEG, H.264 with sound), each an RTSP server of its own behind a
proxy that breaks connections, were lost {count} times in {kinds} ways, all at the same time, on {cores} cores
({took:.0f} s). Seen: until the camera was anything but live, at most {seen_s:g} s wanted. Back: from the end of the
outage to the next picture; wanted are 2 s and one group of pictures ({gop:g} s), where the camera was tried without a
break; a reader that hangs is ended {give_up:g} s after that was seen. {loaded:g} s more is allowed, for servers,
proxies and readers share these cores. What is later fails.

| outage | times | not recovered | seen, s: p50 | max | back, s: p50 | p95 | max |
| --- | --- | --- | --- | --- | --- | --- | --- |
{rows}

Answers of 401 are tried again after half a minute on purpose: cameras lock accounts.

| held | before | all live | after all outages | at the end |
| --- | --- | --- | --- | --- |
{held}

{verdict}

The same kinds, and more, are a test each in tests/faults (`make test`).
"""


def write_report(
    outages: Sequence[Outage], levels: Sequence[Held], cameras: int, took_s: float, gop_s: float, path: Path | None
) -> tuple[str, list[str]]:
    """The text, and what was not as wanted; written into the section of a page if one is named."""
    kinds = sorted({each.kind for each in outages})
    failures = _failures(outages, levels, gop_s)
    rows = [_row(kind, [each for each in outages if each.kind == kind]) for kind in kinds]
    held = [
        ("file handles", *(str(level.handles) for level in levels)),
        ("threads", *(str(level.threads) for level in levels)),
        ("child processes", *(str(level.children) for level in levels)),
        ("shared memories", *(str(level.shared) for level in levels)),
        ("memory, MiB", *(f"{level.rss / _MIB:.0f}" for level in levels)),
        ("memory of the largest reader, MiB", *(f"{level.readers_rss / _MIB:.0f}" for level in levels)),
    ]
    text = _TEXT.format(
        cameras=cameras,
        count=len(outages),
        kinds=len(kinds),
        cores=os.cpu_count(),
        took=took_s,
        seen_s=SEEN_S,
        gop=gop_s,
        give_up=GIVE_UP_S,
        loaded=LOADED_S,
        rows="\n".join(rows),
        held="\n".join("| " + " | ".join(row) + " |" for row in held),
        verdict="Every one was recovered." if not failures else f"**Not as wanted: {'; '.join(failures)}.**",
    )
    if path is not None:
        put_section(path, TITLE, text)
    return text, failures


def _row(kind: str, outages: Sequence[Outage]) -> str:
    seen = [each.seen_s for each in outages if each.seen_s is not None]
    back = [each.back_s for each in outages if each.back_s is not None]
    lost = sum(bool(each.error) for each in outages)
    cells = [kind, str(len(outages)), str(lost)]
    cells += [f"{np.percentile(seen, 50):.2f}", f"{max(seen):.2f}"] if seen else ["-", "-"]
    cells += [f"{np.percentile(back, q):.2f}" for q in (50, 95, 100)] if back else ["-"] * 3
    return "| " + " | ".join(cells) + " |"


def wanted_back_s(kind: str, gop_s: float) -> float | None:
    """How long after the end of an outage a picture has to come at the latest; None where nothing is promised."""
    if kind == "answers 401":
        return None
    return 2.0 + gop_s + LOADED_S + (GIVE_UP_S if kind == "reader hangs" else 0.0)


def _failures(outages: Sequence[Outage], levels: Sequence[Held], gop_s: float) -> list[str]:
    first, live, after, last = levels
    found = []
    lost = [each for each in outages if each.error]
    if lost:
        found.append(f"{len(lost)} outages were not recovered, such as {lost[0].kind}: {lost[0].error}")
    for each in outages:
        wanted_s = wanted_back_s(each.kind, gop_s)
        if each.seen_s is not None and each.seen_s > SEEN_S:
            found.append(f"{each.kind} of {each.camera} was seen after {each.seen_s:.2f} s")
        if each.back_s is not None and wanted_s is not None and each.back_s > wanted_s:
            found.append(f"{each.camera} was back {each.back_s:.2f} s after {each.kind}, wanted {wanted_s:g} s")
    for name in ("handles", "threads", "children", "shared"):
        if getattr(last, name) > getattr(first, name):
            found.append(f"{name}: {getattr(first, name)} at first, {getattr(last, name)} at the end")
        if getattr(after, name) > getattr(live, name):
            found.append(
                f"{name}: {getattr(live, name)} with all cameras live, {getattr(after, name)} after all outages"
            )
    if after.rss > live.rss + _RSS_SLACK:
        found.append(f"memory grew by {(after.rss - live.rss) / _MIB:.0f} MiB")
    if after.readers_rss > live.readers_rss + _RSS_SLACK:
        found.append(f"a reader grew by {(after.readers_rss - live.readers_rss) / _MIB:.0f} MiB")
    return found
