"""What is known of a model by the names and shapes of the tensors in its file."""

from __future__ import annotations

from collections.abc import Mapping

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
