"""Resizing a picture piece by piece, for pictures that are never in memory as a whole."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch

from ..images.checks import check_size
from .boxes import Box

_LOBES = 3
_BLOCK = 32
"""Target pixels whose weights share one dense matrix: longer blocks hold more zeros, shorter ones are more calls."""

_PAGE = 256 * _BLOCK
"""Target pixels whose weights share one piece of memory where they are kept to the end. One for every block would lie
between the large pixels that come and go, whose room then is in pieces too small to be used again."""

_LONG = 32
"""Shrinking by more than this is summed in double precision (on the CPU: some devices have none)."""


class ResizeParts(Protocol):
    """A resize from one size to another of which any box can be made alone; all boxes together are the whole."""

    def needs(self, part: Box) -> Box:
        """Return the source pixels that this box of target pixels is made from; ValueError if it leaves the target."""
        ...

    def __call__(self, pixels: torch.Tensor, part: Box) -> torch.Tensor:
        """Make one box of the target: `(part.height, part.width, C)` float32 in [0, 1], on the device of `pixels`.

        `pixels`: the source's box `needs(part)`, `(h, w, C)` floating point in [0, 1]; ValueError for another size.
        """
        ...


class LanczosParts(ResizeParts):
    """Pillow's LANCZOS (three lobes, widened when shrinking) within 1e-6, in float32.

    Across first, then down, overshoot clamped after each, as Pillow 9.5 does, which A1111 uses. Sizes are width and
    height in pixels; InputError if one is below 1.
    """

    def __init__(self, source: tuple[int, int], target: tuple[int, int]) -> None:
        check_size(*source)
        check_size(*target)
        self.source, self.target = source, target
        self._across = _LanczosAxis(source[0], target[0], _PAGE)
        self._down = _LanczosAxis(source[1], target[1], _BLOCK)

    def needs(self, part: Box) -> Box:
        _check_part(part, self.target)
        (x0, x1), (y0, y1) = self._across.needs(part.x0, part.x1), self._down.needs(part.y0, part.y1)
        return Box(x0, y0, x1, y1)

    def __call__(self, pixels: torch.Tensor, part: Box) -> torch.Tensor:
        _check_pixels(pixels, self.needs(part))
        height, width, channels = pixels.shape
        planes = pixels.to(torch.float32).permute(2, 0, 1).reshape(channels * height, width)
        planes = self._across.resize(planes.T, part.x0, part.x1).T.clamp(0, 1)
        rows = planes.reshape(channels, height, part.width).permute(1, 2, 0).reshape(height, part.width * channels)
        self._down.forget(part.y0)
        return self._down.resize(rows, part.y0, part.y1).clamp(0, 1).view(part.height, part.width, channels)


def lanczos(picture: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Resize one picture `(H, W, C)` in [0, 1] to a width and height, in float32; see `LanczosParts`."""
    source = (picture.shape[1], picture.shape[0])
    return picture.float() if source == size else LanczosParts(source, size)(picture, Box(0, 0, *size))


class NearestParts(ResizeParts):
    """Pillow's NEAREST, exactly: the source pixel under each target pixel's centre. Sizes as in `LanczosParts`."""

    def __init__(self, source: tuple[int, int], target: tuple[int, int]) -> None:
        check_size(*source)
        check_size(*target)
        self._target = target
        self._columns, self._rows = map(_nearest_pixels, source, target)

    def needs(self, part: Box) -> Box:
        _check_part(part, self._target)
        columns, rows = self._columns, self._rows
        return Box(int(columns[part.x0]), int(rows[part.y0]), int(columns[part.x1 - 1]) + 1, int(rows[part.y1 - 1]) + 1)

    def __call__(self, pixels: torch.Tensor, part: Box) -> torch.Tensor:
        box = self.needs(part)
        _check_pixels(pixels, box)
        rows = torch.from_numpy(self._rows[part.y0 : part.y1] - box.y0).to(pixels.device)
        columns = torch.from_numpy(self._columns[part.x0 : part.x1] - box.x0).to(pixels.device)
        return pixels.to(torch.float32)[rows][:, columns].clamp(0, 1)


class _LanczosAxis:
    """One axis, with Pillow's weights: taps end at the picture's edge and always sum to 1."""

    def __init__(self, source: int, target: int, page: int) -> None:
        """`page` is how many targets share one piece of memory: whole blocks."""
        self._source, self._target, self._page = source, target, page
        self._ratio = source / target
        self._widened = max(1.0, self._ratio)
        self._pages: dict[tuple[int, torch.device], torch.Tensor] = {}

    def needs(self, start: int, stop: int) -> tuple[int, int]:
        """Return the first source pixel of targets start..stop and the one after the last."""
        if self._source == self._target:
            return start, stop
        support = _LOBES * self._widened
        low = int((start + 0.5) * self._ratio - support + 0.5)
        high = int((stop - 0.5) * self._ratio + support + 0.5)
        return max(0, low), min(self._source, high)

    def forget(self, before: int) -> None:
        """Drop the weights of pages that end before this target: parts come in rows from top to bottom."""
        self._pages = {key: weights for key, weights in self._pages.items() if key[0] + self._page > before}

    def resize(self, rows: torch.Tensor, start: int, stop: int) -> torch.Tensor:
        """Make target rows start..stop `(stop - start, N)` from source rows `needs(start, stop)` `(h, N)`."""
        if self._source == self._target:
            return rows
        if self._ratio > _LONG:
            return self._sum(rows.to("cpu", torch.float64), start, stop).to(rows.device, torch.float32)
        return self._sum(rows, start, stop)

    def _sum(self, rows: torch.Tensor, start: int, stop: int) -> torch.Tensor:
        offset, _ = self.needs(start, stop)
        result = rows.new_empty(stop - start, rows.shape[1])
        # the blocks lie on one grid for all parts, so that neighbouring parts share their weights
        for block in range(start // _BLOCK * _BLOCK, stop, _BLOCK):
            first, last = max(start, block), min(stop, block + _BLOCK)
            low, high = self.needs(first, last)
            base, _ = self.needs(block, min(self._target, block + _BLOCK))
            weights = self._weights(block, rows)[first - block : last - block, low - base : high - base]
            torch.mm(weights, rows[low - offset : high - offset], out=result[first - start : last - start])
        return result

    def _weights(self, block: int, like: torch.Tensor) -> torch.Tensor:
        """Return `(targets of the block, source pixels they need)`, kept because other parts ask again."""
        first = block // self._page * self._page
        if (first, like.device) not in self._pages:
            self._pages[first, like.device] = self._weights_of_page(first, like.dtype).to(like.device)
        low, high = self.needs(block, min(self._target, block + _BLOCK))
        return self._pages[first, like.device][block - first : block - first + _BLOCK, : high - low]

    def _weights_of_page(self, first: int, dtype: torch.dtype) -> torch.Tensor:
        """Return `(targets of the page, most source pixels that a block needs)`: each block begins on the left."""
        end = min(self._target, first + self._page)
        blocks = [(start, min(end, start + _BLOCK)) for start in range(first, end, _BLOCK)]
        spans = [self.needs(*block) for block in blocks]
        weights = torch.zeros(end - first, max(high - low for low, high in spans), dtype=dtype)
        for (start, stop), (low, high) in zip(blocks, spans, strict=True):
            centres = (np.arange(start, stop)[:, None] + 0.5) * self._ratio
            taps = _lanczos((np.arange(low, high) + 0.5 - centres) / self._widened)
            taps /= taps.sum(axis=1, keepdims=True)
            weights[start - first : stop - first, : high - low] = torch.from_numpy(taps)
        return weights


def _lanczos(x: np.ndarray) -> np.ndarray:
    return np.where(np.abs(x) < _LOBES, np.sinc(x) * np.sinc(x / _LOBES), 0.0)


def _nearest_pixels(source: int, target: int) -> np.ndarray:
    """Return the source pixel of every target pixel; stepped, not multiplied, because Pillow's rounding is kept."""
    steps = np.full(target, source / target)
    steps[0] /= 2
    return np.minimum(np.add.accumulate(steps).astype(np.int64), source - 1)


def _check_part(part: Box, target: tuple[int, int]) -> None:
    width, height = target
    if not (0 <= part.x0 < part.x1 <= width and 0 <= part.y0 < part.y1 <= height):
        raise ValueError(f"the part {tuple(part)} is not inside the {width}x{height} target.")


def _check_pixels(pixels: torch.Tensor, box: Box) -> None:
    if pixels.ndim != 3 or pixels.shape[:2] != (box.height, box.width):
        raise ValueError(
            f"source pixels of shape ({box.height}, {box.width}, channels) are needed, but got {tuple(pixels.shape)}."
        )
