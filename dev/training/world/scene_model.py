"""What a scene consists of: every choice that the drawing and the caption follow.

Places are shares of the picture: x from the left edge of the width, y from the upper edge of the height. Sizes are
shares of the shorter side.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Disc:
    """The sun, or the moon at dusk and at night."""

    kind: str
    """`sun` or `moon`."""
    colour: str
    """A key of `SUNS` or `MOONS`."""
    x: float
    """The centre."""
    y: float
    """The centre."""
    radius: float


@dataclass(frozen=True)
class Cloud:
    """One cloud."""

    x: float
    """The middle."""
    y: float
    """The flat lower side."""
    width: float


@dataclass(frozen=True)
class Range:
    """Mountains or hills along the whole horizon."""

    kind: str
    """`mountains` or `hills`."""
    colour: str
    """A key of `MOUNTAINS` or `HILLS`."""
    height: float
    """Of the highest peak above the horizon, a share of the picture's height."""
    far: bool
    """A second, paler range behind the first one."""


@dataclass(frozen=True)
class Tree:
    """One tree."""

    x: float
    """The trunk."""
    base: float
    """Where the trunk meets the ground."""
    height: float


@dataclass(frozen=True)
class House:
    """The one house."""

    x: float
    """The middle."""
    base: float
    """Where the walls meet the ground."""
    width: float
    wall: str
    """A key of `WALLS`."""
    roof: str
    """A key of `ROOFS`."""
    mirrored: bool
    """The gable is on the right."""


@dataclass(frozen=True)
class Boat:
    """The one sailing boat."""

    x: float
    """The mast."""
    base: float
    """The water line."""
    width: float
    sail: str
    """A key of `SAILS`."""


@dataclass(frozen=True)
class Scene:
    """One landscape."""

    time: str
    """A key of `TIMES`."""
    horizon: float
    disc: Disc | None
    clouds: tuple[Cloud, ...]
    range: Range | None
    water: str
    """`none`, `lake` (between the horizon and the shore) or `sea` (down to the lower edge)."""
    shore: float
    """Where the ground begins: the horizon without water, 1 at the sea."""
    ground: str
    """A key of `GROUNDS`; not to be seen at the sea."""
    tree_kind: str
    """`pine` or `round`; all trees of a scene are alike."""
    tree_colour: str
    """`green` for pines, a key of `CROWNS` for the others."""
    trees: tuple[Tree, ...]
    house: House | None
    boat: Boat | None
    tone: float
    """Factor of the land's brightness, about 1."""
    seed: int
    """Of the small things: outlines of peaks and clouds, stars, grass."""
