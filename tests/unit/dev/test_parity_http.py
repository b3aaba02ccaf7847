"""The comparison with recorded exchanges: it passes what is the same, and finds what is not."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from hires_pack.dev.parity.cases import CaseError
from hires_pack.dev.parity.http.caller import Reply
from hires_pack.dev.parity.http.compare import compare
from hires_pack.dev.parity.http.differences import difference_of
from hires_pack.dev.parity.http.exchanges import Exchange, discover
from hires_pack.dev.parity.http.polls import polls_apart
from hires_pack.dev.parity.http.report import Result, as_json, counts, table
from PIL import Image, PngImagePlugin

RECORDED = Path(__file__).resolve().parents[2] / "data" / "sdapi" / "http"
HEADERS = {"content-type": "application/json"}


def exchange(path="/sdapi/v1/txt2img", json=None, status=200, reply=None, folder=Path(), **request):
    asked = {"id": "one", "session": "main", "order": 1, "method": "POST", "path": path, "json": json, **request}
    return Exchange(folder, asked, {"status": status, "headers": HEADERS, "json": reply})


def answered(content, status=200, **headers):
    return Reply(status, {**HEADERS, **headers}, json.dumps(content).encode())


def problems(recorded, content, status=200):
    return compare(recorded, answered(content, status)).problems


def png(pixels, text):
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", text)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", pnginfo=info)
    return file.getvalue()


@pytest.fixture(scope="module")
def recorded():
    return [one for session in discover(RECORDED) for one in session]


def test_every_recorded_reply_is_like_itself(recorded):
    for one in recorded:
        body = json.dumps(one.reply) if "json" in one.response else one.reply
        reply = Reply(one.status, one.response["headers"], body.encode())
        assert not compare(one, reply).problems, one.id


def test_sessions_are_in_their_order_and_an_unknown_id_is_refused(recorded):
    assert {one.session for one in recorded} == {"main", "auth"}
    for session in discover(RECORDED):
        assert [one.order for one in session] == sorted(one.order for one in session)
    with pytest.raises(CaseError, match="no-such"):
        discover(RECORDED, ["no-such"])


def test_what_was_set_before_an_exchange_is_sent_with_it():
    (session,) = discover(RECORDED, ["options-post-mixed"])
    assert [one.id for one in session][-1] == "options-post-mixed"
    assert "options-post-unknown-key" in [one.id for one in session]


@pytest.mark.parametrize(
    ("theirs", "ours", "found"),
    [
        ({"a": 1}, {"a": 2}, ["a: 2 instead of 1"]),
        ({"a": 1}, {"a": True}, ["a: true instead of 1"]),
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {}, ["a is missing"]),
        ({}, {"b": 1}, ["b is too much"]),
        ({"a": [1, 2]}, {"a": [1]}, ["a: 1 instead of 2 entries"]),
        ({"eta_relative": 1.5}, {"eta_relative": 7}, []),
        ({"a": "<DATA>/models/x.pth"}, {"a": "/home/x.safetensors"}, []),
        ({"a": "<DATA>/models/x.pth"}, {"a": "/home/y.pth"}, ['a: "/home/y.pth" instead of "<DATA>/models/x.pth"']),
        ({"a": "Seed: 1, Version: v1.10.1"}, {"a": "Seed: 1, Version: hires-fix 1"}, []),
        ({"a": "Seed: 1, Version: v1.10.1"}, {"a": "Seed: 2, Version: v1.10.1"}, None),
    ],
)
def test_values(theirs, ours, found):
    got = problems(exchange(reply=theirs), ours)
    assert got == found if found is not None else got


def test_info_is_compared_inside_its_text():
    theirs = {"info": json.dumps({"seed": 1, "job_timestamp": "1", "subseed": 5})}
    ours = {"info": json.dumps({"subseed": 6, "job_timestamp": "2", "seed": 1})}
    assert not problems(exchange(reply=theirs, json={}), ours)
    assert problems(exchange(reply=theirs, json={"subseed": 5}), ours)


def test_pictures_are_compared_by_pixels_and_texts(tmp_path):
    pixels = np.random.default_rng(1).integers(0, 255, (8, 8, 3), np.uint8)
    (tmp_path / "out.png").write_bytes(png(pixels, "Seed: 1"))
    one = exchange(reply={"images": [{"$file": "out.png"}]}, json={}, folder=tmp_path)

    def reply(changed, text="Seed: 1"):
        return compare(one, answered({"images": [base64.b64encode(png(changed, text)).decode()]}))

    assert not reply(pixels).problems
    assert reply(pixels).psnr == 100
    other = pixels.copy()
    other[0, 0] ^= 16
    assert "PSNR" in reply(other).problems[0]
    assert "Seed: 2" in reply(pixels, "Seed: 2").problems[0]
    assert "size" in reply(pixels[:4]).problems[0]
    assert "no picture" in compare(one, answered({"images": ["nonsense"]})).problems[0]


def webp(pixels, lossless):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", quality=80, lossless=lossless)
    return file.getvalue()


@pytest.mark.parametrize(("lossless", "is_fine"), [(False, True), (True, False)])
def test_a_webp_with_loss_may_be_further_away(lossless, is_fine, tmp_path):
    pixels = np.random.default_rng(1).integers(0, 255, (16, 16, 3), np.uint8) // 8 + 100
    (tmp_path / "out.webp").write_bytes(webp(pixels, lossless))
    one = exchange(reply={"images": [{"$file": "out.webp"}]}, json={}, folder=tmp_path)
    pixels[::2] += 2
    found = compare(one, answered({"images": [base64.b64encode(webp(pixels, lossless)).decode()]}))
    assert bool(found.problems) != is_fine
    assert 35 < found.psnr < 50


@pytest.mark.parametrize("sent", [{}, {"script_name": "Loopback"}, {"enable_hr": True, "hr_upscaler": "Lanczos"}])
def test_pictures_that_come_through_8_bits_may_be_further_away(sent, tmp_path):
    pixels = np.full((64, 64, 3), 100, np.uint8)
    (tmp_path / "out.png").write_bytes(png(pixels, ""))
    one = exchange(reply={"images": [{"$file": "out.png"}]}, json=sent, folder=tmp_path)
    pixels[::10] += 1
    found = compare(one, answered({"images": [base64.b64encode(png(pixels, "")).decode()]}))
    assert 50 < found.psnr < 65
    assert bool(found.problems) == (not sent)


def test_the_log_of_a_client_library_is_a_session(tmp_path):
    folder = tmp_path / "wire-library-auth"
    folder.mkdir()
    sent = {
        "method": "GET",
        "path": "/sdapi/v1/progress",
        "query": "skip_current_image=true",
        "json": None,
        "status": 401,
    }
    sent |= {
        "headers": {"Accept": "*/*", "Authorization": "<basic>"},
        "reply_headers": HEADERS,
        "reply": {"detail": "no"},
    }
    for number, call in enumerate(("wrong", "right")):
        log = {"call": f"auth-{call}", "wire": [sent] * (number + 1)}
        (folder / f"{number:02}-auth-{call}.json").write_text(json.dumps(log))
    ((wrong, right, again),) = discover(tmp_path)
    assert wrong.session == "wire-library-auth"
    assert [one.order for one in (wrong, right, again)] == [0, 1, 2]
    assert wrong.id == "wire-library-auth/00-auth-wrong"
    assert wrong.target == "/sdapi/v1/progress?skip_current_image=true"
    assert (wrong.request["basic_auth"][1], right.request["basic_auth"][1]) == ("wrong", "secret")
    assert wrong.request["headers"] == {"Accept": "*/*"}
    assert (again.status, again.reply) == (401, {"detail": "no"})


def test_of_menus_only_what_is_installed_is_asked_for():
    entry = {"name": "None", "model_name": None, "model_path": None, "model_url": None, "scale": 4.0}
    theirs = [entry, {**entry, "name": "tiny_x2", "model_path": "<DATA>/tiny_x2.pth"}, {**entry, "name": "DAT x2"}]
    one = exchange("/sdapi/v1/upscalers", reply=theirs, method="GET")
    mine = {**entry, "name": "tiny_x2", "model_path": "/m/tiny_x2.safetensors"}
    assert not problems(one, [entry, mine, {**entry, "name": "own"}])
    assert problems(one, [entry])
    assert problems(one, [entry, mine, {"name": "own"}])


def test_progress_is_compared_step_by_step():
    def poll(progress, step, job="Batch 1 out of 2", number=0, steps=6, count=2):
        state = {"job": job, "job_count": count, "job_no": number, "sampling_step": step, "sampling_steps": steps}
        return {"progress": progress, "state": state}

    theirs = [poll(0.01, 0, steps=4), poll(0.093, 1), poll(0.427, 5), poll(0.51, 0, "Batch 2 out of 2", 1)]
    assert not polls_apart(theirs, theirs)
    assert not polls_apart(theirs, [poll(0.01, 0), poll(0.51, 6), poll(1.0, 0, number=2), poll(0.0, 0, "", count=0)])
    for ours, word in (
        ([poll(0.093, 1, "scripts_img2img")], "'scripts_img2img' instead of 'Batch 1 out of 2'"),
        ([poll(0.093, 1, steps=10)], "sampling_steps 10 instead of 6"),
        ([poll(0.2, 1)], "0.200 instead of 0.093"),
        ([poll(0.427, 5), poll(0.093, 1)], "went back"),
        ([poll(0.6, 3, number=1)], "batch 1 step 3 is none"),
    ):
        assert word in polls_apart(theirs, ours)[0]


def test_status_and_headers_count():
    assert problems(exchange(reply={}), {}, status=500)
    reply = Reply(200, {"content-type": "text/html"}, b"{}")
    assert compare(exchange(reply={}), reply).problems == ["content-type: text/html instead of application/json"]


def test_differences_cover_what_they_are_about_and_nothing_else():
    sent = exchange("/sdapi/v1/options", json={"outdir_samples": "x"})
    assert difference_of(sent, answered({"detail": "no"}, 403)) == "Settings that name folders"
    assert difference_of(sent, answered({"errors": "broken"}, 500)) is None
    assert difference_of(exchange(json={"prompt": "x"}), answered({"errors": "broken"}, 500)) is None
    assert difference_of(exchange(json={"tiling": True}), answered({"errors": "no tiling"}, 500)) == "Tiling"
    assert difference_of(exchange(json={"tiling": True}), answered({})) is None
    other = exchange(json={"script_name": "x/y/z plot"})
    assert difference_of(other, answered({"errors": "The script 'x/y/z plot' is not done here; …"}, 500)) is not None
    assert difference_of(other, answered({"errors": "broken"}, 500)) is None
    off = exchange(json={"alwayson_scripts": {"x": {"args": [False]}}}, status=422, reply={})
    assert difference_of(off, answered({"images": []})) is not None
    assert difference_of(off, answered({"detail": "no"}, 400)) is None
    listed = exchange("/sdapi/v1/options", reply={"CLIP_stop_at_last_layers": "two"}, method="GET")
    assert difference_of(listed, answered({"CLIP_stop_at_last_layers": 1})) == "Settings that are none"
    fits = exchange("/sdapi/v1/options", reply={"CLIP_stop_at_last_layers": 2.0}, method="GET")
    assert difference_of(fits, answered({"CLIP_stop_at_last_layers": 1})) is None
    failed = exchange(json={"prompt": "x"}, status=500, reply={"error": "RuntimeError", "errors": "tensor"})
    assert difference_of(failed, answered({"error": "RuntimeError", "errors": "a size"}, 500)) == "Words of failures"
    assert difference_of(failed, answered({"error": "TypeError", "errors": "a size"}, 500)) is None
    assert difference_of(failed, answered({"error": "RuntimeError", "errors": "'NoneType' object"}, 500)) is None
    plain = exchange(json={"prompt": "x"}, status=500, reply={"error": "RuntimeError", "errors": "model not found"})
    assert difference_of(plain, answered({"error": "RuntimeError", "errors": "a size"}, 500)) is None


def test_the_report_names_both_statuses_and_counts_pictures_apart():
    one = exchange(reply={"a": 1}, json={})
    results = [Result(one, 200, compare(one, answered({"a": 2})), None, 0.5)]
    assert "a: 2 instead of 1" in table(results)
    assert counts(results).splitlines()[0] == "with pictures: 0 of 1 fine, 0 of them differ on purpose"
    (entry,) = as_json(results)["cases"]
    assert (entry["id"], entry["ok"], entry["problems"]) == ("one", False, ["a: 2 instead of 1"])
