"""One value in one place: what a later pass takes from the first is what it is given when all of it is spelt out."""

import json

import pytest
import torch
from hires_pack.hires.sampling.same import SAME_CFG, SAME_SAMPLER, SAME_SCHEDULER
from hires_pack.hires.sampling.settings import DEFAULTS

from .graphs import ROOT, Graph, give, nodes_of, saved
from .test_bad_input import explained
from .test_combinations import WORDS, Both

SAME = {"steps": 0, "sampler_name": SAME_SAMPLER, "scheduler": SAME_SCHEDULER}
EITHER = {"steps": 0, "sampler_name": SAME_SAMPLER, "for_pass": "either pass"}
OPTIONS = {"eta_ancestral": 0.4, "eta_ddim": 0.6, "s_noise": 0.9, "rho": 5.0, "img2img_extra_noise": 0.1}


class Told(Both):
    """Passes of which the later ones say what they do, or that they do the same."""

    def __init__(
        self, host, models, family, sampler="Euler a", scheduler="Karras", steps=5, cfg=4.0, options=None, size=4
    ):
        super().__init__(host, models, family, size=size)
        settings = self.graph.add("HiresFixA1111Settings", **{**DEFAULTS, **options}) if options else None
        self.settings = {"settings": settings} if settings else {}
        self.told = {"steps": steps, "sampler": sampler, "scheduler": scheduler}
        self.cfg = cfg
        self.first = self.base(self.latent, **self.told, cfg=cfg, **self.settings)

    def large(self, latent=None):
        return self.graph.add("LatentUpscaleBy", samples=latent or self.first, upscale_method="bilinear", scale_by=1.5)

    def spelt_out(self, latent=None, **changes):
        noised = self.renoise(latent or self.large(), **{**self.told, **self.settings})
        return self.second(noised, self.told["sampler"], **{"cfg": self.cfg, **self.settings, **changes})

    def same(self, latent=None, **changes):
        noised = self.renoise(latent or self.large(), **SAME)
        return self.second(noised, **{"sampler": SAME_SAMPLER, "cfg": SAME_CFG, **changes})


@pytest.mark.parametrize(
    ("family", "sampler", "scheduler", "options"),
    [
        ("sd1", "Euler a", "Karras", OPTIONS),
        ("sd1", "DDIM", "Automatic", OPTIONS),
        ("sd1", "DPM2", "Automatic", None),
        ("sd3", "DPM++ 2M", "Automatic", None),
        ("sd3", "euler_ancestral", "simple", None),
    ],
)
def test_a_pass_that_does_the_same_is_the_one_that_is_spelt_out(
    family, sampler, scheduler, options, host, client, models
):
    both = Told(host, models, family, sampler, scheduler, options=options)
    first, spelt_out, same = both.run(client, first=both.first, spelt_out=both.spelt_out(), same=both.same()).values()
    assert torch.equal(spelt_out, same)
    assert spelt_out.shape[-1] == 6
    assert first.shape[-1] == 4


def test_each_value_can_be_another_one(host, client, models):
    both = Told(host, models, "sd1", options=OPTIONS)
    large = both.large()

    def renoised(**own):
        return both.renoise(large, **{**SAME, **own})

    def told(**own):
        return both.renoise(large, **{**both.told, **both.settings, **own})

    same = {"sampler": SAME_SAMPLER, "cfg": SAME_CFG}
    cases = {
        "sampler": ((renoised(sampler_name="Heun"), same), (told(sampler="Heun"), {"sampler": "Heun"})),
        "scheduler": ((renoised(scheduler="Exponential"), same), (told(scheduler="Exponential"), {})),
        "steps": ((renoised(steps=3), same), (told(steps=3), {})),
        "hr steps": ((renoised(hr_second_pass_steps=3), same), (told(hr_second_pass_steps=3), {})),
        "cfg": ((renoised(), {"sampler": SAME_SAMPLER, "cfg": 9.0}), (told(), {"cfg": 9.0})),
    }
    spelt = {"sampler": "Euler a", "cfg": both.cfg, **both.settings}
    outs = {}
    for name, ((short, of_short), (long, of_long)) in cases.items():
        outs[f"{name}, short"] = both.second(short, **of_short)
        outs[f"{name}, long"] = both.second(long, **{**spelt, **of_long})
    found = both.run(client, same=both.same(large), **outs)
    for name in cases:
        assert torch.equal(found[f"{name}, short"], found[f"{name}, long"]), name
        assert not torch.equal(found[f"{name}, short"], found["same"]), name


def test_settings_are_the_first_pass_s_only_while_something_is_the_same(host, client, models):
    both = Told(host, models, "sd1", options=OPTIONS)
    large = both.large()
    own = both.second(both.renoise(large, **both.told), "Euler a", cfg=both.cfg)
    plain = {"settings": both.graph.add("HiresFixA1111Settings", **DEFAULTS)}
    defaults = both.second(both.renoise(large, **both.told, **plain), "Euler a", cfg=both.cfg, **plain)
    followed = both.second(both.renoise(large, **SAME, **plain), SAME_SAMPLER, cfg=SAME_CFG)
    found = both.run(client, own=own, defaults=defaults, followed=followed, same=both.same(large))
    assert torch.equal(found["own"], found["defaults"])
    assert torch.equal(found["followed"], found["defaults"])
    assert not torch.equal(found["same"], found["defaults"])


def test_nodes_between_the_passes_hand_on_what_the_first_was_told(host, client, models):
    both = Told(host, models, "sd1")
    g, large = both.graph, both.large()
    picked = g.add(
        "LatentFromBatch", samples=g.add("RepeatLatentBatch", samples=large, amount=2), batch_index=1, length=1
    )
    noised = both.renoise(large, **SAME)
    bare = g.add("ProbeChanged", latent=noised, only_samples=True)  # its keys are gone, those of the sigmas are not
    third = both.large(both.same(large))
    found = both.run(
        client,
        picked=both.same(picked),
        picked_long=both.spelt_out(picked),
        bare=both.second(noised, SAME_SAMPLER, latent=bare, cfg=SAME_CFG),
        same=both.same(large),
        third=both.same(third),
        third_long=both.spelt_out(third),
    )
    assert torch.equal(found["picked"], found["picked_long"])
    assert torch.equal(found["bare"], found["same"])
    assert torch.equal(found["third"], found["third_long"])


def test_at_strength_0_nothing_has_to_be_known(host, client, models):
    both = Told(host, models, "sd1")
    large = both.large()
    nothing = both.second(both.renoise(large, **SAME, strength=0.0), SAME_SAMPLER, cfg=SAME_CFG)
    found = both.run(client, large=large, nothing=nothing)
    assert torch.equal(found["large"], found["nothing"])


def test_a_second_pass_in_parts_has_one_sampler(host, client, models):
    both = Told(host, models, "sd1", "Euler", "Automatic")
    g, large = both.graph, both.large()
    noised = both.renoise(large, **{**SAME, "sampler_name": "DPM++ 2M SDE"}, strength=0.9)

    def parts(sampler, *ends):
        """In parts, of which each but the last stops after some of the steps that are left."""
        latent, sigmas = noised, noised[1]
        for end in ends:
            split = g.add("SplitSigmas", sigmas=sigmas, step=end)
            latent = both.second([None, split[0]], sampler, latent=latent, cfg=SAME_CFG)
            sigmas = split[1]
        return both.second([None, sigmas], sampler, latent=latent, cfg=SAME_CFG)

    cases = {f"{name}, {len(ends)}": parts(sampler, *ends) for ends in ((2,), (0, 1, 1)) for name, sampler in (
        ("same", SAME_SAMPLER), ("told", "DPM++ 2M SDE"), ("first", "Euler"))}  # fmt: skip
    found = both.run(client, **cases)
    for count in (1, 3):
        assert torch.equal(found[f"same, {count}"], found[f"told, {count}"])
        assert not torch.equal(found[f"same, {count}"], found[f"first, {count}"])


def test_the_sigmas_say_the_sampler_before_the_latent_does(host, client, models):
    both = Told(host, models, "sd1")
    large = both.large()
    ours = both.renoise(large, **{**SAME, "sampler_name": "Heun"})
    latent = both.renoise(large, **SAME)
    same, told = (both.second(ours, name, latent=latent, cfg=SAME_CFG) for name in (SAME_SAMPLER, "Heun"))
    found = both.run(client, same=same, told=told)
    assert torch.equal(found["same"], found["told"])


def test_without_a_first_pass_the_node_says_what_to_set(host, client, models):
    for name in ("ksampler", "encoded", "rebatched"):
        both = Told(host, models, "sd1")
        g = both.graph
        sampling = {"model": both.model, "positive": both.positive, "negative": both.negative, "seed": 1}
        latent = {
            "ksampler": lambda g=g, both=both, sampling=sampling: g.add(
                "KSampler", latent_image=both.latent, steps=2, cfg=1.0, sampler_name="euler", scheduler="normal",
                denoise=1.0, **sampling,
            ),
            "encoded": lambda g=g, both=both: g.add(
                "VAEEncode", vae=both.model[2], pixels=g.add("VAEDecode", vae=both.model[2], samples=both.first)
            ),
            "rebatched": lambda g=g, both=both: g.add("RebatchLatents", latents=both.first, batch_size=1),
        }[name]()  # fmt: skip
        g.save(latent=both.same(latent))
        explained(client.queue(g), "Re-noise, input 'sampler_name'", SAME_SAMPLER, "comes from no Base Sampling")
    both = Told(host, models, "sd1")
    noised = both.renoise(both.latent, **both.told)
    both.graph.save(latent=both.second(noised, SAME_SAMPLER, cfg=SAME_CFG))
    explained(client.queue(both.graph), "Second Sampling, input 'cfg'", "'-1' means as in the first pass")


def test_an_encoded_picture_needs_its_values_once(host, client, models):
    both = Told(host, models, "sd1")
    picture = both.graph.add("VAEDecode", vae=both.model[2], samples=both.latent)
    encoded = both.graph.add("VAEEncode", vae=both.model[2], pixels=picture)
    noised = both.renoise(encoded, **both.told)
    short, long = both.second(noised, SAME_SAMPLER, cfg=4.0), both.second(noised, "Euler a", cfg=4.0)
    found = both.run(client, short=short, long=long)
    assert torch.equal(found["short"], found["long"])


def guider(both, cfg=3.0):
    return both.graph.add("CFGGuider", model=both.model, positive=both.positive, negative=both.negative, cfg=cfg)


def test_the_cfg_of_a_guider_is_not_known(host, client, models):
    both = Told(host, models, "sd1")
    first = both.base(both.latent, **both.told, guider=guider(both))
    both.graph.save(latent=both.same(first))
    explained(client.queue(both.graph), "Second Sampling, input 'cfg'", "guider has a cfg of its own")
    both = Told(host, models, "sd1")
    first = both.base(both.latent, **both.told, guider=guider(both))
    short = both.same(first, guider=guider(both))
    long = both.spelt_out(first, guider=guider(both))
    found = both.run(client, short=short, long=long)
    assert torch.equal(found["short"], found["long"])


def test_a_sampler_with_the_sigmas_of_another_is_told(host, client, models):
    both = Told(host, models, "sd1")
    noised = both.renoise(both.large(), **{**both.told, "sampler": "DDIM"})
    before = len(host.log_tail(2000))
    both.run(client, other=both.second(noised, "Euler a", cfg=4.0))
    said = host.log_tail(2000)[max(0, before - 2000) :]
    assert "Re-noise makes the sigmas for DDIM, and Euler a runs them" in said


# --------------------------------------------------------------------------------------------------- prompts


EDITED = "a [cat:dog:0.4] [red|blue] [fog:1.5] AND [b:c:7]:0.5"
TEXT = {**WORDS, "clip_skip": 1}


class Written(Told):
    """The same with A1111 Prompt: one for both passes, or one for each that says all it has to."""

    def __init__(self, *args, **values):
        super().__init__(*args, **values)
        self.clip = self.graph.add("ProbeTinySD1Clip")

    def prompt(self, text=EDITED, **asked):
        return self.graph.add("HiresFixPrompt", clip=self.clip, text=text, **{**TEXT, **asked})

    def told_of(self, for_pass, **asked):
        own = {"steps": self.told["steps"], "sampler_name": self.told["sampler"], "for_pass": for_pass}
        return self.prompt(**{**own, **asked})

    def passes(self, first, second, latent=None, hr_steps=0, sampler=None, change=lambda prompt: prompt, **changes):
        base = self.base(latent or self.latent, **self.told, positive=change(first), cfg=4.0)
        own = {"sampler_name": sampler} if sampler else {}
        noised = self.renoise(self.large(base), **{**SAME, **own}, hr_second_pass_steps=hr_steps)
        return base, self.second(noised, SAME_SAMPLER, positive=change(second), cfg=4.0, **changes)


@pytest.mark.parametrize(
    ("sampler", "scheduler", "hr_steps", "hr_sampler"),
    [("Euler a", "Karras", 0, None), ("DPM2", "Automatic", 3, None), ("Euler", "Automatic", 4, "Heun")],
)
def test_one_prompt_serves_both_passes(sampler, scheduler, hr_steps, hr_sampler, host, client, models):
    both = Written(host, models, "sd1", sampler, scheduler)
    own = {"hr_second_pass_steps": hr_steps, **({"hr_sampler_name": hr_sampler} if hr_sampler else {})}
    two = [both.told_of(for_pass, **own) for for_pass in ("first pass", "second pass")]
    one = both.prompt(**EITHER)
    more = {"hr_steps": hr_steps, "sampler": hr_sampler}
    (base, large), (base_one, large_one) = both.passes(*two, **more), both.passes(one, one, **more)
    found = both.run(client, base=base, large=large, base_one=base_one, large_one=large_one)
    assert torch.equal(found["base"], found["base_one"])
    assert torch.equal(found["large"], found["large_one"])
    plain = both.prompt("a dog blue fog", **EITHER)
    other = both.run(client, large=both.passes(plain, plain, **more)[1])
    assert not torch.equal(found["large"], other["large"])


def test_what_other_nodes_put_on_a_prompt_stays(host, client, models):
    both = Written(host, models, "sd1", size=8)  # the area is 8 cells: less than the second pass
    g = both.graph

    def placed(prompt):
        area = g.add("ConditioningSetArea", conditioning=prompt, width=64, height=64, x=0, y=0, strength=0.8)
        late = g.add("ConditioningSetTimestepRange", conditioning=area, start=0.0, end=0.7)
        return g.add("ConditioningCombine", conditioning_1=late, conditioning_2=both.positive)

    two = [both.told_of(for_pass) for for_pass in ("first pass", "second pass")]
    one = both.prompt(**EITHER)
    outs = {"two": both.passes(*two, change=placed)[1], "one": both.passes(one, one, change=placed)[1]}
    found = both.run(client, **outs, bare=both.passes(one, one)[1])
    assert torch.equal(found["two"], found["one"])
    assert not torch.equal(found["bare"], found["one"])


def test_refiners_and_guiders_get_their_prompts_for_the_pass(host, client, models):
    both = Written(host, models, "sd1")
    two = [both.told_of(for_pass) for for_pass in ("first pass", "second pass")]
    one = both.prompt(**EITHER)

    def refined(prompt):
        return both.graph.add(
            "HiresFixRefiner", model=both.model, positive=prompt, negative=both.negative, switch_at=0.6, by_steps=False
        )

    def guided(text, **asked):
        prompt = both.prompt(text, **asked)
        return both.graph.add("CFGGuider", model=both.model, positive=prompt, negative=both.negative, cfg=3.0)

    edited, told = "a [cat:dog:0.4]", {"steps": 5, "sampler_name": "Euler a", "for_pass": "second pass"}
    found = both.run(
        client,
        refined=both.passes(*two, refiner=refined(both.prompt(edited, **told)))[1],
        refined_one=both.passes(one, one, refiner=refined(both.prompt(edited, **EITHER)))[1],
        plain=both.passes(one, one)[1],
        guided=both.passes(*two, guider=guided(edited, **told))[1],
        guided_one=both.passes(one, one, guider=guided(edited, **EITHER))[1],
    )
    assert torch.equal(found["refined"], found["refined_one"])
    assert not torch.equal(found["refined"], found["plain"])
    assert torch.equal(found["guided"], found["guided_one"])


def test_lower_case_samplers_get_shares_of_the_pass(host, client, models):
    both = Written(host, models, "sd1", "euler", "normal")
    texts = {"text": "a [cat:dog:0.4] fog"}
    two = [both.told_of(for_pass, **texts) for for_pass in ("first pass", "second pass")]
    one = both.prompt(**texts, **EITHER)
    found = both.run(client, two=both.passes(*two)[1], one=both.passes(one, one)[1])
    assert torch.equal(found["two"], found["one"])


def test_a_picture_that_was_there_before_counts_as_a_first_pass(host, client, models):
    both = Written(host, models, "sd1")
    picture = both.graph.add("VAEDecode", vae=both.model[2], samples=both.latent)
    encoded = both.graph.add("VAEEncode", vae=both.model[2], pixels=picture)
    noised = both.renoise(encoded, **both.told)
    outs = {
        name: both.second(noised, SAME_SAMPLER, cfg=4.0, positive=prompt)
        for name, prompt in (("either", both.prompt(**EITHER)), ("first", both.told_of("first pass")))
    }
    found = both.run(client, **outs)
    assert torch.equal(found["either"], found["first"])


def test_core_s_samplers_cannot_count_for_a_prompt(host, client, models):
    both = Written(host, models, "sd1")
    g = both.graph
    sampling = {
        "model": both.model, "negative": both.negative, "seed": 1, "steps": 2, "cfg": 2.0, "sampler_name": "euler",
        "scheduler": "normal", "denoise": 1.0, "latent_image": both.latent,
    }  # fmt: skip
    g.save(latent=g.add("KSampler", positive=both.prompt("a [cat|dog]", **EITHER), **sampling))
    explained(client.queue(g), "A1111 Prompt, input 'steps'", "editing in [brackets]", "KSampler")
    both = Written(host, models, "sd1")
    g = both.graph
    plain, told = (both.prompt("a (cat:1.1)", **asked) for asked in (EITHER, {"steps": 7}))
    sampling |= {"model": both.model, "negative": both.negative, "latent_image": both.latent}
    outs = [g.add("KSampler", positive=prompt, **sampling) for prompt in (plain, told)]
    found = both.run(client, plain=outs[0], told=outs[1])
    assert torch.equal(found["plain"], found["told"])


def test_core_s_samplers_cannot_count_for_a_prompt_that_is_cached(host, client, models):
    both = Written(host, models, "sd1")
    g, text = both.graph, "a [cat|dog] in a cached prompt"
    prompt = both.prompt(text, **EITHER)
    guider = g.add("CFGGuider", model=both.model, positive=prompt, negative=both.negative, cfg=3.0)
    both.run(client, base=both.base(both.latent, positive=prompt), guided=both.base(both.latent, guider=guider))
    zeros = g.add("ConditioningZeroOut", conditioning=prompt)
    sampling = {
        "model": both.model, "seed": 1, "steps": 2, "cfg": 2.0, "sampler_name": "euler", "scheduler": "normal",
        "denoise": 1.0, "latent_image": both.latent,
    }  # fmt: skip
    for prompts in ({"positive": prompt, "negative": both.negative}, {"positive": both.positive, "negative": prompt}):
        more = Graph(g)
        more.save(latent=more.add("KSampler", **prompts, **sampling))
        run = client.queue(more)
        assert prompt.id in run.cached
        assert run.error is not None
        assert run.error["node_type"] == "KSampler"
        assert "editing in [brackets]" in run.error["exception_message"]
    both.run(client, zeros=both.base(both.latent, negative=zeros))


def test_a_changed_encoding_cannot_wait_for_its_pass(host, client, models):
    both = Written(host, models, "sd1")
    g, one = both.graph, both.prompt("a [cat:dog:3]", **EITHER)
    joined = g.add("ConditioningConcat", conditioning_to=one, conditioning_from=both.negative)
    g.save(latent=both.base(both.latent, positive=joined))
    explained(client.queue(g), "Base Sampling, input 'positive'", "editing in [brackets]", "Set steps, sampler_name")
    both = Written(host, models, "sd1")
    zeros = [
        both.graph.add("ConditioningZeroOut", conditioning=both.prompt(text, **EITHER))
        for text in ("a [cat:dog:3]", "a cat")
    ]
    outs = [both.base(both.latent, negative=zero) for zero in zeros]
    found = both.run(client, edited=outs[0], plain=outs[1])
    assert torch.equal(found["edited"], found["plain"])


def test_multi_stage_counts_each_of_its_redraws(host, client, models):
    def staged(prompt_of):
        both = Written(host, models, "sd1")
        g = both.graph
        image = g.add(
            "ProbeImage",
            file=give(host, image=torch.rand(1, 64, 64, 3, generator=torch.Generator().manual_seed(1))),
            key="image",
        )
        staged = g.add(
            "HiresFixMultiStageUpscale", image=image,
            upscaler=g.add("HiresFixUpscalerLoader", upscaler_name="Lanczos"), resize_mode="scale by",
            upscaling_resize=2.0, upscaling_resize_w=64, upscaling_resize_h=64, upscaling_crop=True, stages=2, steps=3,
            cfg=3.0, sampler_name="Euler a", scheduler="Automatic", denoising_strength=0.5, strength_falloff=0.8,
            redraw_last=True, tile_size=0, tile_overlap=-1, model=both.model, positive=prompt_of(both),
            negative=both.negative, vae=both.model[2], noise=both.noise,
        )  # fmt: skip
        name = g.save(image=staged)[1]
        client.queue(g).require_success()
        return saved(host, name)["image"]

    text = "a [cat:dog:0.4]"
    either = staged(lambda both: both.prompt(text, **EITHER))
    told = staged(lambda both: both.prompt(text, steps=3, sampler_name="Euler a", for_pass="first pass"))
    assert torch.equal(either, told)


# ----------------------------------------------------------------------------------- workflows saved before this

SAVED = json.loads((ROOT / "tests" / "data" / "saved-before" / "a9225db.json").read_text("utf-8"))["graphs"]


def smaller(name, models):
    """A saved workflow at a size that a CPU does in a second, with prompts that count steps where they can."""
    graph = Graph(json.loads(json.dumps(SAVED[name])))
    (loader,) = nodes_of(graph, "CheckpointLoaderSimple")
    graph["clip"] = {"class_type": "ProbeTinySD1Clip", "inputs": {}, "_meta": {"title": "clip"}}
    for node in graph.values():
        inputs, is_width = node["inputs"], node["_meta"]["title"] == "Width"
        inputs |= {"value": 128 if is_width else 64} if node["class_type"] == "PrimitiveInt" else {}
        inputs |= {key: ["clip", 0] for key, value in inputs.items() if value == [loader, 1]}
        inputs |= {
            key: value for key, value in (("steps", 4), ("ckpt_name", models.checkpoint("sd1"))) if key in inputs
        }
        if node["class_type"] == "HiresFixPrompt":
            inputs["text"] += " [cat:dog:0.5] [red|blue] [fog:6] AND rain:0.4"
    return graph


@pytest.mark.parametrize("name", SAVED)
def test_a_workflow_saved_before_draws_what_it_does_with_everything_said_once(name, host, client, models):
    before, now = smaller(name, models), smaller(name, models)
    for node_id in nodes_of(now, "HiresFixRenoise"):
        now[node_id]["inputs"] |= SAME
        now[node_id]["inputs"].pop("settings", None)
    for node_id in nodes_of(now, "HiresFixSecondSampling"):
        now[node_id]["inputs"] |= {"cfg": SAME_CFG, "sampler_name": SAME_SAMPLER}
        now[node_id]["inputs"].pop("settings", None)
    (base,), (second,) = nodes_of(now, "HiresFixBaseSampling"), nodes_of(now, "HiresFixSecondSampling")
    if nodes_of(now, "HiresFixPrompt"):  # those of the first pass serve both
        for side in ("positive", "negative"):
            link = now[base]["inputs"][side]
            now[second]["inputs"][side] = link
            now[link[0]]["inputs"] |= EITHER
    results = []
    for graph in (before, now):
        names = []
        for number, node_id in enumerate((base, second)):
            names.append(f"{name}-{number}-{id(graph)}")
            graph[f"kept{number}"] = {
                "class_type": "ProbeSave",
                "inputs": {"name": names[-1], "latent": [node_id, 0]},
            }
        client.queue(graph).require_success()
        results.append([saved(host, one)["latent"] for one in names])
    for old, new in zip(*results, strict=True):
        assert torch.equal(old, new)
    assert results[0][1].shape[-1] == 32
