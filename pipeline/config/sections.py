"""The sections of the configuration, with their defaults. Those of the stages are the stages' own options."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import (
    AfterValidator,
    Field,
    PrivateAttr,
    SecretStr,
    model_validator,
)

from pipeline.config.archive import Archive
from pipeline.config.files import read_text
from pipeline.config.history import History
from pipeline.config.instants import instant_us
from pipeline.config.kafka import Kafka
from pipeline.config.problems import did_you_mean
from pipeline.config.registry import SchemaRegistry
from pipeline.config.rtsp import Rtsp
from pipeline.config.section import Section
from pipeline.config.worker import WorkerSection
from pipeline.core.cameras import CameraSpec
from pipeline.core.errors import ConfigError
from pipeline.core.zones import Line, Scene, Zone, check_places
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


def check_camera_name(name: str) -> str:
    """The name. Raises ConfigError for one that a camera cannot have."""
    try:
        return _camera_name(name)
    except ValueError as error:
        raise ConfigError(f"{name!r} cannot be the name of a camera: expected {error}") from None


def _place_name(name: str) -> str:
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", name):
        raise ValueError("at most 32 letters, digits, `_`, `.` and `-`, a letter or digit first")
    return name


def _instant(text: str) -> str:
    instant_us(text)
    return text


Instant = Annotated[str, AfterValidator(_instant)]
Sha256 = Annotated[str, AfterValidator(_sha256)]
CameraName = Annotated[str, AfterValidator(_camera_name)]
PlaceName = Annotated[str, AfterValidator(_place_name)]


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

    lighter: PoseChoice | None = None
    """Takes the place of `pose` while a live camera's ladder is down (`embedded.ladder`): of the same skeleton and
    size, such as `blazepose-lite` for `blazepose-full`. Without it: nothing does."""

    threads: int = 0
    """Threads of each model's runtime, [0, 256]; 0 chooses by the number of cores."""


class Camera(Section):
    """A camera: where its pictures come from and how they are treated."""

    SHORT: ClassVar = "source"

    source: str = Field(repr=False)
    """A network camera `rtsp://host/path` (or `rtsps://`), a video file or a folder of images (relative to the
    configuration's folder), or a simulated scene such as `sim://gym?people=3&seed=7`."""

    fps: float | None = None
    """Pictures a second that are analysed, (0, 240]; of a faster source the rest is left out. Without it: all."""

    mode: Literal["archive", "live"] | None = None
    """`archive` keeps every frame; `live` keeps up with the clock and leaves out what is too late. Without it a network
    camera is `live` and everything else `archive`; what is recorded or simulated is played in real time as `live`."""

    start_time: Instant | None = None
    """When the first picture of a recording was taken, ISO 8601 (UTC without a zone), such as
    `2026-01-31T09:00:00Z`. Without it: when it is first read."""

    user: str | None = None
    """Who asks the network camera for pictures."""

    password: SecretStr | None = None
    """Of that user. Best kept elsewhere: `${env:NAME}` or `${file:PATH}`."""

    _password_file: Path | None = PrivateAttr(default=None)

    transport: Literal["tcp", "udp"] = "tcp"
    """How a network camera sends. tcp loses nothing; udp is for cameras that know nothing else."""

    deadline_ms: int = 500
    """live: a picture that has waited longer when its turn comes is left out, milliseconds, [50, 60000]."""

    weight: float = 1.0
    """Its share of the models' time beside other live cameras, (0, 100]."""

    zones: dict[PlaceName, Zone] = {}
    """Parts of its picture by name, at most 32: who enters and leaves, how long they stay, how many they are."""

    lines: dict[PlaceName, Line] = {}
    """Lines on its picture by name, at most 32: who crosses them, and which way. None has the name of a zone."""

    @model_validator(mode="after")
    def _places(self) -> Camera:
        check_places(self.zones, self.lines)
        return self

    @property
    def start_us(self) -> int:
        """`start_time` in microseconds since the epoch, or 0."""
        return instant_us(self.start_time) if self.start_time else 0

    def spec(self, name: str, camera_no: int) -> CameraSpec:
        """What the registry says of it. Its password stays in the configuration: see `secret`."""
        network = self._network
        return CameraSpec(
            name,
            camera_no,
            self.source if network is None else network._replace(netloc=network.netloc.rpartition("@")[2]).geturl(),
            mode=self.mode or ("archive" if network is None else "live"),
            fps=self.fps or 0.0,
            start_us=self.start_us,
            transport=self.transport,
            user=self.user or (unquote(network.username) if network and network.username else ""),
            deadline_ms=self.deadline_ms,
            weight=self.weight,
        )

    @property
    def secret(self) -> str | None:
        """Its password in clear, from the address or beside it; one in a file as that says now. Raises ConfigError."""
        if self._password_file is not None:
            return read_text(self._password_file, "it held the password of a camera").rstrip("\r\n")
        if self.password is not None:
            return self.password.get_secret_value()
        network = self._network
        return unquote(network.password) if network and network.password else None

    def password_in(self, file: Path) -> Camera:
        """The same, with its password in this file, read whenever it is asked for."""
        camera = self.model_copy()
        camera._password_file = file
        return camera

    @property
    def _network(self) -> SplitResult | None:
        parts = urlsplit(self.source)
        return parts if parts.scheme.lower() in ("rtsp", "rtsps") else None

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

    recorded: bool = False
    """Whether `posebus worker notify` tells of incidents in files and scenes too, or of live cameras alone."""


class Embedded(Section):
    """How all stages run in one process."""

    cut_s: float = 1.0
    """Seconds between two commits, [0.05, 60]. What came after the last one is done anew by `--resume`. Live
    cameras commit twenty times a second at least."""

    ladder: bool = False
    """Whether less is done for live cameras while more than a quarter of their pictures is late: people are looked for
    less often (`detect.eased`), then `models.lighter` finds their keypoints where it is set, then fewer pictures a
    second are kept, evenly spread, in steps of about a third; more again when the models keep up."""


class Config(Section):
    """Everything that can be set."""

    home: Path = Path()
    """Folder of models, the embedded database and state. POSEBUS_HOME goes before it; without both it is the platform's
    folder for data of users."""

    database: Database = Database()
    """Where rows rest."""

    history: History = History()
    """How long the history is kept, and how large it may become."""

    log: Log = Log()
    """What is told on standard error."""

    models: Models = Models()
    """The models that find people and their keypoints."""

    cameras: dict[CameraName, Camera] = {}
    """Cameras by name: letters, digits, `_`, `.` and `-`. A text instead of a section is its source."""

    rtsp: Rtsp = Rtsp()
    """How network cameras are reached."""

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

    kafka: Kafka = Kafka()
    """The bus of worker processes. A text instead of a section is the address of a broker."""

    schema_registry: SchemaRegistry = SchemaRegistry()
    """Where other programs find the schemas of records. A text instead of a section is its address."""

    archive: Archive = Archive()
    """Records kept as they came."""

    worker: WorkerSection = WorkerSection()
    """How worker processes run."""

    notify: Notify = Notify()
    """Who is told of incidents, besides the database."""

    @property
    def scenes(self) -> dict[str, Scene]:
        """What is drawn on the picture of each camera."""
        return {name: camera.scene for name, camera in self.cameras.items()}

    def camera(self, name: str) -> Camera:
        """The camera of this name. Raises ConfigError."""
        if name not in self.cameras:
            known = ", ".join(self.cameras) or "none"
            raise ConfigError(
                f"no camera is named {name}; the configuration has: {known}{did_you_mean(name, self.cameras)}",
                hint="name it under `cameras:` in the configuration",
            )
        return self.cameras[name]
