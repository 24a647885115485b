"""Pictures in shared memory: whole, or not at all."""

from __future__ import annotations

import os

from pipeline.video.reader.memory import SLOTS, Slots, shared_file


def both() -> tuple[Slots, Slots]:
    fd = shared_file()
    return Slots(os.dup(fd)), Slots(fd)


def test_the_newest_pictures_are_there_and_older_ones_are_known_to_be_gone() -> None:
    writer, reader = both()
    starts = [writer.put(mark, memoryview(bytes([mark]) * 5000), 5000) for mark in range(1, SLOTS + 3)]

    for mark, start in enumerate(starts, 1):
        assert (reader.mark(start) == mark) == (mark > 2)
    view = reader.view(starts[-1], 5000)
    assert bytes(view) == bytes([SLOTS + 2]) * 5000
    view.release()
    writer.close()
    reader.close()


def test_a_larger_picture_makes_room() -> None:
    writer, reader = both()
    small = writer.put(1, memoryview(b"a" * 100), 100)
    assert reader.mark(small) == 1
    large = writer.put(2, memoryview(b"b" * 5_000_000), 5_000_000)

    view = reader.view(large, 5_000_000)
    assert (reader.mark(large), bytes(view[-1:])) == (2, b"b")
    view.release()
    writer.close()
    reader.close()
