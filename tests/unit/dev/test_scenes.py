"""The scenes' world: equal seeds, all sizes, captions that name only what is there."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hires_pack.dev.training.demo.scene_latents import LENGTH
from hires_pack.dev.training.world.captions import GROUND_PHRASES, NUMBERS, TIME_PHRASES
from hires_pack.dev.training.world.scene_layout import TREE_ASPECT
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


def test_the_seed_changes_only_small_things():
    for scene in scenes(6, seed=5):
        one, two = (pixels(draw(replace(scene, seed=seed), 128, 128)) for seed in (1, 2))
        assert 0 < np.abs(one - two).mean() < 25


def test_things_stand_apart_and_inside():
    for scene in scenes(400, seed=6):
        half = TREE_ASPECT[scene.tree_kind] / 2
        edges = [(tree.x - tree.height * half, tree.x + tree.height * half) for tree in scene.trees]
        if scene.house:
            edges.append((scene.house.x - scene.house.width / 2, scene.house.x + scene.house.width / 2))
        edges.sort()
        assert all(left > 0 for left, _ in edges)
        assert all(right < 1 for _, right in edges)
        assert all(left > right for (_, right), (left, _) in pairwise(edges))
        assert all(scene.shore < thing.base < 0.95 for thing in scene.trees)


def test_the_sun_is_above_the_land_and_free_of_clouds():
    for scene in scenes(400, seed=7):
        if scene.disc is None:
            continue
        lower = scene.disc.y + scene.disc.radius
        assert (scene.disc.kind == "moon") == (scene.time in ("dusk", "night"))
        assert lower < scene.horizon - (scene.range.height if scene.range else 0)
        for cloud in scene.clouds:
            assert abs(cloud.x - scene.disc.x) > cloud.width / 2 + scene.disc.radius or cloud.y > lower


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
