"""Make `hires-fix-demo.safetensors`: a complete SD 1.x checkpoint (UNet, CLIP-L, VAE) of 300 MB that runs on a CPU.

Stock `CheckpointLoaderSimple` loads it. Nothing in it is trained: see `unet` and `taesd` for what it does instead.
"""

from __future__ import annotations

from pathlib import Path

from .clip_l import clip_l
from .once import write_once
from .taesd import LUMINANCE_CHROMA, taesd
from .unet import unet
from .weights import Weights, write_safetensors

NAME = "hires-fix-demo.safetensors"
SEED = 1
SD15_SCALE = 0.18215

LATENT_RANGE = 4.0
"""Black and white in the VAE's own space; the shapes that the UNet leaves have a standard deviation near half of it."""


def ensure(folder: Path) -> Path:
    """Return the checkpoint in `folder`, written there if it is missing or older than its generator."""
    path = folder / NAME
    here = Path(__file__).parent
    sources = [here / f"{name}.py" for name in ("checkpoint", "unet", "clip_l", "taesd", "weights")]
    stamp = folder / f"{NAME}.stamp"
    if not path.exists():
        stamp.unlink(missing_ok=True)
    write_once(stamp, sources, lambda: write(path))
    return path


def write(path: Path) -> None:
    """Write the checkpoint to `path`, complete or not at all. About three seconds."""
    w = Weights(SEED)
    unet(w)
    clip_l(w)
    taesd(w, "first_stage_model.", 4, SD15_SCALE, LATENT_RANGE, LUMINANCE_CHROMA, smooth=True)
    write_safetensors(path, w.half())
