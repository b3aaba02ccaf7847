"""Calls as clients of A1111's API make them, with what each of them needs of the replies."""

import base64
import io
import json

import pytest
from hires_pack.dev.parity.http.caller import call
from PIL import Image


class Client:
    """Talks to the session's server at ComfyUI's own address."""

    def __init__(self, host, **headers):
        self.port, self.headers = int(host.url.rpartition(":")[2]), headers

    def get(self, path):
        reply = call(self.port, "GET", path, None, self.headers, 120)
        return reply.content if reply.status == 200 else reply.status

    def post(self, path, body=None, raw=None):
        sent = json.dumps(body).encode() if raw is None else raw
        reply = call(self.port, "POST", path, sent, self.headers, 300)
        assert reply.status == 200, reply.content
        return reply.content

    def draw(self, **body):
        """A small picture."""
        return self.post("/sdapi/v1/txt2img", {"prompt": "a fox", "steps": 2, "width": 64, "height": 48, **body})


def pictures(reply):
    return [Image.open(io.BytesIO(base64.b64decode(text))) for text in reply["images"]]


@pytest.fixture(autouse=True)
def small_model(host, models):
    Client(host).post("/sdapi/v1/options", {"sd_model_checkpoint": models.oracle})


def test_silly_tavern(host, models):
    client = Client(host, Authorization="Basic ")
    for names in ("upscalers", "latent-upscale-modes", "samplers", "schedulers"):
        assert all(isinstance(entry["name"], str) for entry in client.get(f"/sdapi/v1/{names}"))
    assert isinstance(client.get("/sdapi/v1/sd-vae"), list)
    title = next(e["title"] for e in client.get("/sdapi/v1/sd-models") if e["title"].startswith(models.oracle))
    client.post("/sdapi/v1/options", {"sd_model_checkpoint": title})
    progress = client.get("/sdapi/v1/progress")
    assert (progress["progress"], progress["state"]["job_count"]) == (0, 0)
    assert client.get("/sdapi/v1/options")["sd_model_checkpoint"] == title
    overrides = {"CLIP_stop_at_last_layers": 1, "sd_vae": "Automatic"}
    reply = client.draw(
        sampler_name="DPM++ 2M", scheduler="sgm_uniform", cfg_scale=7, restore_faces=False, enable_hr=True,
        hr_upscaler="Latent (nearest)", hr_scale=1.5, denoising_strength=0.5, hr_second_pass_steps=0, clip_skip=1,
        override_settings=overrides, override_settings_restore_afterwards=True, save_images=True, send_images=True,
        do_not_save_grid=False, do_not_save_samples=False, url="http://127.0.0.1:7860", auth="",
    )  # fmt: skip
    assert pictures(reply)[0].size == (96, 72)
    assert "Schedule type: SGM Uniform" in pictures(reply)[0].info["parameters"]


def test_open_webui(host, models):
    client = Client(host, Authorization="")
    options = client.get("/sdapi/v1/options")
    model = next(e["model_name"] for e in client.get("/sdapi/v1/sd-models") if e["title"].startswith(models.oracle))
    assert client.post("/sdapi/v1/options", {**options, "sd_model_checkpoint": model}) is None
    reply = client.draw(batch_size=2, negative_prompt="blurry")
    assert [picture.size for picture in pictures(reply)] == [(64, 48)] * 2
    assert len(json.loads(reply["info"])["infotexts"]) == 2


def test_dify(host, models):
    client = Client(host)  # no content type
    model = models.oracle.removesuffix(".safetensors")
    assert model in [entry["model_name"] for entry in client.get("/sdapi/v1/sd-models")]
    client.post("/sdapi/v1/options", {"sd_model_checkpoint": model})
    reply = client.draw(
        negative_prompt="", sampler_index="DPM++ SDE Karras", cfg_scale=7.0, s_churn=0, s_tmax=0, s_tmin=0, s_noise=0,
        eta=0, denoising_strength=0, seed=-1, subseed=-1, subseed_strength=0, seed_resize_from_h=-1, styles=[],
        seed_resize_from_w=-1, refiner_checkpoint="", refiner_switch_at=0, comments={}, enable_hr=False, hr_scale=2,
        firstphase_width=0, firstphase_height=0, hr_upscaler="", hr_second_pass_steps=0, hr_resize_x=0, hr_resize_y=0,
        hr_checkpoint_name="", hr_sampler_name="", hr_prompt="", hr_negative_prompt="", script_name="", script_args=[],
        override_settings={"sd_model_checkpoint": model}, send_images=True, save_images=False, alwayson_scripts={},
    )  # fmt: skip
    text = json.loads(reply["info"])["infotexts"][0]
    assert "Sampler: DPM++ SDE, Schedule type: Karras" in text


def test_kobold_ai_lite(host):
    client = Client(host)
    title = client.get("/sdapi/v1/options")["sd_model_checkpoint"]
    assert title in [entry["title"] for entry in client.get("/sdapi/v1/sd-models")]
    overrides = {
        "sd_model_checkpoint": title, "eta_noise_seed_delta": 0.0, "CLIP_stop_at_last_layers": 1.0,
        "ddim_discretize": "uniform", "img2img_fix_steps": False, "sd_hypernetwork": "None",
        "inpainting_mask_weight": 1.0, "initial_noise_multiplier": 1.0, "comma_padding_backtrack": 20.0,
    }  # fmt: skip
    request = {"eta": 0.0, "s_churn": 0.0, "s_tmax": 0.0, "s_tmin": 0.0, "s_noise": 1.0, "tiling": False}
    reply = client.draw(
        **request, override_settings=overrides, enable_hr=False, denoising_strength=0.6, styles=[], n_iter=1,
        restore_faces=False, do_not_save_samples=True, do_not_save_grid=True, sampler_name="k_euler_a",
    )  # fmt: skip
    assert pictures(reply)[0].size == (64, 48)


def test_a_discord_bot(host):
    client = Client(host)
    assert isinstance(client.get("/sdapi/v1/cmd-flags"), dict)
    assert client.get("/config") == 404
    for names in ("prompt-styles", "face-restorers", "hypernetworks", "loras", "upscalers", "sd-models"):
        assert isinstance(client.get(f"/sdapi/v1/{names}"), list)
    assert isinstance(client.get("/sdapi/v1/embeddings")["loaded"], dict)
    plain = {
        "sampler_index": "Euler a",
        "seed": 5,
        "styles": ["None"],
        "seed_resize_from_h": -1,
        "seed_resize_from_w": -1,
    }
    settings = {"override_settings": {"CLIP_stop_at_last_layers": 1}, "restore_faces": False}
    hires = {"enable_hr": True, "hr_upscaler": "Latent", "hr_scale": 1, "hr_second_pass_steps": 1.5}
    reply = client.draw(**plain, **settings, **hires, denoising_strength=0.6)
    text = client.post("/sdapi/v1/png-info", {"image": f"data:image/png;base64,{reply['images'][0]}"})["info"]
    assert "Hires steps: 1" in text
    assert len(client.draw(**plain, **settings, denoising_strength=None)["images"]) == 1


def test_ai_render(host):
    """Of Blender: it redraws the rendered scene, and enlarges."""
    client = Client(host)
    before = io.BytesIO()
    Image.new("RGB", (64, 48), "steelblue").save(before, "PNG")
    sent = f"data:image/png;base64,{base64.b64encode(before.getvalue()).decode()}"
    assert client.get("/controlnet/model_list")["model_list"] == []
    assert "None" in [entry["name"] for entry in client.get("/sdapi/v1/upscalers")]
    asked = {
        "prompt": "a fox", "init_images": [sent], "denoising_strength": 0.6, "cfg_scale": 7, "seed": 5, "steps": 3,
        "width": 64, "height": 48, "sampler_index": "DPM++ 2M", "alwayson_scripts": {},
    }  # fmt: skip
    (drawn,) = pictures(client.post("/sdapi/v1/img2img", asked))
    assert drawn.size == (64, 48)
    large = {
        "resize_mode": 0, "show_extras_results": True, "gfpgan_visibility": 0, "codeformer_visibility": 0,
        "codeformer_weight": 0, "upscaling_resize": 2, "upscaling_resize_w": 512, "upscaling_resize_h": 512,
        "upscaling_crop": True, "upscaler_1": "Lanczos", "upscaler_2": "None", "extras_upscaler_2_visibility": 0,
        "upscale_first": False, "image": sent,
    }  # fmt: skip
    reply = client.post("/sdapi/v1/extra-single-image", large)
    assert Image.open(io.BytesIO(base64.b64decode(reply["image"]))).size == (128, 96)


def test_text_generation_webui(host, models):
    """It shares the accelerator: models leave it after every picture."""
    client = Client(host)
    assert client.post("/sdapi/v1/reload-checkpoint", raw=b'""') == {}
    client.post("/sdapi/v1/options", {"sd_model_checkpoint": models.oracle})
    asked = {"seed": -1, "sampler_name": "DPM++ 2M", "enable_hr": False, "hr_scale": 2, "hr_upscaler": "Latent"}
    more = {"denoising_strength": 0.6, "restore_faces": False, "override_settings_restore_afterwards": True}
    assert len(pictures(client.draw(**asked, **more, negative_prompt="blurry", cfg_scale=7))) == 1
    assert client.post("/sdapi/v1/unload-checkpoint", raw=b'""') == {}
    assert len(pictures(client.draw(**asked, **more))) == 1


def test_libre_chat(host):
    """It reads the size and the seed, and the last line of the text."""
    reply = Client(host).draw(negative_prompt="blurry", cfg_scale=4.5)
    told = json.loads(reply["info"])
    assert (told["width"], told["height"]) == pictures(reply)[0].size
    assert f"Seed: {told['seed']}" in told["infotexts"][0].splitlines()[-1]
