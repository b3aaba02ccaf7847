"""The words of badges: sizes and counts, and warnings of runs that will not fit or not give what was hoped for."""

from __future__ import annotations

from .. import memory
from ..sizes.image_sizes import Size
from .model_files import LATER_SIDE

LARGEST_AREA = 16
"""Second passes up to this many times the area that a model was trained at: four times each side. Attention alone
then takes 256 times as long as at that area, and the picture repeats itself."""

TRAINED_SIDE = LATER_SIDE
"""Where the model is not known: what SDXL and all later families were trained at, so that none is warned of early."""

LARGEST_PASS = 64_000_000
"""Pixels of a second pass that take very long with any model."""

COPIES = 3
"""Pictures of the result's size that main memory holds at once: made, cropped or clamped, and shown or saved."""

SHARPENING_STRENGTH = 0.5
"""Below this, sampling does not get rid of the blur of an enlarged latent (Latent Upscale's own advice)."""


ARROW = " \u2192 "  # escaped: readers that take files for their system's code page must not stumble over the pack's


def size_text(size: Size) -> str:
    return f"{size[0]}×{size[1]}"


def way_text(*sizes: Size) -> str:
    """Return sizes that follow one another."""
    return ARROW.join(map(size_text, sizes))


def counted(count: int, what: str) -> str:
    """Return a number of things, in the singular for one."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def too_large_for_memory(size: Size, count: int, free: int | None, needed: int = 0) -> str | None:
    """Warn of a batch that main memory has no room for; `needed`: bytes without which the node stops, see `memory`."""
    needed = max(needed, memory.pictures(size, count) * COPIES)
    if free is None or needed <= free:
        return None
    batch = f"{count} pictures" if count > 1 else "A picture"
    return (
        f"{batch} of {size_text(size)} pixels will need about {memory.as_text(needed)} of main memory, and only "
        f"{memory.as_text(free)} are free. Choose a smaller size{' or batch' if count > 1 else ''}, or close other "
        "programs; Upscale Folder takes large pictures through in pieces."
    )


def too_long(size: Size, trained: int | None) -> str | None:
    """Warn of a second pass that will take very long; `trained`: side that the model was trained at, if known."""
    area, side = size[0] * size[1], trained or TRAINED_SIDE
    if area <= min(LARGEST_PASS, LARGEST_AREA * side * side):
        return None
    what = f"{area / (side * side):.0f} times the {side}x{side} that the model was trained at" if trained else "so many"
    return (
        f"Sampling at {size_text(size)} ({area / 1e6:.0f} megapixels, {what}) will take very long and repeat motifs. "
        "Lower the target, and enlarge the finished picture with Upscale Image (Extras)."
    )


def senseless_strength(strength: float, is_blurry: bool) -> str | None:
    """Warn of a denoising strength, 0 to 1, that will disappoint; `is_blurry`: the latent was enlarged as one."""
    if is_blurry and 0 < strength < SHARPENING_STRENGTH:
        return (
            f"At a denoising strength of {strength:g} the picture stays as blurry as Latent Upscale makes it. "
            f"Use {SHARPENING_STRENGTH} or more, or Pixel Upscale."
        )
    if strength >= 1:
        return (
            "At a denoising strength of 1 nothing of the first pass is left. "
            "Use 0.3 to 0.5 after Pixel Upscale, 0.6 to 0.7 after Latent Upscale."
        )
    return None


def other_size(source: Size, latent: Size) -> str:
    """Warn that Target Size was given another size than the latent's."""
    return (
        f"Target Size was worked out for {size_text(source)}, but the latent is {size_text(latent)}: the run will stop "
        "here. Give Target Size the width and height of the first pass."
    )


def no_pictures(include: str) -> str:
    """Say that a folder has none of the pictures that are asked for."""
    return (
        f"No picture in the folder fits '{include}', so nothing will be done. Correct input_folder or include, or "
        "switch recursive on for pictures in folders inside it."
    )
