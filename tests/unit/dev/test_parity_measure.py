"""Distances to a recording, and finding recordings."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hires_pack.dev.parity.cases import CaseError, discover
from hires_pack.dev.parity.measure import Measured, eight_bits, off_by_more, psnr


def test_measures():
    recorded = torch.tensor([3.0, 4.0])
    result = Measured()
    result.add("first.latent", recorded * 1.00005, recorded)
    assert result.stages["first.latent"] == pytest.approx(5e-5, rel=1e-2)
    assert not result.beyond()
    result.add("first.latent", recorded * 1.001, recorded)  # another batch: the worst counts
    assert result.beyond() == ["first.latent 1.0e-03 > 1e-04"]
    for wrong in (None, torch.ones(3), torch.tensor([float("nan"), 4.0])):
        result = Measured()
        result.add("hr.latent", wrong, recorded)
        assert result.beyond()

    black = np.zeros((4, 4, 3), np.uint8)
    assert psnr(black, black) == 100.0
    assert psnr(black, black + 255) == pytest.approx(0.0)
    levels = torch.arange(256) / 255
    assert np.array_equal(eight_bits(levels), np.arange(256))
    assert eight_bits(torch.tensor([0.9999]))[0] == 254


def test_pixels_off_by_more_than_1():
    recorded = np.full((10, 20, 3), 100, np.uint8)
    ours = recorded.copy()
    ours[:5] += 1  # one level does not count
    ours[0, :3, 1] = 98  # nor does a pixel count once for each channel
    ours[0, :2, 2] = 102
    assert off_by_more(ours, recorded) == 3 / 200
    assert off_by_more(ours[..., 0], recorded[..., 0]) == 0
    black, white = np.zeros_like(recorded), np.full_like(recorded, 255)
    assert off_by_more(black, white) == 1

    result = Measured()
    for picture in (recorded, ours, recorded):  # the worst picture counts
        result.add_picture(picture, recorded)
    assert result.off_by_more == 3 / 200
    result.add_picture(recorded[:5], recorded)
    assert result.off_by_more == float("inf")


def test_cases_are_found_from_both_folders():
    data = Path(__file__).resolve().parents[2] / "data" / "oracle-cases"
    assert [found.id for found in discover(data)] == [found.id for found in discover(data / "cases")] == ["latent"]
    with pytest.raises(CaseError, match="no case nothing"):
        discover(data, ["nothing"])
    with pytest.raises(CaseError, match="There is no <id>"):
        discover(data.parent / "oracle")
