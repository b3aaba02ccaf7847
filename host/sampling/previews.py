"""What a sampling node shows of its latent while it runs, also on a host that nobody has told to show anything."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import comfy.utils
import latent_preview
import torch
from comfy.cli_args import LatentPreviewMethod, args
from comfy_execution.utils import get_executing_context
from server import PromptServer

from ...hires.pace import Pace

INTERVAL = 0.3
"""Seconds between two previews that nobody has asked for: each waits for the device and goes over the network."""


def step_callback(model: Any, steps: int) -> Callable[..., None]:
    """What the host's samplers call after each step: it moves the node's bar and shows the predicted picture.

    With a preview method that somebody has chosen, "none" included, it is the host's own. A fresh host has "none"
    without anybody's choice; the picture then comes from the model's factors of latent to colour, as with "latent2rgb".
    """
    previewer = _previewer(model.model.latent_format) if _is_watched() and not _is_chosen() else None
    if previewer is None:
        return latent_preview.prepare_callback(model, steps)
    bar, pace = comfy.utils.ProgressBar(steps), Pace(INTERVAL)

    def show(step: int, denoised: torch.Tensor, x: torch.Tensor, total: int) -> None:
        picture = None
        if pace.due():
            one = denoised.tensors[0] if denoised.is_nested else denoised  # type: ignore[attr-defined]
            picture = previewer.decode_latent_to_preview_image("JPEG", one)
        bar.update_absolute(step + 1, total, picture)

    return show


def _previewer(latent_format: Any) -> latent_preview.LatentPreviewer | None:
    """The host's quick one; None for latents without known colours (of sound, of other packs)."""
    if latent_format.latent_rgb_factors is None:
        return None
    return latent_preview.Latent2RGBPreviewer(
        latent_format.latent_rgb_factors,
        latent_format.latent_rgb_factors_bias,
        latent_format.latent_rgb_factors_reshape,
    )


def _is_watched() -> bool:
    """Whether a page or a client is connected that has asked for this run."""
    server = getattr(PromptServer, "instance", None)
    return server is not None and server.client_id is not None


def _is_chosen() -> bool:
    """Whether previews are as somebody wants them: by the command line, or by the run, which brings the editor's."""
    if args.preview_method != LatentPreviewMethod.NoPreviews or any(a.startswith("--preview-method") for a in sys.argv):
        return True
    context = get_executing_context()
    running, _ = PromptServer.instance.prompt_queue.get_current_queue_volatile()
    return any(
        context is not None and prompt_id == context.prompt_id and extra_data.get("preview_method") == "none"
        for _, prompt_id, _, extra_data, *_ in running
    )


def wants_picture() -> bool:
    """Whether somebody watches this run who has not chosen to see no previews."""
    return _is_watched() and not (_is_chosen() and args.preview_method == LatentPreviewMethod.NoPreviews)
