"""The menus that clients read, beside those that A1111 gave."""

import json
from pathlib import Path

import pytest
from hires_pack.sdapi import lists, scripts
from hires_pack.sdapi.png_info import parameters_of

RECORDED = Path(__file__).resolve().parents[2] / "data" / "sdapi" / "http"


def theirs(name):
    return json.loads((RECORDED / name / "response.json").read_text(encoding="utf-8"))["json"]


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("samplers", lists.samplers),
        ("schedulers", lists.schedulers),
        ("latent-upscale-modes", lists.latent_upscale_modes),
    ],
)
def test_menus_are_those_of_a1111(name, ours):
    assert ours() == theirs(name)


def test_upscalers_have_a1111s_names_and_every_entry_the_same_keys():
    listed = lists.upscalers({"RealESRGAN_x4plus.pth": "/m/RealESRGAN_x4plus.pth", "sub/own.safetensors": "/m/own"})
    assert [entry["name"] for entry in listed] == ["None", "Lanczos", "Nearest", "R-ESRGAN 4x+", "own"]
    assert {tuple(entry) for entry in listed} == {("name", "model_name", "model_path", "model_url", "scale")}
    assert lists.realesrgan_models({"RealESRGAN_x2plus.pth": "/m/x2", "own.pth": "/m/own"}) == [
        {"name": "R-ESRGAN 2x+", "path": "/m/x2", "scale": 2}
    ]


def test_face_restorers_are_listed_when_they_have_a_file():
    assert lists.face_restorers(["GFPGANv1.4.pth", "other.pth"]) == [{"name": "GFPGAN", "cmd_dir": None}]
    assert lists.face_restorers([]) == []


def test_scripts_say_what_their_arguments_are():
    infos = scripts.infos(["None", "own"], ["a.safetensors"])
    sd_upscale = next(info for info in infos if info["name"] == "sd upscale")
    assert [argument["label"] for argument in sd_upscale["args"]] == ["", "Tile overlap", "Upscaler", "Scale Factor"]
    assert sd_upscale["args"][2]["choices"] == ["None", "own"]
    told = {(info["name"], info["is_img2img"]) for info in infos}
    assert told == {(name, page == "img2img") for page in ("txt2img", "img2img") for name in scripts.names(page)}


def test_settings_of_a_text_are_told_as_a1111_tells_them():
    reply = theirs("png-info-text")
    assert parameters_of(reply["info"]) == reply["parameters"]


def test_weights_in_a_prompt_name_the_emphasis():
    assert parameters_of("(a:1.2) b\nSteps: 1, Sampler: Euler, Seed: 1")["Emphasis"] == "Original"
    assert "Emphasis" not in parameters_of("a BREAK b\nSteps: 1, Sampler: Euler, Seed: 1")
