"""How fetched records are shared out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.bus.kafka.shares import Shares
from pipeline.core.ports import BusRecord, TopicPartition


def filled(counts: list[int]) -> Shares:
    shares = Shares()
    for partition, count in enumerate(counts):
        shares.add(TopicPartition("t", partition), [BusRecord("t", partition, i, b"k", b"v") for i in range(count)])
    return shares


def test_each_partition_has_its_share_before_one_gets_more() -> None:
    shares = filled([1000, 3, 1000])

    taken = shares.take(203, frozenset())

    assert [sum(r.partition == p for r in taken) for p in range(3)] == [100, 3, 100]


def test_what_is_left_out_waits() -> None:
    shares = filled([5, 5])
    out = frozenset({TopicPartition("t", 0)})

    assert {r.partition for r in shares.take(10, out)} == {1}
    assert not shares.any(out)
    assert shares.first(TopicPartition("t", 0)) == 0


@given(counts=st.lists(st.integers(0, 30), max_size=6), most=st.integers(1, 20))
def test_everything_comes_once_and_in_order(counts: list[int], most: int) -> None:
    shares = filled(counts)
    taken: list[BusRecord] = []
    while chunk := shares.take(most, frozenset()):
        assert len(chunk) <= most
        taken += chunk

    for partition, count in enumerate(counts):
        assert [r.offset for r in taken if r.partition == partition] == list(range(count))
        assert shares.nbytes(TopicPartition("t", partition)) == 0


@given(counts=st.lists(st.integers(1, 30), min_size=2, max_size=6))
def test_nobody_waits_longer_than_a_round(counts: list[int]) -> None:
    shares = filled(counts)

    first = [shares.take(1, frozenset())[0].partition for _ in counts]

    assert sorted(first) == list(range(len(counts)))
