"""ESRGAN's dense blocks in float32 with a quarter of the products.

Winograd's minimal filtering, F(4x4, 3x3) of Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015:
a square of 4x4 values of a 3x3 convolution is made of the 6x6 values around it, which are transformed to 36 others,
multiplied by 36 for each pair of channels in place of 144, and transformed back. A dense block gives its features to
up to five convolutions: here they are transformed once, for some rows of squares at a time.

Pictures lie in planes, `(4, 4, channels, rows + 2, columns + 2)`: the pixel (4y + i, 4x + j) at [i, j, :, y + 1, x + 1]
within a frame of zeros, so that the values beside a square are those of a plane nearby.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple

import torch

SQUARE, TAPS = 4, 3
"""Pixels of a side of a square, and of a convolution's kernel."""

_AROUND = SQUARE + TAPS - 1
"""Side of what a square is made of."""

_NEARBY = (slice(3, 4), 0), (slice(0, 4), 1), (slice(0, 1), 2)
"""For what lies before, in and after a square: its planes, and where they begin in their frames."""

_TO = slice(0, 1), slice(1, 5), slice(5, 6)
"""The same among the values around a square."""

POINTS = 0.0, 0.625, -0.625, 1.5, -1.5
"""Where the polynomials behind the filtering are evaluated, besides infinity: rounding errors are within twice those
of plain convolutions. With the usual 0, 1, -1, 2, -2 they are four times as large."""

AT_ONCE = 512
"""Squares of a band, about: with fewer there are too many calls, with more it takes more memory."""

_BLOCK = "RRDB"

_BEHIND = 5
"""Convolutions of a dense block, and the bands that the last of them is behind the first, itself included."""

_RESIDUAL = 0.2
"""Share of what a block finds that goes to what it was given."""


class Trunk(torch.nn.Sequential):
    """ESRGAN's blocks and what follows them. Runs in inference mode, as spandrel calls its networks."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        # one by one: how many squares there are may decide how products are rounded
        blocks = blocks_of(self)
        pixels = torch.cat([_through(blocks, picture) for picture in input.split(1)])
        for layer in list(self)[len(blocks) :]:
            pixels = layer(pixels)
        return pixels


def is_trunk(module: torch.nn.Module, is_worth: Callable[[torch.nn.Module], bool]) -> bool:
    """Whether a module can be a `Trunk`: ESRGAN's blocks of the usual kind and one size, and then others.

    `is_worth` says of a convolution whether it is one of 3x3 with zeros around it that gains.
    """
    if type(module) is not torch.nn.Sequential:
        return False
    named_so = [type(layer).__name__ == _BLOCK for layer in module]
    if (
        not named_so[:1]
        or named_so != sorted(named_so, reverse=True)
        or not all(_is_block(layer, is_worth) for layer in blocks_of(module))
    ):
        return False
    all_dense = (dense for block in blocks_of(module) for dense in _dense_blocks(block))
    return len({tuple(one[0].weight.shape for one in _convolutions(dense)) for dense in all_dense}) == 1


def blocks_of(trunk: torch.nn.Module) -> list[Any]:
    """The blocks in a trunk."""
    return [layer for layer in trunk.children() if type(layer).__name__ == _BLOCK]


def _is_block(module: Any, is_worth: Callable[[torch.nn.Module], bool]) -> bool:
    """Others have more paths, another order of layers, or something that somebody put there."""
    layers = torch.nn.Conv2d, torch.nn.LeakyReLU
    return (
        _is_spandrels(module, _BLOCK)
        and not any(map(_is_patched, module.modules()))
        and all(
            _is_spandrels(dense, "ResidualDenseBlock_5C")
            and dense.conv1x1 is None
            and all(tuple(map(type, one)) == layers for one in (dense.conv1, dense.conv2, dense.conv3, dense.conv4))
            and [type(one) for one in dense.conv5] == [torch.nn.Conv2d]
            and all(
                is_worth(one[0]) and one[0].padding == (1, 1) and one[0].bias is not None
                for one in _convolutions(dense)
            )
            for dense in _dense_blocks(module)
        )
    )


def _is_spandrels(module: torch.nn.Module, name: str) -> bool:
    """Whether it is of a class of spandrel's, which keeps it where nobody should import it from."""
    return type(module).__name__ == name and type(module).__module__.startswith("spandrel.")


def _is_patched(module: torch.nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module))


def _dense_blocks(block: Any) -> Sequence[Any]:
    return block.RDB1, block.RDB2, block.RDB3


def _convolutions(dense: Any) -> Sequence[Any]:
    return dense.conv1, dense.conv2, dense.conv3, dense.conv4, dense.conv5


def _through(blocks: Sequence[Any], picture: torch.Tensor) -> torch.Tensor:
    """Through the blocks, `(1, C, H, W)` float32 and its like."""
    first = blocks[0].RDB1
    channels, growth = first.conv1[0].in_channels, first.conv1[0].out_channels
    squares = _Squares(picture, first.conv5[0].in_channels, max(channels, growth))
    x, *grown = squares.frame(channels), *(squares.frame(growth) for _ in _convolutions(first)[1:])
    squares.cut(picture[0], x)
    before = torch.empty_like(x)
    for block in blocks:
        before.copy_(x)
        for dense in _dense_blocks(block):
            layers = [_Layer(*one) for one in _convolutions(dense)]
            _through_dense(layers, x, grown, squares)
        x.mul_(_RESIDUAL).add_(before)
    return squares.joined(x)[None]


def _through_dense(layers: Sequence[_Layer], x: torch.Tensor, grown: Sequence[torch.Tensor], squares: _Squares) -> None:
    """Through one dense block, a band after the other, in place.

    A convolution is a band behind the one before it, which has then made what lies below.
    """
    kernels = [squares.kernels(layer.convolution) for layer in layers]
    starts = [0, *(layer.convolution.in_channels for layer in layers)]
    for step in range(squares.bands + len(layers) - 1):
        for index, layer in enumerate(layers):
            band = step - index
            if 0 <= band < squares.bands:
                squares.keep(band, grown[index - 1] if index else x, starts[index])
                made = squares.convolved(band, kernels[index], layer.convolution.bias)
                if layer.activate is None:
                    squares.place(band, x).add_(made, alpha=_RESIDUAL)
                    squares.clear_beyond(band, x)
                else:
                    squares.place(band, grown[index]).copy_(layer.activate(made))
                    squares.clear_beyond(band, grown[index])


class _Layer(NamedTuple):
    convolution: torch.nn.Conv2d
    activate: Callable[[torch.Tensor], torch.Tensor] | None = None


class _Squares:
    """A picture of so many pixels, cut into squares, and what convolutions are given of a few bands of it."""

    def __init__(self, like: torch.Tensor, channels: int, most: int) -> None:
        """`like`: `(1, C, H, W)` of the size. `channels`: of all features. `most`: of those that are made at once."""
        self._new = like.new_empty
        self._height, self._width = like.shape[2:]
        self._rows, self._columns = -(-self._height // SQUARE), -(-self._width // SQUARE)
        step = math.ceil(self._rows / max(1, round(self._rows * self._columns / AT_ONCE)))
        self._bands = [slice(y, min(y + step, self._rows)) for y in range(0, self._rows, step)]
        self.bands = len(self._bands)
        size = self._bands[0].stop * self._columns
        self._features = [self._new(_AROUND**2 * channels * size) for _ in self._bands[:_BEHIND]]
        self._channels = channels
        self._spare = self._new(_AROUND**2 * most * size), self._new(SQUARE**2 * most * size)
        self._around, self._kernel, self._back = (matrix.to(like) for matrix in _transforms())

    def frame(self, channels: int) -> torch.Tensor:
        """Planes for so many channels, all zeros."""
        return self._new(SQUARE, SQUARE, channels, self._rows + 2, self._columns + 2).zero_()

    def cut(self, picture: torch.Tensor, planes: torch.Tensor) -> None:
        """Put `(C, H, W)` into planes."""
        for i, j in _places():
            part = picture[:, i::SQUARE, j::SQUARE]
            planes[i, j, :, 1 : 1 + part.shape[1], 1 : 1 + part.shape[2]] = part

    def joined(self, planes: torch.Tensor) -> torch.Tensor:
        """The picture in planes, `(C, H, W)`."""
        picture = planes.new_empty(planes.shape[2], self._height, self._width)
        for i, j in _places():
            part = picture[:, i::SQUARE, j::SQUARE]
            part.copy_(planes[i, j, :, 1 : 1 + part.shape[1], 1 : 1 + part.shape[2]])
        return picture

    def place(self, band: int, planes: torch.Tensor) -> torch.Tensor:
        """A band of planes, without their frame."""
        rows = self._bands[band]
        return planes[:, :, :, rows.start + 1 : rows.stop + 1, 1:-1]

    def clear_beyond(self, band: int, planes: torch.Tensor) -> None:
        """Squares may reach beyond the picture, where there are zeros."""
        place = self.place(band, planes)
        place[:, self._width % SQUARE or SQUARE :, :, :, -1] = 0
        if band == self.bands - 1:
            place[self._height % SQUARE or SQUARE :, :, :, -1] = 0

    def keep(self, band: int, planes: torch.Tensor, start: int) -> None:
        """Transform a band of planes, as features from `start` on. What is beside the band must be there."""
        rows, channels = self._bands[band], planes.shape[2]
        around = self._part(0, _AROUND, channels, rows.stop - rows.start)
        for i, (from_row, y) in enumerate(_NEARBY):
            for j, (from_column, x) in enumerate(_NEARBY):
                part = planes[from_row, from_column, :, rows.start + y : rows.stop + y, x : x + self._columns]
                around[_TO[i], _TO[j]] = part
        into = self._features_of(band)[:, start : start + channels].view(_AROUND**2, -1)
        torch.mm(self._around, around.view(_AROUND**2, -1), out=into)

    def kernels(self, convolution: torch.nn.Conv2d) -> torch.Tensor:
        """A convolution's weights, transformed: `(36, made, given)`."""
        made, given = convolution.weight.shape[:2]
        weight = convolution.weight.reshape(made * given, TAPS**2)
        return torch.mm(self._kernel, weight.T).view(_AROUND**2, made, given)

    def convolved(self, band: int, kernels: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        """Convolve the first features of a band: `(4, 4, made, rows, columns)`, valid until the next."""
        assert bias is not None
        rows = self._bands[band].stop - self._bands[band].start
        _, made, given = kernels.shape
        products = self._part(0, _AROUND, made, rows).view(_AROUND**2, made, -1)
        torch.bmm(kernels, self._features_of(band)[:, :given], out=products)
        squares = self._part(1, SQUARE, made, rows)
        torch.mm(self._back, products.view(_AROUND**2, -1), out=squares.view(SQUARE**2, -1))
        return squares.add_(bias[:, None, None])

    def _features_of(self, band: int) -> torch.Tensor:
        """`(36, channels, squares)`; those of a band take the place of those that no convolution needs any more."""
        size = (self._bands[band].stop - self._bands[band].start) * self._columns
        shape = _AROUND**2, self._channels, size
        return self._features[band % _BEHIND][: math.prod(shape)].view(shape)

    def _part(self, index: int, side: int, channels: int, rows: int) -> torch.Tensor:
        """Memory that nothing else is in now."""
        shape = side, side, channels, rows, self._columns
        return self._spare[index][: math.prod(shape)].view(shape)


def _transforms() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Matrices for the values around a square, for a kernel, and back, each for both sides at once.

    Those of Cook and Toom, float64: `(36, 36)`, `(36, 9)` and `(16, 36)`.
    """
    points = torch.tensor(POINTS, dtype=torch.float64, device="cpu")
    others = [points[points != point] for point in points]
    scales = torch.stack([(point - rest).prod() for point, rest in zip(points, others, strict=True)])
    back = torch.zeros(SQUARE, _AROUND, dtype=torch.float64, device="cpu")
    back[:, :-1] = points ** torch.arange(SQUARE, device="cpu")[:, None]
    back[-1, -1] = 1
    kernel = torch.zeros(_AROUND, TAPS, dtype=torch.float64, device="cpu")
    kernel[:-1] = points[:, None] ** torch.arange(TAPS, device="cpu") / scales[:, None]
    kernel[-1, -1] = 1
    around = torch.zeros(_AROUND, _AROUND, dtype=torch.float64, device="cpu")
    for row, roots in zip(around, [*others, points], strict=True):
        row[0] = 1
        for root in roots:
            row[1:] = row[:-1].clone() - root * row[1:]
            row[0] *= -root
    return torch.kron(around, around), torch.kron(kernel, kernel), torch.kron(back, back)


def _places() -> Iterator[tuple[int, int]]:
    """Each of a square's pixels."""
    return product(range(SQUARE), range(SQUARE))
