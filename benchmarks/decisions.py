"""What analyze does person by person, beside all that track to alert cost: `python -m benchmarks.decisions`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from benchmarks import chain
from stages.analyze import stage, stretch

PEOPLE = (1, 5, 8)


def main() -> None:
    """Print a table in Markdown; docs/adr/0013-decisions-on-scalars.md quotes it."""
    spent = [0.0]
    for home, name in (
        (stretch, "_followed"),
        (stage.AnalyzeStage, "_person"),
        (stage.AnalyzeStage, "_leave"),
    ):
        setattr(home, name, _timed(getattr(home, name), spent))
    print("| people | frames at once | track to alert, us a frame | person by person, us | us a person |")
    print("| --- | --- | --- | --- | --- |")
    for people in PEOPLE:
        for at_once in chain.AT_ONCE:
            whole, own = min(_run(people, at_once, spent) for _ in range(chain.ROUNDS))
            print(f"| {people} | {at_once} | {whole:.0f} | {own:.0f} | {own / people:.1f} |", flush=True)


def _run(people: int, at_once: int, spent: list[float]) -> tuple[float, float]:
    """Microseconds a frame: of everything, and of what is done person by person."""
    spent[0] = 0.0
    found = chain.run(people, at_once)
    return 1e6 / found["frames_per_s"], 1e6 * spent[0] / chain.FRAMES


def _timed(function: Callable[..., Any], spent: list[float]) -> Callable[..., Any]:
    def timed(*args: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*args)
        finally:
            spent[0] += time.perf_counter() - started

    return timed


if __name__ == "__main__":
    main()
