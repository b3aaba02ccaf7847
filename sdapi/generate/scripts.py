"""Scripts that requests name: which are done here, which say nothing, and which are refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import failed, refused
from ..scripts import CONTROLNET, LOOPBACK, REFINER, SD_UPSCALE
from .requests import Generation

OF_PAGE = frozenset((REFINER, "seed", "sampler"))
"""A1111's own parts of its page, which its API takes and never looks at: it has fields for them."""

_UNKNOWN = {
    "prompt matrix", "prompts from file or textbox", "x/y/z plot", "outpainting mk2", "poor man's outpainting",
    "img2img alternative test", "custom code",
}  # fmt: skip
"""A1111's scripts that have no counterpart here."""


def script_of(request: Generation, is_img2img: bool) -> str | None:
    """The script of a request in small letters, None if it names none.

    Raises:
        ApiError: it is unknown, or is not done here; or an always-on script asks for something.
    """
    _check_alwayson(request.alwayson_scripts or {})
    name = (request.script_name or "").strip()
    if not name or name == "None":
        return None
    plain = name.lower()
    if is_img2img and plain in (SD_UPSCALE, LOOPBACK):
        return plain
    if plain in _UNKNOWN:
        raise failed("NotImplementedError", f"The script {name!r} is not done here; SD upscale and Loopback are.")
    raise refused(422, f"Script '{name}' not found")


def _check_alwayson(scripts: Mapping[str, Any]) -> None:
    for name, given in scripts.items():
        plain = name.lower()
        arguments = given.get("args") if isinstance(given, Mapping) else given
        if plain in OF_PAGE or says_nothing(arguments):
            continue
        if plain == CONTROLNET:
            continue  # see `units_of`
        raise refused(422, f"always on script {name} not found: it is not there, and its arguments ask for something")


def says_nothing(arguments: Any) -> bool:
    """Whether arguments of an always-on script leave it off: none, or all of them empty or switched off."""
    if not isinstance(arguments, list):
        return not arguments
    return all(_is_off(argument) for argument in arguments)


def _is_off(argument: Any) -> bool:
    if isinstance(argument, Mapping):
        is_empty = "ad_model" in argument and argument["ad_model"] in ("None", None, "")
        return not argument or argument.get("enabled") is False or is_empty
    return argument in (False, None, "", "None") or argument == []


@dataclass(frozen=True)
class Unit:
    """One ControlNet of a request."""

    model: str
    """As the client names it."""

    picture: str | None
    """In base64; None: the picture that img2img redraws."""

    weight: float
    start: float
    end: float
    """Shares of the steps between which it works."""

    resize_mode: int
    """As of img2img."""


_RESIZE_MODES = {"just resize": 0, "crop and resize": 1, "resize and fill": 2}
_BALANCED = (None, 0, "0", "Balanced", "ControlMode.BALANCED")


def units_of(request: Generation) -> list[Unit]:
    """The ControlNets that are switched on. Raises ApiError for one that asks for what is not done."""
    given = next(
        (arguments for name, arguments in (request.alwayson_scripts or {}).items() if name.lower() == CONTROLNET), {}
    )
    listed = given.get("args") if isinstance(given, Mapping) else given
    return [_unit(one) for one in listed or () if isinstance(one, Mapping) and not _is_off(one) and _has_model(one)]


def _has_model(unit: Mapping[str, Any]) -> bool:
    return unit.get("model") not in (None, "", "None")


def _unit(given: Mapping[str, Any]) -> Unit:
    module = str(given.get("module") or "none")
    if module.lower() != "none":
        raise failed(
            "NotImplementedError",
            f"The ControlNet preprocessor {module!r} is not part of this server: send the finished control picture, "
            "with the module 'none'.",
        )
    if given.get("control_mode") not in _BALANCED:
        raise failed(
            "NotImplementedError", f"ControlNet: control_mode {given['control_mode']!r} is not done; 'Balanced' is."
        )
    picture = given.get("image") or given.get("input_image")
    mask = given.get("mask") or given.get("mask_image")
    if isinstance(picture, Mapping):
        picture, mask = picture.get("image"), picture.get("mask") or mask
    if mask:
        raise failed("NotImplementedError", "ControlNet: masks of units are not done here; send none.")
    mode = given.get("resize_mode", 1)
    mode = _RESIZE_MODES.get(mode.rpartition(".")[2].lower().replace("_", " "), mode) if isinstance(mode, str) else mode
    if mode not in _RESIZE_MODES.values():
        raise failed("ValueError", f"ControlNet: resize_mode is {mode!r}; there are {', '.join(_RESIZE_MODES)}.")
    try:
        weight, start, end = (
            float(given.get(name, default))
            for name, default in (("weight", 1.0), ("guidance_start", 0.0), ("guidance_end", 1.0))
        )
    except (TypeError, ValueError):
        raise failed("TypeError", "ControlNet: weight, guidance_start and guidance_end are numbers.") from None
    return Unit(str(given["model"]), picture, weight, start, end, int(mode))
