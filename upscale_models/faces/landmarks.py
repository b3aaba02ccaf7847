"""The five points of a face out of MediaPipe's mesh, as ComfyUI's own landmark node hands it on."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...hires.errors import InputError
from .alignment import FacePoints

LEFT_EYE, RIGHT_EYE, NOSE_TIP, MOUTH_LEFT, MOUTH_RIGHT = (33, 133), (362, 263), (1,), (61,), (291,)
"""Points of MediaPipe's mesh (468 points, or 478 with the irises), left and right as seen in the picture. Of an eye
the middle between its corners, which does not follow the gaze as the iris does."""

_PARTS = (LEFT_EYE, RIGHT_EYE, NOSE_TIP, MOUTH_LEFT, MOUTH_RIGHT)
_FEWEST = 468


def points_of_landmarks(landmarks: Any, width: int, height: int, batch: int) -> list[list[FacePoints]]:
    """Reduce ComfyUI's FACE_LANDMARKS to five points for each face of each picture.

    Args:
        landmarks: a dict with "frames", for every picture a list of faces with "landmarks_xy" `(468 or more, 2)` in
            pixels, and "image_size" `(height, width)` of the pictures that they were found in.
        width, height: of the pictures to restore; points found in pictures of another size are moved along.
        batch: number of pictures to restore.

    Raises:
        InputError: not such a dict, another number of pictures, or points that are not MediaPipe's.
    """
    if not isinstance(landmarks, dict) or not {"frames", "image_size"} <= landmarks.keys():
        raise InputError(
            f"expected face landmarks, found {type(landmarks).__name__}. Connect Detect Face Landmarks (MediaPipe).",
            "face_landmarks",
        )
    frames, (found_height, found_width) = landmarks["frames"], landmarks["image_size"]
    if len(frames) != batch:
        raise InputError(
            f"the landmarks are of {len(frames)} pictures, but there are {batch} to restore. Detect them in the same "
            "pictures.",
            "face_landmarks",
        )
    scale = np.array([width / found_width, height / found_height])
    return [[_five_points(face["landmarks_xy"], scale) for face in faces] for faces in frames]


def _five_points(mesh: Any, scale: np.ndarray) -> FacePoints:
    mesh = np.asarray(mesh, np.float64)
    if mesh.ndim != 2 or mesh.shape[0] < _FEWEST or mesh.shape[1] != 2:
        raise InputError(
            f"a face has landmarks of shape {mesh.shape}, but MediaPipe's mesh is ({_FEWEST} or more, 2).",
            "face_landmarks",
        )
    points = np.stack([mesh[list(part)].mean(0) for part in _PARTS]) * scale
    if not np.isfinite(points).all():
        raise InputError("a face has landmarks that are not numbers. Detect them again.", "face_landmarks")
    return points[:, 0] + 1j * points[:, 1]
