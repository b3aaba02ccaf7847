"""The scenes' world: equal seeds, all sizes, captions that name only what is there."""

from collections import Counter
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hires_pack.dev.training.demo.scene_latents import LENGTH
from hires_pack.dev.training.world.captions import GROUND_PHRASES, NUMBERS, TIME_PHRASES
from hires_pack.dev.training.world.scene_palette import TIMES
from hires_pack.dev.training.world.scenes import caption, draw, random_scene


def scenes(count, seed=0):
    rng = Random(seed)
    return [random_scene(rng) for _ in range(count)]


def pixels(picture):
    return np.asarray(picture, np.int64)


def test_equal_seeds_give_equal_scenes_captions_and_pictures():
    first, again = scenes(8), scenes(8)
    assert first == again
    assert len({*first, *scenes(8, seed=1)}) == 16
    for scene in first:
        assert caption(scene, Random(3)) == caption(scene, Random(3))
        assert draw(scene, 128, 128).tobytes() == draw(scene, 128, 128).tobytes()


@pytest.mark.parametrize(("width", "height"), [(128, 128), (256, 256), (192, 128), (96, 144), (40, 24), (8, 8)])
def test_every_size_is_drawn(width, height):
    for scene in scenes(6, seed=2):
        picture = draw(scene, width, height)
        assert picture.mode == "RGB"
        assert picture.size == (width, height)


def test_the_large_picture_is_the_same_landscape():
    for scene in scenes(12, seed=4):
        small, large = draw(scene, 128, 128), draw(scene, 256, 256)
        apart = np.abs(pixels(small) - pixels(large.reduce(2)))
        assert apart.mean() < 3
        other = draw(replace(scene, time="night" if scene.time != "night" else "day"), 128, 128)
        assert np.abs(pixels(small) - pixels(other)).mean() > 25


def truth(scene):
    """The phrases that may be said of a scene, in all the ways that the captions use."""
    said = {f"{TIMES[scene.time].sky} sky", *TIME_PHRASES[scene.time]}
    if scene.disc:
        said |= {scene.disc.kind, f"{scene.disc.colour} {scene.disc.kind}"}
    if scene.clouds:
        number = len(scene.clouds)
        said |= {f"{NUMBERS[number]} clouds", "clouds"} if number > 1 else {"one cloud"}
    if scene.range:
        said |= {scene.range.kind, f"{scene.range.colour} {scene.range.kind}"}
    if scene.water != "none":
        said |= {scene.water, f"blue {scene.water}"}
    if scene.water != "sea":
        said |= {*GROUND_PHRASES[scene.ground]}
    if scene.trees:
        noun = {"pine": "pine", "round": "tree"}[scene.tree_kind] + ("s" if len(scene.trees) > 1 else "")
        number, colour = NUMBERS[len(scene.trees)], scene.tree_colour
        said |= {noun, f"{number} {noun}", f"{colour} {noun}", f"{number} {colour} {noun}"}
    if scene.house:
        said |= {"house", f"{scene.house.wall} house"}
    if scene.boat:
        said |= {"boat", f"{scene.boat.sail} boat"}
    return said


def test_captions_name_only_what_is_there():
    rng = Random(9)
    named = Counter()
    for scene in scenes(1500, seed=8):
        words = caption(scene, rng)
        phrases = words.split(", ")
        assert {*phrases} <= truth(scene), (words, scene)
        assert len({*phrases}) == len(phrases)
        if scene.house:
            named["houses"] += 1
            named["named"] += any("house" in phrase for phrase in phrases)
        named[len(phrases)] += 1
    assert 0.65 < named["named"] / named["houses"] < 0.9  # what is there is mostly, but not always named
    assert sum(named[length] > 20 for length in range(1, 9)) >= 6


def test_captions_fit_into_the_tokens_that_are_computed():
    rng = Random(10)
    for scene in scenes(1500, seed=11):
        tokens = caption(scene, rng).replace(",", " ,").split()
        assert 0 < len(tokens) <= LENGTH - 5  # START, three ENDs, and a word that may be two tokens


def test_two_captions_of_a_scene_differ_in_order_and_choice():
    scene = next(scene for scene in scenes(100, seed=12) if scene.house and scene.trees and scene.range)
    rng = Random(1)
    assert len({caption(scene, rng) for _ in range(30)}) > 25
