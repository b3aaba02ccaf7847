"""The ways to redraw a large picture that `bench redraw` compares: in one piece, by Tiled Model, tile after tile."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from PIL import Image, ImageDraw, ImageFilter

from ....hires.images.resample import from_8_bit, to_8_bit
from ....hires.seams.meetings import Meetings, placed
from ....hires.tiles.windows import Blending
from ...host.real_host import core_nodes

KEY = "bench"
CELL = 8
"""Pixels a side of a latent cell."""

TILE, PADDING, BLUR = 128, 32, 8
"""Of the way tile after tile, in pixels: Ultimate SD Upscale's padding and blur, and the demo's own size."""


SMALLEST_VAE_TILE = 384
"""In pixels. In tiles of 192, which share 48, a column of the picture is up to 1.8 levels of 255 from that of one
piece, in the mean: that shows in a sky, whatever the model does. In tiles of 384 it is 0.2."""


class Tiling(NamedTuple):
    """What Tiled Model is given: pixels, and the blending."""

    tile: int
    overlap: int
    blending: Blending = "soft"

    @property
    def vae_tile(self) -> int:
        """Of the VAE: of the same size, where that is enough for it."""
        return max(self.tile, SMALLEST_VAE_TILE)


@dataclass
class Meter:
    """Time and work inside the calls of models, while a way runs."""

    model: float = 0.0
    """Seconds."""

    vae: float = 0.0
    cells: int = 0
    """Latent cells that the diffusion model was given, of all calls."""

    def apply(self, executor: Any, x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        """Around every call of the diffusion model."""
        self.cells += x.shape[0] * x.shape[-2] * x.shape[-1]
        started = clock()
        result = executor(x, *args, **kwargs)
        self.model += clock() - started
        return result


def clock() -> float:
    """Seconds: of this process where the CPU does the work, which others disturb less; else on the wall."""
    if not torch.cuda.is_available():
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


@dataclass(frozen=True)
class Pass:
    """A second pass: everything but the way."""

    model: Any
    vae: Any
    positive: Any
    negative: Any
    steps: int
    strength: float
    cfg: float
    sampler: str = "euler"
    scheduler: str = "normal"
    meter: Meter = field(default_factory=Meter)

    def redraw(self, picture: torch.Tensor, seed: int, model: Any = None, vae_tile: int = 0) -> torch.Tensor:
        """Encode, sample and decode `(1, H, W, 3)` in [0, 1]; `vae_tile`: pixels of the VAE's tiles, 0 for none."""
        from ....host.latents.tiled_vae import decode_pictures, encode_picture

        latent = {"samples": self._timed(lambda: encode_picture(self.vae, picture, vae_tile))}
        (sampled,) = core_nodes().KSampler().sample(
            model or self.model, seed, self.steps, self.cfg, self.sampler, self.scheduler, self.positive,
            self.negative, latent, denoise=self.strength,
        )  # fmt: skip
        return self._timed(lambda: decode_pictures(self.vae, sampled["samples"], vae_tile // CELL)).cpu().float()

    def _timed(self, call: Callable[[], torch.Tensor]) -> torch.Tensor:
        started = clock()
        result = call()
        self.meter.vae += clock() - started
        return result


def tiled_model(job: Pass, tiling: Tiling) -> Any:
    """The MODEL that Tiled Model gives."""
    from ....nodes.tiled_model import HiresFixTiledModel

    return HiresFixTiledModel.execute(
        model=job.model, tile_size=tiling.tile, overlap=tiling.overlap, blending=tiling.blending, tiles_at_once=0
    ).args[0]


def per_tile(job: Pass, picture: torch.Tensor, seed: int) -> torch.Tensor:
    """Tile after tile as Ultimate SD Upscale works: each is cut from what the ones before have left, resized, redrawn
    with the same seed and pasted in 8 bits through a blurred mask."""
    (canvas,) = to_8_bit(picture)
    width, height = canvas.size
    side = -(-(TILE + PADDING) // CELL) * CELL
    for y in range(0, height, TILE):
        for x in range(0, width, TILE):
            inner = (x, y, min(width, x + TILE), min(height, y + TILE))
            window = _window(inner, width, height)
            part = canvas.crop(window).resize((side, side), Image.Resampling.LANCZOS)
            (drawn,) = to_8_bit(job.redraw(from_8_bit([part]), seed))
            drawn = drawn.resize((window[2] - window[0], window[3] - window[1]), Image.Resampling.LANCZOS)
            mask = Image.new("L", canvas.size, 0)
            ImageDraw.Draw(mask).rectangle((inner[0], inner[1], inner[2] - 1, inner[3] - 1), fill=255)
            layer = Image.new("RGBA", canvas.size)
            layer.paste(drawn, window[:2])
            layer.putalpha(mask.filter(ImageFilter.GaussianBlur(BLUR)))
            canvas = Image.alpha_composite(canvas.convert("RGBA"), layer).convert("RGB")
    return from_8_bit([canvas])


def per_tile_meetings(size: int) -> Meetings:
    """Where its tiles meet along either axis of a square picture."""
    return placed(size, TILE, 0)


def _window(inner: tuple[int, int, int, int], width: int, height: int) -> tuple[int, int, int, int]:
    """The tile with its padding, as far as there is a picture, made square and moved inside."""
    x0, x1 = max(0, inner[0] - PADDING), min(width, inner[2] + PADDING)
    y0, y1 = max(0, inner[1] - PADDING), min(height, inner[3] + PADDING)
    side = min(max(x1 - x0, y1 - y0), width, height)
    x0 = min(max(0, (x0 + x1 - side) // 2), width - side)
    y0 = min(max(0, (y0 + y1 - side) // 2), height - side)
    return x0, y0, x0 + side, y0 + side
