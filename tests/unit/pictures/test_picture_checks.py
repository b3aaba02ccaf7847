"""The checks on finished pictures: right about drawn scenes, also blurred and noisy ones, wrong about none else."""

from random import Random

import numpy as np
import pytest
from hires_pack.dev.training.world import checks
from hires_pack.dev.training.world.checks import PROMPTS, SUBJECTS, Statement
from hires_pack.dev.training.world.picture_reading import read
from hires_pack.dev.training.world.scene_palette import TIMES
from hires_pack.dev.training.world.scenes import draw, random_scene
from PIL import Image, ImageFilter

COUNT = 100

NUMBERS = {"1": "one", "2": "two", "3": "three"}


def adherence(picture, prompt):
    return np.mean([*checks.holding(picture, prompt).values()])


def spoiled(picture, seed):
    """Blurred by a pixel and noisy, as a small VAE gives it back."""
    pixels = np.asarray(picture.filter(ImageFilter.GaussianBlur(1.0)), np.float32)
    pixels = pixels + np.random.default_rng(seed).normal(0, 5, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def seen():
    """(subject, said, found) of drawn scenes: small and large, as drawn and spoiled."""
    rng = Random(21)
    rows = []
    for number in range(COUNT):
        scene = random_scene(rng)
        side = 256 if number % 2 else 128
        picture = draw(scene, side, side)
        reading = read(spoiled(picture, number) if number % 4 > 1 else picture)
        rows += [(subject, said, SUBJECTS[subject](reading)) for subject, said in checks.truth(scene).items()]
    return rows


@pytest.mark.slow
@pytest.mark.parametrize("subject", SUBJECTS)
def test_statements_hold_where_they_are_true_and_nowhere_else(seen, subject):
    rows = [(said, found) for about, said, found in seen if about == subject]
    values = {said for said, _ in rows}
    assert len(values) > 1
    assert np.mean([said == found for said, found in rows]) >= 0.97
    for value in values:
        others = [found for said, found in rows if said != value]
        assert np.mean([found == value for found in others]) <= 0.1


def test_scenes_repeated_side_by_side_are_counted():
    """What a model draws far beyond its own size."""
    rng = Random(5)
    found = []
    while len(found) < 12:
        scene = random_scene(rng)
        if scene.disc and scene.house:
            reading = read(Image.fromarray(np.tile(np.asarray(draw(scene, 128, 128)), (1, 2, 1))))
            found.append((SUBJECTS["discs"](reading), SUBJECTS["houses"](reading)))
    assert np.mean([counts == ("2", "2") for counts in found]) >= 0.9


def test_every_prompt_says_what_its_statements_check():
    assert len(PROMPTS) == 20
    for prompt, statements in PROMPTS.items():
        phrases = prompt.split(", ")
        times = {name: {name, f"{time.sky} sky"} for name, time in TIMES.items()}
        assert 3 <= len(statements) <= 6
        assert len({statement.subject for statement in statements}) == len(statements)
        for subject, value in ((statement.subject, statement.value) for statement in statements):
            needed = {
                "sky": {word for words in times.values() for word in words if f"{value} sky" in words},
                "disc": {f"{value} sun", f"{value} moon"},
                "discs": {f"{colour} {kind}" for colour in ("yellow", "red", "white") for kind in ("sun", "moon")},
                "range": {value},
                "water": {value},
                "ground": {value, f"green {value}", *(["winter"] if value == "snow" else [])},
                "house": {f"{value} house"},
                "houses": {f"{colour} house" for colour in ("white", "red", "yellow", "blue")},
                "boat": {f"{value} boat"},
                "tree": {phrase for phrase in phrases if ("pine" if value == "pine" else f"{value} tree") in phrase},
                "trees": {
                    phrase for phrase in phrases if {"1": "one", "2": "two", "3": "three"}.get(value, "?") in phrase
                },
            }[subject]
            assert needed & {*phrases}, (prompt, subject, value)


def test_adherence_is_the_share_of_statements():
    prompt = "blue sky, red sun, snow, yellow house"
    rng = Random(2)
    for _ in range(25):
        scene = random_scene(rng)
        said = checks.truth(scene)
        true = [said.get(statement.subject) == statement.value for statement in PROMPTS[prompt]]
        assert adherence(draw(scene, 128, 128), prompt) == pytest.approx(np.mean(true))


def test_what_nobody_asked_for_is_the_share_of_the_other_prompts(monkeypatch):
    """A blue sky without a sun: of two other prompts one holds by half, one not at all; the own one does not count."""
    rng = Random(3)
    scene = next(s for s in iter(lambda: random_scene(rng), None) if s.time == "day" and not s.disc)
    prompts = {
        "own": (Statement("sky", "blue"),),
        "half": (Statement("sky", "blue"), Statement("discs", "1")),
        "nothing": (Statement("sky", "black"),),
    }
    monkeypatch.setattr(checks, "PROMPTS", prompts)
    assert checks.by_chance(draw(scene, 128, 128), "own") == pytest.approx(0.25)
    assert checks.by_chance(draw(scene, 128, 128), "nothing") == pytest.approx(0.75)


@pytest.mark.slow
def test_a_scene_adheres_to_few_prompts_by_chance():
    rng = Random(77)
    found = [checks.by_chance(draw(random_scene(rng), 128, 128), "") for _ in range(20)]
    assert 0.1 < np.mean(found) < 0.4


def test_pictures_without_a_scene_have_little_of_it():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8))
    green = Image.new("RGB", (200, 100), (0, 255, 0))
    for picture in (noise, green):
        assert np.mean([adherence(picture, prompt) for prompt in PROMPTS]) < 0.2
    assert not Statement("sky", "blue").holds(read(green))
    assert Statement("discs", "0").holds(read(green))


@pytest.mark.parametrize("size", [(1, 1), (5, 200), (640, 64)])
def test_odd_sizes_are_read(size):
    for prompt in PROMPTS:
        assert 0 <= adherence(Image.new("RGB", size, (60, 130, 220)), prompt) <= 1
