"""Model files by the names that A1111 gives them, and the nodes that load them."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ...graph.builder import Output
from ...graph.stages import ldsr_settings
from ...model_names import stem, without_suffix
from ...prompts.lora_files import LoraError, LoraFiles
from ...prompts.networks import network_tags, with_lora_names
from ...prompts.passes import with_extra_networks
from ..markdown import as_code
from ..names import is_ldsr_file, ldsr_file
from ..settings import ModelName
from .fitting import FittingGraph

UNKNOWN = "unknown"
"""Where a text names no file: nobody has one of this name, so the editor asks for another."""


@dataclass(frozen=True)
class ModelFiles:
    """The files that a server lists, with their folders; an empty list means that they are not known."""

    checkpoints: Sequence[str] = ()
    loras: Sequence[str] = ()
    vaes: Sequence[str] = ()
    upscalers: Sequence[str] = ()
    diffusion_models: Sequence[str] = ()
    text_encoders: Sequence[str] = ()

    embeddings: Sequence[str] | None = None
    """None: not known."""

    lora_alias: Callable[[str], str] = lambda file: ""
    """The name that the file of a LoRA gives itself, which its tags may use; empty if none."""

    by_hash: Callable[[str, str], str | None] = lambda folder, digits: None
    """The file in one of the folders "checkpoints", "loras" and "vae" whose SHA-256, or A1111's old hash, begins with
    these digits; None if there is none, or it is not known."""


@dataclass(frozen=True)
class Models:
    """What a checkpoint gives, with the LoRAs of a prompt."""

    model: Output
    clip: Output
    vae: Output
    prompt: Output | None = None
    """The prompt without their tags; None: it has none."""


_MARKS = re.compile(r"[\s_-]+")
_TEXT_ENCODER = re.compile(r"t5|clip|qwen|gemma|llama|mistral|text.?enc|(?:^|[_-])te(?:[_-]|$)", re.IGNORECASE)


class _Listed:
    """Files that a server lists, ready for texts that ask for thousands."""

    def __init__(self, files: Sequence[str]) -> None:
        self.files = frozenset(files)
        # of equal names, the first
        self._by_stem = {stem(file).lower(): file for file in reversed(files)}
        self._by_plain = {_MARKS.sub("", stem(file).lower()): file for file in reversed(files)}

    def named(self, name: str) -> str | None:
        """The file of that name: as it is, without folder and suffix, or also without blanks, `_` and `-`."""
        plain = stem(name).lower()
        found = self._by_stem.get(plain) or self._by_plain.get(_MARKS.sub("", plain))
        return name if name in self.files else found


class Loaders:
    """Loads each file once, however many passes use it."""

    def __init__(
        self,
        graph: FittingGraph,
        files: ModelFiles,
        vae: ModelName | None,
        modules: Sequence[str] = (),
        lora_hashes: Mapping[str, str] | None = None,
        ldsr_steps: int | None = None,
    ) -> None:
        """Load nothing yet.

        Args:
            vae: for all checkpoints; None leaves each its own.
            modules: Forge's: a VAE, and text encoders for a checkpoint that has none.
            lora_hashes: first digits of the hashes of LoRAs by their names in small letters.
            ldsr_steps: of the upscaler LDSR; None leaves it its own.
        """
        self._graph, self._by_hash, self._lora_hashes = graph, files.by_hash, lora_hashes or {}
        self._lora_files = LoraFiles(files.loras, files.lora_alias)
        self._encoders = [name for name in modules if _TEXT_ENCODER.search(name)]
        others = [name for name in modules if name not in self._encoders]
        self._vae_name = vae or next((ModelName(name) for name in others), None)
        lists = (files.checkpoints, files.loras, files.vaes, files.upscalers)
        self._checkpoints, self._loras, self._vaes, self._upscalers = map(_Listed, lists)
        self._diffusion_models, self._text_encoders = _Listed(files.diffusion_models), _Listed(files.text_encoders)
        self._ldsr_steps = ldsr_steps
        self._loaded: dict[tuple[int, str], Models] = {}
        """By the number of the node before, 0 for none, and what is loaded behind it."""
        if len(self._encoders) not in (0, 2):
            names = ", ".join(map(as_code, self._encoders))
            self._graph.remark(
                f"The text encoders {names} are not loaded: only the two of Flux are. Load them yourself."
            )
            self._encoders = []

    def checkpoint(self, name: ModelName | None, prompt: str) -> Models:
        """A checkpoint with the LoRAs that the prompt names."""
        key = 0, str(name)
        if key not in self._loaded:
            self._loaded[key] = self._parts(name) if self._encoders else self._whole(name)
        models = self._loaded[key]
        loras, others = network_tags(prompt)
        for other in others:
            self._graph.remark(f"{as_code(other)} in the prompt is not a network that can be loaded here.")
        if not loras:
            return models
        key = models.model.node.id, prompt
        if key not in self._loaded:
            text = with_lora_names(prompt, self._lora_name)
            text = with_extra_networks(text, lambda tag: "" if tag in others else tag)
            node = self._graph.node("HiresFixPromptLoras", model=models.model, clip=models.clip, text=text)
            self._loaded[key] = Models(node.out("model"), node.out("clip"), models.vae, node.out("text"))
        return self._loaded[key]

    def _whole(self, name: ModelName | None) -> Models:
        loader = self._graph.node("CheckpointLoaderSimple", ckpt_name=self._checkpoint_file(name))
        return Models(loader.out("MODEL"), loader.out("CLIP"), self._vae or loader.out("VAE"))

    def _parts(self, name: ModelName | None) -> Models:
        """The model and its text encoders from files of their own."""
        title = name.name if name else UNKNOWN
        if self._checkpoints.named(title) and not self._diffusion_models.named(title):
            model = self._graph.node("CheckpointLoaderSimple", ckpt_name=self._checkpoint_file(name)).out("MODEL")
        else:
            file = self._file(self._diffusion_models, title, ".safetensors", "diffusion model")
            model = self._graph.node("UNETLoader", unet_name=file).out()
        files = [self._file(self._text_encoders, module, ".safetensors", "text encoder") for module in self._encoders]
        clip = self._graph.node("DualCLIPLoader", clip_name1=files[0], clip_name2=files[1], type="flux").out()
        return Models(model, clip, self._vae or self._graph.node("VAELoader", vae_name="ae.safetensors").out())

    def _checkpoint_file(self, name: ModelName | None) -> str:
        if name is None:
            return self._file(_Listed(()), UNKNOWN, ".safetensors", "checkpoint")
        return self._file(self._checkpoints, name.name, ".safetensors", "checkpoint", "checkpoints", name.hash)

    def _lora_name(self, name: str) -> str:
        """A name by which LoRAs in Prompt finds the file; the given one if it does, or if there is none."""
        if self._finds(name):
            return name
        digits = self._lora_hashes.get(name.lower(), "")
        file = self._file(self._loras, name, "", "LoRA", "loras", digits)
        return next((other for other in (stem(file), without_suffix(file)) if self._finds(other) == file), name)

    def _finds(self, name: str) -> str | None:
        try:
            return self._lora_files.named(name)
        except LoraError:
            return None

    @cached_property
    def _vae(self) -> Output | None:
        if self._vae_name is None:
            return None
        name = self._vae_name
        file = self._file(self._vaes, name.name, ".safetensors", "VAE", "vae", name.hash)
        return self._graph.node("VAELoader", vae_name=file).out()

    def upscaler(self, name: str) -> Output:
        file = ldsr_file(name, sorted(self._upscalers.files)) or self._file(self._upscalers, name, ".pth", "upscaler")
        upscaler = self._graph.node("HiresFixUpscalerLoader", upscaler_name=file).out()
        if self._ldsr_steps is None or not is_ldsr_file(file):
            return upscaler
        return ldsr_settings(self._graph, upscaler, self._ldsr_steps)

    def _file(self, known: _Listed, name: str, suffix: str, what: str, folder: str = "", digits: str = "") -> str:
        """The listed file of that name, or else of that hash; without one, the name, which the editor then reports."""
        found = known.named(name)
        if found:
            return found
        found = self._by_hash(folder, digits) if digits else None
        if found:
            self._graph.remark(f"The {what} {as_code(name)} is installed as {as_code(found)}: that has the same hash.")
            return found
        if known.files:
            named = as_code(name) if stem(name) else f"with the hash {as_code(digits)}"
            self._graph.remark(f"The {what} {named} is not among the installed files.")
        name = name if stem(name) else UNKNOWN
        return name if name.endswith(suffix) or not name.endswith(stem(name)) else name + suffix
