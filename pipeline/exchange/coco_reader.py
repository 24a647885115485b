"""COCO keypoints JSON as people: a file of annotations, or a list of results."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.errors import SourceError
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import I64
from pipeline.core.values import FILLED
from pipeline.exchange.names import plain_name, skeleton_of
from pipeline.exchange.people import People, Read, unheard

_HINT = "https://cocodataset.org/#format-data tells what a file of keypoints holds"
_GUESSED_SCORE = 0.5
"""Score of a keypoint that is labelled but not visible, in files that have no scores."""


@dataclass(frozen=True, slots=True)
class CocoFile:
    """A file of annotations, read as a whole.

    Attributes:
        images: In the order of time: by `captured_at` where they have it, else as they stand in the file.
        start_us: Event time of the first image, or None where the file has no times.
        skipped: Annotations without keypoints.
    """

    path: Path
    images: Sequence[Mapping[str, Any]]
    start_us: int | None
    skipped: int
    _annotations: Mapping[Any, Sequence[Mapping[str, Any]]]
    _categories: Mapping[Any, tuple[str, I64]]
    _size: tuple[int, int] | None
    _frame_nos: Sequence[int] | None

    def people(self, fps: float | None, read: Read = unheard) -> Iterator[People]:
        """The people of each image, also of those without any.

        Args:
            fps: Images a second; None: the times in the file. One of the two there must be.
            read: Told how many bytes of the file are behind them, as if all images were of one length.

        Raises:
            SourceError: An annotation is not what the format says.
        """
        persons: dict[Any, int] = {}
        size_bytes = self.path.stat().st_size
        for i, image in enumerate(self.images):
            if fps is None:
                assert self.start_us is not None
                offset = _microseconds(image) - self.start_us
            else:
                offset = round(i * 1e6 / fps)
            by_skeleton: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
            for annotation in self._annotations.get(image["id"], ()):
                by_skeleton[annotation.get("category_id")].append(annotation)
            if len(by_skeleton) > 1:
                raise SourceError(f"{self.path}: image {image['id']} has people of several skeletons")
            size = self._size or (int(image.get("width") or 0), int(image.get("height") or 0))
            if min(size) <= 0:
                raise SourceError(
                    f"{self.path}: image {image['id']} has no width and height", hint="give it with --size 1920x1080"
                )
            category, found = next(iter(by_skeleton.items()), (next(iter(self._categories), None), []))
            yield self._people(i, offset, size, category, found, persons)
            read(size_bytes * (i + 1) // len(self.images))

    def _people(
        self,
        i: int,
        offset_us: int,
        size: tuple[int, int],
        category: Any,
        annotations: Sequence[Mapping[str, Any]],
        persons: dict[Any, int],
    ) -> People:
        if category not in self._categories:
            raise SourceError(f"{self.path}: there is no category {category} with names of keypoints", hint=_HINT)
        skeleton, index = self._categories[category]
        n, k = len(annotations), len(SKELETONS[skeleton])
        keypoints = np.full((n, k, 3), np.nan, np.float32)
        keypoint_score = np.zeros((n, k), np.float32)
        flags = np.zeros((n, k), np.uint8)
        score, boxes = np.ones(n, np.float32), np.full((n, 4), np.nan, np.float32)
        person = np.zeros(n, np.int64)
        for row, annotation in enumerate(annotations):
            xyv = self._triples(annotation, len(index))
            seen = xyv[:, 2] > 0
            keypoints[row, index[seen], :2] = xyv[seen, :2]
            scores = self._scores(annotation, xyv[:, 2])
            keypoint_score[row, index] = np.where(seen, scores, 0) if "keypoint_scores" not in annotation else scores
            guessed = "keypoint_scores" in annotation
            flags[row, index[(xyv[:, 2] == 1) & guessed]] = FILLED
            score[row] = float(annotation.get("score", 1.0))
            if (box := annotation.get("bbox")) is not None and len(box) == 4 and any(box):
                boxes[row] = (box[0], box[1], box[0] + box[2], box[1] + box[3])
            # Who it is: as the file says, else the i-th of each picture is one person.
            who = ("track", annotation["track_id"]) if annotation.get("track_id") is not None else ("row", row)
            person[row] = persons.setdefault(who, len(persons) + 1)
        whole = boxes if np.isfinite(boxes).all() else None
        return People(
            *(i if self._frame_nos is None else self._frame_nos[i], offset_us, skeleton, *size, person, score),
            *(keypoints, keypoint_score, flags, whole),
        )

    def _triples(self, annotation: Mapping[str, Any], k: int) -> Any:
        try:
            xyv = np.array(annotation["keypoints"], dtype=np.float64)
        except (TypeError, ValueError):
            xyv = np.zeros(0)
        if xyv.shape != (3 * k,) or not np.isfinite(xyv).all():
            raise SourceError(
                f"{self.path}: annotation {annotation.get('id', '?')} has {xyv.size} numbers for keypoints,"
                f" expected 3 for each of {k}",
                hint=_HINT,
            )
        return xyv.reshape(k, 3)

    @staticmethod
    def _scores(annotation: Mapping[str, Any], v: Any) -> Any:
        if "keypoint_scores" in annotation:
            return np.array(annotation["keypoint_scores"], dtype=np.float64)
        if np.isin(v, (0, 1, 2)).all():
            return np.where(v == 2, 1.0, np.where(v == 1, _GUESSED_SCORE, 0.0))
        return np.clip(v, 0, 1)  # results of a model: its score stands where visibility would


def read_coco(path: Path, skeleton: str | None = None, size: tuple[int, int] | None = None) -> CocoFile:
    """Read a file.

    Args:
        path: Of the file.
        skeleton: What its keypoints are, where they have no names; otherwise it must have all of them.
        size: Width and height of all images in pixels, in place of what the file says.

    Raises:
        SourceError: It is not such a file.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SourceError(f"{path} is no JSON: {error}") from error
    if isinstance(content, list):
        return _results(path, content, skeleton, size)
    lists = [content.get(name) for name in ("images", "annotations", "categories")] if isinstance(content, dict) else []
    if not lists or not all(isinstance(each, list) and all(isinstance(one, dict) for one in each) for each in lists):
        raise SourceError(f"{path} has no lists of images, annotations and categories", hint=_HINT)
    images, annotations, named = lists
    assert images is not None
    assert annotations is not None
    assert named is not None
    categories = {}
    for category in named:
        if names := category.get("keypoints"):
            plain = [plain_name(str(name)) for name in names]
            chosen = category.get("posebus_skeleton") or skeleton_of(plain, skeleton, f"{path}")
            if chosen not in SKELETONS:
                raise SourceError(f"{path}: this posebus does not know the skeleton {chosen}")
            categories[category.get("id")] = (chosen, SKELETONS[chosen].indices(*plain))
    if not categories:
        raise SourceError(f"{path} has no category with names of keypoints", hint=_HINT)
    cameras = {image["camera"] for image in images if "camera" in image}
    if len(cameras) > 1:
        raise SourceError(
            f"{path} holds {len(cameras)} cameras: {', '.join(sorted(map(str, cameras)))}",
            hint="export each camera into a file of its own",
        )
    return _file(path, images, annotations, categories, size)


def _results(path: Path, content: list[Any], skeleton: str | None, size: tuple[int, int] | None) -> CocoFile:
    if not all(isinstance(result, dict) and "image_id" in result for result in content):
        raise SourceError(f"{path} is a list of something else than results of COCO", hint=_HINT)
    count = next((len(result["keypoints"]) // 3 for result in content if result.get("keypoints")), 0)
    fitting = [s.name for s in SKELETONS.values() if len(s) == count]
    chosen = skeleton or (fitting[0] if fitting else None)
    if chosen is None:
        raise SourceError(f"{path}: no skeleton has {count} keypoints", hint=f"there are {', '.join(SKELETONS)}")
    if size is None:
        raise SourceError(f"{path} does not say how large its images are", hint="give it with --size 1920x1080")
    numbers = {result.get("category_id") for result in content}
    index: I64 = np.arange(len(SKELETONS[chosen]), dtype=np.int64)
    ids = list(dict.fromkeys(result["image_id"] for result in content))
    images = [{"id": number} for number in sorted(ids, key=lambda each: (str(type(each)), each))]
    return _file(path, images, content, dict.fromkeys(numbers, (chosen, index)), size)


def _file(
    path: Path,
    images: Sequence[Mapping[str, Any]],
    annotations: Sequence[Mapping[str, Any]],
    categories: Mapping[Any, tuple[str, I64]],
    size: tuple[int, int] | None,
) -> CocoFile:
    ids = {image.get("id") for image in images}
    if len(ids) < len(images) or None in ids:
        raise SourceError(f"{path} has two images of one id, or one without", hint=_HINT)
    by_image: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
    skipped = 0
    for annotation in annotations:
        if not any(annotation.get("keypoints") or ()):
            skipped += 1
        elif annotation.get("image_id") not in ids:
            raise SourceError(f"{path}: an annotation is of image {annotation.get('image_id')}, which is not there")
        else:
            by_image[annotation["image_id"]].append(annotation)
    if not images:
        raise SourceError(f"{path} has no images")
    timed = all(isinstance(image.get("captured_at"), int | float) for image in images)
    ordered = sorted(images, key=_microseconds) if timed else list(images)
    start_us = _microseconds(ordered[0]) if timed else None
    # Their own numbers where they are those of one session.
    numbers = [image.get("frame_no") for image in ordered]
    kept = [number for number in numbers if isinstance(number, int) and 0 <= number < 1 << 31]
    grows = len(kept) == len(ordered) and all(a < b for a, b in pairwise(kept))
    return CocoFile(path, ordered, start_us, skipped, by_image, categories, size, kept if grows else None)


def _microseconds(image: Mapping[str, Any]) -> int:
    at_s: float = image["captured_at"]
    return round(at_s * 1e6)
