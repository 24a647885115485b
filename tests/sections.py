"""Pages with several sections, each written by a command of its own."""

from __future__ import annotations

from pathlib import Path


def sections(text: str) -> dict[str, str]:
    """The sections of a page by their titles, without these."""
    parts = (part.split("\n", 1) for part in text.split("\n## ")[1:])
    return {title.strip(): "".join(rest).strip() for title, *rest in parts}


def put_section(path: Path, title: str, text: str) -> None:
    """Put the section `## title` into a page, in place of the one that is there; the others stay."""
    parts = path.read_text(encoding="utf-8").split("\n## ") if path.exists() else ["# " + path.stem.capitalize() + "\n"]
    section = f"{title}\n\n{text.strip()}\n"
    titles = [part.split("\n", 1)[0].strip() for part in parts[1:]]
    if title in titles:
        parts[titles.index(title) + 1] = section
    else:
        parts.append(section)
    path.write_text("\n## ".join(part.rstrip() + "\n" for part in parts), encoding="utf-8")
