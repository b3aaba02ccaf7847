"""Model patches that hold a picture, for a window."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import comfy.ldm.anima.lllite as lllite
import comfy.model_management
import comfy.utils
import torch

from ...hires.tiles.boxes import Box
from .canvas import Canvas, cut

_PARTS_OF_LLLITE = (lllite.AnimaLLLiteAttentionPatch, lllite.AnimaLLLiteMLPPatch)

_DIFFSYNTH = ("nodes_model_patch", "DiffSynthCnetPatch")
_Z_IMAGE = ("nodes_model_patch", "ZImageControlPatch")


class PicturePatches:
    """The model patches of a sampling: those with pictures are copied once for every window."""

    def __init__(self) -> None:
        self._whole: dict[int, tuple[Any, torch.Tensor]] = {}
        self._parts: dict[tuple[int, Box], Any] = {}

    def cut(self, patches: dict[str, list[Any]], box: Box, canvas: Canvas) -> dict[str, list[Any]]:
        """Return the patches of a model's transformer options for a window."""
        return {name: [self._for(patch, box, canvas) for patch in listed] for name, listed in patches.items()}

    def forget_windows(self) -> None:
        """Keep only what was made of whole pictures."""
        self._parts.clear()

    def _for(self, patch: Any, box: Box, canvas: Canvas) -> Any:
        if isinstance(patch, tuple):
            return tuple(self._for(one, box, canvas) for one in patch)
        owner = getattr(patch, "__self__", None)
        if kind(owner) in _CUTS:
            return getattr(self._part(owner, box, canvas), patch.__name__)
        if kind(patch) in _CUTS:
            return self._part(patch, box, canvas)
        if isinstance(patch, _PARTS_OF_LLLITE):
            result = copy.copy(patch)
            result.patch = self._part(patch.patch, box, canvas)
            return result
        return patch

    def _part(self, patch: Any, box: Box, canvas: Canvas) -> Any:
        key = (id(patch), box)
        if key not in self._parts:
            whole, take = _CUTS[kind(patch)]
            if id(patch) not in self._whole:
                self._whole[id(patch)] = (patch, whole(patch, canvas))
            self._parts[key] = take(copy.copy(patch), self._whole[id(patch)][1], box)
        return self._parts[key]


def kind(patch: Any) -> tuple[str, str]:
    """Module and name of an object's class. Not the class: the host runs the files of its nodes under names that are
    paths, so that one of those imported by its name is another one.
    """
    return re.split(r"[./\\]", type(patch).__module__)[-1], type(patch).__name__


def holds_picture(patches: dict[str, list[Any]]) -> bool:
    """Whether any of a model's patches has to be cut."""
    single = [
        one
        for listed in patches.values()
        for patch in listed
        for one in (patch if isinstance(patch, tuple) else [patch])
    ]
    return any(kind(getattr(one, "__self__", one)) in _CUTS or isinstance(one, _PARTS_OF_LLLITE) for one in single)


def _encoded(patch: Any, canvas: Canvas) -> torch.Tensor:
    """What a DiffSynth or Z-Image patch makes of its pictures at the canvas's size, as it does when it is called."""
    cell = patch.vae.spacial_compression_encode()
    size = (canvas.height * cell, canvas.width * cell)
    if patch.encoded_image is not None and patch.encoded_image_size == size:
        return patch.encoded_image
    pictures = [patch.image, patch.inpaint_image] if kind(patch) == _Z_IMAGE else [patch.image]
    pictures = [
        None
        if picture is None
        else comfy.utils.common_upscale(picture.movedim(-1, 1), size[1], size[0], "area", "center").movedim(1, -1)
        for picture in pictures
    ]
    # the VAE pushes other models out of memory
    loaded = comfy.model_management.loaded_models(only_currently_used=True)
    encoded: Any = patch.encode_latent_cond(*pictures)
    if kind(patch) == _DIFFSYNTH:
        encoded = patch.model_patch.model.process_input_latent_image(encoded)
    comfy.model_management.load_models_gpu(loaded)
    return encoded.to(canvas.latent.device)


def _diffsynth(patch: Any, canvas: Canvas) -> torch.Tensor:
    """Return the tokens in their places, one of 2x2 cells each: `(B, D, H / 2, W / 2)`."""
    tokens = _encoded(patch, canvas)
    return tokens.movedim(-1, 1).unflatten(-1, (-(-canvas.height // 2), -(-canvas.width // 2)))


def _take_tokens(patch: Any, whole: torch.Tensor, box: Box) -> Any:
    tokens = Box(box.x0 // 2, box.y0 // 2, -(-box.x1 // 2), -(-box.y1 // 2))
    patch.encoded_image = cut(whole, tokens).flatten(2).movedim(1, -1)
    return _with_size(patch, box)


def _take_encoded(patch: Any, whole: torch.Tensor, box: Box) -> Any:
    patch.encoded_image, patch.temp_data = cut(whole, box), None
    return _with_size(patch, box)


def _with_size(patch: Any, box: Box) -> Any:
    cell = patch.vae.spacial_compression_encode()
    patch.encoded_image_size = (box.height * cell, box.width * cell)
    return patch


def _render(patch: Any, canvas: Canvas) -> torch.Tensor:
    return patch.encode_render_video(canvas.latent.shape[2:]).to(canvas.latent.device)


def _take_render(patch: Any, whole: torch.Tensor, box: Box) -> Any:
    patch.prepared_render, patch.temp_data = cut(whole, box), None
    return patch


def _hint_latent(patch: Any, canvas: Canvas) -> torch.Tensor:
    hint = patch.hint_latent
    if hint.shape[-2:] == canvas.latent.shape[-2:]:
        return hint
    return comfy.utils.common_upscale(hint, canvas.width, canvas.height, "bilinear", "center")


def _take_hint_latent(patch: Any, whole: torch.Tensor, box: Box) -> Any:
    patch.hint_latent, patch.cached_features = cut(whole, box), None
    return patch


def _lllite_pictures(patch: Any, canvas: Canvas) -> torch.Tensor:
    """Return picture and, if there is one, mask in 8 pixels a cell, as the patch scales them: `(B, 3 or 4, h, w)`."""
    size = (canvas.width * 8, canvas.height * 8)
    picture = comfy.utils.common_upscale(patch.image.movedim(-1, 1), *size, "bicubic", crop="center")
    if patch.mask is None:
        return picture
    mask = patch.mask.unsqueeze(1) if patch.mask.ndim == 3 else patch.mask
    mask = comfy.utils.common_upscale(mask.float(), *size, "nearest-exact", crop="center")
    return torch.cat([picture, mask.repeat(len(picture) // len(mask), 1, 1, 1)], dim=1)


def _take_lllite(patch: Any, whole: torch.Tensor, box: Box) -> Any:
    part = cut(whole, box.times(8))
    patch.image, patch.mask = part[:, :3].movedim(1, -1), part[:, 3:] if part.shape[1] > 3 else None
    return patch


_CUTS: dict[tuple[str, str], tuple[Callable[[Any, Canvas], torch.Tensor], Callable[[Any, torch.Tensor, Box], Any]]] = {
    _DIFFSYNTH: (_diffsynth, _take_tokens),
    _Z_IMAGE: (_encoded, _take_encoded),
    ("nodes_model_patch", "WanUni3CCnetPatch"): (_render, _take_render),
    ("supir_patch", "SUPIRPatch"): (_hint_latent, _take_hint_latent),
    ("lllite", "AnimaLLLitePatch"): (_lllite_pictures, _take_lllite),
}
"""By the host's class, see `kind`: what it holds for the whole canvas, and how a copy of it gets a window of that."""
