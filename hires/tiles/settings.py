"""How pictures are cut for an upscale model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import InputError

Precision = Literal["auto", "float32", "float32 (fast convolutions)"]

PRECISIONS: tuple[Precision, ...] = ("auto", "float32", "float32 (fast convolutions)")


@dataclass(frozen=True)
class TileSettings:
    """How pictures are cut for a model."""

    size: int = 0
    """Longest side of a tile in input pixels; 0 chooses it by the free memory. At least three times the overlap is
    used, so that a third of a tile is its own."""

    overlap: int = -1
    """Input pixels around a tile that the model sees but that others own; -1 for what the architecture needs."""

    precision: Precision = "auto"
    """"auto" computes in half precision where that is faster and the model's result stays the same (50 dB), else in
    float32 with fast convolutions where those are faster; "float32" with neither."""

    def __post_init__(self) -> None:
        if self.size < 0:
            raise InputError(f"tile_size is {self.size}; it counts pixels. 0 chooses it.", "tile_size")
        if self.overlap < -1:
            raise InputError(f"tile_overlap is {self.overlap}; it counts pixels. -1 chooses it.", "tile_overlap")
        if self.precision not in PRECISIONS:
            raise InputError(f"precision is {self.precision!r}; it can be {' or '.join(PRECISIONS)}.", "precision")
