"""Deflate for pixels: pieces of a fixed length, each packed for itself and several at once.

The bytes of a file therefore do not depend on how many threads there are.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")

PIECE = 2**20
"""Bytes of pixels, at least a row."""

RAW, WRAPPED = -zlib.MAX_WBITS, zlib.MAX_WBITS
"""Deflate alone, and with zlib's head and checksum."""

_RLE = 3
"""zlib's Z_RLE, which Python has no name for: only repetitions of the byte before are looked for."""

_USUAL = (4, zlib.Z_DEFAULT_STRATEGY)
"""Level and strategy; a higher level takes up to eight times as long for a few per cent."""

_FASTER = ((1, _RLE), (1, zlib.Z_DEFAULT_STRATEGY))
"""The fastest first: three times as fast, and one and a half times."""

_SAMPLE = 2**14
_WORSE = 1.02
"""So much longer may a file be that is written faster."""

_ADLER = 65521

_THREADS = 8
"""At most: each has some ten times the length of a piece in memory, and a disk takes no more than they pack."""


def packer(data: bytes, depth: int, window: int) -> zlib._Compress:
    """What to pack these pixels with, `depth` bits a channel.

    The lower bytes of 16 bits are mostly noise, in which looking for repetitions finds little. How much, a sample says.
    """
    usual = zlib.compressobj(_USUAL[0], zlib.DEFLATED, window, zlib.DEF_MEM_LEVEL, _USUAL[1])
    if depth == 8:
        return usual
    middle = max(0, (len(data) - _SAMPLE) // 2)
    sample = data[middle : middle + _SAMPLE]
    allowed = _WORSE * _length(sample, *_USUAL)
    for level, strategy in _FASTER:
        if _length(sample, level, strategy) <= allowed:
            return zlib.compressobj(level, zlib.DEFLATED, window, zlib.DEF_MEM_LEVEL, strategy)
    return usual


def _length(sample: bytes, level: int, strategy: int) -> int:
    packing = zlib.compressobj(level, zlib.DEFLATED, RAW, zlib.DEF_MEM_LEVEL, strategy)
    return len(packing.compress(sample)) + len(packing.flush())


def adler32_of_both(first: int, second: int, length: int) -> int:
    """Checksum of two texts behind each other, the second of this length, from theirs (zlib's adler32_combine)."""
    a1, b1, a2, b2 = first & 0xFFFF, first >> 16, second & 0xFFFF, second >> 16
    a = (a1 + a2 - 1) % _ADLER
    b = (b1 + b2 + length * (a1 - 1)) % _ADLER
    return b << 16 | a


class SideBySide(Generic[Item, Result]):
    """Does a piece of work for one item after another, several at once; results come in the order of the items."""

    def __init__(self, work: Callable[[Item], Result]) -> None:
        """`work` lets go of the interpreter most of the time, as zlib and numpy do."""
        self._work, self._most = work, min(torch.get_num_threads(), _THREADS)
        self._pool = ThreadPoolExecutor(self._most) if self._most > 1 else None
        self._waiting: deque[Future[Result]] = deque()

    def give(self, item: Item) -> Iterator[Result]:
        """Take another one; yields what had to be finished for it, so that memory stays bounded."""
        if self._pool is None:
            yield self._work(item)
            return
        self._waiting.append(self._pool.submit(self._work, item))
        if len(self._waiting) > self._most:
            yield self._waiting.popleft().result()

    def rest(self) -> Iterator[Result]:
        """Yield all other results, and end the threads."""
        while self._waiting:
            yield self._waiting.popleft().result()
        if self._pool is not None:
            self._pool.shutdown()
