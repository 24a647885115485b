"""Troubles of the database that pass: it takes no writes, is full, is slow, or is gone together with the broker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from pipeline.database import EmbeddedServer
from tests.chaos.installation import Disturbance, Installation, kill_database


def read_only(seconds: float) -> Disturbance:
    """It takes no writes, as a standby does."""
    setting = "ALTER DATABASE {} SET default_transaction_read_only = {}"

    def disturbance(running: Installation) -> None:
        with _owner(running) as owner:
            name = owner.info.dbname
            owner.execute(setting.format(name, "on").encode())
            # Who is connected has the setting of before.
            owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name LIKE 'posebus writer%'"
            )
            time.sleep(seconds)
            owner.execute(setting.format(name, "off").encode())
        running.disturbed["database read-only"] += 1
        running.await_progress("database read-only", "sink")

    return disturbance


def full(seconds: float) -> Disturbance:
    """Its disk is full."""

    def disturbance(running: Installation) -> None:
        with _owner(running) as owner:
            owner.execute(
                "CREATE FUNCTION public.full() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'; END $$"
            )
            owner.execute(
                "CREATE TRIGGER no_space BEFORE INSERT ON pose_raw.frame_outcomes EXECUTE FUNCTION public.full()"
            )
            time.sleep(seconds)
            owner.execute("DROP FUNCTION public.full CASCADE")
        running.disturbed["database full"] += 1
        running.await_progress("database full", "sink")

    return disturbance


def slow(seconds: float) -> Disturbance:
    """A write waits for so long before it is done."""

    def disturbance(running: Installation) -> None:
        with _owner(running) as owner, owner.transaction():
            owner.execute("LOCK TABLE pose_raw.frame_outcomes IN SHARE MODE")
            time.sleep(seconds)
        running.disturbed["database slow"] += 1
        running.await_progress("database slow", "sink")

    return disturbance


def both_away(seconds: float) -> Disturbance:
    """The broker and the database are killed; the broker is started again later."""

    def disturbance(running: Installation) -> None:
        running.cluster[0].kill()
        kill_database(running, wait=False)
        time.sleep(seconds)
        running.cluster[0].start()
        running.disturbed["broker and database away"] += 1
        running.await_progress("broker and database away", "sink")

    return disturbance


@contextmanager
def _owner(running: Installation) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(EmbeddedServer(running.home).url("postgres"), autocommit=True) as owner:
        owner.execute("SET default_transaction_read_only = off")
        yield owner
