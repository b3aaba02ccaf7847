"""Tiled Redraw on a real host: with networks that work on every latent cell alone it must be what one window is,
whatever the windows; killed and queued again it must write the same bytes.
"""

import io
import os
import signal
import threading
import time

import numpy as np
import pytest
import tifffile
import torch
from hires_pack.dev.host.comfy_client import ClientError, ComfyClient
from hires_pack.pictures import read_picture
from PIL import Image

from .graphs import Graph, conditioning, give, saved

DEFAULTS = {
    "input_folder": "redraw", "output_folder": "redrawn", "file_name": "{name}", "include": "*", "recursive": False,
    "resize_mode": "scale by", "upscaling_resize": 1.0, "upscaling_resize_w": 64, "upscaling_resize_h": 64,
    "upscaling_crop": True, "max_side": 0, "steps": 3, "cfg": 3.0, "sampler_name": "euler", "scheduler": "normal",
    "denoising_strength": 0.5, "tile_size": 0, "overlap": -1, "blending": "soft", "format": "as input",
    "bit_depth": "auto", "quality": 95, "existing": "skip",
}  # fmt: skip

LEVELS = 3
"""Of 65535: what adding faded windows rounds."""


class Scene:
    """Graphs with Tiled Redraw in a folder of their own."""

    def __init__(self, host, client, models, name):
        self.host, self.client, self.models, self.name = host, client, models, name
        self.source, self.target = host.base / "input" / name, host.base / "output" / name
        self.source.mkdir()

    def picture(self, name, width, height, channels=3, deep=True, seed=0):
        """A picture of coarse random colours."""
        kind = np.uint16 if deep else np.uint8
        random = np.random.default_rng(seed)
        cells = random.integers(0, np.iinfo(kind).max, (-(-height // 8), -(-width // 8), channels), kind)
        levels = cells.repeat(8, axis=0).repeat(8, axis=1)[:height, :width]
        if deep:
            tifffile.imwrite(self.source / name, levels, photometric="rgb" if channels > 2 else "minisblack",
                             extrasamples=["unassalpha"] if channels in (2, 4) else None)  # fmt: skip
        else:
            Image.fromarray(levels.squeeze()).save(self.source / name)
        return levels

    def graph(self, seed=4, noise=None, conds=False, prompt=None, changes=None, network=None, **values):
        """`changes`: what comes in besides, by a function of the graph and its parts."""
        g, family = Graph(), self.models.family("sd1")
        loader = g.add("CheckpointLoaderSimple", ckpt_name=self.models.checkpoint("sd1"))
        file = conditioning(self.host, family)
        parts = {name: g.add("ProbeConditioning", file=file, key=name) for name in ("positive", "negative")}
        parts["model"] = g.add("ProbeLocalModel", model=loader, reach=False, conds=conds, **(network or {}))
        parts["vae"] = g.add("ProbeCellVae", vae=loader[2])
        parts["noise"] = g.add(*(noise or ("RandomNoise",)), **({} if noise else {"noise_seed": seed}))
        if changes:
            parts.update(changes(g, parts))
        folders = {"input_folder": self.name, "output_folder": self.name}
        node = g.add("HiresFixTiledRedraw", **{**DEFAULTS, **folders, **parts, **values})
        return g, node.id

    def run(self, **values):
        """The report."""
        g, node_id = self.graph(**values)
        return self.client.queue(g).require_success().outputs[node_id]["text"][0]

    def refusal(self, **values):
        run = self.client.queue(self.graph(**values)[0])
        assert run.status == "error"
        return run.explanation()

    def result(self, name, **values):
        self.run(**values)
        return self.read(name)

    def read(self, name):
        return (read_picture(self.target / name).pixels.numpy().astype(np.float64) * 65535).round()

    def names(self):
        return sorted(path.relative_to(self.target).as_posix() for path in self.target.rglob("*"))


@pytest.fixture
def scene(request, host, client, models):
    return Scene(host, client, models, f"redraw {request.node.name}".replace("[", " ").replace("]", ""))


@pytest.mark.parametrize("sampler", [
    {"sampler_name": "euler_ancestral"}, {"sampler_name": "dpmpp_2m_sde"},
    {"sampler_name": "DPM++ SDE", "scheduler": "Karras"},
])  # fmt: skip
def test_cell_by_cell_it_is_the_same_for_any_window(sampler, scene):
    """Also the noise of the steps. The picture is wider than what one generator draws, and ends within a cell."""
    scene.picture("a.tif", 620, 101)
    windows = [
        {"tile_size": 1024}, {"tile_size": 160, "overlap": 32}, {"tile_size": 128, "overlap": 80, "blending": "hard"}
    ]  # fmt: skip
    one, *others = (scene.result(f"a{i}.tif", file_name=f"{{name}}{i}", **windows[i], **sampler) for i in range(3))
    assert one.shape == (101, 620, 3)
    assert one.std() > 1000
    for other in others:
        assert np.abs(other - one).max() <= LEVELS


def test_a_control_net_sees_each_windows_own_picture(scene):
    scene.picture("a.tif", 320, 96)

    def changes(g, parts):
        return {"control_net": g.add("ProbeControlNet", kind="pixels"), "control_strength": 0.5}

    windows = {"tile_size": 128, "overlap": 48, "blending": "hard"}
    one = scene.result("a1.tif", file_name="{name}1", conds=True, changes=changes)
    tiled = scene.result("a2.tif", file_name="{name}2", conds=True, changes=changes, **windows)
    without = scene.result("a3.tif", file_name="{name}3", conds=True)
    assert np.abs(tiled - one).max() <= LEVELS
    assert np.abs(without - one).max() > 500


def test_folders_formats_alpha_and_sizes(scene, models):
    deep = scene.picture("alpha.tif", 60, 44, 4)
    (scene.source / "b").mkdir()
    scene.picture("b/grey.png", 30, 20, 1, deep=False)
    scene.picture("wide.webp", 33, 17, deep=False)
    (scene.source / "broken.png").write_bytes(b"no picture")
    frames = [Image.fromarray(np.full((16, 24, 3), 60 * i, np.uint8)) for i in range(3)]
    frames[0].save(scene.source / "moving.png", save_all=True, append_images=frames[1:], duration=[100, 200, 300])
    text = scene.run(recursive=True)
    assert text.startswith("5 pictures: 4 done, 0 skipped (there already), 1 failed")
    assert scene.names() == ["alpha.tif", "b", "b/grey.png", "moving.png", "wide.webp"], "something is left over"
    np.testing.assert_array_equal(scene.read("alpha.tif")[..., 3], deep[..., 3])
    with Image.open(scene.target / "b" / "grey.png") as grey, Image.open(scene.target / "moving.png") as moving:
        assert (grey.size, grey.mode) == ((30, 20), "RGB")
        assert (moving.size, moving.n_frames) == ((24, 16), 3)
    assert "4 skipped" in scene.run(recursive=True)

    def upscaler(g, parts):
        return {"upscaler": g.add("HiresFixUpscalerLoader", upscaler_name=models.exact_x2)}

    text = scene.run(
        include="wide.webp, alpha.tif", file_name="{name} {scale} {upscaler}", upscaling_resize=2.0, format="png",
        denoising_strength=0.0, changes=upscaler,
    )  # fmt: skip
    assert text.startswith("2 pictures: 2 done")
    stem = models.exact_x2.rpartition(".")[0]
    with Image.open(scene.target / f"wide 2 {stem}.png") as wide:
        assert wide.size == (66, 34)
    scene.run(include="wide.webp", file_name="{name} small", resize_mode="scale to", format="png")
    with Image.open(scene.target / "wide small.png") as small:
        assert small.size == (64, 64)


def test_strength_and_seed_and_another_place_of_the_same_seed(scene):
    """At strength 0 there is the picture, through the VAE; the noise of one place is not that of another."""
    levels = scene.picture("a.tif", 64, 64)
    levels[:] = levels.mean((0, 1)).astype(np.uint16)
    tifffile.imwrite(scene.source / "a.tif", levels, photometric="rgb")
    plain = scene.result("a0.tif", file_name="{name}0", denoising_strength=0.0)
    assert np.abs(plain[8:] - plain[:-8]).max() <= 1
    first = scene.result("a1.tif", file_name="{name}1")
    assert np.abs(first[8:] - first[:-8]).max() > 500
    again = scene.result("a2.tif", file_name="{name}2")
    np.testing.assert_array_equal(first, again)
    other = scene.result("a3.tif", file_name="{name}3", seed=5)
    assert np.abs(first - other).max() > 500


SMALL = {"flux2": (128, 16, "sd3"), "qwen": (16, 8, "wan"), "z-image": (16, 8, "flux")}
"""Families of ProbeSmallFamily: channels, pixels a cell, and the family whose VAE stands in or is made over."""


def of_family(family, local=False):
    """A model of a family with its VAE and prompts."""

    def changes(g, parts):
        host, models = changes.scene.host, changes.scene.models
        if family in SMALL:
            channels, cell, other = SMALL[family]
            texts = torch.randn(2, 20, 64, generator=torch.Generator().manual_seed(7))
            file = give(host, positive=texts[:1], negative=texts[1:])
            vae = g.add("CheckpointLoaderSimple", ckpt_name=models.checkpoint(other))[2]
            if family == "flux2":
                vae = g.add("ProbeCellVae", vae=vae, channels=channels, cell=cell)
            made = {"model": g.add("ProbeSmallFamily", family=family), "vae": vae}
        else:
            loader = g.add("CheckpointLoaderSimple", ckpt_name=models.checkpoint(family))
            file = conditioning(host, models.family(family))
            vae = g.add("ProbeCellVae", vae=loader[2]) if local else loader[2]
            made = {"model": loader, "vae": vae}
        if local:
            made["model"] = g.add("ProbeLocalModel", model=made["model"], reach=False, conds=True)
        prompts = {name: g.add("ProbeConditioning", file=file, key=name) for name in ("positive", "negative")}
        return {**made, **prompts}

    return changes


@pytest.mark.parametrize("family", ["sd1", "sdxl", "sdxl-v", "sd3", "flux", "wan", *SMALL])
def test_every_family_is_redrawn_in_windows(family, scene):
    source = scene.picture("a.tif", 240, 112)
    changes = of_family(family)
    changes.scene = scene
    drawn = scene.result("a1.tif", file_name="{name}1", steps=2, tile_size=128, overlap=32, changes=changes)
    kept = scene.result(
        "a2.tif", file_name="{name}2", steps=2, tile_size=128, overlap=32, changes=changes, denoising_strength=0.0
    )
    assert drawn.shape == source.shape
    assert drawn.std() > 100
    assert np.abs(drawn - kept).mean() > 50


def test_sdxl_is_told_of_the_whole_picture_and_the_windows_place(scene):
    """By a network that draws a wave over the picture that begins where SDXL's crop says; see the probe."""
    scene.picture("a.tif", 320, 128)
    changes = of_family("sdxl", local=True)
    changes.scene = scene
    one = scene.result("a1.tif", file_name="{name}1", changes=changes)
    tiled = scene.result("a2.tif", file_name="{name}2", changes=changes, **WINDOWS)
    assert np.abs(tiled - one).max() <= 20 * LEVELS


@pytest.mark.parametrize(("kind", "says"), [
    ("encoder", "numbers of the latent are NaN or infinite"), ("decoder", "the VAE decoded"),
    ("model", "numbers that are NaN or infinite"),
])  # fmt: skip
def test_numbers_that_are_none_fail_with_a_sentence(kind, says, scene):
    scene.picture("a.png", 96, 64, deep=False)

    def changes(g, parts):
        if kind != "model":
            return {"vae": g.add("ProbeCellVae", vae=parts["vae"], fails=kind)}
        texts = {"positive": torch.full((1, 77, 768), float("nan"))}
        return {"positive": g.add("ProbeConditioning", file=give(scene.host, **texts), key="positive")}

    text = scene.run(changes=changes)
    assert "1 failed" in text
    assert says in text
    assert "a.png" not in scene.names()


def test_the_whole_picture_is_shown_while_it_is_drawn(scene):
    scene.picture("a.png", 1024, 256, deep=False)
    g, node_id = scene.graph(tile_size=256, overlap=64)
    run = scene.client.queue(g).require_success()
    first = next(jpeg for node, jpeg in run.previews if node == node_id)
    shown = np.asarray(Image.open(io.BytesIO(first)).convert("RGB"), dtype=int)
    assert shown.shape == (128, 512, 3)
    assert np.ptp(shown[:, -100:]) < 8, "what is not drawn yet is grey"
    assert np.ptp(shown[:, :100]) > 20


WIDTH, HEIGHT = 320, 256
"""Of the pictures with places; 40 x 32 latent cells, 3 x 2 windows of up to 16."""

WINDOWS = {"tile_size": 128, "overlap": 48, "blending": "hard"}


def random_mask(g, host, seed, width=WIDTH, height=HEIGHT):
    """Soft, empty in a third of the picture, and different at every place."""
    values = torch.rand(1, height, width, generator=torch.Generator().manual_seed(seed))
    values[..., : width // 3] = 0
    return g.add("ProbeMask", file=give(host, values=values), key="values")


def hint(g, parts, host, size=(WIDTH, HEIGHT)):
    picture = torch.rand(1, size[1], size[0], 3, generator=torch.Generator().manual_seed(6))
    image = g.add("ProbeImage", file=give(host, values=picture), key="values")
    held = g.add(
        "ControlNetApplyAdvanced", positive=parts["positive"], negative=parts["negative"],
        control_net=g.add("ProbeControlNet", kind="pixels"), image=image, strength=0.7, start_percent=0.0,
        end_percent=1.0,
    )  # fmt: skip
    return {"positive": held, "negative": held[1]}


def masked(g, parts, host, **size):
    own = g.add(
        "ConditioningSetMask", conditioning=parts["negative"], mask=random_mask(g, host, 1, **size), strength=0.8,
        set_cond_area="default",
    )  # fmt: skip
    return {"positive": g.add("ConditioningCombine", conditioning_1=parts["positive"], conditioning_2=own)}


def area(g, parts, host):
    own = g.add("ConditioningSetArea", conditioning=parts["negative"], width=136, height=120, x=88, y=64, strength=0.9)
    return {"positive": g.add("ConditioningCombine", conditioning_1=parts["positive"], conditioning_2=own)}


def boxes(g, parts, host):
    return {"positive": g.add("ProbeConditioningWith", conditioning=parts["positive"], kind="gligen")}


def both_nets(g, parts, host):
    return {**hint(g, parts, host), "control_net": g.add("ProbeControlNet", kind="pixels"), "control_strength": 0.4}


PLACES = {
    "area": area, "mask": masked, "coarse mask": lambda *a: masked(*a, width=44, height=36), "boxes": boxes,
    "hint": hint, "hint and control_net": both_nets,
}  # fmt: skip


def in_memory(scene, g, parts, before):
    """The same redraw by the nodes for pictures that fit the memory, with the same noise: an IMAGE file's name."""
    cells = {"width": WIDTH // 8, "height": HEIGHT // 8}
    noise = g.add("ProbePlacedNoise", noise=parts["noise"], **cells)
    latent = g.add("HiresFixEncodeAnySize", image=before, vae=parts["vae"])
    common = {"model": parts["model"], "noise": noise, "sampler_name": DEFAULTS["sampler_name"]}
    noised = g.add(
        "HiresFixRenoise", latent=latent, steps=DEFAULTS["steps"], scheduler=DEFAULTS["scheduler"],
        denoising_strength=DEFAULTS["denoising_strength"], hr_second_pass_steps=0, **common,
    )  # fmt: skip
    final = g.add(
        "HiresFixSecondSampling", positive=parts["positive"], negative=parts["negative"], latent=noised,
        sigmas=noised[1], cfg=DEFAULTS["cfg"], **common,
    )  # fmt: skip
    return g.save(image=g.add("HiresFixDecodeToSize", latent=final, vae=parts["vae"], image=before))[1]


def levels_of(scene, name):
    return (saved(scene.host, name)["image"][0].numpy().astype(np.float64).clip(0, 1) * 65535).round()


@pytest.mark.parametrize("kind", PLACES)
def test_prompts_with_places_are_cut_to_each_window(kind, scene):
    """As Second Sampling draws them in one piece: the host itself lays places over the whole latent there."""
    picture = torch.from_numpy(scene.picture("a.tif", WIDTH, HEIGHT).astype(np.float32) / 65535)[None]
    found = []

    def changes(g, parts):
        more = PLACES[kind](g, parts, scene.host)
        if "control_net" not in more:
            before = g.add("ProbeImage", file=give(scene.host, values=picture), key="values")
            found.append(in_memory(scene, g, {**parts, **more}, before))
        return more

    one = scene.result("a1.tif", file_name="{name}1", conds=True, changes=changes)
    tiled = scene.result("a2.tif", file_name="{name}2", conds=True, changes=changes, **WINDOWS)
    without = scene.result("a3.tif", file_name="{name}3", conds=True)
    assert np.abs(tiled - one).max() <= LEVELS
    assert np.abs(without - one).max() > 500
    for name in found:
        assert np.abs(levels_of(scene, name) - tiled).max() <= LEVELS


def planned(text, fade=0, model=None, image=None, words=False, **more):
    """Tile Plan, of a picture of the redraw's size or smaller."""

    def changes(g, parts):
        loader = g.add("CheckpointLoaderSimple", ckpt_name="tiny_sd15.safetensors")
        clip = {"clip": loader[1]} if words else {}
        picture = image or g.add("EmptyImage", width=WIDTH, height=HEIGHT, batch_size=1, color=0)
        own = {"positive": parts["positive"], **clip} if words else {}
        plan = g.add(
            "HiresFixTilePlan", image=picture, plan=text, skip_flat=0.0, fade=fade, tile_size=64, **own, **more
        )
        return {"plan": plan[2], **clip}

    return changes


PLAN = "0 0 320 96 | skip\n160 128 96 96 | strength 34%\n0 160 120 96 | prompt: a castle\n200 0 120 256 | add: snow"


@pytest.mark.parametrize("fade", [0, 24])
def test_a_plan_does_what_it_does_with_tiled_model(fade, scene):
    """Skipped parts, less strength, words in place of others and beside them; what is left out is as it was."""
    levels = scene.picture("a.tif", WIDTH, HEIGHT)
    picture = torch.from_numpy(levels.astype(np.float32) / 65535)[None]
    found = []

    def changes(g, parts):
        more = planned(PLAN, fade, words=True)(g, parts)
        before = g.add("ProbeImage", file=give(scene.host, values=picture), key="values")
        tiled = g.add("HiresFixTiledModel", model=parts["model"], tiles_at_once=1, **WINDOWS)
        plan = g.add(
            "HiresFixTilePlan", image=before, plan=PLAN, skip_flat=0.0, fade=fade, tile_size=64, model=tiled,
            positive=parts["positive"], clip=more["clip"],
        )  # fmt: skip
        found.append(in_memory(scene, g, {**parts, "model": plan, "positive": plan[1]}, before))
        return more

    tiled = scene.result("a1.tif", file_name="{name}1", changes=changes, **WINDOWS)
    one = scene.result("a2.tif", file_name="{name}2", changes=planned(PLAN, fade, words=True))
    other = scene.result("a3.tif", file_name="{name}3", changes=planned(PLAN, fade, words=True),
                         tile_size=160, overlap=64)  # fmt: skip
    without = scene.result("a4.tif", file_name="{name}4", **WINDOWS)
    expected = levels_of(scene, found[0])
    drawn = 96
    for result in (tiled, one, other):
        assert np.abs(result - expected)[drawn:].max() <= LEVELS
        np.testing.assert_array_equal(result[: drawn - 17], levels[: drawn - 17], "what is skipped is not as it was")
    assert np.abs(without - tiled)[drawn + 32 :].max() > 500


def test_windows_in_which_nothing_is_drawn_cost_nothing(scene):
    """3x2 windows of 3 steps, two prompts: the upper row is left out by what its windows own, half of the rest."""
    levels = scene.picture("a.tif", WIDTH, HEIGHT)
    calls = {}

    def counted(text):
        name = f"redraw-{len(calls)}"

        def changes(g, parts):
            parts["model"] = g.add("ProbeLocalModel", model=parts["model"], reach=False, conds=True, count=name)
            return {"model": parts["model"], **(planned(text)(g, parts) if text else {})}

        g, node_id = scene.graph(file_name=f"{{name}} {name}", changes=changes, **WINDOWS)
        run = scene.client.queue(g).require_success()
        calls[text] = name
        after = Graph()
        latent = after.add("EmptyLatentImage", width=64, height=64, batch_size=1)
        after.add("ProbeSaveCalls", name=name, after=latent)
        scene.client.queue(after).require_success()
        return int(saved(scene.host, name)["timesteps"].sum()), run.outputs[node_id]["text"][0]

    everything, plain = counted("")
    assert everything % 12 == 0
    windows = everything // 6
    columns = windows // (3 if windows % 3 == 0 else 2)
    assert "left as they were" not in plain
    half, text = counted("0 0 320 176 | skip")
    assert 0 < half < everything
    assert f"of {windows} windows left as they were" in text
    assert f"{1 - half / everything:.0%} less work" in text
    none, text = counted("all | skip")
    assert none == 0
    assert f"{windows} of {windows} windows left as they were, 100% less work" in text
    np.testing.assert_array_equal(scene.read(f"a {calls['all | skip']}.tif"), levels)
    assert columns


def test_memory_that_runs_out_makes_smaller_tiles_of_a_window(scene, host):
    """A window is then sampled in tiles from its first step on, whenever that was; the text says so."""
    scene.picture("a.tif", 640, 320)
    windows = {"tile_size": 384, "overlap": 128}

    def short(cells, after):
        return {"network": {"cells": cells, "cells_after": after}, **windows}

    plain = scene.result("a1.tif", file_name="{name}1", **windows)
    text = scene.run(file_name="{name}2", **short(1100, 0))
    assert "memory ran out for 2 windows, sampled in tiles of 288 pixels or more" in text
    log = host.log_tail(200)
    assert "Out of memory: Tiled Redraw takes all models out of it and tries again." in log
    assert "Out of memory: Tiled Redraw samples the window of" in log
    late = scene.run(file_name="{name}3", **short(1100, 1))
    assert "memory ran out for 2 windows" in late
    assert np.array_equal(scene.read("a2.tif"), scene.read("a3.tif"))
    for number in (2, 3):
        assert np.abs(scene.read(f"a{number}.tif") - plain).max() <= LEVELS
    text = scene.run(file_name="{name}4", **short(4, 0))
    assert "1 failed" in text
    assert "there is no memory for a window of" in text


def entered(key):
    """A positive prompt that holds a picture."""

    def changes(g, parts):
        file = give(changes.host, values=torch.rand(1, 4, 8, 8))
        latent = g.add("ProbeLatent", file=file, key="values")
        return {"positive": g.add("ProbeConditioningWith", conditioning=parts["positive"], kind=key, latent=latent)}

    return changes


def with_entry(**node):
    """A positive prompt that holds something."""
    kind, values = node.pop("node"), node

    def changes(g, parts):
        made = {name: value(g, parts) if callable(value) else value for name, value in values.items()}
        out = g.add(kind, **made, **({} if "positive" in made else {"conditioning": parts["positive"]}))
        return {"positive": out}

    return changes


AREA = with_entry(node="ConditioningSetArea", width=64, height=64, x=0, y=0, strength=1.0)
"""Nothing of the prompt reaches what lies beside."""

CONTROL = with_entry(
    node="ControlNetApply", control_net=lambda g, parts: g.add("ProbeControlNet", kind="other"), strength=1.0,
    image=lambda g, parts: g.add("EmptyImage", width=64, height=64, batch_size=1, color=0),
)  # fmt: skip
X4 = with_entry(
    node="SD_4XUpscale_Conditioning", images=lambda g, parts: g.add("EmptyImage", width=64, height=64, batch_size=1,
    color=0), positive=lambda g, parts: parts["positive"], negative=lambda g, parts: parts["negative"], scale_ratio=4.0,
    noise_augmentation=0.1,
)  # fmt: skip


def planned_model(g, parts):
    image = g.add("EmptyImage", width=64, height=64, batch_size=1, color=0)
    plan = g.add(
        "HiresFixTilePlan", image=image, plan="all | skip", skip_flat=0.0, fade=0, tile_size=64, model=parts["model"]
    )
    return {"model": plan}


def varied(g, parts):
    return {"noise": g.add("HiresFixNoise", seed=1, source="CPU", subseed=3, subseed_strength=0.5)}


def test_a_window_that_no_prompt_reaches_is_refused_before_any_is_drawn(scene):
    scene.picture("a.png", 256, 64, deep=False)
    text = scene.run(changes=AREA, tile_size=96, overlap=32)
    assert "1 failed" in text
    assert "a.png: nothing of the prompt lies in the window of" in text
    assert not list(scene.target.glob("*.unfinished/*/*.npy"))


@pytest.mark.parametrize(("values", "words"), [
    ({"changes": CONTROL}, ["input 'positive'", "a ControlNet of the kind _Other of another pack"]),
    ({"changes": X4}, ["input 'positive'", "a picture to enlarge", "Tiled Model"]),
    ({"changes": entered("reference_latents")}, ["input 'positive'", "a reference picture"]),
    ({"changes": entered("noise_concat")}, ["input 'positive'", "a picture (noise_concat)"]),
    ({"changes": planned("all | prompt: a castle")}, ["input 'clip'", "the plan has words"]),
    ({"changes": planned_model}, ["input 'model'", "comes from Tile Plan"]),
    ({"changes": varied}, ["input 'noise'", "variation seed"]),
    ({"tile_size": 64, "overlap": 64}, ["input 'overlap'", "64"]),
    ({"overlap": 1000}, ["input 'overlap'", "1000"]),
    ({"changes": lambda g, parts: {"vae": g.add("VAELoader", vae_name="pixel_space")}}, ["input 'vae'", "the model"]),
    ({"output_folder": "../out"}, ["input 'output_folder'"]),
])  # fmt: skip
def test_what_is_refused(values, words, scene):
    scene.picture("a.png", 64, 64, deep=False)
    if "changes" in values:
        values["changes"].host = scene.host
    text = scene.refusal(**values)
    assert "Tiled Redraw, " in text
    assert all(word in text for word in words), text
    assert not scene.target.exists(), "something was begun"


def test_killed_stopped_and_queued_again(scene, host):
    """The same bytes as in one go, and no window is drawn twice; some are left out by a plan."""
    scene.picture("a.png", 512, 384, deep=False)
    plan = planned("0% 0% 100% 15% | skip\n60% 40% 30% 30% | strength 50%\n20% 80% 10% 20% | skip", fade=16)
    values = {
        "tile_size": 96, "overlap": 32, "upscaling_resize": 1.5, "sampler_name": "euler_ancestral", "changes": plan,
    }  # fmt: skip
    g, node_id = scene.graph(**values)

    def parts():
        return {path: path.stat().st_mtime_ns for path in scene.target.glob("*.unfinished/*/*.npy")}

    told = []

    def killed():
        with pytest.raises(ClientError):
            ComfyClient(host.url).queue(g, lambda name, value, _: told.append(value if name == node_id else 0))

    thread = threading.Thread(target=killed)
    thread.start()
    deadline, rows = time.monotonic() + 120, set()
    while len(rows) < 3 and time.monotonic() < deadline:
        rows |= {path.name.partition("-")[0] for path in scene.target.glob("*.unfinished/*/*.npy")}
        time.sleep(0.002)
    os.kill(host.pid, signal.SIGKILL)
    thread.join()
    host.wait()
    before = parts()
    assert len(rows) == 3, "it was over too soon"
    assert len(before) > 10
    host.start()
    client = ComfyClient(host.url)
    run = client.queue(g, interrupt_at=node_id, after_progress=max(told) + 20)
    assert run.status == "interrupted"
    after = parts()
    assert set(after) - set(before), "nothing new was drawn"
    assert all(after[path] == made for path, made in before.items() if path in after), "drawn twice"
    client.queue(g).require_success()
    assert scene.names() == ["a.png"]
    result = (scene.target / "a.png").read_bytes()
    client.queue(scene.graph(**values, file_name="{name} in one go")[0]).require_success()
    assert (scene.target / "a in one go.png").read_bytes() == result
