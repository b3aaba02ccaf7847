"""Regions of pictures that are redrawn alone: found, cut out with what surrounds them, put back with a faded edge."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import InputError
from .boxes import Box
from .resize_parts import lanczos

Mask = NDArray[np.float32]

CELL = 32
"""Pixels that the sides of a region to be drawn are multiples of: no VAE cuts anything off, with cells of up to 32."""

SMALLEST = 64
"""Pixels a side that are cut out at least, where the picture has them: of fewer a model sees no surroundings."""

MOST = 256
"""Regions of one picture; more of them are specks of a mask that nobody has drawn."""


@dataclass(frozen=True)
class Edges:
    """How regions are cut out."""

    context: float = 0.5
    """What is shown around a region on every side, a share of its longer side, 0 or more."""

    grow: int = 8
    """Pixels by which a region is enlarged on every side."""

    fade: int = 16
    """Pixels inside of the enlarged region over which the redrawn part fades in."""

    size: int = 512
    """Side of a square with as many pixels as a region has while it is redrawn; 0: as it has in the picture."""


@dataclass(frozen=True)
class Cutout:
    """One region."""

    picture: int
    """Number of its picture in the batch."""

    window: Box
    """What is cut out: the region and what surrounds it."""

    size: tuple[int, int]
    """Width and height in pixels to which it is brought, multiples of `CELL`."""

    alpha: Mask
    """How much of the redrawn part is laid over, 0 to 1, `(window.height, window.width)`; 0 outside of the region."""


@dataclass(frozen=True)
class Cutouts:
    """The regions of a batch of pictures, in the order in which they are put back."""

    pictures: tuple[int, int, int]
    """Number, height and width of the pictures."""

    parts: tuple[Cutout, ...]

    @property
    def text(self) -> str:
        """What was found, for people."""
        if not self.parts:
            return "nothing to redraw"
        sizes = ", ".join(
            f"{part.window.width}x{part.window.height} at {part.size[0]}x{part.size[1]}" for part in self.parts[:4]
        )
        more = f" and {len(self.parts) - 4} more" if len(self.parts) > 4 else ""
        return f"{len(self.parts)} region{'s' if len(self.parts) > 1 else ''}: {sizes}{more}"


class _Found(NamedTuple):
    """Part of a mask (0 to 1) and where its corner lies."""

    x: int
    y: int
    mask: Mask


def regions_of_mask(mask: torch.Tensor, pictures: tuple[int, int, int], separate: bool, edges: Edges) -> Cutouts:
    """Find the regions of masks.

    Args:
        mask: `(M, H, W)` or `(H, W)`, 0 to 1, of the pictures' size: one for all pictures, or one for each.
        pictures: number, height and width of the pictures.
        separate: each connected area is a region of its own; else all of a mask is one.

    Raises:
        InputError: a mask of another size or number, with NaN, or of more than `MOST` areas.
    """
    masks = mask[None] if mask.ndim == 2 else mask
    count, height, width = pictures
    if not masks.any():  # core's Load Image gives such a one of 64x64 where nothing is drawn
        return Cutouts(pictures, ())
    if masks.ndim != 3 or masks.shape[-2:] != (height, width) or masks.shape[0] not in (1, count):
        raise InputError(
            f"the mask has shape {tuple(mask.shape)}, but there are {count} pictures of {width}x{height} pixels. Give "
            "one mask of that size, or one for each picture.",
            "mask",
        )
    if not torch.isfinite(masks).all():
        raise InputError("the mask has values that are NaN or infinite: look at the node that made it.", "mask")
    values = masks.detach().to("cpu", torch.float32).clamp(0, 1).numpy()
    parts: list[Cutout] = []
    for number in range(count):
        found = list(_areas(values[number % len(values)], separate))
        parts += [_cutout(number, one, (height, width), edges) for one in found]
    return Cutouts(pictures, tuple(parts))


def regions_of_boxes(boxes: Any, pictures: tuple[int, int, int], edges: Edges) -> Cutouts:
    """Find the regions of core's BOUNDING_BOX: one box, a list of them, or a list for each picture.

    Raises:
        InputError: something else, lists for another number of pictures, or more than `MOST` boxes of a picture.
    """
    count, height, width = pictures
    parts: list[Cutout] = []
    for number, own in enumerate(_boxes_by_picture(boxes, count)):
        if len(own) > MOST:
            raise InputError(f"there are {len(own)} boxes in one picture; {MOST} are the most.", "bboxes")
        for box in own:
            inside = _pixels(box).shared(Box(0, 0, width, height))
            if inside.width > 0 and inside.height > 0:
                filled = np.ones((inside.height, inside.width), np.float32)
                parts.append(_cutout(number, _Found(inside.x0, inside.y0, filled), (height, width), edges))
    return Cutouts(pictures, tuple(parts))


def cut_out(image: torch.Tensor, part: Cutout) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a region as a picture `(1, h, w, 3)` in 0..1 and its mask `(1, h, w)`, both of `part.size`.

    `image`: `(B, H, W, C)`; grey is made RGB, alpha is left out.
    """
    window = part.window
    pixels = image[part.picture, window.y0 : window.y1, window.x0 : window.x1]
    pixels = pixels[..., :3] if pixels.shape[-1] > 2 else pixels[..., :1].expand(-1, -1, 3)
    inside = torch.from_numpy(part.alpha > 0).float()[None, None]
    mask = torch.nn.functional.interpolate(inside, part.size[::-1], mode="bilinear", align_corners=False)
    return lanczos(pixels, part.size)[None], mask[0].clamp(0, 1)


def put_back(image: torch.Tensor, cutouts: Cutouts, redrawn: Sequence[torch.Tensor]) -> torch.Tensor:
    """Lay redrawn regions over their pictures; all that lies outside of the regions stays as it is, bit by bit.

    Args:
        image: `(B, H, W, C)`: the pictures that the regions are from, or others of their number and size.
        redrawn: for each region `(1, h, w, 3 or 4)`, 0 to 1, of any size.

    Raises:
        InputError: pictures of another number or size, or not one redrawn picture for each region.
    """
    if tuple(image.shape[:3]) != cutouts.pictures:
        count, height, width = cutouts.pictures
        raise InputError(
            f"the regions are from {count} pictures of {width}x{height} pixels, but these are {image.shape[0]} of "
            f"{image.shape[2]}x{image.shape[1]}. Connect what Cut Out Regions has got.",
            "image",
        )
    if len(redrawn) != len(cutouts.parts):
        raise InputError(
            f"there are {len(cutouts.parts)} regions, but {len(redrawn)} redrawn pictures. Leave their number and "
            "order as Cut Out Regions gives them.",
            "images",
        )
    out = (
        image.clone() if image.shape[-1] > 2 else torch.cat([image[..., :1].expand(-1, -1, -1, 3), image[..., 1:]], -1)
    )
    for number, (part, picture) in enumerate(zip(cutouts.parts, redrawn, strict=True), start=1):
        if picture.ndim != 4 or picture.shape[0] != 1 or picture.shape[-1] < 3:
            raise InputError(
                f"region {number} has a picture of shape {tuple(picture.shape)}; one RGB picture is needed for each.",
                "images",
            )
        window = part.window
        below = out[part.picture, window.y0 : window.y1, window.x0 : window.x1, :3]
        over = lanczos(picture[0, ..., :3].to(below), (window.width, window.height)).to(below)
        alpha = torch.from_numpy(part.alpha).to(below)[..., None]
        # where nothing is laid over, a sum would still change what is not finite, and the sign of zero
        below.copy_(torch.where(alpha > 0, torch.lerp(below, over, alpha), below))
    return out


def _areas(mask: Mask, separate: bool) -> Iterator[_Found]:
    from scipy import ndimage

    if not mask.any():
        return
    inside: Any = mask > 0
    labelled: Any = ndimage.label(inside, np.ones((3, 3))) if separate else (inside.astype(np.int32), 1)
    labels, count = labelled
    if count > MOST:
        raise InputError(
            f"the mask has {count} separate areas; {MOST} are the most. Switch each_area off, or blur and threshold "
            "the mask so that specks are gone.",
            "mask",
        )
    places: Any = ndimage.find_objects(labels)
    for number, (rows, columns) in enumerate(places, start=1):
        own = mask[rows, columns] * (labels[rows, columns] == number)
        yield _Found(columns.start, rows.start, own)


def _boxes_by_picture(boxes: Any, count: int) -> list[list[Any]]:
    if isinstance(boxes, dict):
        return [[boxes]] * count
    if isinstance(boxes, (list, tuple)):
        if all(isinstance(one, dict) for one in boxes):
            return [list(boxes)] * count
        if all(isinstance(one, (list, tuple)) for one in boxes) and len(boxes) in (1, count):
            return [list(boxes[number % len(boxes)]) for number in range(count)]
    raise InputError(
        f"boxes for {count} pictures are needed: one box, a list, or one list for each picture, each box with x, y, "
        "width and height. Connect a bounding box output.",
        "bboxes",
    )


def _pixels(box: Any) -> Box:
    try:
        x, y, width, height = (float(box[key]) for key in ("x", "y", "width", "height"))
        return Box(math.floor(x), math.floor(y), math.ceil(x + width), math.ceil(y + height))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"a box has x, y, width and height in pixels, but this is {box!r:.80}.", "bboxes") from error


def _cutout(picture: int, found: _Found, size: tuple[int, int], edges: Edges) -> Cutout:
    height, width = size
    tall, wide = found.mask.shape
    grown = Box(found.x, found.y, found.x + wide, found.y + tall)
    region = _around(grown, edges.grow, edges.grow, (width, height))
    around = round(edges.context * max(region.width, region.height))
    across, down = (max(around, (SMALLEST - side + 1) // 2) for side in (region.width, region.height))
    window = _around(region, across, down, (width, height))
    inside = np.zeros((window.height, window.width), np.float32)
    place = grown.within(window)
    inside[place.y0 : place.y1, place.x0 : place.x1] = found.mask
    alpha = _faded(inside, edges, region.within(window), region, (width, height))
    factor = edges.size / math.sqrt(window.area) if edges.size else 1.0
    # at the picture's own scale nothing of it is lost
    whole = round if edges.size else math.ceil
    drawn = tuple(max(CELL, CELL * whole(side * factor / CELL)) for side in (window.width, window.height))
    return Cutout(picture, window, (drawn[0], drawn[1]), alpha)


def _around(box: Box, across: int, down: int, size: tuple[int, int]) -> Box:
    """What lies around a box, pushed inside of the picture."""
    edges: list[tuple[int, int]] = []
    for low, high, more, most in ((box.x0, box.x1, across, size[0]), (box.y0, box.y1, down, size[1])):
        edges.append((max(0, low - more), min(most, high + more)))
    (x0, x1), (y0, y1) = edges
    return Box(x0, y0, x1, y1)


def _faded(inside: Mask, edges: Edges, region: Box, place: Box, size: tuple[int, int]) -> Mask:
    """The region grown, and faded towards its edge but where that is the picture's. `region` counts the window."""
    from scipy import ndimage

    alpha = np.zeros_like(inside)
    own: Any = inside[region.y0 : region.y1, region.x0 : region.x1]
    if edges.grow:
        own = ndimage.maximum_filter(own, 2 * edges.grow + 1, mode="constant")
    # beyond the picture's edges it goes on; beyond the window's there is none of it
    ends = ((place.y0 > 0, place.y1 < size[1]), (place.x0 > 0, place.x1 < size[0]))
    padded = np.pad(own > 0, [(int(low), int(high)) for low, high in ends])
    distance: Any = np.full(padded.shape, np.inf) if padded.all() else ndimage.distance_transform_edt(padded)
    top, left = int(ends[0][0]), int(ends[1][0])
    distance = distance[top : top + own.shape[0], left : left + own.shape[1]]
    # a region thinner than twice the fade is still seen in full along its middle
    reach = min(edges.fade + 1.0, max(float(distance.max()), 1.0))
    alpha[region.y0 : region.y1, region.x0 : region.x1] = own * np.minimum(distance / reach, 1.0)
    return alpha
