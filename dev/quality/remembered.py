"""Figures that took long, remembered between runs of `dev.py quality`: it goes on where it was stopped.

They belong to the weights, the picture, and the code that made them; where any of these is another, they are made anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from ...upscale_models import ModelUpscaler
from ..mount import ROOT

FOLDER = ROOT / ".host" / "quality"
"""One small file of JSON for each."""

CODE = (
    "upscale_models", "hires/tiles", "hires/images", "dev/quality/quality_upscalers.py",
    "dev/quality/upscaler_measures.py", "dev/quality/hires_measures.py", "dev/training/patches.py",
)  # fmt: skip
"""What the figures depend on, below the checkout."""


class Remembered:
    """What one model makes of pictures; models with the same weights are the same."""

    def __init__(self, name: str, model: ModelUpscaler) -> None:
        """`name`: for the lines that tell how far it is."""
        self.name = name
        self._weights = _of_weights(model)

    def figures(self, what: str, picture: Image.Image | None, make: Callable[[], Any]) -> Any:
        """What `make` returns, numbers in lists, or what it returned before for the same `what` and picture.

        Prints a line where it is made anew.
        """
        seen = f"{picture.mode} {picture.size} {hashlib.sha256(picture.tobytes()).hexdigest()}" if picture else ""
        file = FOLDER / f"{_digest([self._weights, what, seen, _of_code(), torch.__version__])}.json"
        if not file.is_file():
            start = time.process_time()
            found = make()
            print(f"  {what}, {self.name}: {time.process_time() - start:.0f} s", flush=True)
            file.parent.mkdir(parents=True, exist_ok=True)
            temporary = file.with_name(f"{file.name}.{os.getpid()}.tmp")
            temporary.write_text(json.dumps(found), encoding="utf-8")
            os.replace(temporary, file)
        return json.loads(file.read_text(encoding="utf-8"))


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _of_weights(model: ModelUpscaler) -> str:
    digest = hashlib.sha256()
    for name, values in sorted(model.descriptor.model.state_dict().items()):
        digest.update(f"{name} {values.dtype} {tuple(values.shape)}".encode())
        digest.update(values.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


@cache
def _of_code() -> str:
    files = [file for part in CODE for file in _files(ROOT / part)]
    return _digest(file.read_text(encoding="utf-8") for file in files)


def _files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]
