"""Generation texts as settings: A1111's words, its rules for old texts, and the way back."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hires_pack.hires.infotext import names
from hires_pack.hires.infotext.names import embedding_names
from hires_pack.hires.infotext.read import read_settings
from hires_pack.hires.infotext.settings import GenerationSettings, HiresSettings, ModelName, RefinerSettings
from hires_pack.hires.infotext.text import Infotext, Parameter, parse, write
from hires_pack.hires.infotext.write import write_settings
from hires_pack.hires.prompts.embeddings import mark_embeddings, missing_embeddings, unmark_embeddings
from hires_pack.hires.prompts.networks import LoraTag, network_tags
from hires_pack.hires.sampling.menus import SAMPLERS, SCHEDULES
from hires_pack.hires.sampling.settings import DEFAULTS, INFOTEXT_KEYS, NOISE_SCHEDULES, A1111Settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

CASES = json.loads(
    (Path(__file__).resolve().parents[2] / "data" / "oracle-infotexts" / "cases.json").read_text(encoding="utf-8")
)
BASE = "Steps: 20, Sampler: {}, CFG scale: 7, Seed: 5, Size: 512x768"


def read(settings: str, prompt: str = "a cat"):
    return read_settings(parse(f"{prompt}\n{settings}"))


@pytest.mark.parametrize("name", CASES)
def test_recorded_texts_say_what_was_asked_for(name):
    """Every setting of the request that A1111 writes at all."""
    request = CASES[name]["request"]
    options = request["override_settings"]
    for index, text in enumerate(CASES[name]["infotexts"]):
        reading = read_settings(parse(text))
        asked = reading.settings
        assert (asked.prompt, asked.negative_prompt) == (request["prompt"], request["negative_prompt"])
        assert (asked.steps, asked.cfg_scale) == (request["steps"], request["cfg_scale"])
        assert (asked.width, asked.height) == (request["width"], request["height"])
        assert asked.sampler_name == request["sampler_name"]
        assert asked.scheduler == names.schedule_label(request["sampler_name"], request.get("scheduler", "Automatic"))
        assert asked.checkpoint == ModelName("tiny_sd15", "9189f6453a")
        varied = request.get("subseed_strength", 0)
        assert asked.seed == request["seed"] + (0 if varied else index)
        assert (asked.subseed_strength, asked.subseed) == (varied, request["subseed"] + index if varied else 0)
        for side in "wh":
            assert getattr(asked, f"seed_resize_from_{side}") == request.get(f"seed_resize_from_{side}", 0)
        assert asked.clip_skip == options.get("CLIP_stop_at_last_layers", 1)
        assert asked.eta_noise_seed_delta == options.get("eta_noise_seed_delta", 0)
        assert asked.noise_source == {"CPU": "CPU", "NV": "GPU"}[options["randn_source"]]
        assert asked.emphasis == options.get("emphasis", "Original")
        assert asked.pad_cond_uncond == options.get("pad_cond_uncond", False)
        assert asked.options == written_options(options)
        assert_hires(asked, request)
        assert_refiner(asked, request)
        assert [str(found) for found in reading.unused] == (["Tiling: True"] if "tiling" in options else [])
        assert reading.notes == ()


NEVER_WRITTEN = {"use_old_karras_scheduler_sigmas", "ESRGAN_tile", "ESRGAN_tile_overlap", "tiling"} | {
    "uni_pc_variant",
    "uni_pc_order",
    "uni_pc_lower_order_final",
    "uni_pc_skip_type",
}
"""Settings that A1111's text leaves out, or that no node has."""


def written_options(options: dict) -> A1111Settings:
    given = {name: value for name, value in options.items() if name in DEFAULTS and name not in NEVER_WRITTEN}
    return A1111Settings(**given)


def assert_hires(asked: GenerationSettings, request: dict) -> None:
    hires = asked.hires
    assert (hires is not None) == request["enable_hr"]
    if hires is None:
        return
    assert hires.denoising_strength == request["denoising_strength"]
    sides = (request.get("hr_resize_x", 0), request.get("hr_resize_y", 0))
    assert (hires.hr_resize_x, hires.hr_resize_y) == sides
    if sides == (0, 0):
        assert hires.hr_scale == request["hr_scale"]
    assert hires.hr_second_pass_steps == request["hr_second_pass_steps"]
    assert hires.hr_upscaler == request["hr_upscaler"]
    assert hires.hr_sampler_name == request.get("hr_sampler_name")
    assert hires.hr_scheduler == request.get("hr_scheduler")
    assert hires.hr_prompt == request.get("hr_prompt", "")
    assert hires.hr_negative_prompt == request.get("hr_negative_prompt", "")
    assert (hires.hr_checkpoint.name if hires.hr_checkpoint else None) == request.get("hr_checkpoint_name")
    assert hires.hr_cfg is None


def assert_refiner(asked: GenerationSettings, request: dict) -> None:
    refiner = asked.refiner
    assert (refiner.checkpoint.name if refiner else None) == request.get("refiner_checkpoint")
    if refiner:
        assert refiner.switch_at == request["refiner_switch_at"]
        assert refiner.hires_pass == request["override_settings"].get("hires_fix_refiner_pass", "second pass")
        assert not refiner.by_steps


@pytest.mark.parametrize(
    ("given_name", "sampler", "schedule"),
    [
        ("DPM++ 2M Karras", "DPM++ 2M", "Karras"),
        ("DPM++ 2M SDE Heun Exponential", "DPM++ 2M SDE Heun", "Exponential"),
        ("DPM2 a Karras", "DPM2 a", "Karras"),
        ("dpm++ 2s a karras", "DPM++ 2S a", "Karras"),
        ("Euler SGM Uniform", "Euler", "SGM Uniform"),
        ("Euler", "Euler", "Automatic"),
        ("euler", "euler", "normal"),  # ComfyUI's
        ("euler a", "Euler a", "Automatic"),
        ("dpmpp_2m_sde_gpu_karras", "dpmpp_2m_sde_gpu", "karras"),
        ("uni_pc_bh2_sgm_uniform", "uni_pc_bh2", "sgm_uniform"),
        ("Some Karras", "Some Karras", None),
    ],
)
def test_a_schedule_inside_the_sampler_name(given_name, sampler, schedule):
    settings = read(BASE.format(given_name)).settings
    assert (settings.sampler_name, settings.scheduler) == (sampler, schedule)


@pytest.mark.parametrize(
    ("written", "schedule"),
    [
        ("SGM Uniform", "SGM Uniform"),
        ("sgm uniform", "SGM Uniform"),
        ("align_your_steps", "Align Your Steps"),
        *((name, name) for name in names.HOST_SCHEDULES),
    ],
)
def test_the_schedule_key_wins_and_small_letters_are_comfyuis(written, schedule):
    for key in ("Schedule type", "Scheduler"):
        assert read(BASE.format("DPM++ 2M Karras") + f", {key}: {written}").settings.scheduler == schedule


@pytest.mark.parametrize("schedule", [*SCHEDULES, *names.HOST_SCHEDULES])
@pytest.mark.parametrize("sampler", ["Euler", "euler", "DDIM", "ddim", "uni_pc_bh2"])
def test_samplers_and_schedules_of_both_programs_come_back(sampler, schedule):
    hires = HiresSettings(0.5, hr_sampler_name="lcm" if sampler == "LCM" else "LCM", hr_scheduler=None)
    settings = GenerationSettings(sampler_name=sampler, scheduler=schedule, hires=hires)
    assert read_settings(parse("Steps: 1, " + write(write_settings(settings)))).settings == replace(settings, steps=1)


@pytest.mark.parametrize(
    ("version", "schedule"),
    [
        ("v1.8.0", "Uniform"),
        ("f0.0.17v1.8.0rc-latest-276-g29be1da7", "Uniform"),
        ("v1.9.0", "Automatic"),
        ("f2.0.1v1.10.1-previous", "Automatic"),
        ("cb0eb55", "Uniform"),  # SD.Next
        ("", "Uniform"),  # before texts had a version
    ],
)
def test_a_bare_sampler_before_1_9_had_no_schedule_of_its_own(version, schedule):
    reading = read(BASE.format("DPM++ 2M") + (f", Version: {version}" if version else ""))
    assert reading.settings.scheduler == schedule
    assert len(reading.notes) == (schedule == "Uniform")
    assert read(BASE.format("Euler") + f", Version: {version}").settings.scheduler == "Automatic"


@pytest.mark.parametrize(
    ("old", "first", "size"),
    [("0x0", (704, 384), "1920x1080"), ("0x0", (448, 640), "512x768"), ("640x384", (640, 384), "1920x1080")],
)
def test_first_pass_size_of_old_texts(old, first, size):
    """The sizes of the first two are A1111's own answers."""
    text = f"Steps: 20, Sampler: Euler, Seed: 5, Size: {size}, Denoising strength: 0.7, First pass size: {old}"
    settings = read(text).settings
    assert (settings.width, settings.height) == first
    assert f"{settings.hires.hr_resize_x}x{settings.hires.hr_resize_y}" == size


@pytest.mark.parametrize(
    ("version", "rounded", "by_steps"),
    [
        ("v1.6.0", True, True),
        ("v1.7.0-224-gabc", True, True),
        ("v1.7.0-225-gabc", False, True),
        ("v1.8.0", False, False),
    ],
)
def test_what_older_versions_did_otherwise(version, rounded, by_steps):
    settings = read(BASE.format("Euler") + f", Refiner: other [0123456789], Version: {version}").settings
    assert settings.options.use_downcasted_alpha_bar is rounded
    assert settings.refiner == RefinerSettings(ModelName("other", "0123456789"), 0.8, by_steps)


def test_old_prompt_editing_is_noted():
    assert read(BASE.format("Euler") + ", Version: v1.5.2", prompt="[a:b:0.5]").notes
    assert not read(BASE.format("Euler") + ", Version: v1.6.0", prompt="[a:b:0.5]").notes


def test_words_of_sd_next():
    hires = read(
        BASE.format("Euler") + ", Hires scale: 1.5, Hires size: 768x1152, Hires strength: 0.3, Hires steps: 9, "
        "Hires CFG scale: 5, Denoising strength: 0.9"
    ).settings.hires
    assert (hires.hr_scale, hires.hr_resize_x, hires.denoising_strength) == (1.5, 0, 0.3)
    assert (hires.hr_second_pass_steps, hires.hr_cfg) == (9, 5)
    assert read(BASE.format("Euler") + ", Hires size: 768x1152").settings.hires.hr_resize_x == 768


def test_the_words_for_the_same_mean_nothing_given():
    hires = read(
        BASE.format("Euler") + ", Hires upscale: 2, Hires checkpoint: Use same checkpoint, "
        "Hires sampler: Use same sampler, Hires schedule type: Use same scheduler"
    ).settings.hires
    assert hires == HiresSettings()


def test_a_schedule_that_the_text_cannot_tell_is_noted():
    text = BASE.format("DPM++ 2M") + ", Schedule type: Karras, Hires upscale: 2, Hires sampler: Euler"
    assert "Automatic" in read(text).notes[0]
    assert not read(text + ", Hires schedule type: Beta").notes
    assert not read(text.replace("Schedule type: Karras", "Schedule type: Beta")).notes


def test_values_that_make_no_sense_are_left_over():
    reading = read(
        "Steps: ten, Sampler: Euler, CFG scale: nan, Seed: 1.5, Size: big, RNG: dice, Eta: inf, Tiling: True"
    )
    assert [found.key for found in reading.unused] == ["Steps", "CFG scale", "Seed", "Size", "RNG", "Eta", "Tiling"]
    assert reading.settings == GenerationSettings("a cat", sampler_name="Euler", scheduler="Automatic")


def test_written_in_a1111s_order_and_words():
    settings = GenerationSettings(
        "a cat", "fog", 20, "DPM++ 2M", "Automatic", 7.0, 5, 512, 768, ModelName("m", "0123456789"),
        vae=ModelName("v.safetensors", "9876543210"), subseed=9, subseed_strength=0.25, clip_skip=2,
        eta_noise_seed_delta=31337, noise_source="CPU", emphasis="No norm",
        options=A1111Settings(eta_ancestral=0.5, uni_pc_lower_order_final=False),
        refiner=RefinerSettings(ModelName("r", "aa"), 0.75, True, "both passes"),
        hires=HiresSettings(0.5, 2.0, 1024, 0, 15, "4x, sharp", ModelName("h", "bb"), "Euler", "Beta", "a dog", "",
                            5.5),
    )  # fmt: skip
    assert write(write_settings(settings, "v9", (Parameter("Lora hashes", "a: 1"),))) == (
        "a cat\nNegative prompt: fog\n"
        "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 5, Size: 512x768, "
        "Model hash: 0123456789, Model: m, VAE hash: 9876543210, VAE: v.safetensors, Variation seed: 9, "
        "Variation seed strength: 0.25, Denoising strength: 0.5, Clip skip: 2, ENSD: 31337, RNG: CPU, "
        "Hires checkpoint: h [bb], Hires sampler: Euler, Hires prompt: a dog, Hires schedule type: Beta, "
        'Hires CFG Scale: 5.5, Hires resize: 1024x0, Hires steps: 15, Hires upscaler: "4x, sharp", '
        "Emphasis: No norm, Eta: 0.5, Beta schedule alpha: 0.6, Beta schedule beta: 0.6, "
        "UniPC lower order final: False, Hires refiner: both passes, Refiner: r [aa], Refiner switch at: 0.75, "
        'Refiner switch by sampling steps: True, Lora hashes: "a: 1", Version: v9'
    )


def test_what_is_not_known_is_not_written():
    assert write(write_settings(GenerationSettings("a cat", hires=HiresSettings()))) == (
        "a cat\nRNG: NV, Hires upscale: 2, Hires upscaler: Latent"
    )


@pytest.mark.parametrize(
    ("first", "second", "written"),
    [
        (("DPM++ 2M", "Automatic"), (None, None), None),
        (("DPM++ 2M", "Automatic"), ("DPM++ SDE", None), None),  # Karras, too
        (("DPM++ 2M", "Automatic"), ("DPM++ 2M SDE", None), "Exponential"),
        (("DPM++ 2M", "Automatic"), ("Euler", None), None),  # A1111 has no word for it
        (("Euler", "Karras"), (None, "Beta"), "Beta"),
    ],
)
def test_the_hires_schedule_is_written_where_it_differs(first, second, written):
    hires = HiresSettings(hr_sampler_name=second[0], hr_scheduler=second[1])
    settings = GenerationSettings(sampler_name=first[0], scheduler=first[1], hires=hires)
    assert write_settings(settings).get("Hires schedule type") == written


def test_other_pictures_of_a_batch():
    settings = GenerationSettings(seed=5, subseed=9)
    assert (settings.picture(2).seed, settings.picture(2).subseed) == (7, 9)
    varied = replace(settings, subseed_strength=0.1)
    assert (varied.picture(2).seed, varied.picture(2).subseed) == (5, 11)
    assert GenerationSettings().picture(1).seed is None


WHOLE = st.integers(1, 10**9 - 1)
SHARE = st.integers(1, 99).map(lambda percent: percent / 100)
WORD = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=12)
MODELS = st.builds(ModelName, st.from_regex(r"\A[a-z][\w.]{2,9}\Z"), st.just("") | st.from_regex(r"\A[0-9a-f]{10}\Z"))
SAMPLER_NAMES = st.sampled_from(list(SAMPLERS))
LABELS = st.sampled_from([label for label in SCHEDULES if label not in ("Automatic", "Karras", "Beta")])
NUMBERS = {bool: st.booleans(), int: WHOLE, float: SHARE, str: st.sampled_from(["bh2", "time_quadratic"])}
PASSES = st.sampled_from(["first pass", "second pass", "both passes"])
REFINERS = st.builds(RefinerSettings, MODELS, SHARE, st.booleans(), PASSES)


@st.composite
def hires_settings(draw):
    resized = draw(st.booleans())
    return HiresSettings(
        denoising_strength=draw(SHARE),
        hr_scale=2.0 if resized else draw(SHARE),
        hr_resize_x=draw(WHOLE) if resized else 0,
        hr_resize_y=draw(WHOLE) if resized else 0,
        hr_second_pass_steps=draw(WHOLE),
        hr_upscaler=draw(WORD),
        hr_checkpoint=draw(st.none() | MODELS),
        hr_sampler_name=draw(st.none() | SAMPLER_NAMES.filter(lambda name: name != "Euler")),
        hr_scheduler=draw(st.none() | LABELS),
        hr_prompt=draw(st.just("") | WORD),
        hr_negative_prompt=draw(st.just("") | WORD),
        hr_cfg=draw(st.none() | SHARE),
    )


@st.composite
def generation_settings(draw):
    varied, resized = draw(st.booleans()), draw(st.booleans())
    options = {
        name: draw(st.sampled_from(NOISE_SCHEDULES) if name == "sd_noise_schedule" else NUMBERS[type(DEFAULTS[name])])
        for name in draw(st.sets(st.sampled_from(list(INFOTEXT_KEYS.values()))))
    }
    return GenerationSettings(
        prompt=draw(WORD),
        negative_prompt=draw(st.just("") | WORD),
        steps=draw(WHOLE),
        sampler_name="Euler",
        scheduler="Karras",
        cfg_scale=draw(SHARE),
        seed=draw(WHOLE),
        width=draw(WHOLE),
        height=draw(WHOLE),
        checkpoint=draw(st.none() | MODELS),
        vae=draw(st.none() | MODELS),
        subseed=draw(WHOLE) if varied else 0,
        subseed_strength=draw(SHARE) if varied else 0.0,
        seed_resize_from_w=draw(WHOLE) if resized else 0,
        seed_resize_from_h=draw(WHOLE) if resized else 0,
        clip_skip=draw(st.integers(1, 12)),
        eta_noise_seed_delta=draw(WHOLE),
        noise_source=draw(st.sampled_from(["GPU", "CPU", "ComfyUI"])),
        emphasis=draw(st.sampled_from(["Original", "No norm", "Ignore", "None"])),
        pad_cond_uncond=draw(st.booleans()),
        options=A1111Settings(**options),
        refiner=draw(st.none() | REFINERS),
        hires=draw(st.none() | hires_settings()),
    )


@pytest.mark.slow
@hypothesis_settings(max_examples=60, deadline=None)
@given(generation_settings())
def test_written_settings_read_back(settings):
    reading = read_settings(parse(write(write_settings(settings))))
    assert reading.settings == settings
    assert not reading.unused


@pytest.mark.parametrize(
    ("tag", "lora"),
    [
        ("<lora:a b_v1.5:0.8>", LoraTag("a b_v1.5", 0.8, 0.8)),
        ("<lora:x>", LoraTag("x", 1.0, 1.0)),
        ("<lora:x:0.5:-0.25>", LoraTag("x", 0.5, -0.25)),
        ("<lora:x:te=0.5:unet=2>", LoraTag("x", 0.5, 2.0)),
        ("<lora:x:0.5:unet=2:dyn=8>", LoraTag("x", 0.5, 2.0)),
        ("<lyco:x:1>", LoraTag("x", 1.0, 1.0)),
        ("<lora:x:much>", None),
        ("<lora:x:nan>", None),
        ("<lora::1>", None),
        ("<hypernet:x:1>", None),
    ],
)
def test_network_tags(tag, lora):
    assert network_tags(f"a {tag} b") == (((lora,), ()) if lora else ((), (tag,)))


def test_no_network_tags():
    assert network_tags("a < b, (c:1.2) <3 <br>") == ((), ())


def test_embeddings_are_marked_where_they_stand_alone():
    assert embedding_names("EasyNegative: c74b, bad-hands-5: aa76") == ("EasyNegative", "bad-hands-5")
    assert embedding_names("") == ()
    prompt = "(EasyNegative:1.2), EasyNegativeV2, not-EasyNegative, bad-hands-5"
    marked = mark_embeddings(prompt, ("EasyNegative", "bad-hands-5"))
    assert marked == "(embedding:EasyNegative:1.2), EasyNegativeV2, not-EasyNegative, embedding:bad-hands-5"
    assert mark_embeddings(marked, ("EasyNegative",)) == marked
    assert unmark_embeddings(marked) == prompt


@pytest.mark.parametrize(
    ("prompt", "names", "marked"),
    [
        ("embedding, a", ["embedding"] * 3, "embedding:embedding, a"),  # the mark itself is no place for a mark
        ("EASY, easy", ["Easy"], "embedding:Easy, embedding:Easy"),  # ComfyUI looks for a file of that name
        ("Embedding:easy", ["Easy"], "embedding:Easy"),
        ("BAD Hand V4, BAD", ["bad", "bad hand v4"], "embedding:bad hand v4, embedding:bad"),
        ("bad hand", ["bad hand v4", "bad"], "embedding:bad hand"),
        ("a (b) c++", ["(b)", "c++"], "a embedding:(b) embedding:c++"),
        ("<lora:easy:1>", ["easy"], "<lora:easy:1>"),
        ("s, ſ, \u212a, \u0130", ["S", "k", "i\u0307"], "embedding:S, embedding:ſ, embedding:k, \u0130"),
        ("a cat", [], "a cat"),
    ],
)
def test_embeddings_are_marked_once_under_their_listed_names(prompt, names, marked):
    assert mark_embeddings(prompt, names) == marked


def test_embeddings_that_no_prompt_names():
    names = ("Easy", "bad hand v4", "gone", "embedding")
    assert missing_embeddings(["a (easy:1.2)", "embedding:Bad Hand v4"], names) == ("gone", "embedding")
    assert missing_embeddings([], ["a"]) == ("a",)
    assert embedding_names("Easy: 1, easy: 2, EASY: 3") == ("EASY",)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("sd/model_v1.5.safetensors", "model_v1.5"),
        ("sd\\model.CKPT", "model"),
        ("model_v1.5", "model_v1.5"),
        ("4x.pth", "4x"),
    ],
)
def test_the_name_in_a_file(file, name):
    assert names.stem(file) == name


def test_upscalers_that_are_listed_under_another_name():
    assert names.upscaler_file("R-ESRGAN 4x+") == "RealESRGAN_x4plus"
    assert names.upscaler_title("real/RealESRGAN_x4plus.pth") == "R-ESRGAN 4x+"
    assert names.upscaler_file("4x-UltraSharp") == names.upscaler_title("4x-UltraSharp.safetensors") == "4x-UltraSharp"


def test_an_infotext_without_settings_says_nothing():
    reading = read_settings(Infotext("a cat"))
    assert reading.settings == GenerationSettings("a cat")
    assert reading.notes == reading.unused == ()
