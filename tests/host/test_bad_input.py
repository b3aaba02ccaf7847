"""Bad input gives a sentence that names node and input, the server lives, and the next prompt runs."""

import pytest
import torch
from hires_pack.dev.fixtures.upscalers import EXECUTED_MARKER
from hires_pack.tests.tolerances import FLOAT32, ROUNDED
from safetensors.torch import save_file
from spandrel.architectures.Compact import Compact

from .graphs import Graph, conditioning, give, saved
from .test_families import hires_fix
from .test_plan import ask

GOOD = torch.zeros(1, 16, 8, 8)


def explained(run, *words):
    """The run failed and says all these words where a user reads them."""
    assert run.status in ("error", "rejected") or run.node_errors, run.status
    text = run.explanation()
    missing = [word for word in words if word not in text]
    assert not missing, f"{missing} not in: {text}"


@pytest.fixture(autouse=True)
def the_next_prompt_runs(host, client):
    """After every test: the server is alive and works."""
    yield
    g = Graph()
    image = g.add("EmptyImage", width=8, height=8, batch_size=1, color=1)
    g.save(image=image)
    client.queue(g).require_success()
    assert host.alive


# ------------------------------------------------------------------------------------------------------ sizes


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"width": 0}, ["width", "16"]),
        ({"height": -8}, ["height", "16"]),
        ({"hr_resize_x": 100_000}, ["hr_resize_x", "16384"]),
        ({"hr_scale": 0.0}, ["hr_scale", "0.05"]),
        ({"hr_scale": 16.0, "width": 6256, "height": 6256}, ["Target Size", "'hr_scale'", "100096x100096", "16384"]),
        ({"hr_scale": 0.05, "width": 128}, ["Target Size", "'hr_scale'", "6x25", "8 pixels"]),
    ],
)
def test_impossible_targets(inputs, words, host, client):
    g = Graph()
    sizes = {"width": 512, "height": 512, "hr_scale": 2.0, "hr_resize_x": 0, "hr_resize_y": 0, **inputs}
    target = g.add("HiresFixTargetSize", **sizes)
    latent = g.add("EmptyLatentImage", width=512, height=512, batch_size=1)
    g.save(latent=g.add("HiresFixLatentUpscale", latent=latent, target=target, mode="Latent"))
    explained(client.queue(g), *words)


def test_a_target_for_another_size(host, client):
    g = Graph()
    target = g.add("HiresFixTargetSize", width=512, height=512, hr_scale=2.0, hr_resize_x=0, hr_resize_y=0)
    latent = g.add("EmptyLatentImage", width=256, height=512, batch_size=1)
    g.save(latent=g.add("HiresFixLatentUpscale", latent=latent, target=target, mode="Latent"))
    explained(client.queue(g), "Latent Upscale", "512x512", "32x64 cells", "Target Size")


def test_a_latent_alone_does_not_tell_its_size_in_pixels(host, client):
    g = Graph()
    latent = g.add("ProbeLatent", file=give(host, latent=GOOD), key="latent")
    target = g.add("HiresFixTargetSize", width=64, height=64, hr_scale=2.0, hr_resize_x=0, hr_resize_y=0, latent=latent)
    g.save(latent=g.add("HiresFixLatentUpscale", latent=latent, target=target, mode="Latent"))
    explained(client.queue(g), "Target Size", "'latent'", "connect the VAE")


@pytest.mark.parametrize(
    ("node", "cell"), [("EmptyHunyuanVideo15Latent", 16), ("EmptyLTXVLatentVideo", 32), ("EmptySD3LatentImage", 8)]
)
def test_an_empty_latent_tells_its_cell(node, cell, host, client):
    g = Graph()
    frames = {} if node == "EmptySD3LatentImage" else {"length": 9}
    latent = g.add(node, width=512, height=256, batch_size=1, **frames)
    target = g.add("HiresFixTargetSize", width=64, height=64, hr_scale=2.0, hr_resize_x=0, hr_resize_y=0, latent=latent)
    name = g.save(latent=g.add("HiresFixLatentUpscale", latent=latent, target=target, mode="Latent"))[1]
    client.queue(g).require_success()
    assert saved(host, name)["latent"].shape[-2:] == (512 // cell, 1024 // cell)


# ----------------------------------------------------------------------------------------------------- latents

NAN = GOOD.clone()
NAN[0, 0, 0, 0] = float("nan")
BAD_LATENTS = {
    "wrong rank": (torch.zeros(16, 8, 8), ["3 axes", "(16, 8, 8)"]),
    "NaN": (NAN, ["1 of 1024", "NaN"]),
    "infinite": (torch.full((1, 16, 8, 8), float("inf")), ["1024 of 1024", "infinite"]),
    "empty batch": (torch.zeros(0, 16, 8, 8), ["empty", "(0, 16, 8, 8)"]),
    "integers": (torch.ones(1, 16, 8, 8, dtype=torch.int32), ["int32"]),
    "other family": (torch.ones(1, 4, 8, 8), ["4 channels", "16"]),
}


@pytest.mark.parametrize(
    ("node", "kind"),
    [
        (node, kind)
        for node in ("base", "upscale", "pixel", "renoise", "second")
        for kind in BAD_LATENTS
        if (node, kind) != ("upscale", "other family")  # needs no model, so any number of channels is right
    ],
)
def test_bad_latents(node, kind, host, client, models):
    samples, words = BAD_LATENTS[kind]
    g = Graph()
    loader = g.add("CheckpointLoaderSimple", ckpt_name=models.checkpoint("sd3"))
    file = conditioning(host, models.families["sd3"])
    prompts = {key: g.add("ProbeConditioning", file=file, key=key) for key in ("positive", "negative")}
    latent = g.add("ProbeLatent", file=give(host, latent=samples), key="latent")
    noise = g.add("HiresFixNoise", seed=1, source="CPU")
    sampling = {"sampler_name": "Euler", "scheduler": "Simple"}
    if node == "base":
        out = g.add(
            "HiresFixBaseSampling", model=loader, latent=latent, noise=noise, steps=2, cfg=2.0, **prompts, **sampling
        )
    elif node in ("upscale", "pixel"):
        target = g.add("HiresFixTargetSize", width=64, height=64, hr_scale=2.0, hr_resize_x=0, hr_resize_y=0)
        if node == "upscale":
            out = g.add("HiresFixLatentUpscale", latent=latent, target=target, mode="Latent")
        else:
            upscaler = g.add("HiresFixUpscalerLoader", upscaler_name="Lanczos")
            tiles = {"tile_size": 0, "tile_overlap": 32, "vae_tile_size": 0}
            out = g.add("HiresFixPixelUpscale", latent=latent, vae=loader[2], upscaler=upscaler, target=target, **tiles)
    else:
        good = g.add("ProbeLatent", file=give(host, latent=GOOD), key="latent")
        noised = g.add(
            "HiresFixRenoise",
            model=loader,
            latent=latent if node == "renoise" else good,
            noise=noise,
            steps=2,
            denoising_strength=0.5,
            hr_second_pass_steps=0,
            **sampling,
        )
        out = noised
        if node == "second":
            out = g.add(
                "HiresFixSecondSampling", model=loader, latent=latent, sigmas=noised[1], noise=noise, cfg=2.0,
                sampler_name="Euler", **prompts,
            )  # fmt: skip
    g.save(latent=out)
    names = {
        "base": "Base Sampling",
        "upscale": "Latent Upscale",
        "pixel": "Pixel Upscale",
        "renoise": "Re-noise",
        "second": "Second Sampling",
    }
    explained(client.queue(g), names[node], "'latent'", *words)


@pytest.mark.parametrize(
    ("family", "shape", "words"),
    [
        ("wan", (1, 16, 8, 8), ["4 axes (1, 16, 8, 8)", "the VAE decodes 5", "frames"]),
        ("sd3", (1, 16, 2, 8, 8), ["5 axes (1, 16, 2, 8, 8)", "the VAE decodes 4"]),
        ("sd3", (1, 4, 8, 8), ["4 channels", "16"]),
    ],
)
def test_latents_that_a_vae_does_not_decode(family, shape, words, host, client, models):
    g = Graph()
    loader = g.add("CheckpointLoaderSimple", ckpt_name=models.checkpoint(family))
    latent = g.add("ProbeLatent", file=give(host, latent=torch.zeros(shape)), key="latent")
    image = g.add("EmptyImage", width=64, height=64, batch_size=1, color=1)
    g.save(image=g.add("HiresFixDecodeToSize", latent=latent, vae=loader[2], image=image))
    explained(client.queue(g), "Decode to Size", "'latent'", *words)


def test_a_clip_of_one_picture_is_a_picture(host, client, models):
    g = Graph()
    loader = g.add("CheckpointLoaderSimple", ckpt_name=models.checkpoint("sd3"))
    image = g.add("EmptyImage", width=64, height=64, batch_size=1, color=1)
    kinds = [GOOD, GOOD[:, :, None]]
    latents = [g.add("ProbeLatent", file=give(host, latent=one), key="latent") for one in kinds]
    vae = loader[2]
    names = [g.save(image=g.add("HiresFixDecodeToSize", latent=one, vae=vae, image=image))[1] for one in latents]
    client.queue(g).require_success()
    assert torch.equal(*(saved(host, name)["image"] for name in names))


@pytest.mark.parametrize("tile", [1, 8, 16, 63])
def test_tiles_of_a_vae_that_are_not_worth_making(tile, host, client, models):
    graph, _ = hires_fix(host, models, "sd3", "pixel", 0.5)
    for node in graph.values():
        if node["class_type"] == "HiresFixPixelUpscale":
            node["inputs"]["vae_tile_size"] = tile
    explained(client.queue(graph), "Pixel Upscale", "'vae_tile_size'", f"is {tile}", "64 pixels")


@pytest.mark.parametrize("strength", [-0.1, 1.5])
def test_strength_out_of_range(strength, host, client, models):
    graph, _ = hires_fix(host, models, "sd3", "latent", strength)
    explained(client.queue(graph), "denoising_strength", str(strength))


def test_more_steps_than_a_schedule_has(host, client, models):
    graph, _ = hires_fix(host, models, "sd3", "latent", 0.001, sampler="Euler", scheduler="Simple")
    explained(client.queue(graph), "Re-noise", "'scheduler'", "1000 entries", "3000 steps")


def test_steps_that_a_schedule_of_the_host_cannot_do(host, client, models):
    graph, _ = hires_fix(host, models, "sd3", "latent", 0.5, sampler="euler", scheduler="kl_optimal")
    for node in graph.values():
        if node["class_type"] == "HiresFixBaseSampling":
            node["inputs"]["steps"] = 1
    explained(client.queue(graph), "Base Sampling", "'scheduler'", "kl_optimal", "1 step")


# ---------------------------------------------------------------------------------------------------- pictures


def upscale(host, picture, upscaler="Lanczos", **inputs):
    """A standalone upscale; returns the graph and the name of the saved picture."""
    g = Graph()
    image = g.add("ProbeImage", file=give(host, image=picture), key="image")
    loader = g.add("HiresFixUpscalerLoader", upscaler_name=upscaler)
    settings = {
        "resize_mode": "scale by", "upscaling_resize": 2.0, "upscaling_resize_w": 64, "upscaling_resize_h": 64,
        "upscaling_crop": True, "tile_size": 0, "tile_overlap": 32, **inputs,
    }  # fmt: skip
    return g, g.save(image=g.add("HiresFixUpscaleImage", image=image, upscaler=loader, **settings))[1]


@pytest.mark.parametrize("upscaler", ["None", "Lanczos", "Nearest", "random_x2", "esrgan_x4", "one_times"])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 9)])
def test_unusual_pictures_work(upscaler, channels, height, width, host, client, models):
    picture = torch.rand(2, height, width, channels, generator=torch.Generator().manual_seed(0))
    graph, name = upscale(host, picture, getattr(models, upscaler, upscaler))
    client.queue(graph).require_success()
    out = saved(host, name)["image"]
    assert out.shape == (2, 2 * height, 2 * width, channels)
    assert float(out.min()) >= 0
    assert float(out.max()) <= 1


def test_alpha_is_kept(host, client, models):
    """Opaque on the left, transparent on the right: so is the result, whatever the model makes of the colours."""
    picture = torch.rand(1, 16, 16, 4, generator=torch.Generator().manual_seed(0))
    picture[..., 3] = 0
    picture[:, :, :8, 3] = 1
    graph, name = upscale(host, picture, models.random_x2)
    client.queue(graph).require_success()
    alpha = saved(host, name)["image"][..., 3]
    assert float(alpha[:, :, :8].min()) > 0.99
    assert float(alpha[:, :, -8:].max()) < 0.01


@pytest.mark.parametrize(
    ("inputs", "size"),
    [
        ({"upscaling_resize": 1.37}, (411, 274)),
        ({"upscaling_resize": 0.5}, (150, 100)),
        ({"resize_mode": "scale to", "upscaling_resize_w": 1001, "upscaling_resize_h": 501}, (1001, 501)),
        (
            {"resize_mode": "scale to", "upscaling_resize_w": 512, "upscaling_resize_h": 512, "upscaling_crop": False},
            (768, 512),
        ),
    ],
)
@pytest.mark.parametrize("upscaler", ["Lanczos", "random_x4"])
def test_exact_sizes(upscaler, inputs, size, host, client, models):
    graph, name = upscale(host, torch.rand(1, 200, 300, 3), getattr(models, upscaler, upscaler), **inputs)
    client.queue(graph).require_success()
    assert saved(host, name)["image"].shape == (1, size[1], size[0], 3)


BAD_PICTURES = {
    "NaN": (torch.full((1, 4, 4, 3), float("nan")), ["48 of 48", "NaN"]),
    "empty batch": (torch.zeros(0, 4, 4, 3), ["(0, 4, 4, 3)"]),
    "wrong rank": (torch.zeros(4, 4, 3), ["(4, 4, 3)"]),
    "integers": (torch.zeros(1, 4, 4, 3, dtype=torch.uint8), ["uint8"]),
    "too many channels": (torch.zeros(1, 4, 4, 5), ["5"]),
}


@pytest.mark.parametrize("kind", BAD_PICTURES)
def test_bad_pictures(kind, host, client):
    picture, words = BAD_PICTURES[kind]
    graph, _ = upscale(host, picture)
    explained(client.queue(graph), "Upscale Image (Extras)", "'image'", *words)


COVER = {"resize_mode": "scale to", "upscaling_resize_w": 16384, "upscaling_resize_h": 16384, "upscaling_crop": False}


@pytest.mark.parametrize("numbers", ["exact", "A1111"])
def test_pictures_may_be_longer_than_what_is_sampled(numbers, host, client):
    picture = torch.randint(0, 256, (2, 2, 1030, 3), generator=torch.Generator().manual_seed(0)) / 255
    graph, name = upscale(host, picture, "Nearest", upscaling_resize=16.0, numbers=numbers)
    client.queue(graph).require_success()
    torch.testing.assert_close(saved(host, name)["image"], picture.repeat_interleave(16, 1).repeat_interleave(16, 2))


def test_a_picture_longer_than_any_file(host, client):
    graph, _ = upscale(host, torch.zeros(1, 16, 1000, 3), **COVER)
    explained(client.queue(graph), "Upscale Image (Extras)", "'upscaling_resize_w'", "1024000x16384", "1000000")


@pytest.mark.parametrize(("numbers", "gigabytes"), [("exact", "724.8 GB"), ("A1111", "966.4 GB")])
def test_a_picture_larger_than_the_memory_is_refused_before_any_work(numbers, gigabytes, host, client):
    """Four of 921600 x 16384 x 3 floats; with A1111's numbers and as they are in Pillow."""
    graph, _ = upscale(host, torch.zeros(4, 16, 900, 3), **COVER, numbers=numbers)
    words = ["Upscale Image (Extras)", "'upscaling_resize_w'", "900x16", "921600x16384", gigabytes, "Upscale Folder"]
    explained(client.queue(graph), *words)


STAGES = {"steps": 1, "cfg": 1.0, "sampler_name": "Euler", "scheduler": "Automatic", "denoising_strength": 0.3}
STAGES |= {"stages": 0, "strength_falloff": 1.0, "redraw_last": True}
SIZES = {"resize_mode": "scale to", "upscaling_resize": 2.0, "upscaling_crop": True}
SIZES |= {"upscaling_resize_h": 16384, "tile_size": 0, "tile_overlap": -1}


def test_what_is_cut_off_is_not_made(host, client):
    """Of a picture of 1x1 pixels 16384x16384, 3.2 GB, were made for these 7x16384."""
    g = Graph()
    image = g.add("EmptyImage", width=1, height=1, batch_size=1, color=0xFF8000)
    loader = g.add("HiresFixUpscalerLoader", upscaler_name="Lanczos")
    wide = {**SIZES, "upscaling_resize_w": 7}
    kinds = {"HiresFixMultiStageUpscale": STAGES, "HiresFixUpscaleImage": {}}
    nodes = [g.add(kind, image=image, upscaler=loader, **wide, **more) for kind, more in kinds.items()]
    names = [g.save(image=node)[1] for node in nodes]
    client.queue(g).require_success()
    for name in names:
        result = saved(host, name)["image"]
        assert result.shape == (1, 16384, 7, 3)
        assert (result - torch.tensor([255, 128, 0]) / 255).abs().max() <= ROUNDED


@pytest.mark.parametrize("node", ["Multi-Stage Upscale", "Upscale Image (Extras)", "Latent Upscale", "Pixel Upscale"])
def test_results_within_the_hosts_limit_are_asked_memory_for_too(node, host, client, models):
    """4096 results of 16384x16384, which are sides that every node allows."""
    g = Graph()
    if node in ("Latent Upscale", "Pixel Upscale"):
        latent = g.add("EmptyLatentImage", width=512, height=512, batch_size=4096)
        sizes = {"width": 512, "height": 512, "hr_scale": 2.0, "hr_resize_x": 16384, "hr_resize_y": 0}
        target = g.add("HiresFixTargetSize", **sizes)
        if node == "Latent Upscale":
            out = g.add("HiresFixLatentUpscale", latent=latent, target=target, mode="Latent")
        else:
            vae = g.add("CheckpointLoaderSimple", ckpt_name=models.checkpoint("sdxl"))[2]
            tiles = {"tile_size": 0, "tile_overlap": -1, "vae_tile_size": 0}
            loader = g.add("HiresFixUpscalerLoader", upscaler_name="Lanczos")
            out = g.add("HiresFixPixelUpscale", latent=latent, vae=vae, upscaler=loader, target=target, **tiles)
        g.save(latent=out)
        where, gigabytes = "'target'", "GB" if node == "Latent Upscale" else "13194.1 GB"
    else:
        image = g.add("EmptyImage", width=1, height=1, batch_size=4096, color=1)
        loader = g.add("HiresFixUpscalerLoader", upscaler_name="Nearest")
        large = {**SIZES, "upscaling_resize_w": 16384}
        kind, more = (
            ("HiresFixUpscaleImage", {}) if node == "Upscale Image (Extras)" else ("HiresFixMultiStageUpscale", STAGES)
        )
        g.save(image=g.add(kind, image=image, upscaler=loader, **large, **more))
        where, gigabytes = "'upscaling_resize_w'", "13194.1 GB"
    explained(client.queue(g), node, where, "4096", gigabytes, "are free")


def test_stages_end_at_the_hosts_own_limit(host, client):
    g = Graph()
    image = g.add("ProbeImage", file=give(host, image=torch.zeros(1, 8, 4097, 3)), key="image")
    stages = {"stages": 0, "steps": 1, "cfg": 1.0, "sampler_name": "Euler", "scheduler": "Automatic"}
    stages |= {"denoising_strength": 0.3, "strength_falloff": 1.0, "redraw_last": True, "upscaling_resize": 4.0}
    sizes = {"resize_mode": "scale by", "upscaling_resize_w": 64, "upscaling_resize_h": 64, "upscaling_crop": True}
    loader = g.add("HiresFixUpscalerLoader", upscaler_name="Lanczos")
    tiles = {"tile_size": 0, "tile_overlap": -1}
    g.save(image=g.add("HiresFixMultiStageUpscale", image=image, upscaler=loader, **stages, **sizes, **tiles))
    explained(client.queue(g), "Multi-Stage Upscale", "'upscaling_resize'", "16388x32", "16384")


# --------------------------------------------------------------------------------------------------- upscalers


@pytest.mark.parametrize(
    ("which", "words"),
    [
        ("truncated", ["cannot be read"]),
        ("renamed", ["damaged", "run code"]),
        ("pickled_code", ["damaged", "run code"]),
        ("unknown", ["spandrel knows no architecture"]),
    ],
)
def test_files_that_are_no_upscalers(which, words, host, client, models):
    name = getattr(models, which)
    graph, _ = upscale(host, torch.zeros(1, 4, 4, 3), name)
    explained(client.queue(graph), "Load Upscaler", "'upscaler_name'", name, *words)
    assert not (host.comfyui / EXECUTED_MARKER).exists()  # in the server's working folder


HOSTILE = {"absurd-number.safetensors": "the number 99999998", "asks-for-memory.pth": "memory that it does not fill"}


@pytest.mark.parametrize("name", HOSTILE)
def test_files_that_would_cost_more_than_their_size(name, host, client):
    """They are looked at as soon as a workflow names them, and refused when it runs."""
    path = host.base / "models" / "upscale_models" / name
    if name.endswith(".pth"):
        path.write_bytes(b"\x80\x02cbuiltins\nbytearray\nJ\x00\x00\x00\x40\x85R.")  # a GB, and could be any number
    else:
        state = Compact(num_feat=16, num_conv=3, upscale=2).state_dict()
        save_file({**state, "body.99999998.weight": torch.zeros(16)}, path)
    client.object_info()  # the host lists its folders again
    graph, _ = upscale(host, torch.zeros(1, 4, 4, 3), name)
    status, said = ask(host, graph)
    assert status == 200
    assert all("tile" not in (one["text"] or "") for one in said.values())
    explained(client.queue(graph), "Load Upscaler", "'upscaler_name'", name, HOSTILE[name])


def test_a_file_that_does_not_exist(host, client):
    graph, _ = upscale(host, torch.zeros(1, 4, 4, 3), "gone.pth")
    explained(client.queue(graph), "upscaler_name", "gone.pth")


def test_a_file_that_disappears_after_it_was_listed(host, client, models):
    link = host.base / "models" / "upscale_models" / "soon-gone.safetensors"
    link.symlink_to((host.base / "models" / "upscale_models" / models.random_x2).resolve())
    assert (
        link.name in client.object_info()["HiresFixUpscalerLoader"]["input"]["required"]["upscaler_name"][1]["options"]
    )
    graph, _ = upscale(host, torch.zeros(1, 4, 4, 3), link.name)
    link.unlink()
    explained(client.queue(graph), "upscaler_name", link.name)


def test_core_s_own_upscale_model_fits_everywhere(host, client, models):
    g = Graph()
    image = g.add("ProbeImage", file=give(host, image=torch.rand(1, 8, 8, 3)), key="image")
    core = g.add("UpscaleModelLoader", model_name=models.exact_x2)
    settings = {"upscaling_resize": 2.0, "upscaling_resize_w": 8, "upscaling_resize_h": 8, "upscaling_crop": True}
    out = g.add(
        "HiresFixUpscaleImage", image=image, upscaler=core, resize_mode="scale by", tile_size=0, tile_overlap=32,
        precision="float32", **settings,
    )  # fmt: skip
    _, ours = g.save(image=out)
    _, theirs = g.save(image=g.add("ImageUpscaleWithModel", upscale_model=core, image=image))
    client.queue(g).require_success()
    torch.testing.assert_close(saved(host, ours)["image"], saved(host, theirs)["image"], rtol=0, atol=FLOAT32)
