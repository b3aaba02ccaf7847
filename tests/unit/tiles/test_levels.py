"""Windows that differ as a whole meet half of the way, and those that agree stay as they are."""

from __future__ import annotations

import pytest
import torch
from hires_pack.hires.tiles.levels import Levels
from hires_pack.hires.tiles.windows import Blending, Window, plan_windows

D = 0.5


def _faded(values: dict[Window, torch.Tensor], shape: tuple[int, ...], is_whole: bool = True) -> torch.Tensor:
    """Windows put together as Tiled Model does; `is_whole`: these are all windows of the canvas."""
    canvas, totals, levels = torch.zeros(shape), torch.zeros(shape[-2:]), Levels()
    for window, value in values.items():
        place = (..., slice(window.box.y0, window.box.y1), slice(window.box.x0, window.box.x1))
        canvas[place] += value * window.weights
        totals[place] += window.weights
        levels.add(window, window.weights, value * window.weights)
    if not is_whole:
        canvas /= totals.clamp_min(1e-6)
    levels.even_out(canvas, None if is_whole else totals.clamp_min(1e-6))
    return canvas


def _windows(width: int, height: int = 8, blending: Blending = "soft") -> tuple[Window, ...]:
    """Of 24 cells, of which neighbours share 8."""
    return plan_windows(width, height, 24, 8, 8, blending).all


def _flat(windows: tuple[Window, ...], levels: list[float]) -> dict[Window, torch.Tensor]:
    return {
        window: torch.full((1, 1, window.box.height, window.box.width), level)
        for window, level in zip(windows, levels, strict=True)
    }


@pytest.mark.parametrize(
    ("levels", "become"),
    [
        ([0, D], [D / 2, D / 2]),
        ([0, D, 0], [D / 2, D / 2, D / 2]),
        # the middle one has as much above it as below: nothing runs on through a row
        ([0, D, 2 * D, 3 * D], [D / 2, D, 2 * D, 2.5 * D]),
        ([D, D, D], [D, D, D]),
    ],
)
def test_every_window_goes_half_of_the_way_to_those_beside_it(levels: list[float], become: list[float]) -> None:
    windows = _windows(8 + 16 * len(levels))
    found = _faded(_flat(windows, levels), (1, 1, 8, 8 + 16 * len(levels)))
    cores = [float(found[..., 8 + 16 * index : 16 + 16 * index].mean()) for index in range(len(levels))]
    assert cores == pytest.approx(become, abs=1e-6)


def test_a_window_that_stands_out_changes_those_around_it_by_less_than_itself() -> None:
    """One of nine is lighter."""
    windows = _windows(56, 56)
    values = _flat(windows, [0, 0, 0, 0, D, 0, 0, 0, 0])
    found = _faded(values, (1, 1, 56, 56))[0, 0]
    assert float(found[28, 28]) == pytest.approx(D / 2, abs=1e-6), "all around it is 0"
    beside, corner = float(found[24:32, :16].mean()), float(found[:16, :16].mean())
    assert 0 < beside < D / 4, "a part of what is around them is lighter"
    assert abs(corner) < D / 50, "that is hardly any of what is around it"


def test_a_slope_that_all_windows_have_is_gone_where_there_are_windows_on_both_sides() -> None:
    """Neighbours are apart by 16 cells of it where they share 8, and the slope through both ends is twice their own."""
    windows = _windows(72)
    slope = torch.linspace(-D, D, 24).expand(1, 1, 8, 24)
    found = _faded(dict.fromkeys(windows, slope), (1, 1, 8, 72))[0, 0, 0]
    own = float(slope[0, 0, 0, 15] - slope[0, 0, 0, 8])
    inner = [float(found[start + 15] - found[start + 8]) for start in (16, 32)]
    assert inner == pytest.approx([0, 0], abs=0.06 * own)
    ends = [float(found[7] - found[0]), float(found[71] - found[64])]
    assert ends == pytest.approx([own, own], rel=1e-4), "of one end alone nothing is known of the other"


def test_pictures_channels_and_frames_are_evened_out_on_their_own() -> None:
    first, second = _windows(40)
    steps = torch.arange(12.0).view(2, 3, 2, 1, 1)
    values = {first: torch.zeros(2, 3, 2, 8, 24), second: steps.expand(2, 3, 2, 8, 24)}
    assert torch.allclose(_faded(values, (2, 3, 2, 8, 40)), (steps / 2).expand(2, 3, 2, 8, 40), atol=1e-5)


@pytest.mark.parametrize("blending", ["soft", "hard"])
def test_what_windows_agree_on_stays(blending: Blending) -> None:
    """They differ in the one cell at their borders that soft blending leaves out, and in more that a cut does."""
    canvas = torch.randn(1, 4, 56, 72)
    values = {}
    out = {"soft": 1, "hard": 4}[blending]
    for window in _windows(72, 56, blending):
        x0, y0, x1, y1 = window.box
        seen = torch.randn(1, 4, y1 - y0, x1 - x0) * 100
        left, top = (0 if x0 == 0 else out), (0 if y0 == 0 else out)
        right, bottom = (x1 if x1 == 72 else x1 - out), (y1 if y1 == 56 else y1 - out)
        inside = (..., slice(top, bottom - y0), slice(left, right - x0))
        seen[inside] = canvas[..., y0 + top : bottom, x0 + left : right]
        values[window] = seen
    found = _faded(values, tuple(canvas.shape))
    if blending == "hard":
        assert torch.equal(found, canvas)
    else:
        assert torch.allclose(found, canvas, rtol=0, atol=2e-6)


def test_windows_that_are_not_run_are_not_compared_with() -> None:
    first, second, _ = _windows(56)
    found = _faded(_flat((first, second), [0, D]), (1, 1, 8, 56), is_whole=False)
    assert torch.allclose(found[..., :39], torch.full((1, 1, 8, 39), D / 2), atol=1e-6)


def test_one_window_stays_bit_by_bit() -> None:
    (window,) = _windows(24)
    values = torch.randn(1, 4, 8, 24)
    assert torch.equal(_faded({window: values}, (1, 4, 8, 24)), values)
