"""A1111's generation text of a picture, made of the graph that runs."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import folder_paths
from comfy.cli_args import args
from comfyui_version import __version__ as comfyui_version

from ...hires.errors import InputError
from ...hires.infotext.from_graph.controls import control_parameters
from ...hires.infotext.from_graph.extras import EXTRAS_KEYS, extras_of_graph, extras_text
from ...hires.infotext.from_graph.not_in_text import parameters_not_in_text
from ...hires.infotext.from_graph.passes import NoWordsError, OtherSamplerError
from ...hires.infotext.from_graph.read import read_graph
from ...hires.infotext.settings import GenerationSettings
from ...hires.infotext.text import Parameter, write
from ...hires.infotext.write import write_settings
from ...hires.model_names import stem
from ...hires.prompts.embeddings import missing_embeddings
from ...hires.prompts.lora_files import LoraError, LoraFiles
from ...hires.prompts.networks import network_tags
from ...pictures import PARAMETERS
from ..plugins.hooks import registered_hooks
from ..progress import show_text
from ..prompts.loras import installed as installed_loras
from ..prompts.styles import known_styles
from ..sampling.noise import COMFYUI
from .model_hashes import file_hash, lora_hash, short_hash

log = logging.getLogger("hires-fix")

Prompt = Mapping[str, Any]
"""A graph as `POST /prompt` takes it."""

Texts = Callable[[int], Mapping[str, str | None]]
"""Texts of a picture by its place in the batch, under the keys of its file; None: none, also where the file that the
picture was made from has one."""

_MODEL_INPUTS = {"ckpt_name": "checkpoints", "unet_name": "diffusion_models", "vae_name": "vae"}
_LORA_INPUT, _LORAS, _EMBEDDINGS, _CONTROLS = "lora_name", "loras", "embeddings", "controlnet"
_MODEL_DIGITS, _NETWORK_DIGITS = 10, 12
_EMBEDDING = re.compile(r"\bembedding:([^\s,()\[\]|:<>]+)")


def graph_infotexts(prompt: Prompt, node_id: str) -> Callable[[int], str]:
    """Return what tells the generation text of each picture that reaches a node.

    Model files are hashed on the way, as `file_hash` does. What the text cannot say is named in it, and on the node.

    Raises:
        InputError: the pictures do not come from Base Sampling or Second Sampling, or the text has no words for how
            they do (NoWordsError).
    """
    found = read_graph(prompt, node_id, _model_hashes(prompt), known_styles)
    settings, version = found.settings, program_version()
    controls = control_parameters(found.controls, lambda file: _digits(_CONTROLS, file, short_hash))
    unsaid = [*found.not_in_text, *(f"{hook.when} of {hook.owner.text}" for hook in registered_hooks())]
    extra = [*controls, *network_hashes(prompt, settings), *found.further, *parameters_not_in_text(unsaid)]
    if unsaid:
        log.info("The infotext that node %s writes does not tell of: %s", node_id, ", ".join(unsaid))
        show_text(f"A1111's text of this picture is not all: it only names {', '.join(unsaid)}.")

    def text(index: int) -> str:
        # ComfyUI's own noise has one seed for all pictures of a batch
        own = settings if settings.noise_source == COMFYUI else settings.picture(index)
        return write(write_settings(own, version, extra))

    return text


def texts_to_save(given: str | None, of_graph: bool, prompt: Prompt, node_id: str) -> Texts:
    """Return what tells the texts to save with each picture: the given one unless it is blank, else the graph's.

    A graph that has none, or that is not understood, is a line in the log: pictures are saved all the same. Where our
    samplings drew the picture, those of a loaded file go: they would tell of another picture. What A1111's Extras tab
    would write of a picture that was only upscaled, or had its faces restored, is written, too. Nothing if the host
    was started with --disable-metadata.
    """
    if args.disable_metadata:
        return lambda index: {}
    if not of_graph:
        return lambda index: {PARAMETERS: given} if given and given.strip() else {}
    drawn, words, is_given = None, "", bool(given and given.strip())
    try:
        words = extras_text(extras_of_graph(prompt, node_id))
        drawn = _always(given) if is_given else graph_infotexts(prompt, node_id)
    except NoWordsError as error:
        drawn = None if isinstance(error, OtherSamplerError) else _always(None)
        log.info("Node %s saves no infotext: %s", node_id, error)
        show_text(f"No A1111 text: {error}")
    except InputError as error:
        log.info("Node %s saves no infotext of its own: %s", node_id, error)
    except Exception:  # whatever a graph holds: a picture is worth more than its text
        log.warning("Node %s saves no infotext: the graph is not understood.", node_id, exc_info=True)
        show_text("No A1111 text: the graph is not understood. The log says more.")
    of_extras = dict.fromkeys(EXTRAS_KEYS, words or None) if words or (drawn and not is_given) else {}
    return lambda index: {**of_extras, **({PARAMETERS: drawn(index)} if drawn else {})}


def _always(text: str | None) -> Callable[[int], str | None]:
    return lambda index: text


@cache
def program_version() -> str:
    """What texts name as `Version`: not like A1111's own, which begin with v and a digit."""
    project = Path(__file__).parents[2] / "pyproject.toml"
    found = re.search(r'^version = "(.+)"$', project.read_text(encoding="utf-8"), re.MULTILINE)
    return f"hires-fix {found[1] if found else ''} (ComfyUI {comfyui_version})"


def _values(prompt: Prompt) -> Iterator[tuple[str, str]]:
    """Name and text of every widget of the graph that holds one."""
    for node in prompt.values():
        yield from ((name, value) for name, value in node.get("inputs", {}).items() if isinstance(value, str))


def _model_hashes(prompt: Prompt) -> Callable[[str], str]:
    """Return what gives the first digits of a model's hash, by its file's name without folders and suffix."""
    files: dict[str, tuple[str, str]] = {}
    for name, file in _values(prompt):
        if name in _MODEL_INPUTS:
            files.setdefault(stem(file), (_MODEL_INPUTS[name], file))
    return lambda name: _digits(*files[name], file_hash)[:_MODEL_DIGITS] if name in files else ""


def network_hashes(prompt: Prompt, settings: GenerationSettings, show_progress: bool = True) -> list[Parameter]:
    """`Lora hashes` and `TI hashes`: without the latter, nobody could tell an embedding from a word.

    `show_progress`: see `file_hash`.
    """
    of_lora = partial(lora_hash, show_progress=show_progress)
    of_file = partial(file_hash, show_progress=show_progress)
    hires = settings.hires
    texts = [settings.prompt, settings.negative_prompt]
    texts += [hires.hr_prompt, hires.hr_negative_prompt] if hires else []
    tags = [tag.name for text in texts for tag in network_tags(text)[0]]
    files = {stem(file).lower(): file for name, file in _values(prompt) if name == _LORA_INPUT}
    installed = installed_loras()
    loras = {tag: _digits(_LORAS, files.get(tag.lower()) or _lora_file(tag, installed), of_lora) for tag in tags}
    listed = {stem(file): file for file in folder_paths.get_filename_list(_EMBEDDINGS)}
    marked = dict.fromkeys(name for _, value in _values(prompt) for name in _EMBEDDING.findall(value))
    used = [name for name in marked if any(name in text for text in texts)]
    if any(node.get("class_type") == "HiresFixPrompt" for node in prompt.values()):
        known = {name.lower() for name in used}
        bare = set(listed) - set(missing_embeddings(texts, listed))
        used += [name for name in listed if name in bare and name.lower() not in known]
    embeddings = {name: _digits(_EMBEDDINGS, listed.get(stem(name), ""), of_file) for name in used}
    both = {"Lora hashes": loras, "TI hashes": embeddings}
    return [
        Parameter(key, ", ".join(f"{name}: {digits[:_NETWORK_DIGITS]}" for name, digits in hashes.items() if digits))
        for key, hashes in both.items()
        if any(hashes.values())
    ]


def _lora_file(name: str, loras: LoraFiles) -> str:
    """The file that LoRAs in Prompt finds by a name; empty if none."""
    try:
        return loras.named(name)
    except LoraError:
        return ""


def _digits(folder: str, file: str, hash_of: Callable[[Path], str]) -> str:
    """The hash of a model file as the loaders list it; empty if there is no such file, or it cannot be read."""
    path = folder_paths.get_full_path(folder, file)
    try:
        return hash_of(Path(path)) if path else ""
    except OSError as error:
        log.warning("The model file '%s' cannot be hashed: %s", file, error)
        return ""
