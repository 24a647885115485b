"""COCO keypoints JSON, written piece by piece: an image a frame, an annotation a pose, a category a skeleton.

https://cocodataset.org/#format-data. Beyond the format, which allows more keys: `score`, `keypoint_scores`, `track_id`
and `captured_at`, so that reading the file again gives the same poses on the picture.
"""

from __future__ import annotations

import json
import shutil
from typing import Any, BinaryIO

import numpy as np

from pipeline.core.skeletons import SKELETONS
from pipeline.core.tables import PoseTable
from pipeline.core.types import F32, F64
from pipeline.core.values import FILLED
from pipeline.exchange.writer import WriterOptions

_Frame = tuple[str, int, int, int]


class CocoKeypoints:
    """The visibility of a keypoint is 0 = not seen, 1 = guessed over a gap, 2 = seen."""

    def __init__(self, out: BinaryIO, scratch: BinaryIO, _: WriterOptions) -> None:
        self._out = out
        self._images = scratch
        self._skeletons: list[str] = []
        self._frame: _Frame | None = None
        self._image_no = 0
        self._poses = 0
        out.write(b'{"info": {"description": "poses of posebus", "version": "1"}, "licenses": [],\n"annotations": [')

    def write(self, table: PoseTable) -> None:
        """Add these poses; those of a frame stand together."""
        if len(table) == 0:
            return
        if table.skeleton not in self._skeletons:
            self._skeletons.append(table.skeleton)
        category = SKELETONS[table.skeleton].number
        keypoints, boxes = _keypoints(table), _boxes(table.xyxy)
        columns = zip(
            *(c.tolist() for c in (table.run, table.session, table.seq, table.at_us, table.track_id)),
            *(c.tolist() for c in (table.width, table.height)),
            *(c.tolist() for c in (_decimal(table.score), _decimal(table.keypoint_score), keypoints, boxes)),
            (keypoints[:, 2::3] > 0).sum(axis=1).tolist(),
            strict=True,
        )
        written = []
        for run, session, seq, at_us, track, width, height, score, scores, points, box, count in columns:
            self._image((table.camera, run, session, seq), at_us, width, height)
            self._poses += 1
            annotation = {
                "id": self._poses,
                "image_id": self._image_no,
                "category_id": category,
                "iscrowd": 0,
                "area": round(box[2] * box[3], 4),
                "bbox": box,
                "num_keypoints": count,
                "keypoints": points,
                "keypoint_scores": scores,
                "score": score,
                "track_id": track,
            }
            written.append(json.dumps(annotation, separators=(",", ":")))
        self._out.write(("\n" if self._poses == len(written) else ",\n").encode() + ",\n".join(written).encode())

    def finish(self) -> int:
        """Write images and categories; the number of poses."""
        self._out.write(b'],\n"images": [')
        self._images.seek(0)
        shutil.copyfileobj(self._images, self._out)
        categories = [_category(name) for name in self._skeletons]
        self._out.write(b'],\n"categories": ' + json.dumps(categories).encode() + b"}\n")
        return self._poses

    def abandon(self) -> None:
        """There is nothing to let go of."""

    def _image(self, frame: _Frame, at_us: int, width: int, height: int) -> None:
        if frame == self._frame:
            return
        self._frame = frame
        camera, run, session, seq = frame
        image = {
            "id": self._image_no + 1,
            "file_name": f"{camera}/{run}/{session}/{seq:09d}.jpg",
            "width": width,
            "height": height,
            "camera": camera,
            "session": session,
            "frame_no": seq,
            "captured_at": at_us / 1e6,
        }
        line = json.dumps(image, separators=(",", ":")).encode()
        self._images.write((b",\n" if self._image_no else b"\n") + line)
        self._image_no += 1


def _keypoints(table: PoseTable) -> F64:
    """(N, 3K) x, y, visibility one after the other; zeros where not seen."""
    n, k = table.keypoint_score.shape
    xyv = np.zeros((n, k, 3))
    seen = np.isfinite(table.keypoints[:, :, 0] + table.keypoints[:, :, 1])
    xyv[:, :, :2] = np.where(seen[..., None], table.keypoints[:, :, :2], 0)
    xyv[:, :, 2] = np.where(seen, np.where(table.flags & FILLED, 1, 2), 0)
    return xyv.reshape(n, 3 * k)


def _boxes(xyxy: F32) -> F64:
    """(N, 4) x, y, width, height; zeros for a person without a box."""
    known = np.nan_to_num(xyxy.astype(np.float64))
    return np.concatenate((known[:, :2], known[:, 2:] - known[:, :2]), axis=1)


def _decimal(scores: F32) -> F64:
    exact: F64 = np.nan_to_num(scores).astype(np.float64)
    exact.round(4, out=exact)
    return exact


def _category(name: str) -> dict[str, Any]:
    skeleton = SKELETONS[name]
    return {
        "id": skeleton.number,
        "name": "person",
        "supercategory": "person",
        "posebus_skeleton": name,
        "keypoints": list(skeleton.keypoints),
        "skeleton": [[skeleton.index[a] + 1, skeleton.index[b] + 1] for a, b in skeleton.edges],
    }
