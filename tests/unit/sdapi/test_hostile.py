"""Requests that nobody sends by mistake: each is refused in a sentence, and costs nothing."""

import base64
import contextlib
import io
import json
import math
import random

import pytest
from hires_pack.hires.infotext.to_graph.loaders import ModelFiles
from hires_pack.sdapi.errors import ApiError
from hires_pack.sdapi.generate import img2img, loopback, sd_upscale
from hires_pack.sdapi.generate.asked import asked_for
from hires_pack.sdapi.generate.house import House
from hires_pack.sdapi.generate.models import read
from hires_pack.sdapi.generate.pictures import decoded
from hires_pack.sdapi.generate.placing import resized
from hires_pack.sdapi.generate.requests import Img2Img, Txt2Img
from hires_pack.sdapi.option_table import CHECKPOINT, DEFAULTS
from hires_pack.sdapi.options import Options
from PIL import Image

HOUSE = House(ModelFiles(checkpoints=["tiny.safetensors"]), "v1", has_gpu_noise=False)


def png(size=(32, 24), mode="L", form="PNG", **more):
    file = io.BytesIO()
    Image.new(mode, size, 255).save(file, form, **more)
    return file.getvalue()


def text(raw):
    return base64.b64encode(raw).decode("ascii")


def ask(**sent):
    body = {"seed": 3, "steps": 2, "width": 64, "height": 48, "init_images": [text(png())], **sent}
    return asked_for(read(Img2Img, body), {**DEFAULTS, CHECKPOINT: "tiny.safetensors"}, HOUSE)


@pytest.mark.parametrize("value", [math.nan, math.inf, "nan", "-inf", 10**400, "1e400"])
def test_what_is_no_number_is_no_number(value):
    for field, words in (
        ("cfg_scale", "valid float"),
        ("denoising_strength", "valid float"),
        ("width", "valid integer"),
    ):
        with pytest.raises(ApiError, match=words):
            read(Txt2Img, {field: value})
    assert read(Txt2Img, {"seed": 2**64 - 1}).seed == 2**64 - 1


def test_settings_stay_readable(tmp_path):
    options = Options(tmp_path / "options.json", lambda name: None)
    lists = [name for name, default in DEFAULTS.items() if isinstance(default, list)]
    for change in ({lists[0]: [math.nan]}, {"CLIP_stop_at_last_layers": 10**400}, {lists[0]: [[math.inf]]}):
        with pytest.raises(ApiError, match="The setting"):
            options.set(change)
    json.dumps(options.current(), allow_nan=False)


def test_only_pictures_are_opened():
    """Pillow starts a program for some kinds of files."""
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n"
    with pytest.raises(ApiError, match="Invalid encoded image"):
        decoded(text(eps))


@pytest.mark.filterwarnings("ignore")
def test_bytes_that_are_half_a_picture():
    """Whatever Pillow raises of them."""
    picks = random.Random(3)
    exif = Image.Exif()
    exif[0x0112] = 6
    wholes = [png(form="PNG", exif=exif), png(mode="RGB", form="JPEG", exif=exif), png(form="GIF"), png(form="TIFF"),
              png(mode="RGB", form="WEBP", exif=exif), png(form="BMP"), png(form="ICO", mode="RGBA")]  # fmt: skip
    for whole in wholes:
        decoded(text(whole))
        for _ in range(60):
            broken = bytearray(whole)
            for _ in range(picks.randrange(1, 9)):
                broken[picks.randrange(len(broken))] = picks.randrange(256)
            with contextlib.suppress(ApiError):
                decoded(text(bytes(broken[: picks.randrange(1, len(broken) + 1)])))


@pytest.mark.parametrize(("size", "mode"), [((1, 60_000), 1), ((60_000, 1), 1), ((1, 60_000), 2), ((60_000, 1), 2)])
def test_a_thread_of_a_picture(size, mode):
    with pytest.raises(ApiError, match="crop it first"):
        resized(Image.new("RGB", size), mode, (512, 512))


def test_masks_and_scripts_have_ends():
    told = {"mask": text(png()), "mask_blur": 0}

    def prepared(**more):
        return img2img.prepared(ask(**told, **more), [Image.new("RGB", (32, 24))], lambda _: "a.png", lambda *_: None)

    prepared(inpaint_full_res_padding=10**9)
    with pytest.raises(ApiError, match="padding is -40"):
        prepared(inpaint_full_res_padding=-40)
    for overlap, factor in ((-16, 2), (10**9, 2), (16, math.nan), (16, 1e308), (16, 0), (16, -2), (16, 10**400)):
        with pytest.raises(ApiError, match="SD upscale"):
            sd_upscale.arguments(ask(script_args=[None, overlap, "None", factor]), HOUSE)
    for loops, final in ((2, math.nan), (2, 1e308), (math.nan, 0.5), (10**9, 0.5), (math.inf, 1)):
        with pytest.raises(ApiError, match="Loopback"):
            loopback.arguments(ask(script_args=[loops, final, "Linear", "None"]))
