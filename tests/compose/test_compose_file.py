from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.cli.worker import BESIDE
from pipeline.config import load_config
from pipeline.topology import STAGES
from pipeline.video.open import open_source

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
FILE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
OURS = {name: service for name, service in SERVICES.items() if "posebus" in service["image"]}
WORKERS = {name: service for name, service in OURS.items() if service["command"][0] == "worker"}
SERVERS = {name: service for name, service in SERVICES.items() if name not in OURS}
STAYING = {**WORKERS, **SERVERS}
ONCE = {name: service for name, service in OURS.items() if service["command"][0] == "init"}
DRAIN_S = 5
"""Longest that a worker takes after SIGTERM."""


def _seconds(text: str) -> int:
    found = re.fullmatch(r"(\d+)s", text)
    assert found, text
    return int(found[1])


def test_every_kind_of_worker_is_a_service_of_its_name() -> None:
    kinds = {service["command"][1]: name for name, service in WORKERS.items()}

    assert kinds == {kind: kind for kind in (*STAGES, *BESIDE)}


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_on_loopback_only(name: str) -> None:
    for port in SERVICES[name].get("ports", ()):
        assert str(port).startswith("127.0.0.1:"), port


@pytest.mark.parametrize("name", OURS)
def test_our_containers_may_do_nothing_that_they_need_not(name: str) -> None:
    service = OURS[name]

    user, group = service["user"].split(":")
    assert int(user) > 0
    assert int(group) > 0
    assert service["read_only"] is True
    assert service["init"] is True
    assert any(mount.startswith("/tmp") for mount in service["tmpfs"])
    assert "cap_add" not in service
    assert "privileged" not in service
    assert all(volume.endswith(":ro") for volume in service["volumes"]) or name in {*ONCE, "archive"}


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_bounded(name: str) -> None:
    service = SERVICES[name]

    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pids_limit"] > 0
    assert service["mem_limit"]
    assert service["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", STAYING)
def test_what_stays_is_watched_and_started_again(name: str) -> None:
    service = STAYING[name]

    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] == "CMD"
    assert _seconds(service["healthcheck"]["interval"]) <= 10


@pytest.mark.parametrize("name", WORKERS)
def test_workers_start_after_init_and_get_time_to_drain(name: str) -> None:
    service = WORKERS[name]

    assert service["depends_on"]["init"]["condition"] == "service_completed_successfully"
    assert service["depends_on"]["kafka"]["condition"] == "service_healthy"
    assert _seconds(service["stop_grace_period"]) > DRAIN_S


@pytest.mark.parametrize("name", ONCE)
def test_what_runs_once_is_waited_for_by_another(name: str) -> None:
    """Otherwise `up --wait` would wait for it to be running, for ever."""
    waiting = [
        other
        for other, service in SERVICES.items()
        if service.get("depends_on", {}).get(name, {}).get("condition") == "service_completed_successfully"
    ]

    assert waiting
    assert ONCE[name]["restart"] == "no"


def test_what_a_profile_brings_is_not_needed_without_it() -> None:
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            profiles = SERVICES[needed].get("profiles", [])
            assert not profiles or profiles == service.get("profiles") or how["required"] is False, (name, needed)


def test_images_have_a_version() -> None:
    for name, service in SERVERS.items():
        tag = service["image"].rpartition(":")[2]
        assert re.match(r"v?\d+\.\d+\.\d+", tag), (name, tag)


def test_one_service_builds_the_image_of_all() -> None:
    assert len({service["image"] for service in OURS.values()}) == 1
    assert len([name for name, service in SERVICES.items() if "build" in service]) == 1


def test_no_password_stands_in_the_files() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            assert not re.search(r"PASSWORD$|SECRET|TOKEN", variable), (name, variable)
            assert not re.search(r"://[^/@:]+:[^@]+@", str(value)), (name, variable)


def test_only_what_needs_a_password_is_given_it() -> None:
    holders = {
        volume: {
            name
            for name, service in SERVICES.items()
            if any(mount.startswith(f"{volume}:") for mount in service.get("volumes", ()))
        }
        for volume in ("owner", "writer", "reader")
    }

    assert holders["owner"] == {"db", "admin", *ONCE}
    assert holders["writer"] - set(ONCE) <= set(BESIDE)
    assert not holders["reader"] & set(WORKERS)


def test_every_variable_has_a_default_that_the_example_shows() -> None:
    used = dict(re.findall(r"\$\{(\w+):-([^}]+)\}", TEXT))
    shown = dict(re.findall(r"^# (\w+)=(.+)$", (ROOT / ".env.example").read_text(), re.M))

    assert len(re.findall(r"\$\{", TEXT)) == len(re.findall(r"\$\{\w+:-[^}]+\}", TEXT))
    assert used == shown


def test_volumes_and_networks_are_declared_and_used() -> None:
    named = {
        mount.split(":")[0]
        for service in SERVICES.values()
        for mount in service.get("volumes", ())
        if re.match(r"\w+:", mount)
    }
    joined = {network for service in SERVICES.values() for network in service.get("networks", ())}

    assert named == set(FILE["volumes"])
    assert joined == set(FILE["networks"])


def test_workers_without_cameras_have_no_way_out() -> None:
    assert FILE["networks"]["inside"]["internal"] is True
    for name, service in WORKERS.items():
        assert service["networks"] == (["inside", "outside"] if name in ("ingest", "notify") else ["inside"]), name


def test_files_that_are_mounted_are_there() -> None:
    places = re.findall(r"(?<![\w/])(\./[\w./-]+|infra/[\w./-]+)", TEXT)

    assert places
    assert [place for place in places if not (ROOT / place).exists()] == []


def test_default_configuration_has_no_camera() -> None:
    assert load_config(ROOT / "infra" / "docker" / "posebus.yaml", {}).cameras == {}


def test_cameras_of_the_demo_can_be_opened() -> None:
    cameras = load_config(ROOT / "infra" / "docker" / "demo.yaml", {}).cameras

    assert len(cameras) >= 2
    for camera in cameras.values():
        assert camera.mode == "live"
        open_source(camera.source, fps=camera.fps)


def test_image_runs_as_a_number_and_holds_what_the_compose_file_mounts_over() -> None:
    text = (ROOT / "Dockerfile").read_text()

    users = re.findall(r"^USER (\S+)$", text, re.M)
    assert users == [service["user"] for service in list(OURS.values())[:1]]
    assert not re.search(r"^# syntax", text, re.M), "an older engine would fetch a frontend"
    assert "--require-hashes" in text
    for kind in ("owner", "writer", "reader"):
        assert f"/run/posebus/{kind}" in text
