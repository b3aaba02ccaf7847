"""The scripts of A1111 that can be asked for here, with their arguments as `/sdapi/v1/script-info` tells them.

Names are in small letters on the wire; requests may write them in any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..hires.sampling.menus import AUTOMATIC, NONE, SAMPLERS, SCHEDULES

Page = Literal["txt2img", "img2img"]


@dataclass(frozen=True)
class Argument:
    """One entry of `script_args`, in their order."""

    label: str
    value: Any
    """Its default."""
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple[str, ...] | None = None

    def as_json(self) -> dict[str, Any]:
        choices = None if self.choices is None else list(self.choices)
        numbers = {"minimum": self.minimum, "maximum": self.maximum, "step": self.step}
        return {"label": self.label, "value": self.value, **numbers, "choices": choices}


@dataclass(frozen=True)
class Script:
    name: str
    pages: tuple[Page, ...]
    is_alwayson: bool
    """It is asked for in `alwayson_scripts`, not as `script_name`."""
    arguments: tuple[Argument, ...]


SD_UPSCALE, LOOPBACK, REFINER, CONTROLNET = "sd upscale", "loopback", "refiner", "controlnet"
UNITS = 3
"""ControlNets that the extension's page shows; a request may have more."""

_BOTH: tuple[Page, ...] = ("txt2img", "img2img")


def scripts(
    upscalers: Sequence[str] = (), checkpoints: Sequence[str] = (), has_controlnets: bool = False
) -> list[Script]:
    """All scripts, in A1111's order. `upscalers`, `checkpoints`: what their menus list."""
    own = _own(upscalers, checkpoints)
    units = tuple(Argument(f"ControlNet Unit {number}", None) for number in range(UNITS))
    return [*own, Script(CONTROLNET, _BOTH, True, units)] if has_controlnets else own


def _own(upscalers: Sequence[str], checkpoints: Sequence[str]) -> list[Script]:
    curves = ("Aggressive", "Linear", "Lazy")
    return [
        Script(
            LOOPBACK,
            ("img2img",),
            False,
            (
                Argument("Loops", 4, 1, 32, 1),
                Argument("Final denoising strength", 0.5, 0, 1, 0.01),
                Argument("Denoising strength curve", "Linear", choices=curves),
                Argument("Append interrogated prompt at each iteration", NONE, choices=(NONE,)),
            ),
        ),
        Script(
            SD_UPSCALE,
            ("img2img",),
            False,
            (
                Argument("", ""),
                Argument("Tile overlap", 64, 0, 256, 16),
                Argument("Upscaler", NONE, choices=tuple(upscalers)),
                Argument("Scale Factor", 2.0, 1.0, 4.0, 0.05),
            ),
        ),
        Script(
            REFINER,
            _BOTH,
            True,
            (
                Argument("Refiner", False),
                Argument("Checkpoint", "", choices=tuple(checkpoints)),
                Argument("Switch at", 0.8, 0.01, 1.0, 0.01),
            ),
        ),
        Script(
            "sampler",
            _BOTH,
            True,
            (
                Argument("Sampling steps", 20, 1, 150, 1),
                Argument("Sampling method", next(iter(SAMPLERS)), choices=tuple(SAMPLERS)),
                Argument("Schedule type", AUTOMATIC, choices=tuple(SCHEDULES)),
            ),
        ),
        Script(
            "seed",
            _BOTH,
            True,
            (
                Argument("Seed", -1, step=1),
                Argument("Extra", False),
                Argument("Variation seed", -1, step=1),
                Argument("Variation strength", 0.0, 0, 1, 0.01),
                Argument("Resize seed from width", 0, 0, 2048, 8),
                Argument("Resize seed from height", 0, 0, 2048, 8),
            ),
        ),
    ]


def names(page: Page, has_controlnets: bool = False) -> list[str]:
    """The scripts of a page."""
    return [script.name for script in scripts(has_controlnets=has_controlnets) if page in script.pages]


def infos(upscalers: Sequence[str], checkpoints: Sequence[str], has_controlnets: bool = False) -> list[dict[str, Any]]:
    """Every script of every page."""
    listed = scripts(upscalers, checkpoints, has_controlnets)
    return [
        {
            "name": script.name,
            "is_alwayson": script.is_alwayson,
            "is_img2img": page == "img2img",
            "args": [argument.as_json() for argument in script.arguments],
        }
        for page in _BOTH
        for script in listed
        if page in script.pages
    ]
