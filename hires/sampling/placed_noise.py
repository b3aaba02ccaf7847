"""Noise that belongs to a place of a picture: any window can be drawn alone, in any order, and neighbours agree."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence

import torch

from ..tiles.boxes import Box
from .noise import SEEDS

BLOCK = 64
"""Latent cells a side of what one generator draws."""


class PlacedBlocks:
    """The blocks that a window of a picture lies in; each has a seed of its own."""

    def __init__(self, window: Box) -> None:
        """`window`: in latent cells of the whole picture."""
        self._window = window
        self._rows = range(window.y0 // BLOCK, -(-window.y1 // BLOCK))
        self._columns = range(window.x0 // BLOCK, -(-window.x1 // BLOCK))

    def seeds(self, seed: int) -> list[int]:
        """Seeds of the blocks, row by row, of a picture with this seed."""
        return [_block_seed(seed, row, column) for row in self._rows for column in self._columns]

    def shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """That of one block, for a window of `shape`, `(C, [T,] h, w)`."""
        return (*shape[:-2], BLOCK, BLOCK)

    def joined(self, blocks: torch.Tensor) -> torch.Tensor:
        """Cut the window, `(1, C, [T,] h, w)`, out of its blocks `(number of blocks, C, [T,] BLOCK, BLOCK)`."""
        rows = [torch.cat(list(row), dim=-1) for row in blocks.split(len(self._columns))]
        whole, left, top = torch.cat(rows, dim=-2), self._columns[0] * BLOCK, self._rows[0] * BLOCK
        x0, y0, x1, y1 = self._window
        return whole[None, ..., y0 - top : y1 - top, x0 - left : x1 - left].contiguous()


def _block_seed(seed: int, row: int, column: int) -> int:
    """Far apart for neighbours, of which one must not be what the next picture has elsewhere."""
    digest = hashlib.blake2b(struct.pack("<QQQ", seed % SEEDS, row, column), digest_size=8).digest()
    return int.from_bytes(digest, "little")
