"""Recorded A1111 runs on disk: find them, and read what they hold."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file


class CaseError(Exception):
    """A folder that holds no cases, or a case whose files are not what its description says."""


@dataclass(frozen=True)
class Case:
    """One recorded run."""

    folder: Path
    """Holds case.json, tensors.safetensors and the pictures."""
    shelf: Path
    """Holds `embeddings/` and `images/`, which cases share."""
    data: dict[str, Any]
    """The contents of case.json."""

    @property
    def id(self) -> str:
        """Its name."""
        return self.data["id"]

    @property
    def kind(self) -> str:
        """`txt2img` or `extras`."""
        return self.data["kind"]

    @property
    def request(self) -> dict[str, Any]:
        """What was sent, under the names of A1111's API."""
        return self.data["request"]

    @property
    def iterations(self) -> list[dict[str, Any]]:
        """What was recorded of every batch count; empty when the program failed before."""
        return self.data.get("iterations", [])

    def resolved(self, name: str, default: Any = None) -> Any:
        """A field after the program has filled its own defaults in, else as it was sent."""
        return self.data.get("effective", {}).get(name, self.request.get(name, default))

    @cached_property
    def tensors(self) -> dict[str, torch.Tensor]:
        """Every recorded array; latents are multiplied by the VAE's scale factor."""
        path = self.folder / "tensors.safetensors"
        return load_file(path) if path.is_file() else {}

    def tensor(self, iteration: int, name: str) -> torch.Tensor | None:
        """One array, such as `first.latent`."""
        return self.tensors.get(f"it{iteration}.{name}")

    def embedding(self, digest: str) -> torch.Tensor:
        """A recorded text embedding, `(tokens, width)`."""
        path = self.shelf / "embeddings" / f"{digest}.safetensors"
        if not path.is_file():
            raise CaseError(f"{self.id} names the text embedding {digest}, which is not in {path.parent}.")
        return load_file(path)["embedding"]

    def picture(self, index: int) -> NDArray[np.uint8]:
        """A recorded result, `(H, W, C)`."""
        with Image.open(self.folder / f"image_{index}.png") as image:
            return np.asarray(image)

    def picture_between(self, iteration: int, name: str, item: int) -> NDArray[np.uint8] | None:
        """With pixel upscalers: the `lowres` or `upscaled` picture of one batch item, before the second pass."""
        path = self.folder / f"it{iteration}_{name}_{item}.png"
        if not path.is_file():
            return None
        with Image.open(path) as image:
            return np.asarray(image)

    @property
    def pictures(self) -> int:
        """How many results there are."""
        return len(list(self.folder.glob("image_*.png")))

    def input_image(self, name: str) -> Path:
        """An input picture by the name that the case gives it: `images/e1.png`, with or without a leading @."""
        path = self.shelf / name.removeprefix("@")
        if not path.is_file():
            raise CaseError(f"{self.id} wants the picture {name}, which is not in {self.shelf}.")
        return path


def discover(folder: Path, only: Iterable[str] = ()) -> list[Case]:
    """Read the cases of a folder of case folders, or of the one above (`cases/`, `embeddings/`, `images/`), by name.

    `only` are ids to keep; empty keeps all. Raises CaseError if there is no case, or none with one of these ids.
    """
    shelves = [folder, folder.parent]
    home = folder / "cases" if (folder / "cases").is_dir() else folder
    shelf = next((place for place in shelves if (place / "embeddings").is_dir()), shelves[0])
    files = sorted(home.glob("*/case.json"))
    if not files:
        raise CaseError(f"There is no <id>/case.json in {home}.")
    cases = [Case(file.parent, shelf, json.loads(file.read_text(encoding="utf-8"))) for file in files]
    wanted = set(only)
    unknown = wanted - {case.id for case in cases}
    if unknown:
        raise CaseError(f"There is no case {', '.join(sorted(unknown))} in {home}.")
    return [case for case in cases if not wanted or case.id in wanted]
