"""What is known of a model by the names and shapes of the tensors in its file."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

Shapes = Mapping[str, tuple[int, ...]]
"""By name of the tensor."""

EARLY_SIDE, LATER_SIDE = 512, 1024
"""Sides of the square pictures that SD 1 and 2, and SDXL and all later families, were trained on."""

_INSIDE = ("", "first_stage_model.", "vae.")
"""What comes before a VAE's names in a file of its own and in checkpoints."""


def latent_cell(shapes: Shapes) -> int | None:
    """Pixels a side of a latent cell of the VAE in a file; None if there is none, or one that is not known for sure."""
    return next((cell for prefix in _INSIDE if (cell := _cell_of(shapes, prefix))), None)


def trained_side(shapes: Shapes) -> int | None:
    """Side of the square pictures that a checkpoint's diffusion model was trained on; None if that is not known."""
    if any(name.startswith("cond_stage_model.") for name in shapes):
        return EARLY_SIDE  # SD 1 and 2
    if any(name.startswith("conditioner.embedders.") for name in shapes):
        return LATER_SIDE  # SDXL
    return None


def _cell_of(shapes: Shapes, prefix: str) -> int | None:
    """Tell the families of pictures apart as the host's `VAE` does."""
    if f"{prefix}taesd_decoder.1.weight" in shapes:
        return 8
    if f"{prefix}decoder.middle.0.residual.0.gamma" in shapes:  # Wan, Qwen-Image
        return 16 if f"{prefix}decoder.upsamples.0.upsamples.0.residual.2.weight" in shapes else 8
    start = shapes.get(f"{prefix}decoder.conv_in.weight", ())
    own = f"{prefix}decoder.up.3.upsample.conv.weight" in shapes
    diffusers = f"{prefix}decoder.up_blocks.2.upsamplers.0.conv.weight" in shapes
    if len(start) != 4 or start[1] > 32 or not (own or diffusers):
        return None
    return 16 if f"{prefix}bn.running_mean" in shapes else 8  # Flux2 puts 2x2 cells into one


_NETWORK = "model.diffusion_model."
_FIRST = ("input_blocks.0.0.weight", "label_emb.weight")
_OTHERS = ("first_stage_model.", "vae.", "text_encoders.", "cond_stage_model.", "conditioner.")
"""What comes before the names of all that is no diffusion model in a checkpoint."""

_UNETS = {768: 3.6, 1024: 3.6, 2048: 6.4}
"""By the width of the text: 10^12 operations of SD 1, SD 2 and SDXL for a megapixel of picture, counted on their
networks."""

_X4 = 4.4
"""Of the SD x4 upscaler, for a megapixel of its result."""

_TOKENS = 1_000_000 / 16**2
"""Of a transformer, for a megapixel: each stands for 16x16 pixels."""


def is_sd_x4(shapes: Shapes) -> bool:
    """Whether a checkpoint is the SD x4 upscaler: its network also sees a picture, and is told of its noise."""
    first = shapes.get(_NETWORK + _FIRST[0], ())
    return len(first) == 4 and first[1] == 7 and _NETWORK + _FIRST[1] in shapes


def work_of(shapes: Shapes) -> float | None:
    """Operations, in 10^12, that a diffusion model takes about for a megapixel once; None if the file holds none."""
    if is_sd_x4(shapes):
        return _X4
    width = next((shape[1] for name, shape in shapes.items() if name.endswith("attn2.to_k.weight")), 0)
    if any(name.endswith(_FIRST[0]) for name in shapes):
        return _UNETS.get(width)
    numbers = sum(prod(shape) for name, shape in shapes.items() if len(shape) == 2 and not name.startswith(_OTHERS))
    return 2 * numbers * _TOKENS / 1e12 or None
