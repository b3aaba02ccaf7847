"""The boxes of the node library: one node a file, A1111's fields in its order, every field wired to all it means."""

import itertools
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BOXES = ROOT / "subgraphs"
ENTRANCE, EXIT = -10, -20
WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}
RECORDED = json.loads((ROOT / "hires" / "graph" / "node_defs.json").read_text(encoding="utf-8"))["nodes"]

MODEL = [
    *("Checkpoint", "VAE", "Clip skip", "Prompt", "Negative prompt", "LoRA", "LoRA strength"),
    *("Sampling method", "Schedule type", "Sampling steps"),
]
HIRES = ["Upscaler", "Hires steps", "Denoising strength", "Upscale by", "Resize width to", "Resize height to"]
OWN = ["Hires sampling method", "Hires schedule type", "Hires prompt", "Hires negative prompt"]
TXT2IMG = [*MODEL, "Hires. fix", *HIRES, *OWN, "Width", "Height", "Batch size", "CFG Scale", "Seed"]
"""The tab of A1111 1.10 from top to bottom: hires fix comes before the size."""

LABELS = {
    "Hires Fix (latent)": TXT2IMG,
    "Hires Fix (pixel)": TXT2IMG,
    "Hires Fix (A1111 numbers)": [*TXT2IMG, "Random number generator source"],
    "Hires Fix of a picture": ["Image", *MODEL, *HIRES, "CFG Scale", "Seed"],
    "Extras (upscale)": [
        *("Image", "Upscaler 1", "Upscaler 2", "Upscaler 2 visibility"),
        *("Resize mode", "Resize", "Max side length", "Width", "Height", "Crop to fit"),
    ],
}
OUTPUTS = {name: [("IMAGE", "IMAGE"), ("LATENT", "LATENT")] for name in LABELS}
OUTPUTS["Extras (upscale)"] = [("IMAGE", "IMAGE")]


def read(name: str) -> dict:
    """The file of the box of this name, which may go on with other words that find it."""
    (path,) = (path for path in BOXES.glob("*.json") if path.stem.partition(" - ")[0] == name)
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(params=sorted(LABELS))
def name(request) -> str:
    return request.param


@pytest.fixture
def file(name):
    return read(name)


@pytest.fixture
def box(file):
    (definition,) = file["definitions"]["subgraphs"]
    return definition


def test_exactly_these_boxes_exist():
    assert sorted(path.stem.partition(" - ")[0] for path in BOXES.iterdir()) == sorted(LABELS)


def test_a_file_is_one_node_that_is_the_box(file, box, name):
    (node,) = file["nodes"]
    assert node["type"] == box["id"]
    assert node["title"] == box["name"] == name
    assert node["id"] == file["last_node_id"]
    assert file["links"] == []
    assert file["version"] == 0.4


def test_it_can_be_found_and_says_what_it_does(file, box):
    assert box["category"] == "hires fix"
    assert len(box["description"]) > 60
    assert len(file["extra"]["BlueprintSearchAliases"]) >= 5


def test_fields_are_a1111s_in_its_order(file, box, name):
    (node,) = file["nodes"]
    assert [entry["label"] for entry in box["inputs"]] == LABELS[name]
    for entry, slot in zip(box["inputs"], node["inputs"], strict=True):
        assert (slot["name"], slot["type"], slot["label"]) == (entry["name"], entry["type"], entry["label"])
        assert slot["link"] is None
        if entry["type"] in WIDGETS:
            assert slot["widget"] == {"name": entry["name"]}
        else:
            assert "widget" not in slot
    names = [entry["name"] for entry in box["inputs"]]
    assert len(set(names)) == len(names)


def test_outputs(file, box, name):
    (node,) = file["nodes"]
    for outputs in (box["outputs"], node["outputs"]):
        assert [(output["name"], output["type"]) for output in outputs] == OUTPUTS[name]


def test_links_are_entered_at_both_ends_and_types_fit(box):
    nodes = {node["id"]: node for node in box["nodes"]}
    for link in box["links"]:
        from_, to = link["origin_slot"], link["target_slot"]
        if link["origin_id"] == ENTRANCE:
            assert link["id"] in box["inputs"][from_]["linkIds"]
            assert box["inputs"][from_]["type"] == link["type"]
        else:
            assert link["id"] in nodes[link["origin_id"]]["outputs"][from_]["links"]
            assert nodes[link["origin_id"]]["outputs"][from_]["type"] == link["type"]
        if link["target_id"] == EXIT:
            assert link["id"] in box["outputs"][to]["linkIds"]
            assert box["outputs"][to]["type"] == link["type"]
        else:
            slot = nodes[link["target_id"]]["inputs"][to]
            assert slot["link"] == link["id"]
            assert slot["type"] == "*" or link["type"] in slot["type"].split(",")
    known = {link["id"] for link in box["links"]}
    entered = [one for end in (*box["inputs"], *box["outputs"]) for one in end["linkIds"]]
    entered += [slot["link"] for node in box["nodes"] for slot in node["inputs"] if slot["link"] is not None]
    assert set(entered) == known
    assert box["state"]["lastLinkId"] == max(known)
    assert box["state"]["lastNodeId"] == max(nodes)
    assert all(end["linkIds"] for end in (*box["inputs"], *box["outputs"])), "something is connected to nothing"


def fed(box: dict) -> dict[str, list[tuple[str, str]]]:
    """(node type, input) of everything that each input of the box feeds."""
    nodes = {node["id"]: node for node in box["nodes"]}
    links = {link["id"]: link for link in box["links"]}
    found = {}
    for entry in box["inputs"]:
        ends = [(links[one]["target_id"], links[one]["target_slot"]) for one in entry["linkIds"]]
        found[entry["name"]] = [(nodes[node]["type"], nodes[node]["inputs"][slot]["name"]) for node, slot in ends]
    return found


@pytest.mark.parametrize("hires", ["Hires Fix (latent)", "Hires Fix (pixel)"])
def test_a_field_reaches_every_node_that_has_the_setting(hires):
    (box,) = read(hires)["definitions"]["subgraphs"]
    feeds = fed(box)
    for name in ("steps", "cfg", "sampler_name", "scheduler"):
        # the second pass and the prompts follow the first pass
        assert feeds[name] == [("HiresFixBaseSampling", name)]
    for name in ("width", "height", "batch_size"):
        assert feeds[name] == [("EmptyLatentImage", name)]
    loras = "HiresFixPromptLoras"
    assert feeds["prompt"] == [(loras, "text"), (loras, "instead_of_empty")]
    assert feeds["negative_prompt"] == [("HiresFixPrompt", "text"), (loras, "instead_of_empty")]
    assert feeds["hr_prompt"] == feeds["hr_negative_prompt"] == [(loras, "text")]
    assert feeds["lora_name"] == [(loras, "lora_name")] * 2
    assert feeds["clip_skip"] == [("HiresFixPrompt", "clip_skip")] * 4
    assert feeds["vae_name"] == [("HiresFixChooseVAE", "vae_name")]
    assert feeds["hires_fix"] == [("ComfySwitchNode", "switch")]
    assert feeds["hr_sampler_name"] == [("HiresFixRenoise", "sampler_name")]
    assert feeds["hr_scheduler"] == [("HiresFixRenoise", "scheduler")]
    assert feeds["hr_second_pass_steps"] == [("HiresFixRenoise", "hr_second_pass_steps")]
    assert feeds["denoising_strength"] == [("HiresFixRenoise", "denoising_strength")]
    for name in ("hr_scale", "hr_resize_x", "hr_resize_y"):
        assert feeds[name] == [("HiresFixTargetSize", name)]


def test_upscaler_fields_reach_their_own_loaders():
    (box,) = read("Extras (upscale)")["definitions"]["subgraphs"]
    titles = {node["id"]: node.get("title") for node in box["nodes"]}
    links = {link["id"]: link for link in box["links"]}
    for entry in box["inputs"]:
        if entry["label"] in ("Upscaler 1", "Upscaler 2"):
            (link,) = (links[one] for one in entry["linkIds"])
            assert titles[link["target_id"]] == entry["label"]


def test_the_checkpoint_is_the_readers_first_one(box, name):
    """A file that the reader does not have would be a red node; the others start as A1111 does."""
    values = {node["type"]: node["widgets_values"] for node in box["nodes"]}
    if name != "Extras (upscale)":
        assert values["CheckpointLoaderSimple"] == []
        assert values["HiresFixNoise"][:2] == [0, "randomize"]
        assert values["HiresFixRenoise"][1] == (0.7 if "latent" in name else 0.4)
        if name != "Hires Fix of a picture":
            assert values["EmptyLatentImage"] == [512, 512, 1]
            assert values["HiresFixBaseSampling"] == [20, 7.0, "DPM++ 2M", "Automatic"]


def overlap(a: tuple, b: tuple) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def test_nothing_overlaps_inside(box):
    spots = [(x, y - 30, x + w, y + h) for (x, y), (w, h) in ((node["pos"], node["size"]) for node in box["nodes"])]
    ends = [box[end]["bounding"] for end in ("inputNode", "outputNode")]
    spots += [(x, y, x + w, y + h) for x, y, w, h in ends]
    for a, b in itertools.combinations(spots, 2):
        assert not overlap(a, b)
