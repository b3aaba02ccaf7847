"""Parts of a picture, normalised as the whole: against torch's own group norm of the whole."""

import pytest
import torch
from hires_pack.hires.tiles.boxes import Box
from hires_pack.hires.tiles.picture_norms import MARGIN, PictureNorms
from hires_pack.hires.tiles.samples import spread_boxes
from torch import nn

SIZE = 32
EDGE = SIZE // MARGIN


def network(groups=4):
    """Two norms with a pixelwise layer between them: local but for the norms."""
    torch.manual_seed(3)
    layers = nn.Sequential(nn.GroupNorm(groups, 8), nn.Conv2d(8, 16, 1), nn.SiLU(), nn.GroupNorm(groups, 16))
    for layer in layers:
        for parameter in layer.parameters():
            nn.init.normal_(parameter, 0.5)
    return layers.requires_grad_(False)


def picture(size=SIZE):
    """Darker and flatter to the left: parts differ in mean and deviation."""
    torch.manual_seed(4)
    return torch.randn(1, 8, size, size) * torch.linspace(0.1, 3, size) + torch.linspace(-2, 2, size)


@pytest.mark.parametrize("groups", [1, 4, 8])
def test_parts_come_out_by_the_statistics_of_the_whole(groups):
    layers, whole = network(groups), picture()
    norms = PictureNorms(layers)
    with norms.measured():
        layers(whole)
    parts = _fixed(norms, layers, whole)
    expected = _by_hand(layers, whole[..., EDGE:-EDGE, EDGE:-EDGE], whole)
    torch.testing.assert_close(parts, expected, atol=2e-5, rtol=0)
    each_for_itself = torch.cat([layers(whole[..., :9]), layers(whole[..., 9:])], -1)
    assert (each_for_itself - expected).abs().max() > 0.3


def _fixed(norms, layers, whole):
    results = []
    for part in (whole[..., :9], whole[..., 9:]):
        with norms.fixed(part.shape[-1] / whole.shape[-1]):
            results.append(layers(part))
    return torch.cat(results, -1)


def _by_hand(layers, inner, whole):
    """Both through the layers, `whole` normalised by the statistics of `inner`."""
    for layer in layers:
        if isinstance(layer, nn.GroupNorm):
            groups = inner.reshape(layer.num_groups, -1)
            mean, deviation = groups.mean(1), (groups.var(1, correction=0) + layer.eps).sqrt()
            each = whole.shape[1] // layer.num_groups
            mean, deviation = (v.repeat_interleave(each)[:, None, None] for v in (mean, deviation))
            whole = (whole - mean) / deviation * layer.weight[:, None, None] + layer.bias[:, None, None]
            inner = layer(inner)
        else:
            whole, inner = layer(whole), layer(inner)
    return whole


def test_pieces_are_measured_together():
    layers, whole = network(), picture(4 * SIZE)
    pieces = whole.unfold(-1, SIZE, SIZE).unfold(2, SIZE, SIZE).flatten(2, 3)[0].movedim(1, 0)
    norms = PictureNorms(layers)
    with norms.measured():
        together = layers(pieces)
    # 16 pieces in a row, without their edges, are one picture
    row = torch.cat([piece[:, EDGE:-EDGE, EDGE:-EDGE] for piece in pieces], -1)[None]
    found = torch.cat([piece[:, EDGE:-EDGE, EDGE:-EDGE] for piece in together], -1)[None]
    torch.testing.assert_close(found, layers(row), atol=2e-5, rtol=0)


@pytest.mark.parametrize("size", [10.0, 1e4])
def test_what_the_pieces_have_missed_ruins_nothing(size):
    """A flat picture but for one part: divided by the flat part's deviation it would be `size` times too large."""
    layer = nn.GroupNorm(1, 8)
    flat, part = picture()[..., :16] * 1e-3, picture()[..., 16:] * size
    norms = PictureNorms(layer)
    with torch.no_grad():
        with norms.measured():
            layer(flat)
        with norms.fixed(0.25):
            found = layer(part)
    # a quarter of the picture has at most half of its deviation, and the doubt is allowed to be wrong by 2
    assert 1 < float(found.square().mean()) ** 0.5 <= (1 / 0.25 / 0.5) ** 0.5 + 1e-3


def test_half_precision_keeps_the_statistics():
    layers, whole = network(), picture()
    norms, halves = PictureNorms(layers), PictureNorms(layers.bfloat16())
    for each, x in ((halves, whole.bfloat16()), (norms, whole)):
        layers.to(x.dtype)
        with each.measured():
            result = layers(x)
        with each.fixed(1):
            again = layers(x)
        assert torch.equal(result, again)
        assert again.dtype == x.dtype
    layers.bfloat16()
    with halves.fixed(1):
        half = layers(whole.bfloat16())
    layers.float()
    with norms.fixed(1):
        full = layers(whole)
    assert (half.float() - full).abs().max() < 0.02 * full.abs().max()


def test_the_network_is_left_as_it_was_also_after_an_error():
    layers, whole = network(), picture()
    before = layers(whole)
    norms = PictureNorms(layers)
    with pytest.raises(RuntimeError), norms.measured():
        layers(whole[:, :3])
    assert torch.equal(layers(whole[..., :9]), network()(whole[..., :9]))
    assert torch.equal(layers(whole), before)
    assert not any(module._forward_hooks for module in layers.modules())


def test_a_network_without_norms_has_nothing_to_fix():
    assert not PictureNorms(nn.Conv2d(3, 3, 3))


def test_pieces_lie_in_the_middle_of_equal_parts():
    assert spread_boxes(128, 64, 16, 8) == [Box(x, y, x + 16, y + 16) for y in (8, 40) for x in (8, 40, 72, 104)]


@pytest.mark.parametrize(
    ("width", "height", "side", "count"), [(300, 40, 32, 9), (5, 700, 8, 4), (20, 20, 32, 6), (64, 64, 16, 1)]
)
def test_pieces_are_inside_apart_and_no_more_than_asked(width, height, side, count):
    boxes = spread_boxes(width, height, side, count)
    assert 1 <= len(boxes) <= count
    assert len({box.width for box in boxes} | {box.height for box in boxes}) == 1
    for number, box in enumerate(boxes):
        assert box.shared(Box(0, 0, width, height)) == box
        assert not any(_covers(box, other) for other in boxes[:number])


def _covers(a, b):
    shared = a.shared(b)
    return shared.width > 0 and shared.height > 0
