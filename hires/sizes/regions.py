"""Places in prompts that count pixels: they belong to the first pass's size and move with every other one.

The host scales areas in percent, masks and ControlNet pictures itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

Cond = list[list[Any]]
"""A CONDITIONING: `[[tensor, extra], ...]`."""

Place = tuple[float, ...]
"""Height, width, y and x of an area or a GLIGEN box, in latent cells."""

FIRST_PASS = "hires_fix_first_pass"
"""Key of a LATENT: the `FirstPass` it came from."""


@dataclass(frozen=True)
class Move:
    """From one size to another: multiply, then cut off. All lengths are latent cells."""

    height: float
    width: float
    """Size that is reached; a picture between two stages need not be whole cells."""

    down: float = 1.0
    across: float = 1.0
    """Factors on heights and widths."""

    top: float = 0.0
    left: float = 0.0
    """What is cut off there, after multiplying."""

    def then(self, up: tuple[float, float], top: float, left: float, size: tuple[float, float]) -> Move:
        """Go on: enlarge to `up`, cut to `size`. Sizes are `(height, width)`."""
        down, across = up[0] / self.height, up[1] / self.width
        moved = (self.down * down, self.across * across, self.top * down + top, self.left * across + left)
        return Move(*size, *moved)

    def fitted(self, height: int, width: int) -> Move:
        """The same where another node has changed the size since."""
        return self.then((height, width), 0.0, 0.0, (height, width))

    @property
    def changes(self) -> bool:
        """Whether anything moves."""
        return (self.down, self.across, self.top, self.left) != (1.0, 1.0, 0.0, 0.0)

    def _place(self, place: Place) -> Place:
        height, width, y, x = place
        y0, y1 = (_between(edge * self.down - self.top, self.height) for edge in (y, y + height))
        x0, x1 = (_between(edge * self.across - self.left, self.width) for edge in (x, x + width))
        return y1 - y0, x1 - x0, y0, x0

    def _area(self, place: Place) -> tuple[int, int, int, int]:
        """Rounded at the edges, so that neighbours still touch; one cell at least, within the picture."""
        height, width, y, x = self._place(place)
        top, left = (max(0, min(round(low), int(size) - 1)) for low, size in ((y, self.height), (x, self.width)))
        return max(1, round(y + height) - top), max(1, round(x + width) - left), top, left

    def extra(self, extra: dict[str, Any], only: frozenset[Place] | None = None) -> dict[str, Any]:
        """Return a conditioning's dictionary with its places moved, those in `only` (None: all)."""
        if not self.changes or not any(only is None or place in only for place in _places(extra)):
            return extra
        out = dict(extra)
        area = _area_of(extra)
        if area and (only is None or area in only):
            out["area"] = self._area(area)
        if "gligen" in extra:
            kind, model, boxes = extra["gligen"]
            moved = [(b[0], *self._place(b[1:])) if only is None or tuple(b[1:]) in only else b for b in boxes]
            out["gligen"] = (kind, model, moved)
        return out

    def cond(self, cond: Cond, only: frozenset[Place] | None = None) -> Cond:
        """Return a CONDITIONING with its places moved."""
        return [[tensor, self.extra(extra, only)] for tensor, extra in cond]


@dataclass(frozen=True)
class FirstPass:
    """What a later pass needs to know of the first."""

    places: frozenset[Place]
    """Those of its prompts. A place that only a later prompt has counts that pass's pixels and stays as it is."""

    move: Move
    """From its size to that of the latent that carries this."""


def places(extras: Iterable[dict[str, Any]]) -> frozenset[Place]:
    """Every area in pixels and every GLIGEN box of these conditionings."""
    return frozenset(place for extra in extras for place in _places(extra))


def enlarged(latent: dict[str, Any], up: tuple[int, int], top: int, left: int) -> dict[str, Any]:
    """Note on a LATENT that has been enlarged to `up` (height, width in cells) and then cut where its places are."""
    first = latent.get(FIRST_PASS)
    if not isinstance(first, FirstPass):
        return latent
    return {**latent, FIRST_PASS: replace(first, move=first.move.then(up, top, left, latent["samples"].shape[-2:]))}


def _places(extra: dict[str, Any]) -> list[Place]:
    area = _area_of(extra)
    boxes = extra["gligen"][2] if "gligen" in extra else []
    return [*([area] if area else []), *(tuple(box[1:]) for box in boxes)]


def _area_of(extra: dict[str, Any]) -> Place | None:
    area = extra.get("area")
    return tuple(area) if area and len(area) == 4 and area[0] != "percentage" else None


def _between(value: float, largest: float) -> float:
    return min(max(value, 0.0), largest)
