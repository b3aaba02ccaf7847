"""LDSR: super-resolution by latent diffusion as an upscaler among the others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import comfy.model_management
import comfy.model_patcher
import torch
from PIL import Image

from ...hires.images.resample import from_8_bit, lanczos_8_bit
from ...hires.sampling import ldsr
from ...hires.sampling.ldsr import LdsrSettings
from ...hires.sizes.image_sizes import Size
from ...hires.tiles.boxes import Box
from ...upscale_models import OnPart, PlacedUpscaler, UpscalerError
from ...upscale_models.models import ldsr_layout
from ...upscale_models.models.ldsr_layout import LayoutError
from .ldsr_network import LdsrNetworks
from .model_files import checksum_of

_LONGEST_SETTINGS = 2**20
"""Bytes that are read of a YAML file."""

_HEAD = re.compile(r"\bnum_head_channels\s*:\s*(\d+)")

_COPIES = 24
"""Tensors of a network's full size and smallest width that it holds at once, about."""


@dataclass(frozen=True, eq=False)
class LdsrUpscaler(PlacedUpscaler):
    """One file of LDSR, with the settings of a run."""

    name: str

    patcher: comfy.model_patcher.ModelPatcher
    """The host's handle on the networks, which takes them off the device when a sampler needs the room."""

    memory: int
    """Bytes of the device that a window takes, about."""

    settings: LdsrSettings

    scale: int = ldsr.SCALE

    tile = ldsr.TILE
    overlap = ldsr.STRIDE
    align = ldsr.STRIDE

    @property
    def words(self) -> dict[str, Any]:
        return {**self.settings.words, "weights": checksum_of(self.patcher.model), "head": self.patcher.model.head}

    def with_settings(self, settings: LdsrSettings) -> LdsrUpscaler:
        """The same file with other settings."""
        return replace(self, settings=settings)

    def input_size(self, source: Size, target: Size) -> Size:
        return self.settings.input_size(source, target)

    def run(self, pixels: torch.Tensor, place: Box, on_part: OnPart) -> torch.Tensor:
        """See `PlacedUpscaler`: the noise is that of the place."""
        width, height = ldsr.padded((place.width, place.height))
        canvas = Box(place.x0, place.y0, place.x0 + width, place.y0 + height)
        return (self._made(pixels, ldsr.draws_of_place(canvas, self.settings.seed), on_part) + 1) / 2

    def enlarge_8_bit(self, picture: Image.Image, factor: float, on_part: OnPart) -> Image.Image:
        """See `PlacedUpscaler`: A1111's size and noise, and levels that are cut off, not rounded."""
        size = self.settings.a1111_size(picture.size, factor)
        if size != picture.size:
            picture = lanczos_8_bit(picture, *size)
        pixels = from_8_bit([picture])[0].movedim(-1, 0)
        made = self._made(pixels, ldsr.draws_of_seed(ldsr.padded(size), self.settings.seed), on_part)
        if not torch.isfinite(made.sum()):
            raise self._not_numbers()
        levels = ((made + 1) / 2 * 255).to(torch.uint8).movedim(0, -1)
        return Image.fromarray(levels.numpy())

    @torch.no_grad()
    def _made(self, pixels: torch.Tensor, draw: ldsr.Draw, on_part: OnPart) -> torch.Tensor:
        comfy.model_management.load_models_gpu([self.patcher], memory_required=self.memory)
        networks = self.patcher.model
        assert isinstance(networks, LdsrNetworks)
        picture = pixels.to(self.patcher.load_device)
        return ldsr.super_resolve(picture, self.settings, networks.unet, networks.first_stage, draw, on_part)

    def _not_numbers(self) -> UpscalerError:
        return UpscalerError(f"'{self.name}' made values that are not numbers. The file may be damaged.", "upscaler")


def is_ldsr(weights: Mapping[str, Any]) -> bool:
    """Whether a file holds LDSR."""
    return ldsr_layout.is_ldsr(_shapes(weights))


def ldsr_of(name: str, weights: Mapping[str, Any], path: Path) -> LdsrUpscaler:
    """Build the networks of a file; `path` is the file's, beside which its settings may lie.

    Raises:
        UpscalerError: it is incomplete or damaged.
    """
    shapes = _shapes(weights)
    try:
        unet, decoder = ldsr_layout.unet_layout(shapes), ldsr_layout.decoder_layout(shapes)
        head = _head_width(path, unet)
        # outside of inference mode, because its tensors cannot be moved by a host that is not in it
        with torch.inference_mode(False), torch.no_grad():
            networks = _filled(unet, decoder, head, weights)
    except LayoutError as error:
        raise UpscalerError(
            f"'{name}' cannot be used as LDSR: {error}. Download the file again, the model.safetensors of LDSR if you "
            "can choose.",
            "upscaler_name",
        ) from error
    # half of a window's pixels are those of the first stage, whose tensors are the largest
    values = max(unet.width * ldsr.WINDOW**2, decoder.width * (ldsr.SCALE * ldsr.WINDOW) ** 2 // 4)
    patcher = comfy.model_patcher.CoreModelPatcher(
        networks,
        load_device=comfy.model_management.get_torch_device(),
        offload_device=comfy.model_management.unet_offload_device(),
    )
    return LdsrUpscaler(name, patcher, _COPIES * values * torch.float32.itemsize, LdsrSettings())


def _shapes(weights: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in weights.items() if isinstance(value, torch.Tensor)}


def _filled(
    unet: ldsr_layout.UnetLayout, decoder: ldsr_layout.DecoderLayout, head: int, weights: Mapping[str, Any]
) -> LdsrNetworks:
    with torch.device("meta"):  # what the file does not hold takes no memory
        networks = LdsrNetworks(unet, decoder, head)
    names = {f"unet.{key}": ldsr_layout.UNET + key for key in networks.unet.state_dict()}
    averaged = {key: ldsr_layout.averaged_name(name) for key, name in names.items()}
    if all(name in weights for name in averaged.values()):
        names = averaged  # which A1111 samples with
    names |= {f"first_stage.{key}": ldsr_layout.FIRST_STAGE + key for key in networks.first_stage.state_dict()}
    values: dict[str, torch.Tensor] = {}
    for key, empty in networks.state_dict().items():
        value = weights.get(names[key])
        if not isinstance(value, torch.Tensor) or value.shape != empty.shape:
            found = tuple(value.shape) if isinstance(value, torch.Tensor) else "nothing"
            raise LayoutError(f"'{names[key]}' should be a tensor of {tuple(empty.shape)}, and is {found}")
        values[key] = value.detach().to("cpu", torch.float32, copy=True)
    networks.load_state_dict(values, assign=True)
    return networks.eval().requires_grad_(False)


def _head_width(path: Path, unet: ldsr_layout.UnetLayout) -> int:
    """The one number that the shapes do not tell: from the settings beside the file, else the published model's."""
    head, source = ldsr_layout.HEAD, "the published model's"
    for beside in (path.with_suffix(".yaml"), path.with_name("project.yaml")):
        if beside.is_file():
            with open(beside, encoding="utf-8", errors="replace") as file:
                found = _HEAD.search(file.read(_LONGEST_SETTINGS))
            if found:
                head, source = int(found[1]), f"that of {beside.name}"
            break
    widths = {unet.middle, *(part.out for block in unet.inputs for part in block if part.kind == "attention")}
    widths |= {part.out for block in unet.outputs for part in block if part.kind == "attention"}
    if head < 1 or any(width % head for width in widths):
        raise LayoutError(
            f"its attention has {', '.join(map(str, sorted(widths)))} channels, which heads of {head} ({source}) do "
            "not divide; put its .yaml beside it"
        )
    return head
