"""Multi-Stage Upscale on the real host: it is the graph one would wire by hand, and the host treats it as one."""

import re

import pytest
import torch
from hires_pack.tests.tolerances import FLOAT32

from .graphs import Graph, conditioning, give, saved

SAMPLING = {"sampler_name": "DPM++ 2M", "scheduler": "Automatic"}
STEPS = {"steps": 2, **SAMPLING}


def picture(host, width=37, height=23, channels=3, batch=1):
    generator = torch.Generator().manual_seed(width)
    return give(host, image=torch.rand(batch, height, width, channels, generator=generator))


def load(g, file):
    return g.add("ProbeImage", file=file, key="image")


def upscaler(g, name):
    return g.add("HiresFixUpscalerLoader", upscaler_name=name)


def multi_stage(g, image, loaded, **inputs):
    defaults = {
        "resize_mode": "scale by", "upscaling_resize": 4.0, "upscaling_resize_w": 64, "upscaling_resize_h": 64,
        "upscaling_crop": True, "stages": 0, **STEPS, "cfg": 3.0, "denoising_strength": 0.5, "strength_falloff": 0.6,
        "redraw_last": True, "tile_size": 0, "tile_overlap": 32,
    }  # fmt: skip
    return g.add("HiresFixMultiStageUpscale", image=image, upscaler=loaded, **{**defaults, **inputs})


def scale_to(g, image, loaded, width, height, tile_size=0):
    return g.add(
        "HiresFixUpscaleImage", image=image, upscaler=loaded, resize_mode="scale to", upscaling_resize=2.0,
        upscaling_resize_w=width, upscaling_resize_h=height, upscaling_crop=True, tile_size=tile_size, tile_overlap=32,
    )  # fmt: skip


def redraw_inputs(g, host, models, family, prompts=None):
    loader = g.add("CheckpointLoaderSimple", ckpt_name=models.checkpoint(family))
    file = prompts or conditioning(host, models.families[family])
    return {
        "model": loader,
        "positive": g.add("ProbeConditioning", file=file, key="positive"),
        "negative": g.add("ProbeConditioning", file=file, key="negative"),
        "vae": loader[2],
        "noise": g.add("HiresFixNoise", seed=5, source="CPU"),
    }


def redrawn(g, image, strength, model, positive, negative, vae, noise):
    latent = g.add("HiresFixEncodeAnySize", image=image, vae=vae)
    noised = g.add(
        "HiresFixRenoise", model=model, latent=latent, noise=noise, denoising_strength=strength,
        hr_second_pass_steps=0, **STEPS,
    )  # fmt: skip
    sampled = g.add(
        "HiresFixSecondSampling", model=model, positive=positive, negative=negative, latent=noised, sigmas=noised[1],
        noise=noise, cfg=3.0, sampler_name=SAMPLING["sampler_name"],
    )  # fmt: skip
    return g.add("HiresFixDecodeToSize", latent=sampled, vae=vae, image=image)


def inner(run, node):
    """Names of the nodes that really ran in place of a node, such as "upscale1"."""
    return [name.removeprefix(f"{node.id}.0.0.") for name in run.executed if name.startswith(f"{node.id}.")]


# ------------------------------------------------------------------------------------------------- upscaling only


@pytest.mark.parametrize(
    ("inputs", "sizes"),
    [
        ({"stages": 1, "upscaling_resize": 2.7}, [(100, 62)]),
        ({"stages": 3}, [(59, 37), (93, 58), (148, 92)]),
        ({"stages": 0}, [(74, 46), (148, 92)]),
        ({"stages": 0, "upscaling_resize": 3.0}, [(74, 46), (111, 69)]),
        ({"resize_mode": "scale to", "upscaling_resize_w": 131, "upscaling_resize_h": 77}, [(74, 46), (131, 77)]),
        # covers 99x61.5 in full, the last stage cuts nothing
        (
            {"resize_mode": "scale to", "upscaling_resize_w": 99, "upscaling_resize_h": 50, "upscaling_crop": False},
            [(74, 46), (99, 62)],
        ),
        ({"stages": 4, "upscaling_resize": 0.5}, [(18, 12)]),
    ],
)
def test_upscaling_equals_the_same_nodes_wired_by_hand(inputs, sizes, host, client, models):
    g = Graph()
    image, loaded = load(g, picture(host)), upscaler(g, models.random_x2)
    staged = g.save(image=multi_stage(g, image, loaded, **inputs))[1]
    for size in sizes:
        image = scale_to(g, image, loaded, *size)
    by_hand = g.save(image=image)[1]
    client.queue(g).require_success()
    result = saved(host, staged)["image"]
    assert result.shape == (1, sizes[-1][1], sizes[-1][0], 3)
    assert torch.equal(result, saved(host, by_hand)["image"])


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_grey_and_transparent_pictures_in_a_batch(channels, host, client, models):
    g = Graph()
    image, loaded = load(g, picture(host, channels=channels, batch=2)), upscaler(g, models.random_x2)
    name = g.save(image=multi_stage(g, image, loaded, stages=2, tile_size=64))[1]
    first = scale_to(g, image, loaded, 74, 46, tile_size=64)
    by_hand = g.save(image=scale_to(g, first, loaded, 148, 92, tile_size=64))[1]
    client.queue(g).require_success()
    assert saved(host, name)["image"].shape == (2, 92, 148, channels)
    assert torch.equal(saved(host, name)["image"], saved(host, by_hand)["image"])


def test_an_upscale_model_of_core_tells_its_factor(host, client, models):
    g = Graph()
    image = load(g, picture(host))
    core = g.add("UpscaleModelLoader", model_name=models.random_x4)
    node = multi_stage(g, image, core, upscaling_resize=16.0)
    name = g.save(image=node)[1]
    run = client.queue(g).require_success()
    assert inner(run, node) == ["upscale1", "upscale2"]
    assert saved(host, name)["image"].shape == (1, 368, 592, 3)


def test_every_picture_of_a_list_has_its_own_stages(host, client, models):
    """As any node, it runs once for each; the sizes are the same here only because they are put together again."""
    g = Graph()
    batch, loaded = load(g, picture(host, batch=3)), upscaler(g, models.random_x2)
    one_by_one = g.add("RebatchImages", images=batch, batch_size=1)
    staged = g.add("RebatchImages", images=multi_stage(g, one_by_one, loaded, stages=2), batch_size=3)
    together = multi_stage(g, batch, loaded, stages=2)
    names = [g.save(image=node)[1] for node in (staged, together)]
    client.queue(g).require_success()
    from_list, from_batch = (saved(host, name)["image"] for name in names)
    assert from_list.shape == (3, 92, 148, 3)
    assert torch.equal(from_list, from_batch)


# ---------------------------------------------------------------------------------------------------- redrawing


@pytest.mark.parametrize("redraw_last", [True, False])
@pytest.mark.parametrize("family", ["sdxl", "sd3", "flux", "wan"])
def test_redrawing_equals_the_same_nodes_wired_by_hand(family, redraw_last, host, client, models):
    g = Graph()
    image, loaded = load(g, picture(host, channels=4, batch=2)), upscaler(g, models.random_x2)
    needed = redraw_inputs(g, host, models, family)
    size = {"resize_mode": "scale to", "upscaling_resize_w": 99, "upscaling_resize_h": 61}
    node = multi_stage(g, image, loaded, redraw_last=redraw_last, **size, **needed)
    staged = g.save(image=node)[1]
    plain = scale_to(g, image, loaded, 74, 46)
    first = redrawn(g, plain, 0.5, **needed)
    last = scale_to(g, first, loaded, 99, 61)
    by_hand = redrawn(g, last, 0.5 * 0.6, **needed) if redraw_last else last
    names = [g.save(image=node)[1] for node in (plain, first, by_hand)]
    client.queue(g).require_success()
    plain, first, by_hand = (saved(host, name)["image"] for name in names)
    result = saved(host, staged)["image"]
    assert result.shape == (2, 61, 99, 4)
    assert torch.equal(result, by_hand)
    assert torch.equal(first[..., 3], plain[..., 3])  # transparency is carried past the redraw
    assert (first[..., :3] - plain[..., :3]).abs().mean() > 1e-3


def test_one_redrawn_stage_is_hires_fix_for_a_picture(host, client, models):
    """At whole latent cells the pack's other nodes say the same as the two that take any size."""
    g = Graph()
    image, loaded = load(g, picture(host, 48, 32)), upscaler(g, models.random_x2)
    needed = redraw_inputs(g, host, models, "sd3")
    staged = g.save(image=multi_stage(g, image, loaded, stages=1, upscaling_resize=2.0, **needed))[1]
    encoded = g.add("VAEEncode", pixels=scale_to(g, image, loaded, 96, 64), vae=needed["vae"])
    noised = g.add(
        "HiresFixRenoise", model=needed["model"], latent=encoded, noise=needed["noise"], denoising_strength=0.5,
        hr_second_pass_steps=0, **STEPS,
    )  # fmt: skip
    common = {name: needed[name] for name in ("model", "positive", "negative", "noise")}
    sampled = g.add(
        "HiresFixSecondSampling", latent=noised, sigmas=noised[1], cfg=3.0, sampler_name=SAMPLING["sampler_name"],
        **common,
    )  # fmt: skip
    by_hand = g.save(image=g.add("VAEDecode", samples=sampled, vae=needed["vae"]))[1]
    client.queue(g).require_success()
    assert torch.equal(saved(host, staged)["image"], saved(host, by_hand)["image"])


@pytest.mark.parametrize(
    ("strengths", "redrawn_stages"),
    [({"denoising_strength": 0.0}, ""), ({"strength_falloff": 0.0}, "1"), ({"redraw_last": False}, "12"), ({}, "123")],
)
def test_which_stages_are_redrawn(strengths, redrawn_stages, host, client, models):
    g = Graph()
    # one picture for each: nothing comes from the cache
    image, loaded = load(g, picture(host, 16 + len(redrawn_stages), 8)), upscaler(g, "Lanczos")
    node = multi_stage(g, image, loaded, stages=3, **redraw_inputs(g, host, models, "sd3"), **strengths)
    g.save(image=node)
    ran = inner(client.queue(g).require_success(), node)
    assert [name for name in ran if name.startswith("upscale")] == ["upscale1", "upscale2", "upscale3"]
    assert [name for name in ran if name.startswith("sample")] == [f"sample{number}" for number in redrawn_stages]


def test_only_what_a_change_concerns_runs_again(host, client, models):
    def run(**changes):
        g = Graph()
        image, loaded = load(g, file), upscaler(g, models.random_x2)
        needed = redraw_inputs(g, host, models, "sd3", prompts)
        node = multi_stage(g, image, loaded, **{**needed, **changes})
        g.save(image=node)
        return inner(client.queue(g).require_success(), node)

    file, prompts = picture(host, 31, 17), conditioning(host, models.families["sd3"])
    redraw = ["encode", "renoise", "sample", "decode"]
    first, second = ([f"{name}{number}" for name in ["upscale", *redraw]] for number in (1, 2))
    assert run() == [*first, *second]
    assert run(strength_falloff=0.9) == second[2:]  # noise of another level; the second upscale stays
    between = {"strength_falloff": 0.9, "redraw_last": False}
    assert run(**between) == []
    assert run(**between, upscaling_resize=3.5) == ["upscale2"]
    assert run(**between, upscaling_resize=3.5) == []


# ------------------------------------------------------------------------------------------ errors and cancelling


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"leave_out": "vae"}, "input 'vae': a redraw needs .* nothing is connected to vae"),
        ({"only": "noise"}, "input 'model': .* nothing is connected to model, positive, negative, vae"),
        ({"stages": 1, "redraw_last": False}, "input 'redraw_last': the size is reached in one stage"),
        ({"upscaling_resize": 64.0, "large": True}, "input 'upscaling_resize': .*600x400 into 38400x25600"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_runs(inputs, message, host, client, models):
    g = Graph()
    file = picture(host, 600, 400) if inputs.pop("large", False) else picture(host)
    image, loaded = load(g, file), upscaler(g, models.random_x2)
    needed = redraw_inputs(g, host, models, "sd3")
    needed.pop(inputs.pop("leave_out", ""), None)
    if "only" in inputs:
        name = inputs.pop("only")
        needed = {name: needed[name]}
    node = multi_stage(g, image, loaded, **{**needed, **inputs})
    g.save(image=node)
    run = client.queue(g)
    assert run.status == "error"
    assert re.search(f"Multi-Stage Upscale, {message}", run.explanation())
    assert inner(run, node) == []


def test_an_error_in_a_stage_is_shown_at_the_node(host, client, models):
    """Latent channels of another family: the stage that finds out is told, in words of the node that is seen."""
    g = Graph()
    image, loaded = load(g, picture(host)), upscaler(g, models.random_x2)
    other = g.add("CheckpointLoaderSimple", ckpt_name=models.checkpoint("sd3"))
    node = multi_stage(g, image, loaded, **{**redraw_inputs(g, host, models, "sdxl"), "vae": other[2]})
    g.save(image=node)
    run = client.queue(g)
    assert run.status == "error"
    assert run.error["node_id"] == node.id
    assert re.search(r"Multi-Stage Upscale, stage 1 \(Re-noise\), input 'vae': .*channels", run.explanation())


def test_cancel_within_a_stage(host, client, models):
    g = Graph()
    image, loaded = load(g, picture(host, 200, 160)), upscaler(g, models.esrgan_x4)
    node = multi_stage(g, image, loaded, stages=2, upscaling_resize=8.0, tile_size=64)
    g.save(image=node)
    working = f"{node.id}.0.0.upscale2"
    run = client.queue(g, interrupt_at=working, after_progress=2)
    assert run.status == "interrupted"
    tiles = [(value, most) for name, value, most in run.progress if name == working and most > 1]
    assert max(value for value, _ in tiles) < tiles[0][1]
    assert run.error["node_id"] == node.id


# ------------------------------------------------------------------------------------------------- any size


@pytest.mark.parametrize("family", ["sdxl", "wan"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_encoding_repeats_the_edge_and_decoding_takes_it_off(family, channels, host, client, models):
    g = Graph()
    pictures = torch.rand(2, 13, 21, channels, generator=torch.Generator().manual_seed(1))
    colours = pictures[..., :3] if channels > 2 else pictures[..., :1].expand(-1, -1, -1, 3)
    columns, rows = torch.arange(24).clamp(max=20), torch.arange(16).clamp(max=12)
    vae = g.add("CheckpointLoaderSimple", ckpt_name=models.checkpoint(family))[2]
    image = load(g, give(host, image=pictures))
    latent = g.add("HiresFixEncodeAnySize", image=image, vae=vae)
    ours = g.save(latent=latent, image=g.add("HiresFixDecodeToSize", latent=latent, vae=vae, image=image))[1]
    theirs = []
    for one in colours:
        whole = load(g, give(host, image=one[None, rows][:, :, columns]))
        encoded = g.add("VAEEncode", pixels=whole, vae=vae)
        theirs.append(g.save(latent=encoded, image=g.add("VAEDecode", samples=encoded, vae=vae))[1])
    client.queue(g).require_success()
    result, expected = saved(host, ours), [saved(host, name) for name in theirs]
    assert torch.equal(result["latent"], torch.cat([one["latent"] for one in expected]))
    decoded = torch.cat([one["image"] for one in expected])[:, :13, :21]
    torch.testing.assert_close(result["image"][..., :3], decoded, rtol=0, atol=FLOAT32)
    assert result["image"].shape[-1] == (4 if channels in (2, 4) else 3)
    if channels in (2, 4):
        assert torch.equal(result["image"][..., 3], pictures[..., -1])


def test_decoding_for_other_pictures_is_refused(host, client, models):
    g = Graph()
    vae = g.add("CheckpointLoaderSimple", ckpt_name=models.checkpoint("sdxl"))[2]
    latent = g.add("HiresFixEncodeAnySize", image=load(g, picture(host, 21, 13)), vae=vae)
    g.save(image=g.add("HiresFixDecodeToSize", latent=latent, vae=vae, image=load(g, picture(host, 25, 13))))
    run = client.queue(g)
    assert re.search(
        "Decode to Size, input 'image': 1 pictures of 24x16.*1 of 25x13, which take 32x16", run.explanation()
    )
