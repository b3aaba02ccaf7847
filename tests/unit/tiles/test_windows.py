"""Windows over a canvas: where they lie, and that what they say of a place is put together to one."""

from __future__ import annotations

import itertools
import math
import random

import pytest
import torch
from hires_pack.hires.errors import InputError
from hires_pack.hires.tiles.windows import (
    BLENDINGS,
    FINISHED,
    STEP_BY_STEP,
    Windows,
    even_spans,
    plan_windows,
    span_weights,
)


def _cases(count: int = 400) -> list[tuple[int, int, int, int]]:
    """Canvas, tile, overlap, multiple: all sorts that can be covered."""
    draw = random.Random(5)
    cases = []
    while len(cases) < count:
        multiple = draw.choice([1, 2, 4, 8])
        tile = draw.randint(1, 80)
        overlap = draw.randint(0, tile)
        fits = -(-overlap // multiple) * multiple < max(multiple, tile // multiple * multiple)
        if fits:
            cases.append((draw.randint(1, 400), tile, overlap, multiple))
    return cases


@pytest.mark.parametrize(("size", "tile", "overlap", "multiple"), _cases())
def test_spans_cover_the_canvas_evenly(size: int, tile: int, overlap: int, multiple: int) -> None:
    spans = even_spans(size, tile, overlap, multiple)
    assert spans[0].start == spans[0].owned_start == 0
    assert spans[-1].stop == spans[-1].owned_stop == size
    assert all(span.start <= span.owned_start < span.owned_stop <= span.stop for span in spans)
    assert all(before.owned_stop == after.owned_start for before, after in itertools.pairwise(spans))
    if len(spans) == 1:
        return
    assert {span.length for span in spans[:-1]} == {spans[0].length}
    assert spans[0].length - spans[-1].length == -size % multiple
    assert spans[0].length <= max(tile, multiple)
    assert all(span.start % multiple == 0 for span in spans)
    assert spans[0].length % multiple == 0
    assert all(spans[0].length - (after.start - before.start) >= overlap for before, after in itertools.pairwise(spans))
    steps = [after.start - before.start for before, after in itertools.pairwise(spans)]
    assert max(steps) - min(steps) <= multiple


@pytest.mark.parametrize(
    ("size", "tile", "overlap", "count", "length"),
    [
        (512, 128, 16, 5, 116),  # (512 + 4 * 16) / 5 = 115.2
        (1000, 128, 0, 8, 125),
        (144, 128, 16, 2, 96),  # 80 would do, but three quarters is the least
        (128, 128, 16, 1, 128),
        (240, 128, 16, 2, 128),
    ],
)
def test_as_few_spans_as_possible_and_no_longer_than_needed(
    size: int, tile: int, overlap: int, count: int, length: int
) -> None:
    spans = even_spans(size, tile, overlap)
    assert (len(spans), spans[0].length) == (count, length)


def test_a_large_canvas_costs_what_its_overlap_says() -> None:
    windows = plan_windows(512, 512, 128, 16, 4)
    assert windows.work < 1 / (1 - 0.125) ** 2
    assert plan_windows(100, 60, 128, 16, 8).work == 1


@pytest.mark.parametrize("blending", BLENDINGS)
@pytest.mark.parametrize(("size", "tile", "overlap", "multiple"), _cases(150))
def test_weights_sum_to_one(size: int, tile: int, overlap: int, multiple: int, blending: str) -> None:
    spans = even_spans(size, tile, overlap, multiple)
    total = torch.zeros(size)
    for span, weights in zip(spans, span_weights(spans, blending), strict=True):  # type: ignore[arg-type]
        assert weights.shape == (span.length,)
        assert weights.min() >= 0
        total[span.start : span.stop] += weights
    assert torch.allclose(total, torch.ones(size), atol=2e-7, rtol=0)


@pytest.mark.parametrize("parts", [FINISHED, STEP_BY_STEP])
@pytest.mark.parametrize(("size", "tile", "overlap", "multiple"), _cases(150))
def test_soft_weights_leave_out_the_outermost_part_and_cross_in_the_middle(
    size: int, tile: int, overlap: int, multiple: int, parts: int
) -> None:
    spans = even_spans(size, tile, overlap, multiple)
    weights = span_weights(spans, "soft", parts)
    for (before, left), (after, right) in itertools.pairwise(zip(spans, weights, strict=True)):
        shared = before.stop - after.start
        out = shared // parts
        assert not right[:out].any()
        assert not left[len(left) - out :].any()
        middle = right[out : shared - out] if len(spans) == 2 else None
        if middle is not None and len(middle) > 1:
            steps = middle.diff()
            assert torch.allclose(steps, torch.full_like(steps, 1 / len(middle)), atol=1e-6)
            assert middle[0] == pytest.approx(0.5 / len(middle))


@pytest.mark.parametrize(("size", "tile", "overlap", "multiple"), _cases(100))
def test_hard_weights_are_the_owned_parts(size: int, tile: int, overlap: int, multiple: int) -> None:
    spans = even_spans(size, tile, overlap, multiple)
    for span, weights in zip(spans, span_weights(spans, "hard"), strict=True):
        inside = torch.zeros(size)
        inside[span.owned_start : span.owned_stop] = 1
        assert torch.equal(weights, inside[span.start : span.stop])


def _network() -> torch.nn.Module:
    """It looks 3 places far."""
    torch.manual_seed(3)
    layers = [layer for _ in range(3) for layer in (torch.nn.Conv2d(4, 4, 3, padding=1), torch.nn.Tanh())]
    return torch.nn.Sequential(*layers).requires_grad_(False)


def _tiled(network: torch.nn.Module, canvas: torch.Tensor, windows: Windows) -> torch.Tensor:
    result = torch.zeros_like(canvas)
    for (x0, y0, x1, y1), _, weights in windows.all:
        result[..., y0:y1, x0:x1] += network(canvas[..., y0:y1, x0:x1]) * weights
    return result


@pytest.mark.parametrize(
    ("blending", "overlap", "is_exact"),
    [("hard", 6, True), ("soft", 24, True), ("soft", 16, False), ("hard", 4, False)],
)
def test_a_network_that_looks_as_far_as_the_overlap_allows_is_exact(
    blending: str, overlap: int, is_exact: bool
) -> None:
    network, canvas = _network(), torch.randn(1, 4, 72, 88)
    windows = plan_windows(88, 72, 32, overlap, 1, blending)  # type: ignore[arg-type]
    assert windows.count > 4
    difference = float((_tiled(network, canvas, windows) - network(canvas)).abs().max())
    assert (difference < 1e-6) == is_exact, difference


def test_windows_of_a_step_fade_over_three_quarters_of_what_they_share() -> None:
    first, second, *_ = plan_windows(152, 24, 24, 8, 8).all
    assert first.weights[0, 16:].tolist() == pytest.approx([1, *(1 - (index + 0.5) / 6 for index in range(6)), 0])
    assert second.weights[0, :8].tolist() == pytest.approx([0, *((index + 0.5) / 6 for index in range(6)), 1])


def test_one_window_is_the_canvas() -> None:
    (window,) = plan_windows(20, 12, 32, 8, 8).all
    assert window.box == window.owned == (0, 0, 20, 12)
    assert torch.equal(window.weights, torch.ones(12, 20))


def test_owned_parts_are_a_partition() -> None:
    windows = plan_windows(65, 43, 24, 6, 2)
    canvas = torch.zeros(43, 65)
    for _, (x0, y0, x1, y1), _ in windows.all:
        canvas[y0:y1, x0:x1] += 1
    assert torch.equal(canvas, torch.ones(43, 65))
    assert windows.count == len(windows.all)
    assert math.isclose(windows.work, sum(window.box.area for window in windows.all) / (65 * 43))


@pytest.mark.parametrize(
    ("tile", "overlap", "multiple", "name", "says"),
    [
        (0, 0, 1, "tile_size", "is 0"),
        (16, -1, 1, "overlap", "negative"),
        (16, 16, 1, "overlap", "16 leaves nothing of a tile of 16"),
        (16, 9, 8, "overlap", "16 leaves nothing"),
    ],
)
def test_bad_input_is_refused(tile: int, overlap: int, multiple: int, name: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as error:
        even_spans(100, tile, overlap, multiple)
    assert error.value.input_name == name
