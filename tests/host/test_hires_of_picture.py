"""`POST /hires-fix/hires-of-picture`: the form for a finished picture, with what its texts say in it."""

import json
import urllib.error
import urllib.request

import numpy as np
import pytest
from hires_pack.tests import png_by_hand

TEXT = (
    "a cat\nNegative prompt: fog\nSteps: 3, Sampler: Euler a, Schedule type: Karras, CFG scale: 6, Seed: 77, "
    "Size: 64x64, Model: tiny_sd15"
)


def ask(host, body):
    """(status, answer) of the server."""
    content = json.dumps(body).encode() if not isinstance(body, bytes) else body
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{host.url}/hires-fix/hires-of-picture", content, headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.fixture
def picture(host):
    """Puts a PNG with these chunks of text into the input folder; returns its name."""

    def put(name, *chunks):
        (host.base / "input" / name).write_bytes(png_by_hand.encode(np.zeros((4, 4, 3), np.uint8), chunks))
        return name

    return put


def fields(workflow):
    """Start values of the form, by their labels: what the nodes inside of the box say."""
    (box,) = workflow["definitions"]["subgraphs"]
    nodes = {node["id"]: node for node in box["nodes"]}
    found = {}
    for entry in box["inputs"]:
        for link in box["links"]:
            if link["id"] in entry["linkIds"]:
                node = nodes[link["target_id"]]
                slot = node["inputs"][link["target_slot"]]
                if "widget" in slot:
                    found.setdefault(entry["label"], node["widgets_values"])
    return found


def test_the_form_has_what_the_text_says(host, picture):
    name = picture("with-text.png", (b"tEXt", b"parameters\0" + TEXT.encode()))
    status, answer = ask(host, {"image": name})
    assert status == 200
    workflow = answer["workflow"]
    assert workflow["extra"]["linearMode"] is True
    (loader,) = (node for node in workflow["nodes"] if node["type"] == "LoadImage")
    assert loader["widgets_values"][0] == name
    starts = fields(workflow)
    assert starts["Prompt"][0] == "a cat"
    assert starts["Negative prompt"][0] == "fog"
    assert starts["Seed"][:2] == [77, "randomize"]
    assert starts["Checkpoint"] == ["tiny_sd15.safetensors"]
    assert "Euler a" in starts["Sampling method"]
    assert answer["notes"] == []


def test_each_is_a_workflow_of_its_own(host, picture):
    name = picture("plain.png")
    first, second = (ask(host, {"image": name})[1]["workflow"]["id"] for _ in range(2))
    assert first != second


def test_a_picture_without_text(host, picture):
    _, answer = ask(host, {"image": picture("plain.png")})
    assert fields(answer["workflow"])["Prompt"][0] == ""
    assert answer["notes"] == ["No prompt is known of this picture: say what it shows."]


@pytest.mark.parametrize(
    "body",
    [b"no json", {}, *({"image": name} for name in (3, "", ".", "[output]", "nowhere.png", "../../secret.png"))],
)
def test_what_is_no_picture_is_refused(host, body):
    status, answer = ask(host, body)
    assert status == 400
    assert answer["error"]
