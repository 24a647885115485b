"""What every bus does with consumers and their groups."""

from __future__ import annotations

import pytest

from pipeline.core.errors import BusUnavailable
from pipeline.core.ports import TopicPartition, TopicSpec
from tests.contract.buses import BusUnderTest
from tests.contract.members import Member, drain, numbers, places, poll_until, send, settled


def test_a_new_group_begins_at_the_earliest(under: BusUnderTest) -> None:
    topic = under.topic()
    send(under, topic, *numbers(0, 10))
    member = Member(under, "g", topic)

    drain(under, member)

    assert member.values == numbers(0, 10)
    assert member.owned == places(topic, 1)


def test_two_groups_read_everything_each_for_itself(under: BusUnderTest) -> None:
    topic = under.topic()
    one, other = Member(under, "one", topic), Member(under, "other", topic)
    send(under, topic, *numbers(0, 10))
    drain(under, one)
    one.commit()

    drain(under, other)

    assert one.values == other.values == numbers(0, 10)
    assert one.consumer.committed(TopicPartition(topic, 0)) == one.records[-1].offset + 1
    assert other.consumer.committed(TopicPartition(topic, 0)) is None


def test_the_next_member_goes_on_at_the_commit(under: BusUnderTest) -> None:
    topic = under.topic()
    send(under, topic, *numbers(0, 10))
    first = Member(under, "g", topic)
    drain(under, first)
    first.consumer.commit({TopicPartition(topic, 0): first.records[6].offset})
    first.consumer.close()
    second = Member(under, "g", topic)

    drain(under, second)

    assert second.values == numbers(6, 10)


def test_what_nobody_committed_comes_again(under: BusUnderTest) -> None:
    topic = under.topic(partitions=2)
    send(under, topic, *numbers(0, 10), partition=1)
    first = Member(under, "g", topic)
    drain(under, first)
    first.consumer.close()
    second = Member(under, "g", topic)

    drain(under, second)

    assert second.values == first.values == numbers(0, 10)


def test_a_poll_gives_no_more_than_asked_for(under: BusUnderTest) -> None:
    topic = under.topic(partitions=2)
    for partition in range(2):
        send(under, topic, *numbers(0, 10), partition=partition)
    member = Member(under, "g", topic)

    sizes = []
    while len(member.records) < 20:
        sizes.append(len(member.poll(max_records=3).records))

    assert max(sizes) == 3


def test_members_come_and_go_and_every_record_is_taken_once(under: BusUnderTest) -> None:
    topic = under.topic(partitions=4)
    everything = places(topic, 4)
    sent: list[bytes] = []

    def send_more() -> None:
        for place in sorted(everything):
            values = [b"%d/%d" % (place.partition, len(sent) + i) for i in range(5)]
            send(under, topic, *values, partition=place.partition)
            sent.extend(values)

    first = Member(under, "g", topic)
    send_more()
    poll_until(under, [first], lambda: settled([first], everything), "one member has all")
    drain(under, first)
    first.commit()

    second = Member(under, "g", topic)
    poll_until(under, [first, second], lambda: settled([first, second], everything), "two members share")
    send_more()
    drain(under, first, second)
    for member in (first, second):
        member.commit()
    shared = {place: first if place in first.owned else second for place in everything}

    second.consumer.close()
    poll_until(under, [first], lambda: first.owned == everything, "the first has all again")
    send_more()
    drain(under, first)
    first.commit()

    assert sorted(filter(None, first.values + second.values)) == sorted(sent)
    for place, owner in shared.items():
        assert (place in first.revoked) == (owner is second)  # what stays is never revoked


def test_a_member_that_left_for_the_group_cannot_commit_and_joins_again(under: BusUnderTest) -> None:
    topic = under.topic()
    place = TopicPartition(topic, 0)
    send(under, topic, *numbers(0, 10))
    zombie = Member(under, "g", topic)
    drain(under, zombie)
    zombie.consumer.commit({place: zombie.records[3].offset})

    under.expire(zombie.client)
    heir = Member(under, "g", topic)
    drain(under, heir)
    with pytest.raises(BusUnavailable):
        zombie.commit()

    assert heir.values == numbers(3, 10)
    assert heir.consumer.committed(place) == zombie.records[3].offset
    heir.commit()
    poll_until(under, [zombie, heir], lambda: settled([zombie, heir], places(topic, 1)), "the zombie is a member again")
    assert place in zombie.revoked


def test_a_commit_of_a_partition_that_moved_is_refused(under: BusUnderTest) -> None:
    topic = under.topic(partitions=2)
    for partition in range(2):
        send(under, topic, *numbers(0, 3), partition=partition)
    first = Member(under, "g", topic)
    drain(under, first)
    stale = dict(first.following)
    second = Member(under, "g", topic)
    poll_until(under, [first, second], lambda: settled([first, second], places(topic, 2)), "two members share")

    with pytest.raises(BusUnavailable):
        first.consumer.commit(stale)

    assert [first.consumer.committed(place) for place in sorted(stale)] == [None, None]


def test_the_generation_grows_with_each_rebalance(under: BusUnderTest) -> None:
    topic = under.topic(partitions=2)
    first = Member(under, "g", topic)
    drain(under, first)
    generations = [first.consumer.generation()]

    second = Member(under, "g", topic)
    poll_until(under, [first, second], lambda: settled([first, second], places(topic, 2)), "two members share")
    drain(under, first, second)
    assert first.consumer.generation() == second.consumer.generation()
    generations.append(first.consumer.generation())
    second.consumer.close()
    poll_until(under, [first], lambda: first.owned == places(topic, 2), "the first has all again")
    generations.append(first.consumer.generation())

    assert generations == sorted(set(generations))


def test_a_paused_partition_gives_nothing_until_it_is_resumed(under: BusUnderTest) -> None:
    topic = under.topic(partitions=2)
    member = Member(under, "g", topic)
    drain(under, member)
    paused = frozenset({TopicPartition(topic, 0)})

    member.consumer.pause(paused)
    for partition in range(2):
        send(under, topic, *numbers(0, 5), partition=partition)
    drain(under, member)
    while_paused = list(member.records)
    member.consumer.resume(paused)
    drain(under, member)

    assert {record.partition for record in while_paused} == {1}
    assert [r.value for r in member.records if r.partition == 0] == numbers(0, 5)


def test_what_stays_over_a_rebalance_stays_paused_and_what_is_new_is_not(under: BusUnderTest) -> None:
    topic = under.topic(partitions=2)
    first, second = Member(under, "g", topic), Member(under, "g", topic)
    poll_until(under, [first, second], lambda: settled([first, second], places(topic, 2)), "two members share")
    kept = frozenset(first.owned)
    moved = frozenset(second.owned)
    first.consumer.pause(kept)
    second.consumer.pause(moved)

    second.consumer.close()
    poll_until(under, [first], lambda: first.owned == places(topic, 2), "the first has all")
    for partition in range(2):
        send(under, topic, b"x", partition=partition)
    drain(under, first)

    assert {record.place for record in first.records} == moved


def test_seek_reads_again_and_ahead(under: BusUnderTest) -> None:
    topic = under.topic()
    place = TopicPartition(topic, 0)
    send(under, topic, *numbers(0, 10))
    member = Member(under, "g", topic)
    drain(under, member)
    offsets = [record.offset for record in member.records]
    member.records.clear()

    member.consumer.seek(place, offsets[8])
    drain(under, member)
    member.consumer.seek(place, offsets[2])
    drain(under, member)

    assert member.values == numbers(8, 10) + numbers(2, 10)


def test_seek_out_of_range_goes_to_the_earliest(under: BusUnderTest) -> None:
    topic = under.topic()
    send(under, topic, *numbers(0, 3))
    member = Member(under, "g", topic)
    drain(under, member)
    member.records.clear()

    member.consumer.seek(TopicPartition(topic, 0), 1000)
    drain(under, member)

    assert member.values == numbers(0, 3)


def test_lag_counts_what_was_not_polled(under: BusUnderTest) -> None:
    topic = under.topic(partitions=2)
    member = Member(under, "g", topic)
    drain(under, member)
    send(under, topic, *numbers(0, 10))

    poll_until(under, [member], lambda: len(member.records) >= 4, "four records", max_records=1)
    after = dict(member.consumer.lag())
    drain(under, member)

    assert after == {TopicPartition(topic, 0): 6, TopicPartition(topic, 1): 0}
    assert sum(member.consumer.lag().values()) == 0


def test_one_member_reads_several_topics(under: BusUnderTest) -> None:
    one, other = under.topic(partitions=2), under.topic()
    send(under, one, b"a", partition=1)
    send(under, other, b"b")
    member = Member(under, "g", one, other)

    drain(under, member)

    assert member.owned == places(one, 2) | places(other, 1)
    assert sorted(filter(None, member.values)) == [b"a", b"b"]


def test_a_topic_made_anew_is_read_from_its_beginning(under: BusUnderTest) -> None:
    topic = under.topic()
    send(under, topic, *numbers(0, 5))
    member = Member(under, "g", topic)
    drain(under, member)
    member.commit()

    under.bus.delete(topic)
    under.bus.ensure([TopicSpec(topic)])
    send(under, topic, *numbers(10, 13))
    drain(under, member)

    assert member.values == numbers(0, 5) + numbers(10, 13)
    assert TopicPartition(topic, 0) in member.revoked
    assert member.consumer.committed(TopicPartition(topic, 0)) is None


def test_members_more_than_partitions_wait_idle(under: BusUnderTest) -> None:
    topic = under.topic()
    members = [Member(under, "g", topic) for _ in range(3)]
    send(under, topic, *numbers(0, 5))

    poll_until(under, members, lambda: settled(members, places(topic, 1)), "one of three has it")
    drain(under, *members)

    assert sorted(len(member.records) for member in members) == [0, 0, 5]


def test_closing_twice_is_fine_and_a_closed_consumer_raises(under: BusUnderTest) -> None:
    topic = under.topic()
    consumer = under.bus.consumer("c", "g", [topic])
    consumer.close()
    consumer.close()

    with pytest.raises(BusUnavailable):
        consumer.poll(0.0)
