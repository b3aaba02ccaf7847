"""Turning a face upright: the similarity that brings its five points to where face models expect them.

Points are complex numbers x + iy in pixels, y down; pixel 0 covers 0..1. A rotation with a factor is then one
multiplication.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FacePoints: TypeAlias = NDArray[np.complex128]
"""`(5,)`: the eye and then, below, the mouth corner on the left of the picture come before those on the right:
left eye, right eye, tip of the nose, left and right corner of the mouth."""

FACE_SIZE = 512
"""Pixels a side of the square that face models restore."""

TEMPLATE: FacePoints = np.array(
    [
        192.98138 + 239.94708j,
        318.90277 + 240.1936j,
        256.63416 + 314.01935j,
        201.26117 + 371.41043j,
        313.08905 + 371.15118j,
    ]
)
"""Where the points lie in the aligned FFHQ pictures that GFPGAN, CodeFormer and RestoreFormer were trained with."""


@dataclass(frozen=True)
class Similarity:
    """Rotation, one factor for both axes, and shift: z becomes `turn * z + shift`. Never mirrors."""

    turn: complex
    """Rotation and factor; not 0."""

    shift: complex
    """Pixels."""

    @property
    def scale(self) -> float:
        """Factor of lengths."""
        return abs(self.turn)

    def __call__(self, points: NDArray[np.complex128]) -> NDArray[np.complex128]:
        return self.turn * points + self.shift

    def inverse(self) -> Similarity:
        return Similarity(1 / self.turn, -self.shift / self.turn)


def fit_similarity(source: NDArray[np.complex128], target: NDArray[np.complex128]) -> Similarity:
    """Return the similarity that moves `source` onto `target`, both `(N,)`, with the least squared error.

    The closed form of Umeyama (1991), which in the plane and without mirroring is a complex regression. The points of
    `source` must not all be the same.
    """
    source_mean, target_mean = source.mean(), target.mean()
    centred = source - source_mean
    turn = complex(np.vdot(centred, target - target_mean) / np.vdot(centred, centred))
    return Similarity(turn, complex(target_mean - turn * source_mean))


def eye_distance(points: FacePoints) -> float:
    """Pixels between the eyes."""
    return float(abs(points[1] - points[0]))
