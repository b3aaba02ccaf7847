"""Requests as graphs and texts: what a client asks for is in them, and what cannot be done is refused."""

import base64
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from hires_pack.hires.graph.to_api import to_api
from hires_pack.hires.infotext.to_graph.loaders import ModelFiles
from hires_pack.hires.prompts.styles import Style
from hires_pack.sdapi.errors import ApiError
from hires_pack.sdapi.generate import extras, img2img, loopback, sd_upscale, txt2img
from hires_pack.sdapi.generate.asked import asked_for, with_infotext
from hires_pack.sdapi.generate.graph import Control
from hires_pack.sdapi.generate.house import House
from hires_pack.sdapi.generate.masking import blurred, masked
from hires_pack.sdapi.generate.models import read
from hires_pack.sdapi.generate.pictures import decoded, encoded, grid
from hires_pack.sdapi.generate.placing import resized
from hires_pack.sdapi.generate.requests import ExtrasSingle, Img2Img, Txt2Img
from hires_pack.sdapi.generate.scripts import script_of, units_of
from hires_pack.sdapi.generate.texts import Told, info, infotexts
from hires_pack.sdapi.option_table import CHECKPOINT, DEFAULTS
from hires_pack.sdapi.samplers import sampler_and_schedule
from PIL import Image

FOX = {
    "prompt": "a red fox in the snow", "negative_prompt": "blurry", "seed": 1234, "steps": 4, "width": 64,
    "height": 48, "cfg_scale": 7, "sampler_name": "Euler",
}  # fmt: skip
HOUSE = House(
    ModelFiles(
        checkpoints=["tiny_sd15.safetensors", "sub/other.ckpt"],
        vaes=["sub/soft.safetensors"],
        upscalers=["tiny_compact_x2.safetensors", "RealESRGAN_x4plus.pth"],
        loras=["tiny_lora.safetensors"],
    ),
    "v1",
    styles={"sketch": Style("sketch", "pencil sketch of {prompt}, monochrome", "color")},
    hash_of=lambda folder, file: "9189f6453a526b42",
    has_gpu_noise=False,
    random=lambda: 99,
)
OPTIONS = {**DEFAULTS, CHECKPOINT: "tiny_sd15.safetensors"}


def ask(model=Txt2Img, house=HOUSE, options=None, **sent):
    request = with_infotext(read(model, {**FOX, **sent}))
    return asked_for(request, {**OPTIONS, **(request.override_settings or {}), **(options or {})}, house)


def no_upscaler(picture, factor):
    pytest.fail("nothing is to be enlarged")


def prepared(asked, sent, put=lambda picture: "a.png"):
    return img2img.prepared(asked, sent, put, no_upscaler)


def nodes(graph):
    found = {}
    for node in to_api(graph).values():
        found.setdefault(node["class_type"], []).append(node["inputs"])
    return found


def drawn(number=0, **sent):
    return nodes(txt2img.graph_of(ask(**sent), number, HOUSE))


def refusal(**sent):
    with pytest.raises(ApiError) as caught:
        drawn(**sent)
    return caught.value.body


def png(size=(96, 48), colour="red", mode="RGB"):
    file = io.BytesIO()
    Image.new(mode, size, colour).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def test_a_plain_request():
    found = drawn()
    (sampling,), (noise,), (empty,) = (
        found[kind] for kind in ("HiresFixBaseSampling", "HiresFixNoise", "EmptyLatentImage")
    )
    assert (sampling["steps"], sampling["cfg"], sampling["sampler_name"], sampling["scheduler"]) == (
        4,
        7.0,
        "Euler",
        "Automatic",
    )
    assert (noise["seed"], noise["source"], noise["subseed_strength"]) == (1234, "CPU", 0)
    assert (empty["width"], empty["height"], empty["batch_size"]) == (64, 48, 1)
    assert [one["text"] for one in found["HiresFixPrompt"]] == [FOX["prompt"], "blurry"]
    assert found["CheckpointLoaderSimple"] == [{"ckpt_name": "tiny_sd15.safetensors"}]


@pytest.mark.parametrize(
    ("sampler", "schedule", "found"),
    [
        ("DPM++ 2M", None, ("DPM++ 2M", "Automatic")),
        ("DPM++ 2M Karras", None, ("DPM++ 2M", "Automatic")),
        ("Euler a Karras", None, ("Euler a", "Karras")),
        ("Euler a Karras", "Exponential", ("Euler a", "Exponential")),
        ("Euler", "karras", ("Euler", "Karras")),
        ("DPM++ 2M", "automatic", ("DPM++ 2M", "Automatic")),
        ("Euler", "no_such", ("Euler", "Automatic")),
        ("DPM++ 2M", "no_such", ("DPM++ 2M", "Uniform")),
        ("k_euler_a", None, ("DPM++ 2M", "Automatic")),
        ("euler A", None, ("DPM++ 2M", "Automatic")),
    ],
)
def test_samplers_are_found_as_by_a1111(sampler, schedule, found):
    assert sampler_and_schedule(sampler, schedule) == found


def test_batches_count_the_seed_up():
    asked = ask(batch_size=2, n_iter=2)
    assert asked.seeds == [1234, 1235, 1236, 1237]
    assert nodes(txt2img.graph_of(asked, 1, HOUSE))["HiresFixNoise"][0]["seed"] == 1236
    varied = ask(batch_size=2, n_iter=2, subseed=5, subseed_strength=0.5)
    assert (varied.seeds, varied.subseeds) == ([1234] * 4, [5, 6, 7, 8])
    assert ask(seed=-1).seeds == [99]


def test_hires_fix_by_pixels():
    found = drawn(
        enable_hr=True, denoising_strength=0.7, hr_upscaler="R-ESRGAN 4x+", hr_scale=1.5, hr_second_pass_steps=3,
        hr_sampler_name="DPM++ 2M", hr_scheduler="Karras", hr_prompt="a blue fox", hr_checkpoint_name="sub_other",
    )  # fmt: skip
    assert found["HiresFixUpscalerLoader"] == [{"upscaler_name": "RealESRGAN_x4plus.pth"}]
    (upscale,), (renoise,) = found["HiresFixPixelUpscale"], found["HiresFixRenoise"]
    assert (upscale["tile_size"], upscale["tile_overlap"], upscale["numbers"]) == (192, 8, "A1111")
    assert "image" in upscale, "another checkpoint has another VAE"
    assert (renoise["denoising_strength"], renoise["hr_second_pass_steps"]) == (0.7, 3)
    assert (renoise["sampler_name"], renoise["scheduler"]) == ("DPM++ 2M", "Karras")
    assert [one["text"] for one in found["HiresFixPrompt"]] == [FOX["prompt"], "blurry", "a blue fox", "blurry"]
    assert [one["ckpt_name"] for one in found["CheckpointLoaderSimple"]] == ["tiny_sd15.safetensors", "sub/other.ckpt"]


def test_settings_reach_the_nodes():
    own = {
        "eta_ancestral": 0.5,
        "CLIP_stop_at_last_layers": 2,
        "eta_noise_seed_delta": 31337,
        "sd_vae": "soft.safetensors",
    }
    found = drawn(override_settings={**own, "ESRGAN_tile": 0, "comma_padding_backtrack": 7}, s_churn=0.3)
    assert {one["clip_skip"] for one in found["HiresFixPrompt"]} == {2}
    assert {one["comma_padding_backtrack"] for one in found["HiresFixPrompt"]} == {7}
    (settings,) = found["HiresFixA1111Settings"]
    assert (settings["eta_ancestral"], settings["s_churn"]) == (0.5, 0.3)
    assert found["HiresFixNoise"][0]["eta_noise_seed_delta"] == 31337
    assert found["VAELoader"] == [{"vae_name": "sub/soft.safetensors"}]


def test_texts_are_those_that_a1111_recorded():
    asked = ask(
        enable_hr=True, denoising_strength=0.7, hr_sampler_name="DPM++ 2M", hr_scheduler="Karras", hr_scale=1.5,
        hr_upscaler="Latent", hr_prompt='a blue fox, "quoted": yes', hr_negative_prompt="dull",
    )  # fmt: skip
    assert infotexts(asked, HOUSE, Told()) == [
        "a red fox in the snow\nNegative prompt: blurry\nSteps: 4, Sampler: Euler, Schedule type: Automatic, "
        "CFG scale: 7.0, Seed: 1234, Size: 64x48, Model hash: 9189f6453a, Model: tiny_sd15, Denoising strength: 0.7, "
        'Hires sampler: DPM++ 2M, Hires prompt: "a blue fox, \\"quoted\\": yes", Hires negative prompt: dull, '
        "Hires schedule type: Karras, Hires upscale: 1.5, Hires upscaler: Latent, Version: v1"
    ]
    told = json.loads(info(asked, HOUSE, Told(), ["text"]))
    assert told["extra_generation_params"] == {
        "Denoising strength": 0.7, "Hires sampler": "DPM++ 2M", "Hires prompt": None, "Hires negative prompt": None,
        "Hires schedule type": "Karras", "Hires upscale": 1.5, "Hires upscaler": "Latent",
    }  # fmt: skip


def test_styles_and_lost_networks():
    asked = ask(styles=["sketch"], prompt="a fox <lora:tiny_lora:0.5> <lora:gone:1>")
    assert asked.settings.prompt == "pencil sketch of a fox <lora:tiny_lora:0.5> <lora:gone:1>, monochrome"
    (loras,) = nodes(txt2img.graph_of(asked, 0, HOUSE))["HiresFixPromptLoras"]
    assert loras["text"] == "pencil sketch of a fox <lora:tiny_lora:0.5> , monochrome"
    assert "Networks not found: gone" in infotexts(asked, HOUSE, Told())[0]


def test_a_sent_text_fills_in_what_is_not_sent():
    text = (
        "an owl\nNegative prompt: noise\nSteps: 5, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 5.5, "
        "Seed: 77, Size: 64x96, Clip skip: 2"
    )
    request = with_infotext(read(Txt2Img, {"infotext": text, "steps": 9}))
    assert (request.prompt, request.steps, request.seed, request.height) == ("an owl", 9, 77, 96)
    assert (request.sampler_name, request.scheduler) == ("DPM++ 2M", "Automatic")
    assert request.override_settings == {"CLIP_stop_at_last_layers": 2}


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        ({"steps": 0}, "ZeroDivisionError"),
        ({"steps": None}, "TypeError"),
        ({"batch_size": 0}, "IndexError"),
        ({"n_iter": 10**9}, "ValueError"),
        ({"width": -64}, "RuntimeError"),
        ({"prompt": None}, "AssertionError"),
        ({"enable_hr": True}, "TypeError"),
        ({"enable_hr": True, "denoising_strength": 0.5, "hr_upscaler": "No Such"}, "Exception"),
        ({"enable_hr": True, "denoising_strength": 0.5, "hr_sampler_name": "Use same sampler"}, "AssertionError"),
        ({"refiner_checkpoint": "no_such"}, "Exception"),
        ({"tiling": True}, "NotImplementedError"),
        ({"restore_faces": True}, "NotImplementedError"),
        ({"styles": ["no such"]}, "KeyError"),
        ({"override_settings": {"sd_vae": "gone.pt"}}, "RuntimeError"),
        ({"override_settings": {"hires_fix_use_firstpass_conds": True}}, "NotImplementedError"),
    ],
)
def test_what_cannot_be_drawn_is_refused(sent, kind):
    body = refusal(**sent)
    assert body["error"] == kind
    assert len(body["errors"]) > 10


def test_scripts_are_chosen_or_refused():
    def of(is_img2img=True, **sent):
        return script_of(read(Img2Img, sent), is_img2img)

    assert of(script_name="SD upscale") == "sd upscale"
    assert of(script_name=None, alwayson_scripts={"ADetailer": {"args": [False]}, "ControlNet": {"args": []}}) is None
    assert of(alwayson_scripts={"refiner": {"args": [True, "x", 0.5]}}) is None, "A1111's API looks at the fields alone"
    # a switch before all others
    assert of(alwayson_scripts={"soft inpainting": {"args": [False, 1, 0.5, 4, 0, 0.5, 2]}}) is None
    for sent, words in (
        ({"script_name": "No Such"}, "Script 'No Such' not found"),
        ({"alwayson_scripts": {"ADetailer": {"args": [True, False, {"ad_model": "face"}]}}}, "'ADetailer' not found"),
        ({"alwayson_scripts": {"Hypertile": {"args": [0.5, False]}}}, "'Hypertile' not found"),
        ({"alwayson_scripts": {"SD upscale": {"args": [1]}}}, "Cannot have a selectable script"),
    ):
        with pytest.raises(ApiError, match=words) as caught:
            of(**sent)
        assert caught.value.status == 422


def test_controlnets_work_on_every_pass():
    unit = {"model": "canny [12345678]", "image": png(), "weight": 0.5, "guidance_end": 0.8}
    sent = {"ControlNet": {"args": [unit, {"enabled": False, "model": "x"}]}}
    (found,) = units_of(read(Txt2Img, {"alwayson_scripts": sent}))
    assert (found.model, found.weight, found.start, found.end, found.resize_mode) == (
        "canny [12345678]",
        0.5,
        0,
        0.8,
        1,
    )
    asked = ask(enable_hr=True, denoising_strength=0.5)
    for pictures in (("a.png", "b.png"), ("a.png", None), (None, "b.png")):
        control = Control("canny.safetensors", pictures[0], 0.5, 0.0, 0.8, pictures[1])
        found = nodes(txt2img.graph_of(asked, 0, HOUSE, [control]))
        assert [one["strength"] for one in found["ControlNetApplyAdvanced"]] == [0.5] * (2 - pictures.count(None))
        assert {one["image"] for one in found["HiresFixLoadImage"]} == set(pictures) - {None}


UNIT = {"model": "canny", "image": "base64"}


@pytest.mark.parametrize(
    ("unit", "found"),
    [
        ({"resize_mode": "Resize and Fill", "weight": None}, {"resize_mode": 2, "weight": 1.0}),
        ({"resize_mode": "ResizeMode.INNER_FIT"}, {"resize_mode": 1}),
        ({"resize_mode": 0, "hr_option": "High res only"}, {"resize_mode": 0, "passes": (False, True)}),
        ({"hr_option": "HiResFixOption.LOW_RES_ONLY"}, {"passes": (True, False)}),
        ({"image": {"image": "other", "mask": None}, "pixel_perfect": True}, {"picture": "other"}),
        ({"image": None, "input_image": "old"}, {"picture": "old"}),
        ({"control_mode": "Balanced", "module": "None"}, {"model": "canny", "hr_option": "Both"}),
    ],
)
def test_units_are_read_in_all_their_forms(unit, found):
    sent = {"alwayson_scripts": {"controlNet": {"args": [None, {**UNIT, **unit}, {"model": "None", "image": ""}]}}}
    (one,) = units_of(read(Txt2Img, sent))
    assert {name: getattr(one, name) for name in found} == found


@pytest.mark.parametrize(
    ("unit", "kind", "words"),
    [
        ({"module": "canny"}, "NotImplementedError", "preprocessor 'canny'"),
        ({"control_mode": 2}, "NotImplementedError", "control_mode 2"),
        ({"control_mode": "My prompt is more important"}, "NotImplementedError", "'Balanced' is"),
        ({"mask": "base64"}, "NotImplementedError", "masks of units"),
        ({"image": {"image": "a", "mask": "b"}}, "NotImplementedError", "masks of units"),
        ({"model": "None"}, "RuntimeError", "no model"),
        ({"resize_mode": "No Such"}, "ValueError", "Crop and Resize"),
        ({"resize_mode": [1]}, "ValueError", "resize_mode"),
        ({"hr_option": 7}, "ValueError", "hr_option is 7"),
        ({"weight": "much"}, "TypeError", "numbers"),
    ],
)
def test_units_that_cannot_be_done_are_refused(unit, kind, words):
    with pytest.raises(ApiError) as caught:
        units_of(read(Txt2Img, {"alwayson_scripts": {"controlnet": {"args": [{**UNIT, **unit}]}}}))
    assert caught.value.body["error"] == kind
    assert words in caught.value.body["errors"]


@pytest.mark.parametrize(
    ("mode", "columns"),
    [(0, "rrrrrrrr"), (1, "gggggggg"), (2, "rrrrgggg")],
)
def test_resize_modes(mode, columns):
    """A picture of three colours beside each other, 24x8, to 8x8."""
    wide = Image.new("RGB", (24, 8), "red")
    wide.paste("lime", (8, 0, 16, 8))
    made = np.asarray(resized(wide, mode, (8, 8)))
    assert made.shape == (8, 8, 3)
    if mode == 1:
        assert (made[:, 1:-1, 1] > 250).all(), "cut out of the middle"
    else:
        assert (made[0, 0] == made[7, 0]).all(), "all of it from edge to edge"
        assert made[4, 0, 0] > made[4, 0, 1]


def test_the_blur_of_a_mask_is_whole_numbers():
    mask = Image.new("L", (61, 5))
    mask.putpixel((30, 2), 255)
    row = np.asarray(blurred(mask, 4, 0))[2].astype(int)
    assert row[30] == max(row)
    assert (row == row[::-1]).all()
    assert np.flatnonzero(row).tolist() == list(range(20, 41)), "2.5 sigmas to each side"


def test_only_masked_has_the_box_that_a1111_recorded():
    mask = Image.new("L", (96, 48))
    mask.paste(255, (40, 14, 65, 37))
    file = io.BytesIO()
    mask.save(file, "PNG")
    request = read(Img2Img, {"mask": base64.b64encode(file.getvalue()).decode(), "mask_blur": 4, "inpainting_fill": 1,
                             "inpaint_full_res": True, "inpaint_full_res_padding": 8})  # fmt: skip
    found = masked(request, [Image.new("RGB", (96, 48), "red")], (64, 64))
    assert found is not None
    left, top, right, bottom = found.paste_to
    assert [left, top, right - left, bottom - top] == [22, 0, 61, 48]
    assert found.pictures[0].size == (64, 64)
    (whole,) = found.composed([Image.new("RGB", (64, 64), "blue")])
    assert whole.size == (96, 48)
    assert (whole.getpixel((0, 0)), whole.getpixel((52, 25))) == ((255, 0, 0), (0, 0, 255))
    assert found.said == {"Mask blur": 4, "Inpaint area": "Only masked", "Masked area padding": 8}


def test_img2img_redraws_by_its_own_rule():
    asked = ask(Img2Img, init_images=[png()], denoising_strength=1.5, resize_mode=3, batch_size=2)
    found = nodes(img2img.graph_of(asked, 0, HOUSE, img2img.Loaded(("a.png",), (96, 48))))
    (renoise,) = found["HiresFixRenoise"]
    assert (renoise["steps_rule"], renoise["denoising_strength"]) == ("img2img", 1.0)
    assert found["LatentUpscale"][0]["upscale_method"] == "bilinear"
    assert found["RepeatLatentBatch"][0]["amount"] == 2
    assert "Denoising strength: 1.5" in infotexts(asked, HOUSE, Told())[0]
    with pytest.raises(ApiError, match="expecting 1 or less"):
        prepared(ask(Img2Img, init_images=[]), [Image.new("RGB", (8, 8))] * 2)


def test_latent_noise_under_a_mask_is_that_of_the_first_seeds():
    """`init.latent` of A1111's recorded mask-latent-noise is `latent * mask + noise * nmask` to the bit."""
    sent = {"mask": png(mode="L", colour=255), "inpainting_fill": 2, "inpaint_full_res": False, "batch_size": 2}

    def of_second_batch(**more):
        asked = ask(Img2Img, init_images=[png()], n_iter=2, **sent, **more)
        loaded, found = prepared(asked, [Image.new("RGB", (96, 48))])
        assert found.said["Masked content"] == "latent noise"
        return nodes(img2img.graph_of(asked, 1, HOUSE, loaded))

    plain = of_second_batch()
    assert sorted(one["seed"] for one in plain["HiresFixNoise"]) == [1234, 1236]
    assert plain["EmptyLatentImage"][0]["batch_size"] == 2
    assert plain["ManualSigmas"] == [{"sigmas": "1"}]
    assert len(plain["LatentCompositeMasked"]) == 1
    # with a variation seed all pictures have one seed, and noise under the mask has no variation
    varied = of_second_batch(subseed=5, subseed_strength=0.5)
    assert [(one["seed"], one["subseed_strength"]) for one in varied["HiresFixNoise"]].count((1234, 0.0)) == 1
    assert varied["EmptyLatentImage"][0]["batch_size"] == 1
    assert [one["amount"] for one in varied["RepeatLatentBatch"]] == [2, 2]


def test_pictures_keep_the_sides_that_were_asked_for():
    """Both sides are whole latent cells in the result alone: A1111 encodes 100x77 pixels."""
    asked = ask(Img2Img, init_images=[png()], width=100, height=77)
    kept = []
    loaded, _ = prepared(asked, [Image.new("RGB", (96, 48))], lambda picture: kept.append(picture) or "a.png")
    assert loaded.size == kept[0].size == (100, 77)
    found = nodes(img2img.graph_of(asked, 0, HOUSE, loaded))
    assert found["HiresFixEncodeAnySize"][0]["numbers"] == "A1111"
    assert asked.size == (96, 72)


def test_sd_upscale_and_loopback_arguments():
    asked = ask(Img2Img, script_args=[None, 16, "lanczos", 1.5], width=64, height=64)
    script = sd_upscale.arguments(asked, HOUSE)
    found = nodes(sd_upscale.graph_of(asked, script, 0, HOUSE, "a.png"))
    assert (found["HiresFixSplitTiles"][0]["overlap"], found["HiresFixUpscaleImage"][0]["upscaling_resize"]) == (
        16,
        1.5,
    )
    assert script.said == {"SD upscale overlap": 16, "SD upscale upscaler": "Lanczos"}
    # repeats count the seed up, not the variation seed
    again = ask(Img2Img, script_args=[None, 16, "lanczos", 1.5], n_iter=2, subseed=7, subseed_strength=0.5)
    (noise,) = nodes(sd_upscale.graph_of(again, script, 1, HOUSE, "a.png"))["HiresFixNoise"]
    assert (noise["seed"], noise["subseed"]) == (1235, 7)


def test_loops_begin_with_the_result_before_and_its_seed():
    arguments = [2, 0.3, "Linear", "None"]
    asked = ask(Img2Img, denoising_strength=0.5, script_args=arguments)
    loops = loopback.arguments(asked)
    assert [loops.strength(loop) for loop in range(3)] == pytest.approx([0.5, 0.3, 0.1])

    def loop(number):
        mine, before = loops.asked(asked, number, number), [Image.new("RGB", (64, 48))]
        graph, _ = loopback.graph_of(mine, number, HOUSE, before, lambda picture: "a.png", no_upscaler, None)
        return nodes(graph)

    first, second = loop(0), loop(1)
    assert [one["seed"] for one in first["HiresFixNoise"]] == [1234]
    assert sorted(one["seed"] for one in second["HiresFixNoise"]) == [1234, 1235]
    assert "noise" not in first["HiresFixEncodeAnySize"][0]
    assert "noise" in second["HiresFixEncodeAnySize"][0]
    # what the first loop has filled is there in the others
    asked = ask(Img2Img, inpainting_fill=0, denoising_strength=0.5, script_args=arguments, mask=png())
    assert [loops.asked(asked, number, number).request.inpainting_fill for number in range(3)] == [0, 1, 1]


def test_extras():
    def made(**sent):
        request = read(ExtrasSingle, sent)
        return nodes(extras.graph_of(request, "a.png", OPTIONS, HOUSE)), extras.text_of(request)

    found, text = made(upscaler_1="Lanczos", upscaler_2="tiny_compact_x2", extras_upscaler_2_visibility=0.4)
    assert found["HiresFixUpscaleImage"][0]["extras_upscaler_2_visibility"] == 0.4
    assert text == "Postprocess upscale by: 2, Postprocess upscaler: Lanczos, Postprocess upscaler 2: tiny_compact_x2"
    _, text = made(upscaler_1="Lanczos", upscaling_resize=2)
    assert text == "Postprocess upscale by: 2.0, Postprocess upscaler: Lanczos"
    _, text = made(upscaler_1="Lanczos", resize_mode=1, upscaling_resize_w=128, upscaling_resize_h=96)
    assert text == "Postprocess upscale to: 128x96, Postprocess crop to: 128x96, Postprocess upscaler: Lanczos"
    for sent in ({"upscaler_1": "No Such"}, {"gfpgan_visibility": 0.5}):
        with pytest.raises(ApiError):
            made(**sent)


def test_ldsr_has_as_many_steps_as_the_setting_says():
    house = replace(HOUSE, files=replace(HOUSE.files, upscalers=[*HOUSE.files.upscalers, "LDSR/model.safetensors"]))
    options = {**OPTIONS, "ldsr_steps": 40}
    found = nodes(extras.graph_of(read(ExtrasSingle, {"upscaler_1": "LDSR"}), "a.png", options, house))
    assert found["HiresFixUpscalerLoader"][0]["upscaler_name"] == "LDSR/model.safetensors"
    assert found["HiresFixLdsrSettings"][0]["steps"] == 40


def test_pictures_come_and_go():
    image = decoded("data:image/png;base64," + png())
    assert image.size == (96, 48)
    for sent in ("nonsense", "", "http://127.0.0.1/x.png"):
        with pytest.raises(ApiError) as caught:
            decoded(sent)
        assert caught.value.status == 500
    again = Image.open(io.BytesIO(encoded(image, {"parameters": "été 狐"})))
    assert again.info["parameters"] == "été 狐"
    assert grid([image] * 5).size == (3 * 96, 2 * 48)


def test_hires_fix_of_a_given_picture_has_no_first_pass():
    hires = {"enable_hr": True, "denoising_strength": 0.5, "hr_sampler_name": "DPM2", "hr_second_pass_steps": 3}
    picture = {"firstpass_image": png((64, 48))}
    latent = ask(**hires, **picture, hr_upscaler="Latent")
    assert txt2img.given_picture(latent).size == (64, 48)
    found = nodes(txt2img.graph_of(latent, 0, HOUSE, (), "a.png"))
    assert "HiresFixBaseSampling" not in found
    assert found["HiresFixEncodeAnySize"][0]["numbers"] == "A1111"
    (target,), (renoise,) = found["HiresFixTargetSize"], found["HiresFixRenoise"]
    assert (target["width"], target["height"]) == (64, 48)
    assert (renoise["steps"], renoise["sampler_name"], renoise["scheduler"]) == (4, "DPM2", "Automatic")
    assert {(one["steps"], one["for_pass"], one["hr_sampler_name"]) for one in found["HiresFixPrompt"]} == {
        (4, "second pass", "DPM2")
    }
    pixel = nodes(txt2img.graph_of(ask(**hires, **picture, hr_upscaler="Lanczos"), 0, HOUSE, (), "a.png"))
    assert "image" in pixel["HiresFixPixelUpscale"][0]
    assert "noise" not in pixel["HiresFixPixelUpscale"][0], "A1111 has seeded nothing by then"
    with pytest.raises(ApiError, match="96x48 pixels"):
        txt2img.given_picture(ask(**hires, firstpass_image=png(), hr_upscaler="Latent"))
    for sent in ({**hires, "batch_size": 2}, {}):
        assert refusal(**sent, **picture)["error"] == "ValueError"


def test_hires_fix_enlarges_the_sides_that_were_asked_for():
    """A1111's 832x512 at 1.3 aims at 1081x665; so does 100x77 at 1.5 at 150x115, not at 144x108."""
    hires = {"enable_hr": True, "denoising_strength": 0.5, "hr_upscaler": "Latent"}
    (target,) = drawn(width=100, height=77, **hires)["HiresFixTargetSize"]
    assert (target["width"], target["height"]) == (100, 77)
    assert "latent" not in target
    assert "latent" in drawn(**hires)["HiresFixTargetSize"][0]
