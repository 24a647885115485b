"""What was measured of histories, as a section of docs/performance.md."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks import mixed
from benchmarks.history_measure import TIMES, Measured


def report(found: Sequence[Measured]) -> str:
    """Tables of all databases."""
    lines = [
        "Written by `make bench-history` (benchmarks/history.py). Ten simulated minutes, smoothed and analysed, are",
        "laid down again and again: 5 frames/s, two hours a day (benchmarks/months.py), a transaction a camera",
        "and day. `of COPY` is its rate (rows, tracks, events, minutes due) over that of bare COPY of the same bytes",
        "into tables alike; `repeated` when all rows are there already; CPU is that of the client and of the server's",
        "process. Bytes are those of the table of poses with its indexes, `all` is everything that posebus keeps.\n",
        "| database | skeleton | cameras x days | poses | poses/s | us CPU a pose | of the server | of COPY"
        " | repeated/s | bytes open | at rest | all | upkeep s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for each in found:
        cells = (
            *(f"{each.tier} ({each.server})", each.skeleton, f"{each.cameras} x {each.days}", f"{each.poses:,}"),
            *(f"{each.poses / each.spent_s:,.0f}", f"{1e6 * each.cpu_s / each.poses:.1f}"),
            f"{1e6 * each.server_cpu_s / each.poses:.1f}" if each.server_cpu_s else "",
            *(f"{each.of_raw:.2f}", f"{each.again:,.0f}", f"{each.bytes_open:.0f}", f"{each.bytes_rest:.0f}"),
            *(f"{each.all_rest:.0f}", f"{each.upkeep_s:.0f}"),
        )
        lines.append(f"| {' | '.join(cells)} |")
    lines += _mixed([each for each in found if each.mixed])
    for each in found:
        if each.skeleton != "blazepose33":
            continue
        title = f"{each.tier}, {each.cameras} cameras, {each.days} days, {each.poses:,} poses"
        lines += [f"\nMilliseconds in {title}, median and worst of {TIMES}:\n", "| question | median | worst | goal |"]
        lines.append("| --- | --- | --- | --- |")
        lines += [f"| {name} | {a:.1f} | {b:.1f} | {limit:g} |" for name, (a, b, limit) in each.asked.items()]
    return "\n".join(lines) + "\n"


def _mixed(found: Sequence[Measured]) -> list[str]:
    if not found:
        return []
    lines = [
        f"\nBatches of one second of {mixed.CAMERAS} cameras with five people each, through the sink into the filled",
        f"database, one after another ({mixed.SECONDS} each): milliseconds until the commit, alone and while"
        f" {mixed.READERS} readers ask all",
        "questions below without a pause. Upkeep runs after each minute of the cameras under a budget that is reached"
        " meanwhile.\n",
        "| database | alone, median | 99th percentile | beside readers, median | 99th percentile | answered | most used"
        " of the budget |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for each in found:
        of = mixed.Mixed(**each.mixed)
        cells = (
            *(f"{each.tier}, {each.cameras} x {each.days}", f"{of.alone_ms[0]:.0f}", f"{of.alone_ms[1]:.0f}"),
            *(f"{of.beside_ms[0]:.0f}", f"{of.beside_ms[1]:.0f}", f"{of.asked:,}"),
            f"{100 * of.most_bytes / of.budget_bytes:.1f} %",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines
