"""How well a network does on photographs that it does not learn from, while it learns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from .compact import Compact
from .patches import reduced, worsen

LUMA = np.array([65.481, 128.553, 24.966]) / 255
"""BT.601 in its studio range, as the literature measures; its offset does not matter to differences."""


def psnr(made: NDArray[np.uint8], wanted: NDArray[np.uint8], border: int) -> float:
    """Peak signal to noise of the lightness in dB, without `border` pixels on each side."""
    gap = (made.astype(np.float64) - wanted) @ LUMA
    return float(10 * np.log10(255**2 / np.mean(gap[border:-border, border:-border] ** 2)))


class Judge:
    """The held-back photographs, made small once."""

    def __init__(self, photographs: Mapping[str, Image.Image], scale: int, soft: bool) -> None:
        """Make the small pictures, as bad as pictures from the web if `soft`, and enlarge them by Lanczos."""
        self._scale = scale
        self._cases: list[tuple[NDArray[np.uint8], NDArray[np.uint8], float]] = []
        for seed, photograph in enumerate(photographs.values()):
            large = np.asarray(photograph.convert("RGB"))
            large = large[: large.shape[0] // scale * scale, : large.shape[1] // scale * scale]
            small = worsen(np.random.default_rng(seed), large, scale) if soft else reduced(large, scale)
            lanczos = np.asarray(
                Image.fromarray(small).resize((large.shape[1], large.shape[0]), Image.Resampling.LANCZOS)
            )
            self._cases.append((small, large, psnr(lanczos, large, scale)))

    @torch.no_grad()
    def line(self, model: Compact) -> str:
        """Say how many dB better than Lanczos the model is on each photograph, and how flat colours stay flat."""
        device = next(model.parameters()).device
        gains = []
        for small, large, lanczos in self._cases:
            planes = torch.tensor(small).to(device).permute(2, 0, 1)[None].float() / 255
            made = (model(planes)[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
            gains.append(psnr(made, large, self._scale) - lanczos)
        levels = torch.tensor([0.0, 0.2, 0.5, 0.8, 1.0], device=device)
        colours = torch.cartesian_prod(levels, levels, levels)[:, :, None, None].expand(-1, -1, 32, 32)
        enlarged = colours[..., :1, :1]
        off = float((model(colours).clamp(0, 1) - enlarged).abs().max()) * 255
        every = " ".join(f"{gain:.2f}" for gain in gains)
        return f"held back: {np.mean(gains):+.3f} dB against Lanczos ({every}); flat colours off by {off:.2f} of 255"
