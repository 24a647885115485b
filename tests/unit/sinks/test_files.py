"""The sink of JSON lines: what a line says, and what a crash or a full disk leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from pipeline.core.errors import ConfigError, SinkUnavailable
from pipeline.core.records import Dropped, Record, Tick
from pipeline.sinks.files import JsonLinesSink
from pipeline.sinks.plain import plain, plain_record
from tests import samples


def dropped(start: int, stop: int) -> list[Record[Any]]:
    return [Record(samples.stamp(n), Dropped("pose", "late")) for n in range(start, stop)]


def frames(path: Path) -> list[int]:
    return [json.loads(line)["seq"] for line in path.read_text().splitlines()]


@given(arrays(np.float32, array_shapes(min_dims=1, max_dims=3), elements=st.floats(width=32)))
def test_a_float32_comes_back_from_json_as_it_was(array: np.ndarray[Any, np.dtype[np.float32]]) -> None:
    back = np.array(json.loads(json.dumps(plain(array), allow_nan=False)), dtype=np.float32)

    np.testing.assert_array_equal(back, np.where(np.isfinite(array), array, np.nan))


def test_numbers_in_units_of_storage_are_short() -> None:
    assert (
        json.dumps(plain(np.array([[0.123, 311.875], [np.nan, -0.5]], np.float32)))
        == "[[0.123, 311.875], [null, -0.5]]"
    )


@pytest.mark.parametrize("name", ["motions", "measures", "event", "transition", "dead_letter", "detections"])
def test_every_kind_of_record_is_a_line_with_its_stamp(name: str) -> None:
    for record in samples.records(name):
        line = json.loads(json.dumps(plain_record(record), allow_nan=False))

        assert line["camera"] == "gym"
        assert line["captured_at_us"] == record.stamp.captured_at_us
        assert line["kind"] == plain_record(record)["kind"]


def test_pixels_stay_out() -> None:
    line = plain_record(samples.records("frame")[0])

    assert line["value"]["image"] == {"width": 4, "height": 2, "encoding": "jpeg", "nbytes": 8}


def test_a_line_reads_as_expected(tmp_path: Path) -> None:
    sink = JsonLinesSink(tmp_path / "out.jsonl")
    sink.write(dropped(3, 4))
    sink.close()

    assert (tmp_path / "out.jsonl").read_text() == (
        '{"kind":"dropped","run":0,"camera":"gym","camera_no":1,"session":1,"n":3,"seq":3,'
        '"captured_at_us":1700000000120000,"arrived_at_us":1700000000120000,"clock":"file",'
        '"value":{"stage":"pose","reason":"late"}}\n'
    )


def test_what_a_crash_left_half_written_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    sink = JsonLinesSink(path)
    sink.write(dropped(0, 3))
    sink.close()
    with path.open("a") as file:
        file.write('{"whole":"line of a write that did not end"}\n{"kind":"dro')

    sink = JsonLinesSink(path)
    sink.write(dropped(0, 5))
    sink.close()

    assert frames(path) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_all_as_it_was_and_the_same_write_passes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "out.jsonl"
    sink = JsonLinesSink(path)
    sink.write(dropped(0, 3))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("pathlib.Path.replace" if step == "replace" else "os.fsync", full)
        for _ in range(2):
            with pytest.raises(SinkUnavailable, match="No space left"):
                sink.write(dropped(3, 6))
    sink.write(dropped(3, 6))
    sink.close()

    assert frames(path) == [0, 1, 2, 3, 4, 5]


def test_two_sinks_on_one_file_are_refused(tmp_path: Path) -> None:
    first = JsonLinesSink(tmp_path / "out.jsonl")

    with pytest.raises(ConfigError, match="in use"):
        JsonLinesSink(tmp_path / "out.jsonl")

    first.close()
    JsonLinesSink(tmp_path / "out.jsonl").close()


def test_a_file_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine\n")

    with pytest.raises(ConfigError, match="its marks tell of 0"):
        JsonLinesSink(path)

    assert path.read_text() == "mine\n"


def test_a_file_that_lost_bytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    sink = JsonLinesSink(path)
    sink.write(dropped(0, 3))
    sink.close()
    path.write_text("")

    with pytest.raises(ConfigError, match="has 0 bytes"):
        JsonLinesSink(path)


def test_a_folder_that_is_not_there_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        JsonLinesSink(tmp_path / "absent" / "out.jsonl")


def test_a_drop_seen_in_two_topics_is_one_line(tmp_path: Path) -> None:
    sink = JsonLinesSink(tmp_path / "out.jsonl")
    by_pose, by_analyze = Dropped("pose", "late"), Dropped("analyze", "invalid")
    stamps = [samples.stamp(n) for n in range(3)]

    sink.write([Record(stamps[0], by_pose), Record(stamps[2], by_pose)])
    sink.write([Record(stamps[0], by_pose), Record(stamps[1], by_analyze), Record(stamps[2].numbered(9), by_pose)])
    sink.close()

    assert frames(tmp_path / "out.jsonl") == [0, 2, 1]


def test_a_tick_seen_in_two_topics_is_one_line(tmp_path: Path) -> None:
    sink = JsonLinesSink(tmp_path / "out.jsonl")
    stamps = [samples.stamp(n) for n in range(3)]

    sink.write([Record(stamp, Tick("live")) for stamp in stamps])
    sink.write([Record(stamp.numbered(stamp.n + 5), Tick("live")) for stamp in stamps])
    sink.close()

    assert frames(tmp_path / "out.jsonl") == [0, 1, 2]
