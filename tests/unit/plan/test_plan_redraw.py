"""What the badges of tiles say before a run."""

import pytest
from hires_pack.hires.plan.graph import plan


class Known:
    """A picture of 1000x700 pixels."""

    def picture_size(self, name):
        return 1000, 700

    def free_memory(self):
        return None


def graph(**changed):
    """Load, split, encode, re-noise, sample, decode, combine."""
    tiles = {"tile_width": 512, "tile_height": 512, "overlap": 64, "numbers": "A1111"}
    how = {"steps": 20, "denoising_strength": 0.4, "hr_second_pass_steps": 0}
    names = {"sampler_name": "Euler", "scheduler": "Automatic", "steps_rule": "img2img"}
    nodes = {
        "load": ("HiresFixLoadImage", {"image": "a.png"}),
        "split": ("HiresFixSplitTiles", {"image": ["load", 0], **tiles}),
        "encode": ("HiresFixEncodeTiles", {"tiles": ["split", 0], "layout": ["split", 1], "batch_size": 1}),
        "settings": ("HiresFixA1111Settings", {"img2img_fix_steps": False}),
        "renoise": ("HiresFixRenoise", {"latent": ["encode", 0], "settings": ["settings", 0], **how, **names}),
        "second": ("HiresFixSecondSampling", {"latent": ["renoise", 0], "sigmas": ["renoise", 1]}),
        "decode": ("HiresFixDecodeTiles", {"latent": ["second", 0], "layout": ["split", 1]}),
        "combine": ("HiresFixCombineTiles", {"tiles": ["decode", 0], "layout": ["split", 1]}),
    }
    for _, inputs in nodes.values():
        inputs.update({name: value for name, value in changed.items() if name in inputs})
    return {name: {"class_type": kind, "inputs": inputs} for name, (kind, inputs) in nodes.items()}


def said(**changed):
    return plan(graph(**changed), Known())


@pytest.mark.parametrize(
    ("changed", "of", "expected"),
    [
        ({}, "split", "6 tiles of 512×512"),
        ({}, "encode", "6 tiles of 512×512, 6 batches"),
        ({"batch_size": 4}, "encode", "6 tiles of 512×512, 2 batches"),
        ({}, "renoise", "9 of 20 steps"),
        ({"img2img_fix_steps": True}, "renoise", "20 of 50 steps"),
        ({"steps_rule": "hires fix"}, "renoise", "20 of 50 steps"),
        ({"denoising_strength": 0.0}, "renoise", "1 of 20 steps"),
        ({}, "second", "9 steps at 512×512"),
        ({}, "combine", "1000×700"),
    ],
)
def test_the_line_on_the_node(changed, of, expected):
    assert said(**changed)[of]["text"] == expected


def test_what_will_be_refused_is_said():
    assert "overlap is 512" in said(overlap=512)["split"]["warning"]
