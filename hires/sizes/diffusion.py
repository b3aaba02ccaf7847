"""How a diffusion model that is an upscaler gets its pictures: at which size, and in which windows."""

from __future__ import annotations

from dataclasses import dataclass

from ..tiles.windows import check_overlap, plan_windows
from .image_sizes import Size

X4_SCALE = 4
"""Of the SD x4 upscaler. A latent cell is a pixel of what goes in."""

X4_PART, X4_SHARED, X4_GRID = 512, 128, 8
"""Of the SD x4 upscaler, in pixels of what goes in: side of what is drawn at once, what neighbours share, and what the
network takes together. It looks far only at an eighth of the size, where it has attention; 2048x2048 pixels of result
are as much for the VAE as with any other model."""

SEEDVR2_TILE, SEEDVR2_SHARED, SEEDVR2_GRID = 1024, 128, 16
"""Of SeedVR2, in pixels: side of a window, what neighbours share, and what the network takes together. Whole ones need
no padding by the host's nodes, which is black, and lose no odd row."""


@dataclass(frozen=True)
class DiffusionWindows:
    """All in pixels of what goes in."""

    scale: int
    """Factor of a run."""

    tile: int
    """Longest side of what is drawn at once."""

    overlap: int
    """What a window sees beyond its own: half of what neighbours share."""

    align: int
    factor: float = 0.0
    """How much larger than it comes a picture goes in; 0: as large as the target asks for."""

    inside: tuple[int, int] = (0, 0)
    """Side of the tiles in which a window is seen at every step, and what these share. 0: in one piece, while there is
    memory for it; -1: a third, where there is not."""

    def input_size(self, source: Size, target: Size) -> Size:
        """The size that pictures of a source are brought to before the run, on their way to the target."""
        if self.factor:
            return max(1, round(source[0] * self.factor)), max(1, round(source[1] * self.factor))
        least = -(-target[0] // self.scale), -(-target[1] // self.scale)
        return least if self.scale == 1 else (max(source[0], least[0]), max(source[1], least[1]))

    def count_inside(self, size: Size) -> int:
        """How many tiles a window of this size is seen in at every step."""
        tile, shared = self.inside
        return plan_windows(*size, tile, shared, self.align).count if tile else 1


def x4_windows(tile_size: int, overlap: int) -> DiffusionWindows:
    """Of the SD x4 upscaler; `tile_size` and `overlap` in pixels of the result, 0 and -1 are automatic.

    Raises:
        InputError: an overlap that leaves nothing of a tile.
    """
    check_overlap(tile_size or X4_SCALE * X4_PART, overlap)
    tile = tile_size // X4_SCALE
    shared = (-(-tile // 3) or -1) if overlap < 0 else -(-overlap // X4_SCALE)
    part = max(X4_PART, tile)
    return DiffusionWindows(X4_SCALE, part, X4_SHARED // 2, X4_GRID, inside=(tile, shared))


def seedvr2_windows(tile_size: int, overlap: int) -> DiffusionWindows:
    """Of SeedVR2; `overlap`: what neighbours share; 0 and -1 are automatic. Raises InputError, see `x4_windows`."""
    tile, shared = tile_size or SEEDVR2_TILE, SEEDVR2_SHARED if overlap < 0 else overlap
    check_overlap(tile, shared)
    return DiffusionWindows(1, tile, -(-shared // 2), SEEDVR2_GRID)


def redraw_windows(tile: int, shared: int, cell: int, factor: float) -> DiffusionWindows:
    """Of any other model: `tile` and `shared` as its windows over a picture without end have them."""
    return DiffusionWindows(1, tile, shared // 2, cell, factor)
