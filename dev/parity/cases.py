"""Recorded A1111 runs on disk: find them, and read what they hold."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable
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
        """`txt2img`, `extras`, `img2img`, `sd-upscale` or `ldsr`."""
        return self.data["kind"]

    @property
    def request(self) -> dict[str, Any]:
        """What was sent, under the names of A1111's API."""
        return self.data["request"]

    @property
    def iterations(self) -> list[dict[str, Any]]:
        """What was recorded of every batch count; empty when the program failed before."""
        return self.data.get("iterations", [])

    @property
    def runs(self) -> list[dict[str, Any]]:
        """Of a job that was sent over HTTP: every run of its sampling, see `iterations`; a script makes several."""
        return self.data.get("runs", [])

    @property
    def error(self) -> str:
        """What the program failed with; empty if it did not."""
        error = self.data.get("error")
        if not error:
            return ""
        kind, message = error.get("type", error.get("error")), error.get("message", error.get("errors"))
        return f"{kind}: {message}"

    def resolved(self, name: str, default: Any = None) -> Any:
        """A field after the program has filled its own defaults in, else as it was sent."""
        return self._effective.get(name, self.request.get(name, default))

    @cached_property
    def _effective(self) -> dict[str, Any]:
        if "effective" in self.data:
            return self.data["effective"]
        info = self.data.get("api_info") or {}
        names = ("steps", "cfg_scale", "width", "height", "sampler_name", "denoising_strength")
        found = {name: info[name] for name in names if info.get(name) is not None}
        schedule = re.search(r"Schedule type: ([^,]+)", " ".join(self.data.get("infotexts", [])))
        return {**found, **({"scheduler": schedule[1]} if schedule else {})}

    @cached_property
    def tensors(self) -> dict[str, torch.Tensor]:
        """Every recorded array; latents are multiplied by the VAE's scale factor."""
        path = self.folder / "tensors.safetensors"
        return load_file(path) if path.is_file() else {}

    def tensor(self, iteration: int, name: str) -> torch.Tensor | None:
        """One array, such as `first.latent`."""
        return self.tensors.get(f"it{iteration}.{name}")

    def tensor_of_run(self, run: int, name: str) -> torch.Tensor | None:
        """The same of a job with `runs`, such as `init.latent`; the only one may have no number."""
        found = self.tensors.get(f"r{run}.{name}")
        return self.tensors.get(name) if found is None and len(self.runs) == 1 else found

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

    def stage_picture(self, name: str) -> NDArray[np.uint8] | None:
        """A picture that was recorded on the way, such as `upscaled` or `r0_image_1`."""
        path = self.folder / f"{name}.png"
        if not path.is_file():
            return None
        with Image.open(path) as image:
            return np.asarray(image if image.mode == "RGBA" else image.convert("RGB"))

    def file(self, name: str) -> bytes:
        """The contents of a file of its folder."""
        path = self.folder / name
        if not path.is_file():
            raise CaseError(f"{self.id} names the file {name}, which is not in {self.folder}.")
        return path.read_bytes()

    @property
    def sent(self) -> dict[str, Any]:
        """The request as it went over HTTP, with its pictures."""
        return with_pictures(self.request, self.file)

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


def with_pictures(value: Any, read: Callable[[str], bytes]) -> Any:
    """JSON in which pictures are `{"$file": name}`, with them in base64. `read`: gives the contents of a file."""
    if isinstance(value, list):
        return [with_pictures(part, read) for part in value]
    if not isinstance(value, dict):
        return value
    if "$file" in value:
        return value.get("$prefix", "") + base64.b64encode(read(value["$file"])).decode("ascii")
    return {key: with_pictures(part, read) for key, part in value.items()}


def extra_models(folder: Path) -> Path | None:
    """Models and styles that the recorded server had besides; in the folder of the recordings, or next to it."""
    return next((place for place in (folder / "extra_models", folder.parent / "extra_models") if place.is_dir()), None)


def extra_model_files(folder: Path) -> dict[str, list[Path]]:
    """Those files by ComfyUI's folder names."""
    extra = extra_models(folder)
    files = sorted(extra.glob("*.safetensors")) if extra else []
    loras = [file for file in files if "lora" in file.stem]
    return {"loras": loras, "embeddings": [file for file in files if file not in loras]}


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
