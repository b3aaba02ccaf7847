"""Large pictures through a VAE in tiles that cost one pass and that do not differ in colour.

ComfyUI's own tiles go over the picture three times, to hide that each has its own colours. Here all tiles share the
norms of the picture (see `picture_norms`), overlap, and count only where they have seen enough of their surroundings.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import comfy.model_management
import comfy.ops
import comfy.sd
import comfy.utils
import torch
from torch import nn

from ...hires.tiles.picture_norms import PictureNorms
from ...hires.tiles.samples import spread_boxes
from ...hires.tiles.windows import Span, even_spans, span_weights
from ..memory import free_main_memory, is_out_of_memory

log = logging.getLogger("hires-fix")

SMALLEST_TILE = 64
"""Pixels a side of the smallest tile, as on ComfyUI's own tiled nodes. Below, hardly anything of a tile is its own."""

SMALLEST_TILE_CELLS = 4
"""The same in latent cells: ComfyUI also takes tiles of half the side, and a quarter of a tile overlaps."""

OVERLAP, LEAST_OVERLAP = 16, 12
"""Latent cells that tiles share: a quarter of a tile, and so many at the most and at the least, but half a tile at the
most. With the demo's TAESD, tiles that share 8 are 60 dB from one piece, and show lines in a sky; those that share 12
are 71."""

PIECE, SMALL_PIECE = 32, 16
"""Latent cells a side of the pieces of a picture that its norms are measured on. Many small ones see more of the
picture than a few large ones, but of those a network sees mostly the edges."""

PIECES, LEAST_PIECES = 16, 4
"""So many are taken where a tile has room for them; so many of the smaller ones, whatever the tile."""

MEASURED = 8
"""One of so many cells of a picture is in a piece, where a tile has room for that many: what the pass costs beyond."""


def decode_pictures(vae: Any, samples: torch.Tensor, tile: int = 0) -> torch.Tensor:
    """Decode `(B, C, [T,] h, w)` to what the host's own `decode` gives, `(B, [T,] H, W, channels)`.

    `tile`: side of the tiles in latent cells; 0: one piece where memory is enough for it, by the host's estimate and
    then in fact, else the largest tiles that it is enough for. Clips, and VAEs with tiles of their own, go the host's
    way.
    """
    own = _with_these_tiles(vae)
    if own is None:
        if tile:
            return vae.decode_tiled(samples, tile_x=tile, tile_y=tile, overlap=tile // 4)
        return vae.decode(samples)
    needed = vae.memory_used_decode(samples.shape, vae.vae_dtype)
    tile = tile or _fitting_tile(vae, needed, samples.shape[-2:])
    if not tile:
        return own.decode(samples)
    limited = (*samples.shape[:2], *(min(side, tile) for side in samples.shape[2:]))
    own.memory_used_decode = lambda _, dtype: vae.memory_used_decode(limited, dtype)
    return own.decode_tiled(samples, tile_x=tile)


def encode_picture(vae: Any, image: torch.Tensor, tile: int = 0) -> torch.Tensor:
    """Encode `(1, H, W, C)`, 0 to 1, of whole cells, to what the host's own `encode` gives; `(T, H, W, C)` for clips.

    `tile`: side of the tiles in pixels; see `decode_pictures`.
    """
    own = _with_these_tiles(vae)
    if own is None:
        return vae.encode_tiled(image, tile_x=tile, tile_y=tile, overlap=tile // 4) if tile else vae.encode(image)
    cell = int(vae.spacial_compression_encode())
    shape = (len(image), image.shape[-1], *image.shape[1:3])
    needed = vae.memory_used_encode(shape, vae.vae_dtype)
    tile = tile or _fitting_tile(vae, needed, tuple(side // cell for side in image.shape[1:3])) * cell
    if not tile:
        return own.encode(image)
    limited = (*shape[:2], *(min(side, tile) for side in shape[2:]))
    own.memory_used_encode = lambda _, dtype: vae.memory_used_encode(limited, dtype)
    return own.encode_tiled(image, tile_x=tile)


def _with_these_tiles(vae: Any) -> Any | None:
    """A second VAE object with the same network, for one call, whose tiles are those of this module.

    None for what only the host or another pack can cut up: clips, sound, networks with tiles of their own.
    """
    if not _is_the_hosts(vae) or vae.latent_dim != 2 or vae.handles_tiling or vae.extra_1d_channel is not None:
        return None
    own = copy.copy(vae)
    cell = int(vae.spacial_compression_decode())

    def decode_part(part: torch.Tensor) -> torch.Tensor:
        return vae.first_stage_model.decode(part.to(vae.vae_dtype).to(vae.device))

    def encode_part(part: torch.Tensor) -> torch.Tensor:
        return vae.first_stage_model.encode(vae.process_input(part).to(vae.vae_dtype).to(vae.device))

    # the host calls them with a side, or without where memory has run out for one piece
    def decode_tiles(samples: torch.Tensor, tile_x: int = 0, **_: int) -> torch.Tensor:
        tiles = _Tiles(vae, decode_part, 1, cell, tile_x or _first_side(samples, cell))
        return vae.process_output(tiles.put_together(samples).to(vae.vae_output_dtype()))

    def encode_tiles(pixels: torch.Tensor, tile_x: int = 0, **_: int) -> torch.Tensor:
        tiles = _Tiles(vae, encode_part, cell, 1, tile_x // cell or _first_side(pixels, 1) // cell)
        return tiles.put_together(pixels).to(vae.vae_output_dtype())

    own.decode_tiled_, own.encode_tiled_ = decode_tiles, encode_tiles
    return own


def _is_the_hosts(vae: Any) -> bool:
    return type(vae) is comfy.sd.VAE


def _first_side(picture: torch.Tensor, pixels: int) -> int:
    """Where memory has run out for one piece; `pixels` a side of what is counted."""
    side = _half(picture.shape[-2:])
    _say_smaller(side * pixels)
    return side


def _say_smaller(pixels: int) -> None:
    log.warning("Out of memory: the VAE goes on in tiles of %dx%d pixels.", pixels, pixels)


def _half(sides: tuple[int, ...]) -> int:
    return (max(sides) + 1) // 2


def _fitting_tile(vae: Any, needed: int, cells: tuple[int, ...]) -> int:
    """Latent cells a side of the largest tiles that memory is enough for; 0: enough for one piece."""
    comfy.model_management.load_models_gpu(
        [vae.patcher], memory_required=needed, force_full_load=vae.disable_offload
    )  # as the host would: others make room
    on_cpu = comfy.model_management.is_device_cpu(vae.device)
    free = free_main_memory() if on_cpu else vae.patcher.get_free_memory(vae.device)
    if needed <= free:
        return 0
    side = int((cells[0] * cells[1] * max(free, 0) / needed) ** 0.5)
    side = max(smallest_tile(vae), min(side // 8 * 8, _half(cells)))
    pixels = side * int(vae.spacial_compression_decode())
    log.info("Memory is short for one piece: the VAE works in tiles of %dx%d pixels.", pixels, pixels)
    return side


def smallest_tile(vae: Any) -> int:
    """Latent cells a side of the smallest tile."""
    return max(SMALLEST_TILE_CELLS, SMALLEST_TILE // int(vae.spacial_compression_decode()))


class _Tiles:
    """One run of a network over pictures, tile by tile; tiles become smaller where memory runs out."""

    def __init__(
        self, vae: Any, network: Callable[[torch.Tensor], torch.Tensor], pixels_in: int, pixels_out: int, side: int
    ) -> None:
        self._vae, self._network = vae, network
        self._in, self._out = pixels_in, pixels_out
        """Pixels a side of a latent cell in what goes in and in what comes out: 1 for latents."""
        self._side = side
        """Latent cells of a tile, at the most."""
        self._norms, self._area = PictureNorms(vae.first_stage_model, _weights), 0
        """`_area` is that of the picture whose norms are measured; 0: of none."""
        self._bar: comfy.utils.ProgressBar | None = None
        self._done = 0.0

    def put_together(self, pictures: torch.Tensor) -> torch.Tensor:
        """`(B, C, h, w)` -> `(B, C', h', w')`, float32 on the host's device for results."""
        self._bar = comfy.utils.ProgressBar(self._cells(pictures))
        return torch.cat([self._picture(picture[None]) for picture in pictures])

    def _picture(self, picture: torch.Tensor) -> torch.Tensor:
        self._area = 0
        whole = self._in_one_piece(picture, self._cells(picture))
        if whole is not None:
            return whole
        if self._norms:
            self._measure(picture)
            self._area = self._cells(picture)
        return self._in_windows(picture, self._cells(picture))

    def _measure(self, picture: torch.Tensor) -> None:
        """On no more cells than a tile has, which memory was found to be enough for; on fewer where it is not."""
        height, width = (side // self._in for side in picture.shape[-2:])
        room = max(self._side**2, LEAST_PIECES * SMALL_PIECE**2)
        side = PIECE if room >= PIECES * PIECE**2 else SMALL_PIECE
        count = min(room, max(PIECES * side**2, width * height // MEASURED)) // side**2
        while True:
            boxes = spread_boxes(width, height, side, count)
            pieces = torch.cat([_cut(picture, *box.times(self._in)) for box in boxes])
            smallest = len(boxes) == 1 and side <= smallest_tile(self._vae)
            with self._norms.measured():
                if self._attempt(pieces, smallest) is not None:
                    return
            side, count = (side, len(boxes) // 2) if len(boxes) > 1 else (side // 2, 1)
            log.warning("Out of memory: the VAE's norms are measured on fewer or smaller pieces of the picture.")

    def _in_one_piece(self, part: torch.Tensor, work: float) -> torch.Tensor | None:
        """None for what is larger than a tile or proves too large. `work`: latent cells that are done with it."""
        if max(part.shape[-2:]) > self._side * self._in:
            return None
        cells, smallest = max(part.shape[-2:]) // self._in, smallest_tile(self._vae)
        with self._norms.fixed(self._cells(part) / self._area) if self._area else nullcontext():
            result = self._attempt(part, smallest=cells <= smallest)
        if result is None:
            self._side = max(smallest, cells // 2)
            _say_smaller(self._side * max(self._in, self._out))
            return None
        self._done += work
        if self._bar is not None:
            self._bar.update_absolute(round(self._done))
        return result

    def _in_windows(self, part: torch.Tensor, work: float) -> torch.Tensor:
        down, across = (self._spans(side // self._in) for side in part.shape[-2:])
        result = None
        for rows, row_weights in zip(down, span_weights(down, "soft"), strict=True):
            for columns, column_weights in zip(across, span_weights(across, "soft"), strict=True):
                window = (columns.start, rows.start, columns.stop, rows.stop)
                seen = _cut(part, *(place // self._out * self._in for place in window))
                share = work / len(down) / len(across)
                piece = self._in_one_piece(seen, share)
                if piece is None:
                    piece = self._in_windows(seen, share)
                if result is None:
                    result = piece.new_zeros(*piece.shape[:2], down[-1].stop, across[-1].stop)
                piece *= row_weights.to(piece)[:, None]
                piece *= column_weights.to(piece)
                _cut(result, *window).add_(piece)
        assert result is not None
        return result

    def _spans(self, cells: int) -> list[Span]:
        """Of what comes out, at the cells' borders."""
        overlap = min(OVERLAP, max(self._side // 4, LEAST_OVERLAP), self._side // 2)
        return even_spans(cells * self._out, self._side * self._out, overlap * self._out, self._out)

    def _attempt(self, part: torch.Tensor, smallest: bool) -> torch.Tensor | None:
        """Run the network; None where memory has run out, unless this was the smallest part that it can be given."""
        try:
            return self._network(part).to(self._vae.output_device, torch.float32)
        except Exception as error:
            if smallest or not is_out_of_memory(error):
                raise
        # outside the except block, where the failed run's tensors are still alive
        comfy.model_management.soft_empty_cache()
        return None

    def _cells(self, picture: torch.Tensor) -> int:
        return len(picture) * picture.shape[-2] * picture.shape[-1] // self._in**2


@contextmanager
def _weights(norm: nn.GroupNorm, x: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """A norm's weight and bias where `x` is: the host may keep them elsewhere, or patch them on the way."""
    if not isinstance(norm, comfy.ops.CastWeightBiasOp):
        yield norm.weight, norm.bias
        return
    weight, bias, stream = comfy.ops.cast_bias_weight(norm, x, offloadable=True)
    try:
        yield weight, bias
    finally:
        comfy.ops.uncast_bias_weight(norm, weight, bias, stream)


def _cut(picture: torch.Tensor, left: int, top: int, right: int, bottom: int) -> torch.Tensor:
    return picture[..., top:bottom, left:right]
