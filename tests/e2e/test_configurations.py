"""Configurations that cannot be carried out, and words of the command line that cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import Program
from tests.e2e.terminal import SECRET, SECRET_DSN

SCENE = "sim://gym?seconds=1"


@pytest.mark.parametrize(
    ("text", "error", "hint"),
    [
        ("track:\n  lots_s: 3\n", r"c.yaml:2: track.lots_s: unknown key; allowed: .*lost_s", "configuration.md"),
        ("log:\n  level: warnin\n", r"c.yaml:2: log.level: found 'warnin', .*did you mean warning\?", "configuration"),
        ("track:\n  lost_s: soon\n", r"c.yaml:2: track.lost_s: found 'soon', allowed: a number", "configuration.md"),
        ("embedded: {cut_s: 0}\n", r"c.yaml:1: embedded.cut_s: found 0, allowed: .*0\.05", "configuration.md"),
        ("cameras: {gym: {fps: 3}}\n", r"c.yaml:1: cameras.gym: the key source is missing", "configuration.md"),
        ("track: [\n", r"c.yaml:\d: ", "configuration.md"),
        (f"databas: {{dsn: '{SECRET_DSN}'}}\n", r"c.yaml:1: databas: unknown key.*database", "configuration.md"),
        (f"database: {{dsn: [{SECRET}]}}\n", r"c.yaml:1: database.dsn.*: found", "configuration.md"),
    ],
    ids=["typo", "typo of a value", "type", "range", "missing", "no YAML", "secret in a typo", "secret of a type"],
)
def test_a_wrong_configuration_is_refused_by_every_command(
    text: str, error: str, hint: str, program: Program, tmp_path: Path
) -> None:
    (tmp_path / "c.yaml").write_text(text)

    for words in (("config", "check", "c.yaml"), ("run", SCENE, "--config", "c.yaml")):
        program(*words).refused(2, error, hint)


def test_all_that_is_wrong_is_told_at_once(program: Program, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("log: {level: loud}\ntrack: {lost_s: soon}\n")

    done = program("config", "check", "c.yaml")

    assert done.code == 2
    assert [line.split(": ")[-3 if "error" in line else 0] for line in done.err.splitlines()[:1]]
    assert "c.yaml:1: log.level" in done.err
    assert "c.yaml:2: track.lost_s" in done.err


@pytest.mark.parametrize(
    ("models", "error"),
    [
        ("{lighter: heavy}", r"no model is called 'heavy', there are .*blazepose-lite"),
        ("{pose: rtmdet-nano}", r"the model rtmdet-nano is for detect, not for pose"),
    ],
    ids=["unknown", "of another task"],
)
def test_a_model_that_is_none_is_refused_by_the_check(
    models: str, error: str, program: Program, tmp_path: Path
) -> None:
    (tmp_path / "c.yaml").write_text(f"models: {models}\n")

    program("config", "check", "c.yaml").refused(5, error, "posebus models ls")


@pytest.mark.parametrize(
    ("name", "error"), [("c.yml", "c.yml: there is no such file; did you mean c.yaml"), (".", r"\.: cannot be read")]
)
def test_a_file_that_is_not_there_is_refused(name: str, error: str, program: Program, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("")

    program("run", SCENE, "--config", name).refused(2, error, "name a YAML file with --config")


def test_a_wrong_variable_is_refused(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSEBUS_LOG_LEVEL", "loud")

    program("run", SCENE).refused(2, "environment variable POSEBUS_LOG_LEVEL: log.level: found 'loud'", "configuration")


def test_an_unknown_camera_is_refused_with_those_that_there_are(program: Program, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("cameras: {gym: sim://gym, ward: sim://ward}\n")

    done = program("run", "wrad", "--config", "c.yaml")

    done.refused(3, "wrad does not exist, nor does .* a camera of this name", r"gym, ward; did you mean ward\?")


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (["--camera", "a", "--camera", "b"], "1 source, but 2 camera names", "--camera once for each source"),
        (["--camera", ""], "'' cannot be the name of a camera", "visible characters"),
        (["--camera", "a\nb"], r"'a\\nb' cannot be the name of a camera", "visible characters"),
        ([SCENE], "two sources would be the camera gym", "--camera A --camera B"),
        (["--resume", "--again"], "--resume and --again exclude each other", "--resume goes on"),
        (["--start-time", "today"], "--start-time today is no time", "2026-01-31T09:00:00Z"),
        (["--start-time", "0001-01-01"], "expected one from 1970-01-02 to", "2026-01-31T09:00:00Z"),
        (["--start-time", "9999-12-31T23:59:59-14:00"], "expected one from 1970-01-02 to", "2026-01-31T09:00:00Z"),
        (["--summary", "no/such/file.json"], "there is no folder no/such", "another file for --summary"),
        (["--summary", "."], "cannot be written: it is a folder", "another file for --summary"),
        (["--summary", "c.yaml/x.json"], "c.yaml/x.json cannot be written", "another file for --summary"),
    ],
)
def test_options_that_cannot_be_carried_out_are_refused(
    words: list[str], error: str, hint: str, program: Program, tmp_path: Path
) -> None:
    (tmp_path / "c.yaml").write_text("")

    program("run", SCENE, *words).refused(2, error, hint)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["run", SCENE, "--limit-s", "0"], "'--limit-s'.*greater than or equal to 0.001"),
        (["run", SCENE, "--limit-s", "nan"], "'--limit-s'"),
        (["run", SCENE, "--limit-s", "inf"], "'--limit-s'"),
        (["run", SCENE, "--limit-s", "ten"], "'--limit-s'"),
        (["run", SCENE, "--fps", "0"], "'--fps'"),
        (["run", SCENE, "--fps", "nan"], "'--fps'"),
        (["render", SCENE, "-o", "a.mp4", "--fps", "-1"], "'--fps'"),
        (["render", SCENE, "-o", "a.mp4", "--fps", "nan"], "'--fps'"),
        (["render", SCENE], "Missing option '--output'"),
        (["run", SCENE, "--frob"], "No such option: --frob"),
        (["frob"], "No such command 'frob'"),
        (["query"], "Missing argument 'SQL'"),
        (["query", "SELECT 1", "--format", "xml"], "'xml' is not one of"),
        (["query", "SELECT 1", "--run", "-1"], "'--run'"),
    ],
    ids=" ".join,
)
def test_words_that_do_not_exist_are_refused(words: list[str], error: str, program: Program) -> None:
    program(*words).misused(error)


def test_help_tells_examples_and_exit_codes(program: Program) -> None:
    for words in (["--help"], ["-h"]):
        assert "Exit codes: 0 done; 1 a defect" in program(*words).done().out
    for command in ("run", "query", "render"):
        assert "Examples:" in program(command, "-h").done().out
    assert program("--version").done().out.startswith("posebus ")
