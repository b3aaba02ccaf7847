"""A1111's generation text of a picture, made of the graph that runs."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import folder_paths
from comfy.cli_args import args
from comfyui_version import __version__ as comfyui_version

from ..hires.errors import InputError
from ..hires.infotext import Parameter, write
from ..hires.infotext_graph import UnsayableError, settings_of_graph
from ..hires.infotext_names import stem
from ..hires.infotext_networks import network_tags
from ..hires.infotext_settings import GenerationSettings
from ..hires.infotext_write import write_settings
from .model_hashes import file_hash, lora_hash
from .noise import COMFYUI

log = logging.getLogger("hires-fix")

Prompt = Mapping[str, Any]
"""A graph as `POST /prompt` takes it."""

Texts = Callable[[int], str | None]
"""The text of a picture by its place in the batch; empty: that of the file it was made from; None: none at all."""

_MODEL_INPUTS = {"ckpt_name": "checkpoints", "unet_name": "diffusion_models", "vae_name": "vae"}
_LORA_INPUT, _LORAS, _EMBEDDINGS = "lora_name", "loras", "embeddings"
_MODEL_DIGITS, _NETWORK_DIGITS = 10, 12
_EMBEDDING = re.compile(r"\bembedding:([^\s,()\[\]|:<>]+)")


def graph_infotexts(prompt: Prompt, node_id: str) -> Callable[[int], str]:
    """Return what tells the generation text of each picture that reaches a node.

    Model files are hashed on the way, as `file_hash` does.

    Raises:
        InputError: the pictures do not come from Base Sampling or Second Sampling, or the text has no words for how
            they do (UnsayableError).
    """
    settings = settings_of_graph(prompt, node_id, _model_hashes(prompt))
    extra, version = _network_hashes(prompt, settings), _version()

    def text(index: int) -> str:
        # ComfyUI's own noise has one seed for all pictures of a batch
        own = settings if settings.noise_source == COMFYUI else settings.picture(index)
        return write(write_settings(own, version, extra))

    return text


def infotexts_to_save(given: str | None, of_graph: bool, prompt: Prompt, node_id: str) -> Texts:
    """Return what tells the text to save with each picture: the given one unless it is blank, else the graph's.

    A graph that has none, or that is not understood, is a line in the log: pictures are saved all the same. None where
    our samplings drew the picture in a way that no text tells: that of a loaded file would tell of another picture.
    Empty if the host was started with --disable-metadata.
    """
    if args.disable_metadata:
        return lambda index: ""
    if given and given.strip():
        return lambda index: given
    if of_graph:
        try:
            return graph_infotexts(prompt, node_id)
        except UnsayableError as error:
            log.info("Node %s saves no infotext: %s", node_id, error)
            return lambda index: None
        except InputError as error:
            log.info("Node %s saves no infotext of its own: %s", node_id, error)
        except Exception:  # whatever a graph holds: a picture is worth more than its text
            log.warning("Node %s saves no infotext: the graph is not understood.", node_id, exc_info=True)
    return lambda index: ""


@cache
def _version() -> str:
    """Not like A1111's own, which begin with v and a digit: programs would take the text for theirs."""
    project = Path(__file__).parents[1] / "pyproject.toml"
    found = re.search(r'^version = "(.+)"$', project.read_text(encoding="utf-8"), re.MULTILINE)
    return f"hires-fix {found[1] if found else ''} (ComfyUI {comfyui_version})"


def _values(prompt: Prompt) -> Iterator[tuple[str, str]]:
    """Name and text of every widget of the graph that holds one."""
    for node in prompt.values():
        yield from ((name, value) for name, value in node["inputs"].items() if isinstance(value, str))


def _model_hashes(prompt: Prompt) -> Callable[[str], str]:
    """Return what gives the first digits of a model's hash, by its file's name without folders and suffix."""
    files: dict[str, tuple[str, str]] = {}
    for name, file in _values(prompt):
        if name in _MODEL_INPUTS:
            files.setdefault(stem(file), (_MODEL_INPUTS[name], file))
    return lambda name: _digits(*files[name], file_hash)[:_MODEL_DIGITS] if name in files else ""


def _network_hashes(prompt: Prompt, settings: GenerationSettings) -> list[Parameter]:
    """`Lora hashes` and `TI hashes`: without the latter, nobody could tell an embedding from a word."""
    hires = settings.hires
    texts = [settings.prompt, settings.negative_prompt]
    texts += [hires.hr_prompt, hires.hr_negative_prompt] if hires else []
    tags = [tag.name for text in texts for tag in network_tags(text)[0]]
    files = {stem(file).lower(): file for name, file in _values(prompt) if name == _LORA_INPUT}
    loras = {tag: _digits(_LORAS, files.get(tag.lower(), ""), lora_hash) for tag in tags}
    marked = [name for _, value in _values(prompt) for name in _EMBEDDING.findall(value)]
    listed = {stem(file): file for file in folder_paths.get_filename_list(_EMBEDDINGS)} if marked else {}
    used = [name for name in marked if any(name in text for text in texts)]
    embeddings = {name: _digits(_EMBEDDINGS, listed.get(stem(name), ""), file_hash) for name in used}
    both = {"Lora hashes": loras, "TI hashes": embeddings}
    return [
        Parameter(key, ", ".join(f"{name}: {digits[:_NETWORK_DIGITS]}" for name, digits in hashes.items() if digits))
        for key, hashes in both.items()
        if any(hashes.values())
    ]


def _digits(folder: str, file: str, hash_of: Callable[[Path], str]) -> str:
    """The hash of a model file as the loaders list it; empty if there is no such file, or it cannot be read."""
    path = folder_paths.get_full_path(folder, file)
    try:
        return hash_of(Path(path)) if path else ""
    except OSError as error:
        log.warning("The model file '%s' cannot be hashed: %s", file, error)
        return ""
