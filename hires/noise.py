"""Unit noise, image by image, from the random sources that A1111 offers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import numpy as np
import torch

Source = Literal["CPU", "GPU"]


class Generator(Protocol):
    """A seeded source of normal numbers; every call goes on where the last one stopped."""

    def randn(self, shape: Sequence[int]) -> torch.Tensor:
        """Return float32 standard normal numbers of this shape, on the CPU."""
        ...


class TorchGenerator:
    """A1111's `CPU` source: torch's Mersenne Twister, one of its own."""

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator("cpu").manual_seed(seed)

    def randn(self, shape: Sequence[int]) -> torch.Tensor:
        """See `Generator`."""
        return torch.randn(tuple(shape), generator=self._generator)


class PhiloxGenerator:
    """A1111's `NV` source: CUDA's generator (Philox-4x32-10 and Box-Muller) worked out on the CPU.

    Equals an NVIDIA card's numbers to about 1e-6 as long as the card has a thread for every number.
    Philox: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3" (2011).
    """

    def __init__(self, seed: int) -> None:
        self._key = (seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF)
        self._calls = 0

    def randn(self, shape: Sequence[int]) -> torch.Tensor:
        """See `Generator`. Call k (from 0) uses the counters (k, 0, i, 0) for element i in C order."""
        n = int(np.prod(shape))
        zeros = np.zeros(n, np.uint32)
        counter = [zeros + np.uint32(self._calls), zeros, np.arange(n, dtype=np.uint32), zeros]
        self._calls += 1
        x, y = _philox_4x32_10(counter, self._key)[:2]
        # uint32 arrays times float32 arrays: numpy carries on in float64, as A1111 does
        a, b = np.float32([2.3283064e-10]), np.float32([2.3283064e-10 * 6.2831855])
        u = x * a + a / 2
        v = y * b + b / 2
        out = np.sqrt(-2.0 * np.log(u)) * np.sin(v)
        return torch.from_numpy(out.astype(np.float32).reshape(tuple(shape)))


def _philox_4x32_10(counter: list[np.ndarray], key: tuple[int, int]) -> list[np.ndarray]:
    c0, c1, c2, c3 = counter
    k0, k1 = key
    low = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        p = c0.astype(np.uint64) * np.uint64(0xD2511F53)
        q = c2.astype(np.uint64) * np.uint64(0xCD9E8D57)
        p_high, p_low = (p >> np.uint64(32)).astype(np.uint32), (p & low).astype(np.uint32)
        q_high, q_low = (q >> np.uint64(32)).astype(np.uint32), (q & low).astype(np.uint32)
        c0, c1, c2, c3 = q_high ^ c1 ^ np.uint32(k0), q_low, p_high ^ c3 ^ np.uint32(k1), p_low
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return [c0, c1, c2, c3]


GENERATORS: dict[Source, Callable[[int], Generator]] = {"CPU": TorchGenerator, "GPU": PhiloxGenerator}
"""Source name: a fresh generator for a seed."""


class ImageNoise:
    """Noise for a batch in which every image has a seed, and so a generator, of its own.

    Images of a batch therefore equal single runs with their seeds. The first draw is the start noise of a pass,
    later draws are what its sampler's steps use.
    """

    def __init__(self, source: Source, seeds: Sequence[int]) -> None:
        self._generators = [GENERATORS[source](seed) for seed in seeds]

    def draw(self, shape: Sequence[int]) -> torch.Tensor:
        """Return `(B, *shape)` float32 noise, one draw of every image's generator; `shape` is one image's."""
        return torch.stack([generator.randn(shape) for generator in self._generators])
