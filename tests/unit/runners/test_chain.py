from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.core.chain import Chain
from pipeline.core.errors import ConfigError
from pipeline.core.ports import BusRecord
from pipeline.core.records import Dropped, Record, Tick
from pipeline.topology import check_neighbours
from tests.fakes import MOTIONS, TRACKS, driver, next_driver, on_bus
from tests.samples import poses, stamp

CODECS = {"tracks": TRACKS, "motions": MOTIONS}


def test_what_the_next_stage_reads_is_handed_on_and_what_others_read_is_sent() -> None:
    frames = [on_bus(poses(1), n) for n in range(3)]

    quiet = Chain([driver(), next_driver()]).feed(frames)
    open_ = Chain([driver(), next_driver()], sent=("tracks",)).feed(frames)

    assert [each.topic for each in quiet] == ["motions"] * 3
    assert sorted(each.topic for each in open_) == ["motions"] * 3 + ["tracks"] * 3


def test_a_chain_gives_the_bytes_of_its_stages_one_after_the_other() -> None:
    frames = [on_bus(poses(1), 0), on_bus(Dropped("pose", "late"), 1), on_bus(poses(2), 2)]
    first, second = driver(), next_driver()
    tracks = first.feed(frames)
    wanted = second.feed([BusRecord(t.topic, t.partition, i, t.key, t.value) for i, t in enumerate(tracks)])

    found = Chain([driver(), next_driver()]).feed(frames)

    assert [each.value for each in found] == [each.value for each in wanted]
    assert [MOTIONS.decode(each.value or b"").stamp.n for each in found] == [0, 1, 2]


@pytest.mark.parametrize("sent", [(), ("tracks",)], ids=["inside", "sent"])
def test_results_are_what_would_be_sent_decoded(sent: tuple[str, ...]) -> None:
    values = (poses(1), Dropped("pose", "late"), replace(poses(1), width=13), Tick("live"))
    frames = [Record(stamp(n), value) for n, value in enumerate(values)]
    wanted = Chain([driver(), next_driver()], sent).feed_values(frames)

    found = Chain([driver(), next_driver()], sent).results(frames, CODECS)

    assert len(found) == len(frames) * (1 + len(sent))
    assert found[-2].value == Dropped("track", "invalid")
    encoded = [CODECS[each.topic].encode(record).value for each, record in zip(wanted, found, strict=True)]
    assert encoded == [each.value for each in wanted]


def test_the_last_stage_is_saved_first() -> None:
    chain = Chain([driver(), next_driver()])
    chain.feed([on_bus(poses(1), 0)])

    groups = chain.snapshots({}, {1: 7})

    assert [[(s.stage, s.generation) for s in group] for group in groups] == [[("smooth", 7)], [("track", 7)]]


@pytest.mark.parametrize(
    ("stages", "says"),
    [
        (["track", "analyze"], "analyze does not read what track writes"),
        (["smooth", "track"], "track does not read what smooth writes"),
        (["alert", "track"], "track does not read what alert writes"),
        (["trak"], "no stage is named 'trak'"),
    ],
)
def test_only_neighbours_in_order_make_a_chain(stages: list[str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        check_neighbours(stages)
