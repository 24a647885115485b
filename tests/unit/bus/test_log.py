"""A partition's log against a plain list of its records."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from pipeline.bus.memory.log import PartitionLog
from pipeline.core.ports import Outgoing, TopicSpec

actions = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 3)),
        st.tuples(st.just("tombstone"), st.integers(0, 3)),
        st.tuples(st.sampled_from(["read", "drop", "floor"]), st.integers(0, 40)),
        st.tuples(st.sampled_from(["compact", "no floor"]), st.just(0)),
    ),
    min_size=10,
    max_size=60,
)


@given(actions)
def test_reads_and_sizes_agree_with_a_list_of_records(script: list[tuple[str, int]]) -> None:
    lock = threading.Lock()
    log = PartitionLog(TopicSpec("t"), 0, lock)
    kept: list[tuple[int, int, bool, int]] = []  # offset, key, tombstone, size
    end, cleaned, floor = 0, 0, None
    with lock:
        for action, number in script:
            if action in ("append", "tombstone"):
                dead, size = action == "tombstone", 10 + end
                log.append(Outgoing("t", 0, b"%d" % number, None if dead else b"v"), size)
                kept.append((end, number, dead, size))
                end += 1
            elif action == "read":
                offsets = [record.offset for record in log.read(number, 3)]
                assert offsets == [offset for offset, *_ in kept if offset >= number][:3]
            elif action == "drop":
                log.drop_below(number)
                kept = [entry for entry in kept if entry[0] >= number]
                assert log.start <= end
            elif action == "compact":
                log.compact()
                last = {key: offset for offset, key, *_ in kept}
                kept = [e for e in kept if last[e[1]] == e[0] and not (e[2] and e[0] < cleaned)]
                cleaned = end
            else:
                floor = min(number, end) if action == "floor" else None
                log.set_floor(floor)
            assert log.end == end
            assert len(log) == len(kept)
            assert log.nbytes == sum(size for *_, size in kept)
            assert log.unread == (0 if floor is None else sum(e[3] for e in kept if e[0] >= floor))


def test_reading_finds_its_place_among_the_holes_of_compaction() -> None:
    lock = threading.Lock()
    log = PartitionLog(TopicSpec("t", compacted=True), 0, lock)
    with lock:
        for key in (b"a", b"b", b"b", b"b", b"b", b"c", b"d"):
            log.append(Outgoing("t", 0, key, b"v"), 1)
        log.compact()

        found = [[record.offset for record in log.read(offset, 10)] for offset in range(8)]

    assert found == [[0, 4, 5, 6], *[[4, 5, 6]] * 4, [5, 6], [6], []]
