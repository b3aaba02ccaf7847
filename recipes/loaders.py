"""Model files by the names that A1111 gives them, and the nodes that load them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ..hires.infotext_names import stem
from ..hires.infotext_networks import network_tags
from ..hires.infotext_settings import ModelName
from .fitting import FittingGraph
from .graph import Output

UNKNOWN = "unknown"
"""Where a text names no file: nobody has one of this name, so the editor asks for another."""


@dataclass(frozen=True)
class ModelFiles:
    """The files that a server lists, with their folders; an empty list means that they are not known."""

    checkpoints: Sequence[str] = ()
    loras: Sequence[str] = ()
    vaes: Sequence[str] = ()
    upscalers: Sequence[str] = ()


@dataclass(frozen=True)
class Models:
    """What a checkpoint gives, with the LoRAs of a prompt."""

    model: Output
    clip: Output
    vae: Output


class _Listed:
    """Files that a server lists, ready for texts that ask for thousands."""

    def __init__(self, files: Sequence[str]) -> None:
        self.files = frozenset(files)
        # of equal names, the first
        self.by_stem = {stem(file).lower(): file for file in reversed(files)}


class Loaders:
    """Loads each file once, however many passes use it."""

    def __init__(self, nodes: FittingGraph, files: ModelFiles, vae: ModelName | None) -> None:
        """Load nothing yet. `vae`: for all checkpoints; None leaves each its own."""
        self._nodes, self._vae_name = nodes, vae
        lists = (files.checkpoints, files.loras, files.vaes, files.upscalers)
        self._checkpoints, self._loras, self._vaes, self._upscalers = map(_Listed, lists)
        self._loaded: dict[tuple[int, str], Models] = {}
        """By the number of the node before, 0 for none, and what is loaded behind it."""

    def checkpoint(self, name: ModelName | None, prompt: str) -> Models:
        """A checkpoint with the LoRAs that the prompt names."""
        title = name.name if name else UNKNOWN
        file = self._file(self._checkpoints if name else _Listed(()), title, ".safetensors", "checkpoint")
        key = 0, file
        if key not in self._loaded:
            loader = self._nodes.put("CheckpointLoaderSimple", ckpt_name=file)
            self._loaded[key] = Models(loader.out("MODEL"), loader.out("CLIP"), self._vae or loader.out("VAE"))
        models = self._loaded[key]
        loras, others = network_tags(prompt)
        for other in others:
            self._nodes.note(f"`{other}` in the prompt is not a network that can be loaded here.")
        for lora in loras:
            key = models.model.node.id, str(lora)
            if key not in self._loaded:
                loader = self._nodes.put(
                    "LoraLoader",
                    model=models.model,
                    clip=models.clip,
                    lora_name=self._file(self._loras, lora.name, ".safetensors", "LoRA"),
                    strength_model=lora.model,
                    strength_clip=lora.clip,
                )
                self._loaded[key] = Models(loader.out("MODEL"), loader.out("CLIP"), models.vae)
            models = self._loaded[key]
        return models

    @cached_property
    def _vae(self) -> Output | None:
        if self._vae_name is None:
            return None
        file = self._file(self._vaes, self._vae_name.name, ".safetensors", "VAE")
        return self._nodes.put("VAELoader", vae_name=file).out()

    def upscaler(self, name: str) -> Output:
        """An upscaler that needs a file."""
        file = self._file(self._upscalers, name, ".pth", "upscaler")
        return self._nodes.put("HiresFixUpscalerLoader", upscaler_name=file).out()

    def _file(self, known: _Listed, name: str, suffix: str, what: str) -> str:
        """The listed file of that name; without one, the name as a file, which the editor then reports."""
        if name in known.files:
            return name
        if not stem(name):
            name = UNKNOWN
        found = known.by_stem.get(stem(name).lower())
        if known.files and not found:
            self._nodes.note(f"The {what} {name!r} is not among the installed files.")
        return found or (name if name.endswith(suffix) or not name.endswith(stem(name)) else name + suffix)
