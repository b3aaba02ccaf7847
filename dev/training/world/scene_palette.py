"""The colours of the scenes' world and the light that falls on them.

Colours are (red, green, blue) of 0..255. Everything but the sky, the sun and the moon has one colour in plain
daylight; `lit` gives its colour at another time.
"""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Time:
    """A time of day (or the weather `fog`), which decides the sky and the light."""

    sky: str
    """The word for the colour of the sky."""
    top: Colour
    """The sky at the upper edge of the picture."""
    horizon: Colour
    """The sky at the horizon."""
    light: tuple[float, float, float]
    """What the colours of the land are multiplied by."""
    cloud: Colour
    """The lit side of a cloud."""
    haze: float = 0.18
    """How much of the mountains' foot is lost in the colour of the horizon, 0..1."""
    veil: float = 0.0
    """How much of everything is lost in it, 0..1."""


TIMES = {
    "day": Time("blue", (58, 128, 222), (186, 220, 246), (1.0, 1.0, 1.0), (250, 251, 253)),
    "sunset": Time("orange", (222, 92, 40), (255, 198, 104), (1.0, 0.86, 0.74), (250, 158, 120)),
    "dawn": Time("pink", (232, 128, 168), (255, 214, 206), (1.0, 0.9, 0.93), (255, 226, 228)),
    "dusk": Time("purple", (74, 42, 122), (178, 104, 172), (0.76, 0.66, 0.86), (136, 84, 156)),
    "night": Time("black", (8, 10, 30), (34, 48, 96), (0.5, 0.54, 0.7), (52, 62, 100)),
    "fog": Time("grey", (188, 193, 197), (220, 223, 225), (0.9, 0.9, 0.9), (232, 234, 235), haze=0.55, veil=0.18),
}

SUNS: dict[str, Colour] = {"yellow": (255, 232, 84), "red": (226, 34, 34)}
MOONS: dict[str, Colour] = {"white": (240, 242, 246), "yellow": (250, 222, 110)}

MOUNTAINS: dict[str, Colour] = {
    "grey": (122, 124, 130),
    "blue": (62, 88, 158),
    "brown": (132, 84, 54),
    "white": (232, 238, 246),
}
HILLS: dict[str, Colour] = {"green": (84, 148, 74), "purple": (148, 92, 164)}

GROUNDS: dict[str, Colour] = {
    "meadow": (124, 182, 62),
    "desert": (236, 208, 122),
    "snow": (228, 236, 248),
    "autumn": (184, 106, 48),
}
WATER: Colour = (44, 122, 176)

PINE: Colour = (26, 88, 58)
CROWNS: dict[str, Colour] = {"green": (46, 118, 40), "orange": (244, 128, 22), "pink": (244, 142, 184)}
TRUNK: Colour = (92, 62, 42)

WALLS: dict[str, Colour] = {
    "white": (246, 242, 232),
    "red": (204, 44, 40),
    "yellow": (248, 202, 48),
    "blue": (36, 76, 206),
}
ROOFS: dict[str, Colour] = {"slate": (58, 60, 72), "brown": (84, 52, 42)}
SAILS: dict[str, Colour] = {"white": (250, 248, 244), "red": (214, 44, 40), "yellow": (250, 208, 50)}
HULL: Colour = (88, 54, 38)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """`share` (0..1) of `b` in `a`."""
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


def shade(colour: Colour, factor: float) -> Colour:
    """Lighter (above 1) or darker (below 1)."""
    red, green, blue = (min(255, max(0, round(x * factor))) for x in colour)
    return red, green, blue


def lit(colour: Colour, time: str, veil: float | None = None) -> Colour:
    """The colour at that time; `veil` replaces the time's own."""
    about = TIMES[time]
    red, green, blue = (round(x * light) for x, light in zip(colour, about.light, strict=True))
    return mix((red, green, blue), about.horizon, about.veil if veil is None else veil)
