"""What a process shows of itself over HTTP."""

from __future__ import annotations

import urllib.error
import urllib.request


def scraped(port: int, path: str = "/metrics") -> str:
    """The answer; empty while nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return str(answer.read().decode())
    except urllib.error.URLError as error:
        if isinstance(error, urllib.error.HTTPError):
            raise
        return ""


def sample(text: str, name: str, **labels: str) -> float | None:
    """The sum of all samples of this name that have these labels; None where there is none."""
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    lines = [line for line in text.splitlines() if line.startswith((f"{name}{{", f"{name} "))]
    found = [float(line.rpartition(" ")[2]) for line in lines if all(word in line for word in wanted)]
    return sum(found) if found else None
