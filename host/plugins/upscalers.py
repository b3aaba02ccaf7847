"""Upscalers that other packs have registered."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image

from ...hires.model_names import stem
from ...hires.sizes.image_sizes import Size
from ...hires.tiles.boxes import Box
from ...upscale_models import CLASSICAL, OnPart, PlacedUpscaler, Upscaler, UpscalerError, from_descriptor
from ...upscale_models.models.placed import checked
from .packs import Owner, PluginError, named_after

Factory = Callable[[], Any]
"""Makes an upscaler: a `PlacedUpscaler`, or an UPSCALE_MODEL as ComfyUI's own loader gives it."""

_numbers = itertools.count(1)


@dataclass(frozen=True)
class RegisteredUpscaler:
    """One that is in the list."""

    name: str
    factory: Factory
    pack: str

    scale: int | None
    """What its pack says of its factor, for badges; None where it says nothing."""

    number: int
    """Another one for every registering."""

    def make(self) -> Upscaler:
        """Call the factory, for each Load Upscaler that runs. A `PlacedUpscaler` comes with its errors named.

        Raises:
            UpscalerError: the factory failed, or made something else than was registered.
        """
        with named_after(Owner.of_pack(self.pack), f"the upscaler '{self.name}'", UpscalerError, "upscaler_name"):
            made = self.factory()
            upscaler = (
                PackUpscaler(self, made) if isinstance(made, PlacedUpscaler) else from_descriptor(made, self.name)
            )
            if self.scale not in (None, upscaler.scale):
                raise UpscalerError(f"it enlarges by {upscaler.scale} and was registered with scale {self.scale}")
            return upscaler


_registered: dict[str, RegisteredUpscaler] = {}


def register(name: str, factory: Factory, scale: int | None, pack: str) -> None:
    """Put an upscaler into the list. A pack that registers a name again replaces what it had under it.

    Raises:
        PluginError: the name is taken or cannot be listed, no function, or no factor.
    """
    if not isinstance(name, str) or not name or name != stem(name) or name != name.strip():
        raise PluginError(
            f"{name!r} cannot be the name of an upscaler: it should be a text without slashes, blanks around it, and "
            "the ending of a model file, for which it would be taken."
        )
    other = _registered.get(name)
    if name in CLASSICAL or (other and other.pack != pack):
        owner = f"the pack '{other.pack}'" if other else "Hires Fix itself"
        raise PluginError(f"{owner} has an upscaler '{name}' already. Take another name.")
    if not callable(factory):
        raise PluginError(f"the factory of '{name}' should be a function that makes it, and is {factory!r}.")
    if scale is not None and (not isinstance(scale, int) or scale < 1):
        raise PluginError(f"the scale of '{name}' should be a whole number from 1 on, or None, and is {scale!r}.")
    _registered[name] = RegisteredUpscaler(name, factory, pack, scale, next(_numbers))


def unregister(name: str) -> None:
    """Take an upscaler out of the list. Raises PluginError if it is not in it."""
    if name not in _registered:
        raise PluginError(f"there is no registered upscaler {name!r}.")
    del _registered[name]


def registered_names() -> list[str]:
    """In the order in which they were registered."""
    return list(_registered)


def registered(name: str) -> RegisteredUpscaler | None:
    """One by its name."""
    return _registered.get(name)


class PackUpscaler(PlacedUpscaler):
    """A pack's upscaler under its registered name; what goes wrong in it is named after the pack."""

    def __init__(self, entry: RegisteredUpscaler, upscaler: PlacedUpscaler) -> None:
        self.name, self._entry, self._pack, self._upscaler = entry.name, entry, entry.pack, upscaler
        self.scale, self.most_runs = upscaler.scale, upscaler.most_runs
        self.tile, self.overlap, self.align = upscaler.tile, upscaler.overlap, upscaler.align
        self.before = upscaler.before

    @property
    def words(self) -> dict[str, Any]:
        with self._named():
            return {"pack": self._pack, **self._upscaler.words}

    def input_size(self, source: Size, target: Size) -> Size:
        with self._named():
            width, height = self._upscaler.input_size(source, target)
            return int(width), int(height)

    def for_picture(self, size: Size) -> PackUpscaler:
        with self._named():
            return PackUpscaler(self._entry, self._upscaler.for_picture(size))

    def run(self, pixels: torch.Tensor, place: Box, on_part: OnPart) -> torch.Tensor:
        with self._named():
            result = self._upscaler.run(pixels, place, on_part)
            if not isinstance(result, torch.Tensor):
                raise UpscalerError(f"its run should have made a tensor and made {type(result).__name__}")
            return checked(self, result, (pixels.shape[-1], pixels.shape[-2]))

    def enlarge_8_bit(self, picture: Image.Image, factor: float, on_part: OnPart) -> Image.Image:
        with self._named():
            return self._upscaler.enlarge_8_bit(picture, factor, on_part)

    def _named(self):  # noqa: ANN202 - a context manager of the standard library's own type
        return named_after(Owner.of_pack(self._pack), f"the upscaler '{self.name}'", UpscalerError, "upscaler")
