"""Dead letters back to the stage that could not use them, where they still come in order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import InvalidRecord
from pipeline.core.numbering import Mark, Progress
from pipeline.core.ports import Bus, Outgoing, StateStore
from pipeline.core.records import Record
from pipeline.database.letters import Letter
from pipeline.topics import PARTITIONS, TOPICS
from pipeline.topology import STAGES, Topology

SINK = "sink"
_FLUSH_S = 30.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a letter cannot be sent again.

    Attributes:
        late: It would come out of order.
    """

    letter: Letter
    why: str
    late: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What can be sent again, in the order of sending, and what cannot."""

    sent: Sequence[Letter]
    refused: Sequence[Refusal]


def decoded(topology: Topology, letter: Letter) -> Record[Any]:
    """The record in a letter. Raises InvalidRecord where there is none, or it cannot be read."""
    if letter.topic not in TOPICS:
        raise InvalidRecord(f"what is kept is no record of a topic, but a description of a {letter.topic}")
    if not letter.content:
        kept = "pixels are not kept" if TOPICS[letter.topic].pixels else "the record had no content"
        raise InvalidRecord(kept)
    return topology.codec(letter.topic).decode(letter.content)


def plan(topology: Topology, store: StateStore, letters: Sequence[Letter]) -> Plan:
    """Which of these letters a stage would still take. Raises StateError, BusUnavailable.

    A stage takes each number of a camera once, and only forward. So a letter still has its turn if the stage has taken
    nothing behind it, and nothing is on its way that would overtake it: all that the stage before has sent since must
    be sent again with it. Rows do not care for order: for the sink nothing is too late.
    """
    refused: list[Refusal] = []
    queues: dict[tuple[str, str, str], list[tuple[Mark, Letter]]] = defaultdict(list)
    sent: list[Letter] = []
    for letter in letters:
        try:
            record = decoded(topology, letter)
        except InvalidRecord as error:
            refused.append(Refusal(letter, error.message))
            continue
        if letter.stage == SINK:
            sent.append(letter)
        elif letter.topic in STAGES[letter.stage].reads:
            mark = Mark(record.stamp.session, record.stamp.n)
            queues[letter.stage, letter.topic, record.stamp.camera].append((mark, letter))
        else:
            refused.append(Refusal(letter, f"{letter.stage} does not read {letter.topic}"))
    for (stage, topic, camera), queue in sorted(queues.items()):
        queue.sort(key=lambda each: each[0])
        partition = queue[0][1].partition
        taken = _progress(topology, store, stage, camera, partition)
        before = next(row.name for row in STAGES.values() if topic in row.writes)
        following = _progress(topology, store, before, camera, partition)
        last = taken.last_in.get(topic) if taken else None
        next_sent = following.next_out.get(topic) if following else None
        ours = {mark for mark, _ in queue}
        for mark, letter in queue:
            if last is not None and mark <= last:
                refused.append(Refusal(letter, f"{stage} has taken later records of {camera} already", late=True))
            elif next_sent is not None and not _is_last(mark, next_sent, ours):
                refused.append(Refusal(letter, f"later records of {camera} are on their way to {stage}", late=True))
            else:
                sent.append(letter)
    return Plan(sent, refused)


def send(bus: Bus, client: str, letters: Sequence[Letter]) -> None:
    """Put them back on their topics. Raises BusUnavailable."""
    producer = bus.producer(client)
    try:
        for letter in letters:
            producer.send(Outgoing(letter.topic, letter.partition % PARTITIONS, letter.key, letter.content))
        producer.flush(_FLUSH_S)
    finally:
        producer.close()


def _is_last(mark: Mark, following: Mark, ours: set[Mark]) -> bool:
    """Whether all that was sent behind `mark`, up to before `following`, is in `ours`."""
    if mark.session != following.session:
        return mark.session > following.session
    return all(Mark(mark.session, n) in ours for n in range(mark.n + 1, following.n))


def _progress(topology: Topology, store: StateStore, stage: str, camera: str, partition: int) -> Progress | None:
    snapshots: Mapping[str, Any] = store.load(stage, frozenset((partition,)))
    if camera not in snapshots:
        return None
    progress: Progress = topology.state_codec("progress", Progress).decode(snapshots[camera].content)
    return progress
