"""Tiled Model: what is known of its tiles, and that they keep large pictures affordable."""

from __future__ import annotations

from ..errors import InputError
from ..graph.reader import Node
from ..sizes.image_sizes import Size
from ..tiles.windows import CONTEXT, check_overlap
from .badge import STOPS, Badge, badge
from .facts import Facts, ModelFile, TiledModel
from .warnings import too_long


@badge("HiresFixTiledModel")
def _tiled_model(node: Node, facts: Facts) -> Badge:
    model = node.incoming("model", ModelFile)
    out = (TiledModel(model),)
    side, overlap = node.whole("tile_size"), node.whole("overlap")
    if side is None or overlap is None:
        return Badge(out)
    try:
        check_overlap(side, overlap)
    except InputError as error:
        return Badge(out, STOPS, str(error))
    trained = facts.trained_side(model) if model else None
    side = side or (int(CONTEXT * trained) if trained else 0)
    return Badge(out, f"tiles of up to {side} pixels" if side else None)


def too_long_for(node: Node, size: Size, facts: Facts) -> str | None:
    """Warn of a second pass that will take very long; `node`: the one that samples."""
    if node.incoming("model", TiledModel):
        return None
    model = node.incoming("model", ModelFile)
    return too_long(size, facts.trained_side(model) if model else None)
