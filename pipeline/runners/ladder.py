"""The ladder: less is done for a live camera while the models cannot keep up, more again when they can."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.core.values import ALL, FEWER_LOOKS, LIGHTER_MODEL


class Rung(NamedTuple):
    """How much is done for a camera.

    Attributes:
        share: Of its pictures that is kept, (0, 1].
        ease: How much is done for each of these (`pipeline.core.values`).
    """

    share: float
    ease: int

    def __str__(self) -> str:
        looks = ", people are looked for less often" if self.ease >= FEWER_LOOKS else ""
        model = ", the lighter model finds keypoints" if self.ease >= LIGHTER_MODEL else ""
        return f"{100 * self.share:.0f} % of its pictures are kept{looks}{model}"


SHARES = (2 / 3, 1 / 2, 1 / 3, 1 / 4, 1 / 6, 1 / 10)
"""Of a camera's rate: each about two thirds of the one before."""


def rungs(*, lighter: bool) -> tuple[Rung, ...]:
    """From the top. First what costs nobody who is seen already: they are followed without the detector.

    Args:
        lighter: Whether there is a lighter model.
    """
    eases = (ALL, FEWER_LOOKS, LIGHTER_MODEL) if lighter else (ALL, FEWER_LOOKS)
    return (*(Rung(1.0, ease) for ease in eases), *(Rung(share, eases[-1]) for share in SHARES))


WINDOW_S = 2.0
TOO_MANY_LATE = 0.25
"""Of what was kept: the next step down takes a third away, and so has to be called for."""

FEW_LATE = 0.05
DOWN_AFTER = 2
"""Windows in a row: one may be a hiccup."""

UP_AFTER_S = 10.0
LONGEST_UP_AFTER_S = 320.0


class Ladder:
    """Says how much is done for a camera, by how many of the pictures that are kept come too late.

    A step up that had to be taken back doubles the wait before the next one, up to `LONGEST_UP_AFTER_S`; one that was
    good for as long as the wait sets it back. So a load between two steps is not gone around for ever.

    Args:
        lighter: Whether there is a lighter model.
    """

    def __init__(self, *, lighter: bool = False) -> None:
        self._rungs = rungs(lighter=lighter)
        self._step = 0
        self._kept = self._late = 0
        self._window_s: float | None = None
        self._bad = 0
        self._calm_since_s = 0.0
        self._raised_s: float | None = None
        self._up_after_s = UP_AFTER_S
        self._credit = 0.0

    @property
    def rung(self) -> Rung:
        """Where it stands."""
        return self._rungs[self._step]

    def keeps(self) -> bool:
        """Whether the next picture is kept: evenly spread."""
        self._credit += self.rung.share
        if self._credit < 1.0 - 1e-9:
            return False
        self._credit -= 1.0
        self._kept += 1
        return True

    def late(self) -> None:
        """A picture that was kept came too late."""
        self._late += 1

    def look(self, now_s: float) -> bool:
        """Judge, once in `WINDOW_S`. Tells whether the rung is another one now."""
        if self._window_s is None:
            self._window_s = self._calm_since_s = now_s
        if now_s - self._window_s < WINDOW_S or not self._kept:
            return False
        late = self._late / self._kept
        self._window_s, self._kept, self._late = now_s, 0, 0
        self._bad = self._bad + 1 if late > TOO_MANY_LATE else 0
        if late > FEW_LATE:
            self._calm_since_s = now_s
        if self._bad >= DOWN_AFTER and self._step < len(self._rungs) - 1:
            self._down(now_s)
            return True
        if self._raised_s is not None and now_s - self._raised_s >= self._up_after_s:
            self._raised_s, self._up_after_s = None, UP_AFTER_S
        if self._step and now_s - self._calm_since_s >= self._up_after_s:
            self._step -= 1
            self._raised_s = self._calm_since_s = now_s
            return True
        return False

    def _down(self, now_s: float) -> None:
        if self._raised_s is not None:
            self._up_after_s = min(2 * self._up_after_s, LONGEST_UP_AFTER_S)
            self._raised_s = None
        self._step += 1
        self._bad = 0
        self._calm_since_s = now_s
