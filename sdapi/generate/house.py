"""What a server has, as far as requests name it, and which file a name means."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ...hires.infotext.names import ldsr_file, split_hash, upscaler_file, upscaler_title
from ...hires.infotext.settings import ModelName
from ...hires.infotext.to_graph.loaders import ModelFiles
from ...hires.model_names import stem, without_suffix
from ...hires.prompts.styles import Style
from ...hires.sampling.menus import FILTERS

HASH_DIGITS = 10
"""Of a model's SHA-256, in A1111's names and texts."""

HashOf = Callable[[str, str], str]
"""The SHA-256 in hex digits of a file in one of the folders "checkpoints" and "vae"; empty if it cannot be read."""


@dataclass(frozen=True)
class House:
    """Everything that a translation asks about the server."""

    files: ModelFiles
    version: str
    """Of this program, for generation texts."""

    styles: Mapping[str, Style] = field(default_factory=dict)
    hash_of: HashOf = lambda folder, file: ""
    controlnets: Sequence[str] = ()
    """Files, as the host lists them."""

    has_gpu_noise: bool = True
    """Whether A1111's noise source "GPU" would draw on an NVIDIA card here; else it draws on the CPU."""

    random: Callable[[], int] = lambda: random.randrange(4294967294)
    """A seed for those who want any."""

    def model_name(self, folder: str, file: str) -> ModelName:
        """A1111's name of a file: the folders of a checkpoint are part of it, a VAE keeps its suffix."""
        name = without_suffix(file).replace("/", "_") if folder == "checkpoints" else file.rpartition("/")[2]
        return ModelName(name, self.hash_of(folder, file)[:HASH_DIGITS])

    def checkpoint(self, name: str) -> str | None:
        """The file that a client means: by its title, name, file, hash, or a part of its title."""
        plain, digits = split_hash(name.strip())
        files = self.files.checkpoints
        for found in (_named(plain, files), self.files.by_hash("checkpoints", digits or plain)):
            if found:
                return found
        parts = sorted((file for file in files if plain and plain in file), key=len)
        return parts[0] if parts else None

    def vae(self, name: str) -> str | None:
        """The file of a VAE."""
        return _named(name.strip(), self.files.vaes)

    def controlnet(self, name: str) -> str | None:
        """The file of a ControlNet, which clients name with the first digits of a hash behind it."""
        return _named(split_hash(name.strip())[0], self.controlnets)

    def upscaler(self, name: str) -> str | None:
        """What Load Upscaler calls a pixel upscaler of A1111's list; None if there is none."""
        if name in FILTERS:
            return name
        ldsr = ldsr_file(name, self.files.upscalers)
        return ldsr or _named(name, self.files.upscalers) or _named(upscaler_file(name), self.files.upscalers)

    def upscaler_title(self, name: str) -> str:
        """A1111's name of what Load Upscaler calls so."""
        return name if name in FILTERS else upscaler_title(name)


def _named(name: str, files: Sequence[str]) -> str | None:
    """The file of that name: as listed, without suffix, with folders joined by "_", or without folders."""
    if not name:
        return None
    ways: tuple[Callable[[str], str], ...] = (
        lambda file: file,
        without_suffix,
        lambda file: without_suffix(file).replace("/", "_"),
        lambda file: file.rpartition("/")[2],
        stem,
    )
    for way in ways:
        for file in files:
            if way(file.replace("\\", "/")) == name:
                return file
    return None
