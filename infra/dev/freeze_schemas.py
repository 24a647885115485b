"""Keeps the newest version of every schema in schemas/history, and golden bytes of every record in tests/golden."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.codec.records import AvroCodec
from pipeline.codec.schemas import SchemaBook
from tests.samples import records

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Write what is missing; what is there is never changed."""
    book = SchemaBook(ROOT / "schemas")
    for name in book.names():
        newest = book.newest(name)
        path = ROOT / "schemas" / "history" / name / f"{newest.fingerprint.hex()}.avsc"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(newest.definition, indent=1) + "\n")
        if name.startswith("state/"):
            continue
        codec = AvroCodec(book, name)
        for i, record in enumerate(records(name)):
            golden = (
                ROOT
                / "tests"
                / "golden"
                / "records"
                / name
                / (f"{newest.fingerprint.hex()}-{type(record.value).__name__}-{i}.bin")
            )
            if not golden.exists():
                golden.parent.mkdir(parents=True, exist_ok=True)
                golden.write_bytes(codec.encode(record).value)


if __name__ == "__main__":
    main()
