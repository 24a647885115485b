"""Who of the newcomers was here before: known by their looks, or a new person."""

from __future__ import annotations

import numpy as np

from pipeline.core.masks import any_of
from pipeline.core.types import F64, I64, Bool
from stages.track.looks import Looks, log_ratio, log_ratio_at_best
from stages.track.options import TrackOptions
from stages.track.state import TrackState

MORE_RATIO = 3.0
"""The logarithm may grow by this from the second sight to the eighth. On the simulated streets (seeds 0 to 29) 0 knew
one in ten fewer of those who came back, 1 and 2 something between."""


def leave(state: TrackState, options: TrackOptions, gone: Bool) -> None:
    """Remember the tracks that are `gone` among those who left.

    Who left before and looks like one of them is the same person, known too late: then the later number stands.
    """
    rows = np.flatnonzero(gone)
    if len(state.past_id):
        same = _clearly(
            log_ratio(state.looks.of(rows), state.past_looks), state.looks.of(~gone), state.past_looks, options
        )
        same &= np.asarray(state.since_us[rows, None] > state.past_us)
        if any_of(same):
            state.keep_past(np.flatnonzero(~same.any(axis=0)))
    state.leave(gone)


def away(state: TrackState, options: TrackOptions, now_us: int) -> tuple[I64, Looks]:
    """Numbers and looks of all who have one and may come back: those out of sight, and behind them those who left."""
    out = (state.track_id > 0) & (now_us - state.seen_us > options.recover_s * 1e6)
    if not any_of(out):
        return state.past_id, state.past_looks
    return np.concatenate((state.track_id[out], state.past_id)), state.looks.of(out).with_(state.past_looks)


def known_again(
    state: TrackState, options: TrackOptions, rows: I64, away_looks: Looks, now_us: int, *, last: bool
) -> tuple[I64, Bool]:
    """(R,) which of those who are away each of the tracks `rows` is, -1 for a new person; (R,) who is decided.

    The looks must be clearly more like this person's than like those of anyone else who is away. And they must tell
    people apart here: who in sight looks much like the same person, or another of the newcomers, makes it a new number.
    Undecided is who may yet be known by another sight, but not after `recall_s`, nor where this is the last one.
    """
    if not len(away_looks):
        return np.full(len(rows), -1, np.int64), np.ones(len(rows), np.bool_)
    newcomers = state.looks.of(rows)
    ratio = log_ratio(newcomers, away_looks)
    here = np.isin(np.arange(len(state.track_id)), rows, invert=True) & (state.seen_us >= now_us)
    others = state.looks.of(here)
    sure = _clearly(ratio, others, away_looks, options)
    found = np.where(sure.any(axis=1), sure.argmax(axis=1), -1)
    # What is seen of anyone here, and not of the newcomers yet, may still tell; more of the same tells a little more.
    unseen = np.asarray((state.look_count > 0).any(axis=0)) & (newcomers.count == 0)
    tellable = ratio + log_ratio_at_best(away_looks, unseen) + MORE_RATIO >= options.known_ratio
    # Who looks too much like others could not be told from them by any number of sights.
    tellable &= _clearly(log_ratio(away_looks, away_looks), others, away_looks, options).diagonal()
    undecided = tellable & (np.abs(ratio) < options.known_ratio)
    hopeless = ~undecided.any(axis=1)
    waited = now_us - state.since_us[rows] >= options.recall_s * 1e6
    decided: Bool = (found >= 0) | hopeless | waited | last
    return found, decided


def _clearly(ratio: F64, here: Looks, away_looks: Looks, options: TrackOptions) -> Bool:
    """(R, P) whose likeness `ratio` with those away is good, and clearly better than that of all others with them."""
    others = np.maximum(_others_best(ratio, axis=0), _others_best(ratio, axis=1))
    if len(here):
        others = np.maximum(others, log_ratio(here, away_looks).max(axis=0))
    clear: Bool = (ratio >= options.known_ratio) & (ratio - others >= options.known_margin)
    return clear


def _others_best(ratio: F64, axis: int) -> F64:
    """For each entry the largest of the others along the axis; -inf where there is none."""
    if ratio.shape[axis] == 1:
        return np.full_like(ratio, -np.inf)
    ordered = np.sort(ratio, axis=axis)
    best, second = ordered.take([-1], axis=axis), ordered.take([-2], axis=axis)
    return np.where(ratio == best, second, best)
