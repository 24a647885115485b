"""What is measured on the joints and masses of everyone in a frame, beside the flexions."""

from __future__ import annotations

import numpy as np

from pipeline.core.types import F64, I64
from pipeline.core.vocabulary import ANGLES, FLEXIONS
from stages.analyze.body import Bodies
from stages.analyze.joints import ankle_angles, joint_angles
from stages.analyze.mass import centre_of_mass
from stages.analyze.options import AnalyzeOptions
from stages.analyze.state import AnalyzeState
from stages.analyze.symmetry import symmetry


def measure_joints(
    state: AnalyzeState,
    bodies: Bodies,
    track_id: I64,
    up: F64,
    size: tuple[int, int],
    now_us: int,
    options: AnalyzeOptions,
) -> tuple[F64, F64]:
    """Angles and measures of the people of a frame; `up` is the one that `bodies` were measured with.

    Args:
        size: Width and height of the picture, pixels.

    Returns:
        (N, 17) degrees, `vocabulary.ANGLES` after the flexions; (N, 7) com_x, com_y, com_height and the symmetry of
        elbow, shoulder, hip and knee.
    """
    if len(track_id) == 0:
        state.swings = None
        return np.empty((0, len(ANGLES) - len(FLEXIONS))), np.empty((0, 7))
    with np.errstate(divide="ignore", invalid="ignore"):
        measured = np.empty((7, len(track_id)))
        if bodies.metric:
            angles = joint_angles(bodies.points, bodies.middles, up, options.min_bone_m)
            centre = centre_of_mass(bodies.middles.known, bodies.nose)
            measured[2] = centre[:, :3] @ up - bodies.lower_ankle
            centre = centre[:, 3:]
        else:
            angles = ankle_angles(bodies.points, options.min_bone_px)
            # Without the three columns of the points.
            centre = centre_of_mass(bodies.middles.known[:, :, 3:].copy(), bodies.nose[:, 3:])
            measured[2] = np.nan
        measured[0] = centre[:, 0] / size[0]
        measured[1] = centre[:, 1] / size[1]
        state.swings, indices = symmetry(state.swings, track_id, bodies.angles, now_us)
        measured[3:] = indices.T
    return angles.T, measured.T
