"""Models that enlarge single pictures."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from spandrel import ImageModelDescriptor

from ...hires.sizes.runs import MOST_RUNS
from .errors import UnusableModelError, UpscalerError
from .network import Network, NetworkError, load_network

DRAWS = {"AuraSR"}
"""Architectures that draw random numbers in every run."""

_DRAWING = threading.Lock()
"""Cards may be at work side by side, each in a thread, and torch seeds them all."""

CHANNELS = (1, 3)
"""Channels a model may have, the same going in and coming out: grey or RGB."""


@dataclass(frozen=True, eq=False)
class ModelUpscaler(Network):
    """A network that enlarges a picture by a whole factor."""

    @property
    def scale(self) -> int:
        """Factor of one run; 1 for models that only restore."""
        return self.descriptor.scale

    @property
    def most_runs(self) -> int:
        return MOST_RUNS

    @property
    def align(self) -> int:
        """Pixels a side of the blocks that the model works on; tiles that keep to them give the untiled result."""
        return self.descriptor.size_requirements.multiple_of

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        """Run the model once, see `apply`, and look at the values.

        Raises:
            UpscalerError: the result has another size or is not finite.
        """
        result = self.apply(pixels)
        # the values lie in [0, 1], so only NaN can make their sum not finite
        if not torch.isfinite(result.sum(dtype=torch.float32)):
            raise self.not_numbers()
        return result

    def apply(self, pixels: torch.Tensor) -> torch.Tensor:
        """Run the model once; NaN may come out.

        A grey picture goes through an RGB model as three equal channels, and the mean of the three comes back.
        An RGB picture goes through a grey model channel by channel. Smaller pictures than the model takes, down to one
        pixel, are padded by reflection and cut again (spandrel's call does that).

        Args:
            pixels: `(N, 1 or 3, H, W)` in [0, 1], dtype and device of the model. May be overwritten.

        Returns:
            As many channels, `(N, C, H * scale, W * scale)` in [0, 1].

        Raises:
            UpscalerError: the result has another size.
        """
        count, channels, height, width = pixels.shape
        if channels == self.descriptor.input_channels:
            result = self._run(pixels)
        elif channels == 1:
            result = self._run(pixels.repeat(1, 3, 1, 1)).mean(1, keepdim=True)
        else:
            result = torch.cat([self._run(plane) for plane in pixels.split(1, dim=1)], dim=1)
        expected = (count, channels, height * self.scale, width * self.scale)
        if result.shape != expected:
            raise UpscalerError(
                f"'{self.name}' should have made {expected} of {(count, channels, height, width)} but made "
                f"{tuple(result.shape)}. The file may be damaged or of a variant that spandrel misreads; use another "
                "model.",
                "upscaler",
            )
        return result

    def _run(self, pixels: torch.Tensor) -> torch.Tensor:
        """Random numbers are the same for every picture and every tile, whatever is run with it."""
        if self.descriptor.architecture.id not in DRAWS:
            return self.descriptor(pixels)
        results = []
        for picture in pixels.split(1):
            with _DRAWING, torch.random.fork_rng([pixels.device] if pixels.device.type == "cuda" else []):
                torch.manual_seed(0)
                results.append(self.descriptor(picture))
        return torch.cat(results)

    def not_numbers(self) -> UpscalerError:
        return UpscalerError(
            f"'{self.name}' made values that are not numbers (computing in {self.dtype}). "
            "The file may be damaged, or need a more precise number format; use another model.",
            "upscaler",
        )


def from_state_dict(name: str, state_dict: Mapping[str, Any]) -> ModelUpscaler:
    """Recognise the architecture and build the model, on the CPU in float32; see `load_network`.

    Raises:
        UnusableModelError: empty, unknown to spandrel, damaged, or not a grey or RGB single-image model.
    """
    try:
        descriptor = load_network(state_dict)
    except NetworkError as error:
        raise UnusableModelError(name, str(error)) from error
    return from_descriptor(descriptor, name)


def from_descriptor(descriptor: object, name: str | None = None) -> ModelUpscaler:
    """Take a loaded model: spandrel's descriptor, which ComfyUI passes around as UPSCALE_MODEL.

    `name` is for error texts; by default architecture and factor.

    Raises:
        UnusableModelError: not a grey or RGB single-image model of spandrel, or one for faces.
    """
    if not isinstance(descriptor, ImageModelDescriptor):
        found = type(descriptor).__name__
        raise UnusableModelError(name or found, f"it is a {found}, not a single-image model")
    name = name or f"{descriptor.architecture.name} {descriptor.scale}x"
    if descriptor.purpose == "FaceSR":
        raise UnusableModelError(name, "it restores faces; load it with Load Face Restore Model")
    channels = (descriptor.input_channels, descriptor.output_channels)
    if channels[0] != channels[1] or channels[0] not in CHANNELS:
        raise UnusableModelError(name, f"it turns {channels[0]} channels into {channels[1]}, not 1 into 1 or 3 into 3")
    descriptor.eval()
    return ModelUpscaler(name, descriptor)
