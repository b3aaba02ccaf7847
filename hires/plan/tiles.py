"""Pictures as tiles: how many there are, and what is sampled at once."""

from __future__ import annotations

from ..graph.reader import Node
from ..tiles.grid import tile_grid
from ..tiles.layout import TileLayout
from .badge import Badge, badge, cells_of
from .facts import Facts, Latents, Pictures
from .upscale import numbers_of
from .warnings import counted, size_text


@badge("HiresFixSplitTiles")
def _split(node: Node, facts: Facts) -> Badge:
    pictures, numbers = node.incoming("image", Pictures), numbers_of(node)
    width, height, overlap = node.whole("tile_width"), node.whole("tile_height"), node.whole("overlap")
    if pictures is None or numbers is None or width is None or height is None or overlap is None:
        return Badge()
    grid = tile_grid(pictures.size, (width, height), overlap, numbers == "A1111")
    layout = TileLayout(grid, pictures.count, numbers == "A1111")
    return Badge((Pictures(grid.tile, layout.count), layout), _tiles_text(layout))


@badge("HiresFixEncodeTiles")
def _encode(node: Node, facts: Facts) -> Badge:
    layout, batch_size, cells = node.incoming("layout", TileLayout), node.whole("batch_size"), cells_of(node, facts)
    if layout is None or batch_size is None or batch_size < 1 or len(cells) != 1:
        return Badge()
    batches = -(-layout.grid.count // batch_size) * layout.pictures
    (width, height), cell = layout.grid.tile, cells[0]
    size = -(-width // cell) * cell, -(-height // cell) * cell
    latents = Latents(size, min(batch_size, layout.grid.count))
    return Badge((latents,), f"{_tiles_text(layout)}, {batches} batches" if batches > 1 else None)


@badge("HiresFixCombineTiles")
def _combine(node: Node, facts: Facts) -> Badge:
    layout, tiles = node.incoming("layout", TileLayout), node.incoming("tiles", Pictures)
    if layout is None or tiles is None or tiles.size[0] % layout.grid.tile[0]:
        return Badge()
    factor = tiles.size[0] // layout.grid.tile[0]
    width, height = layout.grid.picture
    made = Pictures((width * factor, height * factor), layout.pictures)
    return Badge((made,), size_text(made.size))


def _tiles_text(layout: TileLayout) -> str:
    return f"{counted(layout.count, 'tile')} of {size_text(layout.grid.tile)}"
