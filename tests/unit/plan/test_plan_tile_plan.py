"""Tile Plan before a run: what it saves, and lines that cannot be used."""

import pytest
from hires_pack.hires.plan.graph import plan
from hires_pack.tests.unit.plan.test_plan import Known


def badge_of(text, model=False, **values):
    def node(kind, **inputs):
        return {"class_type": kind, "inputs": inputs}

    given = {"image": ["large", 0], "plan": text, "skip_flat": 0.0, "fade": 32, "tile_size": 512, **values}
    graph = {
        "file": node("CheckpointLoaderSimple", ckpt_name="a.safetensors"),
        "empty": node("EmptyLatentImage", width=1024, height=1024, batch_size=1),
        "large": node("VAEDecode", samples=["empty", 0], vae=["file", 2]),
        "plan": node("HiresFixTilePlan", **given, **({"model": ["file", 0]} if model else {})),
    }
    return plan(graph, Known()).get("plan")


@pytest.mark.parametrize(("text", "says"), [
    ("", "4 tiles, none skipped"),
    ("tile 1 | skip\ntile 4 | strength 50%", "1 of 4 tiles skipped, 38 % less work"),
    ("0 0 400 1024 | skip", "4 tiles, none skipped"),
])  # fmt: skip
def test_the_badge_says_what_a_plan_saves(text, says):
    assert badge_of(text)["text"] == says


@pytest.mark.parametrize(("text", "values", "says"), [
    ("tile 5 | skip", {}, "line 1 of the plan, 'tile 5 | skip': '5' is not there"),
    ("tile 0 | skip", {"model": True}, "they count from 1"),
    ("mask | skip", {}, "no mask is connected"),
    ("1100 0 10 10 | skip", {"model": True}, "outside of the picture of 1024x1024"),
    ("all | add: a castle", {"positive": ["file", 1]}, "no text encoder is connected"),
])  # fmt: skip
def test_a_plan_that_stops_is_told(text, values, says):
    badge = badge_of(text, **values)
    assert badge["text"] == "stops with an error"
    assert says in badge["warning"]


@pytest.mark.parametrize("values", [{"model": True}, {"skip_flat": 3.0}])
def test_what_only_the_run_knows_is_not_told(values):
    """The tiles of a model, and flat ones."""
    badge = badge_of("tiles 1-4 | skip", **values)
    assert not badge or (badge["text"], badge["warning"]) == (None, None)
