from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from pipeline.config import load_config
from pipeline.config.exercises import library, load_exercise, load_exercises
from pipeline.core.errors import ConfigError
from stages.analyze import Exercise
from stages.analyze.features import FEATURES, SIDED_MEANING, WHOLE_BODY
from tests.unit.analyze.athletes import STAND, Form, perform
from tests.unit.analyze.run import analyze

PAGE = (Path(__file__).parents[3] / "docs" / "exercises.md").read_text()
EXAMPLE = re.search(r"```yaml\n(#[^\n]*\nname: lateral-raise.*?)```", PAGE, re.DOTALL)
GOOD = """
name: dip
phases:
  long: {min_s: 0.3, pose: {knee: {below: 35}}}
  short:
    pose:
      knee: {above: 80}
checks:
  range:
    measure: knee
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(text: str) -> Path:
        path = tmp_path / "dip.yaml"
        path.write_text(text)
        return path

    return to_file


def test_the_example_of_the_page_is_an_exercise_and_counts(write: Write) -> None:
    assert EXAMPLE is not None
    raise_ = load_exercise(write(EXAMPLE[1]))
    side = Form(arm=0, fore=0, arms_out=85, fore_out=85)
    script = [(1.0, STAND), *[(1.0, side), (1.0, STAND)] * 3, (1.0, STAND)]

    done = analyze(perform(script, heading=0, noise=0.005), exercises=[*load_exercises(["library"]), raise_])

    assert done.labels("rep") == ["lateral-raise"] * 3


def test_the_page_tells_every_key_and_measure_and_exercise() -> None:
    for name in (*(each.name for each in fields(Exercise)), *FEATURES):
        assert f"`{name}`" in PAGE
    for name, meaning in (SIDED_MEANING | dict(WHOLE_BODY)).items():
        assert f"| `{name}` | {meaning} |" in PAGE
    for path in library().glob("*.yaml"):
        assert path.stem in PAGE


def test_every_file_of_the_library_has_the_name_of_its_exercise_and_a_source() -> None:
    for path in library().glob("*.yaml"):
        assert load_exercise(path).name == path.stem
        assert path.read_text().startswith("# ")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("knee: {above: 80}", "kne: {above: 80}", "7: phases.short.pose.kne: unknown measure; allowed: elbow,"),
        ("knee: {above: 80}", "kne: {above: 80}", "; did you mean knee?"),
        (
            "knee: {above: 80}",
            "knee: {abov: 80}",
            "7: phases.short.pose.knee.abov: unknown key; allowed: above, below;",
        ),
        ("knee: {above: 80}", "knee: {above: deep}", "found 'deep', allowed: a number"),
        ("knee: {above: 80}", "knee: {above: 40}", "5: phases.short: no measure has bands that lie apart"),
        (
            "knee: {above: 80}",
            "knee: {above: 80, below: 70}",
            "7: phases.short.pose.knee.above: found 80, allowed: less than 70",
        ),
        ("min_s: 0.3", "min_s: -1", "4: phases.long.min_s: found -1, allowed: at least 0 and at most 60"),
        ("measure: knee", "measure: knees", "10: checks.range.measure: found 'knees', allowed: elbow,"),
        (
            "measure: knee",
            "measure: knee\n    take: most",
            "11: checks.range.take: found 'most', allowed: greatest, least,",
        ),
        ("measure: knee", "measure: knee\n    phase: shrot", "; did you mean short?"),
        ("name: dip", "name: dip\nside: both", "3: side: unknown key; allowed: name, phases, sides,"),
        ("name: dip", "name: dip\nnot_in: [standing]", "3: not_in: found 'standing', allowed:"),
        ("name: dip", "", "the key name is missing"),
        ("name: dip", "name: my dip", "2: name: found 'my dip', allowed: letters"),
        (GOOD, "- a\n", "1: found no exercise, allowed: the keys name, phases"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_is_allowed(write: Write, old: str, new: str, said: str) -> None:
    assert load_exercise(write(GOOD)).name == "dip"

    with pytest.raises(ConfigError) as caught:
        load_exercise(write(GOOD.replace(old, new)))

    assert "dip.yaml" in str(caught.value)
    assert said in str(caught.value)


def test_files_and_folders_lie_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "gym").mkdir()
    (tmp_path / "gym" / "dip.yaml").write_text(GOOD)
    file = tmp_path / "posebus.yaml"
    file.write_text("analyze: {exercises: [squat, gym/]}\n")

    config = load_config(file, {})

    assert [each.name for each in load_exercises(config.analyze.exercises)] == ["squat", "dip"]
    assert len(load_exercises(load_config(None, {}).analyze.exercises)) == 8


def test_an_unknown_exercise_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "posebus.yaml"
    for text, said in (
        ("analyze:\n  exercises:\n  - squat\n  - puhs-up\n", "posebus.yaml:4: analyze.exercises[1]: found 'puhs-up'"),
        ("analyze:\n  exercises:\n  - squat\n  - puhs-up\n", "did you mean push-up?"),
        ("analyze: {exercises: [own.yaml]}\n", "own.yaml: there is no such file"),
    ):
        file.write_text(text)
        with pytest.raises(ConfigError) as caught:
            load_config(file, {})
        assert said in str(caught.value)


def test_two_exercises_of_one_name_are_told(write: Write) -> None:
    path = write(GOOD.replace("name: dip", "name: squat"))

    assert len(load_exercises(["squat", "library"])) == 8
    with pytest.raises(ConfigError, match="two exercises are named squat"):
        load_exercises(["library", str(path)])
