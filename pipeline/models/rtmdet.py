"""RTMDet (Lyu et al., 2022) as mmdeploy exports it: boxes with scores, and what overlaps already taken out."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.core.perception import Found
from pipeline.core.types import U8
from pipeline.models.boxes import found_of_boxes
from pipeline.models.network import Network, fits, side, wrong
from pipeline.models.pixels import IMAGENET_MEAN_RGB, IMAGENET_STD_RGB, planes

_PERSON = 0


class RtmDetDetector:
    """Finds whole people.

    Args:
        network: `input` (b, 3, h, w) BGR, ImageNet mean and std; `dets` (b, n, 5) with left, top, right, bottom and
            score, and `labels` (b, n), 0 = person.
        size: Side of the pictures where the model leaves it open; a multiple of 32. Large pictures show people who are
            far away, and cost more: box AP 0.364 at 320, 0.436 at 480 for the nano model.
        min_score: What scores lower is not a person; 0.3 as in mmpose's demos.
    """

    def __init__(self, network: Network, *, size: int | None = None, min_score: float = 0.3) -> None:
        if "dets" not in network.outputs or not fits(network.outputs["dets"], (1, None, 5)):
            raise wrong(network, "it is not of the kind rtmdet", "the outputs dets 1x?x5 and labels 1x?")
        if "labels" not in network.outputs:
            raise wrong(network, "it gives no labels", "the outputs dets 1x?x5 and labels 1x?")
        self._network, self._min_score = network, min_score
        self._places = [list(network.outputs).index(name) for name in ("dets", "labels")]
        self.size = side(network, size, default=320, multiple=32)

    def detect(self, pictures: U8) -> Sequence[Found]:
        """See `PersonDetector.detect`."""
        # The published ones keep blue first, with ImageNet's numbers turned to match.
        inputs = planes(pictures, rgb=False, mean=IMAGENET_MEAN_RGB[::-1], std=IMAGENET_STD_RGB[::-1])
        found = []
        for outputs in self._network.run(inputs):
            boxes, labels = (outputs[place] for place in self._places)
            people = boxes[labels == _PERSON]
            found.append(found_of_boxes(people[:, :4], people[:, 4], min_score=self._min_score))
        return found
