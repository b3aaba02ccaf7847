"""Generation texts that are not A1111's own: of its forks, other programs, web pages, and hands that copied them."""

import json
import re
from pathlib import Path

import pytest
from hires_pack.hires.graph.builder import Note
from hires_pack.hires.graph.to_api import to_api
from hires_pack.hires.infotext.json import is_unknown_json, read_json, read_lines
from hires_pack.hires.infotext.markdown import as_code, code_block
from hires_pack.hires.infotext.read import is_generation_text, read_settings
from hires_pack.hires.infotext.text import parse
from hires_pack.hires.infotext.to_graph.loaders import ModelFiles
from hires_pack.hires.infotext.to_graph.workflow import hires_workflow

DATA = Path(__file__).resolve().parents[2] / "data" / "odd-infotexts"


def text(name):
    return (DATA / f"{name}.txt").read_text(encoding="utf-8")


def settings(name):
    return read_settings(parse(text(name))).settings


def inputs(conversion, kind):
    (found,) = (node["inputs"] for node in to_api(conversion.graph).values() if node["class_type"] == kind)
    return found


# ------------------------------------------------------------------------------------------ one file of each kind


def test_settings_of_three_lines():
    asked = settings("three-line-settings")
    assert (asked.prompt, asked.steps, asked.sampler_name, asked.scheduler) == ("", 32, "DPM++ 2M", "Karras")
    assert (asked.seed, asked.width, asked.height, asked.clip_skip) == (3709157017, 512, 512, 2)
    assert (asked.noise_source, asked.options.s_min_uncond) == ("CPU", 4)
    assert (asked.hires.hr_second_pass_steps, asked.hires.hr_upscaler) == (16, "2xNomosUni_esrgan_multijpg")


def test_settings_that_sd_next_wrapped():
    asked = settings("settings-wrapped-sdnext")
    assert (
        asked.prompt == "masterpiece, girl, ponytail,\n<lora:outline_xl_kohaku_delta_spv5x:3.0>, monochrome, line art"
    )
    assert asked.negative_prompt == "low quality, worst quality, cropped"
    assert (asked.steps, asked.seed, asked.cfg_scale, asked.width, asked.height) == (20, 1561296656, 6, 1312, 1408)
    assert str(asked.checkpoint) == "hassakuXLIllustrious_v21fix [847403d47a]"


def test_a_quoted_value_with_a_line_break():
    asked = settings("quoted-value-with-line-break")
    assert (asked.prompt, asked.negative_prompt, asked.steps, asked.seed) == ("1girl", "bad", 30, 1234567)
    assert (asked.hires.hr_resize_x, asked.hires.hr_resize_y, asked.hires.denoising_strength) == (1152, 1024, 0.6)
    wildcards = parse(text("quoted-value-with-line-break")).get("Wildcard prompt")
    assert wildcards.startswith("(slender waist:0.9), ")
    assert wildcards.endswith("\n(Daniel F. Gerhartz:1.1), (Sally Mann:0.9)")


def test_one_line_with_a_comma_before_the_settings():
    asked = settings("one-line-comma-before-steps")
    assert asked.prompt == "a small city, clouds, nighttime, lights on <lora:StackedCityAI:1>"
    assert asked.negative_prompt.startswith("Negative prompt: easynegative, (bad composition,bad structure:1.3)")
    assert asked.negative_prompt.rstrip(" ,").endswith("badhandv4")
    assert (asked.steps, asked.seed, asked.hires.hr_second_pass_steps) == (41, 2567445809, 10)


def test_line_breaks_that_exiftool_prints_as_dots():
    asked = settings("exiftool-dots")
    assert asked.prompt == "(muses:2.0)  marionette (black:2.0) (ukj:2.0) , (black and white photography)"
    assert (asked.negative_prompt, asked.steps, asked.cfg_scale) == ("", 50, 4)


def test_no_blank_before_the_settings():
    asked = settings("no-blank-before-steps")
    assert asked.prompt.endswith("<lora:Multicap:1>, tower")
    assert asked.negative_prompt == "easynegative , watermarks , (((text)))"
    assert (asked.steps, asked.hires.hr_upscaler) == (100, "4x-UltraSharp")


def test_keys_are_exact_before_they_are_in_any_capitals():
    reading = read_settings(parse(text("lowercase-model-wins")))
    assert str(reading.settings.checkpoint) == "DreamShaper8_pruned [879db523c3]"
    assert reading.settings.hires.hr_sampler_name == "DPM++ 2M SDE"
    assert "model" in [found.key for found in reading.unused]


def test_sd_nexts_own_words():
    asked = settings("sdnext-clip-skip-template")
    assert (asked.prompt, asked.negative_prompt) == ("a lighthouse at dusk, detailed", "blurry")
    assert (asked.clip_skip, asked.eta_noise_seed_delta, asked.vae) == (2, 31337, None)
    assert (asked.sampler_name, asked.scheduler, asked.checkpoint.name) == ("DPM++ 2M", "Uniform", "dreamshaper_8")
    assert (asked.hires.hr_resize_x, asked.hires.hr_resize_y, asked.hires.denoising_strength) == (768, 1024, 0.35)


def test_liblibs_numbered_loras_and_underscores():
    upscaler = "RealESRGAN_x4plus_anime_6B"
    lora = "萌萌哒胖猫卡通3D插画场景模型"
    files = ModelFiles(loras=[f"x/{lora}.safetensors"], upscalers=[f"{upscaler}.pth"])
    conversion = hires_workflow(text("liblib"), files)
    assert inputs(conversion, "HiresFixPromptLoras")["text"].endswith(f"<lora:{lora}:0.7>")
    assert inputs(conversion, "HiresFixUpscalerLoader")["upscaler_name"] == f"{upscaler}.pth"
    assert not [note for note in conversion.notes if "Lora" in note or "vae_name" in note]


def test_no_sentence_of_a_schedule_none():
    conversion = hires_workflow(text("schedule-none-message"))
    assert not [note for note in conversion.notes if "None" in note]
    sampling = inputs(conversion, "HiresFixBaseSampling")
    assert (sampling["sampler_name"], sampling["scheduler"]) == ("dpmpp_2m_sde_gpu", "karras")
    assert inputs(conversion, "HiresFixRenoise")["sampler_name"] == "euler_ancestral"
    assert inputs(conversion, "HiresFixRenoise")["scheduler"] == "Use same scheduler"


def test_what_a_web_page_lost_is_no_embedding():
    conversion = hires_workflow(text("object-object"))
    assert not [note for note in conversion.notes if "embedding" in note]


def test_forges_flux():
    files = ModelFiles(
        checkpoints=["other.safetensors"],
        vaes=["ae.safetensors"],
        diffusion_models=["flux/fluxUNLOCKED_v20FP8.safetensors"],
        text_encoders=["clip_l.safetensors", "t5xxl_fp8_e4m3fn.safetensors"],
    )
    conversion = hires_workflow(text("forge-flux"), files)
    assert inputs(conversion, "FluxGuidance")["guidance"] == 3.5
    assert inputs(conversion, "UNETLoader")["unet_name"] == files.diffusion_models[0]
    clip = inputs(conversion, "DualCLIPLoader")
    assert (clip["clip_name1"], clip["clip_name2"], clip["type"]) == (*files.text_encoders, "flux")
    assert inputs(conversion, "VAELoader")["vae_name"] == "ae.safetensors"
    latent = inputs(conversion, "EmptySD3LatentImage")
    api = to_api(conversion.graph)
    assert [latent[side] for side in ("width", "height")] == [720, 1280]
    assert inputs(conversion, "HiresFixBaseSampling")["cfg"] == 1
    guided = api[inputs(conversion, "HiresFixBaseSampling")["positive"][0]]
    assert guided["class_type"] == "FluxGuidance"
    assert "<lora" not in api[guided["inputs"]["conditioning"][0]]["inputs"]["text"]
    assert not [note for note in conversion.notes if "Module" in note or "Distilled" in note]


def test_flux_in_one_file_and_with_hires():
    line = text("forge-flux").partition(", Module 1")[0]
    conversion = hires_workflow(f"{line}, Hires upscale: 1.5, Hires upscaler: Latent, Hires Distilled CFG Scale: 2")
    api = to_api(conversion.graph)
    guidances = [node["inputs"]["guidance"] for node in api.values() if node["class_type"] == "FluxGuidance"]
    assert guidances == [3.5, 2]
    assert inputs(conversion, "CheckpointLoaderSimple")["ckpt_name"] == "fluxUNLOCKED_v20FP8.safetensors"


def test_swarmuis_json():
    conversion = hires_workflow(text("swarmui-json"))
    asked = read_settings(read_json(text("swarmui-json"))[0]).settings
    assert (asked.prompt, asked.negative_prompt) == ("a cat in a hat", "blurry")
    assert (asked.seed, asked.steps, asked.cfg_scale, asked.width, asked.height) == (1234567, 20, 7, 1024, 1024)
    assert (asked.sampler_name, asked.scheduler, asked.checkpoint.name) == ("euler", "normal", "sd_xl_base_1.0")
    assert "SwarmUI" in conversion.notes[0]
    assert inputs(conversion, "HiresFixNoise")["source"] == "ComfyUI"


# ------------------------------------------------------------------------------------------ variants

REST = "Sampler: Euler a, Schedule type: Karras, CFG scale: 7, Seed: 5, Size: 512x768, Model: m"
SETTINGS = f"Steps: 20, {REST}"
LINES = SETTINGS.split(", ")

LAYOUTS = {
    "as it should be": f"a cat\nNegative prompt: fog\n{SETTINGS}",
    "one line": f"a cat Negative prompt: fog {SETTINGS}",
    "one line, tab": f"a cat\tNegative prompt: fog\t{SETTINGS}",
    "dots": f"a cat.Negative prompt: fog.{SETTINGS}",
    "dots of exiftool": f"Parameters                      : a cat.Negative prompt: fog.{SETTINGS}",
    "comment of exiftool": f"User Comment                    : a cat.Negative prompt: fog.{SETTINGS}",
    "a line a setting": "a cat\nNegative prompt: fog\n" + "\n".join(LINES),
    "a line a setting, commas": "a cat\nNegative prompt: fog\n" + ",\n".join(LINES),
    "two lines": "a cat\nNegative prompt: fog\n" + SETTINGS.replace(", Seed", "\nSeed"),
    "blank lines": "a cat\nNegative prompt: fog\n" + SETTINGS.replace(", Seed", "\n\nSeed"),
    "wrapped in a value": "a cat\nNegative prompt: fog\n" + SETTINGS.replace("Euler a", "Euler\na"),
    "wrapped in a key": "a cat\nNegative prompt: fog\n" + SETTINGS.replace("CFG scale", "CFG\nscale"),
    "wrapped behind a key": "a cat\nNegative prompt: fog\n" + SETTINGS.replace("Schedule type", "Schedule\ntype"),
    "Windows": f"a cat\r\nNegative prompt: fog\r\n{SETTINGS}\r\n",
    "Windows and Unix": f"a cat\r\nNegative prompt: fog\n{SETTINGS}\r\n",
    "old Mac": f"a cat\rNegative prompt: fog\r{SETTINGS}",
    "line separators": f"a cat\u2028Negative prompt: fog\u2028{SETTINGS}",
    "byte order mark": f"\ufeffa cat\nNegative prompt: fog\n{SETTINGS}\0",
    "indented": f"  a cat\n  Negative prompt: fog\n  {SETTINGS}",
    "hard blanks": f"a cat\nNegative prompt: fog\n{SETTINGS}".replace(": ", ":\u00a0"),
    "tabs": "a cat\nNegative prompt: fog\n" + ",\t".join(LINES),
    "other capitals": "a cat\nNegative Prompt: fog\n" + re.sub(r"[\w ]+:", lambda key: key[0].lower(), SETTINGS),
    "settings first": f"a cat\n{SETTINGS}\nNegative prompt: fog",
    "escaped": f"a cat\\nNegative prompt: fog\\n{SETTINGS}",
    "templates": f"a cat\nNegative prompt: fog\nTemplate: a __cat__, x: y\nNegative template: f\n{SETTINGS}",
    "templates behind": f"a cat\nNegative prompt: fog\n{SETTINGS}\nTemplate: a __x__, a: b, c: d\nNegative Template: f",
    "steps in the middle": f"a cat\nNegative prompt: fog\nSeed: 5, Sampler: Euler a, Steps: 20, {REST}",
    "hires steps behind": f"a cat Negative prompt: fog {SETTINGS}, Hires Steps: 9, Hires upscaler: Latent",
    "a value that says it": f'a cat\nNegative prompt: fog\n{SETTINGS}, Note: "x Steps: 4, y"',
    "a line that says it": f'a cat\nNegative prompt: fog\n{SETTINGS}, Note: "x\n\nz, y", Version: v1.9.0',
    "JSON in lines": f'a cat\nNegative prompt: fog\n{SETTINGS}, Hashes: {{\n"model": "aa",\n"x": "b"\n}}, Version: x',
    "in an answer": json.dumps({"parameters": f"a cat\nNegative prompt: fog\n{SETTINGS}"}),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(layout):
    infotext = (read_json(layout) or (parse(layout),))[0]
    asked = read_settings(infotext).settings
    assert (asked.prompt, asked.negative_prompt) == ("a cat", "fog")
    assert (asked.steps, asked.sampler_name, asked.scheduler) == (20, "Euler a", "Karras")
    assert (asked.cfg_scale, asked.seed, asked.width, asked.height) == (7, 5, 512, 768)
    assert asked.checkpoint.name == "m"


PROMPTS = {
    "says steps": "Steps: 20 up the tower",
    "says steps with a comma": "Steps: 20, up the tower",
    "says steps inside": "a stair of Steps: 20, up",
    "has settings": "a sign that reads\nSteps: 9, Sampler: LMS, Seed: 1\nand a cat",
    "has keys": "masterpiece: yes, style: oil, mood: good",
    "says template": "Template: a cat, for a card",
    "unicode": "猫, ночь 🌙, é\u3000x",
    "quotes": 'a "cat, with: quotes"',
    "ends with a dot": "a cat.",
    "lines": "a cat\n\nBREAK\n a dog",
}


@pytest.mark.parametrize("negative", ["", "fog, Steps: 3, rain"])
@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
def test_prompts_that_look_like_something_else_stay_prompts(prompt, negative):
    infotext = parse(f"{prompt}\n" + f"Negative prompt: {negative}\n" * bool(negative) + SETTINGS)
    assert (infotext.prompt, infotext.negative_prompt, infotext.trailer) == (prompt, negative, "")
    assert [found.key for found in infotext.parameters][:2] == ["Steps", "Sampler"]


def test_a_negative_prompt_inside_of_a_line_of_a1111_stays_with_a_word():
    reading = read_settings(parse(f"a cat Negative prompt: fog\n{SETTINGS}"))
    assert reading.settings.prompt == "a cat Negative prompt: fog"
    assert "inside of a line" in reading.notes[0]


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("CLIP skip: 2", "clip_skip", 2),
        ("Clip-Skip: 2", "clip_skip", 2),
        ("clip_skip: 2", "clip_skip", 2),
        ("Eta noise seed delta: 31337", "eta_noise_seed_delta", 31337),
        ("vae_name: automatic", "vae", None),
        ("VAE: TAESD", "vae", None),
        ("Width: 640, Height: 832", "width", 640),
        ("Size: 640 x 832", "height", 832),
        ("Size: 640×832", "height", 832),
        ("Resolution: (640, 832)", "width", None),  # a comma outside of quotes
        ('Resolution: "(640, 832)"', "width", 640),
        ("Guidance scale: 5.5", "cfg_scale", 5.5),
        ("CFG: 5.5", "cfg_scale", 5.5),
        ("Sampler: Euler a, Scheduler: EulerAncestralDiscreteScheduler", "scheduler", "Automatic"),
        ("Sampler: dpmpp_2m, Scheduler: karras", "scheduler", "karras"),
        ("Sampler: dpmpp_2m, Denoise: 1.0", "scheduler", "normal"),
        ("Sampler name: Euler a", "sampler_name", "Euler a"),
        ("Denoising strength: 1.0", "hires", None),
        ("Sampler: Euler", "noise_source", "GPU"),
        ("Sampler: Euler, Version: ComfyUI", "noise_source", "ComfyUI"),
        ("Sampler: euler", "noise_source", "ComfyUI"),
        ("Sampler: euler, RNG: CPU", "noise_source", "CPU"),
    ],
)
def test_keys_of_other_savers(line, field, value):
    assert getattr(read_settings(parse(f"a cat\nSteps: 20, {line}")).settings, field) == value


def test_loras_of_other_savers():
    line = (
        "Lora_0 Model name: one.safetensors, Lora_0 Strength model: 0.5, Lora_0 Strength clip: 0.25, Lora_1: x/two.pt"
    )
    assert (
        read_settings(parse(f"a cat\n{SETTINGS}, {line}")).settings.prompt == "a cat <lora:one:0.25:0.5> <lora:two:1>"
    )
    assert read_settings(parse(f"a <lora:one:1>\n{SETTINGS}, {line}")).settings.prompt == "a <lora:one:1> <lora:two:1>"


JSONS = {
    "NovelAI": {"prompt": "a cat", "uc": "fog", "steps": 28, "scale": 5.5, "seed": 5, "sampler": "k_euler_ancestral",
                "noise_schedule": "karras", "width": 832, "height": 1216},
    "InvokeAI": {"generation_mode": "txt2img", "positive_prompt": "a cat", "negative_prompt": "fog", "steps": 28,
                 "cfg_scale": 5.5, "seed": 5, "scheduler": "euler_ancestral", "width": 832, "height": 1216,
                 "model": {"model_name": "m"}},
    "Easy Diffusion": {"prompt": "a cat", "negative_prompt": "fog", "num_inference_steps": 28, "guidance_scale": 5.5,
                       "seed": 5, "sampler_name": "euler_ancestral", "width": 832, "height": 1216,
                       "use_stable_diffusion_model": "m.ckpt"},
    "NovelAI or Draw Things": {"c": "a cat", "uc": "fog", "steps": 28, "scale": 5.5, "seed": 5,
                               "sampler": "euler_ancestral", "size": "832x1216", "model": "m.ckpt"},
    "another program": {"Prompt": "a cat", "negativePrompt": "fog", "Steps": 28, "cfgScale": 5.5, "seed": "5",
                        "sampler": "euler_ancestral", "resolution": [832, 1216]},
    "Fooocus": {"prompt": "a cat", "negative_prompt": "fog", "steps": 28, "guidance_scale": 5.5, "seed": "5",
                "sampler": "euler_ancestral", "resolution": "(832, 1216)", "base_model": "m",
                "loras": [["one.safetensors", 0.5, "aa"]], "vae": "Default (model)", "metadata_scheme": "fooocus"},
}  # fmt: skip


@pytest.mark.parametrize("program", JSONS)
def test_json_of_other_programs(program):
    infotext, note = read_json(json.dumps(JSONS[program], indent=1))
    asked = read_settings(infotext).settings
    assert asked.prompt == ("a cat <lora:one:0.5>" if program == "Fooocus" else "a cat")
    assert (asked.negative_prompt, asked.steps, asked.cfg_scale, asked.seed) == ("fog", 28, 5.5, 5)
    assert (asked.sampler_name, asked.width, asked.height, asked.vae) == ("euler_ancestral", 832, 1216, None)
    assert asked.scheduler == ("karras" if program == "NovelAI" else "normal")
    assert f"JSON of {program.split(' or ')[0]}" in note or "NovelAI" in note


@pytest.mark.parametrize(
    "other", ["", "{a|b} cat", '["a"]', "{", '{"1": {"class_type": "KSampler", "inputs": {}}}', "{}"]
)
def test_json_that_is_no_generation_data(other):
    assert read_json(other) is None
    assert is_unknown_json(other) == (other.startswith("{") and other.endswith("}") and "|" not in other)


@pytest.mark.parametrize(
    ("comment", "known"),
    [
        ("Screenshot", False),
        ("OLYMPUS DIGITAL CAMERA", False),
        ("Aperture: 2.8, ISO: 100, Focal length: 35mm, Size: 4000x3000", False),
        ("filter: 0; fileterIntensity: 0.0; filterMask: 0;", False),
        ("", False),
        (f"a cat\n{SETTINGS}", True),
        ("a cat\nNegative prompt: fog", True),
        ("Steps: 20", True),
    ],
)
def test_comments_of_cameras_are_no_generation_text(comment, known):
    assert is_generation_text(parse(comment)) is known


# ------------------------------------------------------------------------------------------ renamed models


def test_a_renamed_file_is_found_by_its_hash():
    asked = []

    def by_hash(folder, digits):
        asked.append((folder, digits))
        return {"aa11bb22cc": "new/name.safetensors", "ddeeff00": "lora.safetensors"}.get(digits)

    files = ModelFiles(checkpoints=["new/name.safetensors"], loras=["lora.safetensors"], by_hash=by_hash)
    line = f'{SETTINGS}, Model hash: aa11bb22cc, Lora hashes: "one: ddeeff00"'
    conversion = hires_workflow(f"a <lora:one:1>\n{line}", files)
    assert inputs(conversion, "CheckpointLoaderSimple")["ckpt_name"] == "new/name.safetensors"
    assert inputs(conversion, "HiresFixPromptLoras")["text"] == "a <lora:lora:1>"
    assert asked == [("checkpoints", "aa11bb22cc"), ("loras", "ddeeff00")]
    assert [note.endswith("that has the same hash.") for note in conversion.notes] == [True, True]
    only = hires_workflow(f"a cat\n{SETTINGS.replace('Model: m', 'Model hash: aa11bb22cc')}", files)
    assert inputs(only, "CheckpointLoaderSimple")["ckpt_name"] == "new/name.safetensors"
    hashes = '{"model": "aa11bb22cc", "lora:one": "ddeeff00"}'
    listed = hires_workflow(f"a <lora:one:1>\n{SETTINGS}, Hashes: {hashes}", files)
    assert [note.endswith("that has the same hash.") for note in listed.notes] == [True, True]
    asked.clear()
    hires_workflow(f"a cat\n{line}".replace("Model: m", "Model: name"), files)
    assert asked == []  # a file of that name needs no hash


@pytest.mark.parametrize("name", ["4x-UltraSharp", "4x UltraSharp", "4x_ultrasharp", "4xUltraSharp.pth"])
def test_files_are_found_without_regard_to_blanks_and_marks(name):
    line = f"{SETTINGS}, Denoising strength: 0.5, Hires upscale: 2, Hires upscaler: {name}"
    conversion = hires_workflow(f"a cat\n{line}", ModelFiles(upscalers=["esrgan/4x-UltraSharp.pth"]))
    assert inputs(conversion, "HiresFixUpscalerLoader")["upscaler_name"] == "esrgan/4x-UltraSharp.pth"


# ------------------------------------------------------------------------------------------ what is shown of a text


def outside_of_code(markdown):
    """What a reader of Markdown takes for more than text: all but blocks and spans of code."""
    lines, fence = [], ""
    for line in markdown.split("\n"):
        ticks = re.fullmatch(r"(`{3,})\s*", line)
        if fence:
            fence = "" if ticks and len(ticks[1]) >= len(fence) else fence
        elif ticks:
            fence = ticks[1]
        else:
            lines.append(re.sub(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "", line))
    assert not fence
    return "\n".join(lines)


EVIL = [
    "```", "``` x", "a\n````\n<img src=x>\n~~~", "`<img src=x>`", "``", "[j](javascript:1)",
    "![y](http://127.0.0.1/x.png)", "<svg/onload=1>", "\u202etxt.exe", "\x1b[31m", "* \\` x", "", " ", "`",
]  # fmt: skip


@pytest.mark.parametrize("evil", EVIL)
def test_text_of_strangers_stays_text(evil):
    for shown in (f"a {as_code(evil)} b", f"a\n{code_block(evil)}\nb"):
        assert outside_of_code(shown).split() == ["a", "b"]
        assert not re.search("[\x1b\u202e]", shown)


def test_a_whole_text_cannot_break_out_of_its_notes():
    conversion = hires_workflow(text("xss-infotext"), ModelFiles(*[["other.safetensors"]] * 4))
    notes = "\n".join(item.text for item in conversion.graph.items if isinstance(item, Note))
    assert "<iframe" in notes
    assert "![t](http" in notes
    assert not re.search(r"<\w|\]\(|http", outside_of_code(notes))
    assert not [item.title for item in conversion.graph.items if "<" in item.title]


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize("key", ["Sampler", "Model", "VAE", "Foo", "Hires upscaler", "TI hashes", "Lora 1", "Module 1"])
def test_no_value_breaks_out_of_the_notes(key, evil):
    value = json.dumps(evil, ensure_ascii=False)
    line = f"Steps: 20, {key}: {value}, Denoising strength: 0.5, Hires upscale: 2"
    conversion = hires_workflow(f"a cat <lora:{evil}:1> <{evil}>\n{line}\n```\n{evil}", ModelFiles(*[["o.pt"]] * 4))
    notes = "\n".join(item.text for item in conversion.graph.items if isinstance(item, Note))
    assert not re.search(r"<\w|\]\(|http|[\x1b\u202e]", outside_of_code(notes))


# ------------------------------------------------------------------------------------------ marks around texts, lists

PLAIN = """a cat
Negative prompt: fog
Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512"""

MARKED = {
    "exiftool with groups": "[EXIF]          User Comment                    : " + PLAIN.replace("\n", "."),
    "exiftool in short": "UserComment                     : " + PLAIN.replace("\n", "."),
    "ImageMagick": f"parameters: {PLAIN}",
    "fence": f"```text\n{PLAIN}\n```",
    "cited": "\n".join(f"> {line}" for line in PLAIN.splitlines()),
    "bold": re.sub(r"(\w[\w ]+:)(?! fog)", r"**\1**", PLAIN),
    "blanks that do not wrap": PLAIN.replace(": ", ":\xa0").replace("e p", "e\xa0p"),
    "JSON string": json.dumps(PLAIN),
}


@pytest.mark.parametrize("marked", MARKED.values(), ids=MARKED)
def test_marks_around_a_text_are_no_part_of_it(marked):
    found, wanted = read_settings(parse(marked)), read_settings(parse(PLAIN))
    assert found.settings == wanted.settings
    assert found.unused == ()


LISTS = {
    "Fooocus": """Prompt: a cat
Negative Prompt: fog
Fooocus V2 Expansion: a cat, cinematic
Steps: 30
Resolution: (1152, 896)
Guidance Scale: 4
Base Model: juggernautXL
VAE: Default (model)
Sampler: dpmpp_2m
Scheduler: karras
Seed: 5
LoRA 1: offset_1.0 : 0.1""",
    "Easy Diffusion": """a cat
Seed: 5
Use Stable Diffusion model: juggernautXL
Use VAE model:
Sampler: dpmpp_2m
Scheduler: karras
Negative Prompt: fog
Width: 1152
Height: 896
Steps: 30
Guidance Scale: 4""",
}


@pytest.mark.parametrize("program", LISTS)
def test_lists_of_other_programs(program):
    found = read_settings(read_lines(LISTS[program])[0]).settings
    assert found.prompt.strip() == ("a cat <lora:offset_1.0:0.1>" if program == "Fooocus" else "a cat")
    assert (found.negative_prompt, found.steps, found.seed, found.cfg_scale) == ("fog", 30, 5, 4)
    assert (found.sampler_name, found.scheduler) == ("dpmpp_2m", "karras")
    assert (found.width, found.height, found.checkpoint.name, found.vae) == (1152, 896, "juggernautXL", None)


def test_texts_of_a1111_are_no_lists():
    assert read_lines(PLAIN) is None
    assert read_lines(PLAIN.replace(", ", "\n")) is None
    assert read_lines(PLAIN.replace(", ", ",\n")) is None


def test_the_answer_of_a1111s_api_is_read_by_its_text():
    text = PLAIN.replace("Euler a", "DPM++ 2M, Schedule type: Karras")
    info = {"prompt": "a cat", "sampler_name": "DPM++ 2M", "steps": 20, "infotexts": [text]}
    for answer in (info, {"images": [], "parameters": {"prompt": "a cat"}, "info": json.dumps(info)}):
        assert read_json(json.dumps(answer)) == (parse(text), "")


def test_loras_that_are_in_the_workflow_are_not_said_to_be_missing():
    data = {"prompt": "a cat", "use_lora_model": ["detail"], "lora_alpha": [0.5]}
    found, _ = read_json(json.dumps(data))
    assert found.prompt == "a cat <lora:detail:0.5>"
    assert found.parameters == ()


def test_what_is_not_read_of_loras_is_told():
    for more in ({"loras": "a,b"}, {"loras": [7]}, {"loras": ["a"], "loraweights": ["0.7"]}):
        found, _ = read_json(json.dumps({"prompt": "a cat <lora:a:1>", **more}))
        assert found.get("loras") is not None
