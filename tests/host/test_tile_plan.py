"""Tile Plan on the real host, with networks whose result at a place depends on that place alone, or on what is near."""

import pytest
import torch
from hires_pack.tests.host.graphs import give, saved
from hires_pack.tests.host.test_tiled_model import SAMPLED, Scene
from hires_pack.tests.tolerances import assert_close

SIDES = (44, 36)
"""Width and height of the canvas in latent cells: 3x2 windows."""

LEFT = "0 0 176 288"
"""The left half of the canvas."""

KEPT = 1e-6


class Plans(Scene):
    """A scene whose model is pixelwise, and may have a plan."""

    def __init__(self, *args, reach=False, sides=SIDES, **more):
        super().__init__(*args, sides=sides, **more)
        self.model = self.g.add("ProbeLocalModel", model=self.loader, reach=reach, conds=True)

    def plan(self, text, model=None, **more):
        values = {"image": self.image(), "skip_flat": 0.0, "fade": 0, "tile_size": 64, **more}
        return self.g.add("HiresFixTilePlan", plan=text, model=model or self.model, **values)

    def tiled(self, model=None, **more):
        return super().tiled(model, **{"tile_size": 192, **more})

    @property
    def source(self):
        return self.g.save(latent=self.latent)[1]


def halves(latent):
    middle = SIDES[0] // 2
    return latent[..., :middle], latent[..., middle:]


SAMPLERS = ["euler", "euler_ancestral", "dpmpp_2m", "uni_pc", "dpmpp_sde", "ddpm"]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_what_is_skipped_is_the_source_and_the_rest_as_without_a_plan(sampler, host, client, models):
    scene = Plans(host, models)
    plain = scene.sample(scene.model, sampler, steps=4)
    planned = [scene.sample(scene.plan(f"{LEFT} | skip", model), sampler, steps=4) for model in (None, scene.tiled())]
    source, plain, *planned = scene.run(client, scene.source, plain, *planned)
    for result in planned:
        assert_close(halves(result)[0], halves(source)[0], KEPT)
        assert_close(halves(result)[1], halves(plain)[1], SAMPLED)
    assert float((plain - source).abs().mean()) > 0.05


FAMILIES = [
    ("sd3", None, "euler"), ("sd1", None, "euler"), ("sdxl-v", None, "euler"), ("wan", 2, "euler"),
    ("sd1", None, "euler_cfg_pp"), ("sd1", None, "dpm_2"),
]  # fmt: skip


@pytest.mark.parametrize(("family", "frames", "sampler"), FAMILIES)
def test_half_of_the_strength_is_a_pass_of_half_the_steps(family, frames, sampler, host, client, models):
    """Flow, eps, v and clips: 5 steps at 0.35 are the last 5 of 10 at 0.7."""
    scene = Plans(host, models, family, frames=frames)
    whole = scene.sample(scene.model, sampler, steps=10, denoise=0.7)
    half = scene.sample(scene.model, sampler, steps=5, denoise=0.35)
    plans = [scene.plan(f"{LEFT} | strength 50%", model) for model in (None, scene.tiled())]
    planned = [scene.sample(plan, sampler, steps=10, denoise=0.7) for plan in plans]
    whole, half, *planned = scene.run(client, whole, half, *planned)
    for result in planned:
        assert_close(halves(result)[0], halves(half)[0], SAMPLED)
        assert_close(halves(result)[1], halves(whole)[1], SAMPLED)
    assert float((whole - half).abs().max()) > 0.05


@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m", "euler_ancestral"])
def test_tiles_are_as_one_piece_with_a_plan_and_a_fade(sampler, host, client, models):
    """Three convolutions: neighbours of what is skipped, and of windows that are left out, are seen as they are."""
    scene = Plans(host, models, reach=True)
    text = "0% 0% 100% 45% | skip\n50% 60% 30% 40% | strength 40%"
    files = [
        scene.sample(scene.plan(text, model, fade=64), sampler, steps=6)
        for model in (None, scene.tiled(), scene.tiled(blending="soft", tile_size=384, overlap=192))
    ]
    first, *rest = scene.run(client, *files)
    for one in rest:
        assert_close(one, first, SAMPLED)


def test_words_act_in_their_boxes_alone(host, client, models):
    scene = Plans(host, models, "sd1")
    g, clip = scene.g, scene.g.add("ProbeTinySD1Clip")
    texts = {text: g.add("CLIPTextEncode", clip=clip, text=text) for text in ("a hill", "a castle")}
    both = g.add("ConditioningConcat", conditioning_to=texts["a hill"], conditioning_from=texts["a castle"])
    mask = torch.zeros(1, SIDES[1] * 8, SIDES[0] * 8)
    mask[..., : SIDES[0] * 4] = 1
    given = {"positive": texts["a hill"], "clip": clip, "mask": scene.mask(mask)}
    expected = [
        scene.sample(scene.model, prompts=(positive, scene.prompts[1]))
        for positive in (texts["a hill"], texts["a castle"], both)
    ]
    lines = (f"{LEFT} | prompt: a castle", f"{LEFT} | add: a castle", "mask | add: a castle", "# nothing")
    planned = []
    for line in lines:
        for tiled in (None, scene.tiled(overlap=0)):
            plan = scene.plan(line, tiled, **given)
            planned.append(scene.sample(plan, prompts=(plan[1], scene.prompts[1])))
    hill, castle, both, *planned = scene.run(client, *expected, *planned)
    assert (
        min(float((one - other).abs().max()) for one, other in ((hill, castle), (hill, both), (castle, both)))
        > 100 * SAMPLED
    )
    for result, left in zip(planned, [castle] * 2 + [both] * 4 + [hill] * 2, strict=True):
        assert_close(halves(result)[0], halves(left)[0], SAMPLED)
        assert_close(halves(result)[1], halves(hill)[1], SAMPLED)


def test_tiles_in_which_nothing_is_drawn_cost_nothing(host, client, models):
    """3x2 windows of 4 steps, two prompts each: those of a skipped row do not run, at half the strength half do."""
    scene = Plans(host, models)
    files = {}
    for text in ("", "row 1 | skip", "row 1 | skip\ntile 6 | strength 50%", "all | strength 50%"):
        name = f"tile-plan-{len(files)}"
        counted = scene.g.add("ProbeLocalModel", model=scene.loader, reach=False, conds=True, count=name)
        plan = scene.plan(text, scene.tiled(counted), fade=32)
        result = scene.g.add(
            "KSampler", model=plan, positive=scene.prompts[0], negative=scene.prompts[1], latent_image=scene.latent,
            seed=4, steps=4, cfg=3.0, sampler_name="euler", scheduler="normal", denoise=0.7,
        )  # fmt: skip
        scene.g.add("ProbeSaveCalls", name=name, after=result)
        files[text] = name
    client.queue(scene.g).require_success()
    runs = [int(saved(host, name)["timesteps"].sum()) for name in files.values()]
    assert runs == [6 * 4 * 2, 3 * 4 * 2, (2 * 4 + 2) * 2, 6 * 2 * 2]


def test_a_noise_mask_goes_on_acting(host, client, models):
    scene = Plans(host, models)
    mask = torch.ones(1, *reversed(SIDES))
    mask[:, 18:] = 0
    masked = scene.g.add("SetLatentNoiseMask", samples=scene.latent, mask=scene.mask(mask))
    plain = scene.sample(scene.model, steps=4)
    result = scene.sample(scene.plan(f"{LEFT} | skip", scene.tiled()), steps=4, latent=masked)
    source, plain, result = scene.run(client, scene.source, plain, result)
    assert_close(halves(result)[0], halves(source)[0], KEPT)
    assert_close(result[..., 18:, :], source[..., 18:, :], KEPT)
    assert_close(halves(result)[1][..., :18, :], halves(plain)[1][..., :18, :], SAMPLED)


def guided(scene, model, cfg):
    """SamplerCustomAdvanced with core's CFG guider."""
    g = scene.g
    guider = g.add("CFGGuider", model=model, positive=scene.prompts[0], negative=scene.prompts[1], cfg=cfg)
    sampler = g.add("KSamplerSelect", sampler_name="euler")
    sigmas = g.add("BasicScheduler", model=model, scheduler="simple", steps=4, denoise=0.6)
    noise = g.add("RandomNoise", noise_seed=5)
    result = g.add(
        "SamplerCustomAdvanced", noise=noise, guider=guider, sampler=sampler, sigmas=sigmas, latent_image=scene.latent
    )
    return g.save(latent=result)[1]


@pytest.mark.parametrize("cfg", [1.0, 4.0])
def test_custom_sampling_and_no_guidance(cfg, host, client, models):
    scene = Plans(host, models)
    plan = scene.plan(f"{LEFT} | skip", scene.tiled())
    source, plain, result = scene.run(client, scene.source, guided(scene, scene.model, cfg), guided(scene, plan, cfg))
    assert_close(halves(result)[0], halves(source)[0], KEPT)
    assert_close(halves(result)[1], halves(plain)[1], SAMPLED)


def second(scene, model, sampler):
    g = scene.g
    common = {"model": model, "noise": g.add("HiresFixNoise", seed=3, source="CPU"), "sampler_name": sampler}
    noised = g.add(
        "HiresFixRenoise", latent=scene.latent, steps=4, denoising_strength=0.6, hr_second_pass_steps=0,
        scheduler="Automatic", **common,
    )  # fmt: skip
    final = g.add(
        "HiresFixSecondSampling", positive=scene.prompts[0], negative=scene.prompts[1], latent=noised,
        sigmas=noised[1], cfg=3.0, **common,
    )  # fmt: skip
    return g.save(latent=final)[1]


@pytest.mark.parametrize("sampler", ["Euler", "DPM++ 2M", "Euler a", "DDIM", "UniPC"])
def test_a1111_s_samplers_keep_to_a_plan(sampler, host, client, models):
    scene = Plans(host, models, "sd1")
    plan = scene.plan(f"{LEFT} | skip", scene.tiled())
    files = [second(scene, model, sampler) for model in (scene.model, plan)]
    source, plain, result = scene.run(client, scene.source, *files)
    assert_close(halves(result)[0], halves(source)[0], KEPT)
    assert_close(halves(result)[1], halves(plain)[1], SAMPLED)


@pytest.mark.parametrize("order", ["before", "behind"])
def test_the_plan_may_stand_before_or_behind_tiled_model(order, host, client, models):
    scene = Plans(host, models)
    text = f"{LEFT} | skip"
    planned = scene.tiled(scene.plan(text)) if order == "before" else scene.plan(text, scene.tiled())
    source, result = scene.run(client, scene.source, scene.sample(planned))
    assert_close(halves(result)[0], halves(source)[0], KEPT)


def test_an_empty_plan_changes_no_bit(host, client, models):
    scene = Plans(host, models, sides=(43, 37), batch=2)
    plan = scene.plan("\n  # nothing\n", scene.tiled(), positive=scene.prompts[0])
    files = [scene.sample(scene.tiled()), scene.sample(plan, prompts=(plan[1], scene.prompts[1]))]
    first, second = scene.run(client, *files)
    assert torch.equal(first, second)


def text_of(scene, client, *plans):
    """The text that plans give."""
    shown = [scene.g.add("PreviewAny", source=plan[3]) for plan in plans]
    run = client.queue(scene.g).require_success()
    return [run.outputs[node.id]["text"][0] for node in shown]


def test_flat_tiles_are_found_and_the_text_gives_the_same_plan(host, client, models):
    """Tiles of noise, but for the second and the third: one colour, and a slope of a sky."""
    scene = Plans(host, models, sides=(32, 16))
    picture = torch.rand(1, 128, 256, 3, generator=torch.Generator().manual_seed(2))
    picture[:, :64, 64:128] = 0.4
    picture[:, :64, 128:192] = torch.linspace(0.3, 0.4, 64)[:, None, None]
    common = {"image": scene.g.add("ProbeImage", file=give(host, values=picture), key="values"), "tile_size": 64}
    first = scene.g.add("HiresFixTilePlan", plan="tile 8 | add: a bird", skip_flat=3.0, fade=0, **common)
    again = scene.g.add("HiresFixTilePlan", plan=first[3], skip_flat=0.0, fade=0, **common)
    one, two = text_of(scene, client, first, again)
    assert one.splitlines() == [
        "# 2 of 8 tiles skipped, 25 % less work",
        "# flat, with their detail: tiles 2 (0.0), 3 (1.9)",
        "64 0 64 64 | skip | # tile 2",
        "128 0 64 64 | skip | # tile 3",
        "192 64 64 64 | add: a bird",
    ]
    assert [line for line in two.splitlines() if line[0] != "#"] == one.splitlines()[2:]


REFUSED = [
    ("5000 0 100 100 | skip", {}, "Tile Plan, input 'plan': line 1 of the plan, '5000 0 100 100 | skip': the box"),
    ("\ntile 99 | skip", {}, "line 2 of the plan, 'tile 99 | skip': '99' is not there: there are tiles 1 to"),
    ("mask | skip", {}, "no mask is connected"),
    (f"{LEFT} | prompt: a castle", {}, "Tile Plan, input 'clip': the plan has words"),
    ("mask | add: a castle", {"mask": torch.zeros(1, 8, 8)}, "Tile Plan, input 'clip': the plan has words"),
]


@pytest.mark.parametrize(("text", "more", "says"), REFUSED)
def test_plans_that_cannot_be_carried_out_are_refused(text, more, says, host, client, models):
    scene = Plans(host, models)
    masks = {name: scene.mask(values) for name, values in more.items()}
    plan = scene.plan(text, scene.tiled(), positive=scene.prompts[0], **masks)
    scene.sample(plan, prompts=(plan[1], scene.prompts[1]))
    assert says in client.queue(scene.g).explanation()


def test_what_has_no_picture_to_keep_is_refused(host, client, models):
    scene = Plans(host, models)
    plan = scene.plan(f"{LEFT} | skip", scene.tiled())
    empty = scene.tensor(scene.shape, 0.0)
    scene.sample(plan, latent=empty)
    assert "Tile Plan: the latent is empty" in client.queue(scene.g).explanation()
    scene = Plans(host, models)
    going_on = scene.g.add(
        "KSamplerAdvanced", model=scene.plan(f"{LEFT} | skip"), add_noise="disable", noise_seed=1, steps=4, cfg=2.0,
        sampler_name="euler", scheduler="normal", positive=scene.prompts[0], negative=scene.prompts[1],
        latent_image=scene.latent, start_at_step=2, end_at_step=4, return_with_leftover_noise="disable",
    )  # fmt: skip
    scene.g.save(latent=going_on)
    assert "Tile Plan: the latent brings its noise along" in client.queue(scene.g).explanation()


def test_an_output_whose_input_is_not_connected_says_so(host, client, models):
    scene = Plans(host, models)
    plan = scene.plan("", scene.tiled())
    scene.sample(plan, prompts=(plan[1], scene.prompts[1]))
    assert "nothing is connected to its input 'positive'" in client.queue(scene.g).explanation()
