"""Seam Report on the real host: what the text says of pictures whose seams are known, and what is refused."""

import pytest
import torch

from .graphs import Graph, give

SIDE, TILE = 320, 32


def grain(seed, side=SIDE, batch=1):
    """Grey with fine noise of about 8 levels of 255."""
    noise = torch.randn(batch, side, side, 3, generator=torch.Generator().manual_seed(seed))
    return 0.5 + noise * 10 / 255


def checker(step):
    places = torch.arange(SIDE) // TILE
    return ((places[:, None] + places) % 2)[None, ..., None] * step / 255


def reported(host, client, tile_size=TILE, overlap=0, **pictures):
    graph = Graph()
    file = give(host, **pictures)
    loaded = {name: graph.add("ProbeImage", file=file, key=name) for name in pictures}
    node = graph.add("HiresFixSeamReport", tile_size=tile_size, overlap=overlap, **loaded)
    shown = graph.add("PreviewAny", source=node)
    return client.queue(graph), node, shown


def lines_of(host, client, **asked):
    run, node, shown = reported(host, client, **asked)
    outputs = run.require_success().outputs
    assert outputs[node.id]["text"] == outputs[shown.id]["text"], "the node shows what it hands on"
    return outputs[node.id]["text"][0].split("\n")


FLAT = torch.full((1, 8, 8, 3), 0.5)
"""What was enlarged: stays flat in any size."""


def test_a_step_between_tiles_is_told_and_its_like_without_is_not(host, client):
    seams = lines_of(host, client, before=FLAT, after=grain(1) + checker(12), untiled=grain(2))
    assert seams[0] == "10 x 10 tiles, 9 lines across and 9 down"
    assert seams[-1].startswith("Seams: lines at 1 px")
    assert "the colour of tiles" in seams[-1]
    assert all("; untiled " in line for line in seams[1:-2])
    difference = (grain(1) + checker(12) - grain(2)) * 255
    assert seams[-2] == f"Distance to untiled: {float(difference.square().mean().sqrt()):.1f} of 255"
    assert f"Change: {float((grain(1) + checker(12) - 0.5).abs().mean() * 255):.1f} of 255; untiled" in seams[-3]
    assert lines_of(host, client, before=FLAT, after=grain(1))[-1] == "No seam found."


def test_overlapping_tiles_have_three_kinds_of_lines(host, client):
    found = lines_of(host, client, overlap=8, before=FLAT, after=grain(3))
    assert found[0].startswith("13 x 13 tiles, ")  # (320 - 8) / 24
    assert [line.split(":")[0].strip() for line in found[2:5]] == ["window starts", "window ends", "overlap middles"]


def test_one_tile_has_no_lines(host, client):
    assert lines_of(host, client, tile_size=512, before=FLAT, after=grain(4))[0] == "One tile: no lines to look at."


def with_model(host, client, tiled):
    graph = Graph()
    file = give(host, before=FLAT, after=grain(6, 512))
    loaded = {name: graph.add("ProbeImage", file=file, key=name) for name in ("before", "after")}
    model = graph.add("CheckpointLoaderSimple", ckpt_name="tiny_sd15.safetensors")
    if tiled:
        asked = {"tile_size": 192, "overlap": 64, "blending": "soft", "tiles_at_once": 0}
        model = graph.add("HiresFixTiledModel", model=model, **asked)
    node = graph.add("HiresFixSeamReport", tile_size=512, overlap=0, model=model, **loaded)
    return client.queue(graph), node


def test_a_tiled_model_says_itself_where_its_tiles_meet(host, client):
    run, node = with_model(host, client, tiled=True)
    found = run.require_success().outputs[node.id]["text"][0].split("\n")
    assert found[0].startswith("4 x 4 tiles, "), "(512 - 64) / 128 is 3.5"
    assert found[2].startswith("  window starts: ")


def test_a_model_that_is_not_tiled_is_refused(host, client):
    run, _ = with_model(host, client, tiled=False)
    assert "Seam Report, input 'model': this model sees pictures in one piece" in run.explanation()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"overlap": 32}, "input 'overlap': tiles of 32 pixels cannot share 32"),
        ({"before": grain(1, 16, 2)}, "input 'before': 1 picture(s) of 320x320 pixels cannot be compared with 2"),
        (
            {"untiled": grain(1, 16)},
            "input 'untiled': 1 picture(s) of 320x320 pixels cannot be compared with 1 of 16x16",
        ),
        ({"after": torch.full((1, 32, 32, 3), torch.nan)}, "input 'after': 3072 of 3072 values"),
    ],
)
def test_what_cannot_be_measured_is_refused_by_the_name_of_its_input(host, client, changed, said):
    run, *_ = reported(host, client, **{"before": FLAT, "after": grain(5), **changed})
    assert f"Seam Report, {said}" in run.explanation()
