"""What was measured of histories, as a section of docs/performance.md."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks import mixed
from benchmarks.history_measure import TIMES, Measured

GOAL_POSES_S, GOAL_OF_COPY = 10_000, 0.6
GOAL_BYTES = {"coco17": 150, "blazepose33": 320}
"""Bytes a pose at rest are asked of ts-full, which compresses."""


def report(found: Sequence[Measured]) -> str:
    """Tables of all databases."""
    lines = [
        "Written by `make bench-history` (benchmarks/history.py). Ten simulated minutes, smoothed and analysed, are",
        "laid down again and again: 5 frames/s, two hours a day (benchmarks/months.py), a transaction a camera",
        "and day. `of COPY` is its rate (rows, tracks, events, minutes due) over that of bare COPY of the same bytes",
        "into tables alike; `repeated` when all rows are there already; CPU is that of the client and of the server's",
        "process. Bytes are those of the table of poses with its indexes, `all` is everything that posebus keeps.",
        f"What misses its goal has it beside it: {GOAL_POSES_S:,} poses/s and {GOAL_OF_COPY} of COPY, repeated or not;",
        "on ts-full "
        + ", ".join(f"{goal} bytes a pose at rest of {name}" for name, goal in GOAL_BYTES.items())
        + ".\n",
        "| database | skeleton | cameras x days | poses | poses/s | us CPU a pose | of the server | of COPY"
        " | repeated/s | of COPY | bytes open | at rest | all | upkeep s |",
        f"| {' | '.join(['---'] * 14)} |",
    ]
    lines += [_first(each) for each in found]
    lines += _mixed([each for each in found if each.mixed])
    lines += _flat([each for each in found if each.all_days])
    for each in found:
        if not each.is_asked:
            continue
        title = f"{each.tier}, {each.cameras} cameras, {each.days} days, {each.poses:,} poses"
        lines += [
            f"\nMilliseconds in {title}, median and worst of {TIMES}; `-`: there is nothing to find.\n",
            "| question | rows | median | worst | goal |",
            "| --- | --- | --- | --- | --- |",
        ]
        for name, (median, worst, limit) in each.asked.items():
            rows = each.rows.get(name)  # None: measured before rows were counted
            count = "" if rows is None else f"{rows:,}"
            middle = f"**{median:.1f}**" if median > limit else f"{median:.1f}"
            cells = ("-", "-", "-") if rows == 0 else (count, middle, f"{worst:.1f}")
            lines.append(f"| {name} | {' | '.join(cells)} | {limit:g} |")
    return "\n".join(lines) + "\n"


def _first(each: Measured) -> str:
    """The row of the first table."""
    rate, goal = each.poses / each.spent_s, GOAL_BYTES.get(each.skeleton)
    too_large = each.tier == "ts-full" and goal is not None and each.bytes_rest > goal
    cells = (
        f"{each.tier} ({each.server})",
        each.skeleton if each.world else f"{each.skeleton}, no metres",
        *(f"{each.cameras} x {each.days}", f"{each.poses:,}"),
        _of_goal(f"{rate:,.0f}", rate < GOAL_POSES_S, f"{GOAL_POSES_S:,}"),
        f"{1e6 * each.cpu_s / each.poses:.1f}",
        f"{1e6 * each.server_cpu_s / each.poses:.1f}" if each.server_cpu_s else "",
        _of_goal(f"{each.of_raw:.2f}", each.of_raw < GOAL_OF_COPY, f"{GOAL_OF_COPY}"),
        _of_goal(f"{each.again:,.0f}", each.again < GOAL_POSES_S, f"{GOAL_POSES_S:,}"),
        _of_goal(f"{each.again_of_raw:.2f}", each.again_of_raw < GOAL_OF_COPY, f"{GOAL_OF_COPY}")
        if each.again_of_raw
        else "",
        f"{each.bytes_open:.0f}",
        _of_goal(f"{each.bytes_rest:.0f}", too_large, f"{goal}"),
        *(f"{each.all_rest:.0f}", f"{each.upkeep_s:.0f}"),
    )
    return f"| {' | '.join(cells)} |"


def _of_goal(value: str, missed: bool, goal: str) -> str:
    return f"**{value}** (goal {goal})" if missed else value


def _flat(found: Sequence[Measured]) -> list[str]:
    if not found:
        return []
    lines = [
        "\nThe same questions about the first day while the database holds that day alone, and when it holds all:",
        f"median milliseconds of {TIMES}, and their ratio.\n",
        "| database | question | 1 day | all days | ratio |",
        "| --- | --- | --- | --- | --- |",
    ]
    for each in found:
        for name, (one, _) in each.first_day.items():
            every = each.all_days[name][0]
            where = f"{each.tier}, {each.cameras} x {each.days}"
            lines.append(f"| {where} | {name} | {one:.1f} | {every:.1f} | {every / one:.2f} |")
    return lines


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
