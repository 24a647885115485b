from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from pipeline.config import Config, home_folder, load_config
from pipeline.core.errors import ConfigError

Load = Callable[..., Config]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def from_text(text: str, environment: Mapping[str, str] | None = None) -> Config:
        (tmp_path / "posebus.yaml").write_text(text)
        return load_config(tmp_path / "posebus.yaml", environment or {})

    return from_text


@pytest.fixture
def said(load: Load, tmp_path: Path) -> Callable[..., list[str]]:
    def problems(text: str, environment: Mapping[str, str] | None = None) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load(text, environment)
        assert caught.value.hint
        return str(caught.value).replace(f"{tmp_path}/", "").split("\n")

    return problems


def test_an_empty_file_is_all_defaults(load: Load) -> None:
    assert load("") == load("# nothing\n") == load("log:\n") == load_config(None, {})


def test_settings_reach_their_sections(load: Load) -> None:
    config = load(
        """
cameras:
  gym: sim://gym?people=3
  ward: {source: "sim://ward?seed=7", fps: 10}
track: {lost_s: 5}
analyze:
  exercises: [squat, push-up]
models:
  pose: {path: models/own.tflite, sha256: %s}
  threads: 2
"""
        % ("AB" * 32)
    )

    assert config.camera("gym").source == "sim://gym?people=3"
    assert config.camera("ward").fps == 10.0
    assert config.track.lost_s == 5.0
    assert config.track.high_score == load("").track.high_score
    assert config.analyze.exercises == ("squat", "push-up")
    assert config.models.pose.sha256 == "ab" * 32
    assert config.models.threads == 2


def test_paths_are_relative_to_the_file(load: Load, tmp_path: Path) -> None:
    config = load("home: state\ncameras: {a: clips/a.mp4, b: sim://gym}\nmodels: {pose: {path: own.tflite}}\n")

    assert config.home == tmp_path / "state"
    assert config.cameras["a"].source == str(tmp_path / "clips/a.mp4")
    assert config.cameras["b"].source == "sim://gym"
    assert config.models.pose.path == tmp_path / "own.tflite"


def test_shared_settings_are_merged(load: Load) -> None:
    config = load(
        """
cameras:
  gym: &usual {source: sim://gym, fps: 5}
  ward: {<<: *usual, source: sim://ward}
"""
    )

    assert (config.cameras["ward"].source, config.cameras["ward"].fps) == ("sim://ward", 5.0)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("databse: {}", "1: databse: unknown key; allowed: home, database,"),
        ("databse: {}", "; did you mean database?"),
        ("log:\n  fromat: json", "2: log.fromat: unknown key; allowed: level, format; did you mean format?"),
        ("track:\n\n  lots_s: 3", "3: track.lots_s: unknown key; allowed: high_score,"),
        ("log: {level: debugg}", "1: log.level: found 'debugg', allowed: debug, info, warning, error; did you mean"),
        ("log: [a]", "1: log: found a list, allowed: a section with the keys level, format"),
        ("log: json", "1: log: found 'json', allowed: a section with the keys level, format"),
        ("- a\n- b", "1: found no sections, allowed: a mapping with the keys home, database"),
        ("track:\n  lost_s: long", "2: track.lost_s: found 'long', allowed: a number"),
        ('track:\n  lost_s: "3"', "2: track.lost_s: found '3', allowed: a number"),
        ("track:\n  lost_s: yes", "2: track.lost_s: found 'yes', allowed: a number"),
        ("track:\n  lost_s: true", "2: track.lost_s: found true, allowed: a number"),
        ("track:\n  lost_s: .inf", "2: track.lost_s: found inf, allowed: a finite number"),
        ("track:\n  lost_s:", "2: track.lost_s: found nothing, allowed: a number"),
        ("track:\n  high_score: 0.5\n  lost_s: 0", "3: track.lost_s: found 0.0, must be above 0"),
        ("pose:\n  min_score: 1.5", "2: pose.min_score: found 1.5, allowed: at least 0 and at most 1"),
        ("pose:\n  max_people: 2.5", "2: pose.max_people: found 2.5, allowed: a whole number"),
        ("models: {threads: -1}", "1: models.threads: found -1, allowed: at least 0 and at most 256"),
        ("models: {pose: {path: a, name: b}}", "either `name` or `path`"),
        (
            "models:\n  pose:\n    path: a\n    sha256: abc",
            "4: models.pose.sha256: found 'abc', allowed: 64 hexadecimal",
        ),
        ("cameras:\n  gym:\n    fps: 3", "2: cameras.gym: the key source is missing: a text"),
        ("cameras:\n  gym: {source: a, fps: 0}", "2: cameras.gym.fps: found 0, allowed: more than 0 and at most 240"),
        ("cameras:\n  gym: 3", "2: cameras.gym: found 3, allowed: a section with the keys source, fps"),
        ("cameras:\n  my cam: sim://gym", "2: cameras.my cam: found the name 'my cam', allowed: at most 63 letters,"),
        ("cameras:\n  a: {source: b, fps: 12:30}", "2: cameras.a.fps: found '12:30', allowed: a number"),
        ("log: {}\ntrack: {}\nlog: {}", "3: log: stands here again; the first is in line 1"),
        (
            "analyze:\n  exercises:\n  - name: dip",
            "3: analyze.exercises[0]: found a section, allowed: a text",
        ),
        ("log:\n\tlevel: info", "2: column 1: a tab stands where YAML wants spaces; indent with spaces"),
        ("log:\n  level: [info\ntrack: {}", "3: column 6: "),
        ("log: {}\n---\nlog: {}", "2: column 1: but found another document"),
        ("log: {level: ${env:LEVEL}}", "; a text with ${ or ? in it needs quotes within { } and [ ]"),
        ("cameras: {gym: {source: sim://gym?people=3}}", "; a text with ${ or ? in it needs quotes"),
        ("log: {level: *nothing}", "1: column 14: found undefined alias"),
        ("log: &a\n  level: *a", "1: log.level: an alias stands for something that contains it"),
        ("log: {level: !secret x}", "1: log.level: found the tag !secret; tags are not used here"),
        ("? [a, b]\n: c", "1: found a list or mapping as a key, allowed are words"),
        ("log:\n  level: a\x07b", "2: character '\\x07' is not allowed in YAML"),
        ("home: ${env:NO_SUCH}", "1: home: the environment variable NO_SUCH is not set"),
        ("log:\n  level: ${file:no-such.txt}", "no-such.txt cannot be read: No such file or directory"),
        ("log:\n  level: ${LEVEL}", "2: log.level: found ${LEVEL}, allowed: ${env:NAME}, ${file:PATH}"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_is_allowed(
    said: Callable[..., list[str]], text: str, problem: str
) -> None:
    (line,) = said(text)

    assert line.startswith("posebus.yaml:")
    assert problem in line


def test_all_mistakes_are_told_at_once_in_the_order_of_lines(said: Callable[..., list[str]]) -> None:
    text = """
log: {level: loud}
pose:
  min_score: 7
track:
  lost_s: 0
  new: 1
cameras:
  gym: {fps: '${env:NO_SUCH}', source: a}
  gym: b
nothing: {}
"""

    assert [line.split(": ")[:2] for line in said(text)] == [
        ["posebus.yaml:2", "log.level"],
        ["posebus.yaml:4", "pose.min_score"],
        ["posebus.yaml:7", "track.new"],
        ["posebus.yaml:9", "cameras.gym.fps"],
        ["posebus.yaml:10", "cameras.gym"],
        ["posebus.yaml:11", "nothing"],
    ]


def test_environment_and_files_are_filled_in(load: Load, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter2\n")
    text = """
database: {dsn: "postgresql://u:${file:password}@${env:DB}/x"}
log: {level: "${env:LEVEL}"}
pose: {max_people: "${env:PEOPLE}"}
cameras: {a: "$${b}.mp4"}
"""
    config = load(text, {"DB": "db.local", "LEVEL": "info", "PEOPLE": "7"})

    assert config.database.dsn is not None
    assert config.database.dsn.get_secret_value() == "postgresql://u:hunter2@db.local/x"
    assert config.log.level == "info"
    assert config.pose.max_people == 7
    assert config.cameras["a"].source == str(tmp_path / "${b}.mp4")


def test_variables_go_before_the_file(load: Load) -> None:
    environment = {
        "POSEBUS_DATABASE_DSN": "postgresql://other/x",
        "POSEBUS_MODELS_THREADS": "3",
        "POSEBUS_MODELS_POSE": "blazepose-lite",
        "POSEBUS_TRACK_LOST_S": "2.5",
        "POSEBUS_LOG_LEVEL": "",
        "POSEBUS_SERVICE_HOST": "10.0.0.1",
    }
    config = load("models: {threads: 1}\ndatabase: {dsn: postgresql://one/x}\nlog: {level: info}\n", environment)

    assert config.database.dsn is not None
    assert config.database.dsn.get_secret_value() == "postgresql://other/x"
    assert config.models.threads == 3
    assert config.models.pose.name == "blazepose-lite"
    assert config.track.lost_s == 2.5
    assert config.log.level == "info"
    assert load_config(None, environment).track.lost_s == 2.5


def test_a_wrong_variable_is_named(said: Callable[..., list[str]]) -> None:
    assert said("", {"POSEBUS_LOG_LEVEL": "loud"}) == [
        "environment variable POSEBUS_LOG_LEVEL: log.level: found 'loud', allowed: debug, info, warning, error"
    ]


@pytest.mark.parametrize(
    ("text", "environment"),
    [
        ("database: {dsn: [postgresql://u:hunter2@h/x]}", {}),
        ("database: {dsn: 3, passwd: hunter2}", {}),
        ("databse: {dsn: postgresql://u:hunter2@h/x}", {}),
        ("database: postgresql://hunter2", {}),
        ("notify: {webhooks: {office: https://hooks.example/hunter2}}", {}),
        ("notify: {webhooks: {office: {url: [a], secret: hunter2}}}", {}),
        ("track: {lost_s: '${env:SECRET}'}", {"SECRET": "hunter2"}),
        ("log: {level: 'rtsp://a:hunter2@h/1'}", {}),
        ("cameras: {gym: {source: [rtsp://a:hunter2@h/1]}}", {}),
        ("", {"POSEBUS_DATABASE_DSN": "postgresql://u:hunter2@h/x", "POSEBUS_LOG_LEVEL": "loud"}),
    ],
)
def test_no_secret_is_in_a_message(said: Callable[..., list[str]], text: str, environment: Mapping[str, str]) -> None:
    assert "hunter2" not in "\n".join(said(text, environment))


def test_no_secret_is_in_the_representation(load: Load) -> None:
    config = load(
        "database: {dsn: postgresql://u:hunter2@h/x}\n"
        "cameras: {a: rtsp://u:hunter2@h/1}\n"
        "notify: {webhooks: {office: {url: https://hooks.example/hunter2, secret: hunter2}}}\n"
    )

    assert "hunter2" not in repr(config) + str(config)


def test_a_missing_file_suggests_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "posebus.yaml").touch()

    with pytest.raises(ConfigError, match=r"posbus\.yaml: there is no such file; did you mean posebus\.yaml\?"):
        load_config(tmp_path / "posbus.yaml", {})
    with pytest.raises(ConfigError, match="there is no such file"):
        load_config(tmp_path / "no folder" / "posebus.yaml", {})


def test_what_is_no_text_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "picture.yaml").write_bytes(b"log:\n  level: \xff\xd8")

    with pytest.raises(ConfigError, match=r"picture\.yaml:2: the file is not a text in UTF-8"):
        load_config(tmp_path / "picture.yaml", {})
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(tmp_path, {})


def test_an_alias_bomb_is_refused(said: Callable[..., list[str]]) -> None:
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    text += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))

    assert any("more than 100000 values" in line for line in said(text))


def test_an_unknown_camera_suggests_a_known_one(load: Load) -> None:
    with pytest.raises(
        ConfigError, match=r"no camera is named gim; the configuration has: gym, ward; did you mean gym\?"
    ):
        load("cameras: {gym: sim://gym, ward: sim://ward}").camera("gim")


def test_home_is_named_by_the_environment_first(load: Load, tmp_path: Path) -> None:
    assert home_folder({"POSEBUS_HOME": str(tmp_path)}) == tmp_path
    assert load("home: other", {"POSEBUS_HOME": str(tmp_path / "x")}).home == tmp_path / "x"
    assert load("", {}).home == home_folder({})
    assert home_folder({}).is_absolute()


def test_a_text_stands_for_a_section_that_may_be_left_out(load: Load) -> None:
    lighter = load("models: {lighter: blazepose-lite}\n").models.lighter

    assert lighter is not None
    assert lighter.name == "blazepose-lite"
    assert load("").models.lighter is None
