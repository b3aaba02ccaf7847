"""What the benchmarks measure with: pairs of times, decibels, seams, peak memory, the machine."""

import sys
from pathlib import Path

import pytest
import torch
from hires_pack.dev.benchmarks import machine, pairs, peak_memory, pictures
from hires_pack.dev.benchmarks.pairs import Seconds

# ---- pairs ----------------------------------------------------------------------------------------------------------


def test_ways_run_in_turns_and_in_the_opposite_order_every_other_round() -> None:
    ran: list[str] = []
    ways = {name: (lambda name=name: ran.append(name)) for name in "abc"}
    times = pairs.in_turns(ways, {"a": 3, "b": 1, "c": 3})
    assert "".join(ran) == "abccaac"
    assert {name: len(found) for name, found in times.items()} == {"a": 3, "b": 1, "c": 3}
    assert all(seconds.wall >= 0 and seconds.cpu >= 0 for found in times.values() for seconds in found)


def test_a_ratio_is_the_median_of_the_ratios_of_neighbours() -> None:
    ours = [Seconds(1, 2), Seconds(1, 1), Seconds(10, 1)]
    core = [Seconds(2, 2), Seconds(3, 1), Seconds(5, 4)]
    # 2, 3 and 1/2; 1, 1 and 4
    assert pairs.ratio(core, ours) == (2, 1)
    # a machine that is slower in one round slows both: the ratio stays
    slow = [Seconds(7, 7), *ours[1:]]
    assert pairs.ratio([Seconds(14, 7), *core[1:]], slow) == (2, 1)
    assert pairs.ratio(core, ours[:1]) == (2, 1), "only the common rounds"
    assert pairs.median(ours) == 1


def test_overhead_is_what_lies_beyond_the_bare_model() -> None:
    ours, core = [Seconds(1.5, 1)], [Seconds(4, 3)]
    bare = [Seconds(1, 1)]
    assert pairs.ratio(pairs.beyond(ours, bare), pairs.beyond(core, [Seconds(2, 1)])[:1]).wall == pytest.approx(0.25)


# ---- pictures -------------------------------------------------------------------------------------------------------


def test_decibels_and_the_largest_difference() -> None:
    grey = torch.full((2, 300, 4, 3), 0.5)
    assert pictures.decibels(grey, grey) == pictures.SAME
    assert pictures.decibels(grey, grey + 0.01) == pytest.approx(40, abs=1e-3)
    one = grey.clone()
    one[1, 290, 2, 0] += 0.25  # the last rows of the last picture count as well
    assert pictures.furthest(one, grey) == 0.25
    assert pictures.decibels(one, grey) == pytest.approx(
        10 * torch.tensor(grey.numel() / 0.0625).log10().item(), abs=1e-3
    )
    with pytest.raises(ValueError, match="cannot be compared"):
        pictures.decibels(grey[:, :10], grey)


def slope(height: int = 60, width: int = 80) -> torch.Tensor:
    """The same gradient everywhere: 1/200 from column to column, 1/100 from row to row."""
    x, y = torch.arange(width) / 200, torch.arange(height) / 100
    return (x[None, :] + y[:, None])[None, :, :, None]


def test_a_step_is_a_seam_whose_size_follows_from_the_gradients() -> None:
    whole = slope()
    assert pictures.seam(whole, whole) == 1
    stepped = whole.clone()
    stepped[:, :, 40:] += 0.01  # this line's gradient becomes 3 times the others'
    mean = (78 * 0.005 + 0.015) / 79
    floor = pictures.FLOOR * mean
    # untiled, every line is exactly as prominent as those nearby
    assert pictures.seam(stepped, whole) == pytest.approx((0.015 + floor) / (0.005 + floor), rel=1e-4)
    across = whole.clone()
    across[:, 20:] += 0.01
    mean = (58 * 0.01 + 0.02) / 59
    floor = pictures.FLOOR * mean
    assert pictures.seam(across, whole) == pytest.approx((0.02 + floor) / (0.01 + floor), rel=1e-4)


def test_no_seam_where_tiles_fade_into_each_other_or_brightness_differs() -> None:
    whole = slope()
    faded = whole.clone()
    faded += 0.01 * torch.linspace(0, 1, 80)[:, None]
    assert pictures.seam(faded, whole) == pytest.approx(1, abs=1e-4)
    assert pictures.seam(0.5 * whole + 0.2, whole) == pytest.approx(1, abs=1e-4)


def test_an_edge_of_the_picture_itself_is_no_seam() -> None:
    edge = slope()
    edge[:, :, 33:] += 0.3
    assert pictures.seam(edge, edge) == 1
    assert pictures.seam(edge + 1e-7, edge) == pytest.approx(1, abs=1e-3)


# ---- memory and machine ---------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux" or torch.cuda.is_available(), reason="measures the process on Linux")
def test_peak_memory_counts_what_is_gone_again_but_not_the_result() -> None:
    megabyte = 1 << 20

    def run() -> torch.Tensor:
        passing = torch.ones(96 * megabyte, dtype=torch.uint8)
        return passing[: 32 * megabyte].clone()

    found = peak_memory.peak_beyond(run)
    assert found is not None
    assert 92 * megabyte < found < 112 * megabyte
    small = peak_memory.peak_beyond(lambda: torch.ones(32 * megabyte, dtype=torch.uint8))
    assert small is not None
    assert small < 16 * megabyte, "an earlier peak is forgotten, and the result is not counted"


def test_the_machine_is_described_and_its_goals_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(machine, "CPU_INFO", info)
    info.write_text("model name\t: Some Processor\nflags\t\t: fpu avx2 avx512_bf16\n", encoding="utf-8")
    assert machine.kind() == machine.CPU_BF16
    info.write_text("model name\t: Some Processor\nflags\t\t: avx512_bf16 amx_bf16 amx_tile\n", encoding="utf-8")
    assert machine.kind() == machine.CPU_AMX
    info.write_text("model name\t: Some Processor\nflags\t\t: fpu avx2\n", encoding="utf-8")
    assert machine.kind() == machine.CPU
    info.unlink()
    assert machine.kind() == machine.CPU
