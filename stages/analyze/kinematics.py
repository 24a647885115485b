"""What is measured on the joints and masses of everyone in some frames, beside the flexions."""

from __future__ import annotations

import numpy as np

from pipeline.core.types import F64
from stages.analyze.body import Bodies, Standing
from stages.analyze.joints import ankle_angles, joint_angles
from stages.analyze.mass import centre_of_mass
from stages.analyze.options import AnalyzeOptions


def measure_joints(
    bodies: Bodies, standing: Standing, size: tuple[int, int], options: AnalyzeOptions
) -> tuple[F64, F64]:
    """Angles and centre of mass of R rows; `size` is the width and height of the picture in pixels.

    Returns:
        (R, 17) degrees, `vocabulary.ANGLES` after the flexions; (R, 3) com_x, com_y and com_height.
    """
    measured = np.empty((3, len(standing.up)))
    with np.errstate(divide="ignore", invalid="ignore"):
        if bodies.metric:
            angles = joint_angles(bodies.points, bodies.middles, standing.up, options.min_bone_m)
            centre = centre_of_mass(bodies.middles.known, bodies.nose)
            measured[2] = np.einsum("ri,ri->r", centre[:, :3], standing.up) - standing.lower_ankle
            centre = centre[:, 3:]
        else:
            angles = ankle_angles(bodies.points, options.min_bone_px)
            # Without the three columns of the points.
            centre = centre_of_mass(bodies.middles.known[:, :, 3:].copy(), bodies.nose[:, 3:])
            measured[2] = np.nan
        measured[0] = centre[:, 0] / size[0]
        measured[1] = centre[:, 1] / size[1]
    return angles.T, measured.T
