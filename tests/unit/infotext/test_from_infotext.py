"""From a generation text to a workflow and back: equal settings, and notes of what could not be carried over."""

import json
from pathlib import Path
from typing import Any

import pytest
from hires_pack.hires.errors import InputError
from hires_pack.hires.graph.builder import Note
from hires_pack.hires.graph.to_api import to_api
from hires_pack.hires.graph.to_ui import to_ui
from hires_pack.hires.infotext.from_graph.passes import NoWordsError
from hires_pack.hires.infotext.from_graph.read import read_graph
from hires_pack.hires.infotext.read import read_settings
from hires_pack.hires.infotext.settings import GenerationSettings, HiresSettings, ModelName
from hires_pack.hires.infotext.text import Infotext, Parameter, parse, write
from hires_pack.hires.infotext.to_graph.loaders import ModelFiles
from hires_pack.hires.infotext.to_graph.workflow import Conversion, hires_workflow
from hires_pack.hires.infotext.write import write_settings
from hires_pack.hires.prompts.counting import EITHER
from hires_pack.hires.sampling.same import SAME_SAMPLER, SAME_SCHEDULER, SAME_STEPS
from hires_pack.recipes import gallery, gallery_models, gallery_upscale
from hires_pack.recipes.job import NEGATIVE_PROMPT, PROMPT
from hires_pack.tests.plain_numbers import pairs
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

DATA = Path(__file__).resolve().parents[2] / "data"
WORKFLOWS = DATA.parents[1] / "workflows" / "api"
CASES = json.loads((DATA / "oracle-infotexts" / "cases.json").read_text(encoding="utf-8"))
RECORDED = {f"{name}-{index}": text for name, case in CASES.items() for index, text in enumerate(case["infotexts"])}
ODD = json.loads((DATA / "odd-infotexts" / "texts.json").read_text(encoding="utf-8"))
HASHES = {"tiny_sd15": "9189f6453a", "tiny_sd15_b": "907ff92e81"}
"""First digits of the oracle checkpoints' SHA-256, from their list of sums."""

BASE = "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 5, Size: 500x700, Model: base"
HIRES = f"{BASE}, Denoising strength: 0.5, Hires upscale: 1.5, Hires upscaler: "


def settings_of_graph(*graph: Any) -> GenerationSettings:
    """What is said of a graph that is told completely."""
    return read_graph(*graph).settings


class Graph:
    """The API format, asked by node types."""

    def __init__(self, conversion: Conversion) -> None:
        self.api = to_api(conversion.graph)

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [node["inputs"] for node in self.api.values() if node["class_type"] == kind]

    def one(self, kind: str) -> dict[str, Any]:
        (found,) = self.all(kind)
        return found

    def behind(self, link: list[Any]) -> dict[str, Any]:
        """The inputs of the node that a link comes from."""
        return self.api[link[0]]["inputs"]

    @property
    def save(self) -> str:
        return next(name for name, node in self.api.items() if node["class_type"] == "HiresFixSaveImage")

    def settings(self) -> GenerationSettings:
        return settings_of_graph(self.api, self.save, lambda name: HASHES.get(name, ""))


def convert(settings: str, prompt: str = "a cat", **files: Any) -> tuple[Graph, Conversion]:
    conversion = hires_workflow(f"{prompt}\n{settings}", ModelFiles(**files))
    return Graph(conversion), conversion


@pytest.mark.parametrize("text", RECORDED.values(), ids=RECORDED)
def test_recorded_texts_survive_the_workflow(text):
    original, conversion = parse(text), hires_workflow(text)
    settings = Graph(conversion).settings()
    assert settings == read_settings(original).settings
    again = write_settings(settings, "v1.10.1")
    assert (again.prompt, again.negative_prompt) == (original.prompt, original.negative_prompt)
    # the nodes have no tiling
    assert pairs(again.parameters) == [pair for pair in pairs(original.parameters) if pair[0] != "Tiling"]
    assert conversion.notes == (("Not in the workflow: Tiling: True",) if original.get("Tiling") else ())


@pytest.mark.parametrize("odd", ODD, ids=[odd["name"] for odd in ODD])
def test_odd_texts_become_workflows_that_show_what_is_left(odd):
    conversion = hires_workflow(odd["text"])
    to_api(conversion.graph)
    notes = "\n".join(node["widgets_values"][0] for node in to_ui(conversion.graph)["nodes"] if "Note" in node["type"])
    infotext = parse(odd["text"])
    unused = read_settings(infotext).unused
    for parameter in unused:
        assert str(parameter) in notes
        assert f"Not in the workflow: {parameter}" in conversion.notes
    for note in conversion.notes[: len(conversion.notes) - len(unused)]:
        assert note in notes
    assert infotext.trailer in notes


def test_the_whole_of_a_pixel_hires_text():
    text = (
        f"{HIRES}4x-Sharp, Hires steps: 9, Hires sampler: Euler a, Hires schedule type: Beta, Hires checkpoint: "
        'other [0123456789], Hires prompt: "a dog, wet", Hires negative prompt: fog, Hires CFG Scale: 4.5, Clip skip: 2'
    )
    graph, conversion = convert(text)
    assert conversion.notes == ()
    assert graph.one("EmptyLatentImage")["batch_size"] == 1
    assert [graph.one("EmptyLatentImage")[side] for side in ("width", "height")] == [500, 700]
    first, renoise, second = (graph.one(f"HiresFix{name}") for name in ("BaseSampling", "Renoise", "SecondSampling"))
    assert (first["steps"], first["cfg"], first["sampler_name"], first["scheduler"]) == (20, 7, "DPM++ 2M", "Karras")
    assert (second["cfg"], second["sampler_name"]) == (4.5, SAME_SAMPLER)  # Re-noise's
    assert (renoise["sampler_name"], renoise["scheduler"], renoise["denoising_strength"]) == ("Euler a", "Beta", 0.5)
    assert (renoise["steps"], renoise["hr_second_pass_steps"]) == (SAME_STEPS, 9)
    assert graph.behind(first["model"])["ckpt_name"] == "base.safetensors"
    for node in (renoise, second):
        assert graph.behind(node["model"])["ckpt_name"] == "other.safetensors"
        assert node["noise"] == first["noise"]
    assert graph.behind(first["noise"]) == {
        **dict.fromkeys(("subseed", "seed_resize_from_w", "seed_resize_from_h", "eta_noise_seed_delta"), 0),
        "seed": 5,
        "source": "GPU",
        "subseed_strength": 0.0,
    }
    prompts = [graph.behind(node[side]) for node in (first, second) for side in ("positive", "negative")]
    assert [prompt["text"] for prompt in prompts] == ["a cat", "", "a dog, wet", "fog"]
    assert [prompt["negative_prompt"] for prompt in prompts] == [False, True, False, True]
    assert {prompt["clip_skip"] for prompt in prompts} == {2}
    # how steps are counted, the passes say
    assert {(prompt["for_pass"], prompt["steps"], prompt["hr_second_pass_steps"]) for prompt in prompts} == {
        (EITHER, 0, 0)
    }
    assert {prompt[name] for prompt in prompts for name in ("sampler_name", "hr_sampler_name")} == {SAME_SAMPLER}
    assert graph.behind(prompts[0]["clip"])["ckpt_name"] == "base.safetensors"
    assert graph.behind(prompts[2]["clip"])["ckpt_name"] == "other.safetensors"

    upscale, target = graph.one("HiresFixPixelUpscale"), graph.one("HiresFixTargetSize")
    assert (target["hr_scale"], target["hr_resize_x"], target["hr_resize_y"]) == (1.5, 0, 0)
    assert graph.behind(target["latent"]) is first
    assert graph.behind(upscale["upscaler"])["upscaler_name"] == "4x-Sharp.pth"
    assert (upscale["numbers"], upscale["noise"]) == ("A1111", first["noise"])
    # decoded with the first model's VAE, encoded with the second's, which also decodes the result
    assert graph.behind(graph.behind(upscale["image"])["vae"])["ckpt_name"] == "base.safetensors"
    assert graph.behind(upscale["vae"])["ckpt_name"] == "other.safetensors"
    result = graph.behind(graph.one("HiresFixSaveImage")["images"])
    assert graph.behind(result["vae"])["ckpt_name"] == "other.safetensors"
    assert graph.behind(result["samples"]) is second


def test_what_both_passes_share_stands_in_the_graph_once():
    graph, _ = convert(f"{HIRES}Latent, Hires sampler: DPM++ 2M, Eta: 0.5")
    first, renoise, second = (graph.one(f"HiresFix{name}") for name in ("BaseSampling", "Renoise", "SecondSampling"))
    assert (renoise["sampler_name"], renoise["scheduler"], renoise["steps"]) == (SAME_SAMPLER, SAME_SCHEDULER, 0)
    assert (second["sampler_name"], second["cfg"]) == (SAME_SAMPLER, -1.0)
    assert "settings" in first
    assert "settings" not in {**renoise, **second}
    assert [first[side] for side in ("positive", "negative")] == [second[side] for side in ("positive", "negative")]
    assert len(graph.all("HiresFixPrompt")) == 2
    assert graph.settings().hires == HiresSettings(0.5, 1.5, hr_upscaler="Latent")
    assert graph.settings().options.eta_ancestral == 0.5


def test_with_one_checkpoint_it_is_loaded_once_and_decodes_for_itself():
    graph, _ = convert(f"{HIRES}Lanczos")
    assert len(graph.all("CheckpointLoaderSimple")) == 1
    assert "image" not in graph.one("HiresFixPixelUpscale")
    assert graph.behind(graph.one("HiresFixPixelUpscale")["upscaler"])["upscaler_name"] == "Lanczos"
    assert not graph.all("HiresFixA1111Settings")
    assert not graph.all("HiresFixRefiner")


@pytest.mark.parametrize("mode", ["Latent", "Latent (nearest-exact)", "latent (Bicubic antialiased)"])
def test_latent_modes(mode):
    graph, _ = convert(HIRES + mode)
    assert graph.one("HiresFixLatentUpscale")["mode"].lower() == mode.lower()
    assert not graph.all("HiresFixPixelUpscale")


def test_without_hires_the_first_pass_is_the_picture():
    graph, _ = convert(BASE)
    decoded = graph.behind(graph.one("HiresFixSaveImage")["images"])
    assert graph.behind(decoded["samples"]) is graph.one("HiresFixBaseSampling")
    assert not graph.all("PreviewImage")
    assert not graph.all("HiresFixRenoise")
    assert graph.settings().hires is None


def test_the_size_to_reach_is_that_of_the_text():
    target = convert(f"{BASE}, Denoising strength: 0.5, Hires resize: 1025x0, Hires upscaler: None")[0].one(
        "HiresFixTargetSize"
    )
    assert (target["hr_resize_x"], target["hr_resize_y"]) == (1025, 0)


@pytest.mark.parametrize(
    ("where", "first", "second"), [("", False, True), ("first pass", True, False), ("both passes", True, True)]
)
def test_a_refiner_works_where_the_text_says(where, first, second):
    extra = f", Hires refiner: {where}" if where else ""
    graph, _ = convert(f"{HIRES}Lanczos, Refiner: fine [ab], Refiner switch at: 0.75{extra}")
    base, last = graph.one("HiresFixBaseSampling"), graph.one("HiresFixSecondSampling")
    assert (bool(base.get("refiner")), bool(last.get("refiner"))) == (first, second)
    node = graph.behind((last if second else base)["refiner"])
    assert graph.behind(node["model"])["ckpt_name"] == "fine.safetensors"
    assert (node["switch_at"], node["by_steps"]) == (0.75, False)
    assert graph.behind(graph.behind(node["positive"])["clip"])["ckpt_name"] == "fine.safetensors"
    result = graph.behind(graph.one("HiresFixSaveImage")["images"])
    assert graph.behind(result["vae"])["ckpt_name"] == ("fine" if second else "base") + ".safetensors"
    assert graph.settings().refiner.hires_pass == (where or "second pass")


def test_a_refiner_without_hires():
    graph, _ = convert(f"{BASE}, Refiner: fine, Refiner switch at: 0.5, Refiner switch by sampling steps: True")
    assert graph.behind(graph.one("HiresFixBaseSampling")["refiner"])["by_steps"] is True


def test_loras_follow_the_prompt_of_each_pass():
    prompt = "a cat <lora:one:0.5> <lora:two:0.25:0.75>"
    graph, conversion = convert(f"{HIRES}Latent, Hires prompt: a dog <lora:one:0.5>", prompt)
    passes = graph.one("HiresFixBaseSampling"), graph.one("HiresFixSecondSampling")
    texts = prompt, "a dog <lora:one:0.5>"
    for sampling, text in zip(passes, texts, strict=True):
        positive, negative = (graph.behind(sampling[side]) for side in ("positive", "negative"))
        loras = graph.behind(sampling["model"])
        assert loras["text"] == text
        assert graph.behind(positive["clip"]) is graph.behind(negative["clip"]) is loras
        assert graph.behind(positive["text"]) is loras
        # none is behind the other: as in A1111, each pass has its own only
        assert graph.behind(loras["model"])["ckpt_name"] == "base.safetensors"
    assert len(graph.all("HiresFixPromptLoras")) == 2
    assert (graph.settings().prompt, graph.settings().hires.hr_prompt) == texts
    assert conversion.notes == ()


def test_one_prompt_with_loras_serves_both_passes():
    graph, _ = convert(f"{HIRES}Latent", "a cat <lora:one:0.5>")
    assert graph.one("HiresFixPromptLoras")["text"] == "a cat <lora:one:0.5>"
    assert graph.one("HiresFixBaseSampling")["model"] == graph.one("HiresFixSecondSampling")["model"]
    assert (graph.settings().prompt, graph.settings().hires.hr_prompt) == ("a cat <lora:one:0.5>", "")


def test_loras_without_a_tag_are_named_behind_the_prompt_of_their_pass():
    api = to_api(
        gallery_models.hires_fix_other_model(prompt="a cat", hr_prompt="a cat", hr_lora="style/Add.Detail_v2.pt")
    )
    settings = settings_of_graph(api, saves(api))
    assert settings.prompt == "a cat"
    assert settings.hires.hr_prompt == "a cat <lora:Add.Detail_v2:0.8>"
    (name,) = (name for name, node in api.items() if node["class_type"] == "LoraLoader")
    # one more behind it, for the model only
    values = {"lora_name": "second.safetensors", "strength_model": 0.5}
    for node in api.values():
        if node["class_type"].startswith("HiresFix") and node["inputs"].get("model") == [name, 0]:
            node["inputs"]["model"] = ["more", 0]
    api["more"] = {"class_type": "LoraLoaderModelOnly", "inputs": {"model": [name, 0], **values}}
    api[name]["inputs"] |= {"strength_model": 0.25, "strength_clip": 1}
    prompt = settings_of_graph(api, saves(api)).hires.hr_prompt
    assert prompt == "a cat <lora:Add.Detail_v2:1:0.25> <lora:second:0:0.5>"
    again = settings_of_graph(read := to_api(hires_workflow(write(write_settings(settings))).graph), saves(read))
    assert again.hires.hr_prompt == settings.hires.hr_prompt


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"lora_name": "Folder/ONE.safetensors", "strength_model": 0.3, "strength_clip": 0.3}, "a <lora:one:0.3> cat"),
        ({"lora_name": "Folder/ONE.safetensors"}, "a  cat <lora:ONE:0.8>"),
        ({"strength_model": 0, "strength_clip": 0.0}, "a  cat"),
        ({"strength_model": ["dice", 0]}, "a  cat"),
        ({"lora_name": "a:b.safetensors"}, "a  cat"),
        ({"lora_name": "a>b.safetensors"}, "a  cat"),
    ],
    ids=["tagged", "other strength", "off", "worked out elsewhere", "not to be named", "bracket"],
)
def test_the_text_has_the_tags_of_what_is_loaded_and_no_others(changes, text):
    api = to_api(gallery_models.hires_fix_other_model(prompt="a dog", hr_prompt="a <lora:one:0.3> cat"))
    (loader,) = (node["inputs"] for node in api.values() if node["class_type"] == "LoraLoader")
    loader |= changes
    assert settings_of_graph(api, saves(api)).hires.hr_prompt == text


def test_the_vae_of_the_text_serves_all_passes():
    graph, conversion = convert(f"{HIRES}Lanczos, VAE hash: 1234567890, VAE: mse.pt, Hires checkpoint: other")
    users = [*graph.all("VAEDecode"), graph.one("HiresFixPixelUpscale"), graph.one("HiresFixTargetSize")]
    assert [graph.behind(user["vae"]) for user in users] == [{"vae_name": "mse.pt"}] * 3
    assert "image" not in graph.one("HiresFixPixelUpscale")
    settings = settings_of_graph(graph.api, graph.save, {"base": "", "other": "", "mse": "1234567890"}.__getitem__)
    assert settings.vae == ModelName("mse.pt", "1234567890")
    assert conversion.notes == ()


def test_embeddings_stay_as_the_text_names_them():
    """A1111 Prompt finds them by their names, as A1111 does."""
    graph, conversion = convert(
        f'{BASE}, TI hashes: "Easy: ab, bad-hands: cd"', "a cat, Easier\nNegative prompt: EASY, (bad-hands:1.2)"
    )
    negative = graph.behind(graph.one("HiresFixBaseSampling")["negative"])
    assert negative["text"] == graph.settings().negative_prompt == "EASY, (bad-hands:1.2)"
    assert conversion.notes == ()


def test_embeddings_that_are_not_installed_are_noted():
    hashes = 'TI hashes: "Easy: ab, gone: cd"'
    _, conversion = convert(f"{BASE}, {hashes}", "Easy gone", embeddings=["x/easy.pt"])
    assert conversion.notes == ("The embedding `gone` is not among the installed files.",)


def test_embeddings_that_no_prompt_names_are_noted():
    hashes = 'TI hashes: "Easy: ab, gone: cd, late: ef"'
    _, conversion = convert(f"{HIRES}Latent, Hires prompt: LATE, {hashes}", "a cat, EASY")
    assert conversion.notes == ("The text lists the embedding `gone`, but no prompt has that word.",)


LONG = 2**15
"""Characters of the longest text that the server takes."""


@pytest.mark.parametrize(
    "text",
    [
        "embedding " * 1500 + f'\n{BASE}, TI hashes: "' + "embedding, " * 1500 + '"',
        " ".join(f"<lora:{number}:1>" for number in range(2200)) + f"\n{HIRES}Latent, Hires checkpoint: other",
        f"a cat\n{BASE}, " + "a:[," * 8000,
    ],
    ids=["embeddings", "loras", "brackets"],
)
def test_long_texts_come_to_an_end(text):
    """Those that once took minutes; there is no limit of time here, but for the patience of whoever runs it."""
    assert LONG - 5000 < len(text) < LONG + 2000
    to_ui(hires_workflow(text, ModelFiles(loras=[f"folder/{number}.pt" for number in range(1000)])).graph)


def test_installed_files_are_found_by_name():
    files = {
        "checkpoints": ["sd/Base.ckpt", "base_v2.safetensors"],
        "upscalers": ["RealESRGAN_x4plus.pth"],
        "loras": ["style/one.safetensors"],
        "vaes": ["mse.safetensors"],
    }
    graph, conversion = convert(f"{HIRES}R-ESRGAN 4x+, VAE: mse.safetensors", "a <lora:one:1>", **files)
    assert graph.one("CheckpointLoaderSimple")["ckpt_name"] == "sd/Base.ckpt"
    assert graph.one("HiresFixUpscalerLoader")["upscaler_name"] == "RealESRGAN_x4plus.pth"
    assert graph.one("HiresFixPromptLoras")["text"] == "a <lora:one:1>"
    assert graph.one("VAELoader")["vae_name"] == "mse.safetensors"
    assert conversion.notes == ()
    assert graph.settings().hires.hr_upscaler == "R-ESRGAN 4x+"


def test_files_that_are_not_installed_are_noted_and_named():
    missing = {"checkpoints": ["a.ckpt"], "upscalers": ["b.pth"], "loras": ["c.pt"], "vaes": ["d.pt"]}
    graph, conversion = convert(f"{HIRES}LDSR, VAE: mse.pt", "a <lora:one_v1.5:1>", **missing)
    assert graph.one("CheckpointLoaderSimple")["ckpt_name"] == "base.safetensors"
    assert graph.one("HiresFixUpscalerLoader")["upscaler_name"] == "LDSR.pth"
    assert graph.one("HiresFixPromptLoras")["text"] == "a <lora:one_v1.5:1>"
    assert sorted(note.split("`")[1] for note in conversion.notes) == ["LDSR", "base", "mse.pt", "one_v1.5"]


@pytest.mark.parametrize(
    ("sampler", "known"), [("DEIS", "deis"), ("euler a", "Euler a"), ("dpmpp_2m", "dpmpp_2m"), ("Magic", "DPM++ 2M")]
)
def test_samplers_of_other_programs(sampler, known):
    graph, conversion = convert(f"{HIRES}Latent, Hires sampler: {sampler}".replace("DPM++ 2M", sampler))
    for node in (*graph.all("HiresFixBaseSampling"), *graph.all("HiresFixSecondSampling")):
        assert node["sampler_name"] == (known if node is graph.one("HiresFixBaseSampling") else SAME_SAMPLER)
    assert len(conversion.notes) == (sampler == "Magic")


def test_numbers_out_of_range_are_brought_into_it_and_noted():
    graph, conversion = convert(
        f"{HIRES}Latent".replace("CFG scale: 7", "CFG scale: 1000").replace("Seed: 5", "Seed: -1")
    )
    assert graph.one("HiresFixBaseSampling")["cfg"] == graph.one("HiresFixSecondSampling")["cfg"] == 100
    assert graph.one("HiresFixNoise")["seed"] == 0
    assert sorted(note.split("*")[1] for note in conversion.notes) == ["cfg", "seed"]


def test_what_the_text_does_not_say_is_asked_for():
    graph, conversion = convert("Steps: 20, Sampler: Euler, Hires upscale: 2", "a cat")
    assert conversion.notes == (
        "The text does not say: CFG scale, Seed, Size, Model, Denoising strength. Look at these fields first.",
    )
    assert graph.one("CheckpointLoaderSimple")["ckpt_name"] == "unknown.safetensors"


def test_the_note_comes_first_and_says_when_all_is_there():
    notes = [item for item in convert(BASE)[1].graph.items if isinstance(item, Note)]
    assert [note.place.column for note in notes] == [0, 0]
    assert notes[1].text == "Nothing: all of it is in this workflow."


TEXTS = (*RECORDED.values(), *(odd["text"] for odd in ODD))
KEYS = sorted({found.key for text in TEXTS for found in parse(text).parameters})
NUMBERS = ["0", "-1", "1e9", "1e400", "nan", "5x0", "0x0"]
VALUES = st.sampled_from([*NUMBERS, "None", "True", "Karras", ".pt", "a/", "\\", "", "[1]", "<lora:/:1>", "猫"])


@pytest.mark.slow
@hypothesis_settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(KEYS), VALUES | st.text(max_size=9)), max_size=12), VALUES)
def test_no_value_of_any_key_raises(pairs, prompt):
    parameters = (Parameter("Steps", "20"), *(Parameter(*pair) for pair in pairs))
    graph = hires_workflow(write(Infotext(prompt, "", parameters))).graph
    to_ui(graph)
    settings_of_graph(api := to_api(graph), saves(api))


# ------------------------------------------------------------------------------------------ graphs of other hands


def test_settings_of_the_saved_workflows():
    job = {"checkpoint": "sd/base.ckpt", "prompt": "a cat", "seed": 9, "width": 640, "steps": 12}
    for build, upscaler in ((gallery.hires_fix_latent, "Latent"), (gallery.hires_fix_pixel, "hires-fix-2x")):
        api = to_api(build(**job, denoising_strength=0.25, hr_scale=1.5))
        settings = settings_of_graph(api, saves(api))
        assert settings == GenerationSettings(
            "a cat", NEGATIVE_PROMPT, 12, "DPM++ 2M", "Automatic", 7.0, 9, 640, 512, ModelName("base"),
            hires=HiresSettings(0.25, 1.5, hr_upscaler=upscaler),
        )  # fmt: skip


ZEROED = ""
"""The negative prompt of a model that takes none."""
SAID = {
    "hires-fix-a1111": (NEGATIVE_PROMPT, "", ""),
    "hires-fix-controlnet": (NEGATIVE_PROMPT, "", ""),
    "hires-fix-flow": (ZEROED, "", ""),
    "hires-fix-latent": (NEGATIVE_PROMPT, "", ""),
    "hires-fix-other-model": (
        NEGATIVE_PROMPT,
        "a lighthouse on a rocky coast at dawn, sea mist, intricate stonework, wet rocks, film grain "
        "<lora:add_detail:0.8>",
        "",
    ),
    "hires-fix-pixel": (NEGATIVE_PROMPT, "", ""),
    "hires-fix-sdxl": (NEGATIVE_PROMPT, "", ""),
}
"""Negative, hires and hires negative prompt of the saved workflows."""
NOT_IN_TEXT = {
    "hires-fix-image": "made from one that was there before",
    "redraw-faces": "made from one that was there before",
    "redraw-region": "made from one that was there before",
    "sd-upscale-a1111": "made from one that was there before",
    "tiled-redraw-controlnet": "made from one that was there before",
    "tiled-redraw-flux": "made from one that was there before",
    "tiled-redraw-plan": "made from one that was there before",
    "tiled-redraw-sdxl": "made from one that was there before",
    "multi-stage-upscale": "other nodes sample or take prompts",
    "xy-sheet": "how this picture is enlarged",
}
SAVED = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in WORKFLOWS.glob("*.json")}
SAMPLINGS = {"HiresFixBaseSampling", "HiresFixSecondSampling"}


def test_every_saved_workflow_that_samples_is_looked_at():
    sampling = {name for name, api in SAVED.items() if SAMPLINGS & {node["class_type"] for node in api.values()}}
    assert sampling == {*SAID, *NOT_IN_TEXT, "upscale-supir"}


def test_what_holds_a_drawing_to_a_picture_is_named_as_missing():
    api = SAVED["upscale-supir"]
    assert {"SUPIRApply", "HiresFixUpscaleImage"} <= set(read_graph(api, saves(api)).not_in_text)


@pytest.mark.parametrize("name", SAID)
def test_prompts_of_the_saved_workflows(name):
    settings = settings_of_graph(SAVED[name], saves(SAVED[name]))
    assert settings.prompt == PROMPT
    said = settings.negative_prompt, settings.hires.hr_prompt, settings.hires.hr_negative_prompt
    assert said == SAID[name]


@pytest.mark.parametrize("name", NOT_IN_TEXT)
def test_what_the_text_has_no_words_for_is_refused(name):
    with pytest.raises(NoWordsError, match=NOT_IN_TEXT[name]):
        settings_of_graph(SAVED[name], saves(SAVED[name]))


def test_the_first_rounds_of_several_can_be_said():
    api = to_api(gallery_upscale.multi_stage_upscale(denoising_strengths=(0.5, 0.25), width=640))
    seconds = [name for name, node in api.items() if node["class_type"] == "HiresFixSecondSampling"]
    settings = settings_of_graph(api, seconds[0])
    assert (settings.width, settings.hires.denoising_strength, settings.hires.hr_scale) == (640, 0.5, 2.0)


def encoded(text: str) -> dict[str, Any]:
    return {"class_type": "CLIPTextEncode", "inputs": {"text": text, "clip": ["c", 1]}}


def both_sides(kind: str, positive: list[Any], negative: list[Any]) -> dict[str, Any]:
    return {"class_type": kind, "inputs": {"positive": positive, "negative": negative}}


def of(kind: str, **links: str) -> dict[str, Any]:
    return {"class_type": kind, "inputs": {name: [node, 0] for name, node in links.items()}}


@pytest.mark.parametrize(
    ("nodes", "positive", "expected"),
    [
        pytest.param(nodes, positive, expected, id=name)
        for name, nodes, positive, expected in (
            ("one", {}, ["cat", 0], "cat"),
            ("two", {"x": of("ConditioningConcat", conditioning_to="cat", conditioning_from="dog")}, ["x", 0], ""),
            ("same", {"x": of("ConditioningCombine", conditioning_1="cat", conditioning_2="too")}, ["x", 0], "cat"),
            ("zeros", {"x": of("ConditioningZeroOut", conditioning="cat")}, ["x", 0], ""),
            (
                "one of zeros",
                {
                    "x": of("ConditioningConcat", conditioning_to="cat", conditioning_from="z"),
                    "z": of("ConditioningZeroOut", conditioning="cat"),
                },
                ["x", 0],
                "",
            ),
            ("first output", {"x": both_sides("A", ["cat", 0], ["dog", 0])}, ["x", 0], "cat"),
            ("second output", {"x": both_sides("A", ["cat", 0], ["dog", 0])}, ["x", 1], "dog"),
            (
                "twice",
                {"x": both_sides("A", ["y", 0], ["y", 1]), "y": both_sides("A", ["cat", 0], ["dog", 0])},
                ["x", 1],
                "dog",
            ),
            ("outputs in another order", {"x": of("Pipe", model="c", positive="cat", negative="dog")}, ["x", 1], "cat"),
            ("a picture besides", {"x": of("unCLIPConditioning", conditioning="cat", image="dog")}, ["x", 0], "cat"),
            (
                "both outputs",
                {
                    "x": {
                        "class_type": "ConditioningCombine",
                        "inputs": {"conditioning_1": ["y", 0], "conditioning_2": ["y", 1]},
                    },
                    "y": both_sides("A", ["cat", 0], ["dog", 0]),
                },
                ["x", 0],
                "",
            ),
            ("any node between", {"x": of("Reroute", value="cat")}, ["x", 0], "cat"),
            ("any of two", {"x": of("Switch", a="cat", b="dog")}, ["x", 0], ""),
            ("not known", {"x": {"class_type": "Dice", "inputs": {"sides": 6}}}, ["x", 0], ""),
            ("text of another node", {"cat": encoded(["dice", 0])}, ["cat", 0], ""),
            ("gone", {}, ["gone", 0], ""),
            ("ring", {"x": of("A", conditioning="y"), "y": of("A", conditioning="x")}, ["x", 0], ""),
        )
    ],
)
def test_prompts_that_nodes_make_of_others(nodes, positive, expected):
    api = to_api(gallery.hires_fix_latent())
    api |= {"cat": encoded("cat"), "too": encoded("cat"), "dog": encoded("dog"), **nodes}
    for node in api.values():
        if node["class_type"] in SAMPLINGS:
            node["inputs"]["positive"] = positive
    settings = settings_of_graph(api, saves(api))
    assert (settings.prompt, settings.hires.hr_prompt) == (expected, "")


@pytest.mark.parametrize(
    ("first", "second", "expected", "unsaid"),
    [
        ("cat", "dog", ("cat", "dog"), []),
        ("cat", "cat", ("cat", ""), []),
        ("", "dog", ("", "dog"), []),
        ("cat", "", ("", ""), ["negative prompt"]),  # an empty one stands for that of the first pass
        ("cat", ["dice", 0], ("", ""), ["negative prompt"]),
        (["dice", 0], "dog", ("", ""), ["negative prompt"]),
    ],
)
def test_prompts_of_both_passes_are_said_or_none(first, second, expected, unsaid):
    api = to_api(gallery.hires_fix_latent())
    for name, text in zip(("HiresFixBaseSampling", "HiresFixSecondSampling"), (first, second), strict=True):
        api[name] = encoded(text)
        next(node["inputs"] for node in api.values() if node["class_type"] == name)["negative"] = [name, 0]
    found = read_graph(api, saves(api))
    assert (found.settings.negative_prompt, found.settings.hires.hr_negative_prompt) == expected
    assert found.not_in_text == unsaid


def between(api: dict[str, Any], node: dict[str, Any], *, before: str) -> None:
    """Put a node on the picture's way to another one."""
    (found,) = (entry["inputs"] for entry in api.values() if entry["class_type"] == before)
    name = next(name for name in ("images", "samples", "latent") if name in found)
    api["between"] = {**node, "inputs": {**node["inputs"], "latent": found[name]}}
    found[name] = ["between", 0]


@pytest.mark.parametrize(
    ("node", "before"),
    [
        (of("KSampler", positive="p"), "VAEDecode"),
        (of("SamplerCustomAdvanced", guider="g"), "VAEDecode"),
        (of("HiresFixMultiStageUpscale", positive="p"), "SaveImage"),
        (of("HiresFixBaseSampling"), "HiresFixLatentUpscale"),
    ],
)
def test_further_samplings_cannot_be_said(node, before):
    api = to_api(gallery.hires_fix_latent())
    for name in [name for name, node in api.items() if node["class_type"] == "HiresFixCompare"]:
        del api[api.pop(name)["inputs"]["image_a"][0]]  # the base picture
    settings_of_graph(api, saves(api))
    between(api, node, before=before)
    with pytest.raises(NoWordsError, match="other nodes sample or take prompts"):
        settings_of_graph(api, saves(api))


def test_two_pictures_that_are_laid_upon_each_other_cannot_be_said():
    api = {**to_api(gallery.hires_fix_image()), "other": of("HiresFixBaseSampling")}
    between(api, of("ImageBlend", image2="other"), before="SaveImage")
    with pytest.raises(NoWordsError, match="other nodes sample or take prompts"):
        settings_of_graph(api, saves(api))


def test_pictures_that_are_only_enlarged_afterwards_keep_their_text():
    api = to_api(gallery.hires_fix_latent())
    before = settings_of_graph(api, saves(api))
    between(api, of("HiresFixMultiStageUpscale", upscaler="u"), before="SaveImage")
    assert settings_of_graph(api, saves(api)) == before


def enlarged_by(kind: str, **inputs: Any) -> HiresSettings:
    """What is said of a hires fix with another way to enlarge; `target` and `u` are there to be linked."""
    api = to_api(gallery.hires_fix_latent())
    (name,) = (name for name, node in api.items() if node["class_type"] == "HiresFixLatentUpscale")
    (target,) = (name for name, node in api.items() if node["class_type"] == "HiresFixTargetSize")
    api["target"], api["u"] = api[target], {"class_type": "HiresFixUpscalerLoader", "inputs": {"upscaler_name": "u.pt"}}
    api[name] = {"class_type": kind, "inputs": {"image": api[name]["inputs"]["latent"], **inputs}}
    return settings_of_graph(api, saves(api)).hires


BY = {"upscaler": ["u", 0], "resize_mode": "scale by", "upscaling_resize": 1.5, "upscaling_resize_w": ["target", 1]}
TO = {**BY, "resize_mode": "scale to", "upscaling_crop": True}


@pytest.mark.parametrize(
    ("inputs", "size"),
    [
        (BY, (1.5, 0, 0)),
        (TO, (2.0, 0, 0)),
        ({**TO, "upscaling_resize_w": 640, "upscaling_resize_h": 800}, (2.0, 640, 800)),
        ({**BY, "max_side": 100}, None),
        ({**BY, "upscaling_resize": ["dice", 0]}, None),
        ({**BY, "upscaler_2": ["u", 0]}, None),
        ({**BY, "upscaler": ["dice", 0]}, None),
        ({**TO, "upscaling_resize_w": 640, "upscaling_resize_h": 800, "upscaling_crop": False}, None),
        ({**TO, "upscaling_resize_w": 640, "upscaling_resize_h": ["dice", 0]}, None),
    ],
)
def test_sizes_of_pictures_that_upscale_image_enlarges(inputs, size):
    if size is None:
        with pytest.raises(NoWordsError, match="no words for how this picture is enlarged"):
            enlarged_by("HiresFixUpscaleImage", **inputs)
    else:
        hires = enlarged_by("HiresFixUpscaleImage", **inputs)
        assert (hires.hr_scale, hires.hr_resize_x, hires.hr_resize_y, hires.hr_upscaler) == (*size, "u")


def test_ways_to_enlarge_that_a1111_does_not_have_cannot_be_said():
    with pytest.raises(NoWordsError, match="no words for how this picture is enlarged"):
        enlarged_by("LatentUpscaleBy", upscale_method="bilinear", scale_by=1.5)


@pytest.mark.parametrize("before", ["HiresFixLatentUpscale", "HiresFixRenoise"])
@pytest.mark.parametrize("kind", ["LatentUpscaleBy", "LatentFlip", "HiresFixMultiStageUpscale"])
def test_what_else_changes_the_picture_between_the_passes_cannot_be_said(kind, before):
    api = to_api(gallery.hires_fix_latent())
    between(api, of(kind), before=before)
    with pytest.raises(NoWordsError, match="nothing else that changes the picture"):
        settings_of_graph(api, saves(api))


def test_the_base_picture_has_no_hires_settings():
    api = to_api(gallery.hires_fix_latent())
    base = next(name for name, node in api.items() if node["_meta"]["title"] == "Base picture")
    api["preview"] = {"class_type": "PreviewImage", "inputs": {"images": [base, 0]}}
    assert settings_of_graph(api, "preview").hires is None


def test_values_that_other_nodes_work_out_are_not_guessed():
    api = to_api(gallery.hires_fix_latent())
    sampling = next(node["inputs"] for node in api.values() if node["class_type"] == "HiresFixBaseSampling")
    api["x"] = {"class_type": "Dice", "inputs": {"a": 1, "b": 2}}
    api["y"] = {"class_type": "PrimitiveFloat", "inputs": {"value": 3.5}}
    sampling["steps"], sampling["cfg"], sampling["scheduler"] = ["x", 0], ["y", 0], ["gone", 0]
    settings = settings_of_graph(api, saves(api))
    assert (settings.steps, settings.cfg_scale, settings.scheduler) == (None, 3.5, None)
    assert settings.seed == 0


def test_core_noise_and_nodes_between_are_understood():
    api = to_api(gallery.hires_fix_latent())
    sampling = next(node["inputs"] for node in api.values() if node["class_type"] == "HiresFixBaseSampling")
    api["noise"] = {"class_type": "RandomNoise", "inputs": {"noise_seed": 77}}
    sampling["noise"] = ["noise", 0]
    save = api[saves(api)]["inputs"]
    api["sharpen"] = {"class_type": "ImageSharpen", "inputs": {"image": save["images"], "alpha": 1.0}}
    save["images"] = ["sharpen", 0]
    settings = settings_of_graph(api, saves(api))
    assert (settings.seed, settings.noise_source) == (77, "ComfyUI")
    assert settings.hires is not None


def test_a_graph_without_our_sampling_is_refused():
    api = to_api(gallery_upscale.standalone_upscale())
    with pytest.raises(InputError, match="no Base Sampling or Second Sampling"):
        settings_of_graph(api, saves(api))


def saves(api: dict[str, Any]) -> str:
    return next(name for name, node in api.items() if node["class_type"] in ("SaveImage", "HiresFixSaveImage"))
