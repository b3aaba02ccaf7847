"""Cutting regions out of pictures for a graph, and putting them back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from comfy_execution.graph_utils import ExecutionBlocker

from ...hires import memory
from ...hires.errors import InputError
from ...hires.images.checks import check_image
from ...hires.tiles import cutouts
from ...hires.tiles.cutouts import Cutouts, Edges
from ..memory import check_memory
from ..progress import show_text

Items = list[Any]
"""Outputs that the host hands on one by one."""


def cut_out(
    image: torch.Tensor, mask: torch.Tensor | None, boxes: Any, separate: bool, edges: Edges
) -> tuple[Items, Items, Cutouts]:
    """Find the regions of a mask, or of boxes, or of both, and cut them out.

    Returns:
        For each region its picture `(1, h, w, 3)` and its mask `(1, h, w)`, in one order; and what `put_back` needs.
        Without a region one item each that keeps the nodes behind from running.

    Raises:
        InputError: of the picture, mask or boxes; neither of both; more memory is needed than is free.
    """
    check_image(image, "image")
    count, height, width, _ = image.shape
    pictures = (count, height, width)
    if mask is None and boxes is None:
        raise InputError(
            "neither a mask nor boxes are connected. Draw one in Load Image's mask editor and connect its mask, or "
            "connect the bounding boxes of a detector.",
            "mask",
        )
    of_mask = () if mask is None else cutouts.regions_of_mask(mask, pictures, separate, edges).parts
    of_boxes = () if boxes is None else cutouts.regions_of_boxes(boxes, pictures, edges).parts
    found = Cutouts(pictures, (*of_mask, *of_boxes))
    show_text(found.text)
    if not found.parts:
        return [ExecutionBlocker(None)], [ExecutionBlocker(None)], found
    needed = sum(memory.pictures(part.size, 1, 4) for part in found.parts)
    check_memory(f"{len(found.parts)} regions would be cut out", needed, "image")
    images, masks = zip(*(cutouts.cut_out(image, part) for part in found.parts), strict=True)
    return list(images), list(masks), found


def put_back(image: torch.Tensor, found: Any, redrawn: Sequence[torch.Tensor]) -> torch.Tensor:
    """Lay redrawn regions over their pictures, see `hires.tiles.cutouts.put_back`.

    Raises:
        InputError: of the pictures, or what is no `Cutouts`; more memory is needed than is free.
    """
    check_image(image, "image")
    if not isinstance(found, Cutouts):
        raise InputError(f"regions of Cut Out Regions are needed, but this is a {type(found).__name__}.", "regions")
    for picture in redrawn:
        check_image(picture, "images")
    count, height, width, channels = image.shape
    check_memory(
        f"regions would be put back into {count} pictures", memory.pictures((width, height), count, channels), "image"
    )
    return cutouts.put_back(image, found, redrawn)
