"""The tiles that a plan numbers, and what it saves of their work."""

from __future__ import annotations

from ..tiles.boxes import Box
from ..tiles.windows import Windows, plan_windows
from .plan import Size, TilePlan, less_work
from .text import Places

_CELL = 8
"""Pixels of a cell in which tiles are counted that no model has."""


def side_by_side(size: Size, tile_size: int) -> tuple[Windows, int]:
    """Return tiles of up to `tile_size` pixels that share nothing, in cells, and a cell's side in pixels."""
    across, down = (-(-side // _CELL) for side in size)
    return plan_windows(across, down, max(1, tile_size // _CELL), 0), _CELL


def places_of(windows: Windows, cell: int, size: Size, masks: int | None) -> Places:
    """Return what a plan's text may name in a picture of `size` pixels that is drawn in these windows."""
    picture = Box(0, 0, *size)
    tiles = tuple(window.owned.times(cell).shared(picture) for window in windows.all)
    return Places(size, tiles, len(windows.columns), masks)


def spared(plan: TilePlan, windows: Windows) -> tuple[int, float]:
    """Return how many windows a plan leaves as they are, and the share of all work that it saves, 0 to 1."""
    strength = plan.strength(windows.columns[-1].stop, windows.rows[-1].stop)
    parts = [
        (Box(across.owned_start, down.owned_start, across.owned_stop, down.owned_stop), across.length * down.length)
        for down in windows.rows
        for across in windows.columns
    ]
    skipped = sum(float(strength[one.y0 : one.y1, one.x0 : one.x1].max()) == 0 for one, _ in parts)
    return skipped, less_work(parts, strength)


def summary(plan: TilePlan, windows: Windows) -> str:
    """What a plan saves, in words."""
    skipped, share = spared(plan, windows)
    tiles = f"{windows.count} tile{'s' if windows.count > 1 else ''}"
    saved = round(100 * share)
    return f"{skipped} of {tiles} skipped, {saved} % less work" if skipped or saved else f"{tiles}, none skipped"
