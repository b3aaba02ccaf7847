"""NOISE objects: the same ones that core's SamplerCustomAdvanced takes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass, replace
from typing import Any

import comfy.sample
import torch

from ...hires.errors import InputError
from ...hires.sampling.brownian import BrownianNoise
from ...hires.sampling.noise import GENERATORS, SEEDS, ImageNoise, Source, Variation
from ...hires.sampling.placed_noise import PlacedBlocks
from ...hires.tiles.boxes import Box
from ..latents.latents import samples_of

COMFYUI = "ComfyUI"
"""Name of the host's own noise: one CPU generator for the whole batch."""


@dataclass(frozen=True)
class PerImageNoise:
    """A1111's noise: image i of a batch is drawn from a generator with seed `seed + i`."""

    seed: int
    source: Source
    variation: Variation

    def generate_noise(self, latent: dict[str, Any]) -> torch.Tensor:
        """Return float32 unit noise of the latent's shape, the first draw of fresh generators."""
        return self._images(latent).draw(samples_of(latent).shape[1:])

    def step_noise(self, latent: dict[str, Any]) -> Callable[[Any, Any], torch.Tensor]:
        """Return a k-diffusion noise sampler: the draws that follow the start noise, `(B, C, [T,] h, w)` each."""
        images, shape = self._images(latent), samples_of(latent).shape[1:]
        images.draw(shape)
        return lambda sigma, sigma_next: images.draw(shape).to(sigma.device)

    def brownian_noise(self, latent: dict[str, Any], schedule: torch.Tensor) -> Callable[[Any, Any], torch.Tensor]:
        """Return the noise sampler of SDE samplers: of a tree for every image, over the whole schedule."""
        return BrownianNoise(schedule, samples_of(latent).shape[1:], self._images(latent).seeds, _first_of(self.source))

    def image_seeds(self, latent: dict[str, Any]) -> list[int]:
        """The seed of every image: all the same with a variation seed."""
        return self._images(latent).seeds

    def _images(self, latent: dict[str, Any]) -> ImageNoise:
        indices = latent.get("batch_index") or range(samples_of(latent).shape[0])
        return ImageNoise(self.source, self.seed, list(indices), self.variation)


@dataclass(frozen=True)
class PlacedNoise:
    """Noise of a window of a picture, which is what the picture has at that place: see `PlacedBlocks`."""

    seed: int
    source: Source
    window: Box
    """In latent cells of the picture; latents are of its size."""

    delta: int = 0
    """Added to the seeds for all draws after the start noise, see `Variation`."""

    @classmethod
    def of(cls, noise: Any, window: Box) -> PlacedNoise:
        """Return what a NOISE object, the pack's or another's, stands for at a place.

        Raises:
            InputError: it has no seed, or one that is laid over whole pictures.
        """
        if not isinstance(noise, PerImageNoise):
            return cls(_seed_of(noise, "drawn place by place"), "CPU", window)
        delta = noise.variation.eta_noise_seed_delta
        if noise.variation != Variation(eta_noise_seed_delta=delta):
            raise InputError(
                "the noise has a variation seed or a seed resize, which lie over a whole picture, and here noise is "
                "drawn place by place. Set subseed_strength, seed_resize_from_w and seed_resize_from_h to 0.",
                "noise",
            )
        return cls(noise.seed, noise.source, window, delta)

    def generate_noise(self, latent: dict[str, Any]) -> torch.Tensor:
        """Return float32 unit noise of the latent's shape, the first draw of the blocks' generators."""
        return self._draws(samples_of(latent))(None, None)

    def step_noise(self, latent: dict[str, Any]) -> Callable[[Any, Any], torch.Tensor]:
        """See `PerImageNoise`."""
        draw = self._draws(samples_of(latent))
        draw(None, None)
        return draw

    def brownian_noise(self, latent: dict[str, Any], schedule: torch.Tensor) -> Callable[[Any, Any], torch.Tensor]:
        """See `PerImageNoise`: of a tree for every block."""
        blocks = PlacedBlocks(self.window)
        shape = blocks.shape(samples_of(latent).shape[1:])
        noise = BrownianNoise(schedule, shape, blocks.seeds(self.seed), _first_of(self.source))
        return lambda sigma, sigma_next: blocks.joined(noise(sigma, sigma_next))

    def _draws(self, samples: torch.Tensor) -> Callable[[Any, Any], torch.Tensor]:
        blocks = PlacedBlocks(self.window)
        shape, variation = blocks.shape(samples.shape[1:]), Variation(eta_noise_seed_delta=self.delta)
        each = [ImageNoise(self.source, seed, [0], variation) for seed in blocks.seeds(self.seed)]

        def draw(sigma: torch.Tensor | None, sigma_next: torch.Tensor | None) -> torch.Tensor:
            drawn = blocks.joined(torch.cat([one.draw(shape) for one in each]))
            return drawn if sigma is None else drawn.to(sigma.device)

        return draw


@dataclass(frozen=True)
class HostNoise:
    """ComfyUI's noise, bit for bit that of KSampler and RandomNoise."""

    seed: int

    def generate_noise(self, latent: dict[str, Any]) -> torch.Tensor:
        """Return float32 unit noise of the latent's shape."""
        noise = comfy.sample.prepare_noise(samples_of(latent), self.seed, latent.get("batch_index"))
        assert isinstance(noise, torch.Tensor)  # `samples_of` takes no nested ones
        return noise


def make_noise(seed: int, source: str, variation: Variation) -> PerImageNoise | HostNoise:
    """Return a NOISE object for a seed; `source` is "GPU", "CPU" or "ComfyUI", which knows no variation."""
    if source != COMFYUI:
        return PerImageNoise(seed, source, variation)  # type: ignore[arg-type]
    if variation != Variation():
        raise InputError("ComfyUI's own noise has no variation seed, seed resize or ENSD; choose CPU or GPU.", "source")
    return HostNoise(seed)


def shifted(noise: Any, by: int) -> Any:
    """Return a NOISE object, the pack's or another's, with a seed that is larger by so much.

    Raises:
        InputError: it has no seed.
    """
    if by == 0:
        return noise
    seed = _seed_of(noise, "counted up from one batch of tiles to the next")
    if is_dataclass(noise):
        return replace(noise, seed=(seed + by) % SEEDS)  # type: ignore[type-var]
    other = copy.copy(noise)
    other.seed = (seed + by) % SEEDS
    return other


def _seed_of(noise: Any, use: str) -> int:
    seed = getattr(noise, "seed", None)
    if not isinstance(seed, int):
        raise InputError(
            f"{type(noise).__name__} has no seed that could be {use}. Connect Seed and Noise or core's RandomNoise.",
            "noise",
        )
    return seed


def _first_of(source: Source) -> Callable[[int, Any], torch.Tensor]:
    """The first draw of a fresh generator, by seed and shape."""
    return lambda seed, shape: GENERATORS[source](seed).randn(shape)
