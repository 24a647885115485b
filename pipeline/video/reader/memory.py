"""Pictures in memory that two processes share: a ring of slots, the newest picture over the oldest.

The memory has no name: it is gone when both processes are, however they end.
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile

SLOTS = 4
_MARK = struct.Struct("<q")
_HEAD = 64
_PAGE = 1 << 20


def shared_file() -> int:
    """A new file in memory without a name."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("posebus-camera", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class Slots:
    """The ring, as one of the two processes sees it.

    Each slot begins with the mark of the picture in it, which is 0 while it is being written: a reader that finds the
    same mark before and after copying has copied one whole picture.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._map: mmap.mmap | None = None
        self._size = 0

    @classmethod
    def of_child(cls, fd: int) -> Slots:
        """As the writer sees it."""
        return cls(fd)

    def put(self, mark: int, data: memoryview, count: int) -> int:
        """Write a picture of `count` bytes into the slot of its turn; where it begins.

        Args:
            mark: Its number, above 0 and growing.
        """
        need = -(-(count + _HEAD) // _PAGE) * _PAGE
        if self._map is None or need > self._size:
            # It only grows, and old places stay valid to read; a smaller picture leaves room in its slot.
            self._size = need
            os.ftruncate(self._fd, max(SLOTS * need, os.fstat(self._fd).st_size))
            self._remap()
        shared = self._map
        assert shared is not None
        start = (mark % SLOTS) * self._size
        _MARK.pack_into(shared, start, 0)
        begin = start + _HEAD
        shared[begin : begin + count] = data
        _MARK.pack_into(shared, start, mark)
        return start

    def view(self, start: int, count: int) -> memoryview:
        """(count,) bytes of the picture in the slot at `start`, as it is now. Let go of it before the next call."""
        if self._map is None or len(self._map) < start + _HEAD + count:
            self._remap()
        assert self._map is not None
        return memoryview(self._map)[start + _HEAD : start + _HEAD + count]

    def mark(self, start: int) -> int:
        """The mark of the slot at `start`."""
        if self._map is None or len(self._map) < start + _HEAD:
            self._remap()
        assert self._map is not None
        mark: int = _MARK.unpack_from(self._map, start)[0]
        return mark

    def close(self) -> None:
        """Let go of the memory."""
        if self._map is not None:
            self._map.close()
            self._map = None
        os.close(self._fd)

    def _remap(self) -> None:
        if self._map is not None:
            self._map.close()
        self._map = mmap.mmap(self._fd, os.fstat(self._fd).st_size)
