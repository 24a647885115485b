"""A recording whose frames were deleted before pose took them is read again from there."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from pipeline.core.values import Frame
from pipeline.runners.worker import IngestWorker
from tests.unit.runners.site import FRAME_US, START_US, Site, film, kill, spec, until

RESEND_S = 300.0


class Clock:
    """Seconds that go by when the test says so."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def frames(site: Site, session: int) -> list[int]:
    """Numbers of the pictures sent in a session."""
    found = [r.stamp for r in site.records() if r.stamp.session == session and isinstance(r.value, Frame)]
    assert all(stamp.captured_at_us == START_US + stamp.seq * FRAME_US for stamp in found)
    return [stamp.seq for stamp in found]


def waiting(site: Site, tmp_path: Path, clock: Clock, *, pictures: int = 100, took: int | None = 9) -> IngestWorker:
    """An ingest worker that is as far ahead of pose as it may be."""
    site.register(spec("file", 1, film(tmp_path / "file", pictures)))
    worker = ingest(site, clock)
    until(lambda: len(frames(site, 1)) >= min(pictures, 64), worker)
    if took is not None:
        site.took("pose", "file", 1, seq=took)
        until(lambda: len(frames(site, 1)) == min(pictures, 64 + took + 1), worker)
    turns(worker)
    return worker


def ingest(site: Site, clock: Clock, client: str = "one") -> IngestWorker:
    return site.ingest(client, paced=True, clock=clock, resend_s=RESEND_S)


def turns(worker: IngestWorker) -> None:
    for _ in range(20):
        worker.step()


def test_frames_that_pose_never_takes_are_sent_again_as_a_session_of_their_own(
    site: Site, tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    worker = waiting(site, tmp_path, clock)

    clock.now_s += RESEND_S - 1
    turns(worker)
    assert frames(site, 2) == []
    clock.now_s += 2
    with caplog.at_level(logging.WARNING):
        until(lambda: len(frames(site, 2)) == 64, worker)
        turns(worker)

    assert frames(site, 2) == list(range(10, 74))
    (told,) = caplog.messages
    assert "camera file: pose has come no further than frame 10" in told
    assert "worker.resend_s" in told

    site.took("pose", "file", 1, seq=73, session=2)
    until(lambda: frames(site, 2) == list(range(10, 100)), worker)
    worker.close()


def test_the_same_again_as_long_as_pose_is_away(site: Site, tmp_path: Path, clock: Clock) -> None:
    worker = waiting(site, tmp_path, clock)

    for session in (2, 3, 4):
        clock.now_s += RESEND_S + 1
        until(lambda of=session: len(frames(site, of)) == 64, worker)  # type: ignore[misc]
        turns(worker)
        assert frames(site, session) == list(range(10, 74))
    worker.close()


def test_a_pose_that_works_is_left_alone(site: Site, tmp_path: Path, clock: Clock) -> None:
    worker = waiting(site, tmp_path, clock)
    for took in (12, 20, 40, 99):
        clock.now_s += RESEND_S - 1
        turns(worker)
        site.took("pose", "file", 1, seq=took)
        until(lambda behind=took: len(frames(site, 1)) == min(100, behind + 65), worker)  # type: ignore[misc]
    turns(worker)
    clock.now_s += 10 * RESEND_S
    turns(worker)

    assert frames(site, 1) == list(range(100))
    assert frames(site, 2) == []
    worker.close()


def test_a_slow_pose_that_took_the_frames_after_all_gets_what_follows(site: Site, tmp_path: Path, clock: Clock) -> None:
    worker = waiting(site, tmp_path, clock)
    clock.now_s += RESEND_S + 1
    until(lambda: len(frames(site, 2)) == 64, worker)

    site.took("pose", "file", 1, seq=73, session=1)  # and leaves out the same frames in session 2

    until(lambda: frames(site, 2) == list(range(10, 100)), worker)
    worker.close()


def test_a_recording_of_which_nothing_arrived_is_sent_from_its_beginning(
    site: Site, tmp_path: Path, clock: Clock
) -> None:
    worker = waiting(site, tmp_path, clock, took=None)

    clock.now_s += RESEND_S + 1
    until(lambda: len(frames(site, 2)) == 64, worker)

    assert frames(site, 2) == list(range(64))
    worker.close()


def test_the_end_of_a_recording_too(site: Site, tmp_path: Path, clock: Clock) -> None:
    worker = waiting(site, tmp_path, clock, pictures=40)
    until(lambda: worker.finished, worker)

    clock.now_s += RESEND_S + 1
    turns(worker)
    until(lambda: worker.finished, worker)

    assert frames(site, 2) == list(range(10, 40))
    worker.close()


@pytest.mark.parametrize("in_order", [True, False])
def test_another_ingest_worker_knows_what_is_on_its_way(
    site: Site, tmp_path: Path, clock: Clock, *, in_order: bool
) -> None:
    first = waiting(site, tmp_path, clock, pictures=40)
    until(lambda: first.finished, first)
    if in_order:
        first.close()
    else:
        first.checkpoint()
        kill(first, site, "one")
    second = ingest(site, clock, "two")
    turns(second)

    clock.now_s += RESEND_S + 1
    turns(second)
    until(lambda: second.finished, second)

    assert frames(site, 2) == list(range(10, 40))
    second.close()


def test_another_ingest_worker_sends_no_more_than_the_first_might_have(
    site: Site, tmp_path: Path, clock: Clock
) -> None:
    first = waiting(site, tmp_path, clock)
    first.checkpoint()
    kill(first, site, "one")

    second = ingest(site, clock, "two")
    until(lambda: second.cameras != {}, second)
    turns(second)

    assert frames(site, 1) == list(range(74))
    second.close()


def test_where_the_changelog_of_pose_is_gone_nothing_is_sent_again(site: Site, tmp_path: Path, clock: Clock) -> None:
    first = waiting(site, tmp_path, clock)
    first.close()
    site.forget("pose")

    second = ingest(site, clock, "two")
    until(lambda: frames(site, 1) == list(range(100)), second)
    clock.now_s += 10 * RESEND_S
    turns(second)

    assert frames(site, 2) == []
    second.close()


def test_a_kill_right_after_the_session_began_loses_nothing(site: Site, tmp_path: Path, clock: Clock) -> None:
    first = waiting(site, tmp_path, clock)
    clock.now_s += RESEND_S + 1
    first.step()  # the session is kept, nothing of it is sent
    assert frames(site, 2) == []
    kill(first, site, "one")

    second = ingest(site, clock, "two")
    until(lambda: len(frames(site, 2)) == 64, second)

    assert frames(site, 2) == list(range(10, 74))
    second.close()


def test_another_recording_of_the_camera_is_sent_from_its_own_beginning(
    site: Site, tmp_path: Path, clock: Clock
) -> None:
    first = waiting(site, tmp_path, clock, pictures=40)
    until(lambda: first.finished, first)
    site.took("pose", "file", 1, seq=39)
    site.register(spec("file", 1, film(tmp_path / "other", 30, seed=1)))
    until(lambda: len([r for r in site.records() if r.stamp.session == 2]) >= 30, first)
    turns(first)

    clock.now_s += RESEND_S + 1
    turns(first)
    until(lambda: first.finished, first)

    again = [r.stamp.seq for r in site.records() if r.stamp.session == 3 and isinstance(r.value, Frame)]
    assert again == list(range(30))
    first.close()


def test_progress_kept_before_times_were_noted_is_no_reason_to_send_again(
    site: Site, tmp_path: Path, clock: Clock
) -> None:
    site.took("pose", "file", 1, seq=9, at_us=0)
    worker = waiting(site, tmp_path, clock, took=None)

    clock.now_s += 10 * RESEND_S
    turns(worker)

    assert frames(site, 2) == []
    worker.close()
