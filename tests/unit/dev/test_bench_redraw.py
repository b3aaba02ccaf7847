"""`bench redraw` beside the real host: the way tile after tile, and how the figures of seeds are put together."""

from types import SimpleNamespace

import pytest
import torch
from hires_pack.dev.benchmarks.redraw.figures import Way
from hires_pack.dev.benchmarks.redraw.ways import Meter, per_tile, per_tile_meetings
from hires_pack.hires.seams.lines import Excess
from hires_pack.hires.seams.report import Figures


def slope(side):
    """A picture that resizing hardly changes."""
    return (torch.arange(side) / (2 * side))[None, None, :, None].expand(1, side, side, 3)


def test_tiles_are_brought_to_one_size_redrawn_by_one_seed_and_cover_the_picture():
    asked = []

    def redraw(part, seed):
        asked.append((tuple(part.shape), seed))
        return part + 64 / 255

    picture = slope(320)
    result = per_tile(SimpleNamespace(redraw=redraw), picture, 7)
    assert asked == [((1, 160, 160, 3), 7)] * 9
    change = (result - picture) * 255
    assert float(change.median()) == pytest.approx(64, abs=1.5)
    assert float((change[:, 40:280, 40:280] - 64).abs().max()) < 8, "through both masks on a line: 64 in sum"
    assert per_tile_meetings(320).all_lines == (128, 256)


def test_later_tiles_see_what_earlier_ones_have_left():
    seen = []

    def redraw(part, seed):
        seen.append(float(part[:, 80, :8].mean()))
        return torch.ones_like(part)

    result = per_tile(SimpleNamespace(redraw=redraw), torch.zeros(1, 256, 256, 3), 1)
    assert float(result[:, 40:90, 127:129].mean()) == pytest.approx(0.75, abs=0.02), "half, and half of what is left"
    assert seen[0] == 0
    assert seen[1] > 0.8, "the padding of the second tile lies in the first"


def figures(excess, p, power, offset=1.0):
    seam = [Excess(excess, p), Excess(excess, p), None]
    return Figures(
        seam, {"tile borders": seam}, Excess(offset, 0.5), None, [[power, None, 1.0], [4 * power, None, 1.0]], 9
    )


def test_a_row_is_the_mean_of_its_seeds_beside_the_control():
    whole = Way("untiled", 2, seconds=10.0, meter=Meter(8.0, 1.0, 1000), peak=100)
    ranks = [0.1, 0.3, 0.5, 0.7, 0.9]
    way = Way("default", 2, seconds=25.0, meter=Meter(18.0, 2.0, 2250), peak=40, distances=[1.0, 2.0, 3.0, 4.0, 5.0])
    way.figures = [figures(1 + rank, rank, 2.0) for rank in ranks]
    way.control = [figures(1, 0.01, 1.0) for _ in ranks]
    way.apart = [figures(3, rank, 1.0) for rank in ranks]
    row = way.row(whole)
    assert row["pixels_ratio"] == 2.25
    assert row["overhead"] == pytest.approx(0.25)
    assert row["peak_ratio"] == 0.4
    assert row["seconds_ratio"] == 2.5
    assert row["distance"] == 3
    assert row["seam"] == {"1": pytest.approx(1.5), "4": pytest.approx(1.5), "16": None}
    assert row["period"] == [pytest.approx(4), None, pytest.approx(1)], "the geometric mean of 2 and 8"
    # evenly spread ranks are as likely as any; five of 0.01 have a distance of 0.99, whose chance is 0.01^5 * 2
    assert row["p"]["1"] > 0.99
    assert row["control"]["p"]["1"] == pytest.approx(2e-10, rel=0.5)
    assert row["to_untiled"]["seam"]["1"] == 3
    assert row["kinds"]["tile borders"]["seam"] == row["seam"]
    assert row["repetition"] is None


def test_memory_that_nothing_tells_of_is_left_out():
    whole = Way("untiled", 2, seconds=1.0, meter=Meter(1.0, 0.0, 1))
    whole.figures = whole.control = whole.apart = [figures(1, 0.5, 1.0)]
    whole.distances = [0.0]
    assert whole.row(whole)["peak_ratio"] is None
