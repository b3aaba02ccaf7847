"""Narrow networks in the shapes that the host wants: every tensor is put where its channels are, the rest is zero.

What the wide network computes is what the narrow one computes, up to rounding: normalisation groups are either wholly
used or wholly unused, and an unused channel stays zero through every layer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .sizes import CHANNELS, FULL_CONTEXT, FULL_TIME, FULL_VAE_WIDTH, LATENT

Array = NDArray[Any]

_JOINED, _GATED = 2 * CHANNELS, 8 * CHANNELS
_UNET_CHANNELS = (
    (r"time_embed\.0\.", (FULL_TIME, CHANNELS)),
    (r"time_embed\.2\.", (FULL_TIME, FULL_TIME)),
    (r"emb_layers\.1\.", (CHANNELS, FULL_TIME)),
    (r"ff\.net\.0\.", (_GATED, CHANNELS)),
    (r"ff\.net\.2\.", (CHANNELS, 4 * CHANNELS)),
    (r"attn2\.to_[kv]\.", (CHANNELS, FULL_CONTEXT)),
    (r"^input_blocks\.0\.0\.", (CHANNELS, LATENT)),
    (r"^output_blocks\.\d\.0\.in_layers\.0\.", (_JOINED,)),
    (r"^output_blocks\.\d\.0\.(in_layers\.2|skip_connection)\.", (CHANNELS, _JOINED)),
    (r"^out\.2\.", (LATENT, CHANNELS)),
    (r"", (CHANNELS, CHANNELS)),
)
"""Sizes of the first two axes of the full tensors, by the first pattern that their name contains."""

_VAE_BLOCKS = {
    "taesd_encoder.": (1, 3, 4, 5, 7, 8, 9, 11, 12, 13),
    "taesd_decoder.": (3, 4, 5, 8, 9, 10, 13, 14, 15, 18),
}
_VAE_CHANNELS = (
    (r"encoder\.0\.", (FULL_VAE_WIDTH, 3)),
    (r"encoder\.14\.", (LATENT, FULL_VAE_WIDTH)),
    (r"decoder\.1\.", (FULL_VAE_WIDTH, LATENT)),
    (r"decoder\.19\.", (3, FULL_VAE_WIDTH)),
    (r"", (FULL_VAE_WIDTH, FULL_VAE_WIDTH)),
)


def unet(narrow: Mapping[str, Array]) -> dict[str, Array]:
    """Return the tensors of the 320 channels wide UNet, named as the narrow ones."""
    return {name: _widened(array, _sizes(name, _UNET_CHANNELS)) for name, array in narrow.items()}


def vae(narrow: Mapping[str, Array]) -> dict[str, Array]:
    """Return the tensors of the 64 channels wide TAESD, named as the narrow ones, with the blocks left out."""
    wide = {name: _widened(array, _sizes(name, _VAE_CHANNELS)) for name, array in narrow.items()}
    for network, blocks in _VAE_BLOCKS.items():
        for name in (f"{network}{block}.conv.{layer}." for block in blocks for layer in (0, 2, 4)):
            wide.setdefault(name + "weight", np.zeros((FULL_VAE_WIDTH, FULL_VAE_WIDTH, 3, 3), np.float16))
            wide.setdefault(name + "bias", np.zeros(FULL_VAE_WIDTH, np.float16))
    return wide


def _sizes(name: str, table: tuple[tuple[str, tuple[int, ...]], ...]) -> tuple[int, ...]:
    return next(sizes for pattern, sizes in table if re.search(pattern, name))


def _widened(array: Array, sizes: tuple[int, ...]) -> Array:
    """Put `array` into zeros of these sizes; axes beyond them (kernels) are whole."""
    axes = min(array.ndim, len(sizes))
    wide = np.zeros(sizes[:axes] + array.shape[axes:], array.dtype)
    wide[np.ix_(*[_places(used, size) for used, size in zip(array.shape, sizes, strict=False)])] = array
    return wide


def _places(used: int, size: int) -> NDArray[np.intp]:
    """Return where an axis's used channels are: in front, or in front of both halves where two rows are joined."""
    if size in (_JOINED, _GATED):
        half = np.arange(used // 2)
        return np.concatenate([half, size // 2 + half])
    return np.arange(used)
