"""The insides of the boxes run: turned into prompts here, as the editor turns them, with other values in the fields."""

import io
import json

import pytest
from PIL import Image

from .graphs import ROOT

BOXES = ROOT / "subgraphs"
ENTRANCE, EXIT = -10, -20
WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}
RECORDED = json.loads((ROOT / "hires" / "graph" / "node_defs.json").read_text(encoding="utf-8"))["nodes"]


def prompt_of(name, **fields):
    """The inside of a box in API format with values for its inputs, and SaveImage at its output IMAGE."""
    (path,) = (path for path in BOXES.glob("*.json") if path.stem.partition(" - ")[0] == name)
    file = json.loads(path.read_text(encoding="utf-8"))
    (box,) = file["definitions"]["subgraphs"]
    links = {link["id"]: link for link in box["links"]}
    prompt = {}
    for node in box["nodes"]:
        values, inputs = iter(node["widgets_values"]), {}
        for entry in RECORDED[node["type"]]["inputs"]:
            if entry["type"] in WIDGETS and not entry.get("socket"):
                inputs[entry["name"]] = next(values, None)
                if "companion" in entry:
                    next(values)
        for slot in node["inputs"]:
            if slot["link"] is None:
                continue
            link = links[slot["link"]]
            if link["origin_id"] != ENTRANCE:
                inputs[slot["name"]] = [str(link["origin_id"]), link["origin_slot"]]
            elif (field := box["inputs"][link["origin_slot"]]["name"]) in fields:
                inputs[slot["name"]] = fields[field]
        prompt[str(node["id"])] = {"class_type": node["type"], "inputs": inputs}
    (output,) = (output for output in box["outputs"] if output["name"] == "IMAGE")
    end = links[output["linkIds"][0]]
    images = [str(end["origin_id"]), end["origin_slot"]]
    prompt["save"] = {"class_type": "SaveImage", "inputs": {"images": images, "filename_prefix": "box"}}
    return prompt


def picture(run):
    (data,) = run.images("save")
    return Image.open(io.BytesIO(data)).convert("RGB")


OTHER_VALUES = {
    "prompt": "something else", "negative_prompt": "", "sampler_name": "Euler", "scheduler": "Uniform", "cfg": 3.0,
    "seed": 6, "hr_second_pass_steps": 3, "hr_prompt": "a boat", "hr_negative_prompt": "fog",
    "hr_sampler_name": "Euler a", "hr_scheduler": "SGM Uniform",
}  # fmt: skip
SIZES = {"hr_scale": (1.5, (192, 96)), "hr_resize_x": (160, (160, 80)), "hr_resize_y": (192, (384, 192))}


@pytest.mark.parametrize(
    ("box", "other_values", "sizes"),
    [
        ("Hires Fix (latent)", {**OTHER_VALUES, "mode": "Latent (nearest)", "denoising_strength": 0.3}, SIZES),
        ("Hires Fix (pixel)", {"upscaler_name": "Nearest", "denoising_strength": 0.9}, {}),
        ("Hires Fix (A1111 numbers)", {"noise_source": "CPU"}, {}),
    ],
)
def test_hires_fix_in_a_box(box, other_values, sizes, host, client, models):
    """What differs between the two is tried in both."""
    fields = {"ckpt_name": models.demo, "steps": 2, "width": 128, "height": 64, "seed": 5}
    plain = picture(client.queue(prompt_of(box, **fields)).require_success())
    assert plain.size == (256, 128)
    for field, value in other_values.items():
        run = client.queue(prompt_of(box, **{**fields, field: value})).require_success()
        differs = picture(run).tobytes() != plain.tobytes()
        assert differs, f"{field} has no effect"
    # the demo's text encoder says the same in its last two layers
    encoders = [node for node in prompt_of(box, clip_skip=2).values() if node["class_type"] == "HiresFixPrompt"]
    assert {node["inputs"]["clip_skip"] for node in encoders} == {2}
    for field, (value, size) in sizes.items():
        run = client.queue(prompt_of(box, **{**fields, field: value})).require_success()
        assert picture(run).size == size, field


def test_hires_fix_is_off(host, client, models):
    """The first pass alone, as if there were no second: its nodes do not run."""
    fields = {"ckpt_name": models.demo, "steps": 2, "width": 128, "height": 64, "seed": 5, "hires_fix": False}
    prompt = prompt_of("Hires Fix (latent)", **fields)
    run = client.queue(prompt).require_success()
    assert picture(run).size == (128, 64)
    (second,) = (name for name, node in prompt.items() if node["class_type"] == "HiresFixSecondSampling")
    assert second not in run.executed


def test_an_empty_hires_prompt_is_the_prompt(host, client, models):
    fields = {"ckpt_name": models.demo, "steps": 2, "width": 64, "height": 64, "seed": 5, "prompt": "a red house"}
    same = picture(client.queue(prompt_of("Hires Fix (pixel)", **fields)).require_success())
    said = picture(client.queue(prompt_of("Hires Fix (pixel)", **fields, hr_prompt="a red house")).require_success())
    other = picture(client.queue(prompt_of("Hires Fix (pixel)", **fields, hr_prompt="a blue boat")).require_success())
    assert same.tobytes() == said.tobytes() != other.tobytes()


def test_hires_fix_of_a_picture_in_a_box(host, client, models):
    data = io.BytesIO()
    Image.linear_gradient("L").resize((64, 48)).convert("RGB").save(data, "PNG")
    name = client.upload_image(data.getvalue(), "to-redraw.png")

    def redrawn(**fields):
        fields = {"ckpt_name": models.demo, "steps": 2, "seed": 5, **fields}
        prompt = prompt_of("Hires Fix of a picture", image=["load", 0], **fields)
        prompt["load"] = {"class_type": "LoadImage", "inputs": {"image": name}}
        return picture(client.queue(prompt).require_success())

    plain = redrawn()
    assert plain.size == (128, 96)
    assert redrawn(hr_scale=3.0).size == (192, 144)
    for field, value in {"prompt": "a boat", "denoising_strength": 0.9, "seed": 6, "cfg": 2.0, "steps": 4}.items():
        assert redrawn(**{field: value}).tobytes() != plain.tobytes(), f"{field} has no effect"


def test_upscale_image_in_a_box(host, client, models):
    waves = Image.linear_gradient("L").resize((60, 40)).convert("RGB")
    data = io.BytesIO()
    waves.save(data, "PNG")
    name = client.upload_image(data.getvalue(), "waves.png")

    def upscaled(**fields):
        prompt = prompt_of("Extras (upscale)", image=["load", 0], **fields)
        prompt["load"] = {"class_type": "LoadImage", "inputs": {"image": name}}
        return picture(client.queue(prompt).require_success())

    assert upscaled().size == (120, 80)
    assert upscaled(upscaling_resize=3.0).size == (180, 120)
    assert upscaled(upscaling_resize=3.0, max_side=90).size == (90, 60)
    to = {"resize_mode": "scale to", "upscaling_resize_w": 100, "upscaling_resize_h": 100}
    assert upscaled(**to).size == (100, 100)
    assert upscaled(**to, upscaling_crop=False).size == (150, 100)
    first, second = (upscaled(upscaler_name=one, upscaling_resize=4.0) for one in ("Lanczos", "Nearest"))
    both = {"upscaler_name": "Lanczos", "upscaler_2_name": "Nearest", "upscaling_resize": 4.0}
    mixed = upscaled(**both, extras_upscaler_2_visibility=0.5)
    for a, b, m in zip(first.tobytes(), second.tobytes(), mixed.tobytes(), strict=True):
        assert abs((a + b) / 2 - m) <= 1
    assert first.tobytes() != second.tobytes()
