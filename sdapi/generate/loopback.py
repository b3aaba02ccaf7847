"""A1111's script Loopback: img2img of its own result, again and again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from ..colours import Levels
from ..errors import failed
from . import img2img
from .asked import Asked
from .graph import StrictGraph
from .house import House
from .img2img import Afterwards, Put
from .masking import ORIGINAL
from .placing import Enlarge
from .requests import Img2Img

CURVES = ("Aggressive", "Linear", "Lazy")
_NEEDED = 4
_MOST = 100
_MOST_OF_ANY = 1e9


@dataclass(frozen=True)
class Loopback:
    """The script's arguments."""

    loops: int
    final: float
    curve: str
    first: float
    """Strengths of the first and the last loop."""

    def strength(self, loop: int) -> float:
        """Denoising strength of a loop, counted from 0."""
        if self.loops == 1:
            return self.first
        way = loop / (self.loops - 1)
        share = {"Aggressive": math.sin(way * math.pi / 2), "Lazy": 1 - math.cos(way * math.pi / 2)}.get(
            self.curve, way
        )
        return self.first + (self.final - self.first) * share

    @property
    def said(self) -> dict[str, Any]:
        """What the text tells of it."""
        return {"Final denoising strength": self.final, "Denoising curve": self.curve}

    def asked(self, asked: Asked[Img2Img], loop: int, number: int) -> Asked[Img2Img]:
        """One loop as a request of its own, of the given number among all loops: its seed."""
        seed = (asked.settings.seed or 0) + number
        strength = self.strength(loop)
        sent: dict[str, Any] = {"denoising_strength": strength}
        if loop:  # what was filled is there now
            sent["inpainting_fill"] = ORIGINAL
        request = asked.request.model_copy(update=sent)
        changed = {"seed": seed, "denoising_strength": strength}
        settings, drawn = replace(asked.settings, **changed), replace(asked.drawn, **changed)
        return replace(asked, request=request, settings=settings, drawn=drawn, batch_size=1, n_iter=1)


def arguments(asked: Asked[Img2Img]) -> Loopback:
    """The arguments of a request. Raises ApiError."""
    given = asked.request.script_args or []
    if len(given) < _NEEDED:
        said = "loops, final denoising strength, curve, 'None'"
        raise failed("TypeError", f"Loopback takes 4 script_args: {said}. {len(given)} came.")
    loops, final, curve, caption = given[:_NEEDED]
    if not _is_number(loops) or not _is_number(final) or not 1 <= int(loops) <= _MOST:
        raise failed(
            "TypeError", f"Loopback: loops is 1 to {_MOST} and the final strength a number, not {loops!r}, {final!r}."
        )
    if curve not in CURVES:
        raise failed("ValueError", f"Loopback: the curve is {curve!r}; there are {', '.join(CURVES)}.")
    if caption not in (None, "", "None"):
        raise failed("NotImplementedError", "Loopback: prompts are not read off pictures here; send 'None'.")
    if asked.request.denoising_strength is None:
        raise failed("TypeError", "denoising_strength is null; send 0 to 1.")
    return Loopback(int(loops), float(final), curve, asked.request.denoising_strength)


def graph_of(
    mine: Asked[Img2Img],
    number: int,
    house: House,
    before: Sequence[Image.Image],
    put: Put,
    enlarge: Enlarge,
    colours: Levels | None,
) -> tuple[StrictGraph, Afterwards]:
    """The graph of one loop (see `Loopback.asked`) of the given number among all, and what becomes of its picture.

    `before`: what it begins with. For the rest see `img2img.prepared`. Raises GraphError, ApiError.
    """
    # the noise of the loop before was the last that A1111 has drawn
    last_seed = (mine.settings.seed or 0) - 1 if number else None
    loaded, found = img2img.prepared(mine, before, put, enlarge, last_seed, colours)
    return img2img.graph_of(mine, 0, house, loaded), found


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _MOST_OF_ANY
