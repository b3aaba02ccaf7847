"""Half precision, where it is fast and the model bears it."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Callable
from functools import partial
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from spandrel import ImageModelDescriptor

from .runtime import Runtime
from .spandrel_model import ModelUpscaler

logger = logging.getLogger("hires-fix")

ENOUGH_DB = 50.0
"""Peak signal to noise ratio to float32 from which on half precision is used."""

MARGIN_DB = 3.0
"""By how much the sample of a tile must be better: the rest may be worse, and a second run sees what the first did."""

SAMPLE = (48, 32)
"""Width and height of the parts of a tile on which it is found out whether the model bears half precision there."""

WORTH = 4
"""Samples that a tile must be larger than: below, they cost more than half precision gains."""

PATCH = (72, 56)
"""Width and height of the made-up pictures on which a model is tried first; not square, so that no part of a network is
spared that only works on sizes it was not trained on."""


_Halves = dict[torch.dtype, ModelUpscaler | None]
"""Copies of a model in half precision, None where it does not bear it."""

_known: WeakKeyDictionary[ImageModelDescriptor[torch.nn.Module], _Halves] = WeakKeyDictionary()


def in_half_precision(upscaler: ModelUpscaler, runtime: Runtime) -> ModelUpscaler:
    """Return a copy of the model in half precision, or the model itself if that is not faster or not good enough.

    Whether a model bears it at all is found out once, on made-up pictures, and kept with the model; whether it does on
    a real one, `bears` tells. The model is not changed.
    """
    if upscaler.dtype != torch.float32:
        return upscaler
    dtype = half_type(upscaler, runtime)
    if dtype is None:
        return upscaler
    halves = _known.setdefault(upscaler.descriptor, {})
    if dtype not in halves:
        try:
            halves[dtype] = _tried(upscaler, dtype, runtime)
        except Exception as error:
            if not runtime.is_out_of_memory(error):
                raise
            return upscaler  # which may fit in smaller tiles, and says so if it does not
    return halves[dtype] or upscaler


def bears(half: ModelUpscaler, full: ModelUpscaler, pixels: torch.Tensor, device: torch.device) -> bool:
    """Tell whether a model in half precision stays near enough to float32 on these very pictures.

    It is run both ways on two parts of each; pictures that are hardly larger say no at once. `pixels`: `(N, H, W, C)`
    in [0, 1], tiles of N pictures.
    """
    if pixels.shape[1] * pixels.shape[2] <= WORTH * SAMPLE[0] * SAMPLE[1]:
        return False
    sample = hardest_parts(pixels).movedim(-1, 1).clamp(0, 1)
    expected, found = (_one_by_one(one, sample, device) for one in (full, half))
    errors = (found - expected).square().flatten(1).mean(1)
    return all(_decibels(error) >= ENOUGH_DB + MARGIN_DB for error in errors.tolist())


def hardest_parts(pixels: torch.Tensor) -> torch.Tensor:
    """Cut two parts of `SAMPLE` size out of each picture `(N, H, W, C)`: `(2 * N, h, w, C)` float32 on the CPU.

    Half precision loses most where neighbours differ most, and where it is brightest.
    """
    pixels = pixels.detach().to("cpu", torch.float32)
    width, height = min(SAMPLE[0], pixels.shape[2]), min(SAMPLE[1], pixels.shape[1])
    grey = F.pad(pixels.mean(-1), (0, 1, 0, 1), mode="replicate")
    contrast = grey.diff(dim=1)[:, :, :-1].abs() + grey.diff(dim=2)[:, :-1].abs()
    parts = []
    for measure in (contrast, grey[:, :-1, :-1]):
        for picture, sums in zip(pixels, F.avg_pool2d(measure[:, None], (height, width), stride=8)[:, 0], strict=True):
            row, column = divmod(int(sums.argmax()), sums.shape[1])
            parts.append(picture[8 * row : 8 * row + height, 8 * column : 8 * column + width])
    return torch.stack(parts)


def half_type(upscaler: ModelUpscaler, runtime: Runtime) -> torch.dtype | None:
    """Return the half precision that would be tried, None if there is none for this model on this device."""
    return next((dtype for dtype in runtime.half_types() if _supports(upscaler, dtype)), None)


def give_up_half_precision(upscaler: ModelUpscaler) -> None:
    """Remember that this model, in float32, does not bear half precision after all."""
    halves = _known.setdefault(upscaler.descriptor, {})
    halves.update(dict.fromkeys(halves))


def patch(channels: int) -> torch.Tensor:
    """Make a small picture `(1, channels, height, width)` of what pictures hold: slopes, edges, details, noise."""
    width, height = PATCH
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    noise = torch.rand(height, width, generator=torch.Generator().manual_seed(0))
    waves = 0.5 + 0.5 * torch.sin(40 * x * x + 25 * y)
    disc = ((x - 0.6) ** 2 + (y - 0.4) ** 2 < 0.06).float()
    planes = [0.6 * x + 0.3 * disc + 0.1 * noise, 0.5 * waves + 0.5 * y * disc, 0.8 * y + 0.2 * noise * x]
    return torch.stack(planes[:channels])[None]


def _smooth(channels: int) -> torch.Tensor:
    """Make another like it, of soft waves and few edges: what deep networks lose most of in half precision."""
    width, height = PATCH
    y, x = torch.meshgrid(torch.arange(float(height)), torch.arange(float(width)), indexing="ij")
    planes = [
        0.5
        + 0.15 * (torch.sin(x / (9 + 2 * i) + y / 23 + i) + torch.sin(y / (11 + i) - x / 37 + 2 * i))
        + 0.075 * (((x + y / 3) % 61 < 20).float() - ((y - x / 5) % 47 < 9).float())
        for i in range(channels)
    ]
    return torch.stack(planes)[None]


def _decibels(error: float) -> float:
    """Of a mean square error, for values up to 1; NaN of NaN."""
    return -10 * math.log10(error) if error > 0 else math.inf if error == 0 else math.nan


def _supports(upscaler: ModelUpscaler, dtype: torch.dtype) -> bool:
    descriptor = upscaler.descriptor
    return descriptor.supports_half if dtype == torch.float16 else descriptor.supports_bfloat16


def _tried(upscaler: ModelUpscaler, dtype: torch.dtype, runtime: Runtime) -> ModelUpscaler | None:
    channels = upscaler.descriptor.input_channels
    pictures = torch.cat([patch(channels), _smooth(channels)])
    expected = _run(upscaler, pictures, runtime)
    for convert in _ways(upscaler.descriptor.model):
        half = ModelUpscaler(upscaler.name, changed(upscaler.descriptor, partial(convert, dtype)))
        try:
            errors = (_run(half, pictures, runtime) - expected).square().flatten(1).mean(1).tolist()
        except RuntimeError as failure:
            if runtime.is_out_of_memory(failure):
                raise
            logger.info("'%s' does not run in %s: %s", half.name, dtype, failure)
            continue
        found = [_decibels(error) for error in errors]
        if all(decibels >= ENOUGH_DB for decibels in found):
            return half
        logger.info("'%s' in %s: %.1f and %.1f dB of %.0f", half.name, dtype, *found, ENOUGH_DB)
    logger.info("'%s' runs in float32: half precision changes its result too much.", upscaler.name)
    return None


def _run(upscaler: ModelUpscaler, pictures: torch.Tensor, runtime: Runtime) -> torch.Tensor:
    runtime.prepare(upscaler, 0)
    return _one_by_one(upscaler, pictures, runtime.device)


def _one_by_one(upscaler: ModelUpscaler, pictures: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Some networks (DRUNet, SeemoRe) take no batch."""
    parts = [upscaler.apply(part.to(device, upscaler.dtype, copy=True)).float() for part in pictures.split(1)]
    return torch.cat(parts)


def _ways(model: torch.nn.Module) -> list[Callable[[torch.dtype, torch.nn.Module], None]]:
    """Return the ways to half precision that can be worth it, the fastest first."""
    convolutions = [module for module in model.modules() if isinstance(module, torch.nn.Conv2d)]
    weights = sum(one.weight.numel() for one in convolutions)
    return [_all, _convolutions] if 2 * weights > sum(p.numel() for p in model.parameters()) else [_all]


def _all(dtype: torch.dtype, model: torch.nn.Module) -> None:
    model.to(dtype)


def _convolutions(dtype: torch.dtype, model: torch.nn.Module) -> None:
    """Turn only the convolutions, so that sums over many layers stay exact: 3 dB better for ESRGAN, 20 % slower."""
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.to(dtype)
            module.register_forward_pre_hook(lambda _, inputs: (inputs[0].to(dtype),))
            module.register_forward_hook(lambda _, inputs, result: result.float())


def changed(
    descriptor: ImageModelDescriptor[torch.nn.Module], change: Callable[[torch.nn.Module], object]
) -> ImageModelDescriptor[torch.nn.Module]:
    """Return a descriptor with a copy of the network, changed in place by `change`."""
    # outside of inference mode, because its tensors cannot be moved by a host that is not in it
    with torch.inference_mode(False), torch.no_grad():
        model = copy.deepcopy(descriptor.model)
        change(model)
        return ImageModelDescriptor(
            model,
            model.state_dict(),
            descriptor.architecture,
            descriptor.purpose,
            descriptor.tags,
            supports_half=descriptor.supports_half,
            supports_bfloat16=descriptor.supports_bfloat16,
            scale=descriptor.scale,
            input_channels=descriptor.input_channels,
            output_channels=descriptor.output_channels,
            size_requirements=descriptor.size_requirements,
            tiling=descriptor.tiling,
            call_fn=descriptor._call_fn,  # spandrel has no other way to it
        )
