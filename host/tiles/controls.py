"""ControlNets for a window: every link of a chain gets the part of its hint that belongs to the window."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import comfy.controlnet
import comfy.utils
import torch

from ...hires.tiles.boxes import Box
from .canvas import cut, rows
from .errors import TiledModelError

_KINDS = (
    comfy.controlnet.ControlNet,
    comfy.controlnet.QwenFunControlNet,
    comfy.controlnet.ControlNetSD35,
    comfy.controlnet.ControlLora,
    comfy.controlnet.T2IAdapter,
)


class Controls:
    """The ControlNets of a sampling: their hints at the size that the untiled sampling would make, and windows of them.

    The same chain in two prompts stays the same for a window: the host then runs both prompts in one call.
    """

    def __init__(self) -> None:
        self._hints: dict[tuple[int, int, int], tuple[torch.Tensor, list[torch.Tensor]]] = {}
        self._parts: dict[tuple[int, Box, tuple[int, int]], Any] = {}
        self._batches: dict[tuple[int, ...], Any] = {}
        self._kept: list[Any] = []

    def part(self, control: Any, seen: Box, whole: tuple[int, int]) -> Any:
        """Copy a chain for a window. Copies share the networks, and keep what they make of their hint.

        `seen` in latent cells of a latent of `whole`, width and height.

        Raises:
            TiledModelError: a ControlNet of another pack, of which it is not known what to cut.
        """
        key = (id(control), seen, whole)
        if key not in self._parts:
            self._keep(control)
            self._parts[key] = self._part(control, seen, whole)
        return self._parts[key]

    def batched(self, controls: Sequence[Any], batch: int) -> Any:
        """Put the chains of several windows together, window after window; `batch`: pictures in each."""
        key = (*map(id, controls), batch)
        if key not in self._batches:
            self._keep(*controls)
            self._batches[key] = self._batched(controls, batch)
        return self._batches[key]

    def _keep(self, *controls: Any) -> None:
        """Hold on to what is known by its id, which must not become another's."""
        self._kept += controls

    def _part(self, control: Any, seen: Box, whole: tuple[int, int]) -> Any:
        if not is_known(control):
            raise TiledModelError(
                f"a ControlNet of the kind {type(control).__name__} of another pack, whose hint cannot be cut for "
                "sure. Load and apply it with ComfyUI's own nodes, or connect the model itself."
            )
        part = _copy(control)
        if control.previous_controlnet is not None:
            part.previous_controlnet = self.part(control.previous_controlnet, seen, whole)
        if control.cond_hint_original is not None:
            key = (id(control), *whole)
            if key not in self._hints:
                self._hints[key] = _scaled(control, whole)
            hint, joined = self._hints[key]
            part.cond_hint_original = cut(hint, _in_pixels(control, seen, _ratio(control)))
            part.extra_concat_orig = [cut(one, seen.times(control.compression_ratio)) for one in joined]
        part.multigpu_clones = {
            device: self.part(clone, seen, whole) for device, clone in control.multigpu_clones.items()
        }
        return part

    def _batched(self, controls: Sequence[Any], batch: int) -> Any:
        result = _copy(controls[0])
        if result.previous_controlnet is not None:
            result.previous_controlnet = self.batched([control.previous_controlnet for control in controls], batch)
        if result.cond_hint_original is not None:
            result.cond_hint_original = rows([control.cond_hint_original for control in controls], batch)
            joined = zip(*(control.extra_concat_orig for control in controls), strict=True)
            result.extra_concat_orig = [rows(same, batch) for same in joined]
        return result


def is_known(control: Any) -> bool:
    """Whether a ControlNet is of the host's own classes, of which it is known where they keep pictures."""
    return type(control) in _KINDS


def can_share_a_call(control: Any) -> bool:
    """Whether several windows can be one batch: a VAE may take a batch of hints for a clip, clones are elsewhere."""
    if control is None:
        return True
    return control.vae is None and not control.multigpu_clones and can_share_a_call(control.previous_controlnet)


def _copy(control: Any) -> Any:
    """Copy a link without the hint that it has made ready. Not by its own `copy`, which a ControlLoRA's network and
    what the sampling has told it would not survive.
    """
    part = copy.copy(control)
    part.cond_hint = part.extra_concat = None
    if isinstance(part, comfy.controlnet.T2IAdapter):
        part.control_input = None
    return part


def _ratio(control: Any) -> int:
    """Pixels of the hint a cell of the latent."""
    return control.compression_ratio * (control.vae.spacial_compression_encode() if control.vae is not None else 1)


def _in_pixels(control: Any, seen: Box, ratio: int) -> Box:
    """Return a window in pixels of the hint, as wide as an adapter that takes only whole blocks asks for."""
    x0, y0, x1, y1 = seen.times(ratio)
    if isinstance(control, comfy.controlnet.T2IAdapter):
        width, height = control.scale_image_to(x1 - x0, y1 - y0)
        x1, y1 = x0 + width, y0 + height
    return Box(x0, y0, x1, y1)


def _scaled(control: Any, whole: tuple[int, int]) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Bring a hint to the size of the whole as the control itself does: then its own scaling changes nothing."""
    size = _in_pixels(control, Box(0, 0, *whole), _ratio(control))
    method = control.upscale_algorithm
    hint = comfy.utils.common_upscale(control.cond_hint_original, size.width, size.height, method, "center")
    width, height = (side * control.compression_ratio for side in whole)
    joined = [
        comfy.utils.common_upscale(one, width, height, method, "center") for one in control.extra_concat_orig or []
    ]
    return hint, joined
