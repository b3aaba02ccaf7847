"""Does a picture show what its prompt says? By colour and by count, without a model.

A statement is one thing said about a picture ("the house is red", "there is one sun"). `PROMPTS` are the prompts that
the demo model is judged by, each with its statements.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import mean

from PIL import Image

from .picture_reading import Reading, read
from .scene_model import Scene
from .scene_palette import TIMES

SMALLEST_HOUSE = 0.005
SMALLEST_SAIL = 0.003
SMALLEST_TREE = 0.005
"""Shares of the reading square."""


@dataclass(frozen=True)
class Statement:
    """One thing that is true of a picture or not."""

    subject: str
    """A key of `SUBJECTS`."""
    value: str
    """What is said of it: a colour, a kind or a number."""

    def holds(self, reading: Reading) -> bool:
        """Whether the picture that was read bears it out."""
        return SUBJECTS[self.subject](reading) == self.value


def by_chance(picture: Image.Image, prompt: str) -> float:
    """The share of the statements of the other prompts that hold, 0..1, their mean: what nobody asked for."""
    reading = read(picture)
    others = [statements for other, statements in PROMPTS.items() if other != prompt]
    return mean(mean(float(it.holds(reading)) for it in statements) for statements in others)


def holding(picture: Image.Image, prompt: str) -> dict[str, bool]:
    """For every subject of a prompt of `PROMPTS` whether the statement about it holds."""
    reading = read(picture)
    return {statement.subject: statement.holds(reading) for statement in PROMPTS[prompt]}


def truth(scene: Scene) -> dict[str, str]:
    """What each subject is in a scene, by the choices that it was drawn from; what cannot be told is left out."""
    found = {
        "sky": TIMES[scene.time].sky,
        "disc": scene.disc.colour if scene.disc else "none",
        "discs": "1" if scene.disc else "0",
        "water": scene.water,
        "ground": "sea" if scene.water == "sea" else scene.ground,
        "house": scene.house.wall if scene.house else "none",
        "tree": ("pine" if scene.tree_kind == "pine" else scene.tree_colour) if scene.trees else "none",
        "trees": str(len(scene.trees)),
        "boat": scene.boat.sail if scene.boat else "none",
    }
    if scene.water != "sea":
        found["houses"] = "1" if scene.house else "0"
    if scene.range and scene.time != "fog":
        found["range"] = f"{scene.range.colour} {scene.range.kind}"
    return found


def _sky(reading: Reading) -> str:
    return TIMES[reading.time].sky if reading.time else ""


def _disc(reading: Reading) -> str:
    """The colour of the largest sun or moon."""
    discs = reading.discs()
    return max(discs, key=lambda disc: disc.area).name if discs else "none"


def _house(reading: Reading) -> str:
    return _largest(reading, "house", SMALLEST_HOUSE) if reading.ground != "sea" else "none"


def _boat(reading: Reading) -> str:
    """The colour of the sail: what has the colour of a wall and is on the sea."""
    return _largest(reading, "house", SMALLEST_SAIL) if reading.ground == "sea" else "none"


def _tree(reading: Reading) -> str:
    """`pine` or the colour of the crowns."""
    return _largest(reading, "tree", SMALLEST_TREE)


def _largest(reading: Reading, kind: str, smallest: float) -> str:
    blocks = reading.blocks(kind, smallest)
    return max(blocks, key=lambda block: block.area).name if blocks else "none"


SUBJECTS: dict[str, Callable[[Reading], str]] = {
    "sky": _sky,
    "disc": _disc,
    "discs": lambda reading: str(len(reading.discs())),
    "range": Reading.range,
    "water": Reading.water,
    "ground": lambda reading: reading.ground,
    "house": _house,
    "houses": lambda reading: str(reading.count("house", SMALLEST_HOUSE)),
    "tree": _tree,
    "trees": lambda reading: str(reading.count("tree", SMALLEST_TREE)),
    "boat": _boat,
}
"""What every subject is in a picture: `disc` is the sun or the moon (which of them, the sky decides)."""


def _said(**values: str) -> tuple[Statement, ...]:
    return tuple(Statement(subject, value) for subject, value in values.items())


PROMPTS = {
    "day, blue sky, yellow sun, green hills, meadow, red house": _said(
        sky="blue", disc="yellow", discs="1", house="red", houses="1"
    ),
    "sunset, red sun, white mountains, lake, green meadow": _said(sky="orange", disc="red", discs="1", water="lake"),
    "night, stars, white moon, blue mountains, snow": _said(sky="black", disc="white", discs="1", ground="snow"),
    "dawn, pink sky, yellow sun, desert, blue house": _said(
        sky="pink", ground="desert", discs="1", house="blue", houses="1"
    ),
    "dusk, purple sky, yellow moon, grey mountains, sea": _said(sky="purple", disc="yellow", discs="1", water="sea"),
    "fog, grey sky, meadow, two green pines": _said(sky="grey", ground="meadow", tree="pine", trees="2"),
    "autumn, orange sky, red sun, white house": _said(
        sky="orange", disc="red", discs="1", ground="autumn", house="white", houses="1"
    ),
    "blue sky, red sun, snow, yellow house": _said(sky="blue", discs="1", ground="snow", house="yellow", houses="1"),
    "night, yellow moon, meadow, red house": _said(sky="black", disc="yellow", discs="1", house="red", houses="1"),
    "day, brown mountains, lake, three green pines": _said(
        sky="blue", range="brown mountains", water="lake", tree="pine", trees="3"
    ),
    "sunset, sea, yellow sun, red boat": _said(sky="orange", disc="yellow", discs="1", boat="red"),
    "blue sky, sea, yellow sun, white boat": _said(sky="blue", disc="yellow", discs="1", boat="white"),
    "dawn, purple hills, red sun, two pink trees": _said(
        sky="pink", range="purple hills", disc="red", discs="1", tree="pink", trees="2"
    ),
    "day, snow, white mountains, one orange tree": _said(
        sky="blue", ground="snow", range="white mountains", tree="orange", trees="1"
    ),
    "desert, orange sky, yellow sun, red house": _said(
        sky="orange", ground="desert", discs="1", house="red", houses="1"
    ),
    "dusk, white moon, autumn, blue mountains": _said(sky="purple", disc="white", discs="1", ground="autumn"),
    "winter, pink sky, red sun, blue house": _said(sky="pink", discs="1", ground="snow", house="blue", houses="1"),
    "meadow, blue sky, yellow sun, one pink tree": _said(
        sky="blue", ground="meadow", discs="1", tree="pink", trees="1"
    ),
    "night, white moon, lake, green pines": _said(sky="black", disc="white", discs="1", water="lake", tree="pine"),
    "green meadow, sunset, grey mountains, blue house": _said(sky="orange", ground="meadow", house="blue", houses="1"),
}
"""Prompts in the words of the scenes' captions, each with what must be seen for it; a sun, a moon or a house is one."""

COUNTS = ("discs", "houses", "trees")
"""Subjects that are counted; the others are seen by colour."""
