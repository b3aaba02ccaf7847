"""Bringing pictures to an exact size with any upscaler."""

from __future__ import annotations

import torch

from ..hires.resample import check_image, check_size, lanczos
from .classical import LANCZOS, ClassicalUpscaler
from .engine import Size, TiledRun, TileSettings
from .errors import UpscalerError, UpscalerMemoryError
from .runtime import CpuRuntime, Runtime
from .spandrel_model import ModelUpscaler
from .upscaler import Upscaler

MOST_RUNS = 3
"""A1111 runs a model at most this often; what is then missing, Lanczos adds."""


def upscale_to(
    image: torch.Tensor,
    upscaler: Upscaler,
    width: int,
    height: int,
    tiles: TileSettings | None = None,
    runtime: Runtime | None = None,
) -> torch.Tensor:
    """Bring every picture of a batch to exactly this size.

    A model runs as often as `model_runs` says; where that does not end on the size, one Lanczos resize does. Without
    a run it is that resize alone. Alpha is straight: models never see it, it is resized by Lanczos on its own.

    Args:
        image: `(B, H, W, C)` in [0, 1]; C is 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha. Not changed.
        upscaler: classical or model.
        width: pixels of the result.
        height: pixels of the result.
        tiles: how to cut pictures for a model.
        runtime: the host's devices, memory and progress. Default: plain CPU.

    Returns:
        `(B, height, width, C)` in [0, 1], dtype of `image`, on the runtime's output device. Computed in float32 (in
        the model's own precision inside a model).

    Raises:
        InputError: a picture or size that cannot be used.
        UpscalerError: the model failed or there is not enough memory.
        BaseException: whatever `runtime.progress` raises to cancel.
    """
    check_image(image)
    check_size(width, height)
    if image.shape[-1] > 4:
        raise UpscalerError(f"an image has 1 to 4 channels, but this one has {image.shape[-1]}.", "image")
    runtime = runtime or CpuRuntime()
    with torch.no_grad():
        if isinstance(upscaler, ModelUpscaler):
            runs = model_runs(image.shape[2], image.shape[1], upscaler.scale, width, height)
            if runs:
                return _with_model(image, upscaler, runs, (width, height), tiles or TileSettings(), runtime)
            upscaler = LANCZOS
        assert isinstance(upscaler, ClassicalUpscaler)
        return _with_filter(image, upscaler, (width, height), runtime)


def model_runs(width: int, height: int, scale: int, target_width: int, target_height: int) -> list[Size]:
    """Decide how often a model runs: the sizes that go into each run, `[]` for none.

    A1111's loop: once if the target is larger in an axis, again while the result is short of the target rounded down to
    whole 8 pixels (which A1111 aims at), three times at most. Also once if source and target are equal, so that models
    of factor 1 can be used; those never run twice.
    """
    if (width, height) != (target_width, target_height) and width >= target_width and height >= target_height:
        return []
    sizes = [(width, height)]
    while scale > 1 and len(sizes) < MOST_RUNS:
        width, height = width * scale, height * scale
        if width >= _aim(target_width) and height >= _aim(target_height):
            break
        sizes.append((width, height))
    return sizes


def _aim(side: int) -> int:
    return side // 8 * 8 or side


def _with_filter(image: torch.Tensor, upscaler: ClassicalUpscaler, target: Size, runtime: Runtime) -> torch.Tensor:
    batch, _, _, channels = image.shape
    result = _allocate((batch, target[1], target[0], channels), image.dtype, runtime)
    for index in range(batch):
        result[index] = upscaler.resize(image[index : index + 1], *target)[0]
        runtime.progress(index + 1, batch)
    return result


def _with_model(
    image: torch.Tensor, upscaler: ModelUpscaler, runs: list[Size], target: Size, tiles: TileSettings, runtime: Runtime
) -> torch.Tensor:
    batch, _, _, channels = image.shape
    colours = channels - 1 if channels in (2, 4) else channels
    result = _allocate((batch, target[1], target[0], channels), image.dtype, runtime)
    run = TiledRun(upscaler, runtime, tiles, runs * batch)
    for source, finished in zip(image, result, strict=True):
        picture = source[..., :colours]
        for width, height in runs:
            size = (width * upscaler.scale, height * upscaler.scale)
            shape = (size[1], size[0], colours)
            # a run that lands on the target writes there
            larger = finished[..., :colours] if size == target else _allocate(shape, torch.float32, runtime)
            run(picture, larger)
            picture = larger
        if size != target:
            finished[..., :colours] = lanczos(picture[None], *target)[0]
        if colours < channels:
            finished[..., colours:] = lanczos(source[None, ..., colours:], *target)[0]
    return result


def _allocate(shape: tuple[int, ...], dtype: torch.dtype, runtime: Runtime) -> torch.Tensor:
    try:
        return torch.empty(shape, dtype=dtype, device=runtime.output_device)
    except Exception as error:
        if not runtime.is_out_of_memory(error):
            raise
        raise UpscalerMemoryError(
            f"no memory for a result of shape {shape} in {dtype} on {runtime.output_device}. "
            "Ask for a smaller size or fewer pictures at once."
        ) from error
