"""ControlNets of requests give what core's nodes give in a graph that is built by hand, bit by bit."""

import base64
import io
import json

import numpy as np
import pytest
import webuiapi
from hires_pack.dev.fixtures.second_pass import write_controlnet
from hires_pack.dev.parity.http.caller import call
from PIL import Image, ImageDraw

from .graphs import Graph

NAME = "tiny control.safetensors"
SIZE = (64, 48)
FOX = {"prompt": "a fox", "seed": 5, "steps": 3, "width": 64, "height": 48, "cfg_scale": 7, "sampler_name": "Euler"}
HIRES = {"enable_hr": True, "hr_scale": 2, "denoising_strength": 0.6, "hr_upscaler": "Latent"}
PASS = {"cfg": 7.0, "sampler_name": "Euler", "scheduler": "Automatic"}


@pytest.fixture(scope="module", autouse=True)
def controlnet(host, models):
    checkpoint = next(path for path in models.files.checkpoints if path.name == models.oracle)
    path = host.base / "models" / "controlnet" / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    write_controlnet(path, checkpoint)
    yield
    path.unlink()


@pytest.fixture
def post(host, models):
    def send(path, **body):
        body = {**FOX, "override_settings": {"sd_model_checkpoint": models.oracle}, **body}
        port = int(host.url.rpartition(":")[2])
        return call(port, "POST", f"/sdapi/v1/{path}", json.dumps(body).encode(), {}, 300)

    return send


def hint(size=SIZE, box=(8, 8, 40, 40)):
    image = Image.new("RGB", size, "black")
    ImageDraw.Draw(image).rectangle(box, outline="white", width=3)
    return image


def encoded(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def control(*units):
    return {"alwayson_scripts": {"ControlNet": {"args": list(units)}}}


def unit(**changes):
    return {"model": NAME.removesuffix(".safetensors"), "module": "none", "image": encoded(hint()), **changes}


def drawn(reply):
    assert reply.status == 200, reply.content
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) for text in reply.content["images"]]


class ByHand:
    """A graph with ControlNets of core's nodes. `applied`: (picture, weight, start, end) of each, of each pass."""

    def __init__(self, host, client, models):
        self.host, self.client, self.g = host, client, Graph()
        self.loader = self.g.add("CheckpointLoaderSimple", ckpt_name=models.oracle)
        self.noise = self.g.add("HiresFixNoise", seed=5, source="CPU")

    def prompts(self, applied):
        words = {"clip": self.loader[1], "steps": 3, "for_pass": "either pass", "hr_second_pass_steps": 0}
        words |= {"clip_skip": 1, "sampler_name": "Euler", "emphasis": "Original", "comma_padding_backtrack": 20}
        positive, negative = (self.g.add("HiresFixPrompt", text=text, **words) for text in ("a fox", ""))
        positive, negative = positive[0], negative[0]
        for number, (picture, weight, start, end) in enumerate(applied):
            name = f"hint {len(self.g)} {number}.png"
            picture.save(self.host.base / "input" / name)
            node = self.g.add(
                "ControlNetApplyAdvanced", positive=positive, negative=negative, strength=weight, start_percent=start,
                control_net=self.g.add("ControlNetLoader", control_net_name=NAME), end_percent=end,
                image=self.g.add("LoadImage", image=name), vae=self.loader[2],
            )  # fmt: skip
            positive, negative = node[0], node[1]
        return {"model": self.loader, "positive": positive, "negative": negative, "noise": self.noise}

    def first(self, applied, batch_size=1):
        empty = self.g.add("EmptyLatentImage", width=64, height=48, batch_size=batch_size)
        return self.g.add("HiresFixBaseSampling", latent=empty, steps=3, **self.prompts(applied), **PASS)

    def second(self, applied, latent, strength, **more):
        given = self.prompts(applied)
        noised = self.g.add(
            "HiresFixRenoise", model=self.loader, latent=latent, noise=self.noise, steps=3, scheduler="Automatic",
            denoising_strength=strength, hr_second_pass_steps=0, sampler_name="Euler", **more,
        )  # fmt: skip
        sampling = {"cfg": 7.0, "sampler_name": "Euler"}
        return self.g.add("HiresFixSecondSampling", latent=noised, sigmas=noised[1], **given, **sampling)

    def pictures(self, latent):
        decoded = self.g.add("VAEDecode", samples=latent, vae=self.loader[2])
        shown = self.g.add("PreviewImage", images=decoded)
        run = self.client.queue(self.g).require_success()
        return [np.asarray(Image.open(io.BytesIO(data))) for data in run.images(shown.id)]


@pytest.fixture
def by_hand(host, client, models):
    return ByHand(host, client, models)


def assert_equal(ours, theirs):
    assert len(ours) == len(theirs)
    assert all(map(np.array_equal, ours, theirs))


OTHER = (30, 4, 60, 44)


@pytest.mark.parametrize(
    ("units", "applied"),
    [
        ([unit()], [(hint(), 1.0, 0.0, 1.0)]),
        (
            [
                None,
                unit(weight=0.5, guidance_start=0.2, guidance_end=0.9, pixel_perfect=True, control_mode="Balanced"),
                unit(enabled=False, image="no picture", model="gone"),
                unit(image={"image": encoded(hint(box=OTHER)), "mask": None}, resize_mode="Just Resize", low_vram=True),
            ],
            [(hint(), 0.5, 0.2, 0.9), (hint(box=OTHER), 1.0, 0.0, 1.0)],
        ),
    ],
    ids=["one", "two of four"],
)
def test_txt2img_in_a_batch(post, by_hand, units, applied):
    ours = drawn(post("txt2img", **control(*units), batch_size=2))
    assert_equal(ours, by_hand.pictures(by_hand.first(applied, batch_size=2)))
    plain = drawn(post("txt2img", batch_size=2))
    assert (ours[0] != plain[0]).any()


@pytest.mark.parametrize(("option", "works"), [("Both", (1, 1)), ("Low res only", (1, 0)), ("High res only", (0, 1))])
def test_both_passes_of_hires_fix(post, by_hand, option, works):
    ours = drawn(post("txt2img", **HIRES, **control(unit(hr_option=option))))
    large = hint().resize((128, 96), Image.Resampling.LANCZOS)
    low, high = ([(picture, 1.0, 0.0, 1.0)] * count for picture, count in zip((hint(), large), works, strict=True))
    base = by_hand.first(low)
    asked = {"width": 64, "height": 48, "hr_scale": 2.0, "hr_resize_x": 0, "hr_resize_y": 0}
    target = by_hand.g.add("HiresFixTargetSize", latent=base, vae=by_hand.loader[2], **asked)
    enlarged = by_hand.g.add("HiresFixLatentUpscale", latent=base, target=target, mode="Latent")
    assert_equal(ours, by_hand.pictures(by_hand.second(high, enlarged, 0.6)))


def test_img2img_with_its_own_picture_or_another(post, by_hand):
    before = hint(box=OTHER)
    sent = {"init_images": [encoded(before)], "denoising_strength": 0.7}
    before.save(by_hand.host.base / "input" / "before.png")
    picture = by_hand.g.add("LoadImage", image="before.png")
    latent = by_hand.g.add("VAEEncode", pixels=picture, vae=by_hand.loader[2])
    ours = drawn(post("img2img", **sent, **control(unit(image=None))))
    theirs = by_hand.second([(before, 1.0, 0.0, 1.0)], latent, 0.7, steps_rule="img2img")
    assert_equal(ours, by_hand.pictures(theirs))
    other = drawn(post("img2img", **sent, **control(unit())))
    assert (other[0] != ours[0]).any()


def test_resize_modes_and_the_part_that_is_drawn(post):
    wide = encoded(hint((128, 48), (10, 6, 120, 40)))
    by_mode = {
        mode: drawn(post("txt2img", **control(unit(image=wide, resize_mode=mode))))[0].tobytes() for mode in (0, 1, 2)
    }
    assert len(set(by_mode.values())) == 3
    assert drawn(post("txt2img", **control(unit(image=wide, resize_mode="Resize and Fill"))))[0].tobytes() == by_mode[2]
    # with only the masked part drawn, a ControlNet's picture is cut to that part: what lies beside it does not count
    mask = Image.new("L", SIZE)
    mask.paste(255, (0, 0, 24, 24))
    sent = {"init_images": [encoded(hint(box=OTHER))], "mask": encoded(mask), "mask_blur": 0, "denoising_strength": 0.8}
    sent |= {"inpainting_fill": 1, "inpaint_full_res": True}
    pictures = []
    for change in ((0, 0), (60, 40), (10, 10)):
        image = hint()
        image.putpixel(change, (200, 90, 255))
        pictures.append(drawn(post("img2img", **sent, **control(unit(image=encoded(image)))))[0])
    assert (pictures[0] != pictures[2]).any()
    image = hint()
    assert_equal([pictures[1]], drawn(post("img2img", **sent, **control(unit(image=encoded(image))))))


def test_texts_name_it(post):
    reply = post("txt2img", **control(unit(weight=0.5, resize_mode="Just Resize"))).content
    (text,) = json.loads(reply["info"])["infotexts"]
    assert 'ControlNet 0: "Module: none, Model: tiny control [' in text
    assert "Weight: 0.5, Resize Mode: Just Resize" in text


@pytest.mark.parametrize(
    ("units", "words"),
    [
        ([unit(model="no such")], "There is no ControlNet 'no such'"),
        ([unit(module="openpose_full")], "preprocessor 'openpose_full'"),
        ([unit(image=None)], "brings no picture"),
        ([unit(image="no picture")], "Invalid encoded image"),
        ([unit(control_mode=1)], "control_mode 1"),
        ([unit(weight=float("nan"))], "strength"),
    ],
)
def test_what_cannot_be_done_is_said(post, units, words):
    reply = post("txt2img", **control(*units))
    assert reply.status == 500
    assert words in json.dumps(reply.content)


def test_clients_find_it(host, models):
    port = int(host.url.rpartition(":")[2])

    def get(path):
        return call(port, "GET", path, None, {}, 60).content

    (title,) = get("/controlnet/model_list")["model_list"]
    assert title.startswith("tiny control [")
    assert get("/controlnet/control_types")["control_types"]["All"]["model_list"] == ["None", title]
    assert all("controlnet" in scripts for scripts in get("/sdapi/v1/scripts").values())
    assert {entry["is_img2img"] for entry in get("/sdapi/v1/script-info") if entry["name"] == "controlnet"} == {
        False,
        True,
    }
    api = webuiapi.WebUIApi(host="127.0.0.1", port=port)
    assert api.controlnet_model_list() == [title]
    assert api.controlnet_module_list() == ["none"]
    assert api.controlnet_detect([hint()]).image.size == SIZE
    api.set_options({"sd_model_checkpoint": models.oracle})
    asked = webuiapi.ControlNetUnit(image=hint(), model=title, module="none")
    settings = {"prompt": "a fox", "seed": 5, "steps": 2, "width": 64, "height": 48, "sampler_name": "Euler"}
    # the client keeps the unit in its own default of alwayson_scripts otherwise, for all who use it later
    drawn = api.txt2img(**settings, controlnet_units=[asked], alwayson_scripts={})
    assert "ControlNet 0" in drawn.info["infotexts"][0]
