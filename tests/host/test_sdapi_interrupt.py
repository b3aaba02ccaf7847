"""Interrupt in stages that draw nothing: they are left at once, and the client gets what there is."""

import base64
import io
import json
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hires_pack.dev.api.asks import picture, plain
from hires_pack.dev.parity.http.caller import call
from PIL import Image

SIDE = 128
SLOWLY = {"ESRGAN_tile": 16, "ESRGAN_tile_overlap": 12}
"""Some eight hundred tiles of a picture of that side."""

LARGE = 1024
"""Side of a picture that an upscaler of four times takes a while for, whatever the size of its result."""


class Api:
    def __init__(self, host, models):
        self.port, self.models = int(host.url.rpartition(":")[2]), models

    def get(self, path):
        return call(self.port, "GET", path, None, {}, 300).content

    def post(self, path, body=None):
        return call(self.port, "POST", f"/sdapi/v1/{path}", json.dumps(body or {}).encode(), {}, 600)

    def interrupted(self, path, body, begun):
        """The pictures of a job that is interrupted as soon as `begun` of its state and the host's queue is true."""
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(self.post, path, body)
            while not running.done():
                state = self.get("/sdapi/v1/progress?skip_current_image=true")["state"]
                if begun(state, self.get("/queue")["queue_running"]):
                    assert self.post("interrupt").content == {}
                    break
                time.sleep(0.05)
            reply = running.result()
        assert reply.status == 200, reply.content
        content = reply.content
        texts = content["images"] if "images" in content else [content["image"]]
        return [Image.open(io.BytesIO(base64.b64decode(text))) for text in texts]

    def draw(self):
        reply = self.post("txt2img", plain("a fox", 3, {"sd_model_checkpoint": self.models.oracle}))
        assert len(reply.content["images"]) == 1


@pytest.fixture
def api(host, models):
    return Api(host, models)


def slow(models):
    return models.esrgan_x4.rpartition(".")[0]


def body(models, **more):
    shared = {"sd_model_checkpoint": models.oracle, **SLOWLY}
    return {**plain("a fox", 7, shared), "width": SIDE, "height": SIDE, **more}


def test_enlarging_between_the_passes_gives_the_first_pass(api, models):
    hires = {"enable_hr": True, "hr_scale": 4, "denoising_strength": 0.5, "hr_upscaler": slow(models)}
    (ours,) = api.interrupted(
        "txt2img", body(models, **hires), lambda state, _: state["sampling_step"] == state["sampling_steps"] == 2
    )
    assert ours.size == (SIDE, SIDE)
    (first,) = api.post("txt2img", body(models)).content["images"]
    assert (np.asarray(ours) == np.asarray(Image.open(io.BytesIO(base64.b64decode(first))))).all()


def test_the_first_pass_of_hires_fix_is_the_result(api, models):
    hires = {"enable_hr": True, "hr_scale": 2, "denoising_strength": 0.5, "hr_upscaler": "Latent", "steps": 150}
    (ours,) = api.interrupted("txt2img", body(models, **hires), lambda state, _: state["sampling_step"] > 1)
    assert ours.size == (SIDE, SIDE)


@pytest.mark.parametrize("of_mask", [{}, {"mask": picture(2, (SIDE, SIDE)), "inpaint_full_res": False}])
def test_nothing_is_there_before_the_first_pass(api, models, of_mask):
    """With a mask the picture is enlarged by a graph of its own."""
    sent = body(models, init_images=[picture(1, (SIDE, SIDE))], width=4 * SIDE, height=4 * SIDE, **of_mask)
    sent["override_settings"] = {**sent["override_settings"], "upscaler_for_img2img": slow(models)}
    assert api.interrupted("img2img", sent, lambda _, running: running) == []
    api.draw()


def test_extras_end_with_a_filter_as_in_a1111(api, models):
    sent = {"image": picture(2, (LARGE, LARGE)), "upscaler_1": slow(models), "upscaling_resize": 1.5}
    (ours,) = api.interrupted("extra-single-image", sent, lambda _, running: running)
    plainly = api.post("extra-single-image", {**sent, "upscaler_1": "Lanczos"}).content["image"]
    assert (np.asarray(ours) == np.asarray(Image.open(io.BytesIO(base64.b64decode(plainly))))).all()
    api.draw()
