"""CUDA's random numbers worked out on the CPU: A1111's `NV` source.

Philox: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3" (2011).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

_WORD = 0xFFFFFFFF
_LOW, _BITS = np.uint64(_WORD), np.uint64(32)
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL0, _WEYL1 = 0x9E3779B9, 0xBB67AE85
_ROUNDS = 10

_BLOCK = 2**14
"""Numbers worked out at once: few enough for a core's cache, enough for the calls not to count."""

_SCALE = float(np.float32(2.3283064e-10))
_ANGLE = float(np.float32(2.3283064e-10 * 6.2831855))
"""CUDA's float32 constants; all arithmetic with them is float64, as numpy and so A1111 have it."""


class PhiloxGenerator:
    """Philox-4x32-10 and the Box-Muller transform, seeded.

    Equals an NVIDIA card's numbers to about 1e-6 as long as the card has a thread for every number, and A1111's, which
    numpy works out: of 13 million none differed.
    """

    def __init__(self, seed: int) -> None:
        self._key = (seed & _WORD, (seed >> 32) & _WORD)
        self._calls = 0

    def randn(self, shape: Sequence[int]) -> torch.Tensor:
        """Call k (from 0) uses the counters (k, 0, i, 0) for element i in C order. Float32, on the CPU."""
        out = np.empty(math.prod(shape), np.float32)
        starts = range(0, len(out), _BLOCK)
        threads = min(torch.get_num_threads(), len(starts))

        def fill(share: Sequence[int]) -> None:
            words = _Words(min(_BLOCK, len(out)), self._calls, self._key)
            for start in share:
                part = slice(start, min(start + _BLOCK, len(out)))
                out[part] = _normal(*words.of(part))

        if threads > 1:  # numpy lets go of the interpreter while it works; a number does not depend on its block
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(fill, [starts[i::threads] for i in range(threads)]))
        else:
            fill(starts)
        self._calls += 1
        return torch.from_numpy(out).view(tuple(shape))


class _Words:
    """The two words of every element that are used, block by block, and nothing that they do not depend on."""

    def __init__(self, size: int, call: int, key: tuple[int, int]) -> None:
        self._call, self._key = call, key
        self._memory = np.empty((6, size), np.uint64)

    def of(self, part: slice) -> tuple[np.ndarray, np.ndarray]:
        """The first two of the four words for the counters (call, 0, i, 0): uint64, valid until the next call."""
        c0, c2, p, q, p_before, q_before = self._memory[:, : part.stop - part.start]
        k0, k1 = self._key
        # the words that are the same for all elements are plain numbers for as long as they are
        np.multiply(np.arange(part.start, part.stop, dtype=np.uint64), _M1, out=q)
        np.right_shift(q, _BITS, out=c0)
        c0 ^= np.uint64(k0)
        same = self._call * int(_M0)
        c2_same, c3_same = (same >> 32) ^ k1, same & _WORD

        k0, k1 = _next(k0, k1)
        np.multiply(c0, _M0, out=p)
        np.bitwise_and(q, _LOW, out=c0)
        same = c2_same * int(_M1)
        c0 ^= np.uint64((same >> 32) ^ k0)
        np.right_shift(p, _BITS, out=c2)
        c2 ^= np.uint64(c3_same ^ k1)
        q.fill(same & _WORD)

        for left in range(_ROUNDS - 3, 0, -1):
            k0, k1 = _next(k0, k1)
            p, q, p_before, q_before = p_before, q_before, p, q
            np.multiply(c2, _M1, out=q)
            np.multiply(c0, _M0, out=p)
            if left > 1:  # the last round uses no first word
                _mix(q, q_before, k0, c0)
            _mix(p, p_before, k1, c2)

        k0, k1 = _next(k0, k1)
        np.multiply(c2, _M1, out=p)
        _mix(p, q, k0, c0)
        p &= _LOW
        return c0, p


def _next(k0: int, k1: int) -> tuple[int, int]:
    return (k0 + _WEYL0) & _WORD, (k1 + _WEYL1) & _WORD


def _mix(high: np.ndarray, low: np.ndarray, key: int, out: np.ndarray) -> None:
    """The high words of one, the low words of the other and the key, exclusive or.

    Read as 32-bit words, one behind another (the low one first, as on all machines that torch is built for), all stand
    beside each other: processors do that fastest. Half of what comes out is then set to zero.
    """
    np.bitwise_xor(high.view(np.uint32)[1:], low.view(np.uint32)[:-1], out=out.view(np.uint32)[:-1])
    out &= _LOW
    out ^= np.uint64(key)


def _normal(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Box-Muller in float64, by torch's functions, which take a third of the time of numpy's.

    Their last bits differ now and then, which float32 does not show.
    """
    u = torch.from_numpy(x * _SCALE).add_(_SCALE / 2)
    v = torch.from_numpy(y * _ANGLE).add_(_ANGLE / 2)
    return u.log_().mul_(-2.0).sqrt_().mul_(v.sin_()).numpy()
