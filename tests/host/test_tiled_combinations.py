"""Tiled Model beside what else people put between a model and a sampler: tiled is what untiled is, or a sentence."""

import pytest
import torch
from hires_pack.tests.tolerances import assert_close

from .graphs import conditioning, give, saved
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

ODD = (90, 70)


@pytest.mark.parametrize(("width", "height"), [(100, 82), (131, 107), (45, 37)])
@pytest.mark.parametrize("kind", ["ref", "concat"])
def test_ref_of_odd_scale(kind, width, height, host, client, models):
    scene = Scene(host, models, "flux" if kind == "ref" else "sd3")
    scene.local()
    if kind == "ref":
        reference = scene.tensor((1, 16, height, width), seed=9)
        positive = scene.g.add("ReferenceLatent", conditioning=scene.prompts[0], latent=reference)
    else:
        joined = scene.tensor((1, 2, height, width), seed=3)
        positive = scene.g.add(
            "ProbeConditioningWith", conditioning=scene.prompts[0], kind="noise_concat", latent=joined
        )
    files = [scene.sample(scene.tiled(**v), prompts=(positive, scene.prompts[1])) for v in ({}, {"tiles_at_once": 4})]
    one, four = scene.run(client, *files)
    assert_close(four, one, SAMPLED)


PATCHES = {
    "RescaleCFG": {"multiplier": 0.7},
    "APG": {"eta": 0.5, "norm_threshold": 5.0, "momentum": 0.3},
    "TCFG": {},
    "FreSca": {"scale_low": 1.0, "scale_high": 1.5, "freq_cutoff": 20},
    "Mahiro": {},
    "CFGZeroStar": {},
    "CFGNorm": {"strength": 1.0, "pre_cfg": False},
    "PerturbedAttentionGuidance": {"scale": 2.0},
    "SkipLayerGuidanceSD3": {"layers": "0", "scale": 3.0, "start_percent": 0.0, "end_percent": 1.0},
    "DifferentialDiffusion": {},
    "LazyCache": {"reuse_threshold": 0.2, "start_percent": 0.15, "end_percent": 0.95, "verbose": False},
}


@pytest.mark.parametrize("patch", PATCHES)
@pytest.mark.parametrize("order", ["before", "after"])
def test_patches_of_guidance(patch, order, host, client, models):
    scene = Scene(host, models)
    scene.local()
    untiled = scene.g.add(patch, model=scene.model, **PATCHES[patch])
    latent = scene.latent
    if patch == "DifferentialDiffusion":
        latent = scene.g.add("SetLatentNoiseMask", samples=latent, mask=scene.mask(whole_and_parts(3)))
    tiled = (
        scene.tiled(model=untiled) if order == "before" else scene.g.add(patch, model=scene.tiled(), **PATCHES[patch])
    )
    files = [scene.sample(m, steps=4, latent=latent) for m in (untiled, tiled)]
    first, second = scene.run(client, *files)
    assert_close(second, first, SAMPLED)


def custom(scene, guider, steps=3):
    g = scene.g
    sigmas = g.add("BasicScheduler", model=scene.model, scheduler="normal", steps=steps, denoise=0.7)
    result = g.add(
        "SamplerCustomAdvanced",
        noise=g.add("RandomNoise", noise_seed=4),
        guider=guider,
        sampler=g.add("KSamplerSelect", sampler_name="euler"),
        sigmas=sigmas,
        latent_image=scene.latent,
    )
    return g.save(latent=result)[1]


@pytest.mark.parametrize("kind", ["PerpNegGuider", "DualCFGGuider", "nested", "DualModelGuider", "BasicGuider"])
def test_guiders(kind, host, client, models):
    scene = Scene(host, models)
    scene.local()
    g, (p, n) = scene.g, scene.prompts

    def make(model):
        if kind == "PerpNegGuider":
            return g.add(kind, model=model, positive=p, negative=n, empty_conditioning=n, cfg=4.0, neg_scale=0.8)
        if kind == "DualCFGGuider" or kind == "nested":
            return g.add(
                "DualCFGGuider",
                model=model,
                cond1=p,
                cond2=n,
                negative=n,
                cfg_conds=4.0,
                cfg_cond2_negative=2.0,
                style="nested" if kind == "nested" else "regular",
            )
        if kind == "DualModelGuider":
            return g.add(kind, model=model, model_negative=model, positive=p, negative=n, cfg=4.0)
        return g.add(kind, model=model, conditioning=p)

    files = [custom(scene, make(m)) for m in (scene.model, scene.tiled())]
    first, second = scene.run(client, *files)
    assert_close(second, first, SAMPLED)


@pytest.mark.parametrize("small", [(44, 36), (11, 9), (1, 1)])
def test_small_noise_masks(small, host, client, models):
    scene = Scene(host, models)
    scene.local()
    mask = torch.rand((1, small[1], small[0]), generator=torch.Generator().manual_seed(2))
    latent = scene.g.add("SetLatentNoiseMask", samples=scene.latent, mask=scene.mask(mask))
    assert_tiled_is_untiled(scene, client, latent=latent)


def test_latent_from_batch(host, client, models):
    scene = Scene(host, models, batch=3)
    scene.local()
    latent = scene.g.add("LatentFromBatch", samples=scene.latent, batch_index=1, length=2)
    assert_tiled_is_untiled(scene, client, latent=latent)


@pytest.mark.parametrize(
    "values", [{"dim": 2, "causal_window_fix": True}, {"dim": 2, "causal_window_fix": False, "freenoise": True}]
)
def test_context_windows(values, host, client, models):
    scene = Scene(host, models, "wan", frames=5)
    scene.local()
    base = {
        "context_length": 3,
        "context_overlap": 1,
        "context_schedule": "standard_static",
        "context_stride": 1,
        "closed_loop": False,
        "fuse_method": "pyramid",
        "freenoise": False,
        "cond_retain_index_list": "",
        "latent_retain_index_list": "",
        "split_conds_to_windows": False,
    }
    windows = lambda m: scene.g.add("ContextWindowsManual", model=m, **{**base, **values})
    untiled = windows(scene.model)
    files = [
        scene.sample(m)
        for m in (untiled, windows(scene.tiled()), scene.tiled(model=untiled), windows(scene.tiled(tiles_at_once=4)))
    ]
    first, *rest = scene.run(client, *files)
    for r in rest:
        assert_close(r, first, SAMPLED)


def test_context_windows_over_height(host, client, models):
    scene = Scene(host, models)
    scene.local()
    base = {
        "context_length": 40,
        "context_overlap": 8,
        "context_schedule": "standard_static",
        "context_stride": 1,
        "closed_loop": False,
        "fuse_method": "pyramid",
        "freenoise": False,
        "dim": 2,
        "causal_window_fix": False,
        "cond_retain_index_list": "",
        "latent_retain_index_list": "",
        "split_conds_to_windows": False,
    }
    windows = lambda m: scene.g.add("ContextWindowsManual", model=m, **base)
    files = [scene.sample(m) for m in (windows(scene.model), windows(scene.tiled()))]
    first, *rest = scene.run(client, *files)
    for r in rest:
        assert_close(r, first, SAMPLED)


@pytest.mark.parametrize("frames", [1, 3])
def test_masks_and_areas_of_clips(frames, host, client, models):
    scene = Scene(host, models, "wan", frames=frames)
    scene.local()
    masked = scene.g.add(
        "ConditioningSetMask",
        conditioning=scene.prompts[1],
        mask=scene.mask(whole_and_parts(1)),
        strength=0.8,
        set_cond_area="default",
    )
    area = scene.g.add(
        "ConditioningSetArea", conditioning=scene.prompts[1], width=400, height=304, x=96, y=64, strength=0.9
    )
    perc = scene.g.add(
        "ConditioningSetAreaPercentage",
        conditioning=scene.prompts[1],
        width=0.5,
        height=0.6,
        x=0.2,
        y=0.3,
        strength=0.9,
    )
    p = scene.prompts[0]
    for one in (masked, area):
        p = scene.g.add("ConditioningCombine", conditioning_1=p, conditioning_2=one)
    assert_tiled_is_untiled(scene, client, prompts=(p, scene.prompts[1]))


def test_default_conds(host, client, models):
    scene = Scene(host, models)
    scene.local()
    masked = scene.g.add(
        "ConditioningSetMask",
        conditioning=scene.prompts[1],
        mask=scene.mask(whole_and_parts(1)),
        strength=0.8,
        set_cond_area="default",
    )
    both = scene.g.add("ConditioningSetDefaultCombine", cond=masked, cond_DEFAULT=scene.prompts[0])
    assert_tiled_is_untiled(scene, client, prompts=(both, scene.prompts[1]))


def test_nested_latents_are_refused(host, client, models):
    scene = Scene(host, models, "wan", frames=2)
    sound = scene.tensor((1, 8, 20, 16))
    latent = scene.g.add("LTXVConcatAVLatent", video_latent=scene.latent, audio_latent=sound)
    print(error_of(scene, client, scene.tiled(), latent=latent))


def test_flux_kv_cache(host, client, models):
    scene = Scene(host, models, "flux", sides=SMALL)
    tiled = scene.tiled(model=scene.g.add("FluxKVCache", model=scene.model))
    assert "Tiled Model: Flux KV Cache" in error_of(scene, client, tiled)


def lora(host, client, name="combos.safetensors"):
    from hires_pack.dev.fixtures.loras import write_lora

    folder = host.base / "models" / "loras"
    write_lora(folder / name, 5)
    return name


@pytest.mark.parametrize("at_once", [1, 4])
def test_lora_hooks(at_once, host, client, models):
    name = lora(host, client)
    scene = Scene(host, models, "sd1", sides=(24, 16))
    g = scene.g
    hooks = g.add("CreateHookLoraModelOnly", lora_name=name, strength_model=1.0)
    both = [
        g.add("ConditioningSetProperties", cond_NEW=p, strength=1.0, set_cond_area="default", hooks=hooks)
        for p in scene.prompts
    ]
    kf = g.add("CreateHookKeyframe", strength_mult=1.0, start_percent=0.0)
    kf = g.add("CreateHookKeyframe", strength_mult=0.0, start_percent=0.6, prev_hook_kf=kf)
    sched = g.add("SetHookKeyframes", hooks=hooks, hook_kf=kf)
    sch = [
        g.add("ConditioningSetProperties", cond_NEW=p, strength=1.0, set_cond_area="default", hooks=sched)
        for p in scene.prompts
    ]
    values = {"tile_size": 96, "overlap": 32, "blending": "soft", "tiles_at_once": at_once}
    loaded = g.add("LoraLoaderModelOnly", model=scene.model, lora_name=name, strength_model=1.0)
    files = [
        scene.sample(scene.tiled(model=loaded, **values), denoise=1.0),
        scene.sample(scene.tiled(**values), prompts=both, denoise=1.0),
        scene.sample(scene.tiled(**values), denoise=1.0),
        scene.sample(scene.tiled(**values), prompts=sch, denoise=1.0),
    ]
    a, b, c, d = scene.run(client, *files)
    print(
        "loaded-hook",
        (a - b).abs().max(),
        "without",
        (a - c).abs().max(),
        "sched",
        (d - a).abs().max(),
        (d - c).abs().max(),
    )
    assert_close(b, a, 1e-4)


@pytest.mark.parametrize(
    "patch",
    [
        "FreeU_V2",
        "HyperTile",
        "PatchModelAddDownscale",
        "TomePatchModel",
        "PerturbedAttentionGuidance",
        "NAGuidance",
        "ModelSamplingDiscrete",
        "TorchCompileModel",
    ],
)
def test_network_patches(patch, host, client, models):
    values = {
        "FreeU_V2": {"b1": 1.3, "b2": 1.4, "s1": 0.9, "s2": 0.2},
        "HyperTile": {"tile_size": 64, "swap_size": 2, "max_depth": 0, "scale_depth": False},
        "PatchModelAddDownscale": {
            "block_number": 3,
            "downscale_factor": 2.0,
            "start_percent": 0.0,
            "end_percent": 0.5,
            "downscale_after_skip": True,
            "downscale_method": "bicubic",
            "upscale_method": "bicubic",
        },
        "TomePatchModel": {"ratio": 0.3},
        "PerturbedAttentionGuidance": {"scale": 2.0},
        "NAGuidance": {"nag_scale": 5.0, "nag_alpha": 0.5, "nag_tau": 1.5},
        "ModelSamplingDiscrete": {"sampling": "lcm", "zsnr": False},
        "TorchCompileModel": {"backend": "inductor"},
    }[patch]
    if patch == "TorchCompileModel":
        pytest.skip()
    scene = Scene(host, models, "sd1", sides=(24, 16))
    m = scene.g.add(patch, model=scene.model, **values)
    files = [
        scene.sample(scene.tiled(model=m, tile_size=96, overlap=32, tiles_at_once=n), denoise=1.0) for n in (1, 4)
    ] + [scene.sample(m, denoise=1.0), scene.sample(scene.tiled(model=m, tile_size=256), denoise=1.0)]
    one, four, un, whole = scene.run(client, *files)
    print(patch, (one - four).abs().max(), (un - whole).abs().max(), (un - one).abs().mean())
    if patch != "HyperTile":
        assert_close(four, one, 1e-3)
        assert torch.equal(un, whole)


def control(scene, prompts, kind="pixels", size=None, seed=1, **more):
    hint = {"image": scene.image(size, seed), "strength": 0.7, "start_percent": 0.0, "end_percent": 1.0, **more}
    network = scene.g.add("ProbeControlNet", kind=kind)
    link = scene.g.add("ControlNetApplyAdvanced", positive=prompts[0], negative=prompts[1], control_net=network, **hint)
    return link, link[1]


@pytest.mark.parametrize("kind", ["pixels", "adapter"])
def test_controlnets_of_areas_and_masks(kind, host, client, models):
    scene = Scene(host, models)
    scene.local()
    g, (p, n) = scene.g, scene.prompts
    cp, cn = control(scene, (n, n), kind)
    masked = g.add(
        "ConditioningSetMask",
        conditioning=cp,
        mask=scene.mask(whole_and_parts(2)),
        strength=1.0,
        set_cond_area="mask bounds",
    )
    area = g.add("ConditioningSetArea", conditioning=cn, width=400, height=304, x=96, y=64, strength=0.9)
    gl = g.add("ProbeConditioningWith", conditioning=area, kind="gligen")
    for one in (masked, area, gl):
        p = g.add("ConditioningCombine", conditioning_1=p, conditioning_2=one)
    # hard: an area's soft edge is the host's
    assert_tiled_is_untiled(scene, client, prompts=(p, n))


@pytest.mark.parametrize("count", [2, 3])
def test_a_hint_for_each_picture(count, host, client, models):
    scene = Scene(host, models, batch=2)
    scene.local()
    pictures = torch.rand((count, SIDES[1] * 8, SIDES[0] * 8, 3), generator=torch.Generator().manual_seed(1))
    image = scene.g.add("ProbeImage", file=give(host, values=pictures), key="values")
    network = scene.g.add("ProbeControlNet", kind="pixels")
    link = scene.g.add(
        "ControlNetApplyAdvanced",
        positive=scene.prompts[0],
        negative=scene.prompts[1],
        control_net=network,
        image=image,
        strength=0.7,
        start_percent=0.0,
        end_percent=1.0,
    )
    assert_tiled_is_untiled(scene, client, prompts=(link, link[1]))


def test_masks_for_each_picture(host, client, models):
    scene = Scene(host, models, batch=2)
    scene.local()
    mask = torch.cat([whole_and_parts(1), whole_and_parts(2)])
    masked = scene.g.add(
        "ConditioningSetMask",
        conditioning=scene.prompts[1],
        mask=scene.mask(mask),
        strength=0.8,
        set_cond_area="default",
    )
    both = scene.g.add("ConditioningCombine", conditioning_1=scene.prompts[0], conditioning_2=masked)
    assert_tiled_is_untiled(scene, client, prompts=(both, scene.prompts[1]))


def test_context_windows_with_control(host, client, models):
    scene = Scene(host, models, "wan", frames=5, sides=SMALL)
    scene.local()
    base = {
        "context_length": 3,
        "context_overlap": 1,
        "context_schedule": "standard_static",
        "context_stride": 1,
        "closed_loop": False,
        "fuse_method": "pyramid",
        "freenoise": False,
        "dim": 2,
        "causal_window_fix": True,
        "cond_retain_index_list": "",
        "latent_retain_index_list": "",
        "split_conds_to_windows": False,
    }
    joined = scene.tensor((1, 2, 5, SMALL[1], SMALL[0]), seed=3)
    positive = scene.g.add("ProbeConditioningWith", conditioning=scene.prompts[0], kind="noise_concat", latent=joined)
    windows = lambda m: scene.g.add("ContextWindowsManual", model=m, **base)
    files = [
        scene.sample(m, prompts=(positive, scene.prompts[1]))
        for m in (windows(scene.model), windows(scene.tiled()), windows(scene.tiled(tiles_at_once=4)))
    ]
    first, *rest = scene.run(client, *files)
    for r in rest:
        assert_close(r, first, SAMPLED)


@pytest.mark.parametrize("tiled_too", [True, False])
def test_refiner(tiled_too, host, client, models):
    scene = Scene(host, models)
    scene.local()
    g, (p, n) = scene.g, scene.prompts
    noise = g.add("HiresFixNoise", seed=3, source="CPU")
    prompts = control(scene, (p, n))
    files = []
    other = g.add("ProbeLocalModel", model=scene.loader, reach=True, conds=True, room=99)
    for tiled in (False, True):
        m = scene.tiled() if tiled else scene.model
        r = scene.tiled(model=other) if tiled and tiled_too else other
        refiner = g.add(
            "HiresFixRefiner", model=r, positive=prompts[0], negative=prompts[1], switch_at=0.5, by_steps=True
        )
        common = {"model": m, "noise": noise, "sampler_name": "DPM++ 2M"}
        noised = g.add(
            "HiresFixRenoise",
            latent=scene.latent,
            steps=4,
            denoising_strength=0.9,
            hr_second_pass_steps=0,
            scheduler="Automatic",
            **common,
        )
        final = g.add(
            "HiresFixSecondSampling",
            positive=prompts[0],
            negative=prompts[1],
            latent=noised,
            sigmas=noised[1],
            cfg=3.0,
            refiner=refiner,
            **common,
        )
        files.append(g.save(latent=final)[1])
    a, b = scene.run(client, *files)
    assert_close(b, a, SAMPLED)


def test_refiner_with_sag(host, client, models):
    scene = Scene(host, models, sides=SMALL)
    g, (p, n) = scene.g, scene.prompts
    noise = g.add("HiresFixNoise", seed=3, source="CPU")
    r = g.add("SelfAttentionGuidance", model=scene.tiled(), scale=0.5, blur_sigma=2.0)
    refiner = g.add("HiresFixRefiner", model=r, positive=p, negative=n, switch_at=0.5, by_steps=True)
    common = {"model": scene.model, "noise": noise, "sampler_name": "DPM++ 2M"}
    noised = g.add(
        "HiresFixRenoise",
        latent=scene.latent,
        steps=4,
        denoising_strength=0.9,
        hr_second_pass_steps=0,
        scheduler="Automatic",
        **common,
    )
    final = g.add(
        "HiresFixSecondSampling",
        positive=p,
        negative=n,
        latent=noised,
        sigmas=noised[1],
        cfg=3.0,
        refiner=refiner,
        **common,
    )
    g.save(latent=final)
    print(client.queue(g).explanation())


@pytest.mark.parametrize(("kind", "says"), [("attention mask", "an attention mask"), ("infinite talk", "InfiniteTalk")])
def test_patches_of_the_whole_are_refused(kind, says, host, client, models):
    scene = Scene(host, models, sides=SMALL)
    patched = scene.g.add("ProbePicturePatch", model=scene.loader, vae=scene.vae, image=scene.image(), kind=kind)
    assert f"Tiled Model: {says}" in error_of(scene, client, scene.tiled(model=patched))
