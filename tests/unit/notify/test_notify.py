from __future__ import annotations

import hashlib
import hmac
import json
import logging
import socket
from dataclasses import replace
from uuid import UUID

import pytest

from pipeline.config.sections import Notify
from pipeline.core.errors import ConfigError, TransientError
from pipeline.core.records import Record, Stamp
from pipeline.core.values import Transition
from pipeline.notify import DeliveryRefused, LogChannel, Notifier, notifier_of
from pipeline.notify.webhook import WebhookChannel
from tests.unit.notify.receiver import receiver

NOW_US = 1_700_000_000_000_000
STAMP = Stamp(0, "ward", 1, 1, 0, 0, NOW_US, NOW_US, "file")


def step(version: int = 1, state: str = "new", incident: int = 7) -> Record[Transition]:
    return Record(
        STAMP,
        Transition(
            incident_id=UUID(int=incident),
            version=version,
            state=state,
            rule="fall",
            severity="critical",
            track_id=3,
            started_at_us=NOW_US,
            at_us=NOW_US + 1_000_000,
            event_id=UUID(int=9),
            text="ward: person 3 fell",
            evidence={"trunk_tilt": 88.0},
        ),
    )


def channel(url: str, secret: str | None = None, attempts: int = 3, timeout_s: float = 5.0) -> WebhookChannel:
    return WebhookChannel(url, secret, attempts=attempts, first_wait_s=0.01, timeout_s=timeout_s)


def test_webhook_posts_the_step_as_json_with_its_idempotency_key() -> None:
    with receiver() as web:
        done = Notifier([channel(web.url + "/in?token=s3cret")])([step()])

    path, headers, body = web.got[0]
    content = json.loads(body)
    assert path == "/in?token=s3cret"
    assert headers["Idempotency-Key"] == f"{UUID(int=7)}/1/webhook" == done[0].key
    assert "X-Posebus-Signature" not in headers
    assert content["text"] == "ward: person 3 fell"
    assert content["camera"] == "ward"
    assert content["started_at"] == "2023-11-14T22:13:20.000+00:00"
    assert content["evidence"] == {"trunk_tilt": 88.0}
    assert done[0].state == "delivered"


def test_signature_is_the_hmac_of_the_body() -> None:
    with receiver() as web:
        channel(web.url, secret="k3y").deliver(step(), "key")

    _, headers, body = web.got[0]
    assert headers["X-Posebus-Signature"] == "sha256=" + hmac.new(b"k3y", body, hashlib.sha256).hexdigest()


def test_server_errors_and_hang_ups_are_tried_again_with_the_same_key() -> None:
    with receiver(503, None, 200) as web:
        done = Notifier([channel(web.url)])([step()])

    assert done[0].state == "delivered"
    assert len(web.got) == 3
    assert len({headers["Idempotency-Key"] for _, headers, _ in web.got}) == 1


def test_a_receiver_that_stays_down_gets_nothing_out_of_order() -> None:
    with receiver(500, 500, 500) as web:
        done = Notifier([channel(web.url)])([step(1), step(2, "update")])

    assert [d.state for d in done] == ["failed", "failed"]
    assert len(web.got) == 3  # the second step was not tried
    assert done[0].error is not None
    assert "500" in done[0].error


def test_a_silent_receiver_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(TransientError, match="Timeout"):
            channel(url, attempts=1, timeout_s=0.1).deliver(step(), "key")


def test_a_refusal_is_not_tried_again_and_holds_nobody_up() -> None:
    with receiver(400) as web:
        done = Notifier([channel(web.url)])([step(incident=1), step(incident=2)])

    assert [d.state for d in done] == ["refused", "delivered"]
    assert len(web.got) == 2


def test_a_redirect_is_refused() -> None:
    with receiver(302) as web, pytest.raises(DeliveryRefused, match="302"):
        channel(web.url).deliver(step(), "key")


def test_what_was_delivered_is_not_delivered_again() -> None:
    with receiver() as web:
        notifier = Notifier([channel(web.url)])
        first = notifier([step()])
        second = notifier([step(), step(2, "end")], delivered={d.key for d in first})

    assert len(web.got) == 2
    assert [d.version for d in second] == [2]


def test_replays_are_delivered_only_when_asked() -> None:
    replayed = [Record(replace(STAMP, run=4), step().value)]

    assert Notifier([LogChannel()])(replayed) == []
    assert len(Notifier([LogChannel()], replays=True)(replayed)) == 1


def test_a_notifier_tells_what_it_takes_and_gives_its_channels_one_by_one() -> None:
    with receiver() as web:
        notifier = Notifier([LogChannel(), channel(web.url)], replays=True)
        done = notifier.only("webhook")([Record(replace(STAMP, run=4), step().value)])

    assert notifier.channels == ("log", "webhook")
    assert [(d.channel, d.run) for d in done] == [("webhook", 4)]
    assert notifier.takes(4)
    assert not Notifier([LogChannel()]).takes(4)


def test_one_channel_that_fails_leaves_the_others(caplog: pytest.LogCaptureFixture) -> None:
    with receiver(400) as web, caplog.at_level(logging.INFO):
        done = Notifier([channel(web.url), LogChannel()])([step()])

    assert {d.channel: d.state for d in done} == {"webhook": "refused", "log": "delivered"}
    line = next(r for r in caplog.records if r.getMessage() == "ward: person 3 fell")
    assert line.levelno == logging.CRITICAL
    assert line.__dict__["camera"] == "ward"


def test_no_log_line_or_error_shows_the_urls_secrets(caplog: pytest.LogCaptureFixture) -> None:
    with receiver(500, 200) as web, caplog.at_level(logging.DEBUG):
        secret = web.url.replace("http://", "http://user:pa55word@") + "/hook-t0ken?key=s3cret"
        Notifier([channel(secret)])([step()])
    done = Notifier([channel(secret, attempts=1)])([step()])  # nobody listens any more

    told = caplog.text + str(done) + repr(channel(secret))
    assert done[0].state == "failed"
    assert "127.0.0.1" in told
    for word in ("pa55word", "s3cret", "t0ken"):
        assert word not in told


@pytest.mark.parametrize("url", ["nowhere", "ftp://example.org/s3cret", "http://", "http://host:s3cret/"])
def test_an_address_that_is_none_is_told_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        WebhookChannel(url, name="nurse")

    assert "nurse" in caught.value.message
    assert "s3cret" not in caught.value.message


def test_two_channels_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="log"):
        Notifier([LogChannel(), LogChannel()])


def test_a_configuration_names_the_channels() -> None:
    with receiver() as web:
        settings = Notify.model_validate({"log": True, "webhooks": {"nurse": {"url": web.url, "secret": "k"}}})
        done = notifier_of(settings)([step()])

    assert [d.channel for d in done] == ["log", "webhook:nurse"]
    assert "X-Posebus-Signature" in web.got[0][1]
