"""Tiles through a VAE and back, so many at once as one batch of A1111's img2img has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import comfy.utils
import torch
import torch.nn.functional as F

from ...hires import memory
from ...hires.errors import InputError
from ...hires.images.checks import check_image
from ...hires.tiles.layout import ONE_OF_TILES, TileLayout
from ..latents.any_size import encode_any_size, encode_any_size_as_a1111
from ..latents.codec import cell_of, decode
from ..latents.latents import Latent
from ..latents.posterior import posterior_generator
from ..memory import check_memory
from ..sampling.noise import shifted


def encode_tiles(
    vae: Any, tiles: torch.Tensor, layout: TileLayout, noise: Any, batch_size: int
) -> tuple[list[Latent], list[Any]]:
    """Encode tiles `(layout.count, h, w, C)`, 0 to 1: a LATENT for every batch, and the NOISE that goes with it.

    Tile i of all has the seed `noise.seed + i`, however many go together. With A1111's numbers each batch begins one
    seed after the one before it, and each picture one after the picture before it; tiles are drawn from the VAE's
    distribution as there, those of the first batch, which A1111 does not seed, from its middle.

    Raises:
        InputError: not the tiles of this layout, a batch size below 1, a NOISE without a seed.
    """
    check_image(tiles, "tiles")
    _check_count(len(tiles), layout)
    if batch_size < 1:
        raise InputError(f"batch_size is {batch_size}; at least 1 tile is sampled at once.", "batch_size")
    cell, (height, width) = cell_of(vae), tiles.shape[1:3]
    cells = -(-width // cell), -(-height // cell)
    needed = memory.pictures(cells, len(tiles), vae.latent_channels)
    check_memory(f"{len(tiles)} tiles of {width}x{height} pixels become latents", needed, "tiles")
    progress = comfy.utils.ProgressBar(len(tiles))
    latents: list[Latent] = []
    noises: list[Any] = []
    for picture, first in _batches(layout, batch_size):
        start = picture * layout.grid.count + first
        batch = tiles[start : min(start + batch_size, (picture + 1) * layout.grid.count)]
        if layout.as_a1111:
            before = noises[-1] if noises else None
            generator = posterior_generator(before, latents[-1]) if before is not None else None
            latents.append(encode_any_size_as_a1111(vae, batch, generator))
            noises.append(shifted(noise, picture + first // batch_size))
        else:
            # by its place, so that a tile looks the same in batches of any size
            places = list(range(start, start + len(batch)))
            latents.append({**encode_any_size(vae, batch), "batch_index": places})
            noises.append(noise)
        latents[-1][ONE_OF_TILES] = layout.grid.count > 1
        progress.update(len(batch))
    return latents, noises


def decode_tiles(vae: Any, latents: Sequence[Latent], layout: TileLayout) -> torch.Tensor:
    """Undo `encode_tiles`, whether the latents were sampled in between or not: `(layout.count, h, w, 3)`, 0 to 1.

    What was repeated at encoding up to whole cells comes off. With A1111's numbers a tile that is no whole cells
    wide or high, which it cuts off, ends in black, as there.

    Raises:
        InputError: tiles are missing, or the latents have another size; see also `decode`.
    """
    count = sum(latent["samples"].shape[0] for latent in latents)
    _check_count(count, layout)
    width, height = layout.grid.tile
    check_memory(
        f"{count} latents become tiles of {width}x{height} pixels", memory.pictures((width, height), count), "latent"
    )
    progress = comfy.utils.ProgressBar(count)
    decoded = []
    for latent in latents:
        frames = decode(vae, latent).flatten(0, -4)
        decoded.append(_to_size(frames, layout, cell_of(vae)))
        progress.update(len(frames))
    return torch.cat(decoded)


def _batches(layout: TileLayout, batch_size: int) -> list[tuple[int, int]]:
    """Number of the picture and of its first tile, of every batch: none goes over two pictures."""
    return [(picture, first) for picture in range(layout.pictures) for first in range(0, layout.grid.count, batch_size)]


def _to_size(frames: torch.Tensor, layout: TileLayout, cell: int) -> torch.Tensor:
    width, height = layout.grid.tile
    short = width - frames.shape[2], height - frames.shape[1]
    if layout.as_a1111 and all(0 <= side < cell for side in short):
        return F.pad(frames, (0, 0, 0, short[0], 0, short[1]))
    if not all(-cell < side <= 0 for side in short):
        raise InputError(
            f"the latents decode to {frames.shape[2]}x{frames.shape[1]} pixels, and the tiles were cut with "
            f"{width}x{height}. Connect the latents of Encode Tiles, sampled at their own size; to enlarge, upscale "
            "the tiles after Decode Tiles.",
            "latent",
        )
    return frames[:, :height, :width]


def _check_count(count: int, layout: TileLayout) -> None:
    if count != layout.count:
        raise InputError(
            f"there are {count} tiles, and the picture was cut into {layout.count}. Connect all tiles of Split into "
            "Tiles and its layout, with nothing in between that drops or adds one.",
            "tiles",
        )
