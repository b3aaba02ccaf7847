"""Packs that bring upscalers and hooks, on a real host: loaded before ours and after it, failing, and gone.

One server for all: its extra paths decide which pack is loaded first.
"""

import base64
import io
import json
import shutil
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch
from hires_pack.dev.host.comfy_client import ComfyClient
from hires_pack.dev.host.comfyui_host import PACK_NAME
from PIL import Image

from .conftest import PROBE, start_host
from .graphs import Graph, conditioning, give, saved
from .test_multi_stage import multi_stage
from .test_plan import plan
from .test_tiled_redraw import Scene

SAMPLE = Path(__file__).parent / "sample_pack"
BEFORE, AFTER, FAILING = "sample-before", "sample.after", "sample-failing"
NAMES = {folder: f"Negative of {folder}" for folder in (BEFORE, AFTER)}
EVERY = "process_before_every_sampling"
FAILS = """
NODE_CLASS_MAPPINGS = {}


def connect_hires_fix(door):
    def hook(run):
        pass

    door.register_hook("before_hr", hook)
    for call, asked in (
        (door.register_upscaler, ("a/b", dict)), (door.register_upscaler, ("4x.pth", dict)),
        (door.register_upscaler, ("Negative of sample-before", dict)), (door.register_upscaler, ("Mine", 5)),
        (door.register_upscaler, ("Mine", dict, 1.5)), (door.unregister_upscaler, ("Mine",)),
        (door.register_hook, ("before_hr", hook)), (door.register_hook, ("after_hr", hook)),
        (door.register_hook, ("before_hr", None)), (door.unregister_hook, ("before_hr", dict)),
    ):
        try:
            call(*asked)
        except door.PluginError as error:
            print("refused:", error, flush=True)
    door.unregister_hook("before_hr", hook)
    door.register_upscaler("None", dict)
"""
REFUSED = (
    "'a/b' cannot be the name of an upscaler", "'4x.pth' cannot be the name of an upscaler",
    "the pack 'sample-before' has an upscaler 'Negative of sample-before' already",
    "the factory of 'Mine' should be a function", "the scale of 'Mine' should be a whole number from 1 on",
    "there is no registered upscaler 'Mine'", "the pack 'sample-failing' has registered this function for before_hr",
    "there is no hook 'after_hr'. There are before_hr and process_before_every_sampling.",
    "the hook before_hr of the pack 'sample-failing' should be a function", "is not registered for 'before_hr'",
)  # fmt: skip


@pytest.fixture(scope="module")
def packs(models, tmp_path_factory):
    """A server with the sample pack loaded before ours and, as another copy, after it."""
    base = tmp_path_factory.mktemp("packs")
    shutil.copytree(SAMPLE, base / "earlier" / BEFORE, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(SAMPLE, base / "later" / AFTER, ignore=shutil.ignore_patterns("__pycache__"))
    (base / "failing" / FAILING).mkdir(parents=True)
    (base / "failing" / FAILING / "__init__.py").write_text(FAILS, encoding="utf-8")
    paths = base / "paths.yaml"
    # of those that come before the host's own folder, the last one is the first
    first = [f"{name}:\n    is_default: true\n    custom_nodes: {base / name}\n" for name in ("failing", "earlier")]
    paths.write_text(f"{''.join(first)}later:\n    custom_nodes: {base / 'later'}\n", encoding="utf-8")
    loaded = ("--whitelist-custom-nodes", PACK_NAME, PROBE.name, BEFORE, AFTER, FAILING)
    with start_host(models, arguments=("--extra-model-paths-config", str(paths), *loaded)) as server:
        yield server


@pytest.fixture
def client(packs):
    return ComfyClient(packs.url)


def ask(packs, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(f"{packs.url}/{path}", data=data)
    with urllib.request.urlopen(asked, timeout=300) as answer:
        return json.load(answer)


@pytest.fixture
def switch(packs):
    """Tells a copy what its hooks do from now on, and returns what they have seen since they were told last."""

    def tell(folder=AFTER, **todo):
        return ask(packs, folder, todo)

    for folder in (BEFORE, AFTER):
        tell(folder)
    yield tell
    for folder in (BEFORE, AFTER):
        tell(folder)


def pixels(width=20, height=13, batch=1):
    return torch.rand(batch, height, width, 3, generator=torch.Generator().manual_seed(width))


def upscaled(packs, client, name, image, **values):
    g = Graph()
    loader = g.add("HiresFixUpscalerLoader", upscaler_name=name)
    sizes = {"resize_mode": "scale by", "upscaling_resize": 2.0, "upscaling_resize_w": 8, "upscaling_resize_h": 8}
    more = {"upscaling_crop": True, "tile_size": 0, "tile_overlap": -1, **values}
    node = g.add(
        "HiresFixUpscaleImage", image=g.add("ProbeImage", file=give(packs, image=image), key="image"),
        upscaler=loader, **{**sizes, **more},
    )  # fmt: skip
    _, file = g.save(image=node)
    run = client.queue(g)
    return run, saved(packs, file)["image"] if run.status == "success" else None


def negative(image):
    return 1 - image.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)


# ------------------------------------------------------------------------------------------------------- upscalers


@pytest.mark.parametrize(("folder", "at_once"), [(BEFORE, False), (AFTER, True)])
def test_an_upscaler_of_a_pack_enlarges_whichever_is_loaded_first(packs, client, folder, at_once):
    image = pixels()
    assert client.object_info()[f"Keep {folder}"]["description"] == f"connected at once: {at_once}"
    _, large = upscaled(packs, client, NAMES[folder], image)
    assert torch.allclose(large, negative(image), atol=1e-6)
    _, exact = upscaled(packs, client, NAMES[folder], image, upscaling_resize=1.7)
    assert exact.shape == (1, 22, 34, 3)


def test_a_pack_that_fails_while_it_is_connected_is_named_in_the_log(packs):
    log = packs.log()
    assert "The pack 'sample-failing' failed in connect_hires_fix and is not connected." in log
    assert "Hires Fix itself has an upscaler 'None' already" in log
    refused = [line for line in log.splitlines() if "refused:" in line]
    assert len(refused) == len(REFUSED)
    assert all(words in line for words, line in zip(REFUSED, refused, strict=True)), refused


def api(packs, path, body=None):
    return ask(packs, f"sdapi/v1/{path}", body)


def png(image):
    buffer = io.BytesIO()
    Image.fromarray((image[0].numpy() * 255).round().astype(np.uint8)).save(buffer, "png")
    return base64.b64encode(buffer.getvalue()).decode()


def pictures(replies):
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) for text in replies]


def test_it_is_in_every_list(packs, client):
    listed = client.object_info()["HiresFixUpscalerLoader"]["input"]["required"]["upscaler_name"]
    choices = listed[1]["options"] if listed[0] == "COMBO" else listed[0]
    assert set(NAMES.values()) <= set(choices)
    entry = next(one for one in api(packs, "upscalers") if one["name"] == NAMES[AFTER])
    assert (entry["model_name"], entry["model_path"]) == (None, None)
    menus = [argument for script in api(packs, "script-info") for argument in script["args"]]
    assert any(NAMES[BEFORE] in (argument["choices"] or []) for argument in menus)


def test_extras_and_hires_fix_over_the_api(packs):
    image = pixels(24, 16)
    body = {"image": png(image), "upscaling_resize": 2, "upscaler_1": NAMES[AFTER]}
    (made,) = pictures([api(packs, "extra-single-image", body)["image"]])
    levels = (image[0].numpy() * 255).round().astype(np.uint8)
    # A1111's numbers: fractions are cut off
    assert np.abs(made - (255.0 - levels.repeat(2, axis=0).repeat(2, axis=1))).max() <= 1
    job = {
        "prompt": "a fox", "seed": 1, "steps": 1, "width": 64, "height": 64, "sampler_name": "Euler", "enable_hr": True,
        "hr_scale": 2, "hr_second_pass_steps": 1, "denoising_strength": 0.0,
        "override_settings": {"sd_model_checkpoint": "tiny_sd15"},
    }  # fmt: skip
    replies = [api(packs, "txt2img", {**job, "hr_upscaler": name}) for name in (NAMES[AFTER], "Nearest")]
    assert f"Hires upscaler: {NAMES[AFTER]}" in json.loads(replies[0]["info"])["infotexts"][0]
    ours, nearest = (pictures(reply["images"])[0].astype(int) for reply in replies)
    assert ours.shape == (128, 128, 3)
    assert np.abs(ours - nearest).mean() > 1


def test_multi_stage_with_xy_values(packs, client):
    image = pixels(16, 12)
    g = Graph()
    names = f"Nearest, {NAMES[BEFORE]}"
    values = g.add("HiresFixXYValues", x_name="Upscaler", x_values=names, y_name="", y_values="")
    loader = g.add("HiresFixUpscalerLoader", upscaler_name=values)
    given = g.add("ProbeImage", file=give(packs, image=image), key="image")
    staged = multi_stage(g, given, loader)
    preview = g.add("PreviewImage", images=staged)
    run = client.queue(g).require_success()
    plain, twice = (np.asarray(Image.open(io.BytesIO(one))) for one in run.images(preview.id))
    # of an even number of negatives nothing is left
    assert plain.shape == twice.shape == (48, 64, 3)
    assert np.abs(plain.astype(int) - twice).max() <= 1


def test_a_badge_knows_its_factor(packs):
    g = Graph()
    Image.new("RGB", (16, 12)).save(packs.base / "input" / "badge.png")
    image = g.add("LoadImage", image="badge.png")
    node = multi_stage(g, image, g.add("HiresFixUpscalerLoader", upscaler_name=NAMES[BEFORE]))
    assert "32x24" in json.dumps(plan(packs, g)[node.id], ensure_ascii=False).replace(" × ", "x").replace("×", "x")


def test_a_folder(packs, client):
    image, folder = pixels(16, 12), packs.base / "input" / "negatives"
    folder.mkdir()
    Image.fromarray((image[0].numpy() * 255).astype(np.uint8)).save(folder / "a.png")
    g = Graph()
    loader = g.add("HiresFixUpscalerLoader", upscaler_name=NAMES[BEFORE])
    g.add(
        "HiresFixUpscaleFolder", input_folder="negatives", output_folder="negatives", file_name="{name}", include="*",
        recursive=False, upscaler=loader, resize_mode="scale by", upscaling_resize=2.0, upscaling_resize_w=64,
        upscaling_resize_h=64, upscaling_crop=True, max_side=0, tile_size=0, tile_overlap=-1, format="as input",
        bit_depth="auto", quality=95, existing="skip",
    )  # fmt: skip
    client.queue(g).require_success()
    made = np.asarray(Image.open(packs.base / "output" / "negatives" / "a.png"))
    source = np.asarray(Image.open(folder / "a.png"))
    assert np.array_equal(made, 255 - source.repeat(2, axis=0).repeat(2, axis=1))


@pytest.mark.parametrize(("todo", "words"), [("raise", "KeyError: 'no such thing'"), ("shape", "should have made")])
def test_a_failing_upscaler_is_named_with_its_pack(packs, client, switch, todo, words):
    switch(BEFORE, upscaler=todo)
    run, _ = upscaled(packs, client, NAMES[BEFORE], pixels(21, 13))
    said = run.explanation()
    for part in (f"the pack '{BEFORE}'", NAMES[BEFORE], words, "input 'upscaler'"):
        assert part in said, said


def test_an_upscale_model_of_cores_loader_is_one_too(packs, client, models, switch):
    image = pixels(23, 13)
    switch(BEFORE, file=models.exact_x2)
    _, made = upscaled(packs, client, NAMES[BEFORE], image)
    assert torch.equal(made, upscaled(packs, client, models.exact_x2, image)[1])


@pytest.mark.parametrize(("made", "words"), [("text", "it is a str"), (None, "enlarges by 4 and was registered with")])
def test_what_a_factory_makes_is_looked_at(packs, client, models, switch, made, words):
    switch(BEFORE, **({"made": made} if made else {"file": models.exact_x4}))
    said = upscaled(packs, client, NAMES[BEFORE], pixels(21, 13))[0].explanation()
    for part in (f"the pack '{BEFORE}' failed", words, "Load Upscaler, input 'upscaler_name'"):
        assert part in said, said


def test_gone_it_is_refused_and_back_again_it_works(packs, client, switch):
    image = pixels(22, 13)
    switch(AFTER, connected=False)
    run, _ = upscaled(packs, client, NAMES[AFTER], image)
    assert run.status != "success"
    assert NAMES[AFTER] in run.explanation()
    switch(AFTER)
    assert upscaled(packs, client, NAMES[AFTER], image)[0].status == "success"


# ----------------------------------------------------------------------------------------------------------- hooks

NORMAL = {"sampler_name": "Euler", "scheduler": "Automatic"}


class Passes:
    """Graphs with two passes of the tiny SD 1 checkpoint, and what becomes of them."""

    def __init__(self, host, client, models):
        self._host, self._client, self._models = host, client, models

    def graph(self, second=None, renoised=None, first=None, noise=5, first_cfg=3.0, size=64, **names):
        """`first`, `second`, `renoised`: inputs of both samplings (by a function of the graph's parts) and Re-noise."""
        g, names = Graph(), {**NORMAL, **names}
        loader = g.add("CheckpointLoaderSimple", ckpt_name=self._models.checkpoint("sd1"))
        file = conditioning(self._host, self._models.family("sd1"))
        prompts = {key: g.add("ProbeConditioning", file=file, key=key) for key in ("positive", "negative")}
        model = g.add("ProbeLocalModel", model=loader, reach=False, conds=True)
        parts = {"g": g, "model": model, **prompts}
        latent = g.add("EmptyLatentImage", width=size, height=size, batch_size=1)
        start = g.add("RandomNoise", noise_seed=4)
        wires = {"model": model, **prompts, "latent": latent, "noise": start, **(first(parts) if first else {})}
        base = g.add("HiresFixBaseSampling", **wires, steps=2, cfg=first_cfg, **NORMAL)
        other = g.add("RandomNoise", noise_seed=noise)
        sigmas = {"steps": 4, "denoising_strength": 0.5, "hr_second_pass_steps": 0, **names, **(renoised or {})}
        noised = g.add("HiresFixRenoise", model=model, latent=base, noise=other, **sigmas)
        parts["noised"] = noised
        inputs = {
            "model": model, **prompts, "latent": noised, "sigmas": noised[1], "noise": other, "cfg": 3.0,
            "sampler_name": names["sampler_name"], **(second(parts) if second else {}),
        }  # fmt: skip
        sampled = g.add("HiresFixSecondSampling", **inputs)
        return g, (g.save(latent=sampled)[1], g.save(latent=base)[1])

    def run(self, **values):
        g, names = self.graph(**values)
        self._client.queue(g).require_success()
        second, first = (saved(self._host, name)["latent"] for name in names)
        return {"latent": second, "base": first}

    def refusal(self, **values):
        run = self._client.queue(self.graph(**values)[0])
        assert run.status == "error"
        return run.explanation()


@pytest.fixture(scope="module")
def passes(packs, models):
    return Passes(packs, ComfyClient(packs.url), models)


@pytest.fixture(scope="module")
def plain(passes):
    """What becomes of both passes where no hook changes anything."""
    return passes.run()


def same(one, other):
    return torch.equal(one["latent"], other["latent"]) and torch.equal(one["base"], other["base"])


CHANGES = {
    "cfg": ({"cfg": 6.0}, {"second": lambda parts: {"cfg": 6.0}}),
    "strength": ({"denoising_strength": 0.8}, {"renoised": {"denoising_strength": 0.8}}),
    "steps": ({"steps": 6}, {"renoised": {"hr_second_pass_steps": 6}}),
    "sampler": ({"sampler_name": "DPM++ 2M"}, {"sampler_name": "DPM++ 2M"}),
    "scheduler": ({"scheduler": "Karras"}, {"scheduler": "Karras"}),
    "noise": ({"noise": 9}, {"noise": 9}),
    "all": (
        {"cfg": 4.0, "denoising_strength": 0.7, "steps": 3, "sampler_name": "DPM++ 2M", "noise": 8},
        {
            "second": lambda parts: {"cfg": 4.0}, "noise": 8, "sampler_name": "DPM++ 2M",
            "renoised": {"denoising_strength": 0.7, "hr_second_pass_steps": 3},
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_what_before_hr_changes_is_as_if_it_had_been_wired_so(passes, plain, switch, name):
    changes, wired = CHANGES[name]
    expected = passes.run(**wired)
    assert not same(plain, expected)
    switch(AFTER, before_hr=changes)
    assert same(passes.run(), expected)


def test_what_hooks_are_given_and_in_which_order(passes, switch):
    passes.run()
    strength = {"cfg": 5.0, "denoising_strength": 0.75}
    switch(BEFORE, before_hr=strength)
    switch(AFTER)
    switch(BEFORE, before_hr=strength)
    passes.run(size=96)
    first = [3.0, 1, 96, 96, "Euler", "Automatic", 2, None]
    before, after = ([cfg, 2, 96, 96, "Euler", "Automatic", 4, at] for cfg, at in ((3.0, 0.5), (5.0, 0.75)))
    # the one that was connected last comes last
    assert switch(AFTER) == [[AFTER, EVERY, *first], [AFTER, "before_hr", *before], [AFTER, EVERY, *after]]
    assert switch(BEFORE) == [[BEFORE, EVERY, *first], [BEFORE, "before_hr", *before], [BEFORE, EVERY, *after]]


def test_each_hook_gets_what_the_one_before_it_left(passes, switch):
    expected = passes.run(second=lambda parts: {"cfg": 5.0}, renoised={"denoising_strength": 0.75})
    switch(BEFORE, before_hr={"cfg": 5.0})
    switch(AFTER, before_hr={"denoising_strength": 0.75})
    assert same(passes.run(), expected)
    assert [one[2] for one in switch(AFTER) if one[1] == "before_hr"] == [5.0]


def test_every_sampling_means_the_first_pass_too(passes, plain, switch):
    expected = passes.run(first_cfg=6.0, second=lambda parts: {"cfg": 6.0})
    switch(AFTER, **{EVERY: {"cfg": 6.0}})
    changed = passes.run()
    assert same(changed, expected)
    assert not torch.equal(changed["base"], plain["base"])


def test_a_model_is_patched_for_one_pass_alone(passes, plain, switch):
    switch(AFTER, before_hr={"negate": True})
    changed = passes.run()
    assert torch.equal(changed["base"], plain["base"])
    assert not torch.equal(changed["latent"], plain["latent"])
    switch(AFTER)
    assert same(passes.run(), plain)


def test_a_refiner_goes_on_working(passes, switch):
    def refined(cfg):
        def wires(parts):
            given = {"model": parts["model"], "positive": parts["negative"], "negative": parts["positive"]}
            return {"refiner": parts["g"].add("HiresFixRefiner", **given, switch_at=0.7, by_steps=False), "cfg": cfg}

        return wires

    expected = passes.run(second=refined(6.0))
    assert not same(expected, passes.run(second=lambda parts: {"cfg": 6.0}))
    switch(AFTER, before_hr={"cfg": 6.0})
    assert same(passes.run(second=refined(3.0)), expected)


def controlled(parts):
    g, network = parts["g"], parts["g"].add("ProbeControlNet", kind="pixels")
    image = g.add("EmptyImage", width=64, height=64, batch_size=1, color=0x4080C0)
    return g.add("ControlNetApply", conditioning=parts["positive"], control_net=network, image=image, strength=1.0)


def test_a_control_net_of_the_second_pass_stays_and_a_hook_can_bring_one(passes, packs, client, models, switch):
    def wires(cfg):
        return lambda parts: {"positive": controlled(parts), "cfg": cfg}

    expected, without = passes.run(second=wires(6.0)), passes.run(second=lambda parts: {"cfg": 6.0})
    assert not same(expected, without)
    switch(AFTER, before_hr={"cfg": 6.0})
    assert same(passes.run(second=wires(3.0)), expected)

    g = Graph()
    prompt = g.add("ProbeConditioning", file=conditioning(packs, models.family("sd1")), key="positive")
    g.add(f"Keep {AFTER}", positive=controlled({"g": g, "positive": prompt}))
    client.queue(g).require_success()
    switch(AFTER, before_hr={"cfg": 6.0, "positive": "kept"})
    assert same(passes.run(), expected)


@pytest.fixture
def staged(packs, client, models):
    def run(hooks=None, **values):
        g = Graph()
        loader = g.add("CheckpointLoaderSimple", ckpt_name=models.checkpoint("sd1"))
        file = conditioning(packs, models.family("sd1"))
        redraw = {key: g.add("ProbeConditioning", file=file, key=key) for key in ("positive", "negative")}
        model = g.add("ProbeLocalModel", model=loader, reach=False, conds=True)
        redraw |= {"model": model, "vae": g.add("ProbeCellVae", vae=loader[2])}
        redraw |= {"noise": g.add("RandomNoise", noise_seed=5), **({"hooks": hooks(g)} if hooks else {})}
        image = g.add("ProbeImage", file=give(packs, image=pixels(32, 24)), key="image")
        upscaler = g.add("HiresFixUpscalerLoader", upscaler_name="Nearest")
        _, name = g.save(image=multi_stage(g, image, upscaler, stages=2, **redraw, **values))
        client.queue(g).require_success()
        return saved(packs, name)["image"]

    return run


def test_multi_stage_calls_them_for_every_stage(staged, switch):
    expected = staged(cfg=6.0)
    switch(AFTER, before_hr={"cfg": 6.0})
    assert torch.equal(staged(), expected)
    told = [one for one in switch(AFTER) if one[1] == "before_hr"]
    assert [one[3:6] + one[8:] for one in told] == [[2, 64, 48, 2, 0.5], [2, 128, 96, 2, 0.3]]


def test_tiled_redraw_calls_them_for_every_window(packs, client, models, switch):
    scene = Scene(packs, client, models, "redraw plugins")
    scene.picture("a.png", 96, 64)
    values = {"tile_size": 64, "overlap": 16, "existing": "overwrite"}
    plain, expected = scene.result("a.png", **values), scene.result("a.png", cfg=6.0, **values)
    assert not np.array_equal(plain, expected)
    switch(AFTER, before_hr={"cfg": 6.0})
    assert np.array_equal(scene.result("a.png", **values), expected)
    told = [one for one in switch(AFTER) if one[1] == "before_hr"]
    assert len(told) == 2
    assert all(one[3] == 2 and one[5] == 64 for one in told)


@pytest.mark.parametrize(("when", "todo", "words"), [
    ("before_hr", {"raise": "lost"}, "KeyError: 'lost'"),
    (EVERY, {"raise": "lost"}, "KeyError: 'lost'"),
    (EVERY, {"steps": 5}, "it set steps to 5, which is fixed by now: register it for before_hr"),
    ("before_hr", {"width": 5}, "it set width to 5"),
    ("before_hr", {"cfg": "much"}, "it set cfg to 'much', which is no number"),
    ("before_hr", {"denoising_strength": 1.5}, "it set denoising_strength to 1.5, and it is from 0 to 1"),
    ("before_hr", {"steps": 0}, "it set steps to 0"),
    ("before_hr", {"sampler_name": "Oiler"}, "it set sampler_name to 'Oiler'"),
    ("before_hr", {"scheduler": "Later"}, "it set scheduler to 'Later'"),
    ("before_hr", {"positive": 1}, "it set positive to something that is no CONDITIONING"),
    ("before_hr", {"model": "SDXL"}, "it set model to a str"),
])  # fmt: skip
def test_a_failing_hook_is_named_with_its_pack(passes, switch, when, todo, words):
    switch(AFTER, **{when: todo})
    said = passes.refusal()
    for part in (f"the hook {when} of the pack '{AFTER}' failed", words, "Sampling, input 'hooks'"):
        assert part in said, said


def test_hooks_that_are_gone_do_nothing(passes, plain, switch):
    switch(AFTER, before_hr={"raise": "lost"}, connected=False)
    assert same(passes.run(), plain)
    assert switch(AFTER) == []


def test_a_guider_has_its_own_model_and_prompts(passes, switch):
    def guided(parts):
        wires = {name: parts[name] for name in ("model", "positive", "negative")}
        return {"guider": parts["g"].add("CFGGuider", **wires, cfg=3.0)}

    expected = passes.run(second=guided, renoised={"denoising_strength": 0.8})
    switch(AFTER, before_hr={"denoising_strength": 0.8})
    assert same(passes.run(second=guided), expected)
    switch(AFTER, before_hr={"cfg": 6.0})
    assert "it set cfg, and the pass is steered by a GUIDER" in passes.refusal(second=guided)


# -------------------------------------------------------------------------------------------------- hooks in the graph

OWN = {
    "cfg": -1.0, "sampler_name": "Use same sampler", "scheduler": "Use same scheduler", "steps": 0,
    "denoising_strength": -1.0, "from_side": 0, "to_side": 0,
}  # fmt: skip


def before_second(g, **values):
    return g.add("HiresFixBeforeSecondPass", **{**OWN, **values})


def before_every(g, **values):
    return g.add("HiresFixBeforeEverySampling", **{"cfg": -1.0, "from_side": 0, "to_side": 0, **values})


def hooked(**values):
    """Second Sampling with such a node before it; functions are called with the graph's parts."""

    def wires(parts):
        found = {name: value(parts) if callable(value) else value for name, value in values.items()}
        return {"hooks": before_second(parts["g"], **found)}

    return wires


@pytest.mark.parametrize(("values", "wired"), [
    ({"cfg": 6.0}, {"second": lambda parts: {"cfg": 6.0}}),
    (
        {"denoising_strength": 0.7, "steps": 3, "sampler_name": "DPM++ 2M", "scheduler": "Karras"},
        {
            "sampler_name": "DPM++ 2M", "scheduler": "Karras",
            "renoised": {"denoising_strength": 0.7, "hr_second_pass_steps": 3},
        },
    ),
    ({"noise": lambda parts: parts["g"].add("RandomNoise", noise_seed=9)}, {"noise": 9}),
    ({"positive": controlled}, {"second": lambda parts: {"positive": controlled(parts)}}),
    ({"negative": lambda parts: parts["positive"]}, {"second": lambda parts: {"negative": parts["positive"]}}),
])  # fmt: skip
def test_before_second_pass_is_as_if_it_had_been_wired_so(passes, plain, values, wired):
    made = passes.run(second=hooked(**values))
    assert not same(made, plain)
    assert same(made, passes.run(**wired))


def test_before_second_pass_leaves_what_it_does_not_set(passes, plain):
    assert same(passes.run(second=hooked()), plain)
    assert same(passes.run(second=hooked(cfg=6.0, from_side=65)), plain)
    assert same(passes.run(second=hooked(cfg=6.0, to_side=63)), plain)
    assert not same(passes.run(second=hooked(cfg=6.0, from_side=64, to_side=64)), plain)


def test_before_every_sampling_of_the_first_pass(passes):
    made = passes.run(first=lambda parts: {"hooks": before_every(parts["g"], cfg=6.0)})
    assert same(made, passes.run(first_cfg=6.0))


def test_hooks_of_the_graph_come_one_after_another_after_those_of_packs(passes, switch):
    def wires(parts):
        first = before_second(parts["g"], cfg=9.0, denoising_strength=0.75)
        return {"hooks": before_second(parts["g"], cfg=6.0, hooks=first)}

    switch(AFTER, before_hr={"cfg": 2.0, "steps": 3})
    made = passes.run(second=wires)
    told = [one for one in switch(AFTER) if one[0] == AFTER]
    assert [one[2] for one in told] == [3.0, 3.0, 6.0]
    wired = {"denoising_strength": 0.75, "hr_second_pass_steps": 3}
    assert same(made, passes.run(second=lambda parts: {"cfg": 6.0}, renoised=wired))


def test_a_stage_of_multi_stage_has_values_of_its_own(staged, switch):
    staged(hooks=lambda g: before_second(g, cfg=6.0, from_side=128))
    told = [one for one in switch(AFTER) if one[1] == EVERY]
    assert [(one[4], one[2]) for one in told] == [(64, 3.0), (128, 6.0)]


def test_tiled_redraw_with_hooks_of_the_graph(packs, client, models):
    scene = Scene(packs, client, models, "redraw hooks")
    scene.picture("a.png", 96, 64)
    values = {"tile_size": 64, "overlap": 16, "existing": "overwrite"}

    def changes(**set_):
        def wired(g, parts):
            found = {name: value({"g": g, **parts}) if callable(value) else value for name, value in set_.items()}
            return {"hooks": before_second(g, **found)}

        return wired

    expected = scene.result("a.png", cfg=6.0, **values)
    assert np.array_equal(scene.result("a.png", changes=changes(cfg=6.0), **values), expected)
    noise = scene.refusal(changes=changes(noise=lambda parts: parts["noise"]), **values)
    assert "Tiled Redraw, input 'hooks': Before Second Pass has noise" in noise
    picture = scene.refusal(changes=changes(positive=controlled), **values)
    assert "Tiled Redraw, input 'hooks': the prompt of a hook has a ControlNet's picture" in picture

    def beside_a_plan(g, parts):
        image = g.add("EmptyImage", width=96, height=64, batch_size=1, color=0)
        plan = g.add("HiresFixTilePlan", image=image, plan="tiles 1 | skip", skip_flat=0.0, fade=0, tile_size=64)
        return {"plan": plan[2], "hooks": before_second(g, model=parts["model"])}

    plan = scene.refusal(changes=beside_a_plan, **values)
    assert "Tiled Redraw, input 'hooks': a hook brings a model or prompts of its own" in plan


def test_what_a_node_sets_wrongly_is_named_with_the_node(passes):
    def half(parts):
        wires = hooked(denoising_strength=0.8)(parts)
        # sigmas that are only a part of Re-noise's
        sigmas = parts["g"].add("SplitSigmas", sigmas=parts["noised"][1], step=2)
        return {**wires, "sigmas": sigmas}

    said = passes.refusal(second=half)
    assert "the hook before_hr of the node Before Second Pass failed: it set denoising_strength" in said
    assert "Change its inputs." in said


def test_a_generation_text_names_hooks_that_it_cannot_tell(packs, client, models, switch):
    g = Graph()
    loader = g.add("CheckpointLoaderSimple", ckpt_name=models.checkpoint("sd1"))
    clip = g.add("ProbeTinySD1Clip")
    prompts = {name: g.add("CLIPTextEncode", clip=clip, text=name) for name in ("positive", "negative")}
    latent = g.add("EmptyLatentImage", width=64, height=64, batch_size=1)
    wires = {"model": loader, **prompts, "noise": g.add("HiresFixNoise", seed=1, source="CPU")}
    hooks = before_every(g, cfg=5.0)
    base = g.add("HiresFixBaseSampling", **wires, latent=latent, steps=1, cfg=3.0, hooks=hooks, **NORMAL)
    image = g.add("VAEDecode", samples=base, vae=loader[2])
    shown = g.add("PreviewAny", source=g.add("HiresFixInfotext", images=image, batch_index=0))
    (text,) = client.queue(g).require_success().outputs[shown.id]["text"]
    unsaid = text.partition("Not in this text: ")[2]
    for words in ("HiresFixBeforeEverySampling", f"before_hr of the pack '{BEFORE}'", f"{EVERY} of the pack '{AFTER}'"):
        assert words in unsaid, text
