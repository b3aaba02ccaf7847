"""Tiled Model beside what else people put between a model and a sampler: tiled is what untiled is, or a sentence."""

import pytest
import torch
from hires_pack.dev.fixtures.loras import write_lora
from hires_pack.tests.tolerances import assert_close

from .graphs import give
from .test_tiled_model import (
    OVERLAP,
    SAMPLED,
    SIDES,
    SMALL,
    TILE,
    Scene,
    assert_tiled_is_untiled,
    error_of,
    whole_and_parts,
)


class SmallFamily(Scene):
    """A scene of a family of `ProbeSmallFamily`."""

    CHANNELS = {"flux2": 128, "qwen": 16, "z-image": 16, "sd-x4": 4}  # noqa: RUF012

    def __init__(self, host, models, family, sides=(24, 16)):
        super().__init__(host, models, sides=sides)
        self.model = self.g.add("ProbeSmallFamily", family=family)
        texts = torch.randn(2, 20, 64, generator=torch.Generator().manual_seed(7))
        file = give(host, positive=texts[:1], negative=texts[1:])
        self.prompts = [self.g.add("ProbeConditioning", file=file, key=key) for key in ("positive", "negative")]
        frames = (1,) if family == "qwen" else ()
        self.shape = (1, self.CHANNELS[family], *frames, sides[1], sides[0])
        self.latent = self.tensor(self.shape, 0.8)
        self.cell = {"flux2": 16, "sd-x4": 4}.get(family, 8)

    def windows(self, **more):
        return self.tiled(tile_size=14 * self.cell, overlap=4 * self.cell, blending="soft", **more)


@pytest.mark.parametrize("family", ["flux2", "qwen", "z-image"])
def test_newer_families_are_drawn_in_windows(family, host, client, models):
    scene = SmallFamily(host, models, family)
    mask = torch.ones(1, 16, 24)
    mask[:, :, :9] = 0
    masked = scene.g.add("SetLatentNoiseMask", samples=scene.latent, mask=scene.mask(mask))
    files = [
        scene.sample(scene.model),
        scene.sample(scene.tiled(tile_size=24 * scene.cell)),
        scene.sample(scene.windows()),
        scene.sample(scene.windows(tiles_at_once=4)),
        scene.sample(scene.windows(), latent=masked),
        scene.g.save(latent=scene.latent)[1],
    ]
    untiled, whole, one, four, kept, before = scene.run(client, *files)
    assert torch.equal(whole, untiled)
    assert one.shape == scene.shape
    assert bool(torch.isfinite(one).all())
    assert float((one - untiled).abs().max()) > 1e-3
    assert_close(four, one, 1e-4)
    assert torch.allclose(kept[..., :9], before[..., :9], rtol=0, atol=1e-6)
    assert float((kept - before)[..., 9:].abs().mean()) > 0.01


@pytest.mark.parametrize("noise", [0.0, 0.4])
def test_the_x4_upscaler_gets_the_picture_of_the_window_with_the_noise_of_the_whole(noise, host, client, models):
    """Its cells have 4 pixels. The local network adds the picture at its place, and the level of the noise in it."""
    scene = SmallFamily(host, models, "sd-x4", SIDES)
    positive, negative = scene.prompts
    enlarged = scene.g.add(
        "SD_4XUpscale_Conditioning", images=scene.image(SIDES), positive=positive, negative=negative, scale_ratio=4.0,
        noise_augmentation=noise,
    )  # fmt: skip
    asked = {"prompts": (enlarged, enlarged[1]), "latent": enlarged[2], "denoise": 1.0}
    values = {"tile_size": TILE // 2, "overlap": OVERLAP // 2}
    own = [scene.sample(scene.tiled(**values, tiles_at_once=at_once), steps=1, **asked) for at_once in (1, 4)]
    scene.local()
    local = scene.sample(scene.model, **asked)
    others = [scene.sample(scene.tiled(**values, tiles_at_once=at_once), **asked) for at_once in (1, 4)]
    own, own_together, local, *others = scene.run(client, *own, local, *others)
    for one in others:
        assert_close(one, local, SAMPLED)
    assert_close(own_together, own, 1e-4)


@pytest.mark.parametrize("of", ["latent", "prompt"])
def test_numbers_that_are_none_are_refused(of, host, client, models):
    scene = Scene(host, models, sides=SMALL)
    scene.local()
    values = torch.zeros(scene.shape)
    values[..., 3, 5] = float("nan")
    latent = scene.g.add("ProbeLatent", file=give(host, values=values), key="values") if of == "latent" else None
    texts = {"x": torch.full((1, 4, scene.facts.context_width), float("nan")), "x.pooled": torch.zeros(1, 2048)}
    nan = scene.g.add("ProbeConditioning", file=give(host, **texts), key="x")
    prompts = (nan, scene.prompts[1]) if of == "prompt" else None
    error = error_of(scene, client, scene.tiled(), latent=latent, prompts=prompts)
    assert "Tiled Model: " in error
    assert "NaN or infinite" in error


@pytest.mark.parametrize("kind", ["reference", "joined"])
def test_pictures_at_an_uneven_scale_are_cut_alike_for_every_window(kind, host, client, models):
    """So that windows can share a call."""
    scene = Scene(host, models, "flux" if kind == "reference" else "sd3")
    scene.local()
    positive, negative = scene.prompts
    if kind == "reference":
        picture = scene.tensor((1, 16, 82, 100), seed=9)
        positive = scene.g.add("ReferenceLatent", conditioning=positive, latent=picture)
    else:
        picture = scene.tensor((1, 2, 107, 131), seed=3)
        positive = scene.g.add("ProbeConditioningWith", conditioning=positive, kind="noise_concat", latent=picture)
    models = (scene.tiled(), scene.tiled(tiles_at_once=4))
    one, four = scene.run(client, *(scene.sample(model, prompts=(positive, negative)) for model in models))
    assert_close(four, one, SAMPLED)


def test_guidance_sees_the_whole_picture(host, client, models):
    """Patches that go by statistics or frequencies of the canvas, or call the model again, one after the other."""
    scene = Scene(host, models)
    scene.local()

    def patched(model):
        for patch, values in (
            ("RescaleCFG", {"multiplier": 0.7}),
            ("FreSca", {"scale_low": 1.0, "scale_high": 1.5, "freq_cutoff": 20}),
            ("TCFG", {}),
            ("PerturbedAttentionGuidance", {"scale": 2.0}),
            ("SkipLayerGuidanceSD3", {"layers": "0", "scale": 3.0, "start_percent": 0.0, "end_percent": 1.0}),
            ("DifferentialDiffusion", {}),
        ):
            model = scene.g.add(patch, model=model, **values)
        return model

    latent = scene.g.add("SetLatentNoiseMask", samples=scene.latent, mask=scene.mask(whole_and_parts(3, (44, 20))))
    files = (patched(scene.model), patched(scene.tiled()), scene.tiled(model=patched(scene.model)))
    first, *rest = scene.run(client, *(scene.sample(model, steps=3, latent=latent) for model in files))
    for one in rest:
        assert_close(one, first, SAMPLED)


@pytest.mark.parametrize("kind", ["PerpNegGuider", "DualCFGGuider", "DualModelGuider"])
def test_guiders_of_three_prompts_and_of_two_models(kind, host, client, models):
    scene = Scene(host, models, sides=SMALL)
    scene.local()
    g, (positive, negative) = scene.g, scene.prompts
    values = {
        "PerpNegGuider": {"positive": positive, "empty_conditioning": negative, "cfg": 4.0, "neg_scale": 0.8},
        "DualCFGGuider": {
            "cond1": positive, "cond2": negative, "cfg_conds": 4.0, "cfg_cond2_negative": 2.0, "style": "nested",
        },
        "DualModelGuider": {"positive": positive, "cfg": 4.0},
    }[kind]  # fmt: skip
    files = []
    for model in (scene.model, scene.tiled()):
        more = {"model_negative": model} if kind == "DualModelGuider" else {}
        guider = g.add(kind, model=model, negative=negative, **values, **more)
        sigmas = g.add("BasicScheduler", model=model, scheduler="normal", steps=2, denoise=0.7)
        sampler, noise = g.add("KSamplerSelect", sampler_name="euler"), g.add("RandomNoise", noise_seed=4)
        result = g.add(
            "SamplerCustomAdvanced", noise=noise, guider=guider, sampler=sampler, sigmas=sigmas,
            latent_image=scene.latent,
        )  # fmt: skip
        files.append(g.save(latent=result)[1])
    untiled, tiled = scene.run(client, *files)
    assert_close(tiled, untiled, SAMPLED)


def test_context_windows_in_time(host, client, models):
    """Time outside, space inside, whichever is connected first; with what is joined to the frames."""
    scene = Scene(host, models, "wan", sides=SMALL, frames=5)
    scene.local()
    joined = scene.tensor((1, 2, 5, SMALL[1], SMALL[0]), seed=3)
    positive = scene.g.add("ProbeConditioningWith", conditioning=scene.prompts[0], kind="noise_concat", latent=joined)
    values = {
        "context_length": 3, "context_overlap": 1, "context_schedule": "standard_static", "context_stride": 1,
        "closed_loop": False, "fuse_method": "pyramid", "dim": 2, "freenoise": True, "causal_window_fix": True,
        "cond_retain_index_list": "", "latent_retain_index_list": "", "split_conds_to_windows": False,
    }  # fmt: skip
    in_time = scene.g.add("ContextWindowsManual", model=scene.model, **values)
    others = [scene.g.add("ContextWindowsManual", model=scene.tiled(tiles_at_once=4), **values), scene.tiled(in_time)]
    prompts = (positive, scene.prompts[1])
    first, *rest = scene.run(client, *(scene.sample(model, prompts=prompts) for model in (in_time, *others)))
    for one in rest:
        assert_close(one, first, SAMPLED)


def test_a_default_prompt_fills_what_masks_leave(host, client, models):
    scene = Scene(host, models)
    scene.local()
    positive, negative = scene.prompts
    masked = scene.g.add(
        "ConditioningSetMask", conditioning=negative, mask=scene.mask(whole_and_parts(1)), strength=0.8,
        set_cond_area="default",
    )  # fmt: skip
    both = scene.g.add("ConditioningSetDefaultCombine", cond=masked, cond_DEFAULT=positive)
    assert_tiled_is_untiled(scene, client, prompts=(both, negative))


def test_hints_in_prompts_of_a_place(host, client, models):
    """A ControlNet on prompts with a mask's bounds, with an area, and with an area and GLIGEN's boxes."""
    scene = Scene(host, models)
    scene.local()
    g, (positive, negative) = scene.g, scene.prompts
    hint = {"image": scene.image(), "strength": 0.7, "start_percent": 0.0, "end_percent": 1.0}
    network = g.add("ProbeControlNet", kind="pixels")
    hinted = g.add("ControlNetApplyAdvanced", positive=negative, negative=negative, control_net=network, **hint)
    masked = g.add(
        "ConditioningSetMask", conditioning=hinted, mask=scene.mask(whole_and_parts(2)), strength=1.0,
        set_cond_area="mask bounds",
    )  # fmt: skip
    area = g.add("ConditioningSetArea", conditioning=hinted[1], width=400, height=304, x=96, y=64, strength=0.9)
    boxes = g.add("ProbeConditioningWith", conditioning=area, kind="gligen")
    prompt = positive
    for one in (masked, area, boxes):
        prompt = g.add("ConditioningCombine", conditioning_1=prompt, conditioning_2=one)
    assert_tiled_is_untiled(scene, client, prompts=(prompt, negative))


def test_a_hint_a_mask_and_a_seed_for_each_picture(host, client, models):
    scene = Scene(host, models, batch=3)
    scene.local()
    g, (positive, negative) = scene.g, scene.prompts
    pictures = torch.rand((3, SIDES[1] * 8, SIDES[0] * 8, 3), generator=torch.Generator().manual_seed(1))
    image = g.add("ProbeImage", file=give(host, values=pictures), key="values")
    hint = {"image": image, "strength": 0.7, "start_percent": 0.0, "end_percent": 1.0}
    network = g.add("ProbeControlNet", kind="pixels")
    link = g.add("ControlNetApplyAdvanced", positive=positive, negative=negative, control_net=network, **hint)
    mask = scene.mask(torch.cat([whole_and_parts(seed) for seed in (1, 2)]))
    masked = g.add("ConditioningSetMask", conditioning=link, mask=mask, strength=0.8, set_cond_area="default")
    both = g.add("ConditioningCombine", conditioning_1=positive, conditioning_2=masked)
    latent = g.add("LatentFromBatch", samples=scene.latent, batch_index=1, length=2)
    assert_tiled_is_untiled(scene, client, latent=latent, prompts=(both, link[1]))


LAYER = {"lora_unet_input_blocks_1_1_transformer_blocks_0_attn2_to_k": (320, 768)}


def test_a_lora_of_a_part_of_the_steps(host, client, models):
    """Core's hooks patch the weights while sampling: with every strength 1 they do what the loaded LoRA does."""
    write_lora(host.base / "models" / "loras" / "hooked.safetensors", 5, LAYER)
    scene = Scene(host, models, "sd1", sides=(24, 16))
    g, values = scene.g, {"tile_size": 96, "overlap": 32, "blending": "soft", "tiles_at_once": 4}
    lora = {"lora_name": "hooked.safetensors", "strength_model": 1.0}
    always = g.add("CreateHookLoraModelOnly", **lora)
    first = g.add("CreateHookKeyframe", strength_mult=1.0, start_percent=0.0)
    half = g.add("CreateHookKeyframe", strength_mult=0.0, start_percent=0.01, prev_hook_kf=first)
    loaded = g.add("LoraLoaderModelOnly", model=scene.model, **lora)
    files = [scene.sample(scene.tiled(model, **values), steps=4, denoise=1.0) for model in (scene.model, loaded)]
    for hooks in (always, g.add("SetHookKeyframes", hooks=always, hook_kf=half)):
        prompts = [
            g.add("ConditioningSetProperties", cond_NEW=one, strength=1.0, set_cond_area="default", hooks=hooks)
            for one in scene.prompts
        ]
        files.append(scene.sample(scene.tiled(**values), steps=4, denoise=1.0, prompts=prompts))
    without, loaded, hooked, changing = scene.run(client, *files)
    assert_close(hooked, loaded, 1e-4)
    assert float((changing - loaded).abs().max()) > 0.1
    assert float((changing - without).abs().max()) > 0.1


def second_pass(scene, model, refiner):
    g, (positive, negative) = scene.g, scene.prompts
    common = {"model": model, "noise": g.add("HiresFixNoise", seed=3, source="CPU"), "sampler_name": "DPM++ 2M"}
    takes_over = g.add(
        "HiresFixRefiner", model=refiner, positive=positive, negative=negative, switch_at=0.5, by_steps=True
    )
    noised = g.add(
        "HiresFixRenoise", latent=scene.latent, steps=4, denoising_strength=0.9, hr_second_pass_steps=0,
        scheduler="Automatic", **common,
    )  # fmt: skip
    final = g.add(
        "HiresFixSecondSampling", positive=positive, negative=negative, latent=noised, sigmas=noised[1], cfg=3.0,
        refiner=takes_over, **common,
    )  # fmt: skip
    return g.save(latent=final)[1]


def test_a_refiner_sees_tiles_of_its_own(host, client, models):
    scene = Scene(host, models, sides=SMALL)
    scene.local()
    other = scene.g.add("ProbeLocalModel", model=scene.loader, reach=False, conds=True)
    files = [second_pass(scene, *pair) for pair in ((scene.model, other), (scene.tiled(), scene.tiled(other)))]
    untiled, tiled = scene.run(client, *files)
    assert_close(tiled, untiled, SAMPLED)
    mixed = scene.g.add("SelfAttentionGuidance", model=scene.tiled(scene.loader), scale=0.5, blur_sigma=2.0)
    second_pass(scene, scene.model, mixed)
    assert "Tiled Model: Self-Attention Guidance" in client.queue(scene.g).explanation()


@pytest.mark.parametrize(("kind", "says"), [
    ("attention mask", "an attention mask"), ("infinite talk", "InfiniteTalk"), ("FluxKVCache", "Flux KV Cache"),
])  # fmt: skip
def test_patches_of_the_whole_are_refused(kind, says, host, client, models):
    scene = Scene(host, models, "flux", sides=SMALL)
    if kind == "FluxKVCache":
        patched = scene.g.add(kind, model=scene.loader)
    else:
        patched = scene.g.add("ProbePicturePatch", model=scene.loader, vae=scene.vae, image=scene.image(), kind=kind)
    assert f"Tiled Model: {says}" in error_of(scene, client, scene.tiled(model=patched))


def test_a_clip_with_its_sound_is_refused(host, client, models):
    scene = Scene(host, models, "wan", sides=SMALL, frames=2)
    sound = scene.tensor((1, 8, 20, 16))
    latent = scene.g.add("LTXVConcatAVLatent", video_latent=scene.latent, audio_latent=sound)
    assert "Tiled Model: the latent has 3 dimensions" in error_of(scene, client, scene.tiled(), latent=latent)
