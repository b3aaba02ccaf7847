"""Write the trained networks into `dev/demo/trained`: `python dev/mount.py dev.training.demo.export`.

Half precision, only the channels that are used; `checkpoint` puts them into the full shapes.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import torch
from safetensors.torch import save

from ...demo.checkpoint import SUMS, TRAINED, UNET, VAE
from .train_unet import SCENES, load_vae
from .train_unet import SEED as UNET_SEED
from .train_vae import SEED as VAE_SEED
from .training_run import FOLDER


def main() -> int:
    """Write the files and their hashes; returns the exit status."""
    missing = [name for name in ("demo-vae", "demo-unet") if not (FOLDER / f"{name}.pt").exists()]
    if missing:
        print(f"Not trained here yet: {', '.join(missing)}; see train_vae.py and train_unet.py.", file=sys.stderr)
        return 1
    unet = torch.load(FOLDER / "demo-unet.pt", weights_only=True)
    vae = load_vae().state_dict()
    made = {
        UNET: save(
            {name: tensor.half().contiguous() for name, tensor in unet["average"].items()},
            {
                "made by": "dev/training/demo/train_unet.py",
                "seed": str(UNET_SEED),
                "scenes": str(SCENES),
                "steps": str(unet["steps"]),
                "minutes": f"{unet['seconds'] / 60:.0f}",
                "torch": torch.__version__,
            },
        ),
        VAE: save(
            {name: tensor.half().contiguous() for name, tensor in vae.items()},
            {
                "made by": "dev/training/demo/train_vae.py",
                "seed": str(VAE_SEED),
                "minutes": f"{_minutes('demo-vae') + _minutes('demo-vae-decoder'):.0f}",
                "torch": torch.__version__,
            },
        ),
    }
    TRAINED.mkdir(exist_ok=True)
    for name, content in made.items():
        _write(TRAINED / name, content)
        print(f"{name}: {len(content) / 1e6:.2f} MB")
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(made.items())]
    _write(SUMS, "".join(lines).encode())
    return 0


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(content)
    os.replace(temporary, path)


def _minutes(name: str) -> float:
    path = FOLDER / f"{name}.pt"
    return torch.load(path, weights_only=True)["seconds"] / 60 if path.exists() else 0.0
