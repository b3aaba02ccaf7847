"""Client libraries of A1111's API from the package index, unchanged, against the real server."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import numpy as np
import pytest
import webuiapi
from PIL import Image, ImageDraw
from sd_backend_client.api.a1111_webservice import A1111Webservice
from sd_backend_client.api.webui.diffusion_request_body import DiffusionRequestBody

SMALL = {"prompt": "a fox", "seed": 5, "steps": 2, "width": 64, "height": 48, "sampler_name": "Euler"}


@pytest.fixture(scope="module")
def webui(host, models):
    address = urlsplit(host.url)
    api = webuiapi.WebUIApi(host=address.hostname, port=address.port)
    api.set_options({"sd_model_checkpoint": models.oracle})
    return api


def picture(width=64, height=48):
    image = Image.new("RGB", (width, height), "steelblue")
    ImageDraw.Draw(image).ellipse((8, 8, 40, 40), fill="orange")
    return image


def test_webuiapi_draws_with_both_kinds_of_hires_fix(webui, models):
    hires = {"enable_hr": True, "hr_scale": 1.5, "denoising_strength": 0.5}
    latent = webui.txt2img(**SMALL, **hires, hr_upscaler=webuiapi.HiResUpscaler.Latent)
    pixel = webui.txt2img(**SMALL, **hires, hr_upscaler=models.oracle_rrdb_x2.removesuffix(".safetensors"))
    for result, upscaler in ((latent, "Latent"), (pixel, "tiny_rrdb_x2")):
        assert result.image.size == (96, 72)
        assert f"Hires upscaler: {upscaler}" in result.info["infotexts"][0]
        assert result.info["seed"] == 5
    assert (np.asarray(latent.image) != np.asarray(pixel.image)).any()


def test_webuiapi_redraws_and_keeps_what_a_mask_keeps(webui):
    before = picture()
    redraw = {"prompt": "a fox", "seed": 5, "steps": 2, "sampler_name": "Euler", "denoising_strength": 0.6}
    whole = webui.img2img(images=[before], **redraw, width=64, height=48)
    assert whole.image.size == before.size
    mask = Image.new("L", before.size)
    mask.paste(255, (0, 0, 24, 48))
    sent = {"width": 64, "height": 48, "mask_image": mask, "mask_blur": 0, "inpaint_full_res": False}
    part = webui.img2img(images=[before], **redraw, **sent, inpainting_fill=1)
    old, new = np.asarray(before).astype(int), np.asarray(part.image.convert("RGB")).astype(int)
    assert np.abs(new - old)[:, 24:].max() <= 1
    assert np.abs(new - old)[:, :24].max() > 8


def test_webuiapi_enlarges_and_reads_texts(webui):
    large = webui.extra_single_image(picture(), upscaler_1="Lanczos", upscaling_resize=2)
    assert large.image.size == (128, 96)
    both = webui.extra_batch_images([picture(), picture(32, 32)], upscaler_1="Lanczos", upscaling_resize=2)
    assert [image.size for image in both.images] == [(128, 96), (64, 64)]
    drawn = webui.txt2img(**SMALL).image
    assert webui.png_info(drawn).info.startswith("a fox")


def test_webuiapi_reads_menus_and_changes_settings(webui, models):
    assert "Euler a" in webui.util_get_sampler_names()
    assert "karras" in [entry["name"] for entry in webui.get_schedulers()]
    assert models.oracle.removesuffix(".safetensors") in webui.util_get_current_model()
    assert any(models.demo.removesuffix(".safetensors") in name for name in webui.util_get_model_names())
    before = webui.get_options()["CLIP_stop_at_last_layers"]
    webui.set_options({"CLIP_stop_at_last_layers": 2})
    assert webui.get_options()["CLIP_stop_at_last_layers"] == 2
    webui.set_options({"CLIP_stop_at_last_layers": before})


def test_webuiapi_follows_a_job_and_interrupts_it(webui):
    with ThreadPoolExecutor(1) as pool:
        asked = {**SMALL, "steps": 100}
        job = pool.submit(webui.txt2img, **asked)
        while not job.done():
            told = webui.get_progress()
            if told["state"]["sampling_step"] >= 2:
                break
        assert 0 < told["progress"] < 1
        webui.interrupt()
        assert job.result().image.size == (64, 48)
    webui.util_wait_for_ready(check_interval=0.1)


def test_sd_backend_client_with_its_strict_models(host, models):
    service = A1111Webservice(host.url)
    assert service.get_config()["sd_model_checkpoint"]
    assert "Euler" in [one.name for one in service.get_samplers()]
    assert [one for one in service.get_models() if one.model_name == models.oracle.removesuffix(".safetensors")]
    assert [one for one in service.get_upscalers() if one.name == "Lanczos"]
    assert service.progress_check().state.job_count == 0
    asked = DiffusionRequestBody(**{**SMALL, "cfg_scale": 7})
    drawn = service.txt2img(asked)
    assert [image.size for image in drawn["images"]] == [(64, 48)]
    large = service.upscale(picture(), 128, 96)
    assert [image.size for image in large["images"]] == [(128, 96)]
