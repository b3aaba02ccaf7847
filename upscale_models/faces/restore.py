"""Restoring the faces of pictures: cut out upright, run the model, lay back with a soft edge."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ...hires.tiles.boxes import Box
from .alignment import FACE_SIZE, TEMPLATE, FacePoints, Similarity, eye_distance, fit_similarity
from .warp import warp

CLOSEST_EYES = 5.0
"""Pixels between the eyes of the smallest face that is restored; A1111's rule."""

MOST_OFF = 64.0
"""Pixels of the model's square by which the points of a face may miss their places (root of the mean square). Even a
full profile stays below; five points in no order of a face miss by 79."""

FEATHER = 48.0
"""Width of the soft edge of a face, in pixels of the model's square."""

AROUND = (132 / 255, 133 / 255, 135 / 255)
"""Colour of what a face shows of beyond the picture: the grey that face models are usually given there."""

_MARGIN = 3
"""Pixels that a sample needs around it, with the bicubic filter."""

_FACE = Box(0, 0, FACE_SIZE, FACE_SIZE)


@dataclass(frozen=True)
class Placement:
    """Where a face lies in its picture."""

    to_face: Similarity
    """From pixels of the picture to pixels of the model's square."""

    feather: float = FEATHER
    """Width of the soft edge in pixels of the model's square; 0 for a hard one."""


def place(points: FacePoints) -> Placement | None:
    """Place a face by its five points; None if the eyes are too close or the points are not in the order of a face."""
    if eye_distance(points) < CLOSEST_EYES:
        return None
    to_face = fit_similarity(points, TEMPLATE)
    off = np.sqrt(np.square(np.abs(to_face(points) - TEMPLATE)).mean())
    return Placement(to_face) if off <= MOST_OFF else None


def whole_picture(width: int, height: int) -> Placement:
    """Take the whole picture for one upright face that fills it, as in aligned data sets."""
    scale = FACE_SIZE / max(width, height)
    return Placement(Similarity(scale, (FACE_SIZE * (1 + 1j) - scale * complex(width, height)) / 2), feather=0.0)


def restore_faces(
    image: torch.Tensor,
    faces: Sequence[Sequence[Placement]],
    restore: Callable[[torch.Tensor], torch.Tensor],
    visibility: float = 1.0,
    on_face: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[torch.Tensor, list[list[Box]]]:
    """Restore every face and lay it back into its picture.

    All faces of a picture are cut out of it as it comes in. Pixels outside of them and alpha come back bit for bit.

    Args:
        image: `(B, H, W, C)` floating point in [0, 1]; C is 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha. Not
            changed.
        faces: for every picture its faces. Those that lie outside of the picture are left out.
        restore: the face model, `(1, 3, 512, 512)` float32 in [0, 1] to the same.
        visibility: 0 to 1: how much of the restored picture is laid over the original. At 0 nothing is computed.
        on_face: hears of every finished face: how many are done, of how many. May raise anything to cancel.

    Returns:
        The pictures, and for every picture the parts of it that the restored faces cover.
    """
    height, width, channels = image.shape[1:]
    colours = channels - 1 if channels in (2, 4) else channels
    boxes = [[(face, _covered(face.to_face, width, height)) for face in placed] for placed in faces]
    found = [[(face, box) for face, box in placed if box.width > 0 and box.height > 0] for placed in boxes]
    done, total = 0, sum(map(len, found))
    result = image
    if total and visibility > 0:
        result = image.clone()
        for original, target, placed in zip(image[..., :colours], result[..., :colours], found, strict=True):
            for face, box in placed:
                _restore_one(original, target, face, box, restore)
                done += 1
                on_face(done, total)
            if visibility < 1:
                target.copy_(torch.lerp(original, target, visibility))
    return result, [[box for _, box in placed] for placed in found]


def _restore_one(
    original: torch.Tensor,
    target: torch.Tensor,
    face: Placement,
    box: Box,
    restore: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    """Lay one face, cut out of `original`, over `target`; both `(H, W, 1 or 3)`."""
    height, width, colours = original.shape
    seen = Box(
        max(0, box.x0 - _MARGIN), max(0, box.y0 - _MARGIN), min(width, box.x1 + _MARGIN), min(height, box.y1 + _MARGIN)
    )
    pixels = original[seen.y0 : seen.y1, seen.x0 : seen.x1].to(torch.float32).expand(-1, -1, 3)
    back = face.to_face.inverse()
    to_seen = Similarity(back.turn, back.shift - complex(seen.x0, seen.y0))
    cut = warp(pixels, to_seen, _FACE, AROUND)
    restored = restore(cut.permute(2, 0, 1)[None])[0].permute(1, 2, 0)
    if colours == 1:
        restored = restored.mean(2, keepdim=True)
    laid = warp(restored, face.to_face, box)
    part = target[box.y0 : box.y1, box.x0 : box.x1]
    mask = _mask(face, box).to(laid.device)[..., None]
    part.copy_(torch.lerp(part.to(torch.float32), laid, mask))


def _covered(to_face: Similarity, width: int, height: int) -> Box:
    """The part of the picture that the square of a face covers; empty if it lies outside."""
    corners = to_face.inverse()(np.array([0, FACE_SIZE, FACE_SIZE * 1j, FACE_SIZE * (1 + 1j)]))
    x0, y0 = math.floor(corners.real.min()), math.floor(corners.imag.min())
    x1, y1 = math.ceil(corners.real.max()), math.ceil(corners.imag.max())
    return Box(min(max(0, x0), width), min(max(0, y0), height), max(0, min(width, x1)), max(0, min(height, y1)))


def _mask(face: Placement, box: Box) -> torch.Tensor:
    """How much of the face shows at each pixel: 1 inside, 0 from its edge on, `(box.height, box.width)`."""
    if not face.feather:
        return torch.ones(box.height, box.width)
    x = torch.arange(box.x0, box.x1, dtype=torch.float32) + 0.5
    y = torch.arange(box.y0, box.y1, dtype=torch.float32)[:, None] + 0.5
    turn, shift = face.to_face.turn, face.to_face.shift
    across = turn.real * x - turn.imag * y + shift.real
    down = turn.imag * x + turn.real * y + shift.imag
    mask = torch.ones(())
    for position in (across, down):
        inside = torch.minimum(position, FACE_SIZE - position).div_(face.feather).clamp_(0, 1)
        mask = mask * (inside * inside * (3 - 2 * inside))
    return mask
