"""A plan of what each part of a picture is asked for, as numbers and words over the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
import torch.nn.functional as F

from ..errors import InputError
from ..tiles.boxes import Box

Size = tuple[int, int]

MOST_PROMPTS = 64
"""Different prompts of one picture: each is a call of the model in every tile that it reaches."""

NO_ENCODER = "the plan has words, and no text encoder is connected. Connect that of the model to clip."

_LEAST = 1e-6
"""Weights below are none."""


@dataclass(frozen=True)
class Rule:
    """A line of a plan. Later ones are laid over earlier ones."""

    place: Box | int
    """Pixels of the planned picture, or the number of a mask, from 0."""

    strength: float | None = None
    """Share of the pass's denoising strength, 0 (left as it is) to 1; None: as it was."""

    words: str | None = None
    adds: bool = False
    """The words act beside those that are there, else in their place."""


class Words(NamedTuple):
    """What is asked for at a place."""

    instead: str | None
    """In place of the pass's prompt; None: that."""

    added: tuple[str, ...]
    """Beside it."""


class PlannedWords(NamedTuple):
    """Words and where they act."""

    words: Words
    weights: torch.Tensor
    """`(h, w)` float32, 0 to 1; those of all words sum to 1 at every place."""


class PlannedTile(NamedTuple):
    """A part of the picture as a whole."""

    strength: float
    """The largest share of the pass's strength in it; 0: all of it stays as it is."""

    words: tuple[tuple[Words, float], ...]
    """What is asked for in it and in which share of it, the largest first; shares sum to 1."""

    @property
    def skip(self) -> bool:
        """Whether all of it stays as it is."""
        return self.strength == 0


@dataclass(frozen=True)
class TilePlan:
    """What each part of a picture is asked for. Fits the picture at any size: it is laid over the whole of it."""

    size: Size
    """Width and height of the planned picture, in pixels, which the rules' boxes count."""

    rules: tuple[Rule, ...] = ()

    masks: torch.Tensor | None = None
    """`(M, h, w)`, 0 to 1, of any size."""

    fade: int = 0
    """Pixels of the planned picture over which words go over into others, half of them to each side, and a lower
    strength into a higher one, all of them outside of what has the lower: what is skipped stays as it is."""

    view: tuple[float, float, float, float] | None = None
    """The part of the picture that this is about, as a box's sides in its pixels; None: all of it."""

    @property
    def is_empty(self) -> bool:
        """Whether it asks for nothing."""
        return not self.rules

    @property
    def has_words(self) -> bool:
        """Whether any part is asked for by words of its own."""
        return any(rule.words is not None for rule in self.rules)

    @property
    def seen(self) -> tuple[float, float]:
        """Width and height of what this is about, in pixels of the planned picture."""
        x0, y0, x1, y1 = self._sides
        return x1 - x0, y1 - y0

    @property
    def changes_strength(self) -> bool:
        """Whether any part is to be redrawn less than others."""
        return any(rule.strength not in (None, 1.0) for rule in self.rules)

    def cut(self, box: Box, size: Size) -> TilePlan:
        """Return the plan of a part. `box` counts pixels of the picture at `size`, any enlargement of the planned one.

        The part fades at its edges as the whole does there.
        """
        x0, y0, x1, y1 = self._sides
        across, down = (x1 - x0) / size[0], (y1 - y0) / size[1]
        view = (x0 + box.x0 * across, y0 + box.y0 * down, x0 + box.x1 * across, y0 + box.y1 * down)
        return replace(self, view=view)

    def at(self, box: Box, size: Size) -> PlannedTile:
        """Return what a tile is asked for as a whole; for `box` and `size` see `cut`."""
        part = self.cut(box, size)
        columns, rows = (max(1, min(256, -(-side // 8))) for side in (box.width, box.height))
        words = [(one.words, float(one.weights.mean())) for one in part.words(columns, rows)]
        return PlannedTile(
            float(part.strength(columns, rows).max()), tuple(sorted(words, key=lambda one: one[1], reverse=True))
        )

    def strength(self, width: int, height: int) -> torch.Tensor:
        """Return shares of the pass's strength, `(height, width)` float32, 0 to 1, for so many cells of any kind."""
        raster = _Raster(self, width, height)
        result = torch.ones(raster.rows, raster.columns)
        for rule in self.rules:
            if rule.strength is not None:
                result = torch.lerp(result, torch.full_like(result, rule.strength), raster.alpha(rule.place))
        return raster.faded(result, lowest=True)

    def words(self, width: int, height: int) -> list[PlannedWords]:
        """Return what is asked for where, for so many cells; only words that act somewhere.

        Raises:
            InputError: more than `MOST_PROMPTS` different prompts.
        """
        raster = _Raster(self, width, height)
        found = {Words(None, ()): torch.ones(raster.rows, raster.columns)}
        for rule in self.rules:
            if rule.words is None:
                continue
            alpha = raster.alpha(rule.place)
            if not bool(alpha.any()):
                continue
            laid: dict[Words, torch.Tensor] = {}
            for words, weights in found.items():
                over = Words(words.instead, (*words.added, rule.words)) if rule.adds else Words(rule.words, ())
                for key, part in ((words, weights * (1 - alpha)), (over, weights * alpha)):
                    if bool((part > _LEAST).any()):
                        laid[key] = laid[key] + part if key in laid else part
            found = laid
            if len(found) > MOST_PROMPTS:
                raise InputError(
                    f"the lines of the plan overlap to more than {MOST_PROMPTS} different prompts. Let fewer 'add' "
                    "lines lie over each other.",
                    "plan",
                )
        faded = [PlannedWords(words, raster.faded(weights)) for words, weights in found.items()]
        # with a fade, what lies outside of the part may reach into it, or not
        return [one for one in faded if bool((one.weights > _LEAST).any())]

    @property
    def _sides(self) -> tuple[float, float, float, float]:
        return self.view or (0.0, 0.0, float(self.size[0]), float(self.size[1]))


class _Raster:
    """The cells of a part of the picture, and as many around it as a fade brings in."""

    def __init__(self, plan: TilePlan, width: int, height: int) -> None:
        x0, y0, x1, y1 = plan._sides
        self._plan = plan
        self._across = _axis(x0, x1, width, plan.size[0], plan.fade)
        self._down = _axis(y0, y1, height, plan.size[1], plan.fade)
        self.columns, self.rows = len(self._across.centres), len(self._down.centres)

    def alpha(self, place: Box | int) -> torch.Tensor:
        """How much of each cell is of a place: `(rows, columns)`, 0 to 1."""
        if isinstance(place, Box):
            down = self._down.inside(place.y0, place.y1)
            return (down[:, None] & self._across.inside(place.x0, place.x1)).float()
        masks = self._plan.masks
        assert masks is not None
        mask, (width, height) = masks[place].float().clamp(0, 1), self._plan.size
        x, y = self._across.centres / width * 2 - 1, self._down.centres / height * 2 - 1
        grid = torch.stack([x.expand(self.rows, -1), y[:, None].expand(-1, self.columns)], dim=-1).float()
        return F.grid_sample(mask[None, None], grid[None], padding_mode="border", align_corners=False)[0, 0].clamp(0, 1)

    def faded(self, values: torch.Tensor, lowest: bool = False) -> torch.Tensor:
        """The mean of as many cells as the fade is wide, without the cells around the part.

        `lowest`: of the least of as many cells, so that lower values stay as they are where they are.
        """
        values = self._around(values, 2 if lowest else 1)
        if lowest:
            values = -F.max_pool2d(-values[None, None], (self._down.fade, self._across.fade), stride=1)[0, 0]
        for axis, dim in ((self._down, 0), (self._across, 1)):
            values = axis.mean(values, dim)
        return values

    def _around(self, values: torch.Tensor, times: int) -> torch.Tensor:
        """The part and so many times half a fade to each side; the picture's last cells go on beyond its edges."""
        for axis, dim in ((self._down, 0), (self._across, 1)):
            reach = axis.fade // 2 * times
            places = torch.arange(-reach, axis.cells + reach) + axis.before
            values = values.index_select(dim, places.clamp(0, values.shape[dim] - 1))
        return values


class _Axis(NamedTuple):
    """One axis of the cells."""

    centres: torch.Tensor
    """Of cells, in pixels of the planned picture, float64."""

    before: int
    cells: int
    """Cells ahead of the part, and of it."""

    fade: int
    """Cells, odd."""

    def inside(self, start: float, stop: float) -> torch.Tensor:
        """Cells whose centre lies between; that nearest to its middle where there is none."""
        result = (self.centres >= start) & (self.centres < stop)
        middle = (start + stop) / 2
        step = float(self.centres[1] - self.centres[0]) if len(self.centres) > 1 else math.inf
        distances = (self.centres - middle).abs()
        if not bool(result.any()) and float(distances.min()) <= step / 2:
            result[int(distances.argmin())] = True
        return result

    def mean(self, values: torch.Tensor, dim: int) -> torch.Tensor:
        """Of as many values along a dimension as the fade has cells."""
        if self.fade == 1:
            return values
        sums = F.pad(values.double().cumsum(dim), (0, 0, 1, 0) if dim == 0 else (1, 0))
        wide = sums.narrow(dim, self.fade, self.cells) - sums.narrow(dim, 0, self.cells)
        return (wide / self.fade).float()


def _axis(start: float, stop: float, count: int, size: int, fade: int) -> _Axis:
    """Cells of the part from `start` to `stop` of an axis of `size` pixels."""
    if count < 1 or stop <= start:
        raise ValueError(f"{count} cells from {start} to {stop} are none.")
    step = (stop - start) / count
    cells = round(fade / step)
    cells = 1 if cells < 2 else cells // 2 * 2 + 1
    before = min(cells - 1, max(0, math.ceil(start / step - 1e-6)))
    after = min(cells - 1, max(0, math.ceil((size - stop) / step - 1e-6)))
    centres = start + (torch.arange(-before, count + after, dtype=torch.float64) + 0.5) * step
    return _Axis(centres, before, count, cells)


def less_work(parts: Sequence[tuple[Box, int]], strength: torch.Tensor) -> float:
    """Return the share of the model's work that a plan saves, 0 to 1, counted in pixels and steps.

    Args:
        parts: of each window what it owns, in cells of `strength`, and its pixels.
        strength: shares of the pass's strength, see `TilePlan.strength`.
    """
    whole = sum(work for _, work in parts)
    done = sum(work * float(strength[box.y0 : box.y1, box.x0 : box.x1].max()) for box, work in parts)
    return 1 - done / whole
