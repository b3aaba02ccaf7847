"""Upscalers and hooks of other packs, for Hires Fix & Upscale.

Other packs find this module by `import hires_fix_plugins`, whatever the folder of the pack is called; docs/plugins.md
describes it. Names, arguments and their meaning stay as they are; what is added raises `VERSION`.
"""

from __future__ import annotations

import logging
import sys

from ...hires.tiles.boxes import Box
from ...upscale_models import OnPart, PlacedUpscaler
from . import hooks, upscalers
from .hooks import Hook, HookFunction, SamplingPass, When
from .packs import PluginError, pack_of
from .upscalers import Factory

__all__ = [
    "HOOKS_TYPE",
    "VERSION",
    "Box",
    "OnPart",
    "PlacedUpscaler",
    "PluginError",
    "SamplingPass",
    "make_hooks",
    "register_hook",
    "register_upscaler",
    "unregister_hook",
    "unregister_upscaler",
]

VERSION = 2

HOOKS_TYPE = "HIRES_FIX_HOOKS"
"""Type of the inputs `hooks` of nodes."""

NAME = "hires_fix_plugins"
"""Under which Python finds this module."""

CONNECT = "connect_hires_fix"
"""Function of a pack that is called with this module, in the `__init__.py` of those that were loaded before."""

logger = logging.getLogger("hires-fix")


def register_upscaler(name: str, factory: Factory, scale: int | None = None) -> None:
    """Add an upscaler to every list of upscalers.

    Args:
        name: by which people choose it and saved workflows find it.
        factory: called without arguments when it is loaded for a run; makes a `PlacedUpscaler`, or an UPSCALE_MODEL
            (spandrel's descriptor).
        scale: factor of one run, so that plans can be shown before it is loaded.

    Raises:
        PluginError: another pack has that name, or it cannot be listed. The pack's own earlier one is replaced.
    """
    upscalers.register(name, factory, scale, _caller())


def unregister_upscaler(name: str) -> None:
    """Take an upscaler out of the lists. Raises PluginError if it is in none."""
    upscalers.unregister(name)


def register_hook(when: When, function: HookFunction) -> None:
    """Call a function with the `SamplingPass` before each pass samples; hooks are called in the order of registering.

    Args:
        when: "before_hr" or "process_before_every_sampling".
        function: changes what it is given, and returns nothing.

    Raises:
        PluginError: there is no such moment, no function, or it is registered already.
    """
    hooks.register(when, function, _caller())


def unregister_hook(when: When, function: HookFunction) -> None:
    """Call a function no more. Raises PluginError if it is not registered."""
    hooks.unregister(when, function)


def make_hooks(when: When, function: HookFunction, before: tuple[Hook, ...] | None = None) -> tuple[Hook, ...]:
    """What a node with an output of `HOOKS_TYPE` gives out: the function is called in the passes that it is wired to.

    `before`: what came in by an input of that type; those hooks are called first. `when`, `function` and errors are
    those of `register_hook`.
    """
    return (*(before or ()), hooks.checked(when, function, _caller()))


def _caller() -> str:
    """The pack whose code has called a function of this module."""
    return pack_of(sys._getframe(2).f_globals.get("__name__", "?"))


def open_door() -> None:
    """Let others find this module, and connect the packs that were loaded before. Their errors go to the log."""
    door = sys.modules[__name__]
    sys.modules[NAME] = door
    for name, module in list(sys.modules.items()):
        # not getattr, which makes lazy modules load what they are asked for
        connect = getattr(module, "__dict__", {}).get(CONNECT)
        if not callable(connect) or getattr(connect, "__module__", name) != name:
            continue
        try:
            connect(door)
        except Exception:
            logger.exception("The pack '%s' failed in %s and is not connected.", pack_of(name), CONNECT)
