"""What happens to the pictures of img2img beside the graph: masks, upscalers, colours; in 8 bits as A1111 has it."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from hires_pack.hires.infotext.to_graph.loaders import ModelFiles
from hires_pack.sdapi.colours import colours_of, corrected
from hires_pack.sdapi.errors import ApiError
from hires_pack.sdapi.generate import img2img
from hires_pack.sdapi.generate.asked import asked_for
from hires_pack.sdapi.generate.house import House
from hires_pack.sdapi.generate.masking import MOST_BLUR, blurred, masked
from hires_pack.sdapi.generate.models import read
from hires_pack.sdapi.generate.requests import Img2Img
from hires_pack.sdapi.option_table import CHECKPOINT, DEFAULTS
from PIL import Image

DATA = Path(__file__).resolve().parents[2] / "data" / "sdapi"
HOUSE = House(ModelFiles(checkpoints=["tiny.safetensors"], upscalers=["x2.safetensors"]), "v1", has_gpu_noise=False)
SIZE = (64, 48)


def png(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode("ascii")


def mask(box, size=SIZE):
    made = Image.new("L", size)
    made.paste(255, box)
    return made


def scene(size=SIZE, red=0):
    levels = np.zeros((size[1], size[0], 3), np.uint8)
    levels[..., 0] = red
    levels[..., 1] = np.linspace(0, 255, size[0])
    levels[..., 2] = np.linspace(255, 0, size[1])[:, None]
    return Image.fromarray(levels)


def ask(options=None, **sent):
    body = {"seed": 3, "steps": 2, "width": 64, "height": 48, "init_images": [png(scene())], **sent}
    options = {**DEFAULTS, CHECKPOINT: "tiny.safetensors", **(options or {})}
    return asked_for(read(Img2Img, body), options, HOUSE)


class Upscaler:
    """Notes what it is asked for, and leaves a mark in what it makes."""

    def __init__(self):
        self.asked = []

    def __call__(self, picture, factor):
        self.asked.append((picture.size, factor))
        made = picture.resize([round(side * factor) for side in picture.size])
        made.paste("white", (0, 0, 4, 4))
        return made


def prepared(asked, sent, upscaler=None):
    kept = []
    put = lambda picture: kept.append(picture) or f"{len(kept)}.png"  # noqa: E731
    loaded, after = img2img.prepared(asked, sent, put, upscaler or Upscaler())
    return loaded, after, kept


def test_colours_are_corrected_as_a1111_does_it():
    """The third picture is of OpenCV 4.11, scikit-image 0.21.0 and blendmodes 2022, called as A1111 calls them."""
    strip = Image.open(DATA / "colour-correction.png").convert("RGB")
    drawn, like, wanted = (strip.crop((left, 0, left + 48, 40)) for left in (0, 48, 96))
    drawn.info["workflow"] = "{}"
    made = corrected(drawn, colours_of(like))
    assert np.array_equal(made, wanted)
    assert made.info["workflow"] == "{}"
    assert np.abs(np.asarray(drawn).astype(int) - np.asarray(wanted)).mean() > 5, "it is another picture"


def test_results_get_the_colours_of_what_was_encoded():
    sent = [scene(), scene(red=200)]
    asked = ask({"img2img_color_correction": True}, batch_size=2)
    _, after, kept = prepared(asked, sent)
    drawn = [scene(red=90)] * 2
    wanted = [corrected(picture, colours_of(of)) for picture, of in zip(drawn, kept, strict=True)]
    assert all(map(np.array_equal, after.composed(drawn), wanted))
    # one picture is that of the whole batch; without the setting nothing is done
    _, after, kept = prepared(asked, sent[:1])
    assert all(np.array_equal(made, wanted[0]) for made in after.composed(drawn))
    _, after, _ = prepared(ask(), sent[:1])
    assert np.array_equal(after.composed(drawn)[0], drawn[0])
    # under a mask: of the part that is drawn, filled; what is kept lies over it untouched
    told = {"mask": png(mask((16, 16, 48, 32))), "inpaint_full_res": True, "mask_blur": 0}
    _, after, kept = prepared(ask({"img2img_color_correction": True}, **told), sent[:1])
    (made,) = after.composed([scene(red=90)])
    assert np.array_equal(after.colours[0], colours_of(kept[1]))
    assert np.array_equal(np.asarray(made)[:16], np.asarray(sent[0])[:16])


def test_an_inverted_mask_is_told():
    def said(invert):
        request = read(Img2Img, {"mask": png(mask((16, 16, 48, 32))), "inpainting_mask_invert": invert})
        return list(masked(request, [scene()], SIZE).said.items())

    assert "Mask mode" not in dict(said(0))
    assert said(1)[0] == ("Mask mode", "Inpaint not masked")


def test_a_latent_mask_says_what_is_drawn_and_the_mask_what_is_shown():
    told = {"mask": png(mask((16, 16, 48, 32))), "inpaint_full_res": False, "mask_blur": 0, "inpainting_fill": 1}
    loaded, after, kept = prepared(ask(latent_mask=png(mask((0, 0, 32, 48))), **told), [scene()])
    drawn = np.asarray(kept[0])[..., 3] == 0
    assert loaded.mask == "1.png"
    assert drawn[:, :4].all()
    assert not drawn[:, 4:].any()
    (made,) = after.composed([Image.new("RGB", SIZE, "red")])
    assert made.getpixel((20, 20)) == (255, 0, 0)
    assert made.getpixel((4, 4)) == scene().getpixel((4, 4))
    # the colours that flow in come from around it
    filled = prepared(ask(latent_mask=png(mask((0, 0, 32, 48))), **{**told, "inpainting_fill": 0}), [scene()])[2][1]
    assert not np.array_equal(np.asarray(filled)[:, :32], np.asarray(scene())[:, :32])
    assert np.array_equal(np.asarray(filled)[:, 34:], np.asarray(scene())[:, 34:])
    with pytest.raises(ApiError, match="latent_mask has 32x48 pixels"):
        prepared(ask(latent_mask=png(mask((0, 0, 8, 8), (32, 48))), **{**told, "inpainting_fill": 0}), [scene()])


def test_the_upscaler_of_img2img_works_under_a_mask_and_in_every_mode():
    options, small = {"upscaler_for_img2img": "x2"}, scene((32, 24))
    told = {"mask": png(mask((8, 8, 24, 16), (32, 24))), "mask_blur": 0, "inpainting_fill": 1}
    # the whole picture: enlarged before, with A1111's factor; the mask is not
    upscaler = Upscaler()
    _, _, kept = prepared(ask(options, inpaint_full_res=False, **told), [small], upscaler)
    assert upscaler.asked == [((32, 24), 2.0)]
    assert kept[-1].size == SIZE
    assert kept[-1].getpixel((0, 0)) == (255, 255, 255), "what the upscaler made is encoded"
    # only masked: the part before, and the result where the part is larger than the job
    upscaler = Upscaler()
    _, after, _ = prepared(ask(options, **told), [small], upscaler)
    left, top, right, bottom = after.paste_to
    assert upscaler.asked == [((right - left, bottom - top), 4.0)]
    upscaler = Upscaler()
    large = {**told, "mask": png(mask((0, 0, 128, 96), (128, 96)))}
    _, after, _ = prepared(ask(options, **large), [scene((128, 96))], upscaler)
    after.composed([scene()])
    assert upscaler.asked == [(SIZE, 2.0)]
    # without a mask the graph does it, but not with edges drawn out, several sizes, or colours to keep
    upscaler = Upscaler()
    loaded, _, _ = prepared(ask(options), [small], upscaler)
    assert (loaded.size, upscaler.asked) == ((32, 24), [])
    for more, pictures in (({"resize_mode": 2}, [small]), ({"batch_size": 2}, [small, scene((16, 12))])):
        upscaler = Upscaler()
        loaded, _, _ = prepared(ask(options, **more), pictures, upscaler)
        assert (loaded.size, len(upscaler.asked)) == (SIZE, len(pictures))
    upscaler = Upscaler()
    prepared(ask({**options, "img2img_color_correction": True}), [small], upscaler)
    assert upscaler.asked == [((32, 24), 2.0)]
    # nothing gets larger: nothing is asked
    upscaler = Upscaler()
    loaded, _, _ = prepared(ask(options), [scene((96, 96))], upscaler)
    assert (loaded.size, upscaler.asked) == (SIZE, [])


def test_a_wide_blur_costs_no_more_than_a_narrow_one_and_has_an_end():
    wide = np.asarray(blurred(mask((0, 0, 32, 48)), 3000, 3000)).astype(int)
    assert abs(wide - 127).max() <= 16, "all of it is grey"
    with pytest.raises(ApiError, match=f"up to {MOST_BLUR} pixels"):
        blurred(mask((0, 0, 32, 48)), 10**30, 0)
