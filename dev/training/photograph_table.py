"""Which photographs networks learn from and are judged by, where they are, and why they may be used.

They lie inside ordinary Python libraries. What a network is judged by was never trained on: the two parts share no
picture, no crop of one and no second view of a scene. `workflows/input/hires-fix-cat.jpg` is a crop of
"chelsea", so it belongs to the held-back part.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

Split = Literal["training", "held back"]


@dataclass(frozen=True)
class Photograph:
    """A picture inside a wheel, and why it may be used."""

    name: str
    split: Split
    wheel: str
    """Project and version, as pip wants it."""
    size: tuple[int, int]
    """Width and height in pixels."""
    path: str
    """Inside the wheel, as `sha256` is of the file inside the wheel."""
    sha256: str
    licence: str
    author: str
    source: str
    """Where licence and author are stated."""

    @property
    def file_name(self) -> str:
        """Of the copy that is kept."""
        return self.name + PurePosixPath(self.path).suffix


PHOTOGRAPHS = tuple(
    Photograph(**{**entry, "size": tuple(entry["size"])})
    for entry in json.loads(Path(__file__).with_name("photographs.json").read_text(encoding="utf-8"))
)
"""Those held back first."""
