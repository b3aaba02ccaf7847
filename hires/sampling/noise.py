"""Unit noise, image by image, from the random sources that A1111 offers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import torch

from .philox import PhiloxGenerator

Source = Literal["CPU", "GPU"]

SEEDS = 2**64
"""How many seeds there are; sums of seeds wrap around."""


class Generator(Protocol):
    """A seeded source of normal numbers; every call goes on where the last one stopped."""

    def randn(self, shape: Sequence[int]) -> torch.Tensor:
        """Return float32 standard normal numbers of this shape, on the CPU."""
        ...


class TorchGenerator:
    """A1111's `CPU` source: torch's Mersenne Twister, one of its own."""

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator("cpu").manual_seed(seed % SEEDS)

    def randn(self, shape: Sequence[int]) -> torch.Tensor:
        return torch.randn(tuple(shape), generator=self._generator)


GENERATORS: dict[Source, Callable[[int], Generator]] = {"CPU": TorchGenerator, "GPU": PhiloxGenerator}
"""Source name: a fresh generator for a seed."""


@dataclass(frozen=True)
class Variation:
    """A1111's seed extras, which change a seed's start noise."""

    subseed: int = 0
    """Variation seed of the first image; the others count up."""

    subseed_strength: float = 0.0
    """How far the noise goes from the seed's to the variation seed's, 0 to 1."""

    resize_from: tuple[int, int] = (0, 0)
    """Width and height in latent cells of the picture whose layout to keep; 0 in either: off."""

    eta_noise_seed_delta: int = 0
    """Added to the seeds for all draws after the start noise (A1111's ENSD)."""


class ImageNoise:
    """Noise for a batch in which every image has a seed, and so a generator, of its own.

    Images of a batch therefore equal single runs with their seeds. The first draw is the start noise of a pass,
    later draws are what its sampler's steps use.
    """

    def __init__(self, source: Source, seed: int, indices: Sequence[int], variation: Variation | None = None) -> None:
        """`indices` are the images' places in the batch: image i has seed `seed + i`.

        With a variation strength all images share the seed, and their variation seeds count up.
        """
        self._new = GENERATORS[source]
        self._variation = variation or Variation()
        shared = self._variation.subseed_strength != 0
        self.seeds = [(seed if shared else seed + i) % SEEDS for i in indices]
        self._subseeds = [self._variation.subseed + i for i in indices]
        self._generators: list[Generator] = []

    def draw(self, shape: Sequence[int]) -> torch.Tensor:
        """Return `(B, *shape)` float32 noise; `shape` is one image's, `(C, [T,] h, w)`."""
        if self._generators:
            return torch.stack([generator.randn(shape) for generator in self._generators])
        self._generators = [self._new(seed) for seed in self.seeds]
        first = torch.stack([self._first(i, tuple(shape)) for i in range(len(self.seeds))])
        if self._variation.eta_noise_seed_delta:
            self._generators = [self._new(seed + self._variation.eta_noise_seed_delta) for seed in self.seeds]
        return first

    def _first(self, i: int, shape: tuple[int, ...]) -> torch.Tensor:
        width, height = self._variation.resize_from
        resized = (*shape[:-2], height, width) if width > 0 and height > 0 else shape
        generator = self._generators[i] if resized == shape else self._new(self.seeds[i])
        noise = generator.randn(resized)
        if self._variation.subseed_strength:
            other = self._new(self._subseeds[i]).randn(resized)
            noise = slerp(self._variation.subseed_strength, noise, other)
        if resized == shape:
            return noise
        return _pasted(self._generators[i].randn(shape), noise)


def slerp(strength: float, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    """Spherical interpolation of two noises `(..., H, W)` as A1111 does it: along the height, and with a quirk.

    Nearly parallel noises are mixed linearly with the weights the wrong way round; kept, because seeds depend on it.
    """
    axis = -2
    low_unit = low / low.norm(dim=axis, keepdim=True)
    high_unit = high / high.norm(dim=axis, keepdim=True)
    dot = (low_unit * high_unit).sum(axis, keepdim=True)
    if float(dot.mean()) > 0.9995:
        return low * strength + high * (1 - strength)
    omega = torch.acos(dot)
    so = torch.sin(omega)
    return torch.sin((1.0 - strength) * omega) / so * low + torch.sin(strength * omega) / so * high


def _pasted(canvas: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Put `noise` over the centre of `canvas`, cutting what does not fit."""
    (height, width), (noise_height, noise_width) = canvas.shape[-2:], noise.shape[-2:]
    dx, dy = (width - noise_width) // 2, (height - noise_height) // 2
    w = noise_width if dx >= 0 else noise_width + 2 * dx
    h = noise_height if dy >= 0 else noise_height + 2 * dy
    to_x, to_y, from_x, from_y = max(dx, 0), max(dy, 0), max(-dx, 0), max(-dy, 0)
    out = canvas.clone()
    out[..., to_y : to_y + h, to_x : to_x + w] = noise[..., from_y : from_y + h, from_x : from_x + w]
    return out
