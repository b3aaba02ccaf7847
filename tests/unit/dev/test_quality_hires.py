"""What hires fix is judged by: measures with closed forms, the statistics, the graph that draws, the report."""

import json
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hires_pack.dev.quality import confidence, hires_pictures, quality_hires
from hires_pack.dev.quality import hires_detail as detail
from hires_pack.dev.quality import hires_measures as measures
from hires_pack.dev.quality.hires_pictures import Batch, Drawn, Settings
from hires_pack.dev.training.world import checks
from hires_pack.dev.training.world.scene_palette import WALLS, lit
from hires_pack.dev.training.world.scenes import Scene, draw, random_scene
from PIL import Image, ImageFilter

SETTINGS = Settings("some.safetensors", "some-2x.safetensors")


def picture(values: np.ndarray) -> Image.Image:
    """Grey RGB picture of values in [0, 1]."""
    return Image.fromarray((values * 255).round().astype(np.uint8)).convert("RGB")


def ramp(width: float, low: float = 0.2, high: float = 0.8, side: int = 64) -> np.ndarray:
    """Dark left, bright right, and a straight slope of `width` pixels between."""
    x = np.clip((np.arange(side) - side / 2) / width + 0.5, 0, 1)
    return np.tile(low + (high - low) * x, (side, 1))


# ---- measures -------------------------------------------------------------------------------------------------------


def test_ssim_of_a_window_is_the_formula_written_out() -> None:
    """One window only: weights from the Gaussian, means and (co)variances from them."""
    rng = np.random.default_rng(1)
    one, other = rng.random((2, 11, 11))
    line = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    weights = np.outer(line, line) / line.sum() ** 2
    a, b = (weights * one).sum(), (weights * other).sum()
    va, vb = (weights * (one - a) ** 2).sum(), (weights * (other - b) ** 2).sum()
    cov = (weights * (one - a) * (other - b)).sum()
    c1, c2 = 0.01**2, 0.03**2
    wanted = (2 * a * b + c1) * (2 * cov + c2) / ((a * a + b * b + c1) * (va + vb + c2))
    assert measures.ssim(one, other) == pytest.approx(wanted)


def test_ssim_of_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        measures.ssim(np.zeros((20, 20)), np.zeros((20, 21)))
    with pytest.raises(ValueError, match="cannot be compared"):
        measures.ssim(np.zeros((10, 20)), np.zeros((10, 20)))


def test_composition_looks_only_at_what_the_base_can_show() -> None:
    base = picture(np.kron(np.random.default_rng(0).random((8, 8)), np.ones((8, 8))))
    large = np.asarray(base.convert("L").resize((128, 128), Image.Resampling.NEAREST), float) / 255
    checkered = 0.02 * (-1) ** np.add.outer(np.arange(128), np.arange(128))
    assert measures.composition(picture(np.clip(large, 0.02, 0.98) + checkered), base) > 0.99
    assert measures.composition(picture(large[:, ::-1]), base) < 0.5


@pytest.mark.parametrize("width", [2, 4, 6])
def test_the_sharpness_of_a_ramp_is_one_over_its_width(width: int) -> None:
    slope = ramp(width)
    edges = measures.edges(slope)
    assert edges[:, 32].all()
    assert not edges[:, :28].any()
    assert not edges[:, 37:].any()
    assert measures.edge_sharpness(slope, edges) == pytest.approx(1 / width, rel=1e-9)
    centre = np.zeros_like(edges)
    centre[:, 32] = True
    assert measures.edge_sharpness(slope, centre) == pytest.approx(1 / width, rel=1e-9)


def test_contrast_and_what_lies_elsewhere_do_not_change_sharpness() -> None:
    slope, centre = ramp(4), np.zeros((64, 64), bool)
    centre[:, 32] = True
    assert measures.edge_sharpness(0.3 * slope + 0.1, centre) == pytest.approx(0.25)
    elsewhere = slope.copy()
    elsewhere[:, 40:] += np.random.default_rng(0).normal(0, 0.1, (64, 24))
    assert measures.edge_sharpness(elsewhere, centre) == pytest.approx(0.25)


def test_a_moved_edge_counts_and_a_lost_one_counts_nothing() -> None:
    centre = np.zeros((64, 56), bool)
    centre[:, 28] = True
    assert measures.edge_sharpness(np.roll(ramp(2), 3, 1)[:, 4:-4], centre) == pytest.approx(0.5)
    assert measures.edge_sharpness(ramp(4, 0.5, 0.55)[:, 4:-4], centre) == 0
    assert measures.edge_sharpness(ramp(4)[:, 4:-4], np.zeros_like(centre)) == 0


def test_grain_is_the_noise_in_the_flat_parts() -> None:
    slope = ramp(4, side=256)
    flat = measures.flat_parts(slope)
    assert flat.mean() >= measures.FLAT_SHARE
    assert not flat[:, 124:132].any()
    noisy = slope + np.random.default_rng(0).normal(0, 0.02, slope.shape)
    assert measures.grain(noisy, flat) == pytest.approx(0.02, rel=0.03)
    assert measures.grain(slope, flat) == pytest.approx(0, abs=1e-12)
    assert measures.grain(slope, np.zeros_like(flat)) == 0


# ---- detail ---------------------------------------------------------------------------------------------------------


PROMPT = "day, blue sky, yellow sun, green hills, meadow, red house"


def scene_of(prompt: str, seed: int) -> Scene:
    """A scene that a prompt says the truth about."""
    rng = Random(seed)
    while True:
        scene = random_scene(rng)
        true = checks.truth(scene)
        if all(true.get(said.subject) == said.value for said in checks.PROMPTS[prompt]):
            return scene


def test_steepness_inside_is_that_of_the_pattern_and_not_of_the_outline() -> None:
    """A red house of 80 pixels before the drawn sky and meadow: flat, then with a wave of known slope."""
    scene = replace(scene_of(PROMPT, 3), trees=(), house=None)
    pixels = np.asarray(draw(scene, 256, 256)).copy()
    wall = np.tile(np.asarray(lit(WALLS["red"], "day", 0.06), float), (80, 80, 1))
    pixels[150:230, 90:170] = wall
    assert detail.steepness_inside(Image.fromarray(pixels)) == pytest.approx(0, abs=1e-3)
    wave = 10 * np.sin(2 * np.pi * np.arange(80) / 16)
    pixels[150:230, 90:170] = (wall + wave[:, None, None]).round().astype(np.uint8)
    mean_slope = 4 * 10 / 16 / 255  # from -10 to 10 and back in 16 pixels
    assert detail.steepness_inside(Image.fromarray(pixels)) == pytest.approx(mean_slope, rel=0.1)
    pixels[150:230, 90:170] = pixels[40, 40]
    assert detail.steepness_inside(Image.fromarray(pixels)) is None


def test_melted_pictures_are_less_like_drawn_ones() -> None:
    likenesses = []
    for seed in range(3):
        sharp = draw(scene_of(PROMPT, seed), 256, 256)
        melted = [sharp.filter(ImageFilter.GaussianBlur(radius)) for radius in (1, 2)]
        likenesses.append([detail.likeness(found, PROMPT) for found in (sharp, *melted)])
    sharp, soft, softer = np.mean(likenesses, axis=0)
    assert 1 >= sharp > soft + 0.05 > softer + 0.15 > 0.15


# ---- statistics -----------------------------------------------------------------------------------------------------


def test_the_sign_test_is_the_tail_of_the_binomial() -> None:
    assert confidence.sign_test(3, 0) == 1 / 8
    assert confidence.sign_test(3, 1) == (4 + 1) / 16
    assert confidence.sign_test(0, 0) == confidence.sign_test(0, 5) == 1


def test_a_constant_difference_is_certain() -> None:
    found = confidence.compare([0.5, 0.75, 1.0], [0.25, 0.5, 0.75])
    assert (found.ours, found.theirs, found.low, found.high) == (0.75, 0.5, 0.25, 0.25)
    assert (found.better, found.worse, found.pairs, found.p) == (3, 0, 3, 1 / 8)


def test_few_pairs_win_nothing_however_clear() -> None:
    """The interval of one pair has no width, so it lies above 0 whenever the pair does."""
    assert not confidence.compare([1.0] * 4, [0.0] * 4).wins
    assert confidence.compare([1.0] * 5, [0.0] * 5).wins


def test_the_interval_is_that_of_the_mean_of_differences() -> None:
    """Pairs that vary together: the interval is narrow, 1.96 standard errors of the differences to each side."""
    rng = np.random.default_rng(0)
    theirs = rng.normal(0, 10, 400)
    ours = theirs + rng.normal(0.5, 1, 400)
    found = confidence.compare(list(ours), list(theirs))
    error = np.std(ours - theirs) / 20
    assert found.high - found.difference == pytest.approx(1.96 * error, rel=0.05)
    assert found.difference - found.low == pytest.approx(1.96 * error, rel=0.05)
    assert found.wins
    assert found == confidence.compare(list(ours), list(theirs)), "the resamples are seeded"
    assert not confidence.compare(list(theirs), list(ours)).wins
    assert not confidence.compare([1.0, 0.0], [0.0, 1.0]).wins


# ---- drawing --------------------------------------------------------------------------------------------------------


def test_seeds_are_dealt_to_the_prompts_in_turn() -> None:
    assert hires_pictures.batches("ab", 5) == [Batch("a", 100, 3), Batch("b", 1100, 2)]
    assert hires_pictures.batches("abc", 2) == [Batch("a", 100, 1), Batch("b", 1100, 1)]
    many = hires_pictures.batches("a", 19)
    assert many == [Batch("a", 100, 8), Batch("a", 108, 8), Batch("a", 116, 3)]


def test_the_graph_is_the_saved_workflow_with_one_more_way() -> None:
    settings = replace(SETTINGS, steps=9, cfg=3.0, denoising_strength=0.45, precision="bf16")
    graph, shown = hires_pictures.graph_of(Batch("one house", 77, 3), settings)
    saved = json.loads(hires_pictures.WORKFLOW.read_text(encoding="utf-8"))
    assert set(saved) - set(graph) == {key for key, node in saved.items() if node["_meta"]["title"] == "Before | after"}
    assert {graph[node]["class_type"] for node in shown.values()} == {"PreviewImage"}
    assert not [node for node in graph.values() if node["class_type"] == "SaveImage"]

    def behind(node: str) -> list[dict]:
        """Everything that a node is made from, itself included."""
        found, todo = {}, [node]
        while todo:
            key = todo.pop()
            if key not in found:
                found[key] = graph[key]
                todo += [value[0] for value in graph[key]["inputs"].values() if isinstance(value, list)]
        return list(found.values())

    def kinds(way: str) -> set[str]:
        return {node["class_type"] for node in behind(shown[way])}

    assert kinds("base") == kinds("direct")
    assert kinds("hires") > {"HiresFixPixelUpscale", "HiresFixSecondSampling", "HiresFixUpscalerLoader"}
    (base,) = (node["inputs"] for node in behind(shown["base"]) if node["class_type"] == "HiresFixBaseSampling")
    (direct,) = (node["inputs"] for node in behind(shown["direct"]) if node["class_type"] == "HiresFixBaseSampling")
    assert {name for name in base if base[name] != direct[name]} == {"latent"}
    assert (base["steps"], base["cfg"], base["sampler_name"]) == (9, 3.0, settings.sampler)
    latent = graph[direct["latent"][0]]
    assert latent["inputs"] == {"width": 256, "height": 256, "batch_size": 3}
    values = {name: value for node in graph.values() for name, value in node["inputs"].items()}
    assert values["seed"] == 77
    assert values["ckpt_name"] == "some.safetensors"
    assert values["upscaler_name"] == "some-2x.safetensors"
    assert values["denoising_strength"] == 0.45
    assert values["dtype"] == "bf16"
    models = {json.dumps(node["inputs"]["model"]) for key, node in graph.items() if "model" in node["inputs"]}
    assert len(models) == 2, "all sampling takes the model behind the precision, and only that"
    texts = [node["inputs"]["text"] for node in graph.values() if node["class_type"] == "CLIPTextEncode"]
    assert texts == ["one house", ""]


# ---- report ---------------------------------------------------------------------------------------------------------


def drawn(sharp: float = 1.0) -> Drawn:
    """A base with a soft edge, a hires fix with one of `sharp` pixels, and a mirrored direct one."""
    base, hires = ramp(4, side=64), ramp(sharp, side=128)
    return Drawn("a wall", 5, picture(base), picture(hires), picture(hires[:, ::-1]))


def likeness(found: Image.Image, prompt: str) -> float:
    """The steepest step of luma."""
    return float(np.abs(np.diff(measures.luma(found))).max())


def test_a_row_holds_what_the_three_ways_show() -> None:
    def holding(found: Image.Image, prompt: str) -> dict[str, bool]:
        left_is_dark = found.getpixel((0, 0))[0] < 128
        return {"sky": prompt == "a wall", "range": found.width == 128, "discs": left_is_dark, "houses": False}

    row = quality_hires.measure(drawn(), holding, lambda found, _: found.width / 512, likeness)
    assert (row.prompt, row.seed) == ("a wall", 5)
    assert (row.adherence_base, row.adherence_hires, row.adherence_direct) == (0.5, 0.75, 0.5)
    assert row.adherence_chance == 0.25
    assert (row.counts_hires, row.counts_direct) == (0.5, 0.0)
    assert row.composition_hires > 0.9 > 0.4 > row.composition_direct
    assert row.sharpness_hires > 2 * row.sharpness_lanczos > 0.1
    assert row.grain_hires == pytest.approx(0, abs=1e-3)
    assert row.likeness_hires == row.likeness_direct > 2 * row.likeness_lanczos
    assert (row.inside_hires is None) == (row.inside_lanczos is None), "pairs only"


def test_wins_are_counted_and_said() -> None:
    row = quality_hires.measure(drawn(), lambda found, _: {"sky": True, "range": False}, lambda *_: 0.25, likeness)
    row = replace(row, inside_hires=None, inside_lanczos=None)
    rows = [replace(row, seed=seed) for seed in range(5)]
    found = quality_hires.summary(rows)
    assert found["hires_wins"] == 3
    assert found["counts_hires"] is None
    assert [line["wins"] for line in found["measures"].values()] == [False, True, True, True]
    assert found["sharpness_gain"] == pytest.approx(row.sharpness_hires / row.sharpness_lanczos - 1)
    json.dumps(found, allow_nan=False)
    text = quality_hires.table(rows)
    assert "wins 3 of 4" in text
    assert "all the other prompts, hires fix shows 0.250 by chance" in text
    assert quality_hires.summary(rows[:4])["hires_wins"] == 0
    assert "count something" not in text
    counted = [replace(row, counts_hires=0.75, counts_direct=0.5), row]
    assert "75% hold with hires fix, 50% sampled directly" in quality_hires.table(counted)
    assert "| prompt adherence | 0.500 | direct | 0.500 | +0.000 (+0.000 to +0.000) | 0 / 0 | p = 1 |" in text
    worse = [replace(row, sharpness_hires=0.1, sharpness_lanczos=0.2, adherence_direct=0.4) for row in rows]
    assert quality_hires.summary(worse)["hires_wins"] == 3
    assert "-50% steeper" in quality_hires.table(worse)
    inside = [replace(row, inside_hires=0.04, inside_lanczos=0.03)] * 5 + rows
    assert quality_hires.summary(inside)["measures"]["steepness inside things"]["pairs"] == 5
    assert "wins 4 of 5" in quality_hires.table(inside)
    nothing = [replace(row, sharpness_hires=0.0, sharpness_lanczos=0.0)]
    assert quality_hires.summary(nothing)["sharpness_gain"] is None
