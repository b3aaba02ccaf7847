"""A1111's API draws on the host's own queue: recorded pictures, batches, interruption, files, clients that go away."""

import base64
import io
import json
import socket
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from hires_pack.dev.parity.measure import off_by_more, psnr
from hires_pack.sdapi.colours import colours_of, corrected
from PIL import Image

DATA = Path(__file__).resolve().parents[1] / "data" / "sdapi"
ON_CPU = {"randn_source": "CPU", "sd_model_checkpoint": "tiny_sd15"}
FOX = {
    "prompt": "a red fox in the snow", "negative_prompt": "blurry", "seed": 1234, "steps": 4, "width": 64,
    "height": 48, "cfg_scale": 7, "sampler_name": "Euler", "override_settings": ON_CPU,
}  # fmt: skip


@pytest.fixture
def api(host):
    def call(path, body=None, method="POST"):
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"{host.url}/sdapi/v1/{path}", data=data, method=method)
        with urllib.request.urlopen(asked, timeout=300) as answer:
            return json.load(answer)

    return call


def pictures(reply):
    return [Image.open(io.BytesIO(base64.b64decode(text))) for text in reply["images"]]


def file(name):
    return base64.b64encode((DATA / name).read_bytes()).decode()


def assert_recorded(picture, name):
    ours, theirs = np.asarray(picture), np.asarray(Image.open(DATA / name))
    assert psnr(ours, theirs) >= 65
    assert off_by_more(ours, theirs) <= 0.001


def wait_until(holds):
    for _ in range(3000):
        if holds():
            return
        time.sleep(0.1)
    pytest.fail("it did not come to that in 5 minutes")


def test_a_recorded_picture_with_its_text_and_workflow(api, host):
    folder = host.base / "output" / "a1111-api"
    before = set(folder.glob("*"))
    reply = api("txt2img", {**FOX, "save_images": True})
    (picture,) = pictures(reply)
    assert_recorded(picture, "txt2img-plain.png")
    (text,) = json.loads(reply["info"])["infotexts"]
    assert picture.info["parameters"] == text
    assert "Seed: 1234, Size: 64x48, Model hash: 9189f6453a, Model: tiny_sd15, RNG: CPU" in text
    kinds = {node["type"] for node in json.loads(picture.info["workflow"])["nodes"]}
    assert "HiresFixBaseSampling" in kinds
    (kept,) = set(folder.glob("txt2img_*.png")) - before
    with Image.open(kept) as saved:
        assert saved.info["parameters"] == text
        assert (np.asarray(saved) == np.asarray(picture)).all()


def test_a_mask_keeps_the_rest(api, host):
    reply = api(
        "img2img",
        {
            "init_images": [file("img2img-init.png")], "mask": file("img2img-mask.png"), "prompt": "a stone bridge",
            "negative_prompt": "people", "seed": 4321, "steps": 6, "width": 96, "height": 64, "cfg_scale": 6,
            "sampler_name": "Euler", "inpainting_fill": 0, "inpaint_full_res": False, "mask_blur": 4,
            "override_settings": ON_CPU,
        },
    )  # fmt: skip
    (picture,) = pictures(reply)
    assert_recorded(picture, "img2img-mask-fill-0.png")
    assert not list((host.base / "temp").glob("hires-fix-api-*")), "what was sent is removed again"


def test_requests_at_once_all_get_their_own(api):
    seeds = [11, 12, 13]
    with ThreadPoolExecutor(len(seeds)) as pool:
        replies = list(pool.map(lambda seed: api("txt2img", {**FOX, "seed": seed, "steps": 2}), seeds))
    assert [json.loads(reply["info"])["seed"] for reply in replies] == seeds
    assert len({reply["images"][0] for reply in replies}) == len(seeds)
    idle = api("progress", method="GET")
    assert (idle["progress"], idle["state"]["job_count"], idle["current_image"]) == (0.0, 0, None)


def test_interrupt_gives_what_there_is_and_nobody_gets_it_again(api):
    asked = {**FOX, "seed": 21, "steps": 60, "n_iter": 2}
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(api, "txt2img", asked)
        seen = []

        def is_drawn():
            seen.append(api("progress", method="GET"))
            return seen[-1]["state"]["sampling_step"] >= 3 and seen[-1]["current_image"]

        wait_until(is_drawn)
        assert 0 < seen[-1]["progress"] < 0.5
        assert seen[-1]["state"]["job"] == "Batch 1 out of 2"
        assert Image.open(io.BytesIO(base64.b64decode(seen[-1]["current_image"]))).width > 0
        assert api("interrupt") == {}
        (cut_short,) = pictures(running.result())
    assert cut_short.size == (64, 48)
    assert api("progress", method="GET")["state"]["interrupted"]
    (whole,) = pictures(api("txt2img", {**asked, "n_iter": 1}))
    assert (np.asarray(whole) != np.asarray(cut_short)).any()


def test_every_job_shows_what_it_draws(api):
    for seed in (41, 42):
        seen = []
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(api, "txt2img", {**FOX, "seed": seed, "steps": 150})

            def shows(seen=seen, running=running):
                seen.append(api("progress", method="GET")["current_image"])
                return seen[-1] or running.done()

            wait_until(shows)
            api("interrupt")
        assert seen[-1]


def test_a_client_that_goes_away_cancels_nothing(api, host):
    before = _finished(host)
    body = json.dumps({**FOX, "seed": 31}).encode()
    address = urlsplit(host.url)
    with socket.create_connection((address.hostname, address.port)) as line:
        head = f"POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: {len(body)}\r\n\r\n"
        line.sendall(head.encode() + body)
        wait_until(lambda: api("progress?skip_current_image=true", method="GET")["state"]["job_count"] > 0)
    wait_until(lambda: _finished(host) > before)


def _finished(host):
    with urllib.request.urlopen(f"{host.url}/history", timeout=60) as answer:
        entries = json.load(answer).values()
    return sum(entry["status"]["status_str"] == "success" for entry in entries)


def test_what_fails_in_a_node_is_a_sentence(api):
    with pytest.raises(urllib.error.HTTPError) as caught:
        api("txt2img", {**FOX, "cfg_scale": 1e9})
    body = json.loads(caught.value.read())
    assert (caught.value.code, body["error"]) == (500, "ValueError")
    assert "cfg" in body["errors"]


def as_text(picture):
    opened = io.BytesIO()
    picture.save(opened, "PNG")
    return base64.b64encode(opened.getvalue()).decode("ascii")


def test_a_batch_is_as_large_as_its_pictures_are_many(api):
    inits = [file("img2img-init.png"), file("txt2img-plain.png")]
    reply = api("img2img", {**FOX, "steps": 1, "init_images": inits, "batch_size": 3, "n_iter": 2})
    texts = json.loads(reply["info"])["infotexts"]
    assert len(reply["images"]) == 4
    assert [f"Seed: {1234 + number}," in text for number, text in enumerate(texts)] == [True] * 4


def test_an_upscaler_and_colours_beside_the_graph(api):
    """With a mask A1111 goes on in 8 bits with what the upscaler made: as a client would with Extras."""
    small = Image.open(DATA / "img2img-init.png").convert("RGB").resize((32, 24))
    marked = Image.new("L", small.size)
    marked.paste(255, (8, 4, 28, 20))
    shared = {"denoising_strength": 0.6, "mask_blur": 0, "inpaint_full_res": False, "inpainting_fill": 1}
    own = {**ON_CPU, "upscaler_for_img2img": "tiny_compact_x2"}
    sent = {**FOX, **shared, "init_images": [as_text(small)], "mask": as_text(marked), "override_settings": own}
    (made,) = pictures(api("img2img", sent))
    extras = {"image": as_text(small), "upscaler_1": "tiny_compact_x2", "upscaling_resize": 2}
    large = pictures({"images": [api("extra-single-image", extras)["image"]]})[0].convert("RGB")
    shown = marked.resize((64, 48), Image.Resampling.LANCZOS)
    by_hand = {**FOX, **shared, "init_images": [as_text(large)], "mask": as_text(shown)}
    (wanted,) = pictures(api("img2img", by_hand))
    assert np.array_equal(made, wanted)
    # several wait for the upscaler at once: on two cores more than the event loop has threads for
    with ThreadPoolExecutor(9) as clients:
        waiting = [clients.submit(api, "img2img", {**sent, "steps": 1, "denoising_strength": 0.1}) for _ in range(9)]
        assert all(len(one.result()["images"]) == 1 for one in waiting)
    corrects = {**ON_CPU, "img2img_color_correction": True}
    plain = {**FOX, "denoising_strength": 0.9, "init_images": [as_text(large)]}
    (before,) = pictures(api("img2img", plain))
    (after,) = pictures(api("img2img", {**plain, "override_settings": corrects}))
    assert np.array_equal(after, corrected(before, colours_of(large)))
    # Loopback keeps the colours of the first picture, and what it has filled
    loops = {**plain, "mask": as_text(shown), "inpainting_fill": 0, "script_name": "loopback"}
    reply = api("img2img", {**loops, "script_args": [2, 0.5, "Linear", "None"], "override_settings": corrects})
    assert len(reply["images"]) == 3
    told = json.loads(reply["info"])
    assert "Masked content: fill" in told["infotexts"][0]
    assert not api("progress", method="GET")["state"]["job_count"]
