"""Questions about masks."""

import numpy as np
import pytest

from pipeline.core.masks import all_of, any_of
from pipeline.core.types import Bool


@pytest.mark.parametrize(
    "mask",
    [
        np.zeros((2, 3), np.bool_), np.ones((2, 3), np.bool_), np.eye(3, dtype=np.bool_),
        np.eye(4, dtype=np.bool_)[1:, ::2], np.empty((0, 3), np.bool_),
    ],
    ids=["none", "all", "some", "strided", "empty"],
)  # fmt: skip
def test_masks_answer_as_numpy_does(mask: Bool) -> None:
    assert (any_of(mask), all_of(mask)) == (bool(mask.any()), bool(mask.all()))
