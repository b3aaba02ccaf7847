"""Scripts that requests name: which are done here, which say nothing, and which are refused."""

from __future__ import annotations

from collections.abc import Mapping
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
            raise failed("NotImplementedError", "ControlNet units are not done here yet: send none, or disabled ones.")
        raise refused(422, f"always on script {name} not found: it is not there, and its arguments ask for something")


def says_nothing(arguments: Any) -> bool:
    """Whether arguments of an always-on script leave it off: none, or all of them empty or switched off."""
    if not isinstance(arguments, list):
        return not arguments
    return all(_is_off(argument) for argument in arguments)


def _is_off(argument: Any) -> bool:
    if isinstance(argument, Mapping):
        return not argument or argument.get("enabled") is False or argument.get("ad_model") in ("None", None, "")
    return argument in (False, None, "", "None") or argument == []
