"""What can be said about a scene, in short phrases.

Every phrase holds one noun with its adjectives directly before it ("two green trees"), and nearly every word is one
token of CLIP's vocabulary. A caption names some of what is there, in any order, and never what is not there.
"""

from __future__ import annotations

from random import Random

from .scene_model import Scene

NUMBERS = ("no", "one", "two", "three", "four")
TIME_PHRASES = {
    "day": ("day", "blue sky"),
    "sunset": ("sunset", "orange sky"),
    "dawn": ("dawn", "pink sky"),
    "dusk": ("dusk", "purple sky"),
    "night": ("night", "black sky", "stars"),
    "fog": ("fog", "grey sky"),
}
GROUND_PHRASES = {
    "meadow": ("meadow", "green meadow"),
    "desert": ("desert", "yellow desert"),
    "snow": ("snow", "winter", "white snow"),
    "autumn": ("autumn", "orange field"),
}
KEPT = 0.78
"""How often a property is named."""
COLOURED = 0.9
"""How often its colour is named with it."""


def caption(scene: Scene, rng: Random) -> str:
    """Some of the scene's properties in a random order, at least one; phrases are parted by commas."""
    groups = _said(scene, rng)
    kept = [group for group in groups if rng.random() < KEPT] or [rng.choice(groups)]
    rng.shuffle(kept)
    return ", ".join(kept)


def _said(scene: Scene, rng: Random) -> list[str]:
    """One phrase for every property, in the order from the sky to the ground."""

    def coloured(colour: str, noun: str) -> str:
        return f"{colour} {noun}" if rng.random() < COLOURED else noun

    said = [_time(scene, rng)]
    if scene.disc:
        said.append(coloured(scene.disc.colour, scene.disc.kind))
    if scene.clouds:
        number = len(scene.clouds)
        plural = "clouds" if number > 1 else "cloud"
        said.append(plural if number > 1 and rng.random() < 0.4 else f"{NUMBERS[number]} {plural}")
    if scene.range:
        said.append(coloured(scene.range.colour, scene.range.kind))
    if scene.water != "none":
        said.append(f"blue {scene.water}" if rng.random() < 0.3 else scene.water)
    if scene.water != "sea":
        said.append(rng.choice(GROUND_PHRASES[scene.ground]))
    if scene.trees:
        said.append(_trees(scene, rng))
    if scene.house:
        said.append(coloured(scene.house.wall, "house"))
    if scene.boat:
        said.append(coloured(scene.boat.sail, "boat"))
    return said


def _time(scene: Scene, rng: Random) -> str:
    phrases = TIME_PHRASES[scene.time]
    both = rng.random() < 0.3
    return ", ".join(rng.sample(phrases, 2)) if both else rng.choice(phrases)


def _trees(scene: Scene, rng: Random) -> str:
    number = len(scene.trees)
    noun = ("pine" if scene.tree_kind == "pine" else "tree") + ("s" if number > 1 else "")
    words = [noun]
    if rng.random() < COLOURED:
        words.insert(0, scene.tree_colour)
    if rng.random() < COLOURED:
        words.insert(0, NUMBERS[number])
    return " ".join(words)
