"""Conditioning for a window: everything in it that has a place on the canvas is cut to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import comfy.conds
import comfy.model_base
import comfy.samplers
import comfy.utils
import torch

from ...hires.tiles.boxes import Box
from . import controls
from .canvas import Canvas, cut, rows
from .controls import Controls
from .errors import TiledModelError

Cond = dict[str, Any]
"""A conditioning as the host's guiders hold it while they sample: with `model_conds`, masks of the canvas's size."""

_PICTURES = {
    "ref_latents",
    "reference_latent",
    "ref_latent",
    "context_latents",
    "image_cond",
    "lq_latent",
    "effnet",
    "pose_latents",
    "sam_latents",
    "ref_mask_latents",
    "control_video",
    "reference_motion",
    "camera_conditions",
}
"""Of other sizes than the canvas, perhaps: the same picture where they have its shape, else another one."""

_NOT_CUT = {
    "keyframe_idxs": "guide frames of LTX Video",
    "guide_attention_entries": "guide frames of LTX Video",
    "vinput_mask": "the token places of HiDream-O1",
    "minimax_payload": "the frames of MiniMax",
}
"""Say where something is, in a form of their own."""

_SIZE_PLACES = {
    comfy.model_base.SDXL: ("height", "width", "crop_h", "crop_w", "target_height", "target_width"),
    comfy.model_base.SDXLRefiner: ("height", "width", "crop_h", "crop_w", None),
}
"""What the last numbers of a model's vector are; None is no size."""


class Crop(NamedTuple):
    """A conditioning for a window."""

    cond: Cond
    acts: bool
    """Whether it has any weight there."""


def crop(cond: Cond, box: Box, canvas: Canvas, model: Any, chains: Controls) -> Crop:
    """Cut a conditioning to a window, so that the host's sampling takes the window for the whole picture.

    `chains`: the ControlNets of this sampling.

    Raises:
        TiledModelError: something in it cannot be cut.
    """
    region = _region(cond, canvas) or canvas.box
    inside = box.shared(region)
    if min(inside.width, inside.height) < 1:
        return Crop(cond, False)
    result, acts = dict(cond), True
    if "area" in cond:
        result["area"] = _area_for(cond["area"], inside.within(box), canvas)
        if "mask" not in cond:
            result["mask"] = _area_mask(cond["area"], region, canvas)
    if "mask" in result:
        result["mask"] = cut(result["mask"], box)
        acts = bool(result["mask"].any())
    result["model_conds"] = _model_conds(cond, box, canvas, model)
    # the host gives these what they see of an area, which for them is the whole
    seen, whole = inside.within(region), (region.width, region.height)
    if cond.get("gligen") is not None:
        kind, network, boxes = cond["gligen"]
        result["gligen"] = (kind, network, _gligen_boxes(boxes, seen))
    if cond.get("control") is not None:
        result["control"] = chains.part(cond["control"], seen, whole)
    return Crop(result, acts)


def can_share_a_call(cond: Cond) -> bool:
    """Whether several windows of a conditioning can be one batch: what of it is cut has a row for each picture."""
    return not ("area" in cond or cond.get("gligen") is not None) and controls.can_share_a_call(cond.get("control"))


def batched(crops: Sequence[Crop], batch: int, chains: Controls) -> Crop:
    """Put the same conditioning for several windows of one size together, window after window.

    `batch`: pictures in each window.
    """
    first = crops[0].cond
    if len(crops) == 1:
        return crops[0]
    result = dict(first)
    if "mask" in first:
        result["mask"] = rows([one.cond["mask"] for one in crops], batch)
    result["model_conds"] = {
        name: _joined([one.cond["model_conds"][name] for one in crops], batch) for name in first["model_conds"]
    }
    if first.get("control") is not None:
        result["control"] = chains.batched([one.cond["control"] for one in crops], batch)
    return Crop(result, any(one.acts for one in crops))


def _joined(conds: list[Any], batch: int) -> Any:
    first = conds[0]
    if all(cond is first for cond in conds):
        # the host repeats rows as often as there are windows: there must be one for each picture
        is_tensor = isinstance(first.cond, torch.Tensor)
        return first.process_cond(batch_size=batch, area=None) if is_tensor and len(first.cond) > 1 else first
    if isinstance(first.cond, list):
        return first._copy_with([rows(same, batch) for same in zip(*(c.cond for c in conds), strict=True)])
    return first._copy_with(rows([cond.cond for cond in conds], batch))


def _model_conds(cond: Cond, box: Box, canvas: Canvas, model: Any) -> dict[str, Any]:
    result = {}
    for name, value in cond["model_conds"].items():
        if name in _NOT_CUT or (name == "latent_shapes" and len(value.cond) > 1):
            what = _NOT_CUT.get(name, "several latents in one")
            raise TiledModelError(f"the conditioning holds {what}, which cannot be cut. Connect the model itself.")
        result[name] = _model_cond(name, value, box, canvas)
    if "y" in result:
        result["y"] = _sizes(result["y"], cond, box, canvas, model)
    if "attention_mask" in result and "attention_mask_img_shape" in cond:
        patch = model.diffusion_model.patch_size
        tokens = (-(-box.height // patch), -(-box.width // patch))
        mask = comfy.utils.upscale_dit_mask(cond["attention_mask"], cond["attention_mask_img_shape"], tokens)
        result["attention_mask"] = result["attention_mask"]._copy_with(mask)
    return result


def _model_cond(name: str, value: Any, box: Box, canvas: Canvas) -> Any:
    is_of_noise = isinstance(value, comfy.conds.CONDNoiseShape)
    scaled = is_of_noise or name in _PICTURES
    if isinstance(value.cond, torch.Tensor):
        part = _picture(value.cond, box, canvas, scaled)
        return value if part is value.cond else value._copy_with(part)
    if isinstance(value, comfy.conds.CONDList):
        parts = [_picture(one, box, canvas, scaled) for one in value.cond]
        return value._copy_with(parts)
    return value


def _picture(values: torch.Tensor, box: Box, canvas: Canvas, scaled: bool) -> torch.Tensor:
    """Cut what has the canvas's size, and if `scaled` what has its shape, as near as whole cells allow; others are
    whole.
    """
    if values.ndim < 4:
        return values
    height, width = values.shape[-2:]
    if (height, width) == (canvas.height, canvas.width):
        return cut(values, box)
    # the same shape but for the rounding to whole cells
    if not scaled or abs(width * canvas.height - height * canvas.width) >= max(canvas.width, canvas.height):
        return values
    (x0, x1), (y0, y1) = (
        _stretch(box.x0, box.width, width, canvas.width),
        _stretch(box.y0, box.height, height, canvas.height),
    )
    return cut(values, Box(x0, y0, x1, y1))


def _stretch(start: int, length: int, size: int, cells: int) -> tuple[int, int]:
    """Where a part of an axis of `cells` lies on one of `size`; equally long for parts of one length."""
    first, long = round(start * size / cells), -(-length * size // cells)
    first = min(first, size - long)
    return first, first + long


def _region(cond: Cond, canvas: Canvas) -> Box | None:
    """Return the area of a conditioning, in cells of the canvas."""
    if "area" not in cond:
        return None
    lengths, starts = _spread(cond["area"], canvas)
    y0, x0 = starts[-2:]
    return Box(x0, y0, min(canvas.width, x0 + lengths[-1]), min(canvas.height, y0 + lengths[-2]))


def _spread(area: Sequence[int], canvas: Canvas) -> tuple[list[int], list[int]]:
    """Return lengths and starts for every dimension of the canvas, as the host reads an area."""
    dimensions = canvas.latent.ndim - 2
    full = comfy.samplers.add_area_dims(list(area), dimensions)
    half = len(full) // 2
    return full[:dimensions], full[half : half + dimensions]


def _area_for(area: Sequence[int], inside: Box, canvas: Canvas) -> tuple[int, ...]:
    lengths, starts = _spread(area, canvas)
    return (*lengths[:-2], inside.height, inside.width, *starts[:-2], inside.y0, inside.x0)


def _area_mask(area: Sequence[int], region: Box, canvas: Canvas) -> torch.Tensor:
    """Return the soft edge that the host gives an area without a mask: `(1, [T,] H, W)` of the canvas.

    The host makes it for what it sees, so for a window it would lie along the window's edges.
    """
    whole = {"area": list(area), "model_conds": {}, "uuid": None}
    one = canvas.latent[:1, :1]
    edge = comfy.samplers.get_area_and_mult(whole, one, one.new_zeros(1))
    assert edge is not None
    mask = torch.zeros_like(one)
    lengths, starts = _spread(area, canvas)
    place = cut(mask, region)
    if mask.ndim == 5:
        place = place.narrow(2, starts[0], min(lengths[0], mask.shape[2] - starts[0]))
    place.copy_(edge.mult)
    return mask[:, 0]


def _gligen_boxes(boxes: list[tuple[Any, int, int, int, int]], seen: Box) -> list[tuple[Any, int, int, int, int]]:
    """Cut boxes `(embedding, height, width, y, x)`; those that miss the window are dropped."""
    result = []
    for embedding, height, width, y, x in boxes:
        part = Box(x, y, x + width, y + height).shared(seen)
        if min(part.width, part.height) >= 1:
            part = part.within(seen)
            result.append((embedding, part.height, part.width, part.y0, part.x0))
    return result


def sizes_in_prompt(cond: Cond, box: Box, whole: tuple[int, int]) -> dict[str, float]:
    """What a prompt for SDXL says of a window: the picture's size, the window's place and size.

    The picture is as large as the canvas of `whole` latent cells, width and height, or as large as the prompt says its
    target is.
    """
    # the host's own defaults, which count 8 pixels a cell for every model
    width, height = cond.get("width", whole[0] * 8), cond.get("height", whole[1] * 8)
    target = cond.get("target_width", width), cond.get("target_height", height)
    across, down = target[0] / whole[0], target[1] / whole[1]
    return {
        "width": width,
        "height": height,
        "crop_w": cond.get("crop_w", 0) + box.x0 * across,
        "crop_h": cond.get("crop_h", 0) + box.y0 * down,
        "target_width": box.width * across,
        "target_height": box.height * down,
    }


def is_told_sizes(model: Any) -> bool:
    """Whether the host tells such a BaseModel what `sizes_in_prompt` says."""
    return isinstance(model, tuple(_SIZE_PLACES))


def _sizes(vector: Any, cond: Cond, box: Box, canvas: Canvas, model: Any) -> Any:
    """Say to SDXL that the window is a part of a large picture, see `sizes_in_prompt`."""
    places = next((places for kind, places in _SIZE_PLACES.items() if isinstance(model, kind)), None)
    if places is None:
        return vector
    values = sizes_in_prompt(cond, box, (canvas.width, canvas.height))
    result, each = vector.cond.clone(), model.embedder(torch.zeros(1)).shape[-1]
    for index, name in enumerate(places):
        if name in values:
            start = result.shape[-1] + (index - len(places)) * each
            result[:, start : start + each] = model.embedder(torch.tensor([float(values[name])])).to(result)
    return vector._copy_with(result)
