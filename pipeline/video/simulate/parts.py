"""The parts that a body is drawn of: solids of given widths along an axis between two points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from pipeline.core.types import F64, I64, Bool
from pipeline.video.simulate.body import Body
from pipeline.video.simulate.kinematics import POINT
from pipeline.video.simulate.looks import Looks, banded

SAMPLES = 97
ALONG = np.linspace(0.0, 1.0, SAMPLES)
Colour = tuple[int, int, int]
_PELVIS, _CHEST, _HEAD = range(3)


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """P parts of one body or of several.

    Attributes:
        person: (P,) whose part it is.
        a, b, bend: (P,) indices of points: the two ends of each axis, and the point that it bends through (a itself:
            straight).
        frame: (P,) whose axes the cross-section has: 0 pelvis, 1 chest, 2 head.
        broad, deep: (P, S) half-widths in metres at `ALONG`, from left to right and from front to back.
        cap: (P, 2) length of the round ends over their half-width.
        colours: (P, S, 3) BGR, 0 to 255.
        fade: (P,) length over which it begins softly, on the part that it grows out of, over its first round end.
        nearer_m: (P,) drawn as if that much nearer to the camera than the middle of the axis.
        shadow: (P,) whether it throws a shadow.
    """

    person: I64
    a: I64
    b: I64
    bend: I64
    frame: I64
    broad: F64
    deep: F64
    cap: F64
    colours: F64
    fade: F64
    nearer_m: F64
    shadow: I64


class _Maker:
    """Collects parts; widths are given in body heights as (share of the length, half-width) knots."""

    def __init__(self, body: Body) -> None:
        self._height = body.height_m
        self._rows: list[tuple[int, int, int, int, F64, F64, tuple[float, float], F64, float, float, int]] = []

    def add(
        self, a: str, b: str, broad: F64, colours: F64, *, deep: F64 | None = None, frame: int = _CHEST,
        bend: str | None = None, cap: tuple[float, float] = (1.0, 1.0), nearer: float = 0.0, shadow: bool = True,
        fade: float = 0.0,
    ) -> None:  # fmt: skip
        scaled = broad * self._height
        self._rows.append(
            (POINT[a], POINT[b], POINT[bend or a], frame, scaled, scaled if deep is None else deep * self._height, cap,
             colours, fade, nearer * self._height, int(shadow))
        )  # fmt: skip

    def parts(self) -> Parts:
        a, b, bend, frame, broad, deep, cap, colours, fade, nearer, shadow = zip(*self._rows, strict=True)
        return Parts(
            person=np.zeros(len(a), np.int64),
            a=np.array(a),
            b=np.array(b),
            bend=np.array(bend),
            frame=np.array(frame),
            broad=np.stack(broad),
            deep=np.stack(deep),
            cap=np.array(cap),
            colours=np.stack(colours),
            fade=np.array(fade),
            nearer_m=np.array(nearer),
            shadow=np.array(shadow),
        )


def body_parts(body: Body, looks: Looks) -> Parts:
    """All parts of one person but the head, in no order."""
    maker = _Maker(body)
    stout = body.stoutness
    _add_trunk(maker, body, looks)
    for side in ("left", "right"):
        _add_arm(maker, side, looks, stout)
        _add_leg(maker, side, looks, stout)
        ear = np.full(SAMPLES, 0.0085)
        maker.add(f"{side}_ear", f"{side}_ear_top", ear, banded(ALONG, (1, _tinted(looks.skin, 0.92))), shadow=False)
    maker.add(
        "nose_root", "nose", widths((0, 0.0050), (1, 0.0092)), banded(ALONG, (1, looks.skin)), nearer=0.012,
        shadow=False,
    )  # fmt: skip
    if looks.hair_style == "bun":
        maker.add("bun", "bun", np.full(SAMPLES, 0.026), banded(ALONG, (1, looks.hair)), shadow=False)
    if looks.hair_style == "long":
        maker.add(
            "nape", "neck", widths((0, 0.046), (0.6, 0.052), (1, 0.050)), banded(ALONG, (1, looks.hair)),
            deep=widths((0, 0.030), (1, 0.022)), frame=_HEAD, nearer=-0.055,
        )  # fmt: skip
    return maker.parts()


def joined(bodies: Sequence[Parts]) -> Parts:
    """The parts of several people, whose `person` counts from 0."""
    person = np.repeat(np.arange(len(bodies)), [len(parts.a) for parts in bodies])
    columns = {
        f.name: np.concatenate([getattr(parts, f.name) for parts in bodies])
        for f in fields(Parts)
        if f.name != "person"
    }
    return Parts(person=person, **columns)


def widths(*knots: tuple[float, float]) -> F64:
    """(S,) half-widths through knots (share of the length, half-width), smooth in between."""
    at, values = np.array(knots).T
    i = np.clip(np.searchsorted(at, ALONG, side="right") - 1, 0, len(at) - 2)
    u = (ALONG - at[i]) / (at[i + 1] - at[i])
    curve: F64 = values[i] + (values[i + 1] - values[i]) * (0.35 * u + 0.65 * u * u * (3 - 2 * u))
    return curve


# Girths of adults, rounded (Gordon et al., 2012, ANSUR II, over height): thigh 0.35, calf 0.22, ankle 0.13, upper arm
# 0.19, forearm 0.16, wrist 0.097, neck 0.215 of the height; divided by 2 pi they are the radii below.
def _add_trunk(maker: _Maker, body: Body, looks: Looks) -> None:
    stout, loose = body.stoutness, looks.loose
    shoulders = 0.095 + 0.006 * body.broad_shoulders
    hips = 0.100 - 0.008 * body.broad_shoulders
    broad = widths(
        (0, 0.074),
        (0.10, hips),
        (0.34, 0.080),
        (0.59, 0.090),
        (0.78, shoulders),
        (0.89, shoulders),
        (0.94, 0.084),
        (1, 0.036),
    )
    deep = widths((0, 0.056), (0.12, 0.068), (0.34, 0.060), (0.65, 0.070), (0.83, 0.058), (1, 0.034))
    waist_line = 0.23
    bands = [(waist_line, looks.trousers), (0.985, looks.shirt), (1.0, looks.skin)]
    if looks.striped:
        bands[1:1] = [(0.56, looks.shirt), (0.68, looks.stripe)]
    bands.insert(1, (waist_line + 0.02, _tinted(looks.trousers, 0.7)))
    cloth = 0.5 + 0.5 * loose
    maker.add(
        "crotch", "collar", broad * stout * cloth, banded(ALONG, *bands), deep=deep * stout * cloth, bend="waist",
        cap=(0.30, 0.30), nearer=-0.03,
    )  # fmt: skip
    maker.add(
        "chest", "skull", widths((0, 0.040), (0.35, 0.033), (1, 0.032)) * (0.5 + 0.5 * stout),
        banded(ALONG, (1, _tinted(looks.skin, 0.93))), nearer=-0.005,
    )  # fmt: skip


def _add_arm(maker: _Maker, side: str, looks: Looks, stout: float) -> None:
    upper = widths((0, 0.0260), (0.12, 0.0310), (0.24, 0.0330), (0.6, 0.0275), (1, 0.0235)) * stout
    lower = widths((0, 0.0240), (0.22, 0.0265), (0.6, 0.0215), (1, 0.0150)) * stout
    sleeve = looks.sleeve
    covered_upper, covered_lower = _until(min(sleeve, 1.0)), _until(sleeve - 1)
    maker.add(
        f"{side}_shoulder", f"{side}_elbow", np.where(covered_upper, upper * (0.05 + looks.loose), upper),
        banded(ALONG, (min(sleeve, 1.0), looks.shirt), (1, looks.skin)), nearer=0.035, cap=(0.5, 1.0),
    )  # fmt: skip
    maker.add(
        f"{side}_elbow", f"{side}_wrist", np.where(covered_lower, lower * (0.08 + looks.loose), lower),
        banded(ALONG, (sleeve - 1, looks.shirt), (1, looks.skin)), nearer=0.045, fade=1.7,
    )  # fmt: skip
    skin = banded(ALONG, (1, looks.skin))
    maker.add(
        f"{side}_wrist", f"{side}_fingers", widths((0, 0.0150), (0.45, 0.0205), (0.75, 0.0165), (1, 0.0085)), skin,
        nearer=0.046, fade=1.7,
    )  # fmt: skip
    maker.add(
        f"{side}_wrist",
        f"{side}_thumb",
        widths((0, 0.0100), (1, 0.0070)),
        skin,
        nearer=0.047,
        cap=(1, 1.6),
        shadow=False,
    )


def _add_leg(maker: _Maker, side: str, looks: Looks, stout: float) -> None:
    thigh = widths((0, 0.0530), (0.25, 0.0535), (0.7, 0.0420), (1, 0.0345)) * stout
    shank = widths((0, 0.0335), (0.28, 0.0365), (0.65, 0.0270), (0.92, 0.0205), (1, 0.0215)) * (0.4 + 0.6 * stout)
    loose = looks.loose + (0.05 if looks.trouser < 1 else 0.03)
    covered_thigh, covered_shank = _until(looks.trouser), _until(looks.trouser - 1)
    thigh_width = np.where(covered_thigh, thigh * loose, thigh)
    # Cloth hangs: below the knee a trouser leg does not follow the calf.
    shank_width = np.where(covered_shank, np.maximum(shank * loose, 0.036), shank)
    maker.add(
        f"{side}_buttock", f"{side}_knee", thigh_width,
        banded(ALONG, (looks.trouser, looks.trousers), (1, looks.skin)), frame=_PELVIS, nearer=0.01,
        fade=1.0,
    )  # fmt: skip
    socks = 0.86
    maker.add(
        f"{side}_knee", f"{side}_ankle", shank_width,
        banded(ALONG, (looks.trouser - 1, looks.trousers), (socks, looks.skin), (1, (225, 225, 225))), frame=_PELVIS,
        nearer=0.012, fade=1.7,
    )  # fmt: skip
    shoe = banded(ALONG, (0.12, _tinted(looks.shoes, 0.8)), (1, looks.shoes))
    maker.add(
        f"{side}_heel", f"{side}_toes", widths((0, 0.0205), (0.3, 0.0235), (0.7, 0.0250), (1, 0.0165)), shoe,
        frame=_PELVIS, nearer=0.014,
    )  # fmt: skip
    maker.add(f"{side}_ankle", f"{side}_toes", widths((0, 0.0255), (0.5, 0.0215), (1, 0.0120)), shoe, frame=_PELVIS,
              nearer=0.016)  # fmt: skip


def _until(share: float) -> Bool:
    """(S,) which samples lie within the first `share` of a part."""
    return np.less_equal(ALONG, share)


def _tinted(colour: Colour, by: float) -> Colour:
    b, g, r = (min(255, round(c * by)) for c in colour)
    return b, g, r
