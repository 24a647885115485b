"""`make chaos`: fifty SIGKILLs on one run; writes docs/reliability.md."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.chaos.killing import kill_and_resume
from tests.sections import put_section

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("POSEBUS_KILLS", "50"))
SEED = int(os.environ.get("POSEBUS_SEED", "1000"))
SOURCES = ("sim://gym?people=2&seed=7&seconds=8", "sim://ward?seed=4&seconds=28")
FRAMES = 15 * (8 + 28)

TITLE = "Killed at any moment"
TEXT = """Written by `make chaos` (`POSEBUS_KILLS`, `POSEBUS_SEED`).

An embedded run over two simulated cameras ({sources}) was killed with SIGKILL {kills} times, at random moments spread
over the whole run and its starts (seed {seed}), {servers} times together with its database server, and each time taken
up with `--resume`; it commits every 0.2 s. Then every table was compared, byte by byte, with that of a run that nothing
happened to (all in all {seconds:.0f} s):

| table | rows | |
| --- | --- | --- |
{rows}

{verdict}

A short form with 5 kills is part of `make test` (tests/chaos/test_kill_resume.py). Crashes of a worker at each point
between flush, snapshot and commit, failed sends and commits, zombies and hand-overs are in
tests/chaos/test_worker_crashes.py.
"""


def main() -> None:
    """Kill, compare, write."""
    sys.stdout.write(f"{KILLS} kills, seed {SEED}\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory(prefix="posebus-chaos-") as folder:
        undisturbed, killed = Path(folder) / "undisturbed", Path(folder) / "killed"
        for home in (Path(folder), undisturbed, killed):
            home.mkdir(exist_ok=True)
            home.chmod(0o755)
        outcome = kill_and_resume(undisturbed, killed, SOURCES, FRAMES, kills=KILLS, seed=SEED)
    rows = [f"| {t} | {n} | {'different' if t in outcome.different else 'equal'} |" for t, n in outcome.rows.items()]
    verdict = "Nothing differs." if not outcome.different else "**Something differs.**"
    text = TEXT.format(
        sources=", ".join(f"`{source}`" for source in SOURCES),
        kills=outcome.kills,
        servers=outcome.servers,
        seconds=outcome.seconds,
        seed=SEED,
        rows="\n".join(rows),
        verdict=verdict,
    )
    put_section(ROOT / "docs" / "reliability.md", TITLE, text)
    sys.stdout.write(text)
    sys.exit(bool(outcome.different))


if __name__ == "__main__":
    main()
