"""The sections of the configuration, with their defaults. Those of the stages are the stages' own options."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from pipeline.config.problems import did_you_mean
from pipeline.core.errors import ConfigError
from pipeline.core.zones import MOST, Line, Scene, Zone
from stages.alert.options import AlertOptions
from stages.analyze.options import AnalyzeOptions
from stages.detect.options import DetectOptions
from stages.ingest.options import IngestOptions
from stages.pose.options import PoseOptions
from stages.smooth.options import SmoothOptions
from stages.track.options import TrackOptions


def _sha256(text: str) -> str:
    if not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise ValueError("64 hexadecimal digits")
    return text.lower()


def _camera_name(name: str) -> str:
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", name):
        raise ValueError("at most 63 letters, digits, `_`, `.` and `-`, a letter or digit first")
    return name


def _place_name(name: str) -> str:
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", name):
        raise ValueError("at most 32 letters, digits, `_`, `.` and `-`, a letter or digit first")
    return name


Sha256 = Annotated[str, AfterValidator(_sha256)]
CameraName = Annotated[str, AfterValidator(_camera_name)]
PlaceName = Annotated[str, AfterValidator(_place_name)]


class Section(BaseModel):
    """A part of the configuration: nothing but what it names, and never changed."""

    SHORT: ClassVar[str | None] = None
    """The key that is meant where a text stands instead of the section."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Database(Section):
    """Where rows rest."""

    dsn: SecretStr | None = None
    """Address of a PostgreSQL, with or without TimescaleDB: `postgresql://user:password@host/name`. Without one, an
    embedded server keeps its data under the home folder."""


class Log(Section):
    """What is told on standard error while it runs."""

    level: Literal["debug", "info", "warning", "error"] = "warning"
    """The least important lines that are shown."""

    format: Literal["text", "json"] = "text"
    """Lines for people, or one JSON object a line for programs."""


class ModelChoice(Section):
    """A model: the name of a listed one, or a file, its kind and what it must contain."""

    SHORT: ClassVar = "name"

    name: str | None = None
    """Name in the list of `posebus models ls`."""

    path: Path | None = None
    """A model file instead of a listed one; relative to the configuration's folder."""

    kind: str | None = None
    """What the file of `path` holds."""

    size: int | None = None
    """Side in pixels of the square pictures that the model is given, [32, 2048], where its file leaves it open. A
    larger one shows people who are farther away, and costs more."""

    sha256: Sha256 | None = None
    """What the file's SHA-256 has to be, 64 hexadecimal digits; not checked without one."""

    @model_validator(mode="after")
    def _one_of_both(self) -> ModelChoice:
        if (self.name is None) == (self.path is None):
            raise ValueError("either `name` or `path`")
        if self.path is None and self.kind is not None:
            raise ValueError(f"kind is {self.kind!r}, allowed: beside `path` only")
        return self


class DetectorChoice(ModelChoice):
    """A model that finds people: the name of a listed one, or a file, its kind and what it must contain."""

    kind: Literal["blazepose", "rtmdet", "yolox", "yolo"] | None = None
    """What the file of `path` holds; without it a BlazePose detector. All but `blazepose` are ONNX files and need
    `pip install 'posebus[onnx]'`."""


class PoseChoice(ModelChoice):
    """A model that finds keypoints: the name of a listed one, or a file, its kind and what it must contain."""

    kind: Literal["blazepose", "heatmap", "simcc", "movenet"] | None = None
    """What the file of `path` holds; without it BlazePose landmarks. `heatmap` and `simcc` are ONNX files and need
    `pip install 'posebus[onnx]'`."""


class Models(Section):
    """The models that find people and their keypoints."""

    detector: DetectorChoice = DetectorChoice(name="blazepose-detector")
    """Finds people in pictures: a name, or a section with `path`, `kind` and `sha256`."""

    pose: PoseChoice = PoseChoice(name="blazepose-full")
    """Finds the keypoints of a person: a name, or a section with `path`, `kind` and `sha256`."""

    threads: int = 0
    """Threads of each model's runtime, [0, 256]; 0 chooses by the number of cores."""


class Camera(Section):
    """A camera: where its pictures come from and how they are treated."""

    SHORT: ClassVar = "source"

    source: str = Field(repr=False)
    """A video file or a folder of images (relative to the configuration's folder), or a simulated scene such as
    `sim://gym?people=3&seed=7`."""

    fps: float | None = None
    """Pictures a second that are analysed, (0, 240]; of a faster source the rest is left out. Without it: all."""

    zones: dict[PlaceName, Zone] = {}
    """Parts of its picture by name, at most 32: who enters and leaves, how long they stay, how many they are."""

    lines: dict[PlaceName, Line] = {}
    """Lines on its picture by name, at most 32: who crosses them, and which way. None has the name of a zone."""

    @model_validator(mode="after")
    def _places(self) -> Camera:
        for places, kind in ((self.zones, "zones"), (self.lines, "lines")):
            if len(places) > MOST:
                raise ValueError(f"{kind}: {len(places)} of them, expected at most {MOST}")
        both = next((name for name in self.lines if name in self.zones), None)
        if both is not None:
            raise ValueError(f"lines: the name {both!r} is that of a zone too")
        return self

    @property
    def scene(self) -> Scene:
        """What is drawn on its picture."""
        return Scene(self.zones, self.lines)


class Webhook(Section):
    """A receiver of incidents over HTTP."""

    url: SecretStr
    """Where each step of an incident is posted as JSON. The header `Idempotency-Key` is the same each time that a step
    is sent: after a crash that may be twice."""

    secret: SecretStr | None = None
    """Signs each post: the header `X-Posebus-Signature` is `sha256=` and the hexadecimal HMAC-SHA256 of the body."""


class Notify(Section):
    """Who is told of incidents, besides the database. With `posebus run --notify` each step is delivered at least once
    and in order on each channel: what fails is tried again while the run lasts and by the next run of the same source.
    What was delivered, or refused by its receiver (4xx), stands in the view `deliveries`.
    """

    log: bool = True
    """Whether each step of an incident is a log line."""

    webhooks: dict[str, Webhook] = {}
    """Receivers by name."""


class Embedded(Section):
    """How all stages run in one process."""

    cut_s: float = 1.0
    """Seconds between two commits, [0.05, 60]. What came after the last one is done anew by `--resume`."""


class Config(Section):
    """Everything that can be set."""

    home: Path = Path()
    """Folder of models, the embedded database and state. POSEBUS_HOME goes before it; without both it is the platform's
    folder for data of users."""

    database: Database = Database()
    """Where rows rest."""

    log: Log = Log()
    """What is told on standard error."""

    models: Models = Models()
    """The models that find people and their keypoints."""

    cameras: dict[CameraName, Camera] = {}
    """Cameras by name: letters, digits, `_`, `.` and `-`. A text instead of a section is its source."""

    ingest: IngestOptions = IngestOptions()
    """Reading cameras, and seeing where something moves."""

    detect: DetectOptions = DetectOptions()
    """Looking for people."""

    pose: PoseOptions = PoseOptions()
    """Finding their keypoints."""

    track: TrackOptions = TrackOptions()
    """Telling who is who from frame to frame."""

    smooth: SmoothOptions = SmoothOptions()
    """Taking jitter and swapped sides out."""

    analyze: AnalyzeOptions = AnalyzeOptions()
    """Angles, postures, repetitions and falls."""

    alert: AlertOptions = AlertOptions()
    """Rules that make incidents of events and measures."""

    embedded: Embedded = Embedded()
    """How all stages run in one process."""

    notify: Notify = Notify()
    """Who is told of incidents, besides the database."""

    def camera(self, name: str) -> Camera:
        """The camera of this name. Raises ConfigError."""
        if name not in self.cameras:
            known = ", ".join(self.cameras) or "none"
            raise ConfigError(
                f"no camera is named {name}; the configuration has: {known}{did_you_mean(name, self.cameras)}",
                hint="name it under `cameras:` in the configuration",
            )
        return self.cameras[name]
