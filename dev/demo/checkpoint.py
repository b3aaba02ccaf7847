"""Make `hires-fix-demo.safetensors`: a complete SD 1.x checkpoint (UNet, CLIP-L, VAE) of 300 MB that runs on a CPU.

Stock `CheckpointLoaderSimple` loads it. It draws landscapes of `scenes` at 128x128. UNet and VAE were trained
(`train_unet`, `train_vae`) with few channels, which are shipped in `trained` and put into the host's shapes here; the
text encoder follows from a rule (`text_encoder`).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from safetensors.numpy import load

from ..seeded.once import write_once
from ..seeded.weights import Array, Weights, write_safetensors
from . import widen
from .sizes import SCALE
from .text_encoder import SEED, text_encoder

NAME = "hires-fix-demo.safetensors"
PREVIEW = "taesd_decoder.safetensors"
"""The name under which a host looks for what decodes previews of SD 1.x latents."""

TRAINED = Path(__file__).parent / "trained"
UNET, VAE = "unet.safetensors", "vae.safetensors"
SUMS = TRAINED / "SHA256SUMS"


class WeightsError(ValueError):
    """A file in `dev/demo/trained` is missing or is not the one that belongs to this version."""


def ensure(folder: Path) -> Path:
    """Return the checkpoint in `folder`, written there if it is missing or older than what it is made from.

    Raises `WeightsError` if the trained weights are not as shipped.
    """
    path = folder / NAME
    here = Path(__file__).parent
    _sums()  # before its age is asked for: a list that is not there ends here, with a sentence
    sources = [here / f"{name}.py" for name in ("checkpoint", "sizes", "text_encoder", "widen")]
    sources.append(here.parent / "seeded" / "weights.py")
    stamp = folder / f"{NAME}.stamp"
    if not path.exists():
        stamp.unlink(missing_ok=True)
    write_once(stamp, [*sources, SUMS], lambda: write(path))
    return path


def write(path: Path, trained: Path = TRAINED) -> None:
    """Write the checkpoint to `path`, complete or not at all. About three seconds."""
    w = Weights(SEED)
    for name, array in widen.unet(read(trained / UNET)).items():
        w.put("model.diffusion_model." + name, array)
    for name, array in widen.vae(read(trained / VAE)).items():
        w.put("first_stage_model." + name, array)
    text_encoder(w)
    # not halved: the host divides by this number in full precision
    factors = {"first_stage_model.vae_scale": np.array(SCALE, np.float32)}
    factors["first_stage_model.vae_shift"] = np.array(0, np.float32)
    write_safetensors(path, w.half() | factors)


def write_preview_decoder(folder: Path) -> Path:
    """Write the decoder alone to `folder` and return its path: a file of kind `vae_approx`, 2.5 MB.

    A host that is started with `--preview-method taesd` shows the demo's latents in their true colours with it; the
    factors of real SD 1.x latents, which "latent2rgb" takes, turn them purple.
    """
    folder.mkdir(parents=True, exist_ok=True)
    prefix = "taesd_decoder."
    decoder = {
        name.removeprefix(prefix): array
        for name, array in widen.vae(read(TRAINED / VAE)).items()
        if name.startswith(prefix)
    }
    write_safetensors(folder / PREVIEW, decoder)
    return folder / PREVIEW


def read(path: Path) -> dict[str, Array]:
    """Return the tensors of a file in `trained`. Raises `WeightsError` unless it has the hash in `SHA256SUMS`."""
    wanted = _sums()[path.name]
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise WeightsError(f"The demo's weights {path} cannot be read ({problem}); get this checkout again.") from None
    found = hashlib.sha256(content).hexdigest()
    if found != wanted:
        raise WeightsError(
            f"The demo's weights {path} are not those of this version: their SHA-256 is {found[:16]}…, but "
            f"{wanted[:16]}… belongs here. The file is damaged or was changed; get it again from the "
            "repository."
        )
    return load(content)


def _sums() -> dict[str, str]:
    """SHA-256 by file name. Raises `WeightsError` if the list is missing or does not name both files."""
    try:
        sums = dict(line.split()[::-1] for line in SUMS.read_text(encoding="utf-8").splitlines())
    except (OSError, ValueError) as problem:
        raise WeightsError(f"The list {SUMS} cannot be read ({problem}); get this checkout again.") from None
    if not {UNET, VAE} <= sums.keys():
        raise WeightsError(f"The list {SUMS} lacks {UNET} or {VAE}; get this checkout again.")
    return sums
