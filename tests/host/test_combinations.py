"""Sampling with what stands beside it: masks, areas, ranges, patches, guiders, core's samplers, nodes in between."""

import pytest
import torch
from hires_pack.hires.sampling.menus import SAMPLERS
from hires_pack.tests.tolerances import FLOAT32, ROUNDED, SAMPLED, relative

from .graphs import Graph, give, saved
from .test_bad_input import explained
from .test_native import start
from .test_samplers import DISCRETE, settings

WORDS = {
    "steps": 4, "hr_second_pass_steps": 0, "sampler_name": "Euler", "clip_skip": 1, "emphasis": "Original",
    "comma_padding_backtrack": 20, "for_pass": "first pass",
}  # fmt: skip


class Both:
    """A graph of one family in which passes are added with the same model, prompts and noise."""

    def __init__(self, host, models, family, batch=1, size=8, seed=3):
        self.graph = Graph()
        self.host = host
        self.model, (self.positive, self.negative), self.empty = start(self.graph, host, models, family)
        channels = models.family(family).latent_channels
        content = torch.randn(batch, channels, size, size, generator=torch.Generator().manual_seed(7))
        self.latent = self.graph.add("ProbeLatent", file=give(host, latent=content), key="latent")
        self.noise = self.graph.add("HiresFixNoise", seed=seed, source="CPU")

    def common(self, sampler, **changes):
        common = {"model": self.model, "positive": self.positive, "negative": self.negative, "cfg": 3.0}
        return {**common, "sampler_name": sampler, **changes}

    def base(self, latent, sampler="Euler", steps=4, scheduler="Automatic", **changes):
        common = self.common(sampler, noise=self.noise, steps=steps, scheduler=scheduler)
        return self.graph.add("HiresFixBaseSampling", latent=latent, **{**common, **changes})

    def renoise(self, latent, sampler="Euler", strength=0.6, steps=4, scheduler="Automatic", **changes):
        inputs = {"model": self.model, "noise": self.noise, "steps": steps, "denoising_strength": strength}
        inputs |= {"hr_second_pass_steps": 0, "sampler_name": sampler, "scheduler": scheduler}
        return self.graph.add("HiresFixRenoise", latent=latent, **{**inputs, **changes})

    def second(self, noised, sampler="Euler", latent=None, **changes):
        inputs = {"latent": latent or noised, "sigmas": noised[1], "noise": self.noise}
        return self.graph.add("HiresFixSecondSampling", **{**self.common(sampler), **inputs, **changes})

    def masked(self, latent, columns=4, soft=0.0):
        """The left half, `columns` of 8, is kept."""
        mask = torch.ones(1, 64, 64)
        mask[:, :, : columns * 8] = soft
        image = self.graph.add(
            "ProbeImage", file=give(self.host, mask=mask[..., None].expand(-1, -1, -1, 3)), key="mask"
        )
        mask = self.graph.add("ImageToMask", image=image, channel="red")
        return self.graph.add("SetLatentNoiseMask", samples=latent, mask=mask)

    def run(self, client, **nodes):
        """Queue it; what the nodes put out, by name."""
        names = {key: self.graph.save(latent=node)[1] for key, node in nodes.items()}
        client.queue(self.graph).require_success()
        return {key: saved(self.host, name)["latent"] for key, name in names.items()}


# ------------------------------------------------------------------------------------------------- noise masks


def kept(found):
    """By name, how much the kept half has changed where that is more than rounding; the other half has changed."""
    before = found.pop("before")
    assert all(float((out - before).abs()[..., 4:].max()) > 0.01 for out in found.values())
    changes = {name: float((out - before).abs()[..., :4].max()) for name, out in found.items()}
    return {name: change for name, change in changes.items() if not change <= ROUNDED}


MASKED = {"sd1": [*DISCRETE, "Euler a", "DPM++ 2M"], "sd3": [name for name in SAMPLERS if name not in DISCRETE]}
"""Flow models are the quick ones; two samplers show what noise of another kind needs of those that run on both."""


@pytest.mark.parametrize("family", MASKED)
def test_a1111_s_samplers_keep_what_is_masked_in_both_passes(family, host, client, models):
    both = Both(host, models, family)
    masked = both.masked(both.latent)
    outs = {"before": masked}
    for name in MASKED[family]:
        if name == "DPM adaptive":  # hundreds of model calls where the way is long
            outs[f"second {name}"] = both.second(both.renoise(masked, name, strength=0.1, steps=20), name, cfg=1.0)
            continue
        outs[f"second {name}"] = both.second(both.renoise(masked, name, strength=0.5), name)
        outs[f"first {name}"] = both.base(masked, name, steps=3)
    assert kept(both.run(client, **outs)) == {}


def test_core_s_samplers_keep_what_is_masked(host, client, models):
    names = client.object_info()["KSampler"]["input"]["required"]["sampler_name"][0]
    both = Both(host, models, "sd3")
    masked = both.masked(both.latent)
    outs = {
        name: both.second(both.renoise(masked, name, scheduler="normal"), name)
        for name in names
        if name != "dpm_adaptive"
    }
    assert kept(both.run(client, before=masked, **outs)) == {}


def test_masks_by_step_keep_what_is_masked(host, client, models):
    both = Both(host, models, "sd1")
    masked = both.masked(both.latent)
    both.model = both.graph.add("DifferentialDiffusion", model=both.model)
    found = both.run(client, before=masked, ddim=both.base(masked, "DDIM"), unipc=both.base(masked, "UniPC"))
    assert kept(found) == {}


# ------------------------------------------------------------------------------- core's samplers before and after


@pytest.mark.parametrize("family", ["sdxl", "sd3", "flux", "wan"])
def test_core_and_the_second_pass_take_over_from_each_other(family, host, client, models):
    both = Both(host, models, family)
    g = both.graph
    euler = both.common("euler")
    core = {**euler, "noise_seed": 3, "steps": 6, "scheduler": "simple"}
    leftover = {"start_at_step": 0, "end_at_step": 3, "return_with_leftover_noise": "enable"}
    first = g.add("KSamplerAdvanced", add_noise="enable", latent_image=both.latent, **leftover, **core)
    rest = {"start_at_step": 3, "end_at_step": 10000, "return_with_leftover_noise": "disable"}
    theirs = g.add("KSamplerAdvanced", add_noise="disable", latent_image=first, **rest, **core)
    sigmas = g.add("BasicScheduler", model=both.model, scheduler="simple", steps=6, denoise=1.0)
    low = g.add("SplitSigmas", sigmas=sigmas, step=3)[1]
    ours = g.add("HiresFixSecondSampling", latent=first, sigmas=low, noise=both.noise, **euler)

    noised = both.renoise(both.latent, "euler", 0.5, scheduler="simple")
    straight = both.second(noised, "euler")
    guider = g.add("CFGGuider", model=both.model, positive=both.positive, negative=both.negative, cfg=3.0)
    sampler = g.add("KSamplerSelect", sampler_name="euler")
    custom = {"noise": g.add("DisableNoise"), "guider": guider, "sampler": sampler}
    after = g.add("SamplerCustomAdvanced", sigmas=noised[1], latent_image=noised, **custom)
    # half of the second pass there, half here
    high, low = (g.add("SplitSigmas", sigmas=noised[1], step=2)[i] for i in (0, 1))
    half = g.add("SamplerCustomAdvanced", sigmas=high, latent_image=noised, **custom)
    together = g.add("HiresFixSecondSampling", latent=half, sigmas=low, noise=both.noise, **euler)

    found = both.run(client, ours=ours, theirs=theirs, straight=straight, after=after, together=together)
    assert relative(found["ours"], found["theirs"]) <= FLOAT32
    assert relative(found["after"], found["straight"]) <= FLOAT32
    assert relative(found["together"], found["straight"]) <= FLOAT32


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_samplers_that_cannot_go_on_are_named(strength, host, client, models):
    """Those that would add noise twice, keep noise under a mask, or get nothing of a flow model's picture."""
    euler = {"sampler_name": "euler"}
    both = Both(host, models, "sd3")
    noised = both.renoise(both.latent, "euler", strength, scheduler="simple")
    twice = both.graph.add(
        "KSampler", latent_image=noised, seed=1, steps=4, scheduler="simple", denoise=0.5, **both.common("euler")
    )
    both.graph.save(latent=twice)
    explained(client.queue(both.graph), "Re-noise", "'latent'", "KSampler", "noise of its own", "Second Sampling")

    both = Both(host, models, "sd3")
    latent = both.masked(both.latent) if strength < 1 else both.latent
    noised = both.renoise(latent, "euler", strength, scheduler="simple")
    picked = both.graph.add("LatentFromBatch", samples=noised, batch_index=0, length=1)
    out = both.graph.add(
        "SamplerCustomAdvanced",
        noise=both.graph.add("DisableNoise"),
        guider=both.graph.add("BasicGuider", model=both.model, conditioning=both.positive),
        sampler=both.graph.add("KSamplerSelect", **euler),
        sigmas=noised[1],
        latent_image=picked,
    )
    both.graph.save(latent=out)
    reason = "noise mask" if strength < 1 else "nothing but noise"
    explained(client.queue(both.graph), "Re-noise", "SamplerCustomAdvanced", reason, "Second Sampling")


@pytest.mark.parametrize("switched", ["latent", "guider"])
def test_samplers_behind_a_switch_are_found(switched, host, client, models):
    both = Both(host, models, "sd3")
    g = both.graph
    wires = {"latent": both.renoise(both.latent, "euler", 0.5, scheduler="simple")}
    sigmas = wires["latent"][1]
    wires["guider"] = g.add("BasicGuider", model=both.model, conditioning=both.positive)
    wires[switched] = g.add("ComfySwitchNode", switch=True, on_true=wires[switched], on_false=wires[switched])
    out = g.add(
        "SamplerCustomAdvanced",
        noise=both.noise,
        guider=wires["guider"],
        sampler=g.add("KSamplerSelect", sampler_name="euler"),
        sigmas=sigmas,
        latent_image=wires["latent"],
    )
    g.save(latent=out)
    explained(client.queue(g), "Re-noise", "SamplerCustomAdvanced", "noise of its own", "Second Sampling")


def test_a_mask_that_keeps_nothing_refuses_nothing(host, client, models):
    both = Both(host, models, "sd3")
    noised = both.renoise(both.masked(both.latent, soft=1.0), "euler", 0.5, scheduler="simple")
    after = both.graph.add(
        "SamplerCustomAdvanced",
        noise=both.graph.add("DisableNoise"),
        guider=both.graph.add("CFGGuider", **{k: v for k, v in both.common("").items() if k != "sampler_name"}),
        sampler=both.graph.add("KSamplerSelect", sampler_name="euler"),
        sigmas=noised[1],
        latent_image=noised,
    )
    found = both.run(client, straight=both.second(noised, "euler"), after=after)
    assert relative(found["after"], found["straight"]) <= FLOAT32


def test_a_latent_that_is_not_renoise_s_is_refused_where_its_parts_are_needed(host, client, models):
    both = Both(host, models, "sd3")
    noised = both.renoise(both.latent, "euler", 0.5, scheduler="simple")
    both.graph.save(latent=both.second(noised, "euler", latent=both.masked(both.latent)))
    explained(client.queue(both.graph), "Second Sampling", "'latent'", "noise mask", "Re-noise")
    both = Both(host, models, "sd3")
    noised = both.renoise(both.latent, "euler", 1.0, scheduler="simple")
    both.graph.save(latent=both.second(noised, "euler", latent=both.latent))
    explained(client.queue(both.graph), "Second Sampling", "'latent'", "sigma 1", "Base Sampling")


# ------------------------------------------------------------------------------------------ nodes in between


@pytest.mark.parametrize("family", ["sd1", "sd3", "wan"])
def test_pictures_picked_from_the_noised_batch_keep_their_state(family, host, client, models):
    sampler = "DPM++ SDE"
    both = Both(host, models, family, batch=3)
    g = both.graph
    mask = torch.ones(3, 8, 8)
    mask[:, :, :4] = 0
    file = give(host, mask=mask[..., None].expand(-1, -1, -1, 3))
    mask = g.add("ImageToMask", image=g.add("ProbeImage", file=file, key="mask"), channel="red")
    latent = g.add("SetLatentNoiseMask", samples=both.latent, mask=mask)
    noised = both.renoise(latent, sampler, strength=1.0 if family == "sd3" else 0.7)
    picked = g.add("LatentFromBatch", samples=noised, batch_index=1, length=1)
    pair = g.add("LatentFromBatch", samples=noised, batch_index=1, length=2)
    copied = g.add("ProbeChanged", latent=noised)
    outs = {
        "all": both.second(noised, sampler),
        "one": both.second(noised, sampler, latent=picked),
        "two": both.second(noised, sampler, latent=pair),
        "copy": both.second(noised, sampler, latent=copied),
    }
    found = both.run(client, **outs)
    for name, rows in {"one": [1], "two": [1, 2], "copy": [0, 1, 2]}.items():
        # batches of another size are summed in another order: 7e-6 on a CPU without AVX-512
        assert relative(found[name], found["all"][rows]) <= 1e-5, name


def test_the_state_also_travels_with_the_sigmas(host, client, models):
    """Some nodes make a new LATENT and drop all keys they do not know."""
    both = Both(host, models, "sd3")
    noised = both.renoise(both.latent, "DPM++ SDE", strength=0.7)
    rebuilt = both.graph.add("ProbeChanged", latent=noised, only_samples=True)
    found = both.run(
        client, straight=both.second(noised, "DPM++ SDE"), rebuilt=both.second(noised, "DPM++ SDE", rebuilt)
    )
    assert torch.equal(found["rebuilt"], found["straight"])


# ------------------------------------------------------------------------------------------------- guiders


@pytest.mark.parametrize(("family", "sampler"), [("sd3", "euler"), ("sd1", "Euler a")])
def test_guiders_work_in_both_passes(family, sampler, host, client, models):
    """Perp-Neg with core's sampler names is core's own run; a plain CFG Guider is what the node does without one."""
    scheduler = "simple" if sampler == "euler" else "Automatic"
    both = Both(host, models, family)
    g = both.graph
    prompts = {"model": both.model, "positive": both.positive, "negative": both.negative, "cfg": 3.0}
    plain = g.add("CFGGuider", **prompts)
    empty = g.add("ConditioningZeroOut", conditioning=both.negative)
    perp = g.add("PerpNegGuider", **prompts, empty_conditioning=empty, neg_scale=0.5)
    unlike = {"cfg": 11.0, "positive": both.negative}  # what a guider brings itself is not taken from the node
    noised = both.renoise(both.latent, sampler, scheduler=scheduler)
    outs = {
        "base": both.base(both.empty, sampler, scheduler=scheduler),
        "base plain": both.base(both.empty, sampler, scheduler=scheduler, guider=plain, **unlike),
        "base perp": both.base(both.empty, sampler, scheduler=scheduler, guider=perp),
        "second": both.second(noised, sampler),
        "second plain": both.second(noised, sampler, guider=plain, **unlike),
        "second perp": both.second(noised, sampler, guider=perp),
    }
    if sampler == "euler":
        custom = {"noise": both.noise, "guider": perp, "sampler": g.add("KSamplerSelect", sampler_name="euler")}
        sigmas = g.add("BasicScheduler", model=both.model, scheduler="simple", steps=4, denoise=1.0)
        outs["core base"] = g.add("SamplerCustomAdvanced", sigmas=sigmas, latent_image=both.empty, **custom)
        outs["core second"] = g.add("SamplerCustomAdvanced", sigmas=noised[1], latent_image=both.latent, **custom)
    found = both.run(client, **outs)
    for name in ("base", "second"):
        assert torch.equal(found[f"{name} plain"], found[name])
        assert relative(found[f"{name} perp"], found[name]) > 1e-3
        if sampler == "euler":
            assert torch.equal(found[f"{name} perp"], found[f"core {name}"])


def test_what_a_guider_cannot_do_is_said(host, client, models):
    both = Both(host, models, "sd1")
    guider = both.graph.add("BasicGuider", model=both.model, conditioning=both.positive)
    both.graph.save(latent=both.base(both.empty, "DDIM CFG++", guider=guider))
    explained(client.queue(both.graph), "Base Sampling", "'guider'", "CFG++", "Guider_Basic")
    both = Both(host, models, "sd1")
    guider = both.graph.add("BasicGuider", model=both.model, conditioning=both.positive)
    both.graph.save(latent=both.base(both.empty, guider=guider))
    explained(client.queue(settings(both.graph, skip_early_cond=0.5)), "Base Sampling", "'guider'", "skip_early_cond")


# ----------------------------------------------------------------------------- prompts with ranges, AND, patches


class Words:
    """A1111 Prompt and core's text node on the demo checkpoint, 64x64."""

    def __init__(self, models):
        self.graph = Graph()
        self.model = self.graph.add("CheckpointLoaderSimple", ckpt_name=models.demo)
        self.clip = self.model[1]
        self.noise = self.graph.add("HiresFixNoise", seed=3, source="CPU")
        self.latent = self.graph.add("EmptyLatentImage", width=64, height=64, batch_size=1)

    def a1111(self, text, negative=False):
        return self.graph.add("HiresFixPrompt", clip=self.clip, text=text, negative_prompt=negative, **WORDS)

    def core(self, text, negative=False):
        return self.graph.add("CLIPTextEncode", clip=self.clip, text=text)

    def draw(self, positive, negative, model=None, sampler="Euler", **more):
        inputs = {"model": model or self.model, "positive": positive, "negative": negative, "latent": self.latent}
        inputs |= {"noise": self.noise, "steps": 4, "cfg": 5.0, "sampler_name": sampler, "scheduler": "Automatic"}
        return self.graph.add("HiresFixBaseSampling", **inputs, **more)

    def run(self, host, client, nodes):
        names = {key: self.graph.save(latent=node)[1] for key, node in nodes.items()}
        client.queue(self.graph).require_success()
        return {key: saved(host, name)["latent"] for key, name in names.items()}


def test_timestep_ranges_of_later_nodes_count(host, client, models):
    words = Words(models)
    g, outs = words.graph, {}
    for name, encode in (("a1111", words.a1111), ("core", words.core)):
        parts = [("a red house", 0.0, 0.3), ("two blue trees by the sea", 0.3, 1.0)]
        ranged = [
            g.add("ConditioningSetTimestepRange", conditioning=encode(text), start=start, end=end)
            for text, start, end in parts
        ]
        both = g.add("ConditioningCombine", conditioning_1=ranged[0], conditioning_2=ranged[1])
        outs[name] = words.draw(both, encode("", True))
    outs["edited"] = words.draw(words.a1111("[a red house:two blue trees by the sea:0.5]"), words.a1111("", True))
    unranged = g.add(
        "ConditioningCombine", conditioning_1=words.core(parts[0][0]), conditioning_2=words.core(parts[1][0])
    )
    outs["unranged"] = words.draw(unranged, words.core(""))
    found = words.run(host, client, outs)
    assert relative(found["a1111"], found["core"]) <= ROUNDED
    assert relative(found["unranged"], found["core"]) > 0.01
    assert relative(found["edited"], found["core"]) > 0.01


def test_parts_joined_by_and_say_nothing_outside_their_ranges_and_areas(host, client, models):
    words = Words(models)
    g = words.graph
    words.latent = g.add("EmptyLatentImage", width=128, height=64, batch_size=1)

    def ranged(text, start, end):
        return g.add("ConditioningSetTimestepRange", conditioning=words.a1111(text), start=start, end=end)

    def area(text, x, negative=False):
        place = {"width": 64, "height": 64, "x": x, "y": 0, "strength": 1.0}
        return g.add("ConditioningSetArea", conditioning=words.a1111(text, negative), **place)

    def both(first, second):
        return g.add("ConditioningCombine", conditioning_1=first, conditioning_2=second)

    negative, fog = words.a1111("", True), both(area("fog", 0, True), area("fog", 64, True))
    sea, half, house = "the blue sea", "the blue sea :0.5 AND the blue sea :0.5", "a red house"
    outs = {
        "one": words.draw(both(ranged(sea, 0.0, 0.3), ranged(house, 0.3, 1.0)), negative),
        "same": words.draw(both(ranged(half, 0.0, 0.3), ranged(house, 0.3, 1.0)), negative),
        "left out": words.draw(both(area(house, 0), area(f"{sea} AND trees", 64)), fog),
        "no difference": words.draw(both(area(f"{house} AND fog", 0), area(f"{sea} AND trees", 64)), fog),
    }
    found = words.run(host, client, outs)
    assert relative(found["same"], found["one"]) <= SAMPLED
    assert relative(found["left out"], found["no difference"]) <= SAMPLED


PATCHES = {
    "APG": {"eta": 0.0, "norm_threshold": 1.0, "momentum": 0.5},
    "TCFG": {},
    "FreSca": {"scale_low": 1.0, "scale_high": 2.0, "freq_cutoff": 2},
    "RescaleCFG": {"multiplier": 0.9},
    "PerturbedAttentionGuidance": {"scale": 3.0},
    "Mahiro": {},
}


@pytest.mark.parametrize("patch", PATCHES)
def test_model_patches_act_on_and_and_on_cfg_plus(patch, host, client, models):
    """A prompt joined with itself, half and half, is the prompt: so is what a patch makes of it."""
    words = Words(models)
    patched = words.graph.add(patch, model=words.model, **PATCHES[patch])
    negative = words.a1111("", True)
    one, same = words.a1111("a red house"), words.a1111("a red house :0.5 AND a red house :0.5")
    outs = {
        "plain": words.draw(one, negative),
        "one": words.draw(one, negative, patched),
        "same": words.draw(same, negative, patched),
        "plus": words.draw(one, negative, sampler="DDIM CFG++"),
        "plus patched": words.draw(one, negative, patched, "DDIM CFG++"),
    }
    found = words.run(host, client, outs)
    assert relative(found["one"], found["plain"]) > 1e-3
    assert relative(found["same"], found["one"]) <= SAMPLED
    assert relative(found["plus patched"], found["plus"]) > 1e-4


@pytest.mark.parametrize("patch", ["RescaleCFG", "PerturbedAttentionGuidance"])
def test_a_refiner_brings_its_own_patches(patch, host, client, models):
    words = Words(models)
    patched = words.graph.add(patch, model=words.model, **PATCHES[patch])
    positive, negative = words.a1111("a red house"), words.a1111("", True)

    def refined(base, refiner):
        prompts = {"positive": positive, "negative": negative}
        node = words.graph.add("HiresFixRefiner", model=refiner, switch_at=0.0, by_steps=True, **prompts)
        return words.draw(positive, negative, base, refiner=node)

    outs = {
        "plain": words.draw(positive, negative),
        "patched": words.draw(positive, negative, patched),
        "on refiner": refined(words.model, patched),
        "on base": refined(patched, words.model),
    }
    found = words.run(host, client, outs)
    assert relative(found["patched"], found["plain"]) > 1e-3
    assert relative(found["on refiner"], found["patched"]) <= ROUNDED
    assert relative(found["on base"], found["plain"]) <= ROUNDED


# ------------------------------------------------------------------------------------------------------- areas


@pytest.mark.parametrize("path", ["latent", "pixel", "multi-stage", "cropped"])
def test_areas_in_pixels_follow_the_picture(path, host, client, models):
    """Beside the same areas in percent, which the host scales; cropped ones beside those worked out by hand."""
    both = Both(host, models, "sd3")
    g, found, names = both.graph, {}, {}
    halves = [(both.positive, 0), (both.negative, 32)]

    def combined(kind):
        if kind == "pixels":  # core's node takes 64 pixels at least
            areas = [{"width": 64, "height": 64, "x": x * 2, "y": 0} for _, x in halves]
            node = "ConditioningSetArea"
        else:
            areas = [{"width": 0.5, "height": 0.5, "x": x / 64, "y": 0.0} for _, x in halves]
            node = "ConditioningSetAreaPercentage"
        parts = [
            g.add(node, conditioning=prompt, strength=1.0, **area)
            for (prompt, _), area in zip(halves, areas, strict=True)
        ]
        return g.add("ConditioningCombine", conditioning_1=parts[0], conditioning_2=parts[1])

    empty = g.add("EmptyLatentImage", width=128, height=128, batch_size=1)
    crop = {"hr_resize_x": 256, "hr_resize_y": 128} if path == "cropped" else {"hr_resize_x": 0, "hr_resize_y": 0}
    target = g.add("HiresFixTargetSize", width=128, height=128, hr_scale=2.0, vae=both.model[2], **crop)
    upscaler = g.add("HiresFixUpscalerLoader", upscaler_name="Lanczos")
    for kind in ("pixels", "percent"):
        prompt = combined(kind)
        if path == "multi-stage":
            image = g.add("EmptyImage", width=128, height=128, batch_size=1, color=0x3366CC)
            out = g.add(
                "HiresFixMultiStageUpscale",
                image=image,
                upscaler=upscaler,
                resize_mode="scale by",
                upscaling_resize=2.25,  # 24 and 36 cells: half of them are whole
                upscaling_resize_w=64,
                upscaling_resize_h=64,
                upscaling_crop=True,
                stages=2,
                steps=2,
                scheduler="Automatic",
                denoising_strength=0.6,
                strength_falloff=1.0,
                redraw_last=True,
                tile_size=0,
                tile_overlap=-1,
                vae=both.model[2],
                noise=both.noise,
                **both.common("Euler", positive=prompt),
            )
            names[kind] = g.save(image=out)[1]
            continue
        first = both.base(empty, positive=prompt)
        if path == "pixel":
            tiles = {"tile_size": 0, "tile_overlap": -1, "vae_tile_size": 0}
            large = g.add(
                "HiresFixPixelUpscale", latent=first, vae=both.model[2], upscaler=upscaler, target=target, **tiles
            )
        else:
            large = g.add("HiresFixLatentUpscale", latent=first, target=target, mode="Latent")
        if path == "cropped" and kind == "percent":
            # 128x128 covers 256x128 as 256x256, of which the middle is kept: the upper half of the areas is cut off
            parts = [
                g.add("ConditioningSetArea", conditioning=p, width=128, height=64, x=x * 4, y=0, strength=1.0)
                for p, x in halves
            ]
            prompt = g.add("ConditioningCombine", conditioning_1=parts[0], conditioning_2=parts[1])
        noised = both.renoise(large)
        names[kind] = g.save(latent=both.second(noised, positive=prompt))[1]
    client.queue(g).require_success()
    key = "image" if path == "multi-stage" else "latent"
    found = {kind: saved(host, name)[key] for kind, name in names.items()}
    assert relative(found["pixels"], found["percent"]) <= FLOAT32


def test_areas_that_only_the_second_prompt_has_stay_where_they_are(host, client, models):
    both = Both(host, models, "sd3")
    g = both.graph
    empty = g.add("EmptyLatentImage", width=128, height=128, batch_size=1)
    target = g.add("HiresFixTargetSize", width=128, height=128, hr_scale=2.0, hr_resize_x=0, hr_resize_y=0)
    outs = {}
    for name, node, area in (
        ("pixels", "ConditioningSetArea", {"width": 128, "height": 128, "x": 64, "y": 0}),
        ("percent", "ConditioningSetAreaPercentage", {"width": 0.5, "height": 0.5, "x": 0.25, "y": 0.0}),
    ):
        area = g.add(node, conditioning=both.negative, strength=1.0, **area)
        prompt = g.add("ConditioningCombine", conditioning_1=both.positive, conditioning_2=area)
        large = g.add("HiresFixLatentUpscale", latent=both.base(empty), target=target, mode="Latent")
        outs[name] = both.second(both.renoise(large), positive=prompt)
    found = both.run(client, **outs)
    assert relative(found["pixels"], found["percent"]) <= ROUNDED


# ------------------------------------------------------------------------------------- limits that said nothing


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sigma_max": 14.6}, ["14.6", "is 1.", "sigma_max"]),
        ({"use_old_karras_scheduler_sigmas": True}, ["sigma 10", "is 1.", "use_old_karras_scheduler_sigmas"]),
    ],
)
@pytest.mark.parametrize("sampler", ["DPM++ SDE", "dpmpp_sde"])
def test_sigmas_above_a_flow_model_s_largest(sampler, change, words, host, client, models):
    """Core's SDE samplers split their Brownian interval for ever, and do not hear a cancel."""
    both = Both(host, models, "sd3")
    both.graph.save(latent=both.base(both.empty, sampler, scheduler="Karras"))
    explained(client.queue(settings(both.graph, **change)), "Base Sampling", "'settings'", *words)
    both = Both(host, models, "sd3")
    noised = both.renoise(both.latent, sampler, scheduler="Karras")
    both.graph.save(latent=noised)
    explained(client.queue(settings(both.graph, **change)), "Re-noise", "'settings'", *words)
    both = Both(host, models, "sd3")
    noised = both.renoise(both.latent, "euler", scheduler="simple")
    karras = both.graph.add("KarrasScheduler", steps=4, sigma_max=14.6, sigma_min=0.03, rho=7.0)
    both.graph.save(latent=both.second(noised, sampler, sigmas=karras))
    explained(client.queue(both.graph), "Second Sampling", "'sigmas'", "14.6", "is 1.")


def test_unipc_named_only_in_the_second_pass_of_a_flow_model(host, client, models):
    both = Both(host, models, "sd3")
    noised = both.renoise(both.latent, "Euler")
    both.graph.save(latent=both.second(noised, "UniPC"))
    explained(client.queue(both.graph), "Second Sampling", "'sampler_name'", "UniPC", "eps or v model")


@pytest.mark.parametrize("sampler", ["DDIM", "UniPC", "DPM fast"])
def test_samplers_that_cannot_stop_on_the_way(sampler, host, client, models):
    both = Both(host, models, "sd1")
    noised = both.renoise(both.latent, sampler, steps=8)
    high, low = (both.graph.add("SplitSigmas", sigmas=noised[1], step=2)[i] for i in (0, 1))
    found = both.run(client, low=both.second(noised, sampler, sigmas=low))
    assert bool(torch.isfinite(found["low"]).all())
    both.graph.save(latent=both.second(noised, sampler, sigmas=high))
    explained(client.queue(both.graph), "Second Sampling", "'sigmas'", "stop at", sampler)


def test_the_largest_seeds(host, client, models):
    """Seeds and what is added to them wrap around; core's own samplers fail at the last one."""
    both = Both(host, models, "sd1", seed=2**64 - 1)
    g = both.graph
    extras = {"subseed": 2**64 - 1, "subseed_strength": 0.1, "eta_noise_seed_delta": 2**32 - 1}
    wrapped = g.add("HiresFixNoise", seed=2**64 - 1, source="CPU", **extras)
    zero = g.add("HiresFixNoise", seed=0, source="CPU")
    pair = g.add("RepeatLatentBatch", samples=both.empty, amount=2)
    outs = {
        "pair": both.base(pair, "Euler a"),
        "zero": both.base(both.empty, "Euler a", noise=zero),
        "wrapped": both.base(pair, "DPM++ SDE", noise=wrapped),
        "core": both.base(both.empty, "euler_ancestral", scheduler="normal"),
        "foreign": both.base(both.empty, "DDIM", noise=g.add("RandomNoise", noise_seed=2**64 - 1)),
    }
    found = both.run(client, **outs)
    assert all(bool(torch.isfinite(out).all()) for out in found.values())
    assert relative(found["pair"][1:], found["zero"]) <= FLOAT32


def test_noise_that_cannot_be_drawn(host, client, models):
    both = Both(host, models, "sd1")
    extras = {"subseed": 2, "subseed_strength": 0.5, "eta_noise_seed_delta": 0}
    both.noise = both.graph.add("HiresFixNoise", seed=3, source="CPU", **extras)
    file = give(host, empty=torch.zeros(1, 4, 1, 8))
    both.graph.save(latent=both.base(both.graph.add("ProbeLatent", file=file, key="empty")))
    explained(client.queue(both.graph), "Base Sampling", "'noise'", "(1, 4, 1, 8)", "subseed_strength")
