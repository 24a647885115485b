"""Names of keypoints as other programs write them, and the skeleton that has them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.core.errors import SourceError
from pipeline.core.skeletons import SKELETONS

_SIDES = {"r": "right", "l": "left", "right": "right", "left": "left"}
_OTHER = {
    "pinkie": "pinky",
    "index_finger": "index",
    "toe": "foot_index",
    "bigtoe": "big_toe",
    "smalltoe": "small_toe",
    "pelvis": "mid_hip",
    "midhip": "mid_hip",
    "hip_center": "mid_hip",
    "mouth_left": "mouth_left",
}


def plain_name(text: str) -> str:
    """A keypoint's name in our spelling: `RShoulder`, `right-shoulder` and `SHOULDER_RIGHT` are right_shoulder."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", text.strip())
    words = [word for word in re.split(r"[\s_.\-]+", spaced.lower()) if word]
    if words and words[0] not in _SIDES and len(words[0]) > 2 and words[0][0] in "rl" and words[0][1:] in _BARE:
        words = [words[0][0], words[0][1:], *words[1:]]
    sides = [word for word in words if word in _SIDES]
    rest = "_".join(word for word in words if word not in _SIDES)
    rest = _OTHER.get(rest, rest)
    if rest == "mouth" and sides:
        return f"mouth_{_SIDES[sides[0]]}"
    return f"{_SIDES[sides[0]]}_{rest}" if sides else rest


_BARE = {name.split("_", 1)[1] for name in SKELETONS["halpe26"].keypoints if name.startswith("left_")} | {"toe", "foot"}


def skeleton_of(names: Sequence[str], wanted: str | None, where: str, *, depth: bool = False) -> str:
    """The skeleton that has all these keypoints: the wanted one, else the smallest.

    Args:
        names: In our spelling.
        wanted: Name of a skeleton, or None.
        where: For the message.
        depth: The file has a depth for each keypoint, as BlazePose's files do: that skeleton goes first.

    Raises:
        SourceError: There is none.
    """
    unknown = sorted({name for name in names if not any(name in s.index for s in SKELETONS.values())})
    if unknown:
        raise SourceError(
            f"{where}: no skeleton has a keypoint {unknown[0]}",
            hint=f"the skeletons: {', '.join(SKELETONS)}; give other names with --rename {unknown[0]}=NAME",
        )
    if wanted is not None:
        lacks = [name for name in names if name not in SKELETONS[wanted].index]
        if lacks:
            raise SourceError(f"{where}: the skeleton {wanted} has no keypoint {lacks[0]}", hint="leave --skeleton out")
        return wanted
    fitting = [s for s in SKELETONS.values() if all(name in s.index for name in names)]
    if not fitting:
        raise SourceError(f"{where}: no skeleton has all of its keypoints: {', '.join(names)}")
    first = [s for s in fitting if depth and s.name == "blazepose33"]
    return (first or sorted(fitting, key=len))[0].name
