"""LDSR's numbers: super-resolution by latent diffusion, in the steps and the windows of A1111.

Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models" (2022), section 4.4; the steps are those
of Song et al., "Denoising Diffusion Implicit Models" (2021). A latent cell is a pixel of what goes in, and becomes 4x4.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Literal

import torch

from ..errors import InputError
from ..tiles.boxes import Box
from .noise import SEEDS
from .placed_noise import PlacedBlocks

Size = tuple[int, int]
"""Width and height; in latent cells where nothing else is said."""

SCALE = 4

WINDOW, STRIDE = 128, 64
"""Side of what both networks see, in latent cells, and where the next window begins: they never see anything else."""

TILE = 1024
"""Side of the largest part of a picture that is worked on at once, in latent cells: its windows agree at every step."""

TRAINED_STEPS = 1000

Downsample = Literal["A1111", "never"]

DOWNSAMPLE: tuple[Downsample, ...] = ("A1111", "never")
"""A1111: the picture goes in at a quarter of the size to reach, smaller than it is for factors below 4. never: it is
not made smaller before, so it keeps what it shows, and costs more; the result is made smaller."""

Network = Callable[[torch.Tensor, torch.Tensor, int], torch.Tensor]
"""Noise in a window: `(1, 3, h, w)` noised, the picture there in [-1, 1], the timestep -> `(1, 3, h, w)`."""

Decode = Callable[[torch.Tensor], torch.Tensor]
"""`(1, 3, h, w)` latent -> `(1, 3, 4 * h, 4 * w)`, about [-1, 1]."""

Draw = Callable[[], torch.Tensor]
"""The next unit noise `(1, 3, h, w)` of the whole canvas, float32 on the CPU."""


@dataclass(frozen=True)
class LdsrSettings:
    """What LDSR asks people for."""

    steps: int = 100
    """See `timesteps`."""

    eta: float = 1.0
    """Share of the noise that each step takes away and draws anew: 1 is A1111's, 0 draws none (DDIM)."""

    downsample: Downsample = DOWNSAMPLE[0]
    """See `DOWNSAMPLE`."""

    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= TRAINED_STEPS:
            raise InputError(f"steps is {self.steps}; LDSR has 1 to {TRAINED_STEPS}. A1111's default is 100.", "steps")
        if not 0 <= self.eta <= 1:
            raise InputError(f"eta is {self.eta:g}; it goes from 0 (no new noise) to 1 (A1111's).", "eta")
        if self.downsample not in DOWNSAMPLE:
            found = f"downsample is {self.downsample!r}"
            raise InputError(f"{found}; it can be {' or '.join(DOWNSAMPLE)}.", "downsample")

    @property
    def words(self) -> dict[str, Any]:
        """Everything, as JSON can hold it."""
        return asdict(self)

    def input_size(self, source: Size, target: Size) -> Size:
        """The size at which a picture on its way to the target goes in."""
        return self._rule(source, (-(-target[0] // SCALE), -(-target[1] // SCALE)))

    def a1111_size(self, source: Size, factor: float) -> Size:
        """The same by A1111's rule for a factor, whose rounding depends on this very product."""
        rate = factor / SCALE
        return self._rule(source, (math.ceil(source[0] * rate), math.ceil(source[1] * rate)))

    def _rule(self, source: Size, quarter: Size) -> Size:
        if self.downsample == "never":
            return max(source[0], quarter[0]), max(source[1], quarter[1])
        return quarter


def timesteps(steps: int) -> list[int]:
    """The timesteps in the order of the steps, by A1111's rule: as even as whole numbers make them, so 30 become 31.

    Where the last would be 1000, one beyond the table (3, 9, 27, 36, 37 and 101 to 111 steps; A1111 fails), it is 999.
    """
    return [min(start + 1, TRAINED_STEPS - 1) for start in range(0, TRAINED_STEPS, TRAINED_STEPS // steps)][::-1]


@cache
def _signal() -> torch.Tensor:
    """The share of the picture in the variance at every timestep: `(1000,)`."""
    betas = torch.linspace(0.0015**0.5, 0.0155**0.5, TRAINED_STEPS, dtype=torch.float64) ** 2
    return (1 - betas).cumprod(0)


def padded(size: Size) -> Size:
    """The canvas for a picture: whole strides, at least a window. Its edge is repeated to the right and below."""
    width, height = (max(WINDOW, -(-side // STRIDE) * STRIDE) for side in size)
    return width, height


def count_windows(size: Size) -> int:
    """How many windows a picture that goes in has."""
    columns, rows = ((side - WINDOW) // STRIDE + 1 for side in padded(size))
    return columns * rows


def windows(size: Size) -> Iterator[Box]:
    """The windows of a canvas, in latent cells, row by row."""
    width, height = size
    for y in range(0, height - WINDOW + 1, STRIDE):
        for x in range(0, width - WINDOW + 1, STRIDE):
            yield Box(x, y, x + WINDOW, y + WINDOW)


def super_resolve(
    picture: torch.Tensor,
    settings: LdsrSettings,
    network: Network,
    decode: Decode,
    draw: Draw,
    on_part: Callable[[float], None],
) -> torch.Tensor:
    """Enlarge a picture by 4.

    Args:
        picture: `(3, H, W)` in [0, 1], on the device that the networks are on.
        draw: noise of the canvas's size, see `padded`: for the start, then for every step.
        on_part: hears after every window which part is done; may raise to cancel.

    Returns:
        `(3, 4 * H, 4 * W)` in [-1, 1], float32 on the CPU.
    """
    height, width = picture.shape[1:]
    size = padded((width, height))
    pad = (0, size[0] - width, 0, size[1] - height)
    condition = torch.nn.functional.pad(picture[None].float() * 2 - 1, pad, mode="replicate")
    all_steps, count = timesteps(settings.steps), count_windows(size)
    done, total = 0, (len(all_steps) + 1) * count

    def told(box: Box) -> None:
        nonlocal done
        done += 1
        on_part(done / total)

    def noise_at(x: torch.Tensor, step: int) -> torch.Tensor:
        return _fused(size, 1, x.device, told, lambda cells: network(x[cells], condition[cells], step))

    latent = _sample(all_steps, settings.eta, noise_at, draw, condition.device)
    # the enlarged canvas is kept in main memory: it is 16 times as large
    made = _fused(size, SCALE, torch.device("cpu"), told, lambda cells: decode(latent[cells]))
    return made[0, :, : SCALE * height, : SCALE * width].clamp(-1, 1)


def _sample(
    all_steps: list[int],
    eta: float,
    noise_at: Callable[[torch.Tensor, int], torch.Tensor],
    draw: Draw,
    device: torch.device,
) -> torch.Tensor:
    """The latent of the whole canvas. Equation 12 of the paper, whose sigma is `eta` times that of equation 16."""
    signal = _signal()
    x = draw().to(device)
    for step, before in zip(all_steps, [*all_steps[1:], 0], strict=True):
        now, then = float(signal[step]), float(signal[before])
        sigma = eta * math.sqrt((1 - then) / (1 - now) * (1 - now / then))
        noise = noise_at(x, step)
        denoised = (x - math.sqrt(1 - now) * noise) / math.sqrt(now)
        direction = math.sqrt(max(0.0, 1 - then - sigma**2)) * noise
        # drawn also where it counts for nothing, so that the number of draws depends on nothing else
        x = math.sqrt(then) * denoised + direction + sigma * draw().to(device)
    return x


Cells = tuple[slice, slice, slice, slice]


def _fused(
    size: Size, scale: int, device: torch.device, told: Callable[[Box], None], run: Callable[[Cells], torch.Tensor]
) -> torch.Tensor:
    """The weighted mean of what comes of every window: `(1, 3, scale * h, scale * w)`."""
    width, height = size
    total = torch.zeros(1, 3, scale * height, scale * width, device=device)
    share = torch.zeros(1, 1, scale * height, scale * width, device=device)
    weights = _weights(scale * WINDOW).to(device)
    for box in windows(size):
        cells = (slice(None), slice(None), slice(box.y0, box.y1), slice(box.x0, box.x1))
        x0, y0, x1, y1 = box.times(scale)
        total[..., y0:y1, x0:x1] += run(cells).float().to(device) * weights
        share[..., y0:y1, x0:x1] += weights
        told(box)
    return total.div_(share)


@cache
def _weights(side: int) -> torch.Tensor:
    """A pyramid `(side, side)`: the distance to the border as a share of the side, from 0.01 to 0.5."""
    place = torch.arange(side)
    axis = torch.minimum(place, side - 1 - place) / (side - 1)
    return torch.minimum(axis[:, None], axis).clamp(0.01, 0.5)


def draws_of_seed(size: Size, seed: int) -> Draw:
    """A1111's noise of a canvas: one CPU generator for all of it."""
    generator = torch.Generator().manual_seed(seed % SEEDS)
    return lambda: torch.randn(1, 3, size[1], size[0], generator=generator)


def draws_of_place(place: Box, seed: int) -> Draw:
    """The noise that a part of a picture has wherever it is cut out; `place`: of the canvas."""
    blocks = PlacedBlocks(place)
    generators = [torch.Generator().manual_seed(one) for one in blocks.seeds(seed)]
    shape = blocks.shape((3, place.height, place.width))
    return lambda: blocks.joined(torch.stack([torch.randn(shape, generator=one) for one in generators]))
