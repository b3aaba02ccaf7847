"""Group normalisation that is the same for every part of a picture.

A group norm takes mean and deviation of all that it is given. Given a part, it takes the part's, and a flat sky comes
out in another colour in every tile. Here they are taken once, of pieces from all over the picture that go through the
network together, and are the same for all parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import nn

MARGIN = 8
"""One of so many parts of a piece's side is left out along each of its edges, where the network has seen the end of the
piece instead of the picture."""

DOUBTED = 0.5
"""A variance is not believed to be below so much of what a part of the picture already makes of it: the pieces have
missed something, and a norm that divides by too little ruins all that follows."""

WeightAndBias = AbstractContextManager[tuple[torch.Tensor, torch.Tensor]]


class _Statistics(NamedTuple):
    mean: torch.Tensor
    """`(groups,)`, float32."""

    variance: torch.Tensor
    """`(groups,)`, float32."""


def _own_weights(norm: nn.GroupNorm, _: torch.Tensor) -> WeightAndBias:
    return nullcontext((norm.weight, norm.bias))


class PictureNorms:
    """The group norms of a network for one picture. Nothing of the network is changed outside of the `with` blocks."""

    def __init__(
        self, network: nn.Module, weights: Callable[[nn.GroupNorm, torch.Tensor], WeightAndBias] = _own_weights
    ) -> None:
        """`weights` gives a norm's weight and bias on the device of the tensor, where they are kept elsewhere."""
        self._norms = [module for module in network.modules() if isinstance(module, nn.GroupNorm) and module.affine]
        self._weights = weights
        self._found: dict[nn.GroupNorm, _Statistics] = {}

    def __bool__(self) -> bool:
        return bool(self._norms)

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Take the statistics of what goes through the network here: pieces of the picture, `(pieces, C, h, w)`.

        Every norm takes those of all pieces together before it passes them on.
        """

        def measure(norm: nn.GroupNorm, args: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
            self._found[norm] = _statistics(norm, args[0])
            return self._normalised(norm, args[0], output, self._found[norm])

        with self._hooked(measure):
            yield

    @contextmanager
    def fixed(self, share: float) -> Iterator[None]:
        """Normalise a part of the picture that goes through the network here by what was measured.

        `share`: of the picture that this is, above 0 and at most 1.
        """

        def apply(norm: nn.GroupNorm, args: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
            found = self._found[norm]
            variance, mean = torch.var_mean(args[0].reshape(norm.num_groups, -1), 1, correction=0)
            least = DOUBTED * share * (variance.float() + (mean.float() - found.mean).square())
            return self._normalised(
                norm, args[0], output, found._replace(variance=torch.maximum(found.variance, least))
            )

        with self._hooked(apply):
            yield

    @contextmanager
    def _hooked(self, hook: Callable[..., torch.Tensor]) -> Iterator[None]:
        handles = [norm.register_forward_hook(hook) for norm in self._norms]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _normalised(
        self, norm: nn.GroupNorm, x: torch.Tensor, output: torch.Tensor, found: _Statistics
    ) -> torch.Tensor:
        """Write into `output`, which holds what the norm made by itself: no more memory is taken than without."""
        per_group = found.mean, (found.variance + norm.eps).rsqrt()
        mean, scale = (values.repeat_interleave(x.shape[1] // norm.num_groups) for values in per_group)
        with self._weights(norm, x) as (weight, bias):
            scale = scale * weight.float()
            shift = bias.float() - mean * scale
        axes = (-1, *[1] * (x.ndim - 2))
        return torch.addcmul(shift.view(axes), x, scale.view(axes), out=output)


def _statistics(norm: nn.GroupNorm, pieces: torch.Tensor) -> _Statistics:
    """Of all pieces together, without their edges; piece by piece, because float32 takes room."""
    top, left = (side // MARGIN for side in pieces.shape[-2:])
    inner = pieces[..., top : pieces.shape[-2] - top, left : pieces.shape[-1] - left]
    found = [torch.var_mean(piece.float().reshape(norm.num_groups, -1), 1, correction=0) for piece in inner]
    variances, means = (torch.stack(values) for values in zip(*found, strict=True))
    return _Statistics(means.mean(0), variances.mean(0) + means.var(0, correction=0))
