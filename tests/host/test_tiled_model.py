"""Tiled Model: with networks that look no further than the overlap allows, tiled is what untiled is, whatever else is
connected.
"""

import io
import re

import pytest
import torch
from hires_pack.tests.tolerances import assert_close
from PIL import Image

from .graphs import Graph, conditioning, give, saved

SIDES = (88, 72)
"""Width and height of the canvas in latent cells: no multiple of a window."""

TILE, OVERLAP = 256, 64
"""Pixels: windows of up to 32 cells that share 8 or more, of which a network with a reach of 3 needs 6."""

SMALL, SMALL_TILE = (44, 36), 128
"""Where a VAE makes it slow."""

SAMPLED = 1e-5
"""Largest difference of latents of size 1 after a whole sampling."""


class Scene:
    """A graph that samples the same latent with a model as it is, and tiled."""

    def __init__(self, host, models, family="sd3", sides=SIDES, frames=None, batch=1):
        self.host, self.facts, self.g = host, models.family(family), Graph()
        self.loader = self.g.add("CheckpointLoaderSimple", ckpt_name=models.checkpoint(family))
        file = conditioning(host, self.facts)
        self.prompts = [self.g.add("ProbeConditioning", file=file, key=key) for key in ("positive", "negative")]
        frames = () if frames is None else (frames,)
        self.shape = (batch, self.facts.latent_channels, *frames, sides[1], sides[0])
        self.latent = self.tensor(self.shape, 0.8)
        self.model = self.loader

    @property
    def vae(self):
        return self.loader[2]

    def tensor(self, shape, size=1.0, seed=0):
        """A LATENT of made-up numbers."""
        values = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * size
        return self.g.add("ProbeLatent", file=give(self.host, values=values), key="values")

    def image(self, size=None, seed=1):
        """Pictures of coarse noise, so that every place differs; as large as the canvas."""
        width, height = size or (self.shape[-1] * 8, self.shape[-2] * 8)
        coarse = torch.rand((1, 3, height // 16, width // 16), generator=torch.Generator().manual_seed(seed))
        picture = torch.nn.functional.interpolate(coarse, size=(height, width), mode="nearest").movedim(1, -1)
        return self.g.add("ProbeImage", file=give(self.host, values=picture), key="values")

    def mask(self, values):
        return self.g.add("ProbeMask", file=give(self.host, values=values), key="values")

    def local(self, **more):
        self.model = self.g.add("ProbeLocalModel", model=self.model, reach=True, conds=True, **more)

    def tiled(self, model=None, **more):
        values = {
            "tile_size": TILE if self.shape[-1] == SIDES[0] else SMALL_TILE,
            "overlap": OVERLAP,
            "blending": "hard",
            "tiles_at_once": 1,
            **more,
        }
        return self.g.add("HiresFixTiledModel", model=model or self.model, **values)

    def sample(self, model, sampler="euler", steps=2, denoise=0.7, latent=None, prompts=None):
        positive, negative = prompts or self.prompts
        result = self.g.add(
            "KSampler", model=model, positive=positive, negative=negative, latent_image=latent or self.latent, seed=4,
            steps=steps, cfg=3.0, sampler_name=sampler, scheduler="normal", denoise=denoise,
        )  # fmt: skip
        return self.g.save(latent=result)[1]

    def run(self, client, *files):
        client.queue(self.g).require_success()
        return [saved(self.host, file)["latent"] for file in files]


def assert_tiled_is_untiled(scene, client, sampler="euler", tiled=(), **more):
    untiled = scene.sample(scene.model, sampler, **more)
    others = [scene.sample(scene.tiled(**values), sampler, **more) for values in tiled or ({}, {"tiles_at_once": 4})]
    first, *rest = scene.run(client, untiled, *others)
    assert float(first.std()) > 0.05
    for one in rest:
        assert_close(one, first, SAMPLED)
    return first


@pytest.mark.parametrize(("family", "batch"), [("sd3", 2), ("wan", 1), ("flux", 1), ("sdxl", 1), ("sd1", 1)])
def test_one_window_is_bit_equal(family, batch, host, client, models):
    scene = Scene(host, models, family, sides=(12, 8), batch=batch)
    tiled = scene.tiled(blending="soft", tile_size=128)
    files = [scene.sample(model, "dpmpp_2m", steps=2, denoise=1.0) for model in (scene.model, tiled)]
    untiled, tiled = scene.run(client, *files)
    assert torch.equal(untiled, tiled)


SAMPLERS = [
    "euler", "euler_ancestral", "heun", "dpm_2", "lms", "dpmpp_2m", "dpmpp_sde", "dpmpp_2m_sde", "uni_pc", "lcm",
    "ddim", "res_multistep",
]  # fmt: skip


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_three_convolutions_are_exact_over_a_whole_sampling(sampler, host, client, models):
    scene = Scene(host, models)
    scene.local()
    assert_tiled_is_untiled(scene, client, sampler, steps=8, denoise=1.0)


def test_soft_blending_is_exact_for_a_reach_of_an_eighth_of_the_overlap(host, client, models):
    scene = Scene(host, models)
    scene.local()
    assert_tiled_is_untiled(scene, client, tiled=[{"blending": "soft", "overlap": 192, "tile_size": 384}])


@pytest.mark.parametrize("values", [
    {"blending": "soft", "overlap": 0}, {"blending": "soft"}, {"tile_size": 80, "overlap": 16},
    {"tile_size": 64, "overlap": 0, "tiles_at_once": 64},
])  # fmt: skip
def test_a_pixelwise_network_is_equal_for_any_tile(values, host, client, models):
    scene = Scene(host, models)
    scene.model = scene.g.add("ProbeLocalModel", model=scene.model, reach=False, conds=True)
    assert_tiled_is_untiled(scene, client, tiled=[values])


def test_tiles_that_differ_as_a_whole_meet_in_the_middle_before_they_fade(host, client, models):
    """A reference picture of one and a half times the canvas's cells adds its mean to the local network's tile."""
    scene = Scene(host, models, "flux", sides=(56, 24))
    scene.model = scene.g.add("ProbeLocalModel", model=scene.model, reach=False, conds=True)
    values = torch.zeros(1, 16, 36, 84)
    values[..., 42:] = 1
    reference = scene.g.add("ProbeLatent", file=give(host, values=values), key="values")
    positive = scene.g.add("ReferenceLatent", conditioning=scene.prompts[0], latent=reference)
    asked = {"steps": 1, "prompts": (positive, scene.prompts[1])}
    tiles = [scene.tiled(tile_size=256, overlap=64, blending=blending) for blending in ("hard", "soft")]
    without, *own = scene.run(client, scene.sample(tiles[0], steps=1), *(scene.sample(tile, **asked) for tile in tiles))
    hard, soft = ((one - without).mean((0, 1, 2)) for one in own)
    left, right = float(hard[0]), float(hard[-1])
    assert abs(right - left) > 0.2, "two tiles of 32 cells, of which 24 are dark and 4 light, and the other way round"
    assert_close(hard, torch.tensor([left, right]).repeat_interleave(28), 1e-5)
    assert_close(soft, torch.full((56,), (left + right) / 2), 1e-5)


def test_a_network_that_looks_further_than_the_overlap_is_not_exact(host, client, models):
    """What the other tests see as equal is not equal by itself."""
    scene = Scene(host, models)
    scene.local()
    files = [scene.sample(scene.model), scene.sample(scene.tiled(overlap=0))]
    untiled, tiled = scene.run(client, *files)
    assert float((untiled - tiled).abs().max()) > 100 * SAMPLED


def whole_and_parts(seed, sides=SIDES):
    """A mask that is soft, empty in a third of the canvas, and differs at every place."""
    mask = torch.rand((1, sides[1] * 2, sides[0] * 2), generator=torch.Generator().manual_seed(seed))
    mask[..., : sides[0] * 2 // 3] = 0
    return mask


def test_masks_of_prompts_are_cut(host, client, models):
    scene = Scene(host, models)
    scene.local()
    g, (positive, negative) = scene.g, scene.prompts
    masked = g.add(
        "ConditioningSetMask", conditioning=negative, mask=scene.mask(whole_and_parts(1)), strength=0.8,
        set_cond_area="default",
    )  # fmt: skip
    bounds = g.add(
        "ConditioningSetMask", conditioning=positive, mask=scene.mask(whole_and_parts(2)), strength=1.0,
        set_cond_area="mask bounds",
    )  # fmt: skip
    both = g.add("ConditioningCombine", conditioning_1=positive, conditioning_2=masked)
    three = g.add("ConditioningCombine", conditioning_1=both, conditioning_2=bounds)
    for prompt in (both, three):
        assert_tiled_is_untiled(scene, client, prompts=(prompt, negative))


def test_what_a_masked_prompt_leaves_out_stays_without(host, client, models):
    """Where no prompt has any weight, the host predicts nothing; no window may fill that in."""
    scene = Scene(host, models)
    scene.local()
    mask = torch.zeros(1, SIDES[1], SIDES[0])
    mask[:, :, 70:] = 1
    positive = scene.g.add(
        "ConditioningSetMask", conditioning=scene.prompts[0], mask=scene.mask(mask), strength=1.0,
        set_cond_area="default",
    )  # fmt: skip
    assert_tiled_is_untiled(scene, client, prompts=(positive, scene.prompts[1]))


@pytest.mark.parametrize("edges", [(400, 300, 100, 60), (96, 96, 304, 200), (200, 576, 504, 0)])
def test_areas_keep_their_soft_edges_and_miss_other_windows(edges, host, client, models):
    """Their own edges, not those of a window."""
    width, height, x, y = edges
    scene = Scene(host, models)
    scene.local()
    positive, negative = scene.prompts
    area = {"width": width, "height": height, "x": x, "y": y, "strength": 0.9}
    other = scene.g.add("ConditioningSetArea", conditioning=negative, **area)
    both = scene.g.add("ConditioningCombine", conditioning_1=positive, conditioning_2=other)
    files = [scene.sample(model, prompts=(both, negative)) for model in (scene.model, scene.tiled())]
    untiled, tiled = scene.run(client, *files)
    # a network sees the area's own edge, also where it lies in a window's overlap
    assert_close(tiled, untiled, SAMPLED)


def test_prompts_of_a_part_of_the_steps(host, client, models):
    scene = Scene(host, models)
    scene.local()
    positive, negative = scene.prompts
    early, late = (
        scene.g.add("ConditioningSetTimestepRange", conditioning=one, start=start, end=end)
        for one, start, end in ((positive, 0.0, 0.5), (negative, 0.5, 1.0))
    )
    both = scene.g.add("ConditioningCombine", conditioning_1=early, conditioning_2=late)
    assert_tiled_is_untiled(scene, client, prompts=(both, negative))


def test_two_pictures_and_a_prompt_for_each(host, client, models):
    scene = Scene(host, models, batch=2)
    scene.local()
    texts = torch.randn(2, 77, scene.facts.context_width, generator=torch.Generator().manual_seed(7))
    pooled = torch.zeros(2, scene.facts.pooled_width)
    file = give(host, **{"both": texts, "both.pooled": pooled})
    positive = scene.g.add("ProbeConditioning", file=file, key="both")
    assert_tiled_is_untiled(scene, client, prompts=(positive, scene.prompts[1]))


@pytest.mark.parametrize("scale", [1, 2])
def test_conditioning_of_the_noise_s_shape_is_cut(scale, host, client, models):
    """What is joined to the latent, also in another size."""
    scene = Scene(host, models)
    scene.local()
    joined = scene.tensor((1, 2, SIDES[1] * scale, SIDES[0] * scale), seed=3)
    positive = scene.g.add("ProbeConditioningWith", conditioning=scene.prompts[0], kind="noise_concat", latent=joined)
    assert_tiled_is_untiled(scene, client, prompts=(positive, scene.prompts[1]))


def test_inpaint_models_get_the_picture_and_the_mask_of_the_window(host, client, models):
    scene = Scene(host, models, sides=SMALL)
    scene.local(inpaint=True)
    positive, negative = scene.prompts
    mask = (whole_and_parts(4, SMALL) > 0.5).float()
    inpaint = scene.g.add(
        "InpaintModelConditioning", positive=positive, negative=negative, vae=scene.vae, pixels=scene.image(),
        mask=scene.mask(mask), noise_mask=True,
    )  # fmt: skip
    assert_tiled_is_untiled(scene, client, prompts=(inpaint, inpaint[1]), latent=inpaint[2])


@pytest.mark.parametrize("family", ["sd3", "wan"])
def test_noise_masks_keep_what_they_protect(family, host, client, models):
    scene = Scene(host, models, family, sides=(40, 24), frames=None if family == "sd3" else 2)
    mask = torch.ones(1, 24, 40)
    mask[:, :, :17] = 0
    latent = scene.g.add("SetLatentNoiseMask", samples=scene.latent, mask=scene.mask(mask))
    result = scene.sample(scene.tiled(tile_size=128, overlap=32, blending="soft"), latent=latent)
    before, after = scene.run(client, scene.g.save(latent=scene.latent)[1], result)
    assert torch.allclose(after[..., :17], before[..., :17], rtol=0, atol=1e-6)
    assert float((after - before)[..., 17:].abs().mean()) > 0.01


@pytest.mark.parametrize(("kind", "size"), [
    ("pixels", None), ("pixels", (300, 250)), ("vae", None), ("vae and mask", (450, 450)), ("adapter", None),
])  # fmt: skip
def test_hints_of_controlnets_are_cut(kind, size, host, client, models):
    scene = Scene(host, models, sides=SMALL if kind.startswith("vae") else SIDES)
    scene.local()
    hint = {"image": scene.image(size), "strength": 0.7, "start_percent": 0.0, "end_percent": 1.0}
    hint |= {"vae": scene.vae} if kind.startswith("vae") else {}
    network = scene.g.add("ProbeControlNet", kind=kind)
    node, more = "ControlNetApplyAdvanced", {}
    if kind == "vae and mask":
        node, more = "ControlNetInpaintingAliMamaApply", {"mask": scene.mask(whole_and_parts(5, SMALL))}
    prompts = scene.prompts
    # a chain of two, the first of which ends half way
    for end in (0.6, 1.0):
        hint["end_percent"] = end
        link = scene.g.add(node, positive=prompts[0], negative=prompts[1], control_net=network, **hint, **more)
        prompts = (link, link[1])
    assert_tiled_is_untiled(scene, client, prompts=prompts)


def test_gligen_s_boxes_are_cut_and_dropped(host, client, models):
    scene = Scene(host, models)
    scene.local()
    positive = scene.g.add("ProbeConditioningWith", conditioning=scene.prompts[0], kind="gligen")
    assert_tiled_is_untiled(scene, client, prompts=(positive, scene.prompts[1]))


@pytest.mark.parametrize("sides", [SIDES, (176, 144), (40, 40)])
def test_reference_pictures_of_the_canvas_s_shape_are_cut_and_others_stay(sides, host, client, models):
    """Flux Kontext and the like: the picture that is redrawn, at any scale, or another one."""
    scene = Scene(host, models, "flux")
    scene.local()
    reference = scene.tensor((1, 16, sides[1], sides[0]), seed=9)
    positive = scene.g.add("ReferenceLatent", conditioning=scene.prompts[0], latent=reference)
    assert_tiled_is_untiled(scene, client, prompts=(positive, scene.prompts[1]))


@pytest.mark.parametrize("kind", [None, "size"])
def test_sdxl_is_told_where_a_window_lies(kind, host, client, models):
    scene = Scene(host, models, "sdxl")
    scene.local()
    prompts = scene.prompts
    if kind:
        prompts = [scene.g.add("ProbeConditioningWith", conditioning=one, kind=kind) for one in prompts]
        file = [scene.sample(model, prompts=prompts) for model in (scene.model, scene.tiled())]
        untiled, tiled = scene.run(client, *file)
        assert not torch.allclose(untiled, tiled, atol=0.01)
        return
    assert_tiled_is_untiled(scene, client, prompts=prompts)


@pytest.mark.parametrize(("kind", "family"), [
    ("diffsynth", "sd3"), ("z-image", "flux"), ("lllite", "wan"), ("uni3c", "wan"), ("supir", "sd3"),
])  # fmt: skip
def test_pictures_of_model_patches_are_cut(kind, family, host, client, models):
    scene = Scene(host, models, family, sides=SMALL, frames=1 if family == "wan" else None)
    patched = scene.g.add("ProbePicturePatch", model=scene.loader, vae=scene.vae, image=scene.image(), kind=kind)
    scene.model = patched
    scene.local()
    with_patch = assert_tiled_is_untiled(scene, client)
    scene.model = scene.loader
    scene.local()
    (without,) = scene.run(client, scene.sample(scene.model))
    assert float((with_patch - without).abs().max()) > 0.01


def test_frames_of_a_clip_are_tiled_in_space(host, client, models):
    scene = Scene(host, models, "wan", frames=3)
    scene.local()
    assert_tiled_is_untiled(scene, client)


FAMILIES = ["sd1", "sdxl", "sd3", "flux", "wan"]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_drawn_in_windows(family, host, client, models):
    scene = Scene(host, models, family, sides=(24, 16), frames=2 if family == "wan" else None)
    values = {"tile_size": 96, "overlap": 32, "blending": "soft"}
    one, four = (scene.sample(scene.tiled(**values, tiles_at_once=count), steps=2) for count in (1, 4))
    one, four = scene.run(client, one, four)
    assert one.shape == scene.shape
    assert bool(torch.isfinite(one).all())
    assert_close(four, one, 1e-3)


def error_of(scene, client, model, prompts=None, latent=None):
    scene.sample(model, prompts=prompts, latent=latent)
    return client.queue(scene.g).explanation()


@pytest.mark.parametrize("patch", ["SelfAttentionGuidance", "EasyCache"])
def test_patches_that_mix_up_tiles_are_refused(patch, host, client, models):
    values = {
        "SelfAttentionGuidance": {"scale": 0.5, "blur_sigma": 2.0},
        "EasyCache": {"reuse_threshold": 0.2, "start_percent": 0.15, "end_percent": 0.95, "verbose": False},
    }[patch]
    scene = Scene(host, models, sides=SMALL)
    patched = scene.g.add(patch, model=scene.tiled(), **values)
    error = error_of(scene, client, patched)
    assert "Tiled Model: " in error
    assert ("EasyCache" if patch == "EasyCache" else "Self-Attention Guidance") in error


def test_a_controlnet_of_another_pack_is_refused(host, client, models):
    scene = Scene(host, models, sides=SMALL)
    network = scene.g.add("ProbeControlNet", kind="other")
    hint = {"image": scene.image(), "strength": 0.7, "start_percent": 0.0, "end_percent": 1.0}
    link = scene.g.add(
        "ControlNetApplyAdvanced", positive=scene.prompts[0], negative=scene.prompts[1], control_net=network, **hint
    )
    error = error_of(scene, client, scene.tiled(), prompts=(link, link[1]))
    assert "Tiled Model: a ControlNet of the kind _Other of another pack" in error


@pytest.mark.parametrize(("values", "says"), [
    ({"tile_size": 128, "overlap": 128}, "Tiled Model, input 'overlap': neighbouring tiles are to share 128 pixels"),
    ({"tile_size": 64, "overlap": 60}, "Tiled Model: tiles of 64 pixels that share 60, in latent cells of 8 pixels"),
])  # fmt: skip
def test_an_overlap_that_leaves_nothing_is_refused(values, says, host, client, models):
    scene = Scene(host, models, sides=SMALL)
    assert says in error_of(scene, client, scene.tiled(**values))


@pytest.mark.parametrize(("sides", "values"), [
    ((43, 37), {}), ((44, 36), {"tile_size": 4096, "overlap": 1000}), ((7, 50), {"overlap": -1}),
])  # fmt: skip
def test_odd_sizes_and_large_tiles(sides, values, host, client, models):
    scene = Scene(host, models, sides=sides)
    file = scene.sample(scene.tiled(**{"tile_size": 128, "overlap": 32, "blending": "soft", **values}))
    (result,) = scene.run(client, file)
    assert result.shape == scene.shape
    assert bool(torch.isfinite(result).all())


def test_tiling_anew_replaces_the_tiles(host, client, models):
    scene = Scene(host, models, sides=SMALL)
    once = scene.tiled(tile_size=96, overlap=32)
    twice = scene.tiled(model=scene.tiled(), tile_size=96, overlap=32)
    first, second, untiled = scene.run(client, *(scene.sample(model) for model in (once, twice, scene.model)))
    assert torch.equal(first, second)
    assert not torch.allclose(first, untiled, atol=1e-3)


def test_a1111_s_samplers_see_tiles(host, client, models):
    scene = Scene(host, models, sides=SMALL)
    scene.local()
    g, (positive, negative) = scene.g, scene.prompts
    noise = g.add("HiresFixNoise", seed=3, source="CPU")
    files = []
    for model in (scene.model, scene.tiled()):
        common = {"model": model, "noise": noise, "sampler_name": "DPM++ 2M"}
        noised = g.add(
            "HiresFixRenoise", latent=scene.latent, steps=3, denoising_strength=0.6, hr_second_pass_steps=0,
            scheduler="Automatic", **common,
        )  # fmt: skip
        final = g.add(
            "HiresFixSecondSampling", positive=positive, negative=negative, latent=noised, sigmas=noised[1], cfg=3.0,
            **common,
        )  # fmt: skip
        files.append((final.id, g.save(latent=final)[1]))
    run = client.queue(g).require_success()
    untiled, tiled = (saved(host, file)["latent"] for _, file in files)
    assert_close(tiled, untiled, SAMPLED)
    sizes = [{Image.open(io.BytesIO(jpeg)).size for node, jpeg in run.previews if node == one} for one, _ in files]
    assert sizes[0] == sizes[1] != set(), "previews are of the whole picture"


def lines_of(host, before):
    """What the host's log says of memory since then, from the colon on."""
    found = [line for line in host.log()[before:].splitlines() if "Out of memory: " in line]
    return [line.split("Out of memory: ", 1)[1] for line in found]


def test_without_memory_fewer_tiles_go_at_once(host, client, models):
    """Two prompts a window: eight and four at once are too many, two are not."""
    scene = Scene(host, models)
    scene.local()
    untiled = scene.sample(scene.model)
    scene.model = scene.loader
    scene.local(room=4)
    tiled = scene.sample(scene.tiled(tiles_at_once=8))
    before = len(host.log())
    first, second = scene.run(client, untiled, tiled)
    assert_close(second, first, SAMPLED)
    fewer = [f"Tiled Model goes on with {to} tiles at once; it had {was}." for was, to in ((8, 4), (4, 2))]
    assert lines_of(host, before) == fewer


WIDE = (200, 180)
"""In cells; with a network of 1024 pixels, windows of 64 cells are the smallest that memory leads to."""


def test_without_memory_for_a_tile_the_step_is_done_again_in_smaller_ones(host, client, models):
    """In the midst of a sampling, hints and masks are cut anew."""
    scene = Scene(host, models, sides=WIDE)
    scene.local(cells=70 * 70, cells_after=5)
    g, (positive, negative) = scene.g, scene.prompts
    masked = g.add(
        "ConditioningSetMask", conditioning=negative, mask=scene.mask(whole_and_parts(1, WIDE)), strength=0.8,
        set_cond_area="default",
    )  # fmt: skip
    both = g.add("ConditioningCombine", conditioning_1=positive, conditioning_2=masked)
    hint = {"image": scene.image(), "strength": 0.7, "start_percent": 0.0, "end_percent": 1.0}
    network = g.add("ProbeControlNet", kind="pixels")
    prompts = [
        (link := g.add("ControlNetApplyAdvanced", positive=both, negative=negative, control_net=network, **hint)),
        link[1],
    ]
    short = scene.sample(scene.tiled(tile_size=2048, overlap=128, tiles_at_once=2), steps=4, prompts=prompts)
    scene.model = scene.loader
    scene.local()
    untiled = scene.sample(scene.model, steps=4, prompts=prompts)
    before = len(host.log())
    found, expected = scene.run(client, short, untiled)
    assert_close(found, expected, SAMPLED)
    assert lines_of(host, before) == [
        f"Tiled Model repeats this step and goes on with tiles of up to {to} pixels; it had {was}."
        for was, to in (("1600x1440", 1200), ("896x896", 672), ("624x576", 512))
    ]


def lines_on(scene, client, model):
    """What Seam Report says of a picture that shows nothing, with a model that may have been used before."""
    picture = scene.image((WIDE[0] * 8, WIDE[1] * 8))
    node = scene.g.add("HiresFixSeamReport", tile_size=64, overlap=0, model=model, before=picture, after=picture)
    return client.queue(scene.g).require_success().outputs[node.id]["text"][0].split("\n")


def test_smaller_tiles_are_those_that_could_have_been_asked_for(host, client, models):
    """With a network that sees their borders; and every sampling begins with what was asked."""
    scene = Scene(host, models, sides=WIDE)
    scene.local(cells=100 * 100)
    tiled = {"tile_size": 1536, "overlap": -1, "blending": "soft"}
    short = scene.tiled(**tiled)
    before = len(host.log())
    found, _ = scene.run(client, *(scene.sample(short, steps=steps) for steps in (2, 1)))
    said = lines_of(host, before)
    assert len(said) == 4
    assert said[:2] == said[2:]
    side = int(re.search(r"of up to (\d+) pixels", said[1])[1])
    assert lines_on(scene, client, short)[0] == (
        f"Memory had run out: the model's last sampling ended with tiles of up to {side} pixels, whose lines these are."
    )
    assert lines_on(scene, client, short)[1:] == lines_on(scene, client, scene.tiled(**{**tiled, "tile_size": side}))
    scene.model = scene.loader
    scene.local()
    asked, untiled = (scene.sample(model) for model in (scene.tiled(**{**tiled, "tile_size": side}), scene.model))
    asked, untiled = scene.run(client, asked, untiled)
    assert torch.equal(found, asked)
    assert not torch.equal(found, untiled)


def test_memory_for_not_even_the_smallest_tile_is_the_host_s_error(host, client, models):
    for sides, values in ((WIDE, {"cells": 40 * 40}), (SIDES, {"room": 1})):
        scene = Scene(host, models, sides=sides)
        scene.local(**values)
        assert "made up" in error_of(scene, client, scene.tiled(tile_size=1024, overlap=128))


def test_a_cancel_is_seen_before_the_next_tile(host, client, models):
    scene = Scene(host, models)
    scene.local(calls=3)
    scene.sample(scene.tiled())
    assert client.queue(scene.g).status == "interrupted"


def test_the_node_tells_how_many_tiles_of_a_step_are_done(host, client, models):
    scene = Scene(host, models)
    scene.local(wait=0.3)
    scene.sample(scene.tiled(), steps=1)
    texts = [text for _, text in client.queue(scene.g).require_success().texts]
    done = [tuple(map(int, re.fullmatch(r"tile (\d+) of (\d+)", text).groups())) for text in texts]
    assert done
    assert done == sorted(set(done))
    assert {count for _, count in done} == {12}


def test_latents_that_are_no_pictures_are_refused(host, client, models):
    scene = Scene(host, models)
    sound = scene.tensor((1, scene.facts.latent_channels, 64))
    error = error_of(scene, client, scene.tiled(), latent=sound)
    assert "Tiled Model: the latent has 3 dimensions" in error
