"""Random scenes drawn at several sizes, kept on disk: what VAE and UNet are trained on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from ..world.scenes import Scene, draw, random_scene
from .training_run import FOLDER

SEED = 61
COUNTS = {128: 3000, 256: 1500}
"""Scenes drawn at each size."""


@dataclass(frozen=True)
class DrawnScenes:
    """Scenes and pictures of equal number belong together."""

    scenes: list[Scene]
    pictures: NDArray[np.uint8]
    """(N, edge, edge, 3)"""


def drawn_scenes(edge: int, count: int | None = None, seed: int = SEED) -> DrawnScenes:
    """Return the first `count` scenes of `edge` pixels, all of `COUNTS` without it; drawn at the first call."""
    made = COUNTS.get(edge, count) if seed == SEED else count
    if made is None or (count or 0) > made:
        raise ValueError(f"{count} scenes of {edge} pixels are not among those that are drawn: {COUNTS}.")
    rng = Random(seed + edge)
    scenes = [random_scene(rng) for _ in range(made)]
    path = FOLDER / f"pictures-{edge}-{made}-{seed + edge}.npy"
    if not path.exists():
        pictures = np.stack([np.asarray(draw(scene, edge, edge)) for scene in scenes])
        FOLDER.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        with open(temporary, "wb") as file:
            np.save(file, pictures)
        os.replace(temporary, path)
    return DrawnScenes(scenes[:count], np.load(path, mmap_mode="r")[:count])
