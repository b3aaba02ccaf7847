"""Windows that differ in brightness or colour as a whole, brought nearer to each other before they are faded.

A network sees no more than its window, by its norms, its attention and its borders, so what it predicts for one window
is a little lighter as a whole, or towards one side, than what it predicts for the next. Fading alone leaves a soft step
where they meet. For overlapping photographs the remedy is known as gain compensation (Brown and Lowe, Automatic
Panoramic Image Stitching using Invariant Features, 2007, section 6). Here it is an offset and a slope of each channel,
and half of the way: if every window goes half of the way to those around it, neighbours meet, and nothing is carried on
from window to window across the canvas.
"""

from __future__ import annotations

import torch

from .boxes import Box
from .windows import Window

_SHARE = 0.5

_SPREAD = 0.2
"""Variance, in halves of a side squared, of the places at which a slope is measured: 1/3 where they are all over the
window, up to 1 where they are at both of its ends. From one end alone it would be a guess at the other."""


class Levels:
    """What is known of the windows of one canvas while they are added up."""

    def __init__(self) -> None:
        self._seen: list[tuple[Window, torch.Tensor, torch.Tensor]] = []

    def add(self, window: Window, weights: torch.Tensor, weighted: torch.Tensor) -> None:
        """Take note of a window's values times its weights, `(..., h, w)`; `weights`: the window's, where these are."""
        self._seen.append((window, weights, _moments(weighted)))

    def even_out(self, canvas: torch.Tensor, totals: torch.Tensor | None = None) -> None:
        """Add to the faded canvas `(..., H, W)`, in place, what brings its windows nearer.

        A window is compared with the canvas where both it and others count. So nothing changes but for rounding where
        they agree, as those of a network do that looks no further than what soft blending leaves out, and with hard
        blending.

        Args:
            canvas: the sum of all values that were added, over `totals`.
            totals: `(H, W)`, the sum of their weights; None where it is 1 at every place.
        """
        changes = []
        for window, weights, values in self._seen:
            share = window.weights if totals is None else window.weights / _cut(totals, window.box)
            # the canvas has the window's own part in it: weights (canvas - values) is `both` (others - values)
            both = window.weights * (1 - share)
            apart = _moments(_cut(canvas, window.box) * weights) - values
            changes.append(_plane(apart, both) if both.any() else None)
        for (window, weights, _), change in zip(self._seen, changes, strict=True):
            if change is not None:
                share = weights if totals is None else weights / _cut(totals, window.box).to(weights)
                _cut(canvas, window.box).add_(change.to(canvas) * share, alpha=_SHARE)


def _plane(apart: torch.Tensor, both: torch.Tensor) -> torch.Tensor:
    """The plane `(..., h, w)` nearest to differences that have these `_moments`, `(..., 3)`, and the weights `both`."""
    total = float(both.sum())
    plane = apart[..., 0, None, None] / total
    for index, axis in ((1, -1), (2, -2)):
        profile, places = both.sum(-3 - axis), _places(both.shape[axis])
        middle = float((profile * places).sum()) / total
        distances = places - middle
        power = float((profile * distances.square()).sum())
        if power > _SPREAD * total:
            slope = (apart[..., index] - middle * apart[..., 0]) / power
            along = distances.to(apart) if axis == -1 else distances.to(apart)[:, None]
            plane = plane + slope[..., None, None] * along
    return plane


def _moments(values: torch.Tensor) -> torch.Tensor:
    """Sums of values `(..., h, w)`, of these by their place across, and down: `(..., 3)`, float32."""
    across, down = (values.sum(axis, dtype=torch.float32) for axis in (-2, -1))
    by_place = [(sums * _places(sums.shape[-1]).to(sums)).sum(-1) for sums in (across, down)]
    return torch.stack([across.sum(-1), *by_place], -1)


def _places(side: int) -> torch.Tensor:
    return torch.linspace(-1, 1, side)


def _cut(canvas: torch.Tensor, box: Box) -> torch.Tensor:
    return canvas[..., box.y0 : box.y1, box.x0 : box.x1]
