"""Prompts for parts of a picture, regions or windows: everything in them that has a place is cut to the part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import comfy.utils
import torch
from comfy_execution.graph_utils import ExecutionBlocker

from ...hires.errors import InputError
from ...hires.sizes.regions import Cond
from ...hires.tiles.boxes import Box
from ...hires.tiles.cutouts import Cutouts
from .controls import is_known

CELL = 8
"""Pixels that the host's areas and GLIGEN boxes count in."""

_SOFT = 8
"""Cells over which the host fades an area's edges in."""

_OF_INPAINT = {
    "concat_latent_image": "the picture of an inpaint model",
    "concat_image": "the picture of an upscale model",
    "concat_mask": "the mask of an inpaint model",
}

Chains = dict[tuple[int, int], Any]
"""Of a ControlNet and a part. The same chain in two prompts stays the same: the host then runs both in one call."""

Place = tuple[float, float, float, float]
"""Left, top, right and bottom as shares of a picture's or a region's width and height."""


class Part(Protocol):
    """What is cut out of a picture."""

    @property
    def window(self) -> Box:
        """In pixels of the picture."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels that it is drawn at."""
        ...


def prompts_of_regions(prompts: Mapping[str, Cond | None], found: Cutouts) -> list[list[Any]]:
    """Return for each prompt, by the name of its input, a CONDITIONING for each region.

    Areas count pixels of the picture that the regions are cut out of. Areas, masks and GLIGEN boxes move and grow with
    the region, entries that miss it are left out, and ControlNets get their part of the hint. Pictures for reference
    are of no place, and stay. Where there is nothing to hand on, one item keeps the nodes behind from running: without
    a region in silence, without a prompt with a sentence.

    Raises:
        InputError: nothing of a prompt reaches a region, or it holds what cannot be cut.
    """
    chains: Chains = {}
    result: list[list[Any]] = []
    for source, cond in prompts.items():
        if not found.parts:
            result.append([ExecutionBlocker(None)])
        elif cond is None:
            result.append([ExecutionBlocker(f"Cut Out Regions: nothing is connected to its input '{source}'.")])
        else:
            result.append([_of_region(cond, number, found, chains, source) for number in range(len(found.parts))])
    return result


def prompt_of_part(
    cond: Cond, part: Part, picture: tuple[int, int], chains: Chains, source: str, cells: tuple[int, int] | None = None
) -> Cond:
    """Return a prompt for a part of a picture of this width and height; without entries where nothing reaches it.

    Args:
        chains: keep it for all prompts of this part, and no longer than that part.
        source: name of the prompt's input.
        cells: width and height of the part in latent cells: masks then are what the host would make of them in these
            cells of the whole picture, whatever their size. None: those pixels of theirs that lie in the part.

    Raises:
        InputError: it holds what cannot be cut.
    """
    own = ((text, _extra(extra, part, picture, chains, source, cells)) for text, extra in cond)
    return [[text, extra] for text, extra in own if extra is not None]


def _of_region(cond: Cond, number: int, found: Cutouts, chains: Chains, source: str) -> Cond:
    part = found.parts[number]
    _, height, width = found.pictures
    result = prompt_of_part(cond, part, (width, height), chains, source)
    if cond and not result:
        raise InputError(
            f"no part of the prompt lies in region {number + 1}, {part.window.width}x{part.window.height} pixels at "
            f"{part.window.x0}, {part.window.y0}: all of them have areas or masks elsewhere. Combine it with a prompt "
            "for the whole picture, or connect it behind this node.",
            source,
        )
    return result


def _extra(
    extra: dict[str, Any],
    part: Part,
    picture: tuple[int, int],
    chains: Chains,
    source: str,
    cells: tuple[int, int] | None,
) -> dict[str, Any] | None:
    """What goes with one text, cut to a part; None where it does not reach it."""
    held = [words for key, words in _OF_INPAINT.items() if extra.get(key) is not None]
    if held:
        raise InputError(
            f"the prompt holds {held[0]}, at the size of the whole picture. Connect its node behind Cut Out Regions, "
            "with the region's picture and mask.",
            source,
        )
    result, window = dict(extra), _shares(part.window, *picture)
    if extra.get("area"):
        place = _area(extra["area"], picture, source)
        area = _within(place, window)
        if area is None:
            return None
        left, top, right, bottom = area
        result["area"] = ("percentage", bottom - top, right - left, top, left)
        if extra.get("mask") is None:
            result["mask"] = _edges(place, picture)
    if result.get("mask") is not None:
        mask = result["mask"]
        result["mask"] = (
            _cells(mask, window, cells) if cells else _cut(mask, _pixels(window, mask.shape[-1], mask.shape[-2]))
        )
        if not bool(result["mask"].any()):
            return None
    if extra.get("gligen") is not None:
        kind, network, boxes = extra["gligen"]
        result["gligen"] = (kind, network, _gligen(boxes, window, part, picture))
    if extra.get("control") is not None:
        result["control"] = _control(extra["control"], part, picture, chains, source)
    return result


def _shares(box: Box, width: float, height: float) -> Place:
    return box.x0 / width, box.y0 / height, box.x1 / width, box.y1 / height


def _within(place: Place, window: Place) -> Place | None:
    """The part of a place that a window shows, as shares of the window; None for nothing of it."""
    wide, high = window[2] - window[0], window[3] - window[1]
    left, right = (min(max((x - window[0]) / wide, 0.0), 1.0) for x in place[::2])
    top, bottom = (min(max((y - window[1]) / high, 0.0), 1.0) for y in place[1::2])
    return (left, top, right, bottom) if right > left and bottom > top else None


def _area(area: Any, picture: tuple[int, int], source: str) -> Place:
    is_share = area[0] == "percentage"
    numbers = list(area[1:] if is_share else area)
    if len(numbers) != 4:
        raise InputError(f"the prompt has an area of {len(numbers) // 2} dimensions; a picture has 2.", source)
    cells = [-(-side // CELL) for side in picture]
    height, width, y, x = numbers
    if is_share:  # whole cells, as the host makes of it
        height, width = (max(1, round(share * side)) for share, side in zip((height, width), cells[::-1], strict=True))
        y, x = round(y * cells[1]), round(x * cells[0])
    return x / cells[0], y / cells[1], (x + width) / cells[0], (y + height) / cells[1]


def _edges(area: Place, picture: tuple[int, int]) -> torch.Tensor:
    """The soft edges that the host gives an area without a mask in the whole picture: `(1, H, W)` in cells.

    It gives them where an area ends inside of what it sees, so that an area which ends with the region would have none.
    """
    sides: list[torch.Tensor] = []
    for low, high, size in zip(area[:2], area[2:], picture, strict=True):
        cells = -(-size // CELL)
        start, stop = round(low * cells), min(round(high * cells), cells)
        long = stop - start
        soft, steps = max(1, min(_SOFT, long // 4)), torch.arange(1, long + 1, dtype=torch.float32)
        side = torch.zeros(cells)
        rising = steps.clamp(max=soft) / soft if start else torch.ones(long)
        falling = steps.flip(0).clamp(max=soft) / soft if stop < cells else torch.ones(long)
        side[start:stop] = rising * falling
        sides.append(side)
    return (sides[1][:, None] * sides[0])[None]


def _pixels(place: Place, width: int, height: int) -> Box:
    """A place in pixels of a picture of that size: one at least."""
    (x0, x1), (y0, y1) = (
        (min(round(low * size), size - 1), max(round(high * size), min(round(low * size), size - 1) + 1))
        for low, high, size in ((place[0], place[2], width), (place[1], place[3], height))
    )
    return Box(x0, y0, x1, y1)


def _cut(values: torch.Tensor, box: Box) -> torch.Tensor:
    return values[..., box.y0 : box.y1, box.x0 : box.x1]


def _cells(mask: torch.Tensor, window: Place, cells: tuple[int, int]) -> torch.Tensor:
    """A window of what the host makes of a mask `(M, h, w)` for the picture's cells: bilinear, at their middles."""
    mask = mask[None] if mask.ndim == 2 else mask
    (x0, x1, across), (y0, y1, down) = (
        _between(window[axis], window[axis + 2], cells[axis], mask.shape[-1 - axis]) for axis in (0, 1)
    )
    rows = torch.lerp(mask[:, y0].float(), mask[:, y1].float(), down[:, None].to(mask.device))
    return torch.lerp(rows[..., x0], rows[..., x1], across.to(mask.device))


def _between(low: float, high: float, count: int, size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Of the middles of `count` cells on an axis of `size` values: the value before and behind, and how far between."""
    middles = low + (torch.arange(count, dtype=torch.float64) + 0.5) / count * (high - low)
    at = (middles * size - 0.5).clamp(0, size - 1)
    before = at.floor()
    return before.long(), (before.long() + 1).clamp(max=size - 1), (at - before).float()


def _gligen(boxes: list[Any], window: Place, part: Part, picture: tuple[int, int]) -> list[Any]:
    """Boxes `(embedding, height, width, y, x)` in cells; those that miss the region are left out."""
    across, down = CELL / picture[0], CELL / picture[1]
    width, height = (side // CELL for side in part.size)
    result = []
    for embedding, tall, wide, y, x in boxes:
        place = _within((x * across, y * down, (x + wide) * across, (y + tall) * down), window)
        if place is not None:
            box = _pixels(place, width, height)
            result.append((embedding, box.height, box.width, box.y0, box.x0))
    return result


def _control(control: Any, part: Part, picture: tuple[int, int], chains: Chains, source: str) -> Any:
    """Copy a chain of ControlNets with their part of the hints."""
    if not is_known(control):
        raise InputError(
            f"the prompt has a ControlNet of the kind {type(control).__name__} of another pack, whose hint cannot be "
            "cut for sure. Load and apply it with ComfyUI's own nodes, or apply it behind Cut Out Regions.",
            source,
        )
    key = (id(control), id(part))
    if key not in chains:
        own = chains[key] = control.copy()
        if control.previous_controlnet is not None:
            own.previous_controlnet = _control(control.previous_controlnet, part, picture, chains, source)
        if control.cond_hint_original is not None:
            method = control.upscale_algorithm
            own.cond_hint_original = _hint(control.cond_hint_original, part, picture, method)
            own.extra_concat_orig = [_hint(one, part, picture, method) for one in control.extra_concat_orig or []]
    return chains[key]


def _hint(hint: torch.Tensor, part: Part, picture: tuple[int, int], method: str) -> torch.Tensor:
    """The region's part of a hint, at the region's size; of another shape than the picture, its middle is the hint."""
    tall, wide = hint.shape[-2:]
    shape = picture[0] / picture[1]
    width, height = min(wide, round(tall * shape)), min(tall, round(wide / shape))
    x, y = (wide - width) // 2, (tall - height) // 2
    box = _pixels(_shares(part.window, *picture), width, height)
    return comfy.utils.common_upscale(
        _cut(hint, Box(x + box.x0, y + box.y0, x + box.x1, y + box.y1)), *part.size, method, "disabled"
    )
