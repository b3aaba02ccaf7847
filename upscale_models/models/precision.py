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

WORTH = 16
"""Samples that a tile must be larger than. Two are run both ways: below, that costs more than half precision gains
over float32 with fast convolutions, and a picture that is hardly larger would take longer than without."""

_Way = tuple[torch.dtype, Callable[[torch.dtype, torch.nn.Module], None]]

_known: WeakKeyDictionary[ImageModelDescriptor[torch.nn.Module], dict[_Way, ModelUpscaler | None]] = WeakKeyDictionary()
"""Copies of a model in half precision, None where one does not run."""


def half_types(upscaler: ModelUpscaler, runtime: Runtime) -> list[torch.dtype]:
    """Return the number formats of half size in which the model is tried on the runtime's device, the best first."""
    if upscaler.dtype != torch.float32:
        return []
    if runtime.device.type == "cpu" and not _is_convolutional(upscaler.descriptor.model):
        return []  # attention is no faster in them there
    return [dtype for dtype in runtime.half_types() if _supports(upscaler, dtype)]


def fastest_for(pixels: torch.Tensor, upscaler: ModelUpscaler, full: ModelUpscaler, runtime: Runtime) -> ModelUpscaler:
    """Return the first copy of a model in half precision that stays near enough to `full` on these pictures.

    It is tried on two parts of each, in every way that can be worth it, and goes by these pictures alone, so that a
    job that is done again comes to the same. `pixels`: `(N, H, W, C)` in [0, 1], tiles of N pictures. `full`: the same
    model in float32, prepared; returned where no copy is better.
    """
    ways = _ways(upscaler, runtime)
    if not ways or pixels.shape[1] * pixels.shape[2] <= WORTH * SAMPLE[0] * SAMPLE[1]:
        return full
    sample = hardest_parts(pixels).movedim(-1, 1).clamp(0, 1)
    expected = _one_by_one(full, sample, runtime.device)
    for way in ways:
        half = _half(upscaler, way, runtime)
        if half is not None and _is_near(expected, upscaler, half, way, sample, runtime):
            return half
    return full


def halves_of(upscaler: ModelUpscaler) -> list[ModelUpscaler]:
    """Return the copies that were made of a model, as far as they run."""
    return [half for half in _known.get(upscaler.descriptor, {}).values() if half is not None]


def give_up(upscaler: ModelUpscaler, half: ModelUpscaler) -> None:
    """Remember that this copy of a model does not run after all."""
    copies = _known.setdefault(upscaler.descriptor, {})
    copies.update({way: None for way, one in copies.items() if one is half})


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


def _decibels(error: float) -> float:
    """Of a mean square error, for values up to 1; NaN of NaN."""
    return -10 * math.log10(error) if error > 0 else math.inf if error == 0 else math.nan


def _supports(upscaler: ModelUpscaler, dtype: torch.dtype) -> bool:
    descriptor = upscaler.descriptor
    return descriptor.supports_half if dtype == torch.float16 else descriptor.supports_bfloat16


def _is_convolutional(model: torch.nn.Module) -> bool:
    """Whether most weights are those of convolutions."""
    convolutions = [module for module in model.modules() if isinstance(module, torch.nn.Conv2d)]
    return 2 * sum(one.weight.numel() for one in convolutions) > sum(p.numel() for p in model.parameters())


def _ways(upscaler: ModelUpscaler, runtime: Runtime) -> list[_Way]:
    """Return the ways to half precision that can be worth it, the fastest first."""
    types = half_types(upscaler, runtime)
    ways: list[_Way] = [(dtype, _all) for dtype in types]
    if _is_convolutional(upscaler.descriptor.model):
        ways += [(dtype, _convolutions) for dtype in types]
    copies = _known.get(upscaler.descriptor, {})
    return [way for way in ways if copies.get(way, upscaler) is not None]


def _half(upscaler: ModelUpscaler, way: _Way, runtime: Runtime) -> ModelUpscaler | None:
    """Make a copy, once, and bring it to its device; None where there is no memory for it."""
    copies = _known.setdefault(upscaler.descriptor, {})
    if way not in copies:
        dtype, convert = way
        try:
            half = ModelUpscaler(upscaler.name, changed(upscaler.descriptor, partial(convert, dtype)))
            runtime.prepare(half, 0)
        except Exception as error:
            if not runtime.is_out_of_memory(error):
                raise
            return None
        copies[way] = half
    return copies[way]


def _is_near(
    expected: torch.Tensor, upscaler: ModelUpscaler, half: ModelUpscaler, way: _Way, sample: torch.Tensor,
    runtime: Runtime,
) -> bool:  # fmt: skip
    try:
        found = _one_by_one(half, sample, runtime.device)
    except RuntimeError as failure:
        if runtime.is_out_of_memory(failure):
            raise
        logger.info("'%s' does not run in %s: %s", half.name, way[0], failure)
        give_up(upscaler, half)
        return False
    worst = [_decibels(error) for error in (found - expected).square().flatten(1).mean(1).tolist()]
    return all(decibels >= ENOUGH_DB + MARGIN_DB for decibels in worst)


def _one_by_one(upscaler: ModelUpscaler, pictures: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Some networks (DRUNet, SeemoRe) take no batch."""
    parts = [upscaler.apply(part.to(device, upscaler.dtype, copy=True)).float() for part in pictures.split(1)]
    return torch.cat(parts)


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
        return _described(descriptor, model)


def changed_around(
    descriptor: ImageModelDescriptor[torch.nn.Module],
    weights: Callable[[torch.Tensor], torch.Tensor],
    change: Callable[[torch.nn.Module], object],
) -> ImageModelDescriptor[torch.nn.Module]:
    """The same without copying weights: what `weights` makes of each parameter and buffer takes its place."""
    with torch.inference_mode():
        model = descriptor.model
        # what is in it, a copy takes as it is
        taken = {id(tensor): weights(tensor) for tensor in (*model.parameters(), *model.buffers())}
        network = copy.deepcopy(model, taken)
        change(network)
        return _described(descriptor, network)


def changed_beside(
    descriptor: ImageModelDescriptor[torch.nn.Module], change: Callable[[torch.nn.Module], object]
) -> ImageModelDescriptor[torch.nn.Module]:
    """The same with the very weights, at little cost: modules are copied, what they hold is not."""
    with torch.inference_mode():
        model = _twin(descriptor.model, {})
        change(model)
        return _described(descriptor, model)


def _twin(module: torch.nn.Module, made: dict[torch.nn.Module, torch.nn.Module]) -> torch.nn.Module:
    if module not in made:
        made[module] = twin = copy.copy(module)
        own = {name: copy.copy(value) for name, value in vars(module).items() if isinstance(value, dict)}
        parts = {name: part and _twin(part, made) for name, part in module._modules.items()}
        vars(twin).update(own, _modules=parts)
    return made[module]


def _described(
    descriptor: ImageModelDescriptor[torch.nn.Module], model: torch.nn.Module
) -> ImageModelDescriptor[torch.nn.Module]:
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
