"""The frames of an animation, or the pages of a document, as a batch of pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import comfy.model_management
import torch

from ...hires.amounts import as_bytes
from ...hires.tiles.boxes import Box
from ...pictures import Picture, PictureError, read_picture
from ...pictures.base.levels import with_channels
from ...pictures.series import find_series
from ..memory import free_main_memory

_BYTES = 2 * 4 * 4
"""Of a pixel: up to four channels in float32, twice while the batch is put together."""


def read_batch(path: Path) -> tuple[torch.Tensor, Picture, str]:
    """Read all pictures of a file that have the size of the first one.

    Returns:
        `(B, H, W, C)` float32, 0 to 1; the first picture, with the depth of the deepest; what was left out, as a
        sentence, empty if nothing was.

    Raises:
        PictureError: see `read_picture`; also for more pictures than there is memory for.
    """
    check = comfy.model_management.throw_exception_if_processing_interrupted
    series = find_series(path, check)
    if series is None:
        picture = read_picture(path)
        return picture.pixels[None], picture, ""
    first = 1 if series.timing and series.timing.still else 0  # which is for programs that know no animation
    size = series.sizes[first]
    wanted = {index for index, other in enumerate(series.sizes) if index >= first and other == size}
    _check_room(path, len(wanted), size)
    pictures = []
    for index, part in enumerate(series.parts()):
        check()
        if index in wanted:
            with part as source:
                pictures.append(Picture(source.read(Box(0, 0, *size)), source.facts))
    rest = len(series) - first - len(wanted)
    width, height = size
    left_out = (
        f"{rest} of the pages {'has' if rest == 1 else 'have'} another size than {width}x{height} and "
        f"{'is' if rest == 1 else 'are'} left out. Upscale Folder takes all."
    )
    deepest = replace(pictures[0].facts, depth=max(picture.facts.depth for picture in pictures))
    return _stacked(pictures), replace(pictures[0], facts=deepest), left_out if rest else ""


def _check_room(path: Path, count: int, size: tuple[int, int]) -> None:
    needed = count * size[0] * size[1] * _BYTES
    free = free_main_memory()
    if needed > free:
        raise PictureError(
            f"'{path.name}' holds {count} pictures of {size[0]}x{size[1]}, which take {as_bytes(needed)}, and "
            f"{as_bytes(free)} of memory are free. Upscale Folder takes one at a time.",
            "image",
        )


def _stacked(pictures: list[Picture]) -> torch.Tensor:
    kinds = {picture.pixels.shape[-1] for picture in pictures}
    colours, has_alpha = 3 if max(kinds) > 2 else 1, bool(kinds & {2, 4})
    return torch.stack([with_channels(picture.pixels, colours, has_alpha) for picture in pictures])
