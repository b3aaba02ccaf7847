"""The jobs of the upscale benchmark: which model on how large a picture, and what is hoped for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from PIL import Image
from spandrel.architectures.Compact import Compact
from spandrel.architectures.ESRGAN import ESRGAN
from spandrel.architectures.SPAN import SPAN
from spandrel.architectures.SwinIR import SwinIR
from torch import nn

from ...hires.tiles.settings import PRECISIONS
from ...recipes.pictures import ASTRONAUT
from ..fixtures.seeded_network import enliven, smooth_picture
from ..mount import ROOT
from ..training.published_weights import published
from .machine import CPU, CPU_AMX, CPU_BF16, GPU

CORE = "core"
AUTO, EXACT, FAST = PRECISIONS
"""Ways to do a job: core's nodes, and the pack with each `precision`."""

CHAINNER, UNTILED = "chaiNNer, tiles of 512", "untiled"
"""The same by others: chaiNNer's splitting, and the model on the whole picture in one piece."""

GENERATED, REAL = "generated", "real"
"""Weights of a job."""


@dataclass(frozen=True)
class Job:
    """One model and one size, the same for both sides."""

    name: str
    make: Callable[[], nn.Module]
    """The network with its weights."""
    width: int
    height: int
    factor: int = 4
    """From the picture to the result. The model has 4; core scales its result down, by Lanczos, where this is less."""
    batch: int = 1
    weights: str = GENERATED
    rounds: int = 3
    """Paired runs in the automatic mode; the exact one gets one where a run is long."""
    exact_rounds: int = 3
    bare: bool = False
    """Whether to time the bare model, too: what a side takes beyond that is its overhead."""
    weigh: bool = True
    """Whether to measure memory: jobs of a few megabytes cannot be told from what a process does by itself."""
    goals: dict[str, float] = field(default_factory=dict)
    """Speed-up to reach, by kind of machine."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the result."""
        return self.width * self.factor, self.height * self.factor

    @property
    def title(self) -> str:
        """For the table."""
        count = f"{self.batch} pictures, " if self.batch > 1 else ""
        return f"{self.name}, {count}{self.width}×{self.height} → {self.size[0]}×{self.size[1]}"

    def picture(self) -> torch.Tensor:
        """The input, `(batch, height, width, 3)`: a photograph for real weights."""
        if self.weights == REAL:
            with Image.open(ROOT / "workflows" / "input" / ASTRONAUT.file) as photograph:
                levels = np.asarray(photograph.convert("RGB").resize((self.width, self.height)), np.float32) / 255
            return torch.from_numpy(levels).repeat(self.batch, 1, 1, 1)
        return smooth_picture(self.height, self.width, batch=self.batch).movedim(1, -1).contiguous()


def _real(name: str) -> Callable[[], nn.Module]:
    return lambda: published(name).descriptor.model


def _compact() -> nn.Module:
    return enliven(Compact(num_feat=64, num_conv=16, upscale=4), 51)


def _esrgan() -> nn.Module:
    return enliven(ESRGAN(num_filters=64, num_blocks=23, scale=4), 52)


def _span() -> nn.Module:
    return enliven(SPAN(num_in_ch=3, num_out_ch=3, feature_channels=48, upscale=4), 53)


def _swinir() -> nn.Module:
    groups = {"depths": [2, 2], "num_heads": [6, 6]}
    light: dict[str, Any] = {"embed_dim": 60, "window_size": 8, "mlp_ratio": 2, "upsampler": "pixelshuffledirect"}
    with torch.random.fork_rng([]):  # the tables of its positions are drawn where it is made
        torch.manual_seed(54)
        network = SwinIR(img_size=64, upscale=4, **groups, **light)
    return enliven(network, 54)


def _free() -> nn.Module:
    """The smallest Compact, all zeros: what is left is repeating every pixel."""
    network = Compact(num_feat=1, num_conv=0, upscale=4).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    return network


def jobs(on_gpu: bool) -> dict[str, Job]:
    """By the name that `--only` takes. A GPU gets the large ESRGAN job."""
    side = 1024 if on_gpu else 256
    return {
        "compact": Job(
            "Compact 16", _compact, 1024, 1024, rounds=2, exact_rounds=1, goals={CPU_AMX: 5, CPU: 1.3, GPU: 4}
        ),
        "esrgan": Job(
            "ESRGAN 23", _esrgan, side, side, rounds=2, exact_rounds=1, goals={CPU_AMX: 3.5, CPU: 1, GPU: 4}
        ),
        "animevideo": Job(
            "Real-ESRGAN animevideo v3 (Compact 16)", _real("Real-ESRGAN animevideo v3"), 512, 512, weights=REAL,
            goals={CPU_BF16: 2.8, CPU: 1.4},
        ),
        "anime": Job(
            "Real-ESRGAN x4plus anime (ESRGAN 6)", _real("Real-ESRGAN x4plus anime"), 96, 96, weights=REAL,
            goals={CPU_BF16: 1.5, CPU: 1.4},
        ),
        "x4plus": Job(
            "Real-ESRGAN x4plus (ESRGAN 23)", _real("Real-ESRGAN x4plus"), 64, 64, weights=REAL,
            goals={CPU_BF16: 1.5, CPU: 1.4},
        ),
        "span": Job("SPAN 48", _span, 512, 512),
        "batch": Job("Compact 16", _compact, 128, 128, batch=4, weigh=False),
        "swinir": Job("SwinIR light, 4 blocks", _swinir, 576, 192, rounds=2, exact_rounds=1),
        "free": Job("free model (nearest)", _free, 1024, 1024, rounds=5, exact_rounds=5, bare=True),
        "half": Job(
            "free model 4x, 2x wanted", _free, 1024, 1024, factor=2, rounds=5, exact_rounds=5,
            goals={CPU_AMX: 3, CPU_BF16: 3, CPU: 3, GPU: 3},
        ),
    }  # fmt: skip
