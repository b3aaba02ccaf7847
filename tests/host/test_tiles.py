"""Split into Tiles to Combine Tiles on the real host: A1111's recorded pictures, and what people put between."""

import re
import shutil
from pathlib import Path

import pytest
import torch
from hires_pack.dev.parity import run as parity_run
from hires_pack.dev.parity.cases import discover
from PIL import Image

from .graphs import Graph, conditioning, give, saved

RECORDED = Path(__file__).resolve().parents[1] / "data" / "oracle-redraw"


@pytest.fixture(scope="module")
def bench(host, models):
    folders = {"checkpoints": models.files.checkpoints, "upscale_models": models.files.upscale_models}
    return parity_run.Bench(host, folders)


def ran(bench, kind, name):
    (case,) = discover(RECORDED / kind, [name])
    return bench.run(case)


STAGES = {"hr.init", "hr.noise", "hr.sigmas", "hr.latent"}


def test_sd_upscale_gives_the_recorded_picture(bench):
    """Six tiles in batches of two, which share a seed each."""
    outcome = ran(bench, "sd-upscale", "batch-2")
    assert outcome.ok, outcome.reason
    for variant in (outcome.main, outcome.encoded):
        assert set(variant.measured.stages) == {*STAGES, "upscaled", "rest.image"}
        assert variant.measured.stages["upscaled"] == variant.measured.stages["rest.image"] == 0
        assert variant.measured.psnr > 60


def test_img2img_gives_the_recorded_picture(bench):
    """With a variation seed and a noise multiplier."""
    outcome = ran(bench, "img2img", "variation")
    assert outcome.ok, outcome.reason
    assert set(outcome.main.measured.stages) == {*STAGES, "init"}
    assert outcome.main.measured.psnr > 60


def test_noise_under_a_mask_gives_the_recorded_picture(bench):
    outcome = ran(bench, "img2img", "mask-latent-noise")
    assert outcome.ok, outcome.reason
    stages = outcome.main.measured.stages
    assert set(stages) == {*STAGES, "hr.noised", "init", "overlay", "hr.mask"}
    assert stages["init"] == stages["overlay"] == stages["hr.mask"] == 0
    assert outcome.main.measured.psnr > 75


def test_every_loop_gives_the_recorded_picture(bench):
    """The second one is encoded as after the first, to the bit of A1111's draw: without that it is 3e-5 away."""
    outcome = ran(bench, "img2img", "loopback-2-linear")
    assert outcome.ok, outcome.reason
    assert outcome.main.measured.psnr > 75


@pytest.mark.parametrize(
    ("name", "says"),
    [("overlap-64-tile-64", "overlap of 64 leaves nothing"), ("upscaler-unknown", "could not find upscaler")],
)
def test_what_failed_in_a1111_is_refused_in_a_sentence(bench, name, says):
    outcome = ran(bench, "sd-upscale", name)
    assert outcome.ok, outcome.reason
    assert "A1111 itself failed" in outcome.reason
    assert says in outcome.reason


def test_another_tile_fails_and_says_by_how_much(bench, tmp_path):
    """The recording is right but for one tile."""
    shutil.copytree(RECORDED / "embeddings", tmp_path / "embeddings")
    shutil.copytree(RECORDED / "sd-upscale" / "batch-2", tmp_path / "cases" / "batch-2")
    tile = tmp_path / "cases" / "batch-2" / "r1_image_0.png"
    with Image.open(tile) as opened:
        opened.point(lambda level: min(255, level + 9)).save(tile)
    (case,) = discover(tmp_path / "cases")
    outcome = bench.run(case)
    assert not outcome.ok
    assert "rest.image" in outcome.reason
    # nine and what the tile was off before
    assert re.search("by (9|10) at most", outcome.reason), outcome.reason


# ---- what people put between ----------------------------------------------------------------------------------------


def picture(host, width=71, height=53, channels=4, batch=2):
    generator = torch.Generator().manual_seed(width)
    return give(host, image=torch.rand(batch, height, width, channels, generator=generator))


def split(g, host, numbers="exact", tile=(48, 40), overlap=16, **of):
    image = g.add("ProbeImage", file=picture(host, **of), key="image")
    sides = {"tile_width": tile[0], "tile_height": tile[1]}
    return image, g.add("HiresFixSplitTiles", image=image, **sides, overlap=overlap, numbers=numbers)


def results(client, host, g, *names):
    client.queue(g).require_success()
    found = [saved(host, name) for name in names]
    return found[0] if len(found) == 1 else found


def test_untouched_and_enlarged_tiles_make_the_picture(client, host):
    g = Graph()
    image, tiles = split(g, host)
    _, before = g.save(image=image)
    _, same = g.save(image=g.add("HiresFixCombineTiles", tiles=tiles, layout=tiles[1]))
    nearest = g.add("HiresFixUpscalerLoader", upscaler_name="Nearest")
    larger = g.add(
        "HiresFixUpscaleImage", image=tiles, upscaler=nearest, resize_mode="scale by", upscaling_resize=2.0,
        upscaling_resize_w=8, upscaling_resize_h=8, upscaling_crop=True, tile_size=0, tile_overlap=-1,
    )  # fmt: skip
    _, twice = g.save(image=g.add("HiresFixCombineTiles", tiles=larger, layout=tiles[1]))
    before, same, twice = (found["image"] for found in results(client, host, g, before, same, twice))
    assert before.shape == (2, 53, 71, 4)
    assert torch.allclose(same, before, atol=1e-6)
    assert torch.allclose(twice, before.repeat_interleave(2, 1).repeat_interleave(2, 2), atol=1e-6)


def refusal(client, g):
    run = client.queue(g)
    assert run.status == "error"
    return run.error["exception_message"]


def test_dropped_and_resized_tiles_are_refused(client, host):
    g = Graph()
    _, tiles = split(g, host, batch=1)
    fewer = g.add("ImageFromBatch", image=tiles, batch_index=0, length=3)
    g.save(image=g.add("HiresFixCombineTiles", tiles=fewer, layout=tiles[1]))
    assert "Combine Tiles, input 'tiles': 3 tiles do not make the picture" in refusal(client, g)
    g = Graph()
    _, tiles = split(g, host, batch=1)
    wider = g.add("ImageScale", image=tiles, upscale_method="bilinear", width=56, height=40, crop="disabled")
    g.save(image=g.add("HiresFixCombineTiles", tiles=wider, layout=tiles[1]))
    assert "56x40 pixels and were cut with 48x40" in refusal(client, g)
    g = Graph()
    _, tiles = split(g, host, tile=(48, 16), overlap=16)
    g.save(image=g.add("HiresFixCombineTiles", tiles=tiles, layout=tiles[1]))
    assert "Split into Tiles, input 'overlap': overlap is 16 and tile_height 16" in refusal(client, g)


# ---- latents and seeds ----------------------------------------------------------------------------------------------


def encoded(g, host, models, batch_size, numbers="exact", noise=None, **of):
    loader = g.add("CheckpointLoaderSimple", ckpt_name=models.oracle)
    _, tiles = split(g, host, numbers, **of)
    noise = noise or g.add("HiresFixNoise", seed=5, source="CPU")
    shared = {"layout": tiles[1], "vae": loader[2]}
    return loader, shared, g.add("HiresFixEncodeTiles", tiles=tiles, noise=noise, batch_size=batch_size, **shared)


def drawn(client, host, models, batch_size, numbers, **noise):
    """Encoded tiles and their noise, batch after batch."""
    g = Graph()
    name, of_noise = "tiles-latent", "tiles-noise"
    made = g.add("HiresFixNoise", seed=5, source="CPU", **noise)
    *_, latents = encoded(g, host, models, batch_size, numbers, made)
    g.add("ProbeSaveAll", name=name, latent=latents)
    g.add("ProbeSaveAll", name=of_noise, latent=g.add("ProbeNoise", noise=latents[1], latent=latents))
    client.queue(g).require_success()
    return [[found[f"latent{i}"] for i in range(len(found))] for found in (saved(host, name), saved(host, of_noise))]


def unit_noise(seed, shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_a_tile_has_one_seed_in_batches_of_any_size(client, host, models):
    """Two pictures of 2x2 tiles: seeds 5 to 12."""
    alone, seeds = drawn(client, host, models, 1, "exact")
    together, same_seeds = drawn(client, host, models, 3, "exact")
    assert [len(batch) for batch in together] == [3, 1, 3, 1]
    assert torch.allclose(torch.cat(together), torch.cat(alone), atol=1e-5)
    assert torch.equal(torch.cat(same_seeds), torch.cat(seeds))
    for index, noise in enumerate(torch.cat(seeds)):
        assert torch.equal(noise, unit_noise(5 + index, noise.shape))


def test_with_a1111s_numbers_each_batch_begins_one_seed_later(client, host, models):
    """And each picture one later than the picture before it; a variation seed counts within its batch alone."""
    _, noises = drawn(client, host, models, 3, "A1111")
    expected = [[5, 6, 7], [6], [6, 7, 8], [7]]
    for batch, seeds in zip(noises, expected, strict=True):
        for noise, seed in zip(batch, seeds, strict=True):
            assert torch.equal(noise, unit_noise(seed, noise.shape))
    _, varied = drawn(client, host, models, 3, "A1111", subseed=30, subseed_strength=1.0)
    expected = [[30, 31, 32], [30], [30, 31, 32], [30]]
    for batch, seeds in zip(varied, expected, strict=True):
        for noise, seed in zip(batch, seeds, strict=True):
            assert torch.allclose(noise, unit_noise(seed, noise.shape), atol=1e-5)


def test_tiles_of_odd_sizes_come_back_at_theirs(client, host, models):
    """37x29, the whole picture: cells are filled up and taken off again, transparency comes from the layout."""
    g = Graph()
    _, shared, latents = encoded(g, host, models, 1, width=37, height=29)
    tiles = g.add("HiresFixDecodeTiles", latent=latents, **shared)
    _, cut = g.save(image=tiles)
    _, name = g.save(image=g.add("HiresFixCombineTiles", tiles=tiles, layout=shared["layout"]))
    tiles, image = (found["image"] for found in results(client, host, g, cut, name))
    assert tiles.shape == (2, 29, 37, 3)
    assert image.shape == (2, 29, 37, 4)


def test_a_redraw_with_any_sampler_and_core_noise(client, host, models):
    """Re-noise and Second Sampling run once a batch, with img2img's steps; another seed is another picture."""
    pictures = []
    for seed in (5, 6):
        g = Graph()
        noise = g.add("RandomNoise", noise_seed=seed)
        loader, shared, latents = encoded(g, host, models, 4, noise=noise, batch=1)
        file = conditioning(host, models.family("sd1"))
        positive, negative = (g.add("ProbeConditioning", file=file, key=key) for key in ("positive", "negative"))
        noised = g.add(
            "HiresFixRenoise", model=loader, latent=latents, noise=latents[1], steps=5, denoising_strength=0.5,
            hr_second_pass_steps=0, sampler_name="Euler", scheduler="Automatic", steps_rule="img2img",
        )  # fmt: skip
        _, sigmas = g.save(sigmas=noised[1])
        sampled = g.add(
            "HiresFixSecondSampling", model=loader, positive=positive, negative=negative, latent=noised,
            sigmas=noised[1], noise=latents[1], cfg=3.0, sampler_name="Use same sampler",
        )  # fmt: skip
        tiles = g.add("HiresFixDecodeTiles", latent=sampled, **shared)
        _, name = g.save(image=g.add("HiresFixCombineTiles", tiles=tiles, layout=shared["layout"]))
        sigmas, image = results(client, host, g, sigmas, name)
        assert len(sigmas["sigmas"]) == 4  # int(0.5 * 5) + 1 steps
        assert image["image"].shape == (1, 53, 71, 4)
        pictures.append(image["image"])
    assert not torch.allclose(*pictures, atol=0.01)


def test_other_latents_are_refused(client, host, models):
    g = Graph()
    loader, shared, _ = encoded(g, host, models, 1, batch=1)
    empty = g.add("EmptyLatentImage", width=64, height=64, batch_size=4)
    g.save(image=g.add("HiresFixDecodeTiles", latent=empty, **{**shared, "vae": loader[2]}))
    assert "decode to 64x64 pixels, and the tiles were cut with 48x40" in refusal(client, g)
