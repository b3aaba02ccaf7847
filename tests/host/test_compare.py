"""Before and After: both pictures reach the editor as temporary files, value for value."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from .graphs import Graph, give


def compared(graph, host, **pictures):
    file = give(host, **pictures) if pictures else ""
    loaded = {name: graph.add("ProbeImage", file=file, key=name) for name in pictures}
    return graph.add("HiresFixCompare", **{f"image_{name}": picture for name, picture in loaded.items()})


def levels(seed, batch, height, width, channels=3):
    numbers = np.random.default_rng(seed).integers(0, 256, (batch, height, width, channels), dtype=np.uint8)
    return numbers, torch.from_numpy(numbers / 255).float()


def shown(client, files):
    assert {file["type"] for file in files} == {"temp"}
    return [Image.open(io.BytesIO(client.view(file))) for file in files]


def test_both_pictures_are_shown_at_their_own_sizes(host, client):
    graph = Graph()
    before, a = levels(1, 1, 16, 24)
    after, b = levels(2, 2, 32, 48)
    node = compared(graph, host, a=a, b=b)
    output = client.queue(graph).require_success().outputs[node.id]
    for files, expected in ((output["a_images"], before), (output["b_images"], after)):
        found = shown(client, files)
        assert len(found) == len(expected)
        for picture, numbers in zip(found, expected, strict=True):
            assert np.array_equal(np.asarray(picture), numbers)
            assert '"HiresFixCompare"' in picture.text["prompt"]


@pytest.mark.parametrize("side", ["a", "b"])
def test_one_picture_is_enough(side, host, client):
    graph = Graph()
    node = compared(graph, host, **{side: levels(3, 1, 8, 8)[1]})
    output = client.queue(graph).require_success().outputs[node.id]
    assert {name: len(files) for name, files in output.items()} == {
        "a_images": int(side == "a"),
        "b_images": int(side == "b"),
    }


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_and_transparent_pictures_are_shown(channels, host, client):
    graph = Graph()
    numbers, picture = levels(4, 1, 8, 8, channels)
    node = compared(graph, host, a=picture)
    (found,) = shown(client, client.queue(graph).require_success().outputs[node.id]["a_images"])
    assert np.array_equal(np.asarray(found).reshape(numbers[0].shape), numbers[0])


def test_what_is_no_picture_is_refused_by_the_name_of_its_input(host, client):
    graph = Graph()
    compared(graph, host, a=torch.zeros(1, 8, 8, 3), b=torch.full((1, 8, 8, 3), torch.nan))
    assert "Before and After, input 'image_b': 192 of 192 values" in client.queue(graph).explanation()
