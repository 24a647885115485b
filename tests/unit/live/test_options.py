"""Addresses of cameras and their passwords."""

from __future__ import annotations

import pytest

from pipeline.core.errors import ConfigError
from pipeline.video.live import LiveOptions
from pipeline.video.live.backoff import Backoff
from pipeline.video.reader.endings import without_secrets


def test_a_password_is_taken_out_of_the_address() -> None:
    options = LiveOptions("rtsp://us%20er:p%40ss%2F@host:8554/a/b?c=1")

    assert options.url == "rtsp://host:8554/a/b?c=1"
    assert (options.user, options.password) == ("us er", "p@ss/")
    assert options.address == "rtsp://us%20er:p%40ss%2F@host:8554/a/b?c=1"
    assert "p@ss" not in repr(options)


@pytest.mark.parametrize("url", ["http://host/x", "rtsp:///x", "host", "rtsp://host:99999/x"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        LiveOptions(url)
    assert "99999" not in caught.value.message


@pytest.mark.parametrize("fps", [0.0, -1.0, float("nan")])
def test_a_rate_has_to_be_positive(fps: float) -> None:
    with pytest.raises(ConfigError):
        LiveOptions("rtsp://host/x", fps=fps)


def test_no_form_of_a_password_is_left_in_a_text() -> None:
    address = "rtsp://user:p%40ss%2Fw@host/x"

    shown = without_secrets(f"{address}: p@ss/w p%40ss%2Fw failed", address)

    assert "p@ss" not in shown
    assert "p%40ss" not in shown


def test_waits_stay_below_a_second_in_the_first_minute_and_below_five_for_ever() -> None:
    backoff = Backoff(lambda low, high: high)
    now, waits = 0.0, []
    while now < 3600:
        waits.append((now, backoff.wait_s(now)))
        now += waits[-1][1]

    assert [wait for _, wait in waits[:4]] == [0.25, 0.5, 1.0, 1.0]
    assert max(wait for at, wait in waits if at < 60) == 1.0
    assert max(wait for _, wait in waits) == 5.0


def test_a_picture_makes_the_next_loss_a_new_one() -> None:
    backoff = Backoff(lambda low, high: high)
    for at in range(200):
        backoff.wait_s(float(at))
    backoff.lived()

    assert backoff.wait_s(200.0) == 0.25


def test_a_wrong_password_is_tried_twice_in_the_first_minute_at_most() -> None:
    backoff = Backoff(lambda low, high: low)

    waits = [backoff.refused_s() for _ in range(6)]

    assert waits[0] >= 25
    assert waits[0] + waits[1] >= 75
    assert waits[-1] >= 800
