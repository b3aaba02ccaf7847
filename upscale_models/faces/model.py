"""Face models: GFPGAN and RestoreFormer by spandrel, CodeFormer by the optional spandrel_extra_arches."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from spandrel import MAIN_REGISTRY, ArchRegistry, ImageModelDescriptor

from ...hires.errors import InputError
from ..models.network import Network, NetworkError, load_network

GFPGAN, RESTOREFORMER, CODEFORMER = "GFPGAN", "RestoreFormer", "CodeFormer"
"""Spandrel's names of the architectures that restore faces."""

_CODEFORMER_KEYS = {"position_emb", "idx_pred_layer.1.weight", "quantize.embedding.weight"}


class FaceModelError(InputError):
    """A file or object is not a face model that can be used."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"'{name}' cannot be used to restore faces: {reason}.", "face_model")


@dataclass(frozen=True, eq=False)
class FaceModel(Network):
    """A network that restores an upright face in a square of 512 pixels."""

    def __call__(self, face: torch.Tensor, codeformer_weight: float = 0.5) -> torch.Tensor:
        """Restore one face: `(1, 3, 512, 512)` in [0, 1], dtype and device of the model, to the same.

        The network is called past the descriptor: its weight cannot go through that, and spandrel's descriptor of
        GFPGAN gives the network 0..1 where it was trained with -1..1. GFPGAN's random details come from the file, not
        from a generator, so that the same face always gets the same.

        `codeformer_weight`: 0 to 1, only for CodeFormer: 0 restores most, 1 keeps most of what came in.

        Raises:
            FaceModelError: the result has another size or is not finite.
        """
        options: dict[str, Any] = {}
        if self.descriptor.architecture.id == GFPGAN:
            options = {"return_rgb": False, "randomize_noise": False}
        elif self.descriptor.architecture.id == CODEFORMER:
            options = {"weight": codeformer_weight}  # its adain is always on
        result = self.descriptor.model(face * 2 - 1, **options)[0]
        if result.shape != face.shape:
            raise FaceModelError(self.name, f"it made {tuple(result.shape)} of {tuple(face.shape)}")
        if not torch.isfinite(result.sum(dtype=torch.float32)):
            raise FaceModelError(self.name, f"it made values that are not numbers (computing in {self.dtype})")
        return ((result + 1) / 2).clamp_(0, 1)


def face_model_from_state_dict(name: str, state_dict: Mapping[str, Any]) -> FaceModel:
    """Recognise the architecture and build the model, on the CPU in float32; see `load_network`.

    Raises:
        FaceModelError: empty, unknown, damaged, not a face model, or a CodeFormer without spandrel_extra_arches.
    """
    try:
        descriptor = load_network(state_dict, _registry_for)
    except NetworkError as error:
        raise FaceModelError(name, str(error)) from error
    return face_model_from_descriptor(descriptor, name)


def _registry_for(weights: Mapping[str, Any]) -> ArchRegistry:
    if not weights.keys() >= _CODEFORMER_KEYS:
        return MAIN_REGISTRY
    try:
        extra = importlib.import_module("spandrel_extra_arches")
    except ImportError as error:
        raise NetworkError(
            "it is a CodeFormer, whose licence forbids commercial use, and which spandrel therefore keeps in a package "
            "of its own. Install that into ComfyUI's Python (pip install spandrel_extra_arches) and start ComfyUI "
            "again, or choose a GFPGAN or RestoreFormer"
        ) from error
    registry = MAIN_REGISTRY.copy()  # the one that all share stays as it is
    registry.add(*extra.EXTRA_REGISTRY, ignore_duplicates=True)
    return registry


def face_model_from_descriptor(descriptor: object, name: str | None = None) -> FaceModel:
    """Take a loaded model: spandrel's descriptor, which ComfyUI passes around as UPSCALE_MODEL.

    Raises:
        FaceModelError: not a face model of spandrel.
    """
    if not isinstance(descriptor, ImageModelDescriptor):
        found = type(descriptor).__name__
        raise FaceModelError(name or found, f"it is a {found}, not a face model")
    architecture = descriptor.architecture
    name = name or architecture.name
    if architecture.id not in (GFPGAN, RESTOREFORMER, CODEFORMER):
        raise FaceModelError(
            name,
            f"it is a {architecture.name} for '{descriptor.purpose}'. Choose a GFPGAN, RestoreFormer or CodeFormer, or "
            "use it with Load Upscaler",
        )
    channels = (descriptor.input_channels, descriptor.output_channels)
    if channels != (3, 3):
        raise FaceModelError(name, f"it turns {channels[0]} channels into {channels[1]}, not RGB into RGB")
    descriptor.eval()
    return FaceModel(name, descriptor)
