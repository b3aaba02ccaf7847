"""The VAE: pictures to latents and back, for every family."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import comfy.model_base
import torch

from ...hires.errors import InputError
from ...hires.sizes.diffusion import X4_SCALE
from ...hires.sizes.image_sizes import A1111_CELL, TargetSize
from ...hires.sizes.latent import check_latent_size, crop_latent
from ..ending import check_stage
from .latents import Latent, LatentError, at_target, finite_samples_of, samples_of, with_samples
from .posterior import encode_posterior, has_posterior
from .tiled_vae import decode_pictures, encode_picture, smallest_tile

_OWN_CELL = "downscale_ratio_spacial"
"""Key of a LATENT under which an empty one names its cell, which its model may then change."""


def cell_of_model(model: Any) -> int:
    """Pixels a side of one latent cell of a diffusion model; `model`: the host's BaseModel."""
    if isinstance(model, comfy.model_base.SD_X4Upscaler):
        return X4_SCALE  # the host's format of its latents says 8
    return model.latent_format.spacial_downscale_ratio


class CodecError(InputError):
    """A VAE that cannot do what is asked."""


def cell_of(vae: Any, latent: Latent | None = None) -> int:
    """Pixels a side of one latent cell: the VAE's; without one what the latent names, else A1111's 8.

    Raises:
        CodecError: not a VAE for pictures.
    """
    if vae is None:
        return int((latent or {}).get(_OWN_CELL) or A1111_CELL)
    if getattr(vae, "first_stage_model", None) is None:
        raise CodecError(
            "there is no VAE in the file that was loaded. Connect one from core's Load VAE, or load a checkpoint that "
            "holds one.",
            "vae",
        )
    cell = vae.spacial_compression_decode()
    if vae.latent_dim not in (2, 3) or vae.output_channels < 3 or not cell or cell != int(cell):
        raise CodecError(
            f"this is not a VAE for pictures: its latents have {vae.latent_dim} axes beside batch and channels, what "
            f"it decodes has {vae.output_channels} channels. Connect the VAE of the model that draws the pictures.",
            "vae",
        )
    return int(cell)


def pixel_size(latent: Latent, vae: Any) -> tuple[int, int]:
    """Width and height in pixels of the pictures in a LATENT.

    An empty latent may name its own cell size, whatever the VAE's: sampling it keeps its size in pixels. Everything
    else needs the VAE.

    Raises:
        LatentError: see `samples_of`; also when nothing tells the cell size.
        CodecError: see `cell_of`.
    """
    samples = samples_of(latent)
    if vae is None and not latent.get(_OWN_CELL):
        raise LatentError("a latent does not tell its size in pixels; connect the VAE as well.")
    cell = int(latent.get(_OWN_CELL) or cell_of(vae))
    return samples.shape[-1] * cell, samples.shape[-2] * cell


def check_tile(vae: Any, tile: int) -> None:
    """Refuse (CodecError) tiles that are not worth making; 0 stands for none."""
    smallest = smallest_tile(vae) * cell_of(vae)
    if 0 < tile < smallest:
        raise CodecError(
            f"vae_tile_size is {tile}; with this VAE a tile has at least {smallest} pixels a side. Use {smallest} or "
            "more (512 suits most), or 0 for one piece.",
            "vae_tile_size",
        )


@contextmanager
def cancellable(vae: Any) -> Iterator[None]:
    """Let the user cancel while the VAE works, at every one of its layers: the host only looks between tiles."""

    def look(*_: Any) -> None:
        check_stage()

    hooks = [module.register_forward_pre_hook(look) for module in vae.first_stage_model.modules()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def decode(vae: Any, latent: Latent, tile: int = 0) -> torch.Tensor:
    """Decode a LATENT to pictures `(B, [T,] H, W, channels)`, 0 to 1.

    `tile`: side of the tiles in pixels of the picture; 0 decodes in one piece, or in tiles where memory is short.

    Raises:
        LatentError: see `finite_samples_of`; also a latent with other channels or axes than the VAE's.
        CodecError: see `cell_of` and `check_tile`; also if the VAE gave NaN.
    """
    samples = fit_to_vae(vae, latent)
    check_tile(vae, tile)
    with cancellable(vae):
        image = decode_pictures(vae, samples, tile // cell_of(vae))
    check_stage()
    bad = image.numel() - int(torch.isfinite(image).sum())
    if bad:
        raise CodecError(
            f"the VAE decoded {bad} of {image.numel()} values to NaN or infinity. Run it in full precision "
            "(ComfyUI's --fp32-vae) or use another VAE.",
            "vae",
        )
    return image


def fit_to_vae(vae: Any, latent: Latent) -> torch.Tensor:
    """Return the latent in the form that the VAE decodes.

    Raises:
        LatentError: see `finite_samples_of`; also a latent with other channels or axes than the VAE's.
        CodecError: see `cell_of`.
    """
    cell_of(vae)
    samples = finite_samples_of(latent)
    if samples.shape[1] != vae.latent_channels:
        raise LatentError(
            f"the latent has {samples.shape[1]} channels, the VAE decodes {vae.latent_channels}. "
            "Latent and VAE belong to different families: connect the VAE of the model that made the latent."
        )
    axes = vae.latent_dim + 2
    if samples.ndim == 5 and axes == 4 and samples.shape[2] == 1:
        return samples[:, :, 0]  # a clip of one picture
    if samples.ndim != axes:
        raise LatentError(
            f"the latent has {samples.ndim} axes {tuple(samples.shape)}, the VAE decodes {axes} "
            f"({'clips: batch, channels, frames, height, width' if axes == 5 else 'pictures, not clips'}). "
            "Connect the VAE of the model that made the latent."
        )
    return samples


def encode(vae: Any, image: torch.Tensor, latent: Latent, target: TargetSize, tile: int = 0) -> Latent:
    """Encode upscaled pictures and cut them to the target: a LATENT of its size.

    Args:
        image: `(B, [T,] H, W, C)`, 0 to 1, of the target's size before the crop. Stills are encoded one by one:
            a video VAE would take a batch for the frames of a clip.
        latent: the LATENT the pictures come from; masks and other keys are carried over.
        tile: side of the tiles in pixels; 0 encodes in one piece, or in tiles where memory is short.
    """
    # whole cells from the top left, where A1111's latents lie; the host would cut around the centre
    width, height = target.up_width // target.cell * target.cell, target.up_height // target.cell * target.cell
    check_tile(vae, tile)
    image = image[..., :height, :width, :]
    encoded = []
    for item in image:
        frames = item if item.ndim == 4 else item[None]
        with cancellable(vae):
            encoded.append(encode_picture(vae, frames, tile))
        check_stage()
    return _cropped(torch.cat(encoded), latent, target)


def encode_as_a1111(
    vae: Any, image: torch.Tensor, latent: Latent, target: TargetSize, generator: torch.Generator | None, tile: int = 0
) -> Latent:
    """Do what `encode` does, with A1111's numbers.

    The random part is drawn from `generator`, on the CPU, picture by picture; None takes the mean. A VAE without a
    distribution, or with tiles asked for, encodes as in `encode`.
    """
    if tile or not has_posterior(vae):
        return encode(vae, image, latent, target, tile)
    encoded = []
    for item in image:
        with cancellable(vae):
            encoded.append(encode_posterior(vae, item[None], generator))
        check_stage()
    return _cropped(torch.cat(encoded), latent, target)


def _cropped(samples: torch.Tensor, latent: Latent, target: TargetSize) -> Latent:
    samples = crop_latent(samples, target)
    if samples.shape[-2:] != target.latent_size[::-1]:
        raise CodecError(
            f"the VAE made latents of {samples.shape[-1]}x{samples.shape[-2]} cells, cropped, of pictures of "
            f"{target.up_width}x{target.up_height} pixels; "
            f"{target.latent_size[0]}x{target.latent_size[1]} were expected. Connect the same VAE to Target Size.",
            "vae",
        )
    return at_target(with_samples(latent, samples), target)


def check_target(vae: Any, latent: Latent, target: TargetSize) -> None:
    """Refuse a target that was worked out for another VAE or another first pass.

    Raises:
        CodecError: the cell sizes differ.
        SizeError: the first pass has another size.
    """
    if cell_of(vae) != target.cell:
        raise CodecError(
            f"the VAE has latent cells of {cell_of(vae)} pixels, the target counts in {target.cell}. "
            "Connect this VAE to Target Size, too.",
            "target",
        )
    check_latent_size(samples_of(latent), target)
