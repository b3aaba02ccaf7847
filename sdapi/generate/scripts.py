"""Scripts that requests name: which are done here, which say nothing, and which are refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from ...hires.infotext.from_graph.controls import HiresOption
from ..errors import ApiError, failed, refused
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
    raise _not_found(name)


def _check_alwayson(scripts: Mapping[str, Any]) -> None:
    for name, given in scripts.items():
        plain = name.lower()
        arguments = given.get("args") if isinstance(given, Mapping) else given
        if plain in OF_PAGE or says_nothing(arguments):
            continue
        if plain == CONTROLNET:
            continue  # see `units_of`
        if plain in (SD_UPSCALE, LOOPBACK, *_UNKNOWN):
            raise refused(422, "Cannot have a selectable script in the always on scripts params")
        raise _not_found(name)


def _not_found(name: str) -> ApiError:
    return refused(422, f"Script '{name}' not found")


def says_nothing(arguments: Any) -> bool:
    """Whether arguments of an always-on script leave it off: none, a switch before all others, or all of them empty."""
    if not isinstance(arguments, list):
        return not arguments
    return arguments[:1] == [False] or all(_is_off(argument) for argument in arguments)


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

    hr_option: HiresOption = "Both"

    @property
    def passes(self) -> tuple[bool, bool]:
        """Whether it works in the first pass, or the only one, and in that of hires fix."""
        return self.hr_option != "High res only", self.hr_option != "Low res only"


RESIZE_MODES = {"Just Resize": 0, "Crop and Resize": 1, "Resize and Fill": 2}
"""The extension's names of them, in any case."""

_OLD_RESIZE_MODES = {"envelope (outer fit)": 2, "scale to fit (inner fit)": 1, "inner fit": 1, "outer fit": 2}
_BALANCED = (None, 0, "0", "Balanced", "ControlMode.BALANCED")
_HIRES_OPTIONS: tuple[HiresOption, ...] = get_args(HiresOption)


def units_of(request: Generation) -> list[Unit]:
    """The ControlNets that are switched on. Raises ApiError for one that asks for what is not done."""
    given = next(
        (arguments for name, arguments in (request.alwayson_scripts or {}).items() if name.lower() == CONTROLNET), {}
    )
    listed = given.get("args") if isinstance(given, Mapping) else given
    if listed is not None and not isinstance(listed, list):
        raise failed("TypeError", "ControlNet: args is a list of units, each an object with model and image.")
    return [_unit(one) for one in listed or () if isinstance(one, Mapping) and not _is_off(one) and _asks(one)]


def _asks(unit: Mapping[str, Any]) -> bool:
    """Whether a unit is more than an empty form."""
    return unit.get("model") not in _NONE or bool(unit.get("image") or unit.get("input_image"))


_NONE = (None, "", "None", "none")


def _unit(unit: Mapping[str, Any]) -> Unit:
    given = {name: value for name, value in unit.items() if value is not None}
    module = str(given.get("module") or "none")
    if module.lower() != "none":
        raise failed(
            "NotImplementedError",
            f"The ControlNet preprocessor {module!r} is not part of this server: send the finished control picture, "
            "with the module 'none'.",
        )
    if given.get("model") in _NONE:
        raise failed(
            "RuntimeError", "A ControlNet unit has a picture and no model: name one of /controlnet/model_list."
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
    try:
        weight, start, end = (
            float(given.get(name, default))
            for name, default in (("weight", 1.0), ("guidance_start", 0.0), ("guidance_end", 1.0))
        )
    except (TypeError, ValueError, OverflowError):
        raise failed("TypeError", "ControlNet: weight, guidance_start and guidance_end are numbers.") from None
    mode, option = _resize_mode(given.get("resize_mode", 1)), _hires_option(given.get("hr_option", "Both"))
    return Unit(str(given["model"]), picture, weight, start, end, mode, option)


def _resize_mode(asked: Any) -> int:
    named = {**{name.lower(): number for name, number in RESIZE_MODES.items()}, **_OLD_RESIZE_MODES}
    wanted = named.get(_plain(asked)) if isinstance(asked, str) else asked
    for mode in RESIZE_MODES.values():
        if wanted == mode:
            return mode
    raise failed("ValueError", f"ControlNet: resize_mode is {asked!r}; there are {', '.join(RESIZE_MODES)}.")


def _hires_option(asked: Any) -> HiresOption:
    """By its name, or its place in the menu."""
    for number, option in enumerate(_HIRES_OPTIONS):
        if asked == number or (isinstance(asked, str) and _plain(asked) == option.lower()):
            return option
    raise failed("ValueError", f"ControlNet: hr_option is {asked!r}; there are {', '.join(_HIRES_OPTIONS)}.")


def _plain(name: str) -> str:
    """A choice as it is shown, also if its name in the extension's code was sent: ResizeMode.INNER_FIT."""
    return name.rpartition(".")[2].lower().replace("_", " ")
