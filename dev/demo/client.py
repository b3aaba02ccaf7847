"""A picture asked for as programs for AUTOMATIC1111's server do: with `webuiapi`, a client library of that API."""

from __future__ import annotations

import importlib.util
from urllib.parse import urlsplit

from PIL import Image

from ...hires.infotext.names import upscaler_title
from .jobs import Drawing

NAME = "a1111-client"
"""Stem of its file."""

UPSCALER = "hires-fix-2x.safetensors"


def is_installed() -> bool:
    """Whether this Python has the library: the demo's own environment does."""
    return importlib.util.find_spec("webuiapi") is not None


def draw(url: str, checkpoint: str, drawing: Drawing) -> Image.Image:
    """Hires fix by the API of the server at `url`, twice as large as `drawing`. Raises RuntimeError with the reply."""
    import webuiapi  # there for development only

    address = urlsplit(url)
    api = webuiapi.WebUIApi(host=address.hostname, port=address.port)
    reply = api.txt2img(
        prompt=drawing.prompt or "a lighthouse on a rocky coast at dawn",
        negative_prompt=drawing.negative_prompt or "",
        seed=drawing.seed or 0,
        steps=drawing.steps or 20,
        cfg_scale=drawing.cfg or 7,
        width=drawing.size,
        height=drawing.size,
        sampler_name="DPM++ 2M",
        enable_hr=True,
        hr_scale=2,
        hr_upscaler=upscaler_title(UPSCALER),
        denoising_strength=0.4,
        override_settings={"sd_model_checkpoint": checkpoint},
    )
    return reply.image
