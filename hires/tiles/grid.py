"""Where the tiles of a picture lie that are worked on one by one and put together again."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ..errors import InputError
from .boxes import Box, even_starts
from .windows import Span, spans_of

Size = tuple[int, int]


@dataclass(frozen=True)
class TileGrid:
    """Tiles of one size in rows and columns, evenly spread over a picture. Sizes are width and height in pixels."""

    picture: Size
    tile: Size
    overlap: int
    """What neighbours share at the least."""

    columns: tuple[int, ...]
    rows: tuple[int, ...]
    """Where they start. Negative where a tile is larger than the picture, with A1111's rule."""

    @property
    def count(self) -> int:
        """Tiles of one picture."""
        return len(self.columns) * len(self.rows)

    @property
    def boxes(self) -> list[Box]:
        """The tiles row by row, each row from left to right."""
        width, height = self.tile
        return [Box(x, y, x + width, y + height) for y in self.rows for x in self.columns]

    @property
    def spans(self) -> tuple[list[Span], list[Span]]:
        """Columns and rows as spans; the cuts lie in the middle of what neighbours share."""
        width, height = self.tile
        return (
            spans_of(self.columns, [start + width for start in self.columns]),
            spans_of(self.rows, [start + height for start in self.rows]),
        )

    def times(self, factor: Fraction) -> TileGrid:
        """The same grid of an enlarged picture.

        Raises:
            InputError: the factor puts a tile between two pixels.
        """
        if factor == 1:
            return self

        def whole(value: int) -> int:
            enlarged = value * factor
            if enlarged.denominator != 1:
                raise InputError(
                    f"the tiles come {float(factor):g} times as large as they were cut, which puts pixel {value} of "
                    f"the picture at {float(enlarged):g}. Enlarge tiles by a whole factor, or the combined picture.",
                    "tiles",
                )
            return int(enlarged)

        return TileGrid(
            (whole(self.picture[0]), whole(self.picture[1])),
            (whole(self.tile[0]), whole(self.tile[1])),
            int(self.overlap * factor),
            tuple(map(whole, self.columns)),
            tuple(map(whole, self.rows)),
        )


def tile_grid(picture: Size, tile: Size, overlap: int, as_a1111: bool = False) -> TileGrid:
    """Place tiles by A1111's rule: as few as share the overlap, evenly spread, so that they share it or more.

    `as_a1111`: a tile that is larger than the picture stays so and begins before it; else it is as large as that.

    Raises:
        InputError: a tile without pixels, a negative overlap, or one that leaves nothing of a tile.
    """
    for name, side in zip(("tile_width", "tile_height"), tile, strict=True):
        if side < 1:
            raise InputError(f"{name} is {side}; a tile has at least 1 pixel a side.", name)
        if not 0 <= overlap < side:
            raise InputError(
                f"overlap is {overlap} and {name} {side}: tiles must share 0 pixels or more, and have some of their "
                f"own. Set the overlap below {side}, best to about an eighth of it, or larger tiles.",
                "overlap",
            )
    if not as_a1111:
        tile = min(tile[0], picture[0]), min(tile[1], picture[1])
        overlap = min(overlap, min(tile) - 1)
    starts = [tuple(even_starts(side, length, overlap)) for side, length in zip(picture, tile, strict=True)]
    return TileGrid(picture, tile, overlap, *starts)
